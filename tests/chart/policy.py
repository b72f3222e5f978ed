"""Checks rendered manifests: schemas of Kubernetes, restricted pod security, certificates and tokens, selectors, the call
graph.

    policy.py FILE            every rule; the violations, one a line; ends 1 if there is one
    policy.py --names FILE    kind/name of each object
    policy.py --rules FILE    the alerts as a file for promtool
    policy.py --environment FILE…  the variables that pods are given
    policy.py --outside FILE  the ports to which the gateway is let out of the release, DNS left out
"""

import functools
import sys

import yaml

# The oldest and newest Kubernetes that the chart is for.
VERSIONS = ("1.30", "1.37")


class Loader(yaml.SafeLoader):
    """Refuses a key that stands twice: which of them counts is the reader's choice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(set(keys)) != len(keys):
            raise yaml.constructor.ConstructorError(None, None, f"a key stands twice among {keys}", node.start_mark)
        return super().construct_mapping(node, deep)


def pods(objects):
    for it in objects:
        if it["kind"] == "Pod":
            yield it["metadata"]["name"], it["metadata"], it["spec"]
        elif "template" in it.get("spec", {}):
            template = it["spec"]["template"]
            yield it["metadata"]["name"], template["metadata"], template["spec"]


# Kinds of Prometheus's operator and of cert-manager: no Kubernetes has their schema. promtool checks the rules,
# `scrape_faults` the monitor, `security_faults` the certificates.
FOREIGN = ("monitoring.coreos.com/", "cert-manager.io/")


def schema_faults(objects):
    import kubernetes_validate
    import kubernetes_validate.utils as utils

    # It would read its megabytes of schemas anew for each object.
    utils.schema_contents = functools.cache(utils.schema_contents)
    for version in VERSIONS:
        for it in objects:
            if it["apiVersion"].startswith(FOREIGN):
                continue
            try:
                kubernetes_validate.validate(it, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{name(it)}: not of Kubernetes {version}: {error.message}"


def pod_faults(objects):
    config = {it["metadata"]["name"]: it["data"] for it in objects if it["kind"] == "ConfigMap"}
    for who, _, spec in pods(objects):
        pod = spec["securityContext"]
        if not pod.get("runAsNonRoot") or pod.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{who}: the pod's security is not restricted"
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{who}: mounts a token"
        for container in spec["containers"]:
            own = container["securityContext"]
            if own.get("allowPrivilegeEscalation") is not False or not own.get("readOnlyRootFilesystem"):
                yield f"{who}: the container's security is not restricted"
            if own.get("capabilities", {}).get("drop") != ["ALL"]:
                yield f"{who}: keeps capabilities"
            if "memory" not in container["resources"].get("limits", {}):
                yield f"{who}: has no memory limit"
            if container["image"].endswith(":latest") or not (":" in container["image"]):
                yield f"{who}: {container['image']} is no fixed image"
            names = [env["name"] for env in container.get("env", [])]
            for twice in sorted({it for it in names if names.count(it) > 1}):
                yield f"{who}: {twice} stands twice"
            for env in container.get("env", []):
                if "secretKeyRef" in env.get("valueFrom", {}):
                    yield f"{who}: {env['name']} takes a secret through the environment"
                if env["name"] in ("DEALFLOW_DATABASE_URL", "DEALFLOW_NATS_URL") and not env.get("value", "").startswith("@/secrets/"):
                    yield f"{who}: {env['name']} stands in the open"
            for source in container.get("envFrom", []):
                data = config[source["configMapRef"]["name"]]
                stop = float(data["DEALFLOW_STOP_NOTICE"]) + float(data["DEALFLOW_STOP_DRAIN"])
                if spec["terminationGracePeriodSeconds"] < stop + 5:
                    yield f"{who}: is killed before it has stopped"


def security_faults(objects):
    """Either nothing is encrypted and it says so, or every part has a certificate, the gateway asks for tokens, every part
    for the certificates of those that call it, and every file that the program is told of is mounted."""
    config = {it["metadata"]["name"]: it["data"] for it in objects if it["kind"] == "ConfigMap"}
    certificates = [it for it in objects if it["kind"] == "Certificate"]
    made = {it["spec"]["secretName"]: it["spec"]["dnsNames"] for it in certificates}
    whose = {it["spec"]["secretName"]: it["metadata"]["labels"]["app.kubernetes.io/component"] for it in certificates}
    calls, _ = edges(objects)
    for who, meta, spec in pods(objects):
        (container,) = spec["containers"]
        env = {it["name"]: it["value"] for it in container.get("env", [])}
        shared = {key: value for it in container.get("envFrom", []) for key, value in config[it["configMapRef"]["name"]].items()}
        mounts = {it["mountPath"]: it["name"] for it in container.get("volumeMounts", [])}
        for key, value in env.items():
            folder = value.lstrip("@").rsplit("/", 1)[0]
            if value.lstrip("@").startswith("/") and folder not in mounts:
                yield f"{who}: {key} is {value}, where nothing is mounted"
        for mount in container.get("volumeMounts", []):
            if "subPath" in mount:
                yield f"{who}: {mount['mountPath']} is one file, which kubelet never renews"
        for volume in spec.get("volumes", []):
            if volume["name"] not in mounts.values():
                yield f"{who}: {volume['name']} is mounted nowhere"
        if not shared:
            continue  # no part: a pod that runs once
        part = meta["labels"]["app.kubernetes.io/component"]
        secure = {key for key in env if key.startswith(("DEALFLOW_TLS_", "DEALFLOW_TOKEN_"))}
        if shared["DEALFLOW_INSECURE"] == "true":
            if secure:
                yield f"{who}: is insecure and has {sorted(secure)}"
            continue
        asks = {"DEALFLOW_TOKEN_KEYS", "DEALFLOW_TOKEN_ISSUER", "DEALFLOW_TOKEN_AUDIENCE"} if part == "gateway" else set()
        callers = {caller for caller, called in calls if called == part and caller != "test"}
        if callers or part != "gateway":
            asks |= {"DEALFLOW_TLS_CLIENT_CA", "DEALFLOW_TLS_PEERS"}
        if any(caller == part for caller, _ in calls):
            asks.add("DEALFLOW_TLS_CA")
        for key in sorted({"DEALFLOW_TLS_CERT", "DEALFLOW_TLS_KEY"} | asks):
            if not env.get(key):
                yield f"{who}: has no {key}"
        for key, value in {**shared, **env}.items():
            if key.endswith("_URL") and value.startswith("http://") and key != "DEALFLOW_ERP_URL":
                yield f"{who}: calls {value} in the open"
        (secret,) = [it["secret"]["secretName"] for it in spec["volumes"] if it["name"] == "tls"]
        names = made.get(secret, [])
        if made and who not in names:
            yield f"{who}: its certificate is not of its own name"
        if made and "DEALFLOW_TLS_PEERS" in env:
            peers = set(env["DEALFLOW_TLS_PEERS"].split(","))
            known = {its: whose[secret] for secret, names in made.items() for its in names}
            for peer in sorted(peers - set(known)):
                yield f"{who}: lets {peer} in, which no certificate names"
            # One that nobody calls must ask for something: for its own name.
            if {known[peer] for peer in peers & set(known)} != (callers or {part}):
                yield f"{who}: lets in {sorted(peers)}, and is called by {sorted(callers)}"


def name_faults(objects):
    """A name becomes a host's or a label: 63 letters, of which a StatefulSet leaves eleven to its revisions."""
    for it in objects:
        if len(it["metadata"]["name"]) > (52 if it["kind"] == "StatefulSet" else 63):
            yield f"{name(it)}: has {len(it['metadata']['name'])} letters"


def selector_faults(objects):
    labels = [meta["labels"] for _, meta, _ in pods(objects)]
    for it in objects:
        if it["apiVersion"].startswith(FOREIGN):
            continue
        spec = it.get("spec", {})
        selector = spec.get("selector") if it["kind"] == "Service" else spec.get("selector", {}).get("matchLabels")
        if selector and sum(selector.items() <= own.items() for own in labels) != 1:
            yield f"{name(it)}: does not select exactly one workload"


def data_faults(objects):
    """A part that keeps files keeps them on a volume that outlives its pod."""
    config = {it["metadata"]["name"]: it["data"] for it in objects if it["kind"] == "ConfigMap"}
    for it in objects:
        if it["kind"] not in ("StatefulSet", "Deployment"):
            continue
        claimed = {claim["metadata"]["name"] for claim in it["spec"].get("volumeClaimTemplates", [])}
        (container,) = it["spec"]["template"]["spec"]["containers"]
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        for source in container["envFrom"]:
            data = config[source["configMapRef"]["name"]].get("DEALFLOW_DATA")
            if data and mounts.get(data) not in claimed:
                yield f"{name(it)}: its records at {data} end with the pod"
        if "DEALFLOW_DATABASE_URL" in {env["name"] for env in container["env"]} and claimed:
            yield f"{name(it)}: has a volume beside its database"


def edges(objects):
    """Who may call whom, by what is let out and by what is let in."""
    out, into = set(), set()
    for it in objects:
        if it["kind"] != "NetworkPolicy":
            continue
        me = it["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/component")
        for rule in it["spec"].get("egress", []):
            out |= {(me, other) for other in components(rule.get("to", []))}
        for rule in it["spec"].get("ingress", []):
            into |= {(other, me) for other in components(rule.get("from", []))}
    return out, into


def graph_faults(objects):
    """What a part may call and who may call it are the same edges."""
    out, into = edges(objects)
    for edge in sorted(out ^ into):
        yield f"network policies: {edge[0]} -> {edge[1]} stands on one side only"


def components(peers):
    for peer in peers:
        labels = peer.get("podSelector", {}).get("matchLabels", {})
        if "app.kubernetes.io/component" in labels:
            yield labels["app.kubernetes.io/component"]


def probe_faults(objects):
    """Probes and scrapes go to the operators' port, which the container has and the configuration opens."""
    config = {it["metadata"]["name"]: it["data"] for it in objects if it["kind"] == "ConfigMap"}
    for who, meta, spec in pods(objects):
        for container in spec["containers"]:
            probes = [container[it] for it in ("startupProbe", "livenessProbe", "readinessProbe") if it in container]
            if not probes:
                continue  # a pod that runs once
            admin = {port["containerPort"] for port in container["ports"] if port["name"] == "admin"}
            listens = {
                int(config[it["configMapRef"]["name"]]["DEALFLOW_ADMIN_LISTEN"].rsplit(":", 1)[1])
                for it in container.get("envFrom", [])
            }
            if not admin == listens == {probe["grpc"]["port"] for probe in probes}:
                yield f"{who}: probes, port and configuration do not agree on the operators' port"


def scrape_faults(objects):
    """A monitor selects the service of each part, by a port that they have, and the policies let its scrapes in."""
    for monitor in (it for it in objects if it["kind"] == "ServiceMonitor"):
        selector = monitor["spec"]["selector"]["matchLabels"].items()
        (endpoint,) = monitor["spec"]["endpoints"]
        services = [it for it in objects if it["kind"] == "Service" and selector <= it["metadata"]["labels"].items()]
        if not services:
            yield f"{name(monitor)}: selects no service"
        for service in services:
            ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
            if endpoint["port"] not in ports:
                yield f"{name(monitor)}: {name(service)} has no port {endpoint['port']}"
                continue
            part = service["spec"]["selector"]["app.kubernetes.io/component"]
            open_ports = {
                port["port"]
                for it in objects
                if it["kind"] == "NetworkPolicy"
                and it["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/component") == part
                for rule in it["spec"].get("ingress", [])
                for port in rule["ports"]
            }
            if any(it["kind"] == "NetworkPolicy" for it in objects) and ports[endpoint["port"]] not in open_ports:
                yield f"{name(monitor)}: the network policy of {part} lets no scrape in"


def environment(objects):
    given = {it["name"] for _, _, spec in pods(objects) for container in spec["containers"] for it in container.get("env", [])}
    shared = {key for it in objects if it["kind"] == "ConfigMap" for key in it["data"] if key.isupper()}
    return {it for it in given | shared if it not in ("DEALFLOW_CA", "DEALFLOW_TOKEN_FILE")}  # those of the test


def outside(objects):
    for it in objects:
        if it["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/component") == "gateway":
            for rule in it["spec"]["egress"]:
                if not list(components(rule.get("to", []))):
                    yield from (port["port"] for port in rule["ports"] if port["port"] != 53)


def name(it):
    return f"{it['kind']}/{it['metadata']['name']}"


def main(arguments):
    objects = []
    for path in arguments[1:] if arguments[0] == "--environment" else arguments[-1:]:
        with open(path, encoding="utf-8") as file:
            objects += [it for it in yaml.load_all(file, Loader) if it]
    if arguments[0] == "--environment":
        print("\n".join(sorted(environment(objects))))
        return 0
    if arguments[0] == "--rules":
        for it in objects:
            if it["kind"] == "PrometheusRule":
                yaml.safe_dump(it["spec"], sys.stdout)
        return 0
    if arguments[0] == "--outside":
        print(*sorted(outside(objects)))
        return 0
    if arguments[0] == "--names":
        print("\n".join(name(it) for it in objects))
        return 0
    rules = (
        schema_faults, pod_faults, security_faults, data_faults, probe_faults, scrape_faults, name_faults, selector_faults,
        graph_faults,
    )
    faults = [fault for rule in rules for fault in rule(objects)]
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
