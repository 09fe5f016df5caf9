#!/usr/bin/env bash
# Markdown for a pull request: metrics that differ from a base revision, and plots of both in dvc_plots/.
# bash .github/compare.sh BASE
set -euo pipefail
base=$1
PATH="$PWD/.venv/bin:$PATH"
changed=$(dvc metrics diff --md "$base" HEAD)
printf '\n### Metrics against %s\n\n%s\n' "${base:0:12}" "${changed:-No metric differs.}"
dvc plots diff "$base" HEAD --out dvc_plots > /dev/null
printf '\nPlots of both revisions: `dvc_plots/index.html` among the artifacts of this run, or `dvc plots diff %s`.\n' "${base:0:12}"
