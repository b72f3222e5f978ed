#!/usr/bin/env bash
# Clients that nobody here wrote: one deal from lead to invoice by Python grpcio, the protos, reflection; a calendar over
# plain HTTP by Python's icalendar. The deal again over TLS, by a certificate that is made here.
# Needs python3 with grpcio, grpcio-tools, grpcio-reflection and icalendar. `DEALFLOW` names the program; without it, it
# is built.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT

program=${DEALFLOW:-}
if [ -z "$program" ]; then
  cargo build -q
  program=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/debug/dealflow
fi
port=${PORT:-7480}
serve() { # name, port, flags
  "$program" serve --data "$work/$1" --listen "127.0.0.1:$2" "${@:3}" >"$work/$1.log" 2>&1 &
}
client() { # name of the suite, name of the client, what it is told
  PYTHONPATH="$work/generated" python3 "tests/clients/$2.py" "${@:3}" || { cat "$work/$1.log"; exit 1; }
}

serve plain "$port"
tests/clients/certificate.sh "$work" && serve tls $((port + 10)) --tls-cert "$work/cert.pem" --tls-key "$work/key.pem"
mkdir "$work/generated"
python3 -m grpc_tools.protoc -I proto --python_out="$work/generated" --grpc_python_out="$work/generated" \
  $(cd proto && find . -name '*.proto' | sed 's|^\./||')
client plain deal "127.0.0.1:$port"
client plain calendar_feed "127.0.0.1:$port"
# What docs/api.md shows, as it stands there, but for the pip and for the port.
mkdir "$work/page" && ln -s "$PWD/proto" "$work/page/proto"
block() { awk -v kind="$1" '/^## /{in_part = /With Python/} /^```/{inside = in_part && $0 == "```" kind; next} inside' docs/api.md; }
block python | sed "s/127.0.0.1:7400/127.0.0.1:$port/" >"$work/page/lead.py"
block sh | grep -v '^pip ' >"$work/page/example.sh"
(cd "$work/page" && bash -eu example.sh) | grep -x 'leads/[0-9a-f-]*' || { echo 'the example of docs/api.md does not run'; exit 1; }
client tls deal "127.0.0.1:$((port + 10))" "$work/ca.pem"
