"""How a suite behaves at one, two and three times what it can do: goodput, refusals, waiting.

    DEALFLOW=target/release/dealflow overload.py [--seconds 15]

Its capacity is measured first, by callers who wait for their answers. Then calls are made at a rate, whether or not
others are answered (an open loop: so does the world), each with a deadline of two seconds. Goodput is what was answered
OK within it. It ends with 1 where goodput at three times the capacity is below 90 % of the best.
Asks for: PostgreSQL, python3 with grpcio and grpcio-tools.
"""

import argparse
import asyncio
import sys
import tempfile
import threading
import time

import suite as house

house.protos()
import grpc  # noqa: E402
from dealflow.leads.v1 import leads_pb2, leads_pb2_grpc  # noqa: E402
from deals import Counted, lead_of  # noqa: E402
from suite import percentile, request_id  # noqa: E402

DEADLINE = 2


def ask():
    return leads_pb2.CreateLeadRequest(lead=lead_of(), request_id=request_id())


def capacity(address, seconds, callers=32):
    """Calls a second of callers who wait."""
    stop, counted = threading.Event(), [Counted() for _ in range(callers)]

    def work(it):
        stub = leads_pb2_grpc.LeadServiceStub(grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]))
        while not stop.is_set():
            it.call(stub.CreateLead, ask())

    threads = [threading.Thread(target=work, args=(it,)) for it in counted]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    return sum(it.codes["OK"] for it in counted) / seconds


async def offered(address, rate, seconds):
    """Calls at a rate; what came of them."""
    channels = [grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) for _ in range(8)]
    stubs = [leads_pb2_grpc.LeadServiceStub(channel) for channel in channels]
    counted, calls = Counted(), set()

    async def one(index):
        began = time.monotonic()
        try:
            await stubs[index % len(stubs)].CreateLead(ask(), timeout=DEADLINE)
            counted.codes["OK"] += 1
            counted.times.append((time.monotonic() - began) * 1000)
        except grpc.aio.AioRpcError as error:
            counted.codes[error.code().name] += 1

    began = time.monotonic()
    made = 0
    while (now := time.monotonic() - began) < seconds:
        while made < now * rate:
            task = asyncio.create_task(one(made))
            calls.add(task)
            task.add_done_callback(calls.discard)
            made += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*calls)
    for channel in channels:
        await channel.close()
    return made / seconds, counted


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=15)
    # So low that a caller in Python can reach three times of it.
    parser.add_argument("--max-calls", type=int, default=24)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dealflow-load-") as folder:
        postgres = house.Postgres(folder)
        postgres.ask("postgres", "CREATE DATABASE dealflow")
        suite = house.Suite(folder, postgres, environment={"DEALFLOW_MAX_CALLS": str(given.max_calls)})
        try:
            capacity(suite.gateway, 3)
            most = capacity(suite.gateway, given.seconds)
            print(f"capacity: {most:.0f} calls/s of 32 callers who wait, at most {given.max_calls} calls at work")
            goodput = {}
            for times in (1, 2, 3):
                rate, counted = asyncio.run(offered(suite.gateway, most * times, given.seconds))
                good = counted.codes["OK"] / given.seconds
                goodput[times] = good
                others = ", ".join(f"{code} {count / given.seconds:.0f}/s" for code, count in counted.codes.most_common() if code != "OK")
                print(f"{times} x: offered {rate:.0f}/s, goodput {good:.0f}/s, p50 {percentile(counted.times, 0.5):.0f} ms, "
                      f"p99 {percentile(counted.times, 0.99):.0f} ms; {others or 'nothing refused'}")
            kept = goodput[3] / max(goodput.values())
            print(f"goodput at three times the capacity: {kept:.0%} of the best")
            return 0 if kept >= 0.9 else 1
        finally:
            suite.kill()
            postgres.stop()


if __name__ == "__main__":
    sys.exit(main())
