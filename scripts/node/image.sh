#!/usr/bin/env bash
# Makes an image without a builder: a folder becomes a docker-archive of one layer, which containerd imports.
#
#   scripts/node/image.sh NAME:TAG TREE ARCHIVE CONFIG
#
# CONFIG is the `config` of the image in JSON: User, Env, Cmd, WorkingDir. Files belong to root, whoever owns them in TREE.
set -euo pipefail
name=$1 tree=$2 archive=$3 config=$4

case "$(uname -m)" in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) echo "image: unknown architecture $(uname -m)" >&2 && exit 1 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar --create --file="$work/layer.tar" --directory="$tree" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner .
digest=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
cat >"$work/config.json" <<JSON
{"architecture": "$architecture", "os": "linux", "config": $config,
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$digest"]}, "history": [{"created_by": "scripts/node/image.sh"}]}
JSON
echo "[{\"Config\": \"config.json\", \"RepoTags\": [\"$name\"], \"Layers\": [\"layer.tar\"]}]" >"$work/manifest.json"
mkdir -p "$(dirname "$archive")"
tar --create --file="$archive.part" --directory="$work" manifest.json config.json layer.tar
mv "$archive.part" "$archive"
