#!/usr/bin/env bash
# Everything that can be said about the tree without running it. First what writes (generators, formatter), then what
# only reads, all of it even if one complains; at last, whether writing changed a file.
set -euo pipefail
cd "$(dirname "$0")/.."

before=$(scripts/tree-state.sh)
make generate
make format
# Two at a time, each one's output in one piece; -k: one complaint does not hide the next.
make --jobs=2 --keep-going --output-sync=target lint types boundaries dead-code
after=$(scripts/tree-state.sh)

changed=$(comm -13 <(sort <<<"$before") <(sort <<<"$after") | cut -d' ' -f2-)
restored=$(comm -23 <(cut -d' ' -f2- <<<"$before" | sort) <(cut -d' ' -f2- <<<"$after" | sort))
if [ -n "$changed$restored" ]; then
  echo "check: generating and formatting changed these files; look at them with 'git diff' and commit them:" >&2
  printf '%s\n' "$changed" "$restored" | sed '/^$/d; s/^/  /' >&2
  echo "check: 'make generate format' makes the same changes" >&2
  exit 1
fi
echo "check: clean"
