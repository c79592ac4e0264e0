#!/usr/bin/env bash
# Runs test/cluster on the cluster that KUBECONFIG names: it installs the chart there in namespaces of its own and removes
# it again. The cluster must have the image that the chart names; AIRL_E2E_VALUES names values files that say otherwise.
# Arguments go to vitest.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${KUBECONFIG:-}" ]; then
  echo "e2e: KUBECONFIG must name the cluster to install on; make e2e-node and make e2e-kind make one" >&2
  exit 2
fi
# One file after another: they share the gateway.
exec scripts/test.sh --project cluster --no-file-parallelism "$@"
