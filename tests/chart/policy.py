"""Checks rendered manifests: schemas of Kubernetes, restricted pod security, selectors, the call graph.

    policy.py FILE            every rule; the violations, one a line; ends 1 if there is one
    policy.py --names FILE    kind/name of each object
"""

import sys

import yaml

# The oldest and newest Kubernetes that the chart is for.
VERSIONS = ("1.30", "1.37")


def pods(objects):
    for it in objects:
        if it["kind"] == "Pod":
            yield it["metadata"]["name"], it["metadata"], it["spec"]
        elif "template" in it.get("spec", {}):
            template = it["spec"]["template"]
            yield it["metadata"]["name"], template["metadata"], template["spec"]


def schema_faults(objects):
    import kubernetes_validate

    for version in VERSIONS:
        for it in objects:
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
            for env in container.get("env", []):
                if "secretKeyRef" in env.get("valueFrom", {}):
                    yield f"{who}: {env['name']} takes a secret through the environment"
                if "DATABASE" in env["name"] and "://" in env.get("value", ""):
                    yield f"{who}: {env['name']} stands in the open"
            for source in container.get("envFrom", []):
                data = config[source["configMapRef"]["name"]]
                stop = float(data["DEALFLOW_STOP_NOTICE"]) + float(data["DEALFLOW_STOP_DRAIN"])
                if spec["terminationGracePeriodSeconds"] < stop + 5:
                    yield f"{who}: is killed before it has stopped"


def selector_faults(objects):
    labels = [meta["labels"] for _, meta, _ in pods(objects)]
    for it in objects:
        spec = it.get("spec", {})
        selector = spec.get("selector") if it["kind"] == "Service" else spec.get("selector", {}).get("matchLabels")
        if selector and sum(selector.items() <= own.items() for own in labels) != 1:
            yield f"{name(it)}: does not select exactly one workload"


def graph_faults(objects):
    """What a part may call and who may call it are the same edges, and those of the configuration."""
    out, into = set(), set()
    for it in objects:
        if it["kind"] != "NetworkPolicy":
            continue
        me = it["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/component")
        for rule in it["spec"].get("egress", []):
            out |= {(me, other) for other in components(rule.get("to", []))}
        for rule in it["spec"].get("ingress", []):
            into |= {(other, me) for other in components(rule.get("from", []))}
    for edge in sorted(out ^ into):
        yield f"network policies: {edge[0]} -> {edge[1]} stands on one side only"


def components(peers):
    for peer in peers:
        labels = peer.get("podSelector", {}).get("matchLabels", {})
        if "app.kubernetes.io/component" in labels:
            yield labels["app.kubernetes.io/component"]


def name(it):
    return f"{it['kind']}/{it['metadata']['name']}"


def main(arguments):
    with open(arguments[-1], encoding="utf-8") as file:
        objects = [it for it in yaml.safe_load_all(file) if it]
    if arguments[0] == "--names":
        print("\n".join(name(it) for it in objects))
        return 0
    faults = [*schema_faults(objects), *pod_faults(objects), *selector_faults(objects), *graph_faults(objects)]
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
