#!/usr/bin/env bash
# Serves site/ on loopback, pulls the run of dvc.lock from it, and fails when a stage would then have to run.
set -euo pipefail
PATH="$PWD/.venv/bin:$PATH"
python -m http.server --bind 127.0.0.1 --directory site 8765 > /dev/null 2>&1 &
server=$!
trap 'kill "$server"' EXIT
until python -c 'import socket; socket.create_connection(("127.0.0.1", 8765), 1)' 2> /dev/null; do sleep 0.2; done
python -m tools.published pull --url http://127.0.0.1:8765/dvc
left=$(dvc repro --dry)
echo "$left"
! grep -q "Running stage" <<< "$left"
