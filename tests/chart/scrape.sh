#!/usr/bin/env bash
# A real Prometheus scrapes a running suite that has done a few deals; then every expression of the alerts and
# dashboards is put to it (metrics.py). `DEALFLOW` names the program, `PROMETHEUS` the server of Debian's package.
# Asks for: python3 with PyYAML.
set -euo pipefail
cd "$(dirname "$0")/../.."
dealflow=${DEALFLOW:-target/debug/dealflow}
prometheus=${PROMETHEUS:-prometheus}
out=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; wait 2>/dev/null; rm -rf "$out"' EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
admin=$(free_port)
server=$(free_port)

"$dealflow" serve --data "$out/data" --listen 127.0.0.1:0 --admin-listen "127.0.0.1:$admin" --log warn >"$out/serve" &
started+=($!)
for _ in $(seq 300); do grep -q 'stops.' "$out/serve" && break; sleep 0.2; done
gateway=$(sed -n 's/^ *dealflow pipeline --gateway //p' "$out/serve")
"$dealflow" health "http://127.0.0.1:$admin"

cat >"$out/prometheus.yml" <<CONFIG
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ["$PWD/helm/dealflow/rules/alerts.yaml"]
scrape_configs:
  - job_name: dealflow
    static_configs:
      # The labels that the chart's ServiceMonitor gives.
      - targets: ["127.0.0.1:$admin"]
        labels: {namespace: sales, release: deal, component: gateway, pod: all-in-one}
CONFIG
"$prometheus" --config.file="$out/prometheus.yml" --storage.tsdb.path="$out/tsdb" \
  --web.listen-address="127.0.0.1:$server" --log.level=error &
started+=($!)
"$dealflow" bench 3 --warm-up 0 --concurrency 2 --gateway "$gateway" >"$out/bench"
# Levels are looked at every five seconds, scrapes come each second.
python3 - "http://127.0.0.1:$server" <<'WAIT'
import sys, time, urllib.request, json
for _ in range(150):
    try:
        with urllib.request.urlopen(sys.argv[1] + "/api/v1/query?query=dealflow_handoff_attempts_total%20and%20on()%20(process_uptime_seconds%20%3E%2012)", timeout=5) as answer:
            if json.load(answer)["data"]["result"]:
                break
    except OSError:
        pass
    time.sleep(0.4)
else:
    sys.exit("Prometheus has scraped nothing")
WAIT
python3 tests/chart/metrics.py "http://127.0.0.1:$server"
