#!/usr/bin/env bash
# Checks the chart with the real helm: lint, golden renders, schemas of the oldest and newest Kubernetes, refusals, two
# releases side by side. `HELM` names the program; `check.sh --write` writes the golden renders anew.
# Asks for: helm 4, python3 with PyYAML and kubernetes-validate.
set -euo pipefail
cd "$(dirname "$0")/../.."
helm=${HELM:-helm}
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
refused 'an old Kubernetes' 'kubeVersion' --kube-version 1.29.0

# Two releases in one namespace share no object.
names() { python3 tests/chart/policy.py --names /dev/stdin; }
"$helm" template one "$chart" --namespace sales | names | sort >"$out/one"
"$helm" template two "$chart" --namespace sales | names | sort >"$out/two"
if [ -s "$out/one" ] && [ -z "$(comm -12 "$out/one" "$out/two")" ]; then ok; else bad 'two releases collide'; fi

echo "chart: $passed passed, $failed failed"
[ "$failed" = 0 ]
