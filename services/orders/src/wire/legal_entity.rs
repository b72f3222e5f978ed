//! Legal entities ⇄ the wire.

use chrono::{DateTime, Utc};
use dealflow_chassis::Mask;
use dealflow_proto::convert;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::types::v1::Address;
use uuid::Uuid;

use crate::error::Error;
use crate::legal_entity::{Model, Particulars, Series};

/// The fields that UpdateLegalEntity can change.
pub(crate) const LEGAL_ENTITY_UPDATABLE: &[&str] = &[
    "legal_name",
    "trading_name",
    "address",
    "vat_id",
    "registration_id",
    "registration_scheme",
    "legal_form",
    "electronic_address",
    "electronic_address_scheme",
    "contact_name",
    "phone",
    "email",
    "bank_account",
    "bank_account_name",
    "bic",
];

impl Model {
    /// A new legal entity as it was written, checked.
    pub fn of(written: pb::LegalEntity, now: DateTime<Utc>) -> Result<Self, Error> {
        let usual = Series::usual(&written.code);
        let or_usual = |given: &str, usual: String| if given.is_empty() { usual } else { given.to_owned() };
        let new = Self {
            id: Uuid::now_v7(),
            version: 0,
            created_at: now,
            updated_at: now,
            code: written.code.clone(),
            particulars: Particulars::default(),
            invoice_series: or_usual(&written.invoice_series, usual.invoices),
            credit_note_series: or_usual(&written.credit_note_series, usual.credit_notes),
        };
        new.update(written, &Mask::of(None, LEGAL_ENTITY_UPDATABLE)?, now)
    }

    /// The legal entity with the fields that the mask takes over, checked.
    pub fn update(mut self, written: pb::LegalEntity, mask: &Mask, now: DateTime<Utc>) -> Result<Self, Error> {
        let its = &mut self.particulars;
        for (path, field, given) in [
            ("legal_name", &mut its.legal_name, written.legal_name),
            ("trading_name", &mut its.trading_name, written.trading_name),
            ("vat_id", &mut its.vat_id, written.vat_id),
            ("registration_id", &mut its.registration_id, written.registration_id),
            ("registration_scheme", &mut its.registration_scheme, written.registration_scheme),
            ("legal_form", &mut its.legal_form, written.legal_form),
            ("electronic_address", &mut its.electronic_address, written.electronic_address),
            ("electronic_address_scheme", &mut its.electronic_address_scheme, written.electronic_address_scheme),
            ("contact_name", &mut its.contact_name, written.contact_name),
            ("phone", &mut its.phone, written.phone),
            ("email", &mut its.email, written.email),
            ("bank_account", &mut its.bank_account, written.bank_account),
            ("bank_account_name", &mut its.bank_account_name, written.bank_account_name),
            ("bic", &mut its.bic, written.bic),
        ] {
            if mask.takes(path, !given.is_empty()) {
                *field = given;
            }
        }
        if mask.takes("address", written.address.is_some()) {
            let address = written.address.unwrap_or_default();
            its.street = address.street;
            its.city = address.city;
            its.postal_code = address.postal_code;
            its.region = address.region;
            its.country = address.country_code;
        }
        self.check()?;
        Ok(Self { version: self.version + 1, updated_at: now, ..self })
    }

    /// The legal entity as it goes out.
    pub fn to_wire(&self) -> pb::LegalEntity {
        let its = self.particulars.clone();
        let address = Address {
            street: its.street,
            city: its.city,
            postal_code: its.postal_code,
            region: its.region,
            country_code: its.country,
        };
        pb::LegalEntity {
            name: self.name(),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            code: self.code.clone(),
            legal_name: its.legal_name,
            trading_name: its.trading_name,
            address: Some(address).filter(|address| *address != Address::default()),
            vat_id: its.vat_id,
            registration_id: its.registration_id,
            registration_scheme: its.registration_scheme,
            legal_form: its.legal_form,
            electronic_address: its.electronic_address,
            electronic_address_scheme: its.electronic_address_scheme,
            contact_name: its.contact_name,
            phone: its.phone,
            email: its.email,
            bank_account: its.bank_account,
            bank_account_name: its.bank_account_name,
            bic: its.bic,
            invoice_series: self.invoice_series.clone(),
            credit_note_series: self.credit_note_series.clone(),
        }
    }
}
