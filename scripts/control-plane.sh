#!/usr/bin/env bash
# Finds the Kubernetes programs that tests run, and builds what is missing, once. Prints a line "NAME PATH" for each.
#
#   scripts/control-plane.sh [--no-build] [SET...]
#
# SET is control-plane (etcd, kube-apiserver, kubectl, helm; the default), clients (kubectl, helm) or node (kubelet,
# kube-scheduler, kube-controller-manager, kube-proxy, and from the cache only coredns and pause). Looked at in this order:
# KUBEBUILDER_ASSETS, PATH, the cache (below XDG_CACHE_HOME, default ~/.cache). The first two count only when all that must
# fit together is there, in a release that the product supports; helm may come from anywhere. The cache is filled by Go
# from the modules that scripts/kubernetes/go.mod and scripts/kubernetes/node/go.mod pin.
# Exit code 3: something is missing and cannot be built here; stderr says what would help. 1: a build failed.
set -euo pipefail
modules="$(cd "$(dirname "$0")" && pwd)/kubernetes"

OLDEST_MINOR=29 # the oldest release that the product supports
NOT_AVAILABLE=3

say() { echo "kubernetes: $*" >&2; }

declare -A PACKAGES=(
  [coredns]=./coredns
  [etcd]=go.etcd.io/etcd/server/v3
  [helm]=helm.sh/helm/v3/cmd/helm
  [kube-apiserver]=k8s.io/kubernetes/cmd/kube-apiserver
  [kube-controller-manager]=k8s.io/kubernetes/cmd/kube-controller-manager
  [kube-proxy]=k8s.io/kubernetes/cmd/kube-proxy
  [kube-scheduler]=k8s.io/kubernetes/cmd/kube-scheduler
  [kubectl]=k8s.io/kubernetes/cmd/kubectl
  [kubelet]=k8s.io/kubernetes/cmd/kubelet
  [pause]=./pause
)

version_of() { awk -v module="$1" '$1 == module && $2 ~ /^v/ { print $2; exit }' "$modules/go.mod"; }

# Without these a program says that it is v0.0.0, and others refuse to work with it.
release=$(version_of k8s.io/kubernetes)
IFS=. read -r major minor _ <<<"${release#v}"
version_flags=()
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  version_flags+=(-X "$package.gitVersion=$release" -X "$package.gitMajor=$major" -X "$package.gitMinor=$minor")
done
version_flags+=(-X "helm.sh/helm/v3/internal/version.version=$(version_of helm.sh/helm/v3)")
for package in chartutil lint/rules; do # what helm takes for the cluster's version when it renders without one
  version_flags+=(-X "helm.sh/helm/v3/pkg/$package.k8sVersionMajor=$major")
  version_flags+=(-X "helm.sh/helm/v3/pkg/$package.k8sVersionMinor=$minor")
done
link_flags="-s -w ${version_flags[*]}"

# Other modules or flags make other programs, so they get another folder.
digest=$(cat "$modules/go.mod" "$modules/go.sum" - <<<"$link_flags" | sha256sum | cut -c1-8)
own_digest=$(cat "$modules"/node/go.* "$modules"/node/*/*.go | sha256sum | cut -c1-8)
caches="${XDG_CACHE_HOME:-$HOME/.cache}/ai-rate-limit"

is_own() { [[ "${PACKAGES[$1]}" == ./* ]]; }
modules_of() { if is_own "$1"; then echo "$modules/node"; else echo "$modules"; fi; }
cache_of() { if is_own "$1"; then echo "$caches/node-$own_digest"; else echo "$caches/kubernetes-$release-$digest"; fi; }

# The minor version that a program of Kubernetes says it is; nothing when it says none.
minor_of() {
  local ask=(--version)
  [ "${1##*/}" != kubectl ] || ask=(version --client)
  "$1" "${ask[@]}" 2>/dev/null | grep -oE 'v1\.[0-9]+' | head -n1 | cut -d. -f2 || true
}

is_usable() {
  [ -x "$1" ] || return 1
  case "${1##*/}" in etcd | helm) return 0 ;; esac
  local found
  found=$(minor_of "$1")
  [ "${found:-0}" -ge "$OLDEST_MINOR" ]
}

# Prints the lines for the programs named when each of them is usable in the place: a folder, or "PATH".
lines_from() {
  local place=$1 program path lines=""
  shift
  for program in "$@"; do
    if [ "$place" = PATH ]; then path=$(command -v "$program" || true); else path="$place/$program"; fi
    is_usable "${path:-/nowhere}" || return 1
    lines+="$program $path"$'\n'
  done
  printf '%s' "$lines"
}

# Programs that must fit together come from one place.
find_together() {
  if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    lines_from "$KUBEBUILDER_ASSETS" "$@" && return 0
    say "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has not all of $* in a release >= 1.$OLDEST_MINOR; looking elsewhere"
  fi
  lines_from PATH "$@"
}

find_go() {
  local go wanted found
  go=$(command -v go || echo /usr/local/go/bin/go)
  wanted=$(awk '$1 == "go" { print $2; exit }' "$modules/go.mod")
  found=$([ ! -x "$go" ] || GOTOOLCHAIN=local "$go" env GOVERSION)
  if [ -z "$found" ] || [ "$(printf '%s\n' "go$wanted" "$found" | sort -V | head -n1)" != "go$wanted" ]; then
    say "the programs ($*) are not on this machine and cannot be built: Go is ${found:-absent}, wanted go$wanted or newer"
    say "install Go (https://go.dev/dl), or let KUBEBUILDER_ASSETS name a folder with etcd, kube-apiserver and kubectl >= 1.$OLDEST_MINOR"
    exit "$NOT_AVAILABLE"
  fi
  echo "$go"
}

# Into a folder of its own and then moved, so that nobody ever starts half a program. One build at a time: the second
# one waits and finds everything done.
build() {
  local go program building started
  go=$(find_go "$@")
  mkdir -p "$caches"
  exec 9>"$caches/.lock"
  if ! flock --nonblock 9; then
    say "another build is running; waiting for it"
    flock 9
  fi
  rm -rf "$caches"/.building.*
  building=$(mktemp -d "$caches/.building.XXXXXX")
  for program in "$@"; do
    [ ! -x "$(cache_of "$program")/$program" ] || continue
    say "building $program"
    started=$SECONDS
    (cd "$(modules_of "$program")" && GOTOOLCHAIN=local GOWORK=off GOFLAGS='' CGO_ENABLED=0 nice -n 5 \
      "$go" build -p 2 -buildvcs=false -trimpath -ldflags "$link_flags" -o "$building/$program" "${PACKAGES[$program]}") >&2
    mkdir -p "$(cache_of "$program")"
    mv "$building/$program" "$(cache_of "$program")/$program"
    say "built $program in $((SECONDS - started)) s, $(du -m "$(cache_of "$program")/$program" | cut -f1) MB"
  done
  rmdir "$building"
  exec 9>&-
}

may_build=true
together=()
alone=()
own=()
for word in "$@"; do
  case "$word" in
    --no-build) may_build=false ;;
    control-plane) together+=(etcd kube-apiserver kubectl) alone+=(helm) ;;
    clients) together+=(kubectl) alone+=(helm) ;;
    node) together+=(kubelet kube-scheduler kube-controller-manager kube-proxy) own+=(coredns pause) ;;
    *) say "unknown set $word; wanted control-plane, clients or node" && exit 2 ;;
  esac
done
if [ "${#together[@]}" -eq 0 ]; then together=(etcd kube-apiserver kubectl) alone=(helm); fi

found=$(find_together "${together[@]}") || found=""
cached=("${own[@]}")
[ -n "$found" ] || cached+=("${together[@]}")
for program in "${alone[@]}"; do
  if path=$(command -v "$program"); then found+="${found:+$'\n'}$program $path"; else cached+=("$program"); fi
done

missing=()
for program in "${cached[@]}"; do [ -x "$(cache_of "$program")/$program" ] || missing+=("$program"); done
if [ "${#missing[@]}" -gt 0 ]; then
  if ! $may_build; then
    say "not built: ${missing[*]}; run make kubernetes"
    exit "$NOT_AVAILABLE"
  fi
  build "${missing[@]}"
fi

if [ -n "$found" ]; then echo "$found"; fi
for program in "${cached[@]}"; do echo "$program $(cache_of "$program")/$program"; done
