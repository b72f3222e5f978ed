"""Backs a suite up while it works, loses it, restores it, and lets it go on: nothing is in the ERP twice.

    DEALFLOW=target/release/dealflow restore.py [--deals 10]

The ERP keeps its books, as a real one would: after the restore it is ahead of us. What was handed over after the backup
was made and is handed over again must be found there, not booked again; what waited in the backup is sent. Asks for: PostgreSQL with pg_dump and
pg_restore, python3 with grpcio and grpcio-tools.
"""

import argparse
import pathlib
import sys
import tempfile
import threading
import time

import suite as house

house.protos()
import grpc  # noqa: E402
from deals import Counted, whole  # noqa: E402

# The schemas that docs/operations.md backs up; that of erp-ubl is not there where the stub is the ERP.
OURS = ["leads", "opportunities", "activities", "orders", "gateway", "erp_ubl"]
ENDED = "('DELIVERED', 'DEAD_LETTERED', 'REJECTED')"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--deals", type=int, default=10, help="before the backup, and after it")
    deals = parser.parse_args().deals
    with tempfile.TemporaryDirectory(prefix="dealflow-restore-") as folder:
        postgres = house.Postgres(folder)
        try:
            return drill(folder, postgres, deals)
        finally:
            postgres.stop()


def drill(folder, postgres, deals):
    postgres.ask("postgres", "CREATE DATABASE dealflow")
    suite = house.Suite(folder, postgres)
    stop, counted, made = threading.Event(), Counted(), []

    def work():
        channel = grpc.insecure_channel(suite.gateway)
        while not stop.is_set():
            made.append(whole(channel, counted))

    worker = threading.Thread(target=work)
    worker.start()
    while len(made) < deals:
        time.sleep(0.1)
    # The ERP is away for a while, so that documents wait for it in the backup.
    erp = [replica for replica in suite.replicas if replica.part == "erp"]
    for replica in erp:
        replica.kill()
    away = len(made)
    while len(made) < away + 3:
        time.sleep(0.1)
    # One dump is one snapshot of all parts: no part is ahead of another.
    dump = pathlib.Path(postgres.folder) / "backup"
    schemas = [word for part in OURS for word in ("-n", part)]
    connect = ["-h", "127.0.0.1", "-p", str(postgres.port), "-U", "dealflow"]
    postgres.run("pg_dump", *connect, "-d", "dealflow", "-Fc", "-f", str(dump), *schemas)
    at_backup = len(made)
    for replica in erp:
        replica.start()
    while len(made) < at_backup + deals:
        time.sleep(0.1)
    stop.set()
    worker.join()
    suite.kill()
    (before,), = postgres.ask("dealflow", "SELECT count(*) FROM erp.book WHERE number IS NOT NULL")

    # All our records are lost; the ERP's are not.
    for part in OURS:
        postgres.ask("dealflow", f"DROP SCHEMA IF EXISTS {part} CASCADE")
    postgres.run("pg_restore", *connect, "-d", "dealflow", "--exit-on-error", str(dump))
    (flows, waiting), = postgres.ask("dealflow", f"""SELECT (SELECT count(*) FROM gateway.flow WHERE state = 'RUNNING'),
        (SELECT count(*) FROM gateway.handoff WHERE state NOT IN {ENDED})""")
    suite = house.Suite(folder, postgres)
    channel = grpc.insecure_channel(suite.gateway)
    went_on = Counted()
    for _ in range(300):
        (running, open_),  = postgres.ask("dealflow", f"""SELECT (SELECT count(*) FROM gateway.flow WHERE state = 'RUNNING'),
            (SELECT count(*) FROM gateway.handoff WHERE state NOT IN {ENDED})""")
        if (running, open_) == ("0", "0"):
            break
        time.sleep(0.2)
    listed = whole(channel, went_on)
    suite.kill()
    (after, twice), = postgres.ask("dealflow", "SELECT count(*), count(*) - count(DISTINCT external_id) FROM erp.book WHERE number IS NOT NULL")
    conflicts = postgres.ask("dealflow", "SELECT external_id, last_error FROM gateway.handoff WHERE state = 'DEAD_LETTERED'")
    faults = []
    if not int(waiting):
        faults.append("no document was under way at the backup: nothing was shown")
    if int(twice):
        faults.append(f"{twice} documents are in the ERP twice")
    if (running, open_) != ("0", "0"):
        faults.append(f"{running} flows and {open_} documents do not come to their end")
    if counted.failures or went_on.failures or listed is None:
        faults += counted.failures[:5] + went_on.failures[:5]
    print("\n".join(faults))
    print(f"{at_backup} deals at the backup, {len(made)} when all was lost; restored with {flows} flows and {waiting} documents under way; "
          f"the ERP had {before} documents and has {after}; twice {twice}, set aside as used for other content {len(conflicts)}")
    for external_id, error in conflicts:
        print(f"  {external_id}: {error[:120]}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
