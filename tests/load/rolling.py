"""Restarts every part of a suite with two replicas of each on PostgreSQL, one replica after the other, under load.

    DEALFLOW=target/release/dealflow rolling.py [--workers 4]

A failed call is a fault, as is a replica that does not end with 0, an order or invoice that the ERP has twice or not
at all. Asks for: PostgreSQL, python3 with grpcio and grpcio-tools.
"""

import argparse
import sys
import tempfile
import threading
import time

import suite as house

house.protos()
import grpc  # noqa: E402
from deals import Counted, whole  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=4)
    workers = parser.parse_args().workers
    with tempfile.TemporaryDirectory(prefix="dealflow-roll-") as folder:
        postgres = house.Postgres(folder)
        postgres.ask("postgres", "CREATE DATABASE dealflow")
        suite = house.Suite(folder, postgres, replicas=2)
        try:
            return roll(suite, postgres, workers)
        finally:
            suite.kill()
            postgres.stop()


def roll(suite, postgres, workers):
    stop, counted, deals = threading.Event(), [Counted() for _ in range(workers)], [0] * workers

    def work(index):
        channel = grpc.insecure_channel(suite.gateway)
        while not stop.is_set():
            deals[index] += whole(channel, counted[index]) is not None

    threads = [threading.Thread(target=work, args=(index,)) for index in range(workers)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    faults, began = [], time.monotonic()
    for replica in suite.replicas:
        code = replica.stop()
        if code != 0:
            faults.append(f"a replica of {replica.part} ended with {code}")
        replica.start()
        time.sleep(1)
    took = time.monotonic() - began
    stop.set()
    for thread in threads:
        thread.join()

    done = sum(deals)
    calls = sum(sum(it.codes.values()) for it in counted)
    failed = [text for it in counted for text in it.failures]
    waiting = eventually_delivered(postgres)
    (orders, invoices, twice), = postgres.ask("dealflow", BOOKS)
    if waiting:
        faults.append(f"{waiting} documents are not delivered")
    if int(twice):
        faults.append(f"{twice} documents are in the ERP twice")
    if int(orders) < done or int(invoices) < done:
        faults.append(f"{done} deals, {orders} orders and {invoices} invoices in the ERP")
    print("\n".join(sorted(set(failed))[:20] + faults))
    times = [time for it in counted for time in it.times]
    print(f"restarted {len(suite.replicas)} replicas in {took:.0f} s: {done} deals, {calls} calls, {len(failed)} failed; "
          f"p50 {house.percentile(times, 0.5):.0f} ms, p99 {house.percentile(times, 0.99):.0f} ms; in the ERP twice: {twice}, missing: {waiting}")
    return 1 if failed or faults or not done else 0


# Of the stub's own books, whatever the gateway believes.
BOOKS = """
SELECT count(*) FILTER (WHERE external_id LIKE 'dealflow:order:%'), count(*) FILTER (WHERE external_id LIKE 'dealflow:invoice:%'),
       count(*) - count(DISTINCT external_id) FROM erp.book WHERE number IS NOT NULL
"""


def eventually_delivered(postgres):
    """How many hand-overs are left after a minute."""
    for _ in range(120):
        (left,), = postgres.ask("dealflow", "SELECT count(*) FROM gateway.handoff WHERE state <> 'DELIVERED'")
        if left == "0":
            return 0
        time.sleep(0.5)
    return int(left)


if __name__ == "__main__":
    sys.exit(main())
