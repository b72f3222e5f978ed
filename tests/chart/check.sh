#!/usr/bin/env bash
# Checks the chart with the real helm: lint, golden renders, schemas of the oldest and newest Kubernetes, refusals, two
# releases side by side, alerts with their tests, checkov. `HELM`, `PROMTOOL` and `CHECKOV` name the programs; `check.sh --write` writes the
# golden renders anew. Asks for: helm 4, promtool, python3 with PyYAML and kubernetes-validate.
set -euo pipefail
cd "$(dirname "$0")/../.."
helm=${HELM:-helm}
promtool=${PROMTOOL:-promtool}
chart=helm/dealflow
passed=0
failed=0
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); echo "FAILED  $1"; [ -s "${2:-/dev/null}" ] && head -n 40 "$2"; return 0; }

render() { "$helm" template deal "$chart" --namespace sales --kube-version 1.37.0 -f "$1" "${@:2}"; }

for values in helm/ci/*-values.yaml; do
  case=$(basename "$values" -values.yaml)
  if "$helm" lint --strict "$chart" -f "$values" >"$out/lint" 2>&1; then ok; else bad "lint $case" "$out/lint"; fi
  if ! render "$values" >"$out/$case.yaml" 2>"$out/error"; then bad "render $case" "$out/error"; continue; fi
  if [ "${1:-}" = --write ]; then cp "$out/$case.yaml" "helm/ci/golden/$case.yaml"; fi
  if diff -u "helm/ci/golden/$case.yaml" "$out/$case.yaml" >"$out/diff"; then ok; else bad "golden render $case (check.sh --write takes it over)" "$out/diff"; fi
  if python3 tests/chart/policy.py "$out/$case.yaml" >"$out/policy" 2>&1; then ok; else bad "policy $case" "$out/policy"; fi
done

# Values that contradict themselves are refused, and the refusal says what to do.
refused() { # name, what the refusal must say, arguments
  if render helm/ci/sqlite-values.yaml "${@:3}" >/dev/null 2>"$out/error"; then bad "$1 is not refused"
  elif grep -qi -- "$2" "$out/error"; then ok; else bad "$1 is refused without saying '$2'" "$out/error"; fi
}
refused 'two replicas on SQLite' 'replicas' --set defaults.replicas=2
refused 'two replicas of one part on SQLite' 'replicas' --set partValues.leads.replicas=2
refused 'autoscaling on SQLite' 'autoscaling' --set partValues.gateway.autoscaling.enabled=true
refused 'PostgreSQL without a secret' 'existingSecret' --set database.mode=postgresql
refused 'no stub and no ERP' 'url' --set erp.stub=false
refused 'a value that does not exist' 'additional properties' --set replicaCount=2
refused 'the tag latest' 'tag' --set image.tag=latest
refused 'the database URL as a value' 'DEALFLOW_DATABASE_URL' --set defaults.env.DEALFLOW_DATABASE_URL=postgres://x
refused 'the tag LATEST' 'tag' --set image.tag=LATEST
refused 'a password as a value' 'PGPASSWORD' --set defaults.env.PGPASSWORD=x
refused 'a token as a value' 'DEALFLOW_TOKEN' --set partValues.gateway.env.DEALFLOW_TOKEN=x
refused 'no limit of memory' 'memory' --set defaults.resources.limits.memory=null
refused 'no limit of memory for one part' 'memory' --set partValues.leads.resources.limits.memory=null
refused 'the broker as a value' 'DEALFLOW_NATS_URL' --set defaults.env.DEALFLOW_NATS_URL=nats://x
events=(--set events.nats.enabled=true --set events.nats.existingSecret=nats)
refused 'events without an address' 'existingSecret' "${events[@]}" --set events.nats.existingSecret=
refused 'a stream that is no word' 'stream' "${events[@]}" --set events.nats.stream=two.words
refused 'events that are kept for no time' 'keepHours' "${events[@]}" --set events.nats.keepHours=0
refused 'two publishers on SQLite' 'replicas' "${events[@]}" --set partValues.events-nats.replicas=2
secure=(--set security.insecure=false --set security.tls.existingSecret=deal-{part}-tls --set security.tokens.jwksUrl=https://id.example/keys
  --set security.tokens.issuer=https://id.example --set security.tokens.audience=dealflow)
refused 'an ERP over plain HTTP' 'erp.url' "${secure[@]}" --set erp.stub=false --set erp.url=http://erp.example:7400
refused 'neither insecure nor secure' 'security.tls.existingSecret' --set security.insecure=false
refused 'no certificates' 'this is missing: security.tls.existingSecret' "${secure[@]}" --set security.tls.existingSecret=
refused 'no keys of tokens' 'this is missing: security.tokens.jwksUrl' "${secure[@]}" --set security.tokens.jwksUrl=
refused 'no issuer of tokens' 'this is missing: security.tokens.issuer' "${secure[@]}" --set security.tokens.issuer=
refused 'no audience of tokens' 'this is missing: security.tokens.audience' "${secure[@]}" --set security.tokens.audience=
refused 'certificates that are not used' 'insecure is true' "${secure[@]}" --set security.insecure=true
refused 'keys over plain HTTP' 'jwksUrl' "${secure[@]}" --set security.tokens.jwksUrl=http://id.example/keys
refused 'keys from two places' 'both given' "${secure[@]}" --set security.tokens.jwks.existingConfigMap=keys
refused 'certificates from two places' 'both given' "${secure[@]}" --set security.tls.certManager.issuer.name=house
refused 'an algorithm that is not believed' 'algorithms' "${secure[@]}" --set 'security.tokens.algorithms={HS256}'
refused 'an authority of a collector without TLS' 'otlpEndpoint' --set telemetry.otlpEndpoint=http://otel:4317 --set telemetry.otlpCa.existingConfigMap=ca
refused 'an address of the ERP beside the stub' 'erp.stub' --set erp.url=http://erp.example:7400
refused 'an authority of an ERP without TLS' 'erp.ca' --set erp.stub=false --set erp.url=http://erp.example:7400 --set erp.ca.existingConfigMap=ca
refused 'a port that there is not' 'no port 70000' --set telemetry.otlpEndpoint=http://otel:70000

refused 'fewer replicas at most than at least' 'maxReplicas is 1' -f helm/ci/postgresql-values.yaml --set partValues.gateway.autoscaling.maxReplicas=1
refused 'a budget that empties no node' 'maxUnavailable' --set defaults.podDisruptionBudget.maxUnavailable=0
refused 'a budget of no percent' 'maxUnavailable' --set-string partValues.leads.podDisruptionBudget.maxUnavailable=0%
refused 'a name that no service can have' 'fullnameOverride' --set fullnameOverride=BAD_Name
refused 'a name that no label can have' 'nameOverride' --set nameOverride=BAD_Name
refused 'a name with a digit in front' 'fullnameOverride' --set fullnameOverride=1st
refused 'a sum that stands twice' 'checksum/config' --set-string partValues.leads.podAnnotations.checksum/config=x
# What the chart sets has a value of its own, and an environment beside it would win: but for the lines of a part's log.
for name in $(python3 tests/chart/policy.py --environment "$out"/{postgresql,secure,sqlite}.yaml); do
  case $name in
  DEALFLOW_LOG | DEALFLOW_LOG_FORMAT)
    if render helm/ci/sqlite-values.yaml --set "partValues.leads.env.$name=x" >"$out/log.yaml" 2>"$out/error" &&
      python3 tests/chart/policy.py "$out/log.yaml" >"$out/policy" 2>&1; then ok; else bad "$name for one part" "$out/error"; fi ;;
  *) refused "$name beside its value" "$name" --set "partValues.gateway.env.$name=x" ;;
  esac
done
refused 'insecure in the environment of all' DEALFLOW_INSECURE --set defaults.env.DEALFLOW_INSECURE=true

# A name and a password in an address would be a secret in the values, in the config map, in the release's own record.
canary=user:canary@host.example:9000
refused 'a password in the address of the ERP' '/erp/url' --set erp.stub=false --set erp.url=https://$canary
refused 'a password in the address of the collector' '/telemetry/otlpEndpoint' --set telemetry.otlpEndpoint=https://$canary
refused 'a password in the address of the keys' '/security/tokens/jwksUrl' "${secure[@]}" --set security.tokens.jwksUrl=https://$canary/keys
refused 'a password in the issuer' '/security/tokens/issuer' "${secure[@]}" --set security.tokens.issuer=https://$canary
refused 'a password in the address of the runbooks' '/telemetry/rules/runbook' --set telemetry.rules.runbook=https://$canary
refused 'a password in an address in the environment' '/defaults/env/SOME' --set defaults.env.SOME=https://$canary
refused 'a password in an address in the environment of a part' '/partValues/leads/env/SOME' --set partValues.leads.env.SOME=nats://$canary

# The network policies let out to the ports of the addresses.
lets_out() { # name, ports with blanks between, arguments
  if render helm/ci/sqlite-values.yaml -s templates/networkpolicy.yaml "${@:3}" >"$out/ways.yaml" 2>"$out/error" &&
      python3 tests/chart/policy.py --outside "$out/ways.yaml" >"$out/ports" && [ "$(cat "$out/ports")" = "$2" ]; then ok
  else bad "ways out to $1" "$out/ports"; fi
}
lets_out 'an ERP at a port' 9000 --set erp.stub=false --set erp.url=http://erp.example:9000
lets_out 'an ERP at http://' 80 --set erp.stub=false --set erp.url=http://erp.example/
lets_out 'an ERP at https://' 443 --set erp.stub=false --set erp.url=https://erp.example
lets_out 'an ERP whose pods listen elsewhere' '443 7500' --set erp.stub=false --set erp.url=https://erp.example --set erp.port=7500
lets_out 'a collector' 4318 --set telemetry.otlpEndpoint=https://otel.example:4318
lets_out 'a collector by IPv6' 443 --set 'telemetry.otlpEndpoint=https://[fd00::17]'
lets_out 'a provider of keys' 8443 "${secure[@]}" --set security.tokens.jwksUrl=https://id.example:8443/keys

# `helm test` books a deal in the stub, and in an ERP only where it was told to.
tests_with() { # name, the first of its arguments, arguments
  if render helm/ci/sqlite-values.yaml -s templates/tests/deal.yaml "${@:3}" >"$out/test.yaml" 2>"$out/error" && grep -q "args: \[$2, " "$out/test.yaml"; then ok
  else bad "helm test $1" "$out/test.yaml"; fi
}
erp=(--set erp.stub=false --set erp.url=http://erp.example:7500)
tests_with 'with the stub' bench
tests_with 'with an ERP' health "${erp[@]}"
tests_with 'with an ERP that is for trying out' bench "${erp[@]}" --set erp.testDeal=true
tests_with 'with the stub and no token' health "${secure[@]}"
tests_with 'with the stub and a token' bench "${secure[@]}" --set security.test.existingSecret=token
tests_with 'with an ERP and a token' health "${secure[@]}" "${erp[@]}" --set erp.insecure=true --set security.test.existingSecret=token
refused 'a deal as a test without a token' 'security.test.existingSecret' "${secure[@]}" "${erp[@]}" --set erp.insecure=true --set erp.testDeal=true

# Everything from secrets and config maps that exist: what the golden render leaves to cert-manager and an address.
if render helm/ci/postgresql-values.yaml "${secure[@]}" --set erp.insecure=true --set security.tokens.jwksUrl= --set security.tokens.jwks.existingConfigMap=keys \
    --set security.tls.ca.existingConfigMap=house-ca --set security.roles.existingConfigMap=house-roles >"$out/existing.yaml" 2>"$out/error" &&
    python3 tests/chart/policy.py "$out/existing.yaml" >"$out/policy" 2>&1; then ok; else bad 'existing secrets and config maps' "$out/policy"; fi
# Events on embedded databases, too: the goldens have them on PostgreSQL; and names of their own in certificates.
if render helm/ci/sqlite-values.yaml "${events[@]}" >"$out/events.yaml" 2>"$out/error" &&
    python3 tests/chart/policy.py "$out/events.yaml" >"$out/policy" 2>&1 &&
    python3 tests/chart/policy.py --names "$out/events.yaml" | grep -x StatefulSet/deal-dealflow-events-nats >/dev/null; then ok; else bad 'events on SQLite' "$out/policy"; fi
if render helm/ci/sqlite-values.yaml "${events[@]}" "${secure[@]}" --set 'security.tls.peers={spiffe://house/gateway}' \
    --set 'events.nats.peers={spiffe://house/events}' >"$out/peers.yaml" 2>"$out/error" &&
    python3 tests/chart/policy.py "$out/peers.yaml" >"$out/policy" 2>&1 &&
    sed -n 's/.*DEALFLOW_TLS_PEERS, value: "\(.*\)".*/\1/p' "$out/peers.yaml" | LC_ALL=C sort | uniq -c | diff - <(cat <<'PEERS'
      2 spiffe://house/events
      4 spiffe://house/events,spiffe://house/gateway
      1 spiffe://house/gateway
PEERS
    ) >"$out/policy"; then ok; else bad 'names of their own in certificates' "$out/policy"; fi
long=$(printf 'x%.0s' $(seq 53)) # as long as the name of a release can be
if "$helm" template "$long" "$chart" --namespace sales -f helm/ci/sqlite-values.yaml "${events[@]}" >"$out/long.yaml" 2>"$out/error" &&
    python3 tests/chart/policy.py "$out/long.yaml" >"$out/policy" 2>&1; then ok; else bad 'a long name' "$out/policy"; fi
refused 'an old Kubernetes' 'kubeVersion' --kube-version 1.29.0

# The alerts: each fires on its bad day and none on a quiet one, and each has its page.
if "$promtool" test rules tests/chart/alerts_test.yaml >"$out/rules" 2>&1; then ok; else bad 'tests of the alerts' "$out/rules"; fi
python3 tests/chart/policy.py --rules "$out/postgresql.yaml" >"$out/rendered.yaml"
if "$promtool" check rules "$out/rendered.yaml" >"$out/rules" 2>&1 && grep -q '1[0-9] rules found' "$out/rules"; then ok; else bad 'the rendered alerts' "$out/rules"; fi
python3 - >"$out/runbooks" <<'CHECK'
import re, yaml
alerts = [rule for group in yaml.safe_load(open("helm/dealflow/rules/alerts.yaml"))["groups"] for rule in group["rules"]]
pages = {heading.lower() for heading in re.findall(r"^## (Dealflow\w+)$", open("docs/runbooks.md").read(), re.M)}
tested = open("tests/chart/alerts_test.yaml").read()
for rule in alerts:
    name = rule["alert"]
    if rule["annotations"]["runbook_url"] != f"docs/runbooks.md#{name.lower()}" or name.lower() not in pages:
        print(f"{name} has no page")
    if f'alertname="{name}"' not in tested:
        print(f"{name} has no test")
print("\n".join(f"{page} is the page of no alert" for page in pages - {rule["alert"].lower() for rule in alerts}))
CHECK
if [ -z "$(tr -d '\n' <"$out/runbooks")" ]; then ok; else bad 'runbooks' "$out/runbooks"; fi

# Two releases in one namespace share no object.
names() { python3 tests/chart/policy.py --names /dev/stdin; }
collide() { # two names of releases
  "$helm" template "$1" "$chart" --namespace sales | names | sort >"$out/one"
  "$helm" template "$2" "$chart" --namespace sales | names | sort >"$out/two"
  [ ! -s "$out/one" ] || [ -n "$(comm -12 "$out/one" "$out/two")" ]
}
if collide one two; then bad 'two releases collide'; else ok; fi
if collide deal deal-dealflow; then bad 'a release whose name ends with the name of the chart collides'; else ok; fi
if collide dealflow-production-europe-central-one-a dealflow-production-europe-central-one-b; then bad 'two long names collide'; else ok; fi

# Checkov, but for three of its checks:
#   CKV_K8S_11 limits of processor time: they throttle a part that has little to do just when it has much; memory is limited
#   CKV_K8S_15 images are always pulled: a tag is a version and a digest is a digest, so what is there is the same
#   CKV_K8S_43 images by digest: the values may name one (`image.digest`); the golden render for PostgreSQL does
checkov=${CHECKOV:-checkov}
if command -v "$checkov" >/dev/null; then
  for golden in helm/ci/golden/*.yaml; do
    "$checkov" -f "$golden" --framework kubernetes --compact --quiet --skip-download --skip-check CKV_K8S_11,CKV_K8S_15,CKV_K8S_43 >"$out/checkov" 2>&1 || true
    if grep -q 'Passed checks: [1-9][0-9]*, Failed checks: 0, Skipped checks: 0' "$out/checkov"; then ok; else bad "checkov on $golden" "$out/checkov"; fi
  done
else
  echo 'not run: checkov is not installed'
fi

echo "chart: $passed passed, $failed failed"
[ "$failed" = 0 ]
