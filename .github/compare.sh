#!/usr/bin/env bash
# Markdown for a pull request: metrics that differ from a base revision, the pictures that changed, both revisions side by
# side, and `dvc plots diff` in dvc_plots/.
# bash .github/compare.sh BASE
set -euo pipefail
base=$1
head=$(git rev-parse HEAD)
PATH="$PWD/.venv/bin:$PATH"
changed=$(dvc metrics diff --md "$base" HEAD)
printf '\n### Metrics against %s\n\n%s\n' "${base:0:12}" "${changed:-No metric differs.}"
raw="https://github.com/${GITHUB_REPOSITORY:-owner/name}/raw"
git diff --name-only --diff-filter=M "$base" HEAD -- 'plots/figures/*.png' | while read -r picture; do
  printf '\n| %s before | after |\n| --- | --- |\n' "$(basename "$picture" .png)"
  printf '| ![](%s/%s/%s) | ![](%s/%s/%s) |\n' "$raw" "$base" "$picture" "$raw" "$head" "$picture"
done
dvc plots diff "$base" HEAD --out dvc_plots > /dev/null
printf '\nPlots of both revisions: `dvc_plots/index.html` among the artifacts of this run, or `dvc plots diff %s`.\n' "${base:0:12}"
