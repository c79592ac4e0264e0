#!/usr/bin/env bash
# Makes a kind cluster, builds the image, loads it, runs test/cluster there, and deletes the cluster. KIND_IMAGE chooses
# the node image, and with it the release of Kubernetes; KEEP=1 leaves the cluster for looking at it.
set -euo pipefail
cd "$(dirname "$0")/.."

name=airl-e2e
missing=()
for program in docker kind; do command -v "$program" >/dev/null || missing+=("$program"); done
if [ "${#missing[@]}" -gt 0 ]; then
  echo "e2e-kind: not on this machine: ${missing[*]} (https://docs.docker.com/engine/install, https://kind.sigs.k8s.io); make e2e-node needs neither" >&2
  exit 3
fi
if ! docker info >/dev/null 2>&1; then
  echo "e2e-kind: docker is here, but no engine answers it ('docker info' fails); make e2e-node needs none" >&2
  exit 3
fi

scratch=$(mktemp -d)
end() {
  rm -rf "$scratch"
  [ -n "${KEEP:-}" ] || kind delete cluster --name "$name" >&2 || true
}
trap 'end' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What a killed run has left has the same name.
kind delete cluster --name "$name" >&2
kind create cluster --name "$name" --kubeconfig "$scratch/kubeconfig" --wait 120s ${KIND_IMAGE:+--image "$KIND_IMAGE"} >&2

version=$(node -p 'require("./package.json").version')
docker build --tag "ai-rate-limit:$version" --build-arg VERSION="$version" .
kind load docker-image --name "$name" "ai-rate-limit:$version"

make build
KUBECONFIG="$scratch/kubeconfig" scripts/e2e.sh "$@"
