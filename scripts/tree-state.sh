#!/usr/bin/env bash
# One line per file that differs from the last commit, with a hash of what it holds now. Equal before and after a
# command means that the command changed nothing that git keeps. Without a git checkout it says so and lists nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! git rev-parse --verify --quiet HEAD >/dev/null; then
  echo "no commit of git here to compare with" >&2
  exit 0
fi
{ git -c core.quotePath=off diff --name-only HEAD; git -c core.quotePath=off ls-files --others --exclude-standard; } | sort -u | while read -r file; do
  if [ -f "$file" ]; then echo "$(git hash-object -- "$file") $file"; else echo "deleted $file"; fi
done
