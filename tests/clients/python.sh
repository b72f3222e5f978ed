#!/usr/bin/env bash
# Clients that nobody here wrote: one deal from lead to invoice by Python grpcio, the protos, reflection; a calendar over
# plain HTTP by Python's icalendar.
# Needs python3 with grpcio, grpcio-tools, grpcio-reflection and icalendar. `DEALFLOW` names the program; without it, it
# is built.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'kill "${suite:-}" 2>/dev/null || true; wait "${suite:-}" 2>/dev/null || true; rm -rf "$work"' EXIT

program=${DEALFLOW:-}
if [ -z "$program" ]; then
  cargo build -q
  program=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/debug/dealflow
fi
port=${PORT:-7480}
"$program" serve --data "$work/data" --listen "127.0.0.1:$port" >"$work/serve.log" 2>&1 &
suite=$!

mkdir "$work/generated"
python3 -m grpc_tools.protoc -I proto --python_out="$work/generated" --grpc_python_out="$work/generated" \
  $(cd proto && find . -name '*.proto' | sed 's|^\./||')
for client in deal calendar_feed; do
  PYTHONPATH="$work/generated" python3 "tests/clients/$client.py" "127.0.0.1:$port" || { cat "$work/serve.log"; exit 1; }
done
