#!/usr/bin/env bash
# One deal from lead to invoice by a client that nobody here wrote: Python grpcio, the protos, reflection.
# Needs python3 with grpcio, grpcio-tools and grpcio-reflection; builds the program if it is not built.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'kill "${suite:-}" 2>/dev/null || true; wait "${suite:-}" 2>/dev/null || true; rm -rf "$work"' EXIT

cargo build -q
program=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/debug/dealflow
port=${PORT:-7480}
"$program" serve --data "$work/data" --listen "127.0.0.1:$port" >"$work/serve.log" 2>&1 &
suite=$!

mkdir "$work/generated"
python3 -m grpc_tools.protoc -I proto --python_out="$work/generated" --grpc_python_out="$work/generated" \
  $(cd proto && find . -name '*.proto' | sed 's|^\./||')
PYTHONPATH="$work/generated" python3 tests/clients/deal.py "127.0.0.1:$port" || { cat "$work/serve.log"; exit 1; }
