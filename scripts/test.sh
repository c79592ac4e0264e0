#!/usr/bin/env bash
# Runs vitest with the arguments given and makes sure that the last line on stdout is "N passed, N failed". The reporter
# (test/reporter) writes it; here it is only made up for when the run dies before that: a broken config, a kill.
set -uo pipefail

vitest="$(cd "$(dirname "$0")/.." && pwd)/node_modules/.bin/vitest"
closed=$(mktemp -u "${TMPDIR:-/tmp}/ai-rate-limit-test.XXXXXX")
trap 'rm -f "$closed"' EXIT

AIRL_TEST_CLOSED="$closed" "$vitest" run "$@"
code=$?

if [ ! -e "$closed" ]; then
  echo "the test run ended before it could be counted (exit code $code)" >&2
  echo "0 passed, 1 failed"
  [ "$code" -ne 0 ] || code=1
fi
exit "$code"
