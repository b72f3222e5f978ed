"""Checks that the alerts and dashboards of the chart ask only for metrics that a running suite has.

    metrics.py PROMETHEUS_URL [--without PREFIX]

Prometheus scrapes the suite; every expression is put to it. An expression that it refuses, a metric that it does not
know, or an alert that fires on a healthy suite is a fault. Metrics with the prefix, whose part does not run here, are named
as not looked at.
"""

import json
import pathlib
import re
import sys
import urllib.parse
import urllib.request

import yaml

CHART = pathlib.Path(__file__).parents[2] / "helm" / "dealflow"
# What Prometheus itself tells of a target.
ITS_OWN = {"up"}
# A dashboard's variables, as a person who has chosen nothing leaves them.
VARIABLES = {"$namespace": ".*", "$release": ".*", "$__rate_interval": "1m", "$__all": ".*"}
WORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "offset", "bool"}


def expressions():
    rules = yaml.safe_load((CHART / "rules" / "alerts.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for path in sorted((CHART / "dashboards").glob("*.json")):
        dashboard = json.loads(path.read_text())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield f"{path.name}: {panel['title']}", target["expr"]
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                yield f"{path.name}: ${variable['name']}", re.sub(r"label_values\((\w+),.*", r"\1", variable["query"])


def names(expression):
    """The metrics of an expression: words that are no function, no keyword, no label."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', "", expression)
    text = re.sub(r"\{[^}]*\}", "", text)
    text = re.sub(r"\[[^\]]*\]", "", text)
    text = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", "", text)
    return {word for word, call in re.findall(r"\b([a-zA-Z_:][\w:]*)\s*(\(?)", text) if not call and word not in WORDS}


def ask(url, path, **arguments):
    with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(arguments)}", timeout=20) as answer:
        return json.load(answer)["data"]


def main(url, absent=None):
    known = set(ask(url, "/api/v1/label/__name__/values")) | ITS_OWN
    faults, asked, used, unseen = [], 0, set(), set()
    for where, expression in expressions():
        asked += 1
        found = names(expression)
        used |= found
        if not found:
            faults.append(f"{where}: names no metric: {expression}")
        unseen |= {name for name in found - known if absent and name.startswith(absent)}
        faults += [f"{where}: no such metric: {name}" for name in sorted(found - known - unseen)]
        for variable, value in VARIABLES.items():
            expression = expression.replace(variable, value)
        try:
            ask(url, "/api/v1/query", query=expression)
        except urllib.error.HTTPError as error:
            faults.append(f"{where}: refused: {error.read().decode()}")
    firing = {alert["labels"]["alertname"] for alert in ask(url, "/api/v1/alerts")["alerts"]}
    faults += [f"{name}: is pending or fires on a healthy suite" for name in sorted(firing)]
    # What is measured and never looked at is for whoever asks; said, not refused.
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known if name.startswith(("dealflow_", "rpc_", "db_", "process_"))}
    unused = sorted(ours - {re.sub(r"_(bucket|sum|count)$", "", name) for name in used})
    print("\n".join(faults))
    if unseen:
        print(f"not looked at: {', '.join(sorted(unseen))}: their part does not run here")
    print(f"metrics: {asked} expressions over {len(used - unseen)} metrics, {len(faults)} faults; in no alert or dashboard: {', '.join(unused) or 'none'}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *sys.argv[3:]))
