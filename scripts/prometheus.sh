#!/usr/bin/env bash
# Finds prometheus and promtool, which tests run, and takes them from Debian's package when they are not there. Prints a
# line "NAME PATH" for each. Looked for on the PATH, then in the cache (below XDG_CACHE_HOME, default ~/.cache).
#
# The package is unpacked there and not installed: installing it starts a Prometheus that listens on all interfaces, and
# adds a user and a dozen packages of its old pages. No rights are needed for it but a package list.
# Exit code 3: not here, and cannot be had.
set -euo pipefail

NOT_AVAILABLE=3
PROGRAMS=(prometheus promtool)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/ai-rate-limit/prometheus"

say() { echo "prometheus: $*" >&2; }

# Prints the lines when both are in the place: a folder, or "PATH".
lines_from() {
  local program path lines=""
  for program in "${PROGRAMS[@]}"; do
    if [ "$1" = PATH ]; then path=$(command -v "$program" || true); else path="$1/$program"; fi
    [ -n "$path" ] && [ -x "$path" ] || return 1
    lines+="$program $path"$'\n'
  done
  printf '%s' "$lines"
}

# A package list may be absent, or so old that the mirror no longer has what it names.
as_is=()
[ "$(id -u)" -ne 0 ] || as_is=(-o APT::Sandbox::User=root) # its user may not write here
download() { apt-get -qq "${as_is[@]}" download prometheus >&2; }
update() { apt-get -qq update >&2 || { sleep 3 && apt-get -qq update >&2; }; }
fetch() { download || { [ "$(id -u)" -eq 0 ] && update && download; }; }

# Into a folder of its own and then moved, so that nobody ever starts half a program.
unpack() {
  local work
  mkdir -p "${cache%/*}"
  exec 9>"${cache%/*}/.prometheus.lock"
  flock 9
  [ ! -x "$cache/promtool" ] || return 0
  work=$(mktemp -d "${cache%/*}/.prometheus.XXXXXX")
  if ! (cd "$work" && fetch && dpkg -x prometheus_*.deb tree); then
    rm -rf "$work"
    return 1
  fi
  mkdir -p "$cache"
  for program in "${PROGRAMS[@]}"; do mv "$work/tree/usr/bin/$program" "$cache/$program"; done
  rm -rf "$work"
}

if lines_from PATH || lines_from "$cache"; then exit 0; fi
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
  say "not on the PATH, and no Debian package to take it from; install Prometheus >= 2.42"
  exit "$NOT_AVAILABLE"
fi
say "taking prometheus and promtool from Debian's package"
if ! unpack; then
  say "the package could not be had"
  exit "$NOT_AVAILABLE"
fi
lines_from "$cache"
