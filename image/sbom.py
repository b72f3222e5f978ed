"""The bill of materials of the program as CycloneDX 1.6, from what cargo says that it is built of.

    sbom.py >dealflow.cdx.json

Normal dependencies of the program for the target, transitively: what is linked, not what only builds or tests (macros,
build scripts, test crates).
"""

import hashlib
import json
import subprocess
import sys
import tomllib

TARGET = "x86_64-unknown-linux-gnu"


def main():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET]
    meta = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    packages = {it["id"]: it for it in meta["packages"]}
    nodes = {it["id"]: it for it in meta["resolve"]["nodes"]}
    root = next(it["id"] for it in meta["packages"] if it["name"] == "dealflow")
    with open("Cargo.lock", "rb") as lock:
        sums = {(it["name"], it["version"]): it.get("checksum") for it in tomllib.load(lock)["package"]}

    linked, ahead, edges = set(), [root], {}
    while ahead:
        here = ahead.pop()
        if here in linked:
            continue
        linked.add(here)
        needs = [dep["pkg"] for dep in nodes[here]["deps"]
                 if any(kind["kind"] is None for kind in dep["dep_kinds"])
                 and not any("proc-macro" in target["kind"] for target in packages[dep["pkg"]]["targets"])]
        edges[here] = needs
        ahead += needs

    def ref(of):
        return f"pkg:cargo/{packages[of]['name']}@{packages[of]['version']}"

    def component(of):
        it = packages[of]
        entry = {"type": "application" if of == root else "library", "bom-ref": ref(of), "name": it["name"],
                 "version": it["version"], "purl": ref(of)}
        if it["license"]:
            entry["licenses"] = [{"expression": it["license"].replace("/", " OR ")}]
        if sums.get((it["name"], it["version"])):
            entry["hashes"] = [{"alg": "SHA-256", "content": sums[it["name"], it["version"]]}]
        return entry

    order = sorted(linked, key=ref)
    bom = {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"component": component(root)},
        "components": [component(it) for it in order if it != root],
        "dependencies": [{"ref": ref(it), "dependsOn": sorted({ref(to) for to in edges[it]})} for it in order],
    }
    # The same input gives the same bytes: the serial number is that of the content.
    digest = hashlib.sha256(json.dumps(bom, sort_keys=True).encode()).hexdigest()
    uuid = f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
    json.dump({**bom, "serialNumber": f"urn:uuid:{uuid}"}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
