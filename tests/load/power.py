"""Takes the power away while deals run on the embedded databases: what was acknowledged is there when it comes back.

    DEALFLOW=target/release/dealflow power.py [--cuts 20] [--workers 4]

The databases lie on a disk of their own, an ext4 file system in a file that a loop device serves. What the device was
given is in that file; what a program wrote and nobody synced is in the memory of the machine alone. So a copy of the file
is what a power loss leaves, torn writes and all: each cut copies it while the program stands still, kills the program,
and goes on with the copy. With `--durability full` a fault is an acknowledged lead or invoice that is not there, or a
document that does not reach the ERP once. With `relaxed`, which does not promise it, something must be lost: else the cuts
cut nothing. Asks for: root, loop devices, python3 with grpcio and grpcio-tools.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import suite as house

house.protos()
import grpc  # noqa: E402
from dealflow.erp.v1 import erp_pb2, erp_pb2_grpc, handoff_pb2, handoff_pb2_grpc  # noqa: E402
from dealflow.leads.v1 import leads_pb2, leads_pb2_grpc  # noqa: E402
from deals import Counted, lead_of, whole  # noqa: E402
from suite import request_id  # noqa: E402

ENDED = {"DELIVERED", "DEAD_LETTERED", "REJECTED"}


class Disk:
    """A file system in a file, mounted so that nothing but a sync brings writes to it while a round lasts."""

    def __init__(self, folder):
        self.folder, self.image, self.place = folder, folder / "disk-0", folder / "mounted"
        self.place.mkdir()
        self.copies = 0
        with open(self.image, "wb") as file:
            file.truncate(2 << 30)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self.image)], check=True)
        self.mount()

    def mount(self):
        subprocess.run(["mount", "-o", "loop,commit=300", str(self.image), str(self.place)], check=True)

    def unmount(self):
        subprocess.run(["umount", str(self.place)], check=True)

    def as_it_is(self):
        """What the device was given so far."""
        self.copies += 1
        copy = self.folder / f"disk-{self.copies}"
        subprocess.run(["cp", "--sparse=always", str(self.image), str(copy)], check=True)
        return copy

    def lose_power(self, copy):
        """What is in memory is lost: the disk is the copy from here on."""
        self.unmount()
        self.image.unlink()
        self.image = copy
        self.mount()


def six_ports():
    """The first of as many free ports in a row as the program takes; not of those that the system gives away."""
    while True:
        first = random.randrange(20000, 30000)
        with contextlib.ExitStack() as held:
            try:
                for port in range(first, first + 6):
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
                return first
            except OSError:
                continue


class Program:
    """All parts in one process, on the disk."""

    def __init__(self, disk, durability):
        self.port = six_ports()
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("DEALFLOW_", "OTEL_"))}
        command = [house.PROGRAM, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", str(disk.place / "data"), "--log", "warn"]
        self.log = open(disk.folder / "log", "a", encoding="utf-8")
        self.process = subprocess.Popen([*command, "--durability", durability], env=environment, stdout=self.log, stderr=self.log)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        try:
            grpc.channel_ready_future(self.channel).result(timeout=60)
        except grpc.FutureTimeoutError:
            said = pathlib.Path(self.log.name).read_text(encoding="utf-8")[-2000:]
            raise SystemExit(f"the suite does not start: {said}") from None

    def stand_still(self):
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)  # what the kernel does for it just now comes to its end

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def work(program, stop, leads, deals):
    """Leads and whole deals, one after the other, until the power goes; what is acknowledged is written down."""
    lonely, counted = leads_pb2_grpc.LeadServiceStub(program.channel), Counted()
    while not stop.is_set():
        lead = counted.call(lonely.CreateLead, leads_pb2.CreateLeadRequest(lead=lead_of(), request_id=request_id()))
        if lead is not None:
            leads.append(lead.name)
        handoffs = whole(program.channel, counted)
        if handoffs:
            deals.append(handoffs)


def missing(program, leads, handoffs):
    """What was acknowledged and is not there."""
    kept = leads_pb2_grpc.LeadServiceStub(program.channel)
    handed = handoff_pb2_grpc.HandoffServiceStub(program.channel)
    asks = [(kept.GetLead, leads_pb2.GetLeadRequest(name=name)) for name in leads]
    asks += [(handed.GetHandoff, handoff_pb2.GetHandoffRequest(name=name)) for name in handoffs]
    lost = []
    for method, ask in asks:
        try:
            method(ask, timeout=20)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise
            lost.append(ask.name)
    return lost


def pages(method, ask, field):
    """All records of a list."""
    while True:
        page = method(ask, timeout=20)
        yield from getattr(page, field)
        if not page.next_page_token:
            return
        ask.page_token = page.next_page_token


def books(program):
    """Once everything has come to its end: what was handed over, by state, and the external ids in the ERP's books."""
    handed, erp = handoff_pb2_grpc.HandoffServiceStub(program.channel), erp_pb2_grpc.ErpServiceStub(program.channel)
    for _ in range(300):
        ask = handoff_pb2.ListHandoffsRequest(page_size=1000)
        states = collections.Counter(handoff_pb2.Handoff.State.Name(it.state).removeprefix("STATE_") for it in pages(handed.ListHandoffs, ask, "handoffs"))
        if states.keys() <= ENDED:
            break
        time.sleep(0.2)
    listed = pages(erp.ListDocuments, erp_pb2.ListDocumentsRequest(page_size=1000), "documents")
    return states, collections.Counter(it.external_id for it in listed)


def drill(folder, durability, cuts, workers):
    """Cuts the power so often; answers what was acknowledged, what of it was lost, and what else is wrong in the end."""
    disk, faults, lost, acknowledged = Disk(folder), [], [], 0
    program = Program(disk, durability)
    try:
        for _ in range(cuts):
            stop, leads, deals = threading.Event(), [], []
            threads = [threading.Thread(target=work, args=(program, stop, leads, deals)) for _ in range(workers)]
            for thread in threads:
                thread.start()
            time.sleep(random.uniform(1.0, 4.0))
            seen_leads, handoffs = list(leads), [name for deal in list(deals) for name in deal]
            program.stand_still()
            copy = disk.as_it_is()
            stop.set()
            program.kill()
            for thread in threads:
                thread.join()
            disk.lose_power(copy)
            program = Program(disk, durability)
            acknowledged += len(seen_leads) + len(handoffs)
            lost += missing(program, seen_leads, handoffs)
        states, documents = books(program)
        if durability == "full":
            faults += [f"{external_id} is in the ERP {count} times" for external_id, count in documents.items() if count > 1]
            if states.keys() != {"DELIVERED"} or states["DELIVERED"] != len(documents):
                faults.append(f"hand-overs are {dict(states)}, the ERP has {len(documents)} documents")
        return acknowledged, lost, faults, len(documents)
    finally:
        program.kill()
        disk.unmount()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--workers", type=int, default=4)
    given = parser.parse_args()
    wrong = []
    for durability, cuts in (("full", given.cuts), ("relaxed", 3)):
        with tempfile.TemporaryDirectory(prefix="dealflow-power-") as folder:
            acknowledged, lost, faults, documents = drill(pathlib.Path(folder), durability, cuts, given.workers)
        print(f"durability {durability}: {cuts} power cuts, {acknowledged} acknowledged leads and hand-overs, {len(lost)} lost; "
              f"{documents} documents in the ERP")
        wrong += faults
        if durability == "full":
            wrong += [f"lost: {name}" for name in lost[:5]]
        elif not lost:
            wrong.append("nothing was lost with relaxed durability: the cuts cut nothing")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
