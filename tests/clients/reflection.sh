#!/usr/bin/env bash
# A client that knows nothing of the API but what the server tells by reflection: one deal from lead to invoice by `buf curl`,
# as a person at a terminal would. No protos are given to it. Ends 1 if the invoice is not in the ERP's books. With `--tls` over
# TLS, by a certificate that is made here. Needs python3. `BUF` names buf; `DEALFLOW` the program, without which it is built;
# `GRPCURL` grpcurl, by which the README's commands are tried too where it is given.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'kill "${suite:-}" 2>/dev/null || true; wait "${suite:-}" 2>/dev/null || true; rm -rf "$work"' EXIT

program=${DEALFLOW:-}
if [ -z "$program" ]; then
  cargo build -q
  program=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/debug/dealflow
fi
program=$(realpath "$program")
buf=$(realpath "$(command -v "${BUF:-buf}")")
grpcurl=${GRPCURL:+$(realpath "$(command -v "$GRPCURL")")}
readme=$PWD/README.md
url=http
curling=(-plaintext)
how=(--http2-prior-knowledge)
flags=()
if [ "${1:-}" = --tls ]; then
  tests/clients/certificate.sh "$work"
  url=https
  how=(--cacert "$work/ca.pem")
  curling=(-cacert "$work/ca.pem")
  flags=(--tls-cert "$work/cert.pem" --tls-key "$work/key.pem")
fi
cd "$work" # no proto is near
"$program" serve --data data --listen 127.0.0.1:0 "${flags[@]}" >serve.log 2>&1 &
suite=$!
for _ in $(seq 300); do grep -q 'stops.' serve.log && break; sleep 0.2; done
address=$(sed -n 's|^ *dealflow pipeline --gateway https*://||p' serve.log)
[ -n "$address" ] || { cat serve.log; exit 1; }

trap 'echo "FAILED   line $LINENO: $BASH_COMMAND"; cat serve.log' ERR
uuid() { python3 -c 'import uuid; print(uuid.uuid4())'; }
ask() { # service/method, the fields of the message
  "$buf" curl --protocol grpc "${how[@]}" "$url://$address/dealflow.$1" -d "{$2}"
}
change() { # the same for what changes something
  ask "$1" "$2, \"request_id\": \"${3:-$(uuid)}\""
}
pick() { # path, such as quote.name or handoffs.-1: of the JSON that comes in
  python3 -c '
import json, sys
it = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    it = it[int(key)] if isinstance(it, list) else it[key]
print(it if isinstance(it, str) else json.dumps(it, sort_keys=True))' "$1"
}
to_do() { # the activities of an answer that nobody has begun
  python3 -c '
import json, sys
for it in json.load(sys.stdin).get("activities", []):
    if it["state"] == "STATE_NOT_STARTED":
        print(it["name"])'
}
complete() { # completes what an answer left to be done; answers what the last of it led to
  local answer=$1 activity
  for activity in $(to_do <<<"$1"); do
    answer=$(change gateway.v1.DealService/CompleteActivity "\"activity\": \"$activity\", \"result\": \"done\"")
  done
  echo "$answer"
}

told=$("$buf" curl --protocol grpc "${how[@]}" --list-services "$url://$address")
grep -qx dealflow.gateway.v1.DealService <<<"$told"

product=$(change orders.v1.ProductService/CreateProduct '"product": {"code": "REFLECTED", "display_name": "Mirror",
  "list_price": {"currency_code": "EUR", "units": 199, "nanos": 990000000},
  "vat": {"category": "VAT_CATEGORY_STANDARD", "rate": {"value": "20"}}}' | pick name)
lead=$(change leads.v1.LeadService/CreateLead '"lead": {"title": "A mirror", "company_name": "Looking Glass", "family_name": "Liddell",
  "estimated_value": {"currency_code": "EUR", "units": 400},
  "bant": {"budget_status": "BUDGET_STATUS_CAN_BUY", "need": "NEED_MUST_HAVE"}}' | pick name)
once=$(uuid)
qualified=$(change gateway.v1.DealService/QualifyLead "\"lead\": \"$lead\"" "$once")
again=$(change gateway.v1.DealService/QualifyLead "\"lead\": \"$lead\"" "$once")
deal="\"opportunity\": \"$(pick opportunity.name <<<"$qualified")\""
[ "$deal" = "\"opportunity\": \"$(pick opportunity.name <<<"$again")\"" ] # the same request, the same deal
change gateway.v1.DealService/DevelopDeal "$deal, \"lines\": [{\"product\": \"$product\", \"quantity\": {\"value\": \"2\"},
  \"unit_price\": {\"currency_code\": \"EUR\", \"units\": 199, \"nanos\": 990000000}}]" >developed
developed=$(complete "$qualified")
proposal=$(complete "$developed")
quote=$(change gateway.v1.DealService/ProposeQuote "$deal" | pick quote.name)
contracting=$(complete "$proposal")
change gateway.v1.DealService/AcceptQuote "$deal, \"quote\": \"$quote\"" >accepted
closed=$(complete "$contracting")
[ "$(pick opportunity.state <<<"$closed")" = STATE_WON ]
change gateway.v1.DealService/FulfillDeal "$deal" >fulfilled

handoff=$(pick handoffs.-1 <fulfilled)
for _ in $(seq 100); do
  ask erp.v1.HandoffService/GetHandoff "\"name\": \"$handoff\"" >handed
  [ "$(pick state <handed)" = STATE_DELIVERED ] && break
  sleep 0.2
done
ask erp.v1.ErpService/GetDocumentStatus "\"external_id\": \"$(pick externalId <handed)\"" >booked
total=$(pick totalWithVat <booked)
if [ "$total" != "$(pick invoice.totals.totalWithVat <fulfilled)" ]; then
  cat handed booked
  echo 'the invoice is not in the books of the ERP as it was issued'
  exit 1
fi
echo "$(pick invoice.number <fulfilled) is $(pick erpNumber <booked) in the ERP, by reflection alone: $(python3 -c 'import json, sys
it = json.loads(sys.argv[1])
print("{units}.{cents:02} {currencyCode}".format(cents=it["nanos"] // 10**7, **it))' "$total")"

if [ -z "$grpcurl" ]; then
  echo 'not run: the commands of the README by grpcurl: GRPCURL names none'
  exit 0
fi
# As they stand there, but for the address: all that follows `grpcurl -plaintext` up to the end of the fence.
grep -A 4 '^grpcurl -plaintext' "$readme" | sed '/^```/,$d; s/127\.0\.0\.1:7400/"$address"/; s/^grpcurl -plaintext/"$grpcurl" "${curling[@]}"/' >commands
[ "$(grep -c grpcurl commands)" = 2 ]
. ./commands >curled
grep -qx dealflow.gateway.v1.DealService curled
python3 -c 'import json, sys; print("the README by grpcurl:", json.loads(sys.argv[1])["name"])' "$(sed -n '/^{/,$p' curled)"
"$grpcurl" "${curling[@]}" "$address" describe dealflow.gateway.v1.DealService | grep -q 'rpc QualifyLead'
