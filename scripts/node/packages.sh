#!/usr/bin/env bash
# Installs what a node needs beside the programs of Kubernetes, where it is missing. Nothing is started by it.
set -euo pipefail

declare -A PACKAGES=(
  [containerd]=containerd
  [ctr]=containerd
  [ip]=iproute2
  [iptables]=iptables
  [nsenter]=util-linux
  [openssl]=openssl
  [redis-server]=redis-server
  [runc]=runc
)

missing=()
for program in "${!PACKAGES[@]}"; do command -v "$program" >/dev/null || missing+=("${PACKAGES[$program]}"); done
[ -x /usr/lib/cni/ptp ] || missing+=(containernetworking-plugins)
[ "${#missing[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "node: these packages are missing, and only root on Debian can have them installed here: ${missing[*]}" >&2
  exit 3
fi

# As in system-packages.sh: a package may not start a service.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
echo "node: apt-get install ${missing[*]}" >&2
apt-get -qq update || { sleep 3 && apt-get -qq update; }
apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
