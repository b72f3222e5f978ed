//! Leads, accounts, contacts and employees.

use dealflow_proto::activities::v1::Employee;
use dealflow_proto::leads::v1::{Account, Contact, Lead};
use serde_json::{Value, json};

use super::*;

/// A lead.
pub fn lead(lead: &Lead) -> Value {
    json!({
        "name": lead.name,
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
        "stage_time": time(lead.stage_time.as_ref()),
        "erase_time": time(lead.erase_time.as_ref()),
        "etag": lead.etag,
        "guidance": guidance(lead.guidance.as_ref()),
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
        "address": account.address.as_ref().map(|address| json!({
            "street": text(&address.street),
            "city": text(&address.city),
            "postal_code": text(&address.postal_code),
            "region": text(&address.region),
            "country_code": text(&address.country_code),
        })),
        "electronic_address_scheme": text(&account.electronic_address_scheme),
        "electronic_address": text(&account.electronic_address),
        "email": text(&account.email),
        "phone": text(&account.phone),
        "sector": text(&account.sector),
        "parent": text(&account.parent),
        "etag": account.etag,
        "external_id": text(&account.external_id),
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
    })
}
