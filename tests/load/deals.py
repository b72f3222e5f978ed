"""Deals from lead to posted invoice, call by call, each call counted: how long it took and how it ended."""

import collections
import time

import grpc
from dealflow.gateway.v1 import deals_pb2, deals_pb2_grpc
from dealflow.leads.v1 import leads_pb2, leads_pb2_grpc
from dealflow.opportunities.v1 import opportunities_pb2, opportunities_pb2_grpc
from dealflow.types.v1 import types_pb2
from google.type import decimal_pb2, money_pb2
from suite import request_id


class Counted:
    """What calls came to: by code, with their times in milliseconds."""

    def __init__(self):
        self.codes = collections.Counter()
        self.times = []
        self.failures = []

    def call(self, method, ask, timeout=20):
        began = time.monotonic()
        try:
            answer = method(ask, timeout=timeout)
            self.codes["OK"] += 1
            self.times.append((time.monotonic() - began) * 1000)
            return answer
        except grpc.RpcError as error:
            self.codes[error.code().name] += 1
            self.failures.append(f"{type(ask).__name__}: {error.code().name}: {error.details()}")
            return None


def euros(units):
    return money_pb2.Money(currency_code="EUR", units=units)


def lead_of():
    bant = types_pb2.Bant(budget_status=types_pb2.BUDGET_STATUS_CAN_BUY, need=types_pb2.NEED_MUST_HAVE)
    return leads_pb2.Lead(company_name=f"Load {request_id()}", family_name="Hall", bant=bant, estimated_value=euros(400))


def whole(channel, counted):
    """One deal; the names of its hand-overs, or nothing where a call failed."""
    leads, deals = leads_pb2_grpc.LeadServiceStub(channel), deals_pb2_grpc.DealServiceStub(channel)
    lead = counted.call(leads.CreateLead, leads_pb2.CreateLeadRequest(lead=lead_of(), request_id=request_id()))
    if lead is None:
        return None
    ask = deals_pb2.QualifyLeadRequest(lead=lead.name, without_process=True, request_id=request_id())
    qualified = counted.call(deals.QualifyLead, ask)
    if qualified is None:
        return None
    name = qualified.opportunity.name
    vat = types_pb2.Vat(category=types_pb2.VAT_CATEGORY_STANDARD, rate=decimal_pb2.Decimal(value="20"))
    line = types_pb2.Line(description="Pump", quantity=decimal_pb2.Decimal(value="2"), unit_price=euros(199), vat=vat)
    steps = [
        (deals.DevelopDeal, deals_pb2.DevelopDealRequest(opportunity=name, lines=[line], request_id=request_id())),
        (deals.ProposeQuote, deals_pb2.ProposeQuoteRequest(opportunity=name, request_id=request_id())),
        (deals.AcceptQuote, deals_pb2.AcceptQuoteRequest(opportunity=name, request_id=request_id())),
        (deals.FulfillDeal, deals_pb2.FulfillDealRequest(opportunity=name, request_id=request_id())),
    ]
    answer = None
    for method, ask in steps:
        answer = counted.call(method, ask)
        if answer is None:
            return None
    opportunities = opportunities_pb2_grpc.OpportunityServiceStub(channel)
    counted.call(opportunities.ListOpportunities, opportunities_pb2.ListOpportunitiesRequest(page_size=5))
    return list(answer.handoffs)
