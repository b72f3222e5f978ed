"""Installs, upgrades, rolls back, tests and removes the chart with the real helm, against `fake_api.py`.

    HELM=helm lifecycle.py

What the fake server covers, and what not, stands at its top: it shows that the chart is one that Kubernetes's API
takes, in every step of a release's life; not that the pods then work.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import yaml

import fake_api

ROOT = pathlib.Path(__file__).parents[2]
CHART = ROOT / "helm" / "dealflow"
HELM = os.environ.get("HELM", "helm")
PARTS = ["activities", "events-nats", "gateway", "leads", "opportunities", "orders"]
passed, failed = 0, 0


def check(what, good, told=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED  {what}\n{told}")


class House:
    """A cluster and a helm that knows only it."""

    def __init__(self, folder):
        self.cluster, self.url = fake_api.serve({"sales"})
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}], "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "nobody"}}],
        }
        path = pathlib.Path(folder) / f"{self.url.rsplit(':', 1)[1]}.yaml"
        path.write_text(yaml.safe_dump(config))
        self.environment = {"PATH": os.environ["PATH"], "HOME": folder, "KUBECONFIG": str(path)}

    def helm(self, *arguments):
        self.cluster.log.clear()
        command = [HELM, "--namespace", "sales", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300, check=False)

    def goes(self, what, *arguments):
        ended = self.helm(*arguments)
        refused = [it for it in self.cluster.log if it[0] == "refused"]
        check(what, ended.returncode == 0 and not refused, f"{ended.stdout[-400:]}{ended.stderr}{refused}")
        return ended

    def touched(self, *kinds):
        """What was written or removed, without helm's own records."""
        return [it for it in self.cluster.log if it[1] in kinds or (not kinds and it[1] != "Secret")]

    def spec(self, kind, name):
        objects = self.cluster.objects.values()
        return next(it["spec"] for it in objects if (it["kind"], it["metadata"]["name"]) == (kind, name))


def rendered(values, *arguments):
    command = [HELM, "template", "deal", str(CHART), "--namespace", "sales", "--no-hooks", "-f", str(values), *arguments]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return sorted(f"{it['kind']}/{it['metadata']['name']}" for it in yaml.safe_load_all(text) if it)


def on_postgresql(house):
    values = ROOT / "helm" / "ci" / "postgresql-values.yaml"
    chart, wait = [str(CHART), "-f", str(values)], ["--wait", "--timeout", "60s"]

    house.goes("it is installed", "install", "deal", *chart, *wait)
    ours = [it for it in house.cluster.names() if not it.startswith("Secret/")]
    check("all that was rendered is there, and nothing else", ours == rendered(values), ours)
    order = [(how, kind) for how, kind, _ in house.touched("NetworkPolicy", "Job", "Deployment")]
    check("the migration's policy, the migration, then the workloads",
          order[:2] == [("created", "NetworkPolicy"), ("created", "Job")]
          and order.index(("created", "Job")) < order.index(("deleted", "Job")) < order.index(("created", "Deployment")), order)
    first = {part: house.spec("Deployment", f"deal-dealflow-{part}") for part in PARTS}

    house.goes("it is upgraded to more replicas", "upgrade", "deal", *chart, "--set", "defaults.replicas=3", *wait)
    changed = {name for how, kind, name in house.touched() if how == "changed"}
    # The gateway's number is the autoscaler's.
    check("only the workloads without an autoscaler change",
          changed == {f"deal-dealflow-{part}" for part in PARTS if part != "gateway"}, changed)
    check("the migration ran again before", ("created", "Job", "deal-dealflow-migrate") in house.cluster.log)
    house.goes("it is upgraded to another configuration", "upgrade", "deal", *chart, "--set", "telemetry.logFilter=debug", *wait)
    sums = [house.spec("Deployment", f"deal-dealflow-{part}")["template"]["metadata"]["annotations"] for part in PARTS]
    old = [first[part]["template"]["metadata"]["annotations"] for part in PARTS]
    check("a changed configuration rolls every pod", all(a != b for a, b in zip(sums, old)), sums)

    def of_pods():
        return [house.spec("Deployment", f"deal-dealflow-{part}")["template"]["metadata"]["annotations"] for part in PARTS]

    key = ("sales", "secrets", "dealflow-database")
    old = None
    for word in ("first", "second"):
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": key[2]}, "data": {"url": word}}
        house.cluster.write(key, secret, old)
        old, before = secret, of_pods()
        house.goes(f"it is upgraded with the {word} secret", "upgrade", "deal", *chart, *wait)
        check("a secret that is read once rolls every pod", all(a != b for a, b in zip(of_pods(), before)), before)
    before = of_pods()
    house.goes("it is upgraded with the same secret", "upgrade", "deal", *chart, *wait)
    check("the same secret rolls none", of_pods() == before, before)

    house.cluster.fail.add("-migrate")
    ended = house.helm("upgrade", "deal", *chart, "--set", "defaults.replicas=5", *wait)
    check("a migration that fails stops the upgrade", ended.returncode != 0 and "migrate" in ended.stderr, ended.stderr)
    check("and no workload was touched", not house.touched("Deployment", "Service", "ConfigMap"), house.cluster.log)
    check("what failed is left to be looked at", "Job/deal-dealflow-migrate" in house.cluster.names())
    house.cluster.fail.clear()
    house.goes("the next upgrade goes through", "upgrade", "deal", *chart, "--set", "defaults.replicas=5", *wait)

    house.goes("it is rolled back to the first", "rollback", "deal", "1", *wait)
    now = {part: house.spec("Deployment", f"deal-dealflow-{part}") for part in PARTS}
    check("every workload is as it was at first", now == first)
    ours = [it for it in house.cluster.names() if not it.startswith("Secret/")]
    check("and nothing is left of the later ones", ours == rendered(values), ours)

    house.goes("helm test runs a deal", "test", "deal", "--timeout", "60s")
    check("its job was there and is gone", [it[:2] for it in house.touched("Job")] == [("created", "Job"), ("deleted", "Job")])
    house.cluster.fail.add("-test-deal")
    ended = house.helm("test", "deal", "--timeout", "60s")
    check("a deal that fails fails the test", ended.returncode != 0, ended.stdout)
    house.cluster.fail.clear()

    house.goes("a second release comes into the same namespace", "install", "other", *chart, *wait)
    check("and changes nothing of the first", not [it for it in house.touched() if it[2].startswith("deal-")], house.cluster.log)
    house.goes("it is removed", "uninstall", "deal", "--wait", "--timeout", "60s")
    left = [it for it in house.cluster.names() if "/deal-" in it or ".deal." in it]
    # Helm leaves a hook's object that failed, until the hook runs again.
    check("nothing is left but the job of the failed test", left == ["Job/deal-dealflow-test-deal"], left)
    check("the second release stands", "Deployment/other-dealflow-gateway" in house.cluster.names())


def on_sqlite(house):
    values = ROOT / "helm" / "ci" / "sqlite-values.yaml"
    chart, wait = [str(CHART), "-f", str(values)], ["--wait", "--timeout", "60s"]
    house.goes("SQLite: it is installed", "install", "deal", *chart, *wait)
    house.goes("SQLite: it is upgraded", "upgrade", "deal", *chart, "--set", "stop.drainSeconds=30", *wait)
    check("SQLite: every pod is made anew", len(house.touched("StatefulSet")) == 6, house.cluster.log)
    ended = house.helm("upgrade", "deal", *chart, "--set", "database.sqlite.size=16Gi", *wait)
    check("SQLite: a larger volume is refused, as Kubernetes does", ended.returncode != 0 and "immutable" in ended.stderr, ended.stderr)
    house.goes("SQLite: it is rolled back", "rollback", "deal", "1", *wait)
    house.goes("SQLite: events are switched on", "upgrade", "deal", str(CHART), "--reset-then-reuse-values", "--set", "events.nats.enabled=true",
               "--set", "events.nats.existingSecret=dealflow-nats", "--set", "events.nats.ca.existingConfigMap=nats-ca", *wait)
    check("SQLite: one workload more, and no other is touched",
          house.touched("StatefulSet") == [("created", "StatefulSet", "deal-dealflow-events-nats")], house.cluster.log)
    house.goes("SQLite: it is removed", "uninstall", "deal", "--wait", "--timeout", "60s")
    check("SQLite: nothing is left", house.cluster.names() == [], house.cluster.names())


def the_server_is_strict(house):
    """A server that takes everything would show nothing."""
    policy = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "x"},
              "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"a": "b"}}}}

    def refused(it, code, path="/apis/policy/v1/namespaces/sales/poddisruptionbudgets", query="", method="POST"):
        request = urllib.request.Request(house.url + path + query, data=yaml.safe_dump(it).encode(), method=method)
        request.add_header("Content-Type", "application/yaml")
        try:
            urllib.request.urlopen(request, timeout=10).close()
            return code == 201
        except urllib.error.HTTPError as error:
            return error.code == code

    check("an unknown field is refused", refused({**policy, "spec": {**policy["spec"], "maxUnavailabel": 1}}, 422))
    check("a wrong type is refused", refused({**policy, "spec": {"maxUnavailable": ["1"]}}, 422))
    check("a name that is none is refused", refused({**policy, "metadata": {"name": "A_b"}}, 422))
    check("a label that is none is refused", refused({**policy, "metadata": {"name": "x", "labels": {"a": "b c"}}}, 422))
    check("another kind is refused", refused({**policy, "kind": "Deployment"}, 400))
    check("another namespace is refused", refused(policy, 404, "/apis/policy/v1/namespaces/none/poddisruptionbudgets"))
    check("an unknown parameter is refused", refused(policy, 400, query="?wat=1"))
    check("what is right is taken", refused(policy, 201))
    check("and only once", refused(policy, 409))
    stale = {**policy, "metadata": {"name": "x", "resourceVersion": "1"}}
    check("a stale version is refused", refused(stale, 409, "/apis/policy/v1/namespaces/sales/poddisruptionbudgets/x", method="PUT"))


def main():
    with tempfile.TemporaryDirectory() as folder:
        the_server_is_strict(House(folder))
        on_postgresql(House(folder))
        on_sqlite(House(folder))
    print(f"life cycle: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
