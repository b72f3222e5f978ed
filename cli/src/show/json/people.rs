//! Leads, accounts, contacts and employees.

use dealflow_proto::activities::v1::Employee;
use dealflow_proto::leads::v1::{Account, Contact, Lead};
use dealflow_proto::types::v1::{Address, Bant};
use serde_json::{Value, json};

use super::*;

/// A lead.
pub fn lead(lead: &Lead) -> Value {
    json!({
        "name": lead.name,
        "etag": lead.etag,
        "title": lead.title,
        "state": word(lead.state().as_str_name(), "STATE_"),
        "stage": word(lead.stage().as_str_name(), "STAGE_"),
        "source": text(word(lead.source().as_str_name(), "SOURCE_")),
        "channel": text(&lead.channel),
        "campaign": text(&lead.campaign),
        "company_name": text(&lead.company_name),
        "given_name": text(&lead.given_name),
        "family_name": text(&lead.family_name),
        "email": text(&lead.email),
        "phone": text(&lead.phone),
        "vat_id": text(&lead.vat_id),
        "address": address(lead.address.as_ref()),
        "bant": bant(lead.bant.as_ref()),
        "owner": text(&lead.owner),
        "estimated_value": money(lead.estimated_value.as_ref()),
        "notes": text(&lead.notes),
        "external_id": text(&lead.external_id),
        "account": text(&lead.account),
        "contact": text(&lead.contact),
        "opportunity": text(&lead.opportunity),
        "disqualify_reason": text(word(lead.disqualify_reason().as_str_name(), "DISQUALIFY_REASON_")),
        "disqualify_comment": text(&lead.disqualify_comment),
        "create_time": time(lead.create_time.as_ref()),
        "update_time": time(lead.update_time.as_ref()),
        "stage_time": time(lead.stage_time.as_ref()),
        "erase_time": time(lead.erase_time.as_ref()),
        "guidance": guidance(lead.guidance.as_ref()),
    })
}

/// Budget, authority, need and timeframe; null where nothing is known of them.
pub fn bant(bant: Option<&Bant>) -> Value {
    bant.map_or(Value::Null, |bant| {
        json!({
            "budget_status": text(word(bant.budget_status().as_str_name(), "BUDGET_STATUS_")),
            "budget_amount": money(bant.budget_amount.as_ref()),
            "purchase_process": text(word(bant.purchase_process().as_str_name(), "PURCHASE_PROCESS_")),
            "decision_maker": text(&bant.decision_maker),
            "need": text(word(bant.need().as_str_name(), "NEED_")),
            "need_text": text(&bant.need_text),
            "timeframe": text(word(bant.timeframe().as_str_name(), "TIMEFRAME_")),
            "decision_date": date(bant.decision_date.as_ref()),
        })
    })
}

/// A postal address; null where there is none.
fn address(address: Option<&Address>) -> Value {
    address.map_or(Value::Null, |address| {
        json!({
            "street": text(&address.street),
            "city": text(&address.city),
            "postal_code": text(&address.postal_code),
            "region": text(&address.region),
            "country_code": text(&address.country_code),
        })
    })
}

/// An account.
pub fn account(account: &Account) -> Value {
    json!({
        "name": account.name,
        "display_name": account.display_name,
        "legal_name": text(&account.legal_name),
        "vat_id": text(&account.vat_id),
        "registration_id": text(&account.registration_id),
        "address": address(account.address.as_ref()),
        "electronic_address_scheme": text(&account.electronic_address_scheme),
        "electronic_address": text(&account.electronic_address),
        "email": text(&account.email),
        "phone": text(&account.phone),
        "sector": text(&account.sector),
        "employee_count": (account.employee_count != 0).then_some(account.employee_count),
        "annual_revenue": money(account.annual_revenue.as_ref()),
        "year_established": (account.year_established != 0).then_some(account.year_established),
        "parent": text(&account.parent),
        "etag": account.etag,
        "external_id": text(&account.external_id),
        "create_time": time(account.create_time.as_ref()),
        "update_time": time(account.update_time.as_ref()),
        "customer_time": time(account.customer_time.as_ref()),
        "customer_actor": text(&account.customer_actor),
    })
}

/// A contact.
pub fn contact(contact: &Contact) -> Value {
    json!({
        "name": contact.name,
        "given_name": text(&contact.given_name),
        "family_name": contact.family_name,
        "email": text(&contact.email),
        "phone": text(&contact.phone),
        "job_title": text(&contact.job_title),
        "department": text(&contact.department),
        "preferred_channel": text(word(contact.preferred_channel().as_str_name(), "CHANNEL_")),
        "language_code": text(&contact.language_code),
        "account": text(&contact.account),
        "create_time": time(contact.create_time.as_ref()),
        "update_time": time(contact.update_time.as_ref()),
        "erase_time": time(contact.erase_time.as_ref()),
        "etag": contact.etag,
    })
}

/// An employee.
pub fn employee(employee: &Employee) -> Value {
    json!({
        "name": employee.name,
        "display_name": employee.display_name,
        "manager": text(&employee.manager),
        "team": text(&employee.team),
        "office": text(&employee.office),
        "email": text(&employee.email),
        "roles": employee.roles,
        "active": employee.active,
        "create_time": time(employee.create_time.as_ref()),
        "update_time": time(employee.update_time.as_ref()),
        "etag": employee.etag,
    })
}
