#!/usr/bin/env bash
# Writes what the image has in /app into DIR, which must be empty or absent: the built programs, the packages that they
# need, package.json. Nothing that only builds or tests.
#
#   scripts/runtime-tree.sh DIR
set -euo pipefail

if [ $# -ne 1 ]; then
  echo "usage: scripts/runtime-tree.sh DIR" >&2
  exit 2
fi
mkdir -p "$1"
tree=$(cd "$1" && pwd)
if [ -n "$(ls -A "$tree")" ]; then
  echo "runtime-tree: $tree is not empty" >&2
  exit 2
fi
cd "$(dirname "$0")/.."

scripts/build.sh
(cd dist && find . \( -name '*.js' -o -name '*.lua' \) -print0 | tar --null --files-from=- -cf -) | (mkdir "$tree/dist" && tar -xf - -C "$tree/dist")

cp package.json package-lock.json .npmrc "$tree"
(cd "$tree" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error >&2)
# npm leaves its own list of what it has installed, with versions and origins, in node_modules.
rm "$tree/package-lock.json" "$tree/.npmrc"
# Half of the packages' bytes are for compilers and debuggers.
find "$tree/node_modules" \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -type f -delete

# Whoever runs it reads it and changes nothing.
chmod -R u=rwX,go=rX "$tree"
