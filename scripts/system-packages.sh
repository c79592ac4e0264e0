#!/usr/bin/env bash
# Makes sure that redis-server, prometheus and promtool can be found. They are started by tests, on their own ports, and by
# nothing else; so without them everything but those tests works, and their absence is told and not fatal.
set -euo pipefail

"$(dirname "$0")/prometheus.sh" >/dev/null || echo "install: prometheus could not be had; tests that need it will fail" >&2

if command -v redis-server >/dev/null; then exit 0; fi

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "install: redis-server is not there; tests that need it will be skipped (Debian, Ubuntu: apt-get install redis-server)"
  exit 0
fi

# The package starts a service when it is installed. This answer to the package manager forbids that (see policy-rc.d
# in Debian's invoke-rc.d manual); a policy that the host has already is left as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
# A package list may be absent, or so old that the mirror no longer has what it names.
update() { apt-get -qq update || { sleep 3 && apt-get -qq update; }; }
install() { apt-get -qq install -y --no-install-recommends redis-server >/dev/null; }

echo "install: redis-server (apt-get)"
if ! { update && install; }; then
  echo "install: redis-server could not be installed; tests that need it will be skipped" >&2
fi
