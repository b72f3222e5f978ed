#!/usr/bin/env bash
# A real Prometheus scrapes a running suite that has done a few deals; then every expression of the alerts and
# dashboards is put to it (metrics.py). `DEALFLOW` names the program, `PROMETHEUS` the server of Debian's package.
# Asks for: python3 with PyYAML. Where nats-server is there the suite's events are published to it; where not, the metrics
# of that are not looked at, and it says so.
set -euo pipefail
cd "$(dirname "$0")/../.."
dealflow=${DEALFLOW:-target/debug/dealflow}
prometheus=${PROMETHEUS:-prometheus}
nats=$(PATH="$PATH:/usr/sbin" command -v nats-server || true)
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

target() { # port, part: with the labels that the chart's ServiceMonitor gives
  printf '      - targets: ["127.0.0.1:%s"]\n        labels: {namespace: sales, release: deal, component: %s, pod: %s-0}\n' "$1" "$2" "$2"
}
targets=$(target "$admin" gateway)
without=(--without dealflow_events_)
if [ -n "$nats" ]; then
  broker=$(free_port)
  publisher=$(free_port)
  "$nats" --addr 127.0.0.1 --port "$broker" --jetstream --store_dir "$out/nats" >"$out/nats-server" 2>&1 &
  started+=($!)
  at() { grep -E "^│ $1 " "$out/serve" | grep -o 'http://[0-9.:]*'; }
  "$dealflow" serve events-nats --nats-url "nats://127.0.0.1:$broker" --data "$out/events" --listen 127.0.0.1:0 \
    --admin-listen "127.0.0.1:$publisher" --leads-url "$(at leads)" --opportunities-url "$(at opportunities)" \
    --activities-url "$(at activities)" --orders-url "$(at orders)" --gateway-url "$gateway" --log warn >"$out/events-nats" &
  started+=($!)
  without=()
  targets+=$'\n'$(target "$publisher" events-nats)
fi

cat >"$out/prometheus.yml" <<CONFIG
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ["$PWD/helm/dealflow/rules/alerts.yaml"]
scrape_configs:
  - job_name: dealflow
    static_configs:
$targets
CONFIG
"$prometheus" --config.file="$out/prometheus.yml" --storage.tsdb.path="$out/tsdb" \
  --web.listen-address="127.0.0.1:$server" --log.level=error &
started+=($!)
"$dealflow" bench 3 --warm-up 0 --concurrency 2 --gateway "$gateway" >"$out/bench"
# Levels are looked at every five seconds, scrapes come each second.
python3 - "http://127.0.0.1:$server" ${nats:+dealflow_events_published_total} <<'WAIT'
import sys, time, urllib.parse, urllib.request, json
url, *events = sys.argv[1:]
awaited = " and on() ".join(["dealflow_handoff_attempts_total", "(min(process_uptime_seconds) > 12)", *events])
for _ in range(150):
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': awaited})}", timeout=5) as answer:
            if json.load(answer)["data"]["result"]:
                break
    except OSError:
        pass
    time.sleep(0.4)
else:
    sys.exit("Prometheus has scraped nothing")
WAIT
python3 tests/chart/metrics.py "http://127.0.0.1:$server" "${without[@]}"
