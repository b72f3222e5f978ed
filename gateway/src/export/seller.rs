//! Who sells: the house's own data on its documents, as settings with history.

use std::collections::HashMap;

use dealflow_chassis::Refusal;
use dealflow_chassis::settings::{Setting, Settings, Spec};
use dealflow_documents::{Address, Contact, ElectronicAddress, Party, Payment, Registration};
use dealflow_proto::names;
use dealflow_proto::settings::v1::ListSettingsRequest;
use dealflow_proto::settings::v1::setting_service_server::SettingService;
use tonic::{Request, Status};

/// A setting of the seller: nothing until somebody says it.
const fn text(key: &'static str, description: &'static str) -> Spec {
    Setting::text(key, "", description).spec()
}

/// The seller on documents (BG-4, BG-16).
pub const SELLER: [Spec; 18] = [
    text("gateway.seller_legal_name", "The seller's name in the register (BT-27)"),
    text("gateway.seller_trading_name", "The name that the seller trades under, where that is another (BT-28)"),
    text("gateway.seller_street", "The seller's street and number (BT-35)"),
    text("gateway.seller_postal_code", "The seller's post code (BT-38)"),
    text("gateway.seller_city", "The seller's city (BT-37)"),
    text("gateway.seller_country", "The seller's country, ISO 3166-1 alpha-2 (BT-40)"),
    text("gateway.seller_vat_id", "The seller's VAT id with its country prefix (BT-31)"),
    text("gateway.seller_registration_id", "The seller's number in a register of companies (BT-30)"),
    text("gateway.seller_registration_scheme", "The ISO 6523 code of that register, where it has one (BT-30-1)"),
    text("gateway.seller_legal_form", "Legal form, court and what else the law wants on paper (BT-33)"),
    text("gateway.seller_electronic_address", "Where the seller gets electronic documents (BT-34)"),
    text("gateway.seller_electronic_address_scheme", "The EAS code of that address, e.g. 0088 (BT-34-1)"),
    text("gateway.seller_contact_name", "Whom to ask (BT-41)"),
    text("gateway.seller_phone", "The seller's telephone number (BT-42)"),
    text("gateway.seller_email", "The seller's e-mail address (BT-43)"),
    text("gateway.seller_account", "The account that is paid to: an IBAN, or another number (BT-84)"),
    text("gateway.seller_account_name", "Whose account that is (BT-85)"),
    text("gateway.seller_bic", "The BIC of its bank (BT-86)"),
];

/// The seller, and where money goes.
pub(super) struct Seller {
    pub(super) party: Party,
    pub(super) payment: Option<Payment>,
}

/// Reads what holds now, in one select.
pub(super) async fn read(settings: &Settings) -> Result<Seller, Status> {
    let all = ListSettingsRequest { page_size: 1000, ..ListSettingsRequest::default() };
    let all = settings.list_settings(Request::new(all)).await?.into_inner().settings;
    let values: HashMap<String, String> =
        all.into_iter().filter_map(|one| Some((one.name, one.value?.text?))).collect();
    let said = |key: &str| {
        let name = names::SETTINGS.slug(&format!("gateway.seller_{key}"));
        values.get(&name).cloned().ok_or_else(|| Refusal::internal(format!("{name} is not declared")))
    };
    seller(said).map_err(Status::from)
}

fn seller(said: impl Fn(&str) -> Result<String, Refusal>) -> Result<Seller, Refusal> {
    let address = Address {
        street: said("street")?,
        city: said("city")?,
        postal_code: said("postal_code")?,
        country: said("country")?,
        ..Address::default()
    };
    let registration = Registration { scheme: said("registration_scheme")?, id: said("registration_id")? };
    let endpoint = ElectronicAddress { scheme: said("electronic_address_scheme")?, id: said("electronic_address")? };
    let party = Party {
        legal_name: said("legal_name")?,
        trading_name: said("trading_name")?,
        address,
        vat_id: said("vat_id")?,
        registration: Some(registration).filter(|one| !one.id.is_empty()),
        legal_form: said("legal_form")?,
        electronic_address: Some(endpoint).filter(|one| !one.id.is_empty()),
        contact: Some(Contact { name: said("contact_name")?, phone: said("phone")?, email: said("email")? }),
        ..Party::default()
    };
    let payment = Payment {
        means: String::new(),
        account: said("account")?,
        account_name: said("account_name")?,
        bank: said("bic")?,
        reference: String::new(),
    };
    Ok(Seller { party, payment: Some(payment).filter(|one| !one.account.is_empty()) })
}
