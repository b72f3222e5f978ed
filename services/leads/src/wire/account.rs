//! An account ⇄ the wire.

use dealflow_chassis::{Mask, Refusal};
use dealflow_proto::leads::v1 as pb;
use dealflow_proto::names;

use crate::account::Model;
use crate::wire;

/// The fields that an update may name.
pub const KNOWN: &[&str] = &[
    "display_name",
    "legal_name",
    "vat_id",
    "registration_id",
    "address",
    "electronic_address_scheme",
    "electronic_address",
    "email",
    "phone",
    "sector",
    "employee_count",
    "annual_revenue",
    "parent",
    "year_established",
    "external_id",
];

/// The account with the fields that the mask takes over from the message.
pub fn take_over(mut account: Model, news: pb::Account, mask: &Mask) -> Result<Model, Refusal> {
    let text = |path: &str, mine: &mut String, theirs: String| {
        if mask.takes(path, !theirs.is_empty()) {
            *mine = theirs;
        }
    };
    text("display_name", &mut account.display_name, news.display_name);
    text("legal_name", &mut account.legal_name, news.legal_name);
    text("vat_id", &mut account.vat_id, news.vat_id);
    text("registration_id", &mut account.registration_id, news.registration_id);
    text("electronic_address_scheme", &mut account.electronic_address_scheme, news.electronic_address_scheme);
    text("electronic_address", &mut account.electronic_address, news.electronic_address);
    text("phone", &mut account.phone, news.phone);
    text("sector", &mut account.sector, news.sector);
    if mask.takes("email", !news.email.is_empty()) {
        wire::take_email("account.email", &mut account.email, news.email)?;
    }
    if mask.takes("address", news.address.is_some()) {
        account.address = news.address.map(wire::bant::read_address);
    }
    if mask.takes("employee_count", news.employee_count != 0) {
        account.employee_count = news.employee_count;
    }
    if mask.takes("year_established", news.year_established != 0) {
        account.year_established = news.year_established;
    }
    if mask.takes("annual_revenue", news.annual_revenue.is_some()) {
        let revenue = news.annual_revenue.map(|it| wire::amount("account.annual_revenue", &it)).transpose()?;
        account.revenue_minor = revenue.map(|revenue| revenue.minor);
        account.revenue_currency = revenue.map(|revenue| revenue.currency.code().to_owned());
    }
    if mask.takes("parent", !news.parent.is_empty()) {
        account.parent = wire::id(names::ACCOUNTS, "account.parent", &news.parent)?;
    }
    if mask.takes("external_id", !news.external_id.is_empty()) {
        account.external_id = wire::present(news.external_id);
    }
    Ok(account)
}

/// An account as the wire has it.
pub fn answer(account: &Model) -> pb::Account {
    pb::Account {
        name: account.name(),
        etag: account.version.to_string(),
        create_time: wire::time(account.created_at),
        update_time: wire::time(account.updated_at),
        display_name: account.display_name.clone(),
        legal_name: account.legal_name.clone(),
        vat_id: account.vat_id.clone(),
        registration_id: account.registration_id.clone(),
        address: account.address.as_ref().map(wire::bant::address),
        electronic_address_scheme: account.electronic_address_scheme.clone(),
        electronic_address: account.electronic_address.clone(),
        email: account.email.clone(),
        phone: account.phone.clone(),
        sector: account.sector.clone(),
        employee_count: account.employee_count,
        annual_revenue: wire::stored(account.revenue_minor, account.revenue_currency.as_deref()),
        parent: wire::name(names::ACCOUNTS, account.parent),
        year_established: account.year_established,
        external_id: account.external_id.clone().unwrap_or_default(),
        customer_time: account.customer_at.and_then(wire::time),
        customer_actor: account.customer_actor.clone(),
    }
}
