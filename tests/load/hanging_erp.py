"""An ERP that takes calls and never answers, beside normal work: what it costs those who do not wait for it.

    DEALFLOW=target/release/dealflow hanging_erp.py [--seconds 20]

The same deals with an ERP that answers and with one that hangs. It ends with 1 where a call fails, or where the slowest
hundredth takes more than half as long again (and 20 ms more). Asks for: PostgreSQL, python3 with grpcio and grpcio-tools.
"""

import argparse
import socket
import sys
import tempfile
import threading
import time

import suite as house

house.protos()
import grpc  # noqa: E402
from deals import Counted, whole  # noqa: E402


def run(suite, seconds, workers=2):
    stop, counted, deals = threading.Event(), [Counted() for _ in range(workers)], [0] * workers

    def work(index):
        channel = grpc.insecure_channel(suite.gateway)
        while not stop.is_set():
            deals[index] += whole(channel, counted[index]) is not None

    threads = [threading.Thread(target=work, args=(index,)) for index in range(workers)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    times = [time for it in counted for time in it.times]
    return sum(deals), times, [text for it in counted for text in it.failures]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=20)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="dealflow-erp-") as folder:
        postgres = house.Postgres(folder)
        found = {}
        try:
            for what in ("answers", "hangs"):
                postgres.ask("postgres", f"CREATE DATABASE {what}")
                suite = house.Suite(folder, postgres, database=what)
                with socket.create_server(("127.0.0.1", 0), backlog=1024) as silent:
                    if what == "hangs":
                        # Connections come about and nothing is ever said.
                        suite.balancers["erp"].targets[:] = [silent.getsockname()[1]]
                        next(it for it in suite.replicas if it.part == "erp").kill()
                        gateway = suite.replicas[-1]
                        gateway.stop()
                        gateway.start()
                    run(suite, 3)
                    found[what] = run(suite, seconds)
                    (left,), = postgres.ask(what, "SELECT count(*) FROM gateway.handoff WHERE state <> 'DELIVERED'")
                    suite.kill()
                deals, times, failed = found[what]
                print(f"an ERP that {what}: {deals / seconds:.1f} deals/s, p50 {house.percentile(times, 0.5):.0f} ms, "
                      f"p99 {house.percentile(times, 0.99):.0f} ms, {len(failed)} calls failed, {left} documents wait")
        finally:
            postgres.stop()
    well, ill = (house.percentile(found[what][1], 0.99) for what in ("answers", "hangs"))
    failed = [text for _, _, texts in found.values() for text in texts]
    print("\n".join(sorted(set(failed))[:10]))
    return 0 if not failed and ill <= well * 1.5 + 20 else 1


if __name__ == "__main__":
    sys.exit(main())
