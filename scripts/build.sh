#!/usr/bin/env bash
# Compiles to dist/ and puts the Lua scripts beside the code that loads them. Does nothing when nothing has changed.
set -euo pipefail
cd "$(dirname "$0")/.."

info=node_modules/.cache/tsbuildinfo.build
# The compiler remembers what it has written; without dist/ that memory is wrong.
[ -d dist ] || rm -f "$info"

before=$(stat -c %Y.%s "$info" 2>/dev/null || true)
node_modules/.bin/tsc -p tsconfig.build.json
[ "$before" = "$(stat -c %Y.%s "$info")" ] || echo "build: dist/"

# What a deleted or renamed source left behind would still be imported, packed and shipped.
find dist -name '*.js' -o -name '*.lua' | while read -r built; do
  source="${built#dist/}"
  [ -e "${source/%.js/.ts}" ] || rm -f "$built" "$built.map"
done

for script in dataplane/redis/scripts/*.lua controller/publish/scripts/*.lua; do
  [ -e "$script" ] || continue
  cmp -s "$script" "dist/$script" || install -D -m 0644 "$script" "dist/$script"
done

for main in dist/cli/main.js dist/dataplane/main.js dist/controller/main.js; do
  if [ -f "$main" ]; then chmod +x "$main"; fi
done
