"""A small strict API server, enough for the real helm to install, upgrade, roll back and remove the chart.

What it does as Kubernetes does: discovery, namespaces, schemas of the newest supported version (unknown fields are
refused), names and labels checked, immutable fields, optimistic locking by resourceVersion, generation, server-side
apply with field owners by manager (what a manager no longer applies is removed), merge patches, watches, deletion with
its propagation, secrets and their types. Controllers are replaced by their results: a Deployment is rolled out, a Job
is done and a Pod has succeeded as soon as it is written, unless `fail` holds the name of one.

What it does not cover: defaulting and pruning, admission beside the schema, RBAC, quotas, real scheduling, probes,
network policies at work, strategic merge patches, conflicts between several field managers, garbage collection by
owner references, and the time that anything takes.
"""

import base64
import copy
import functools
import json
import re
import threading
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import kubernetes_validate
import kubernetes_validate.utils
import yaml

# It would read its megabytes of schemas anew for each object.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)

VERSION = "1.37"
# group/version, kind, plural
KINDS = [
    ("v1", "ConfigMap", "configmaps"),
    ("v1", "Pod", "pods"),
    ("v1", "Secret", "secrets"),
    ("v1", "Service", "services"),
    ("v1", "ServiceAccount", "serviceaccounts"),
    ("apps/v1", "Deployment", "deployments"),
    ("apps/v1", "ReplicaSet", "replicasets"),
    ("apps/v1", "StatefulSet", "statefulsets"),
    ("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    ("batch/v1", "Job", "jobs"),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    ("monitoring.coreos.com/v1", "ServiceMonitor", "servicemonitors"),
    ("monitoring.coreos.com/v1", "PrometheusRule", "prometheusrules"),
]
# What no update may change.
IMMUTABLE = {
    "Deployment": ["spec.selector"],
    "StatefulSet": ["spec.selector", "spec.serviceName", "spec.volumeClaimTemplates", "spec.podManagementPolicy"],
    "Job": ["spec.template", "spec.selector", "spec.completions"],
    "Service": ["spec.clusterIP"],
    "Secret": ["type"],
    "Pod": ["spec"],
}
QUERIES = {
    "fieldManager", "fieldValidation", "force", "dryRun", "labelSelector", "fieldSelector", "limit", "continue", "watch",
    "resourceVersion", "resourceVersionMatch", "timeoutSeconds", "allowWatchBookmarks", "propagationPolicy", "timeout",
    "sendInitialEvents",
}
NAME = re.compile(r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")
DNS_LABEL = re.compile(r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")
LABEL = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")


class Refused(Exception):
    def __init__(self, code, reason, message):
        super().__init__(message)
        self.code, self.reason = code, reason


def get(tree, path):
    for word in path.split("."):
        tree = tree.get(word) if isinstance(tree, dict) else None
    return tree


def merged(old, new):
    """A merge patch: null removes, objects are merged, the rest is replaced."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    result = dict(old)
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def without(tree, applied, now):
    """What a manager applied before and does not apply now is removed; lists are owned whole."""
    if not all(isinstance(it, dict) for it in (tree, applied)):
        return tree
    now = now if isinstance(now, dict) else {}
    result = dict(tree)
    for key, value in applied.items():
        if key not in result:
            continue
        if key not in now:
            left = without(result[key], value, {}) if isinstance(value, dict) else None
            if left:
                result[key] = left
            else:
                del result[key]
        else:
            result[key] = without(result[key], value, now[key])
    return result


@functools.cache
def fault_of(text):
    """What the schema says against an object. Most are sent again and again as they were."""
    try:
        kubernetes_validate.validate(json.loads(text), VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        return error.message[:300]
    return None


def selected(it, query):
    labels = it["metadata"].get("labels", {})
    for part in filter(None, query.get("labelSelector", "").split(",")):
        key, sign, value = re.match(r"([^!=]+)(==|=|!=)(.*)$", part).groups()
        if (labels.get(key) == value) == (sign == "!="):
            return False
    for part in filter(None, query.get("fieldSelector", "").split(",")):
        key, value = part.split("=")
        if key == "metadata.name" and it["metadata"]["name"] != value:
            return False
    return True


def fields(data):
    """The fields of a protobuf message: number, and a number or bytes."""

    def varint(at):
        value = shift = 0
        while True:
            byte = data[at]
            value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
            if byte < 128:
                return value, at

    at = 0
    while at < len(data):
        tag, at = varint(at)
        if tag & 7 == 0:
            value, at = varint(at)
        elif tag & 7 == 2:
            size, at = varint(at)
            value, at = data[at : at + size], at + size
        else:
            raise Refused(400, "BadRequest", f"wire type {tag & 7}")
        yield tag >> 3, value


def secret_of(raw):
    """Helm keeps its releases as secrets, and its client writes those as protobuf."""
    if not raw.startswith(b"k8s\0"):
        raise Refused(400, "BadRequest", "no envelope of Kubernetes")
    envelope = dict(fields(raw[4:]))
    words = {number: text.decode() for number, text in fields(envelope[1])}
    if (words.get(1), words.get(2)) != ("v1", "Secret"):
        raise Refused(415, "UnsupportedMediaType", f"{words} as protobuf")
    it = {"apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": {}}
    entry = lambda value: {number: part for number, part in fields(value)}
    for number, value in fields(envelope[2]):
        if number == 1:
            for its, part in fields(value):
                name = {1: "name", 3: "namespace", 5: "uid", 6: "resourceVersion"}.get(its)
                if name and part:
                    it["metadata"][name] = part.decode()
                elif its in (11, 12):
                    pair = entry(part)
                    it["metadata"].setdefault({11: "labels", 12: "annotations"}[its], {})[pair[1].decode()] = pair.get(2, b"").decode()
        elif number == 2:
            pair = entry(value)
            it["data"][pair[1].decode()] = base64.b64encode(pair.get(2, b"")).decode()
        elif number == 3:
            it["type"] = value.decode()
    return it


class Cluster:
    """The objects, and all that happened to them."""

    def __init__(self, namespaces):
        self.namespaces = namespaces
        self.objects = {}
        self.applied = {}
        self.version = 100
        self.events = []
        self.log = []
        self.fail = set()
        self.changed = threading.Condition(threading.RLock())

    def names(self, kinds=None, **labels):
        wanted = {key.replace("_", "/"): value for key, value in labels.items()}
        return sorted(
            f"{it['kind']}/{it['metadata']['name']}"
            for it in self.objects.values()
            if (kinds is None or it["kind"] in kinds) and wanted.items() <= it["metadata"].get("labels", {}).items()
        )

    def check(self, it, kind, api, namespace):
        if it.get("kind") != kind or it.get("apiVersion") != api:
            raise Refused(400, "BadRequest", f"{it.get('apiVersion')}/{it.get('kind')} sent to {api}/{kind}")
        if it["metadata"].get("namespace", namespace) != namespace:
            raise Refused(400, "BadRequest", "the namespace of the provided object does not match the request")
        pattern = DNS_LABEL if kind == "Service" else NAME
        if not pattern.match(it["metadata"]["name"]) or (kind != "Secret" and len(it["metadata"]["name"]) > 63):
            raise Refused(422, "Invalid", f"metadata.name {it['metadata']['name']!r} is no name")
        for key, value in it["metadata"].get("labels", {}).items():
            if not isinstance(value, str) or len(value) > 63 or not LABEL.match(value):
                raise Refused(422, "Invalid", f"the label {key}: {value!r} is none")
        if "coreos" not in api:
            shown = {key: value for key, value in it.items() if key != "status"}
            fault = fault_of(json.dumps(shown, sort_keys=True))
            if fault:
                raise Refused(422, "Invalid", f"{kind} {it['metadata']['name']}: {fault}")
        if kind in ("Deployment", "StatefulSet"):
            selector, labels = it["spec"]["selector"]["matchLabels"], it["spec"]["template"]["metadata"]["labels"]
            if not selector.items() <= labels.items():
                raise Refused(422, "Invalid", "spec.template.metadata.labels: does not match spec.selector")

    def write(self, key, new, old):
        with self.changed:
            kind, name = new["kind"], new["metadata"]["name"]
            if old:
                for path in IMMUTABLE.get(kind, []):
                    if get(old, path) != get(new, path):
                        raise Refused(422, "Invalid", f"{kind} {name}: {path}: field is immutable")
            self.version += 1
            meta = new["metadata"]
            meta["namespace"] = key[0]
            meta["uid"] = old["metadata"]["uid"] if old else str(uuid.uuid4())
            meta["creationTimestamp"] = "2026-01-01T00:00:00Z"
            generation = old["metadata"]["generation"] if old else 0
            meta["generation"] = generation + (not old or old.get("spec") != new.get("spec"))
            same = old and {**new, "metadata": None, "status": None} == {**old, "metadata": None, "status": None}
            same = same and all(meta.get(it) == old["metadata"].get(it) for it in ("labels", "annotations"))
            meta["resourceVersion"] = old["metadata"]["resourceVersion"] if same else str(self.version)
            self.control(new)
            self.objects[key] = new
            if not same:
                self.log.append(("changed" if old else "created", kind, name))
                self.events.append((self.version, "MODIFIED" if old else "ADDED", key[1], copy.deepcopy(new)))
                self.changed.notify_all()
            return new

    def control(self, it):
        """What the controllers would come to."""
        kind, name, generation = it["kind"], it["metadata"]["name"], it["metadata"]["generation"]
        fails = any(name.endswith(word) for word in self.fail)
        if kind in ("Deployment", "StatefulSet"):
            count = 0 if fails else it["spec"].get("replicas", 1)
            it["status"] = {"observedGeneration": generation, "replicas": count, "readyReplicas": count,
                            "updatedReplicas": count, "availableReplicas": count, "currentReplicas": count,
                            "conditions": [{"type": "Available", "status": "True"},
                                           {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]}
        elif kind == "Job":
            done = "Failed" if fails else "Complete"
            it["status"] = {"failed": 1 if fails else 0, "succeeded": 0 if fails else 1, "startTime": "2026-01-01T00:00:00Z",
                            "conditions": [{"type": done, "status": "True", "reason": "fake", "message": "fake"}]}
        elif kind == "Pod":
            it["status"] = {"phase": "Failed" if fails else "Succeeded", "conditions": []}
        elif kind == "PodDisruptionBudget":
            it["status"] = {"observedGeneration": generation, "currentHealthy": 1, "desiredHealthy": 1,
                            "disruptionsAllowed": 1, "expectedPods": 1}
        elif kind == "HorizontalPodAutoscaler":
            it["status"] = {"observedGeneration": generation, "desiredReplicas": 1, "conditions": [
                {"type": "AbleToScale", "status": "True"}, {"type": "ScalingActive", "status": "True"}]}
        elif kind == "Service":
            it["status"] = {"loadBalancer": {}}

    def remove(self, key):
        with self.changed:
            it = self.objects.pop(key)
            self.applied.pop(key, None)
            self.version += 1
            it["metadata"]["resourceVersion"] = str(self.version)
            self.log.append(("deleted", it["kind"], it["metadata"]["name"]))
            self.events.append((self.version, "DELETED", key[1], it))
            self.changed.notify_all()
            return it


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster = None

    def log_message(self, *_):
        pass

    def answer(self, code, body):
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_call(self, method):
        url = urllib.parse.urlparse(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        size = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(size) if size else b""
        try:
            unknown = set(query) - QUERIES
            if unknown:
                raise Refused(400, "BadRequest", f"unknown parameters {sorted(unknown)}")
            self.route(method, url.path.rstrip("/"), query, raw)
        except Refused as refused:
            self.cluster.log.append(("refused", method, f"{self.path}: {refused}")) if refused.code not in (404,) else None
            self.answer(refused.code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                                       "message": str(refused), "reason": refused.reason, "code": refused.code})

    def do_GET(self):
        self.handle_call("GET")

    def do_POST(self):
        self.handle_call("POST")

    def do_PUT(self):
        self.handle_call("PUT")

    def do_PATCH(self):
        self.handle_call("PATCH")

    def do_DELETE(self):
        self.handle_call("DELETE")

    def route(self, method, path, query, raw):
        found = self.discovery(path) if method == "GET" else None
        if found is not None:
            return self.answer(200, found)
        match = re.match(r"^/api(?:s/([^/]+))?/(v[^/]+)/namespaces/([^/]+)/([^/]+)(?:/([^/]+))?$", path)
        if not match:
            name = re.match(r"^/api/v1/namespaces/([^/]+)$", path)
            if name and method == "GET" and name[1] in self.cluster.namespaces:
                return self.answer(200, {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name[1]}})
            raise Refused(404, "NotFound", f"the server could not find the requested resource {path}")
        group, version, namespace, plural, name = match.groups()
        api = f"{group}/{version}" if group else version
        kind = next((kind for known, kind, it in KINDS if known == api and it == plural), None)
        if kind is None or namespace not in self.cluster.namespaces:
            raise Refused(404, "NotFound", f"{plural} or the namespace {namespace} not found")
        key = (namespace, plural, name)
        with self.cluster.changed:
            old = self.cluster.objects.get(key)
            if name and old is None and method in ("GET", "PUT", "DELETE"):
                raise Refused(404, "NotFound", f'{plural} "{name}" not found')
        if method == "GET" and name:
            return self.answer(200, old)
        if method == "GET":
            return self.listed(namespace, plural, kind, api, query)
        if method == "DELETE":
            return self.answer(200, self.cluster.remove(key))
        sent = secret_of(raw) if "protobuf" in self.headers.get("Content-Type", "") else yaml.safe_load(raw)
        dry = query.get("dryRun") == "All"
        if method == "POST":
            sent["metadata"].setdefault("namespace", namespace)
            key = (namespace, plural, sent["metadata"]["name"])
            if key in self.cluster.objects:
                raise Refused(409, "AlreadyExists", f'{plural} "{key[2]}" already exists')
            self.cluster.check(sent, kind, api, namespace)
            return self.answer(201, sent if dry else self.cluster.write(key, sent, None))
        if method == "PUT":
            seen = sent["metadata"].get("resourceVersion")
            if seen and seen != old["metadata"]["resourceVersion"]:
                raise Refused(409, "Conflict", f'{plural} "{name}": the object has been modified')
            self.cluster.check(self.bare(sent), kind, api, namespace)
            return self.answer(200, self.cluster.write(key, sent, old))
        if method == "PATCH":
            return self.patch(key, kind, api, query, sent, old, dry)
        raise Refused(405, "MethodNotAllowed", method)

    @staticmethod
    def bare(it):
        shown = copy.deepcopy(it)
        for word in ("uid", "creationTimestamp", "generation", "resourceVersion", "managedFields"):
            shown["metadata"].pop(word, None)
        return shown

    def patch(self, key, kind, api, query, sent, old, dry):
        how = self.headers.get("Content-Type", "").split(";")[0]
        if how == "application/apply-patch+yaml":
            if not query.get("fieldManager"):
                raise Refused(400, "BadRequest", "fieldManager is required for apply patch")
            if query.get("fieldValidation", "Warn") == "Ignore":
                raise Refused(400, "BadRequest", "this server wants strict validation")
            self.cluster.check(sent, kind, api, key[0])
            before = self.cluster.applied.get((key, query["fieldManager"]), {})
            new = merged(without(copy.deepcopy(old or {}), before, sent), sent)
            if not dry:
                self.cluster.applied[(key, query["fieldManager"])] = copy.deepcopy(sent)
        elif how in ("application/merge-patch+json", "application/strategic-merge-patch+json"):
            if old is None:
                raise Refused(404, "NotFound", f'{key[1]} "{key[2]}" not found')
            if how.startswith("application/strategic") and kind != "Secret":
                raise Refused(415, "UnsupportedMediaType", "strategic merge patches are not served here")
            new = merged(copy.deepcopy(old), sent)
        else:
            raise Refused(415, "UnsupportedMediaType", how)
        self.cluster.check(self.bare(new), kind, api, key[0])
        return self.answer(200 if old else 201, new if dry else self.cluster.write(key, new, old))

    def listed(self, namespace, plural, kind, api, query):
        if query.get("watch") in ("1", "true"):
            return self.watch(namespace, plural, query)
        with self.cluster.changed:
            items = [it for (there, its, _), it in sorted(self.cluster.objects.items())
                     if there == namespace and its == plural and selected(it, query)]
            version = str(self.cluster.version)
            return self.answer(200, {"kind": f"{kind}List", "apiVersion": api, "metadata": {"resourceVersion": version},
                                     "items": items})

    def watch(self, namespace, plural, query):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        after = int(query.get("resourceVersion") or 0)
        seconds = float(query.get("timeoutSeconds") or 30)

        def send(kind, it):
            line = json.dumps({"type": kind, "object": it}).encode() + b"\n"
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            self.wfile.flush()

        try:
            if query.get("sendInitialEvents") == "true":
                with self.cluster.changed:
                    there = [it for (ns, its, _), it in self.cluster.objects.items() if ns == namespace and its == plural]
                    after = self.cluster.version
                for it in there:
                    if selected(it, query):
                        send("ADDED", it)
                api, kind = next((api, kind) for api, kind, it in KINDS if it == plural)
                send("BOOKMARK", {"kind": kind, "apiVersion": api, "metadata": {
                    "resourceVersion": str(after), "annotations": {"k8s.io/initial-events-end": "true"}}})
            while True:
                with self.cluster.changed:
                    fresh = [event for event in self.cluster.events if event[0] > after and event[2] == plural]
                    if not fresh and not self.cluster.changed.wait(timeout=min(seconds, 1)):
                        seconds -= 1
                        if seconds <= 0:
                            break
                for version, kind, _, it in fresh:
                    after = version
                    if it["metadata"]["namespace"] == namespace and selected(it, query):
                        send(kind, it)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            return  # the client has seen enough

    @staticmethod
    def openapi(api, prefix):
        """Only what a client looks for: that a PATCH can be validated by the server."""
        group, _, version = api.rpartition("/")
        strict = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]
        return {"openapi": "3.0.0", "info": {"title": "fake", "version": VERSION}, "components": {"schemas": {}}, "paths": {
            f"/{prefix}/namespaces/{{namespace}}/{plural}/{{name}}": {"patch": {
                "x-kubernetes-action": "patch", "parameters": strict, "responses": {},
                "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind}}}
            for known, kind, plural in KINDS if known == api}}

    def discovery(self, path):
        groups = sorted({api for api, _, _ in KINDS if "/" in api})
        if path == "/version":
            major, minor = VERSION.split(".")
            return {"major": major, "minor": minor, "gitVersion": f"v{VERSION}.0", "platform": "linux/amd64"}
        prefix = lambda api: f"api/{api}" if api == "v1" else f"apis/{api}"
        if path == "/openapi/v3":
            return {"paths": {prefix(api): {"serverRelativeURL": f"/openapi/v3/{prefix(api)}"} for api in ["v1", *groups]}}
        for api in ["v1", *groups]:
            if path == f"/openapi/v3/{prefix(api)}":
                return self.openapi(api, prefix(api))
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            one = lambda api: {"groupVersion": api, "version": api.split("/")[1]}
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [
                {"name": api.split("/")[0], "versions": [one(api)], "preferredVersion": one(api)} for api in groups]}
        for api in ["v1", *groups]:
            if path == ("/api/v1" if api == "v1" else f"/apis/{api}"):
                verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
                resources = [{"name": plural, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": verbs}
                             for known, kind, plural in KINDS if known == api]
                if api == "v1":
                    resources.append({"name": "namespaces", "singularName": "namespace", "namespaced": False,
                                      "kind": "Namespace", "verbs": ["get", "list"]})
                return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api, "resources": resources}
        return None


def serve(namespaces):
    """A cluster and the address of its server, in this process."""
    cluster = Cluster(namespaces)
    handler = type("Bound", (Handler,), {"cluster": cluster})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return cluster, f"http://127.0.0.1:{server.server_address[1]}"
