"""Two gateways whose clocks differ by a minute drive deals on one PostgreSQL; then each in turn is frozen beyond its lease.

    DEALFLOW=target/release/dealflow skew.py [--workers 4] [--seconds 15] [--freezes 6]

A frozen process is one that is cut off: it holds its connections, others take its flows over, and when it goes on it
believes that they are its own. A fault is: a flow taken from a gateway that lives, a flow that does not end, a step with
two effects (a deal, a quote, an order or an invoice too many, or one in the ERP twice). Asks for: PostgreSQL, python3
with grpcio and grpcio-tools, and Debian's libfaketime (FAKETIME_LIBRARY says where, if it is elsewhere).
"""

import argparse
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time

import suite as house

house.protos()
import grpc  # noqa: E402
from deals import Counted, whole  # noqa: E402

LIBRARY = os.environ.get("FAKETIME_LIBRARY", "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
# Seconds that a gateway's clock is off the others'; a lease lasts five.
SKEWS = ["+30", "-30"]
FROZEN = 8


class Patient(Counted):
    """Repeats a call with its request id until it is answered, as a client does."""

    def call(self, method, ask, timeout=20):
        for _ in range(30):
            answer = super().call(method, ask, timeout)
            if answer is not None:
                return answer
            time.sleep(0.5)
        raise SystemExit(f"never answered: {self.failures[-1]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=15, help="of the first part, without freezes")
    parser.add_argument("--freezes", type=int, default=6)
    given = parser.parse_args()
    if not pathlib.Path(LIBRARY).exists():
        raise SystemExit(f"{LIBRARY} is not there: apt-get install libfaketime")
    with tempfile.TemporaryDirectory(prefix="dealflow-skew-") as folder:
        postgres = house.Postgres(folder)
        postgres.ask("postgres", "CREATE DATABASE dealflow")
        clocks = [{"LD_PRELOAD": LIBRARY, "FAKETIME": skew, "FAKETIME_DONT_FAKE_MONOTONIC": "1"} for skew in SKEWS]
        suite = house.Suite(folder, postgres, gateways=clocks)
        try:
            return drive(suite, postgres, given)
        finally:
            suite.kill()
            postgres.stop()


def drive(suite, postgres, given):
    stop, counted, deals = threading.Event(), [Patient() for _ in range(given.workers)], [0] * given.workers

    def work(index):
        # Each caller has connections of its own: a balancer turns by connection.
        channel = grpc.insecure_channel(suite.gateway, options=[("grpc.use_local_subchannel_pool", 1)])
        while not stop.is_set():
            whole(channel, counted[index])
            deals[index] += 1

    threads = [threading.Thread(target=work, args=(index,)) for index in range(given.workers)]
    for thread in threads:
        thread.start()
    time.sleep(given.seconds)
    taken = taken_over(postgres)
    gateways = [replica for replica in suite.replicas if replica.part == "gateway"]
    for turn in range(given.freezes):
        frozen = gateways[turn % len(gateways)].process
        frozen.send_signal(signal.SIGSTOP)
        time.sleep(FROZEN)
        frozen.send_signal(signal.SIGCONT)
        time.sleep(3)
    stop.set()
    for thread in threads:
        thread.join()

    done, faults = sum(deals), []
    left = eventually_none(postgres, "SELECT count(*) FROM gateway.flow WHERE state = 'RUNNING'")
    waiting = eventually_none(postgres, "SELECT count(*) FROM gateway.handoff WHERE state <> 'DELIVERED'")
    if taken:
        faults.append(f"{taken} flows were taken from a gateway that lives")
    if left or waiting:
        faults.append(f"{left} flows do not end, {waiting} documents are not delivered")
    (parked,), = postgres.ask("dealflow", "SELECT count(*) FROM gateway.flow WHERE state = 'PARKED'")
    if int(parked):
        faults.append(f"{parked} flows are parked")
    (*records, twice), = postgres.ask("dealflow", RECORDS)
    if {int(count) for count in records} != {done}:
        faults.append(f"{done} deals, but opportunities, quotes, orders, invoices, both in the ERP: {', '.join(records)}")
    if int(twice):
        faults.append(f"{twice} documents are in the ERP twice")
    after = taken_over(postgres)
    print("\n".join(faults))
    repeated = sum(len(it.failures) for it in counted)
    print(f"two gateways a minute apart: {done} deals, {given.freezes} freezes of {FROZEN} s; flows taken over: {taken} before, "
          f"{after} after; {repeated} calls repeated; records of each kind {records[0]}, in the ERP twice: {twice}")
    return 1 if faults or not done or (given.freezes and not after) else 0


# What each deal makes one of.
RECORDS = """
SELECT (SELECT count(*) FROM opportunities.opportunity), (SELECT count(*) FROM orders.quote), (SELECT count(*) FROM orders.sales_order),
       (SELECT count(*) FROM orders.invoice), count(*) FILTER (WHERE external_id LIKE 'dealflow:order:%'),
       count(*) FILTER (WHERE external_id LIKE 'dealflow:invoice:%'), count(*) - count(DISTINCT external_id)
FROM erp.book WHERE number IS NOT NULL
"""


def taken_over(postgres):
    """Flows that a second owner drove."""
    (count,), = postgres.ask("dealflow", "SELECT count(*) FROM gateway.flow WHERE fence > 1")
    return int(count)


def eventually_none(postgres, sql):
    """What is left after a minute."""
    for _ in range(120):
        (left,), = postgres.ask("dealflow", sql)
        if left == "0":
            return 0
        time.sleep(0.5)
    return int(left)


if __name__ == "__main__":
    sys.exit(main())
