#!/usr/bin/env bash
# Runs test/cluster on a real node of this machine's own (scripts/node.sh), and takes the node down again.
set -euo pipefail
cd "$(dirname "$0")/.."
export AIRL_E2E_VALUES="test/cluster/node-values.yaml ${AIRL_E2E_VALUES:-}"
exec scripts/node.sh run scripts/e2e.sh "$@"
