#!/usr/bin/env bash
# The first process of a node; scripts/node.sh starts it in namespaces of its own. Prepares them, starts the node's daemons
# and waits: when it ends, or one of them does, everything of the node ends. Writes FOLDER/ready when Pods can run.
set -euo pipefail
state=$1
address=$2

# 198.18.0.0/15 is for tests of networks: no real one has it.
POD_RANGE=198.19.0.0/16
POD_SUBNET=198.19.0.0/24
SERVICE_RANGE=198.18.16.0/20
NAME=node
SOCKET=/run/containerd/containerd.sock

program() { awk -v name="$1" '$1 == name { print substr($0, length(name) + 2); exit }' <<<"$AIRL_NODE_PROGRAMS"; }

# What the daemons write at fixed places comes into the node's own folder.
prepare_files() {
  local folder
  mount -t tmpfs -o mode=755 tmpfs /run
  for folder in /var/lib /var/log; do
    mkdir -p "$state/overlay$folder" "$state/work$folder"
    mount -t overlay -o "lowerdir=$folder,upperdir=$state/overlay$folder,workdir=$state/work$folder" overlay "$folder"
  done
  mkdir -p "$state"/{bin,log,cni,kubelet,pki,volume-plugins}
  for folder in kubectl helm; do ln -sf "$(program "$folder")" "$state/bin/$folder"; done
}

# The hierarchies as this cgroup namespace has them: the node's own cgroup is the root of each.
prepare_cgroups() {
  local controllers each
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  while IFS=: read -r _ controllers _; do
    case "$controllers" in
      "") ;; # of cgroup v2, which has no controllers beside v1
      name=*)
        mkdir "/sys/fs/cgroup/${controllers#name=}"
        mount -t cgroup -o "none,$controllers" cgroup "/sys/fs/cgroup/${controllers#name=}"
        ;;
      *)
        mkdir "/sys/fs/cgroup/$controllers"
        mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers"
        for each in ${controllers//,/ }; do [ -e "/sys/fs/cgroup/$each" ] || ln -s "$controllers" "/sys/fs/cgroup/$each"; done
        ;;
    esac
  done </proc/self/cgroup
  [ "$(wc -l </proc/self/cgroup)" -gt 1 ] || prepare_cgroup_v2
}

# A cgroup that has processes cannot hand controllers on to those below it.
prepare_cgroup_v2() {
  local pid
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mkdir -p /sys/fs/cgroup/daemons
  while read -r pid; do echo "$pid" >/sys/fs/cgroup/daemons/cgroup.procs 2>/dev/null || true; done </sys/fs/cgroup/cgroup.procs
  sed 's/\([a-z]\+\)/+\1/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
}

# The kubelet sets these of the whole machine unless they are as it wants them, so it is shown a file of its own in each
# one's place.
pretend_sysctls() {
  local pair file
  for pair in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    file="$state/sysctl-$(tr / - <<<"${pair%=*}")"
    echo "${pair#*=}" >"$file"
    mount --bind "$file" "/proc/sys/${pair%=*}"
  done
}

# A bridge is the node's interface, because not every kernel has dummy devices. It leads nowhere. The default route is there
# so that packets to addresses of Services get as far as the rules that rewrite them.
prepare_network() {
  ip link set lo up
  ip link add node0 type bridge
  ip address add "$address/24" dev node0
  ip link set node0 up
  ip route add default dev node0
  echo 1 >/proc/sys/net/ipv4/ip_forward
}

# Point to point and not a bridge: between two ports of a bridge a Service's answers would go past the rules that rewrite
# them back, where the kernel does not filter bridges.
write_cni() {
  cat >"$state/cni/10-node.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "node", "plugins": [
  {"type": "ptp", "ipam": {
    "type": "host-local", "dataDir": "$state/cni-addresses",
    "ranges": [[{"subnet": "$POD_SUBNET"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
JSON
}

write_keys() {
  local pki="$state/pki"
  token=$(openssl rand -hex 16)
  echo "$token,admin,admin,system:masters" >"$pki/tokens.csv"
  openssl genrsa -out "$pki/service-account.key" 2048 2>/dev/null
  # By this certificate the kubelet knows the API server.
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /O=system:masters/CN=apiserver \
    -keyout "$pki/kubelet-client.key" -out "$pki/kubelet-client.crt" 2>/dev/null
}

write_kubeconfig() {
  cat >"$state/kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: node
  cluster: {server: "https://$address:6443", certificate-authority: $state/pki/apiserver.crt}
users:
- name: admin
  user: {token: $token}
contexts:
- name: node
  context: {cluster: node, user: admin}
current-context: node
YAML
  chmod 600 "$state/kubeconfig"
}

# start NAME COMMAND...: a daemon, whose words go to log/NAME.log.
start() {
  local name=$1
  shift
  "$@" >"$state/log/$name.log" 2>&1 &
  names[$!]=$name
}

# until_true SECONDS WHAT COMMAND...
until_true() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || { echo "waited in vain: $what" && exit 1; }
    sleep 0.1
  done
}

start_containerd() {
  local snapshotter=overlayfs
  # An overlay cannot lie on another one.
  [ "$(stat --file-system --format=%T "$state")" != overlayfs ] || snapshotter=native
  cat >"$state/containerd.toml" <<TOML
version = 2
root = "$state/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "$SOCKET"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  # Containers too: else runc ends with "can't get final child's PID from pipe" where CAP_SYS_RESOURCE is missing.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$snapshotter"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$state/cni"
TOML
  start containerd containerd --config "$state/containerd.toml"
}

import_images() {
  local archive
  until_true 30 "containerd" ctr --address "$SOCKET" version
  for archive in $AIRL_NODE_IMAGES; do
    ctr --address "$SOCKET" --namespace k8s.io images import "$archive"
  done
}

start_control_plane() {
  start etcd "$(program etcd)" --data-dir="$state/etcd" --listen-client-urls=http://127.0.0.1:2379 \
    --advertise-client-urls=http://127.0.0.1:2379 --listen-peer-urls=http://127.0.0.1:2380 --unsafe-no-fsync
  start kube-apiserver "$(program kube-apiserver)" --etcd-servers=http://127.0.0.1:2379 \
    --bind-address="$address" --advertise-address="$address" --secure-port=6443 --cert-dir="$state/pki" \
    --token-auth-file="$state/pki/tokens.csv" --authorization-mode=RBAC --allow-privileged=true --profiling=false \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$state/pki/service-account.key" \
    --service-account-signing-key-file="$state/pki/service-account.key" --service-cluster-ip-range="$SERVICE_RANGE" \
    --kubelet-client-certificate="$state/pki/kubelet-client.crt" --kubelet-client-key="$state/pki/kubelet-client.key" \
    --kubelet-preferred-address-types=InternalIP # else logs and exec look up the node's name
  until_true 60 "the API server" kubectl get --raw=/readyz
  start kube-controller-manager "$(program kube-controller-manager)" --kubeconfig="$state/kubeconfig" --leader-elect=false \
    --bind-address=127.0.0.1 --allocate-node-cidrs=true --cluster-cidr="$POD_RANGE" --service-cluster-ip-range="$SERVICE_RANGE" \
    --service-account-private-key-file="$state/pki/service-account.key" --root-ca-file="$state/pki/apiserver.crt"
  start kube-scheduler "$(program kube-scheduler)" --kubeconfig="$state/kubeconfig" --leader-elect=false --bind-address=127.0.0.1
}

start_dns() {
  cat >"$state/Corefile" <<COREFILE
cluster.local:53 {
  bind $address
  errors
  kubernetes cluster.local {
    kubeconfig $state/kubeconfig
  }
}
COREFILE
  start coredns "$(program coredns)" -conf "$state/Corefile"
}

# There is no name server but the cluster's own. Scores for the case that memory runs out stay as they are, here and for
# kube-proxy: without CAP_SYS_RESOURCE nobody may lower them.
start_kubelet() {
  echo "nameserver $address" >"$state/resolv.conf"
  cat >"$state/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: false}
  x509: {clientCAFile: $state/pki/kubelet-client.crt}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix://$SOCKET
clusterDNS: [$address]
clusterDomain: cluster.local
failSwapOn: false
oomScoreAdj: 0
resolvConf: $state/resolv.conf
volumePluginDir: $state/volume-plugins
# A disk that others have filled is no reason to evict anything here; nor are images that are imported but not used yet.
evictionHard: {memory.available: 50Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
YAML
  start kubelet "$(program kubelet)" --config="$state/kubelet.yaml" --kubeconfig="$state/kubeconfig" \
    --root-dir="$state/kubelet" --cert-dir="$state/pki" --hostname-override="$NAME" --node-ip="$address"
}

# Limits of connection tracking are the machine's; they are not touched.
start_kube_proxy() {
  cat >"$state/kube-proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $state/kubeconfig}
clusterCIDR: $POD_RANGE
hostnameOverride: $NAME
mode: iptables
oomScoreAdj: 0
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
YAML
  start kube-proxy "$(program kube-proxy)" --config="$state/kube-proxy.yaml"
}

declare -A names=()
hostname "$NAME"
prepare_files
prepare_cgroups
pretend_sysctls
prepare_network
write_cni
write_keys
write_kubeconfig
export KUBECONFIG="$state/kubeconfig" KUBECACHEDIR="$state/kubectl" PATH="$state/bin:$PATH"

start_containerd
import_images &
importing=$!
start_control_plane
start_dns
wait "$importing"
start_kubelet
start_kube_proxy
until_true 60 "the node in the API" kubectl get node "$NAME"
kubectl wait --for=condition=Ready --timeout=60s "node/$NAME"
until_true 60 "the account of Pods" kubectl get serviceaccount default
touch "$state/ready"

ended=0
wait -n -p ended "${!names[@]}" || true
echo "${names[$ended]} has ended:"
tail -n 15 "$state/log/${names[$ended]}.log"
exit 1
