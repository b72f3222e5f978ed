"""Imports a CRM's four CSV files into a fresh suite, and has every order and invoice of it written as UBL and read back by
the rules of `services/documents/tests/rules` (R-INV-3).

    DEALFLOW=target/release/dealflow PYTHONPATH=tests/load tests/ubl/imported.py CRM_FOLDER [FILES_FOLDER]

What the CSV files lack and an e-invoice demands is said by the API: who sells, each customer's address, his reference. The
files are left in FILES_FOLDER where one is named, e.g. for official.py. Asks for: python3 with grpcio and grpcio-tools.
"""

import collections
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import suite as house

house.protos()
import grpc  # noqa: E402
from dealflow.gateway.v1 import documents_pb2, documents_pb2_grpc  # noqa: E402
from dealflow.leads.v1 import leads_pb2, leads_pb2_grpc  # noqa: E402
from dealflow.orders.v1 import invoices_pb2, invoices_pb2_grpc, orders_pb2, orders_pb2_grpc  # noqa: E402
from google.protobuf import field_mask_pb2  # noqa: E402
from suite import request_id  # noqa: E402

# The words of the data for countries (spelt as they are there), by ISO 3166-1.
COUNTRIES = {
    "Belgium": "BE", "Brazil": "BR", "China": "CN", "Germany": "DE", "Italy": "IT", "Japan": "JP", "Jordan": "JO",
    "Kenya": "KE", "Korea": "KR", "Norway": "NO", "Panama": "PA", "Philipines": "PH", "Poland": "PL", "Romania": "RO",
    "United States": "US",
}


def serve(folder):
    port = house.free_port()
    log = open(pathlib.Path(folder) / "log", "w", encoding="utf-8")
    command = [house.PROGRAM, "serve", "--data", f"{folder}/data", "--listen", f"127.0.0.1:{port}", "--durability", "relaxed"]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.max_receive_message_length", -1)])
    grpc.channel_ready_future(channel).result(timeout=60)
    return process, channel, f"http://127.0.0.1:{port}"


def pages(method, request, of):
    token = ""
    while True:
        page = method(request(page_size=1000, page_token=token), timeout=60)
        yield from getattr(page, of)
        token = page.next_page_token
        if not token:
            return


def complete(channel):
    """Each customer's address, from the country that the data has of him."""
    accounts = leads_pb2_grpc.AccountServiceStub(channel)
    for index, account in enumerate(pages(accounts.ListAccounts, leads_pb2.ListAccountsRequest, "accounts")):
        address = account.address
        address.street, address.city, address.postal_code = f"{index + 1} Main Street", "Capital", f"{10000 + index}"
        address.country_code = COUNTRIES[address.region]
        number = f"{730001000000 + index}"
        # GS1's check digit, which Peppol looks at.
        check = -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(number)) % 10
        changed = leads_pb2.Account(name=account.name, address=address, electronic_address=f"{number}{check}",
                                    electronic_address_scheme="0088")
        mask = field_mask_pb2.FieldMask(paths=["address", "electronic_address", "electronic_address_scheme"])
        accounts.UpdateAccount(leads_pb2.UpdateAccountRequest(account=changed, update_mask=mask, request_id=request_id()), timeout=20)
        yield account.name


def export(channel, files):
    """Every order and invoice as a file; those that are refused, by reason."""
    documents = documents_pb2_grpc.DocumentServiceStub(channel)
    orders = pages(orders_pb2_grpc.OrderServiceStub(channel).ListOrders, orders_pb2.ListOrdersRequest, "orders")
    invoices = pages(invoices_pb2_grpc.InvoiceServiceStub(channel).ListInvoices, invoices_pb2.ListInvoicesRequest, "invoices")
    refused = collections.Counter()

    def one(name):
        ask = documents_pb2.ExportDocumentRequest(name=name, format=documents_pb2.ExportDocumentRequest.FORMAT_UBL, buyer_reference="PURCHASING")
        try:
            file = documents.ExportDocument(ask, timeout=60)
        except grpc.RpcError as error:
            refused[error.details()] += 1
            return 0
        (files / f"{name.replace('/', '-')}.xml").write_bytes(file.content)
        return 1

    names = [it.name for it in orders], [it.name for it in invoices]
    with concurrent.futures.ThreadPoolExecutor(8) as workers:
        return [sum(workers.map(one, some)) for some in names], [len(some) for some in names], refused


def main():
    crm = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="dealflow-ubl-") as folder:
        files = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else f"{folder}/files")
        files.mkdir(parents=True, exist_ok=True)
        process, channel, gateway = serve(folder)
        try:
            began = time.monotonic()
            subprocess.run([house.PROGRAM, "import", "crm", crm, "--gateway", gateway], check=True, stdout=subprocess.DEVNULL)
            print(f"imported in {time.monotonic() - began:.0f} s", flush=True)
            subprocess.run([house.PROGRAM, "seller", "set", "default", "--gateway", gateway, "--legal-name", "Hardware & Sons Inc.",
                            "--street", "1 Market Street", "--city", "Springfield", "--postal-code", "12345", "--country", "US",
                            "--registration", "0060:123456789", "--electronic-address", "0088:7300010000001", "--contact-name", "Billing",
                            "--phone", "+1 555 0100", "--email", "billing@example.com", "--bank-account", "000123456789"],
                           check=True, stdout=subprocess.DEVNULL)
            customers = sum(1 for _ in complete(channel))
            began = time.monotonic()
            (orders, invoices), (all_orders, all_invoices), refused = export(channel, files)
            print(f"{customers} customers; written {orders} of {all_orders} orders and {invoices} of {all_invoices} invoices "
                  f"in {time.monotonic() - began:.0f} s", flush=True)
            for reason, count in refused.most_common(10):
                print(f"refused {count}: {reason}")
        finally:
            process.terminate()
            process.wait(60)
        checked = subprocess.run(["cargo", "test", "-q", "-p", "dealflow-documents", "--test", "ubl_rules", "--", "--ignored",
                                  "--nocapture", "files_of_a_folder"], env={**os.environ, "DOCUMENTS_IN": str(files)}, cwd=house.ROOT)
        return 1 if refused or checked.returncode or not invoices else 0


if __name__ == "__main__":
    sys.exit(main())
