//! Who sells: the legal entity of a document, as the party that the document names.

use dealflow_documents::{Address, Contact, ElectronicAddress, Party, Payment, Registration};
use dealflow_proto::orders::v1::LegalEntity;

/// The seller, and where money goes.
#[derive(Default)]
pub(super) struct Seller {
    pub(super) party: Party,
    pub(super) payment: Option<Payment>,
}

/// The code that a document's legal entity has where the document says none.
pub(super) const DEFAULT: &str = "default";

impl Seller {
    /// The seller as its record says it (BG-4, BG-16).
    pub(super) fn of(entity: LegalEntity) -> Self {
        let address = entity.address.unwrap_or_default();
        let registration = Registration { scheme: entity.registration_scheme, id: entity.registration_id };
        let endpoint = ElectronicAddress { scheme: entity.electronic_address_scheme, id: entity.electronic_address };
        let party = Party {
            legal_name: entity.legal_name,
            trading_name: entity.trading_name,
            address: Address {
                street: address.street,
                additional: String::new(),
                city: address.city,
                postal_code: address.postal_code,
                region: address.region,
                country: address.country_code,
            },
            vat_id: entity.vat_id,
            registration: Some(registration).filter(|one| !one.id.is_empty()),
            legal_form: entity.legal_form,
            electronic_address: Some(endpoint).filter(|one| !one.id.is_empty()),
            contact: Some(Contact { name: entity.contact_name, phone: entity.phone, email: entity.email }),
            ..Party::default()
        };
        let payment = Payment {
            means: String::new(),
            account: entity.bank_account,
            account_name: entity.bank_account_name,
            bank: entity.bic,
            reference: String::new(),
        };
        Self { party, payment: Some(payment).filter(|one| !one.account.is_empty()) }
    }
}
