#!/usr/bin/env bash
# Compiles the cluster's benchmark beside the caches and runs it with the arguments given; Node 20 runs no TypeScript by
# itself.
set -euo pipefail
cd "$(dirname "$0")/.."

out=node_modules/.cache/bench
[ -d "$out" ] || rm -f node_modules/.cache/tsbuildinfo.bench
node_modules/.bin/tsc -p tsconfig.bench.json
# Below node_modules the package's own "type" is not looked up.
echo '{"type": "module"}' >"$out/package.json"
for script in $(cd dist && find . -name '*.lua'); do install -D -m 0644 "dist/$script" "$out/$script"; done

exec node "$out/test/bench/cluster/main.js" "$@"
