#!/usr/bin/env bash
# Compiles the fuzzer beside the caches and runs it with the arguments given; Node 20 runs no TypeScript by itself.
set -euo pipefail
cd "$(dirname "$0")/.."

out=node_modules/.cache/fuzz
[ -d "$out" ] || rm -f node_modules/.cache/tsbuildinfo.fuzz
node_modules/.bin/tsc -p tsconfig.fuzz.json
# Below node_modules the package's own "type" is not looked up.
echo '{"type": "module"}' >"$out/package.json"

# What a deleted target left behind would still be found and run.
find "$out/test/fuzz/targets" -name '*.js' | while read -r built; do
  source="${built#"$out/"}"
  [ -e "${source/%.js/.ts}" ] || rm -f "$built" "$built.map"
done

exec node --expose-gc "$out/test/fuzz/main.js" "$@"
