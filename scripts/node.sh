#!/usr/bin/env bash
# A real Kubernetes node on this machine where no container engine runs: etcd, API server, scheduler, controller manager,
# kube-proxy, CoreDNS, containerd, kubelet. Linux, root, cgroup v1 or v2; about 20 s from nothing to Ready.
#
#   scripts/node.sh run COMMAND...    brings it up, runs the command on it, takes it down whatever happens
#   scripts/node.sh up                brings it up and leaves it
#   scripts/node.sh exec COMMAND...   runs a command on the node that is up, for example kubectl
#   scripts/node.sh down              takes it down; also what a killed run has left
#
# "On it" means: in its network, with KUBECONFIG, and kubectl and helm on the PATH. It has the images of
# scripts/node/images.sh and no others. scripts/node/init.sh is what runs inside.
#
# The node has namespaces of its own for processes, mounts, network and cgroups. So it changes nothing outside but its
# folder in the cache and one cgroup, nothing in it reaches a network, and all of it ends with its first process: daemons,
# shims, containers, then mounts, interfaces, firewall rules. It keeps nothing between two
# runs but the logs of the last one, in ~/.cache/ai-rate-limit/node-log.
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)

home="${XDG_CACHE_HOME:-$HOME/.cache}/ai-rate-limit"
state="$home/node-state"
# The only thing by which a node is known again: whatever runs in a cgroup of this name is part of it.
cgroup="airl-node-$(sha256sum <<<"$state" | cut -c1-8)"
ADDRESS=198.18.0.1
READY_SECONDS=120
GONE_SECONDS=20
BUSY=4

say() { echo "node: $*" >&2; }
die() { say "$*" && exit 1; }

# Every cgroup of that name in every hierarchy, deepest first.
cgroup_folders() { find /sys/fs/cgroup -depth -type d \( -name "$cgroup" -o -path "*/$cgroup/*" \) 2>/dev/null || true; }

node_pids() {
  local folder
  cgroup_folders | while read -r folder; do cat "$folder/cgroup.procs" 2>/dev/null || true; done | sort -un
}

# The first process of the node: 1 in its own namespace, and no deeper than that.
init_pid() {
  local pid
  for pid in $(node_pids); do
    awk '/^NSpid:/ && NF == 3 && $3 == 1 { print $2 }' "/proc/$pid/status" 2>/dev/null || true
  done
}

down() {
  local pid folder deadline=$((SECONDS + GONE_SECONDS))
  # All at once: the kernel ends the rest when the first process of the namespace ends.
  while [ -n "$(node_pids)" ]; do
    for pid in $(node_pids); do kill -KILL "$pid" 2>/dev/null || true; done
    [ -z "$launched" ] || wait "$launched" 2>/dev/null || true # quietly: bash tells of a job that was killed
    [ "$SECONDS" -lt "$deadline" ] || die "these processes do not end: $(node_pids | tr '\n' ' ')"
    sleep 0.1
  done
  # A cgroup may be busy for a moment after its last process.
  while [ -n "$(cgroup_folders)" ]; do
    cgroup_folders | while read -r folder; do rmdir "$folder" 2>/dev/null || true; done
    [ "$SECONDS" -lt "$deadline" ] || die "these cgroups cannot be removed: $(cgroup_folders | tr '\n' ' ')"
    sleep 0.1
  done
  if [ -d "$state/log" ]; then
    rm -rf "$home/node-log"
    mv "$state/init.log" "$state/log" && mv "$state/log" "$home/node-log"
  fi
  rm -rf "$state"
}

end() {
  [ -z "$command" ] || kill -TERM -- "-$command" 2>/dev/null || true
  down
}

# Moves the calling process into a cgroup of its own in every hierarchy: on cgroup v1 below the one that it is in, so that
# whatever limits this side limits the node too; on v2 below the root, because no other cgroup that has processes can hand
# controllers on.
enter_cgroup() {
  local lines line controllers path point parent
  mapfile -t lines </proc/self/cgroup # as a whole: it changes with each step
  for line in "${lines[@]}"; do
    IFS=: read -r _ controllers path <<<"$line"
    point=$(cgroup_mount "$controllers")
    [ -n "$point" ] || continue
    parent="$point${path%/}"
    [ "${#lines[@]}" -gt 1 ] || parent="$point"
    mkdir -p "$parent/$cgroup"
    if [ -e "$parent/cpuset.cpus" ] && [ -z "$(cat "$parent/$cgroup/cpuset.cpus")" ]; then
      # On cgroup v1 a new cpuset is empty, and nothing can be put into it.
      cat "$parent/cpuset.cpus" >"$parent/$cgroup/cpuset.cpus"
      cat "$parent/cpuset.mems" >"$parent/$cgroup/cpuset.mems"
    fi
    echo "$BASHPID" >"$parent/$cgroup/cgroup.procs"
  done
}

# Where the hierarchy of these controllers is mounted; "" names that of cgroup v2, which has none here beside v1.
cgroup_mount() {
  awk -v wanted="$1" '{
    for (i = 7; $i != "-"; i++);
    type = $(i + 1); options = "," $(i + 3) ","
    if (wanted == "" ? type == "cgroup2" : type == "cgroup" && index(options, "," wanted ",")) { print $5; exit }
  }' /proc/self/mountinfo
}

# $1: how its first process is started. "tied" ends the node with this script, however that ends.
launch() {
  local tie=()
  [ "$1" != tied ] || tie=(setpriv --pdeathsig KILL)
  (
    exec 9>&- # the lock is this script's alone
    enter_cgroup
    exec setsid "${tie[@]}" unshare --mount --net --pid --uts --ipc --cgroup --fork --kill-child --mount-proc --propagation private \
      bash "$scripts/node/init.sh" "$state" "$ADDRESS" </dev/null >"$state/init.log" 2>&1
  ) &
  launched=$!
  local deadline=$((SECONDS + READY_SECONDS))
  until [ -e "$state/ready" ]; do
    if ! kill -0 "$launched" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
      tail -n 5 "$state/init.log" >&2
      die "it did not become ready; its logs are in $home/node-log"
    fi
    sleep 0.1
  done
}

prepare() {
  [ "$(id -u)" -eq 0 ] || die "only root can make a node here"
  case "$state/" in /var/* | /run/*) die "the cache may not be below /var or /run, which the node has anew: set XDG_CACHE_HOME" ;; esac
  "$scripts/node/packages.sh"
  programs=$("$scripts/control-plane.sh" control-plane node) || exit $?
  down
  mkdir -p "$state"
  images=$("$scripts/node/images.sh" "$state/images")
  export AIRL_NODE_PROGRAMS="$programs" AIRL_NODE_IMAGES="$images"
}

# Becomes the command.
on_node() {
  local pid
  pid=$(init_pid)
  if [ -z "$pid" ] || [ ! -e "$state/ready" ]; then die "no node is up"; fi
  export PATH="$state/bin:$PATH" KUBECONFIG="$state/kubeconfig" KUBECACHEDIR="$state/kubectl"
  export HELM_CACHE_HOME="$state/helm" HELM_CONFIG_HOME="$state/helm" HELM_DATA_HOME="$state/helm"
  exec nsenter --net="/proc/$pid/ns/net" -- "$@"
}

lock() {
  mkdir -p "$home"
  exec 9>"$home/node.lock"
  flock --nonblock 9 || { say "another run has the node of this machine" && exit "$BUSY"; }
}

launched=""
verb=${1:-}
shift || true
case "$verb" in
  run)
    [ $# -gt 0 ] || die "run what?"
    lock
    command=""
    trap 'end' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    prepare
    launch tied
    say "ready after $SECONDS s"
    # In the background and waited for, so that a signal is heard while it runs; in a session of its own, so that all of it
    # can be ended.
    (exec 9>&- && on_node setsid setpriv --pdeathsig TERM "$@") &
    command=$!
    code=0
    wait "$command" || code=$?
    exit "$code"
    ;;
  up)
    lock
    trap 'down' EXIT
    prepare
    launch loose
    trap - EXIT
    say "ready after $SECONDS s; scripts/node.sh exec kubectl get pods -A"
    ;;
  exec) on_node "$@" ;;
  down)
    lock
    down
    ;;
  *) sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "$0" >&2 && exit 2 ;;
esac
