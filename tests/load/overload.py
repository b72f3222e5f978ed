"""How a suite behaves at one, two and three times what it can do: `dealflow bench overload` against a suite of its own, on
PostgreSQL, for the cheapest verb and for one that is a flow over three services.

    DEALFLOW=target/release/dealflow overload.py [--seconds 15] [--max-calls N]

Who calls too much has processors of his own: the suite and its database get one half of this machine's, the callers the
other. It ends with 1 where goodput at three times the capacity is below nine tenths of the best. Use a release build, and
nothing else at work. Asks for: two processors, PostgreSQL, python3.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import suite as house


def serve(folder, url, max_calls):
    """All parts in one process; answers it and its address."""
    port = house.free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DEALFLOW_", "OTEL_"))}
    command = [house.PROGRAM, "serve", "--listen", f"127.0.0.1:{port}", "--database-url", url, "--log", "warn"]
    command += ["--max-calls", str(max_calls)] if max_calls else []
    log = open(pathlib.Path(folder) / "log", "a", encoding="utf-8")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        if subprocess.run([house.PROGRAM, "pipeline", "--gateway", address], capture_output=True, check=False).returncode == 0:
            return process, address
        time.sleep(0.2)
    raise SystemExit(f"the suite does not start: {pathlib.Path(log.name).read_text()[-2000:]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--max-calls", type=int, default=0, help="as a suite is by default where it is not said")
    given = parser.parse_args()
    processors = sorted(os.sched_getaffinity(0))
    ours, theirs = processors[: len(processors) // 2], processors[len(processors) // 2 :]
    if not ours:
        raise SystemExit("one processor is too few: callers would take it from the suite")
    os.sched_setaffinity(0, ours)  # and so of what is started from here on
    with tempfile.TemporaryDirectory(prefix="dealflow-load-") as folder:
        postgres = house.Postgres(folder)
        postgres.ask("postgres", "CREATE DATABASE dealflow")
        process, address = serve(folder, postgres.url("dealflow"), given.max_calls)
        try:
            bench = [house.PROGRAM, "bench", "overload", "--gateway", address, "--seconds", str(given.seconds)]
            elsewhere = lambda: os.sched_setaffinity(0, theirs)  # noqa: E731
            ended = [subprocess.run([*bench, "--verb", verb], check=False, preexec_fn=elsewhere) for verb in ("capture", "qualify")]
            return max(it.returncode for it in ended)
        finally:
            process.kill()
            process.wait()
            postgres.stop()


if __name__ == "__main__":
    sys.exit(main())
