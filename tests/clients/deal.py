"""Takes one deal from lead to an invoice in the ERP, with grpcio and the generated protos alone.

    deal.py ADDRESS [AUTHORITY.pem]
"""

import pathlib
import sys
import time
import uuid

import grpc
from dealflow.activities.v1 import activities_pb2
from dealflow.erp.v1 import erp_pb2, erp_pb2_grpc, handoff_pb2, handoff_pb2_grpc
from dealflow.gateway.v1 import deals_pb2, deals_pb2_grpc
from dealflow.leads.v1 import leads_pb2, leads_pb2_grpc
from dealflow.opportunities.v1 import opportunities_pb2
from dealflow.orders.v1 import products_pb2, products_pb2_grpc
from dealflow.types.v1 import types_pb2
from google.type import decimal_pb2, money_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

TIMEOUT = 20


def request_id():
    return str(uuid.uuid4())


def connect(address, authority=None):
    """Over TLS where an authority is named, in the clear where none is."""
    if authority:
        credentials = grpc.ssl_channel_credentials(pathlib.Path(authority).read_bytes())
        channel = grpc.secure_channel(address, credentials)
    else:
        channel = grpc.insecure_channel(address)
    grpc.channel_ready_future(channel).result(timeout=60)
    return channel


def product(channel):
    rate = decimal_pb2.Decimal(value="20")
    vat = types_pb2.Vat(category=types_pb2.VAT_CATEGORY_STANDARD, rate=rate)
    price = money_pb2.Money(currency_code="EUR", units=199, nanos=990_000_000)
    new = products_pb2.Product(code=f"PY-{request_id()}", display_name="Grammar", list_price=price, vat=vat)
    ask = products_pb2.CreateProductRequest(product=new, request_id=request_id())
    return products_pb2_grpc.ProductServiceStub(channel).CreateProduct(ask, timeout=TIMEOUT)


def lead(channel):
    bant = types_pb2.Bant(budget_status=types_pb2.BUDGET_STATUS_CAN_BUY, need=types_pb2.NEED_MUST_HAVE)
    # The estimate says in which currency the deal is made.
    value = money_pb2.Money(currency_code="EUR", units=400)
    new = leads_pb2.Lead(
        title="A language", company_name=f"Monty {request_id()}", family_name="Hall", bant=bant, estimated_value=value
    )
    ask = leads_pb2.CreateLeadRequest(lead=new, request_id=request_id())
    return leads_pb2_grpc.LeadServiceStub(channel).CreateLead(ask, timeout=TIMEOUT)


def complete_open(deals, progress):
    """Completes what a verb left to be done; answers what the last completion led to."""
    for activity in progress.activities:
        if activity.state == activities_pb2.Activity.STATE_NOT_STARTED:
            ask = deals_pb2.CompleteActivityRequest(activity=activity.name, result="done", request_id=request_id())
            progress = deals.CompleteActivity(ask, timeout=TIMEOUT)
    return progress


def delivered(channel, name):
    """Waits until the ERP has a document; answers its number there."""
    handoffs = handoff_pb2_grpc.HandoffServiceStub(channel)
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        handoff = handoffs.GetHandoff(handoff_pb2.GetHandoffRequest(name=name), timeout=TIMEOUT)
        if handoff.state == handoff_pb2.Handoff.STATE_DELIVERED:
            return handoff
        time.sleep(0.05)
    raise SystemExit(f"{name} was not delivered: {handoff}")


def main(address, authority=None):
    channel = connect(address, authority)
    reflected = set(ProtoReflectionDescriptorDatabase(channel).get_services())
    missing = {"dealflow.gateway.v1.DealService", "dealflow.leads.v1.LeadService"} - reflected
    assert not missing, f"reflection does not know {missing}"

    item = product(channel)
    deals = deals_pb2_grpc.DealServiceStub(channel)
    ask = deals_pb2.QualifyLeadRequest(lead=lead(channel).name, request_id=request_id())
    qualified = deals.QualifyLead(ask, timeout=TIMEOUT)
    assert deals.QualifyLead(ask, timeout=TIMEOUT) == qualified, "the same request has the same answer"
    opportunity = qualified.opportunity.name

    line = types_pb2.Line(product=item.name, quantity=decimal_pb2.Decimal(value="2"), unit_price=item.list_price)
    develop = deals_pb2.DevelopDealRequest(opportunity=opportunity, lines=[line], request_id=request_id())
    deals.DevelopDeal(develop, timeout=TIMEOUT)
    proposal = complete_open(deals, complete_open(deals, qualified))
    propose = deals_pb2.ProposeQuoteRequest(opportunity=opportunity, request_id=request_id())
    quote = deals.ProposeQuote(propose, timeout=TIMEOUT).quote
    contracting = complete_open(deals, proposal)
    accept = deals_pb2.AcceptQuoteRequest(opportunity=opportunity, quote=quote.name, request_id=request_id())
    deals.AcceptQuote(accept, timeout=TIMEOUT)
    closed = complete_open(deals, contracting)
    assert closed.opportunity.state == opportunities_pb2.Opportunity.STATE_WON, closed.opportunity
    fulfill = deals_pb2.FulfillDealRequest(opportunity=opportunity, request_id=request_id())
    fulfilled = deals.FulfillDeal(fulfill, timeout=TIMEOUT)

    handoff = delivered(channel, fulfilled.handoffs[-1])
    status = erp_pb2.GetDocumentStatusRequest(external_id=handoff.external_id)
    document = erp_pb2_grpc.ErpServiceStub(channel).GetDocumentStatus(status, timeout=TIMEOUT)
    assert document.total_with_vat == fulfilled.invoice.totals.total_with_vat, document
    total = document.total_with_vat
    print(f"{fulfilled.invoice.number} is {document.erp_number} in the ERP: {total.units}.{total.nanos // 10**7:02} {total.currency_code}")


if __name__ == "__main__":
    main(*sys.argv[1:])
