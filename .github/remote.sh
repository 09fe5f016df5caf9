#!/usr/bin/env bash
# Fails when an output that dvc.lock names is not in the default remote; says so and passes while there is no remote.
set -euo pipefail
PATH="$PWD/.venv/bin:$PATH"
if ! dvc config core.remote > /dev/null; then
  echo "No default remote is configured (docs/data-versions.md): nothing to check."
  exit 0
fi
missing=$(dvc data status --not-in-remote)
echo "$missing"
! grep -q "Not in remote" <<< "$missing"
