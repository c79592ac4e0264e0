#!/usr/bin/env bash
# Makes the images that the end-to-end tests run, from what this machine has, and prints the paths of their archives:
# localhost/pause:1, ai-rate-limit:VERSION with this tree's product and this machine's node, and redis:debian with its
# redis-server.
#
#   scripts/node/images.sh FOLDER
set -euo pipefail
folder=$1
scripts=$(cd "$(dirname "$0")/.." && pwd)
image="$scripts/node/image.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# copy_program TREE PROGRAM TO: with the libraries that it is linked to, at their places.
copy_program() {
  local tree=$1 program to=$3
  program=$(readlink -f "$2")
  install -D -m 0755 "$program" "$tree$to"
  # A static program has none; ldd says so by its exit code.
  { ldd "$program" 2>/dev/null || true; } | grep -oE '/[^ ]+' | while read -r library; do
    [ -e "$tree$library" ] || install -D -m 0755 "$(readlink -f "$library")" "$tree$library"
  done
}

# A root that any program finds what it needs in.
base_tree() {
  local tree=$1
  mkdir -p "$tree"/{etc,tmp,usr/bin,usr/local/bin}
  chmod 1777 "$tree/tmp"
  printf 'root:x:0:0:root:/:/sbin/nologin\nairl:x:65532:65532:ai-rate-limit:/nonexistent:/sbin/nologin\n' >"$tree/etc/passwd"
  printf 'root:x:0:\nairl:x:65532:\n' >"$tree/etc/group"
  echo 'hosts: files dns' >"$tree/etc/nsswitch.conf"
  if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/ca-certificates.crt"
  fi
}

ENVIRONMENT='"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "NODE_ENV=production"]'

mkdir -p "$work/pause"
cp "$("$scripts/control-plane.sh" node | awk '$1 == "pause" { print $2 }')" "$work/pause/pause"
"$image" localhost/pause:1 "$work/pause" "$folder/pause.tar" '{"Entrypoint": ["/pause"], "User": "65535:65535"}'

version=$(node -p 'require(process.argv[1]).version' "$scripts/../package.json")
base_tree "$work/product"
copy_program "$work/product" "$(node -p process.execPath)" /usr/local/bin/node
copy_program "$work/product" "$(command -v env)" /usr/bin/env # the programs' first line asks for it
"$scripts/runtime-tree.sh" "$work/product/app" >&2
for program in controller dataplane; do ln -s "/app/dist/$program/main.js" "$work/product/usr/local/bin/$program"; done
ln -s /app/dist/cli/main.js "$work/product/usr/local/bin/ai-rate-limit"
"$image" "ai-rate-limit:$version" "$work/product" "$folder/product.tar" \
  "{\"User\": \"65532:65532\", \"WorkingDir\": \"/app\", \"Cmd\": [\"ai-rate-limit\", \"--help\"], $ENVIRONMENT}"

base_tree "$work/redis"
copy_program "$work/redis" "$(command -v redis-server)" /usr/local/bin/redis-server
copy_program "$work/redis" "$(command -v redis-cli)" /usr/local/bin/redis-cli
mkdir "$work/redis/data"
"$image" redis:debian "$work/redis" "$folder/redis.tar" \
  "{\"User\": \"65532:65532\", \"WorkingDir\": \"/data\", \"Cmd\": [\"redis-server\"], $ENVIRONMENT}"

printf '%s\n' "$folder/pause.tar" "$folder/product.tar" "$folder/redis.tar"
