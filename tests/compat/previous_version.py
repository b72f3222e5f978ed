"""The previous version on this version's schema, on SQLite and on PostgreSQL. See previous_version.sh.

Deals are begun by one version and ended by the other, each call with its own request id, and calls that one version has
answered are sent again to the other: it must answer the same. At the end each deal has one order and one invoice in the
ERP's books, no document stands there twice, every flow has ended, and the audit's chain over rows of both versions holds.
"""

import itertools
import json
import os
import pathlib
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import suite as house

house.protos()
import grpc  # noqa: E402
from dealflow.gateway.v1 import deals_pb2, deals_pb2_grpc  # noqa: E402
from dealflow.leads.v1 import leads_pb2, leads_pb2_grpc  # noqa: E402
from dealflow.types.v1 import types_pb2  # noqa: E402
from deals import Counted, euros, lead_of  # noqa: E402
from google.type import decimal_pb2  # noqa: E402

NEW = house.PROGRAM
OLD = os.environ["DEALFLOW_PREVIOUS"]
PARTS = house.PARTS
NUMBERS = itertools.count(1)


class Deal:
    """One deal and how far it is: its calls in their order, each with a request id that stays."""

    def __init__(self, with_process):
        self.with_process = with_process
        self.ids = [house.request_id() for _ in range(6)]
        self.lead = self.name = None
        self.done = 0
        self.answers = {}
        self.asked = lead_of()

    def step(self, number):
        """The call of a step, and what it asks."""
        vat = types_pb2.Vat(category=types_pb2.VAT_CATEGORY_STANDARD, rate=decimal_pb2.Decimal(value="20"))
        line = types_pb2.Line(description="Pump", quantity=decimal_pb2.Decimal(value="2"), unit_price=euros(199), vat=vat)
        its = {"opportunity": self.name, "request_id": self.ids[number]}
        return [
            (leads_pb2_grpc.LeadServiceStub, "CreateLead", lambda: leads_pb2.CreateLeadRequest(lead=self.asked, request_id=self.ids[0])),
            (deals_pb2_grpc.DealServiceStub, "QualifyLead", lambda: deals_pb2.QualifyLeadRequest(
                lead=self.lead, without_process=not self.with_process, request_id=self.ids[1])),
            (deals_pb2_grpc.DealServiceStub, "DevelopDeal", lambda: deals_pb2.DevelopDealRequest(lines=[line], **its)),
            (deals_pb2_grpc.DealServiceStub, "ProposeQuote", lambda: deals_pb2.ProposeQuoteRequest(**its)),
            # With a process the deal is won by hand, which accepts its quote.
            (deals_pb2_grpc.DealServiceStub, "WinDeal", lambda: deals_pb2.WinDealRequest(**its)) if self.with_process else
            (deals_pb2_grpc.DealServiceStub, "AcceptQuote", lambda: deals_pb2.AcceptQuoteRequest(**its)),
            (deals_pb2_grpc.DealServiceStub, "FulfillDeal", lambda: deals_pb2.FulfillDealRequest(**its)),
        ][number]

    def ask(self, channel, counted, number):
        stub, method, ask = self.step(number)
        return counted.call(getattr(stub(channel), method), ask(), timeout=60)

    def go(self, channel, counted, until=6):
        """Goes on until so many steps are done."""
        while self.done < until:
            answer = self.ask(channel, counted, self.done)
            if answer is None:
                return self
            if self.done == 0:
                self.lead = answer.name
            if self.done == 1:
                self.name = answer.opportunity.name
            self.answers[self.done] = answer
            self.done += 1
        return self

    def repeat(self, channel, counted):
        """Every call that was answered, sent again: how many are answered otherwise, but for fields one version lacks."""
        other = 0
        for number, was in self.answers.items():
            now = self.ask(channel, counted, number)
            same = now is not None and key(now) == key(was)
            other += not same
        return other


def key(answer):
    """What an answer names: its record and the documents of it."""
    if isinstance(answer, leads_pb2.Lead):
        return (answer.name, answer.etag)
    return (answer.opportunity.name, answer.opportunity.etag, sorted(answer.handoffs))


class Program:
    """A whole suite in one process of one version."""

    def __init__(self, program, place, log):
        self.port = free_ports()
        command = [program, "serve", "--listen", f"127.0.0.1:{self.port}", "--log", "warn", *place]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        self.starts = self.ready(program)

    def ready(self, program):
        deadline = time.monotonic() + 120
        while subprocess.run([program, "health", f"http://127.0.0.1:{self.port}"], capture_output=True, check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout=60)


def free_ports():
    """The first of six free ports in a row, below those that the system gives to connections."""
    while True:
        port = random.randrange(20000, 32000)
        if all(is_free(port + offset) for offset in range(6)):
            return port


def is_free(port):
    with socket.socket() as it:
        try:
            it.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


class Sqlite:
    """A data folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "data"
        self.place = ["--data", str(self.folder)]

    def ask(self, part, sql):
        with sqlite3.connect(f"file:{self.folder / part}.db?mode=ro", uri=True) as it:
            return [[str(value) for value in row] for row in it.execute(sql)]


class Schemas:
    """A database with one schema for each part."""

    def __init__(self, postgres):
        self.postgres = postgres
        postgres.ask("postgres", "CREATE DATABASE dealflow")
        self.place = ["--database-url", postgres.url("dealflow"), "--database-connections", "6"]

    def ask(self, part, sql):
        return self.postgres.ask("dealflow", f"SET search_path TO {part}; {sql}")[1:]


class Faults(list):
    """What is wrong, and the table of what was done."""

    def __init__(self, name):
        super().__init__()
        self.name, self.rows = name, []

    def row(self, step, counted, what, fine=True):
        failed = len(counted.failures)
        self.rows.append((self.name, step, what, "ok" if fine and not failed else "FAILED"))
        self.extend(f"{self.name}, {step}: {text}" for text in counted.failures[:5])
        if not fine:
            self.append(f"{self.name}, {step}: {what}")


def migrate(database):
    """Migrates with this version; how many migrations each part got by it."""
    before = {part: len(database.ask(part, "SELECT version FROM seaql_migrations")) for part in PARTS}
    subprocess.run([NEW, "migrate", *database.place[:2]], check=True, capture_output=True)
    after = {part: len(database.ask(part, "SELECT version FROM seaql_migrations")) for part in PARTS}
    return {part: after[part] - before[part] for part in PARTS if after[part] > before[part]}


def settled(database, deals, faults):
    """What the books say in the end."""
    ended, open_ = "('COMPLETED', 'COMPENSATED')", ""
    for _ in range(240):
        (flows,), = database.ask("gateway", f"SELECT count(*) FROM flow WHERE state NOT IN {ended}")
        (open_,), = database.ask("gateway", "SELECT count(*) FROM handoff WHERE state <> 'DELIVERED'")
        if (flows, open_) == ("0", "0"):
            break
        time.sleep(0.5)
    (documents, distinct), = database.ask("erp", "SELECT count(*), count(DISTINCT external_id) FROM book WHERE number IS NOT NULL")
    (won,), = database.ask("opportunities", "SELECT count(*) FROM opportunity WHERE state = 'WON'")
    (orders,), = database.ask("orders", "SELECT count(*) FROM sales_order")
    (invoices,), = database.ask("orders", "SELECT count(*) FROM invoice")
    want = str(len(deals))
    fine = (flows, open_) == ("0", "0") and documents == distinct == str(2 * len(deals)) and won == orders == invoices == want
    what = f"{want} deals: won {won}, orders {orders}, invoices {invoices}; ERP {documents} documents, {distinct} distinct; open flows {flows}, documents {open_}"
    faults.row("the books", Counted(), what, fine)


def audit(program, faults):
    seen = subprocess.run([NEW, "audit", "verify", "--gateway", f"http://127.0.0.1:{program.port}"], capture_output=True, text=True, check=False)
    faults.row("the audit's chain", Counted(), "holds over the rows of both" if seen.returncode == 0 else seen.stdout + seen.stderr, seen.returncode == 0)


def deals_of(count, channel, counted, until):
    return [Deal(with_process=number % 3 == 2).go(channel, counted, until if until != "spread" else 1 + number % 5) for number in range(count)]


def halves(database, log, faults):
    """One process at a time: the previous version, its restart on the new schema, this version, and back again."""
    old, counted = Program(OLD, database.place, log), Counted()
    deals = deals_of(10, old.channel, counted, "spread")
    faults.row("previous begins", counted, f"{len(deals)} deals, {sum(it.done for it in deals)} steps")
    old.stop()
    faults.row("migrated by the new", Counted(), json.dumps(new := migrate(database)), bool(new))
    old, counted = Program(OLD, database.place, log), Counted()
    if old.starts:
        for deal in deals[:5]:
            deal.go(old.channel, counted, min(6, deal.done + 1))
        deals += deals_of(2, old.channel, counted, 6)
    faults.row("previous on the new schema", counted, "starts; 5 deals go on, 2 whole ones" if old.starts else "does not start", old.starts)
    old.stop()
    new, counted = Program(NEW, database.place, log), Counted()
    for deal in deals[::2]:
        deal.go(new.channel, counted, min(6, deal.done + 1))
    otherwise = sum(deal.repeat(new.channel, counted) for deal in deals)
    faults.row("new goes on", counted, f"each second deal goes on; {sum(it.done for it in deals)} calls again, {otherwise} answered otherwise", otherwise == 0)
    new.stop()
    old, counted = Program(OLD, database.place, log), Counted()
    if old.starts:
        for deal in deals[1::2]:
            deal.go(old.channel, counted, min(6, deal.done + 1))
        otherwise = sum(deal.repeat(old.channel, counted) for deal in deals)
    faults.row("back to the previous", counted, f"starts; calls of both again, {otherwise} answered otherwise" if old.starts else "does not start", old.starts and otherwise == 0)
    old.stop()
    new, counted = Program(NEW, database.place, log), Counted()
    for deal in deals:
        deal.go(new.channel, counted)
    faults.row("new ends all", counted, f"{len(deals)} deals", all(it.done == 6 for it in deals))
    settled(database, deals, faults)
    audit(new, faults)
    new.stop()


def side_by_side(database, log, faults):
    """Under load: migrated while the previous version works, then both at once, then this version alone."""
    old, counted = Program(OLD, database.place, log), Counted()
    targets, stop, made, workers = [old.channel], threading.Event(), [], [Counted() for _ in range(3)]

    def work(index):
        while not stop.is_set():
            deal = Deal(with_process=next(NUMBERS) % 3 == 0)
            made.append(deal)
            for until in range(1, 7):
                # The next call of a deal goes to whoever has its turn.
                deal.go(targets[next(NUMBERS) % len(targets)], workers[index], until)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    wait_for(made, 5)
    new_migrations = migrate(database)
    faults.row("migrated under load", counted, json.dumps(new_migrations), bool(new_migrations))
    wait_for(made, len(made) + 5)
    new, counted = Program(NEW, database.place, log), Counted()
    targets.append(new.channel)
    wait_for(made, len(made) + 10)
    other, counted = Program(OLD, database.place, log), Counted()
    faults.row("previous started beside it", counted, "starts" if other.starts else "does not start", other.starts)
    if other.starts:
        targets.append(other.channel)
        wait_for(made, len(made) + 6)
    both = [deal for deal in made if deal.done == 6][-6:]
    otherwise = sum(deal.repeat(channel, counted) for deal in both for channel in (old.channel, new.channel))
    faults.row("calls again to both", counted, f"{12 * 6} calls, {otherwise} answered otherwise", otherwise == 0 and len(both) == 6)
    targets[:] = [new.channel]
    time.sleep(2)
    stop.set()
    for thread in threads:
        thread.join()
    codes = [old.stop()] + ([other.stop()] if other.starts else [])
    faults.row("previous stops", Counted(), f"exit codes {codes}", not any(codes))
    counted = Counted()
    counted.failures = [text for it in workers for text in it.failures]
    calls = sum(sum(it.codes.values()) for it in workers)
    faults.row("under load", counted, f"{len(made)} deals, {calls} calls, {len(counted.failures)} failed")
    counted = Counted()
    for deal in made:
        deal.go(new.channel, counted)
    settled(database, made, faults)
    audit(new, faults)
    new.stop()


def wait_for(made, count, patience=300):
    deadline = time.monotonic() + patience
    while len(made) < count and time.monotonic() < deadline:
        time.sleep(0.1)


def main():
    results = []
    with tempfile.TemporaryDirectory(prefix="dealflow-compat-") as folder:
        log = open(pathlib.Path(folder) / "log", "a", encoding="utf-8")
        postgres = house.Postgres(folder)
        try:
            for name, database, drill in [
                ("SQLite", lambda: Sqlite(folder), halves),
                ("PostgreSQL", lambda: Schemas(postgres), halves),
                ("PostgreSQL, load", lambda: Schemas(postgres), side_by_side),
            ]:
                if name == "PostgreSQL, load":
                    postgres.ask("postgres", "DROP DATABASE dealflow WITH (FORCE)")
                faults = Faults(name)
                results.append(faults)
                drill(database(), log, faults)
        finally:
            postgres.stop()
            print_table([row for faults in results for row in faults.rows])
            print("\n".join(text for faults in results for text in faults))
            if any(results):
                print(pathlib.Path(log.name).read_text(encoding="utf-8")[-4000:])
    return 1 if any(results) or len(results) < 3 else 0


def print_table(rows):
    rows = [("database", "step", "what", "")] + rows
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for row in rows:
        print(f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[3]:6}  {row[2]}")


if __name__ == "__main__":
    sys.exit(main())
