"""A suite of processes for the scripts beside this file: parts, replicas, a PostgreSQL cluster of its own.

In Kubernetes a service's name leads to those of its replicas that are ready. Here a small balancer stands for that: a
TCP port for each part, which takes a new connection to the next replica in rotation. A replica leaves the rotation when
its stop begins, as an endpoint does, and comes back when its operators' port says that it is ready.
"""

import asyncio
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid

PARTS = ["leads", "opportunities", "activities", "orders", "erp", "gateway"]
ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = os.environ.get("DEALFLOW", str(ROOT / "target" / "release" / "dealflow"))


def protos():
    """The generated clients, from the contract alone."""
    folder = tempfile.mkdtemp(prefix="dealflow-protos-")
    files = [str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto").rglob("*.proto")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(ROOT / "proto"), f"--python_out={folder}", f"--grpc_python_out={folder}"]
    subprocess.run(command + files, check=True)
    sys.path.insert(0, folder)


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Postgres:
    """A cluster in a folder, run by the user postgres where this runs as root."""

    def __init__(self, folder):
        bins = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        self.bin = bins[-1] if bins else pathlib.Path(shutil.which("initdb")).parent
        self.folder = pathlib.Path(folder) / "postgres"
        self.port = free_port()
        self.run("initdb", "-D", str(self.folder), "-U", "dealflow", "--auth=trust", "--no-sync", make=True)
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=300"
        self.run("pg_ctl", "-D", str(self.folder), "-o", options, "-l", str(self.folder / "log"), "-w", "start")

    def run(self, program, *arguments, make=False):
        command = [str(self.bin / program), *arguments]
        if os.getuid() == 0:
            if make:
                self.folder.mkdir(parents=True)
                shutil.chown(self.folder, "postgres", "postgres")
                for parent in self.folder.parents:
                    if str(parent).startswith(tempfile.gettempdir()) and parent != pathlib.Path(tempfile.gettempdir()):
                        parent.chmod(0o755)
            command = ["runuser", "-u", "postgres", "--", *command]
        environment = {**os.environ, "PGOPTIONS": "-c client_min_messages=warning"}
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout

    def url(self, database):
        return f"postgres://dealflow@127.0.0.1:{self.port}/{database}"

    def ask(self, database, sql):
        """Rows as lists of texts."""
        text = self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "dealflow", "-d", database, "-XAtF", "\t", "-c", sql)
        return [line.split("\t") for line in text.splitlines()]

    def stop(self):
        self.run("pg_ctl", "-D", str(self.folder), "-m", "immediate", "stop")


class Balancer(threading.Thread):
    """One port in front of several; connections are spread in turn."""

    def __init__(self):
        super().__init__(daemon=True)
        self.port = free_port()
        self.targets = []
        self.turn = 0
        self.ready = threading.Event()

    def run(self):
        asyncio.run(self.serve())

    async def serve(self):
        server = await asyncio.start_server(self.connect, "127.0.0.1", self.port)
        self.ready.set()
        await server.serve_forever()

    async def connect(self, reader, writer):
        for _ in range(50):
            targets = list(self.targets)
            for _ in targets:
                self.turn += 1
                try:
                    to = await asyncio.open_connection("127.0.0.1", targets[self.turn % len(targets)])
                except OSError:
                    continue
                await asyncio.gather(self.pump(reader, to[1]), self.pump(to[0], writer))
                return
            await asyncio.sleep(0.05)
        writer.close()

    @staticmethod
    async def pump(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


class Replica:
    """One process of one part."""

    def __init__(self, suite, part, environment=None):
        self.suite, self.part, self.environment = suite, part, environment or {}
        self.port, self.admin = free_port(), free_port()
        self.process = None

    def start(self):
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("DEALFLOW_", "OTEL_"))}
        environment |= {f"DEALFLOW_{part.upper()}_URL": f"http://127.0.0.1:{self.suite.address(part)}" for part in PARTS[:-1]}
        environment |= self.suite.environment | self.environment
        command = [PROGRAM, "serve", self.part, "--admin-listen", f"127.0.0.1:{self.admin}", "--log", "warn"]
        command += ["--listen", f"127.0.0.1:{self.port}", "--stop-notice", "1", "--stop-drain", "20"]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=self.suite.log)
        self.wait_ready()
        self.suite.balancers[self.part].targets.append(self.port)

    def wait_ready(self):
        deadline = time.monotonic() + 120
        while subprocess.run([PROGRAM, "health", f"http://127.0.0.1:{self.admin}"], capture_output=True, check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.part} does not start: {pathlib.Path(self.suite.log.name).read_text()[-2000:]}")
            time.sleep(0.2)

    def stop(self):
        """SIGTERM; out of the rotation at the same moment, as an endpoint is. Answers the exit code."""
        self.suite.balancers[self.part].targets.remove(self.port)
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def kill(self):
        if self.port in self.suite.balancers[self.part].targets:
            self.suite.balancers[self.part].targets.remove(self.port)
        self.process.kill()
        self.process.wait()


class Suite:
    """All parts, each with so many replicas, behind their balancers; of the gateway one for each of its environments."""

    def __init__(self, folder, postgres, database="dealflow", replicas=1, environment=None, gateways=None):
        self.environment = {"DEALFLOW_DATABASE_URL": postgres.url(database), "DEALFLOW_DATABASE_CONNECTIONS": "6"} | (environment or {})
        self.log = open(pathlib.Path(folder) / "log", "a", encoding="utf-8")
        self.balancers = {part: Balancer() for part in PARTS}
        for balancer in self.balancers.values():
            balancer.start()
            balancer.ready.wait(10)
        of_part = {part: [{}] * replicas for part in PARTS} | {"gateway": gateways or [{}] * replicas}
        self.replicas = [Replica(self, part, its) for part in PARTS for its in of_part[part]]
        for replica in self.replicas:
            replica.start()

    def address(self, part):
        return self.balancers[part].port

    @property
    def gateway(self):
        return f"127.0.0.1:{self.address('gateway')}"

    def kill(self):
        for replica in self.replicas:
            replica.kill()


def request_id():
    return str(uuid.uuid4())


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")
