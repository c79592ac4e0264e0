#!/usr/bin/env bash
# Draws docs/images/overview.png: compiles the program beside the caches, runs it for some minutes, and turns its SVG into
# a PNG with rsvg-convert (Debian: librsvg2-bin, and fonts-dejavu-core for the letters). Node 20 runs no TypeScript by itself.
#
#   scripts/dashboards-picture.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v rsvg-convert >/dev/null; then
  echo "dashboards-picture: rsvg-convert is not there (Debian, Ubuntu: apt-get install librsvg2-bin fonts-dejavu-core)" >&2
  exit 1
fi

out=node_modules/.cache/picture
[ -d "$out" ] || rm -f node_modules/.cache/tsbuildinfo.picture
node_modules/.bin/tsc -p tsconfig.picture.json
# Below node_modules the package's own "type" is not looked up.
echo '{"type": "module"}' >"$out/package.json"
for script in $(cd dist && find . -name '*.lua'); do install -D -m 0644 "dist/$script" "$out/$script"; done

mkdir -p docs/images
node "$out/test/picture/main.js" overview.json "$out/overview.svg" "${1:-180}"
rsvg-convert --output docs/images/overview.png "$out/overview.svg"
echo "dashboards-picture: docs/images/overview.png"
