"""Runs the suite as the chart would behind certificates and tokens: the real program, once per part, with the environment,
files and arguments of the rendered pods; then what `helm test` runs, and who must not get in. Where nats-server is there
its events go to that, too, over TLS.

What the cluster does is played: secrets and config maps become folders, names of services become this machine. Asks for:
helm 4, openssl, python3 with PyYAML, and `target/debug/dealflow` (or what DEALFLOW names).
"""

import base64
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = os.environ.get("DEALFLOW", str(ROOT / "target" / "debug" / "dealflow"))
PORT = int(os.environ.get("PORT", "17400"))
VALUES = {
    "security.insecure": "false",
    "security.tls.existingSecret": "tls-{part}",
    "security.tokens.jwks.existingConfigMap": "keys",
    "security.tokens.issuer": "https://id.example",
    "security.tokens.audience": "dealflow",
    "security.roles.existingConfigMap": "roles",
    "security.test.existingSecret": "token",
}
NATS = shutil.which("nats-server", path=os.environ["PATH"] + ":/usr/sbin")
if NATS:
    VALUES |= {"events.nats.enabled": "true", "events.nats.existingSecret": "broker", "events.nats.ca.existingConfigMap": "broker-ca"}
FEEDS = {"leads", "opportunities", "activities", "orders", "gateway"}


def run(*arguments, **more):
    return subprocess.run([str(it) for it in arguments], check=True, capture_output=True, **more).stdout


def unpadded(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Authority:
    """The parts' authority, and the identity provider."""

    def __init__(self, folder):
        self.folder = folder
        self.key(folder / "ca.key")
        run("openssl", "req", "-x509", "-new", "-key", folder / "ca.key", "-subj", "/CN=house", "-days", "2", "-out", folder / "ca.crt")
        self.key(folder / "id.key")

    @staticmethod
    def key(path):
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)

    def certify(self, names):
        """What a secret of type kubernetes.io/tls holds."""
        key, request, cert, names_file = (self.folder / it for it in ("it.key", "it.csr", "it.crt", "it.ext"))
        self.key(key)
        run("openssl", "req", "-new", "-key", key, "-subj", "/CN=part", "-out", request)
        names_file.write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
        run("openssl", "x509", "-req", "-in", request, "-CA", self.folder / "ca.crt", "-CAkey", self.folder / "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", names_file, "-out", cert)
        return {"tls.crt": cert.read_text(), "tls.key": key.read_text(), "ca.crt": (self.folder / "ca.crt").read_text()}

    def keys(self):
        point = run("openssl", "pkey", "-in", self.folder / "id.key", "-pubout", "-outform", "DER")[-64:]
        key = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "one", "x": unpadded(point[:32]), "y": unpadded(point[32:])}
        return json.dumps({"keys": [key]})

    def token(self, **claims):
        now = int(time.time())
        claims = {"iss": "https://id.example", "aud": "dealflow", "sub": "test", "iat": now, "exp": now + 600, **claims}
        head = ".".join(unpadded(json.dumps(it).encode()) for it in ({"alg": "ES256", "kid": "one"}, claims))
        der = run("openssl", "dgst", "-sha256", "-sign", self.folder / "id.key", input=head.encode())
        numbers, at = b"", 2  # SEQUENCE of two INTEGERs
        for _ in range(2):
            size = der[at + 1]
            numbers += der[at + 2 : at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
            at += 2 + size
        return f"{head}.{unpadded(numbers)}"


def rendered(template):
    settings = [it for key, value in VALUES.items() for it in ("--set", f"{key}={value}")]
    text = run(os.environ.get("HELM", "helm"), "template", "deal", ROOT / "helm" / "dealflow", "--namespace", "sales", "-s", template, *settings)
    return [it for it in yaml.safe_load_all(text) if it]


def mounted(folder, spec, objects):
    """The folders that a pod's volumes become, by where they are mounted."""
    (container,) = spec["containers"]
    volumes = {it["name"]: it for it in spec.get("volumes", [])}
    folders = {}
    for mount in container.get("volumeMounts", []):
        volume = volumes.get(mount["name"], {})
        source = volume.get("secret") or volume.get("configMap")
        at = folders[mount["mountPath"]] = folder / mount["name"]
        at.mkdir(parents=True, exist_ok=True)
        if source:
            held = objects[source.get("secretName") or source["name"]]
            for item in source.get("items", [{"key": key, "path": key} for key in held]):
                (at / item["path"]).write_text(held[item["key"]])
    return folders


def here(text, folders):
    """A value of the pod's environment as it is on this machine."""
    for path, folder in folders.items():
        text = text.replace(path, str(folder)) if text.lstrip("@").startswith(path) else text
    for part in PARTS:
        text = text.replace(f"deal-dealflow-{part}:", "localhost:")
    return text.replace("0.0.0.0:74", f"127.0.0.1:{PORT // 100}").replace("localhost:74", f"localhost:{PORT // 100}")


PARTS = ("leads", "opportunities", "activities", "orders", "erp", "gateway", *(["events-nats"] if NATS else []))


class Broker:
    """NATS with JetStream behind a certificate and a password."""

    def __init__(self, folder, held):
        self.folder = folder
        folder.mkdir()
        for key, value in held.items():
            (folder / key).write_text(value)
        self.port, self.told = PORT + 30, f"http://127.0.0.1:{PORT + 31}"
        self.url = f"tls://deal:s3cret@localhost:{self.port}"
        (folder / "nats.conf").write_text(
            f"listen: 127.0.0.1:{self.port}, http: 127.0.0.1:{PORT + 31}, jetstream {{ store_dir: {folder} }}\n"
            f"tls {{ cert_file: {folder}/tls.crt, key_file: {folder}/tls.key }}\n"
            "authorization { user: deal, password: s3cret }\n")
        self.start()

    def start(self):
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen([NATS, "-c", self.folder / "nats.conf"], stdout=log, stderr=log)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)

    def connections(self):
        """How many there are; none while it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.told}/varz", timeout=5) as answer:
                return json.load(answer)["connections"]
        except OSError:
            return 0

    def kept(self):
        """How many messages each stream has."""
        with urllib.request.urlopen(f"{self.told}/jsz?streams=1", timeout=5) as answer:
            streams = [it for account in json.load(answer).get("account_details", []) for it in account["stream_detail"]]
        return {it["name"]: it["state"]["messages"] for it in streams}


def by_feed(admin, metric):
    """What a publisher tells of each feed."""
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=5) as answer:
        lines = re.findall(rf'^{metric}\{{.*dealflow_feed="(\w+)".*\}} ([\d.]+)', answer.read().decode(), re.M)
    return {feed: sum(float(value) for its, value in lines if its == feed) for feed, _ in lines}


def published(admin):
    """How many events a publisher has had acknowledged, by feed."""
    return by_feed(admin, "dealflow_events_published_total")


def within(seconds, true):
    """Whether something comes true in time."""
    deadline = time.time() + seconds
    while not (right := true()) and time.time() < deadline:
        time.sleep(0.2)
    return right


def main():
    folder = pathlib.Path(tempfile.mkdtemp())
    house = Authority(folder)
    service = lambda part: f"deal-dealflow-{part}"
    objects = {f"tls-{it}": house.certify([service(it), f"{service(it)}.sales.svc", "localhost"]) for it in PARTS}
    objects["keys"] = {"jwks.json": house.keys()}
    objects["roles"] = {"roles.txt": (ROOT / "services" / "chassis" / "src" / "security" / "roles.txt").read_text()}
    objects["token"] = {"token": house.token(roles=["admin"])}
    broker = Broker(folder / "nats-server", objects["tls-events-nats"]) if NATS else None
    if broker:
        objects |= {"broker": {"url": broker.url}, "broker-ca": {"ca.crt": objects["tls-events-nats"]["ca.crt"]}}
    (config,) = rendered("templates/config.yaml")
    pods = {it["metadata"]["labels"]["app.kubernetes.io/component"]: it["spec"]["template"]["spec"]
            for it in rendered("templates/parts.yaml") if it["kind"] == "StatefulSet"}
    assert sorted(pods) == sorted(PARTS), pods.keys()
    bare = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    running, faults, passed = [], [], 0

    def check(what, right, said=""):
        nonlocal passed
        passed += bool(right)
        if not right:
            faults.append(f"{what}: {said}")

    def ask(*arguments, **env):
        return subprocess.run([PROGRAM, *arguments], env={**bare, **env}, capture_output=True, text=True, timeout=60)

    def start(name, arguments, env):
        with open(folder / f"{name}.log", "w") as log:
            running.append(subprocess.Popen([PROGRAM, *arguments], env={**bare, **env}, stdout=log, stderr=log))

    environments = {}
    try:
        for index, part in enumerate(PARTS):
            folders = mounted(folder / part, pods[part], objects)
            (container,) = pods[part]["containers"]
            env = {**config["data"], **{it["name"]: it["value"] for it in container["env"]}}
            env = {key: here(value, folders) for key, value in env.items()}
            env["DEALFLOW_ADMIN_LISTEN"] = f"127.0.0.1:{PORT + 10 + index}"  # one machine has each port once
            environments[part] = env
            start(part, container["args"], env)
        for index, part in enumerate(PARTS):
            ready = within(60, lambda: not ask("health", f"http://127.0.0.1:{PORT + 10 + index}").returncode)
            check(f"{part} is ready", ready, (folder / f"{part}.log").read_text()[-2000:])

        (test,) = rendered("templates/tests/deal.yaml")
        pod = test["spec"]["template"]["spec"]
        folders = mounted(folder / "test", pod, objects)
        (container,) = pod["containers"]
        arguments = [here(it, folders) for it in container["args"]]
        env = {it["name"]: here(it["value"], folders) for it in container["env"]}
        said = ask(*arguments, **env)
        check("helm test takes a deal through", said.returncode == 0, said.stdout + said.stderr)

        gateway, ca = f"https://localhost:{PORT}", str(folders["/secrets/ca"] / "ca.crt")
        said = ask("health", gateway, "--ca", ca)
        check("the gateway tells anybody that it is ready", said.returncode == 0, said.stderr)
        check("nobody is let in without a token", "UNAUTHENTICATED" in (said := ask("pipeline", "--gateway", gateway, "--ca", ca)).stderr.upper(), said)
        forged = house.token(roles=["admin"], aud="another")
        said = ask("pipeline", "--gateway", gateway, "--ca", ca, DEALFLOW_TOKEN=forged)
        check("a token for somebody else is not believed", "UNAUTHENTICATED" in said.stderr.upper(), said)
        said = ask("pipeline", "--gateway", gateway, DEALFLOW_TOKEN=objects["token"]["token"])
        check("a certificate of another authority is not believed", said.returncode != 0, said)
        said = ask("pipeline", "--gateway", f"https://localhost:{PORT + 2}", "--ca", ca, DEALFLOW_TOKEN=objects["token"]["token"])
        check("a part answers nobody but the gateway", said.returncode != 0, said)

        if broker:
            told = lambda: published(PORT + 10 + PARTS.index("events-nats"))
            whole = within(20, lambda: set(told()) == FEEDS and broker.kept() == {"DEALFLOW": sum(told().values())})
            check("the events of every part are on the broker", whole, (told(), broker.kept(), (folder / "events-nats.log").read_text()[-2000:]))
            # A broker that was away and is back: nothing has happened since, so nothing is behind.
            broker.stop()
            time.sleep(1)
            broker.start()
            connected = within(30, broker.connections)
            time.sleep(6)  # ages are looked at every five seconds
            ages = lambda: by_feed(PORT + 10 + PARTS.index("events-nats"), "dealflow_events_behind_age_seconds")
            check("after its restart no feed counts as behind", connected and within(10, lambda: ages() == dict.fromkeys(FEEDS, 0)), ages())
            # The same publisher with the certificate of a part that nobody is to let in, though their authority signed it.
            other = {**environments["events-nats"], **{key: environments["leads"][key] for key in ("DEALFLOW_TLS_CERT", "DEALFLOW_TLS_KEY")}}
            other |= {"DEALFLOW_DATA": str(folder / "other"), "DEALFLOW_LISTEN": f"127.0.0.1:{PORT + 40}",
                      "DEALFLOW_ADMIN_LISTEN": f"127.0.0.1:{PORT + 49}", "DEALFLOW_LOG_FORMAT": "human",
                      "DEALFLOW_NATS_STREAM": "OTHER", "DEALFLOW_NATS_PREFIX": "other"}
            start("other", ["serve", "events-nats"], other)
            log = folder / "other.log"
            refused = lambda: {it for it in FEEDS if re.search(f'feed="{it}".*say who calls', log.read_text())}
            check("a part that is not named reads no feed, not the gateway's either", within(20, lambda: refused() == FEEDS)
                  and not published(PORT + 49) and broker.kept().get("OTHER") == 0, log.read_text()[-3000:])
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(timeout=60)
        if broker:
            broker.stop()
    check("every part stops in order", all(it.returncode == 0 for it in running), [it.returncode for it in running])
    print("\n".join(faults))
    events = "its events too" if broker else "not run: its events, nats-server is missing"
    print(f"the chart behind certificates and tokens: {passed} passed, {len(faults)} failed; {events}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
