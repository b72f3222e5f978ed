//! The parties of a posted document ⇄ the wire.

use dealflow_proto::orders::v1 as pb;
use dealflow_proto::types::v1::Address;

use crate::legal_entity::Particulars;
use crate::parties::Parties;

/// Seller, buyer and the contract's number as they go out.
pub(crate) fn parties(kept: Option<&Parties>) -> (Option<pb::Party>, Option<pb::Party>, String) {
    let Some(kept) = kept.cloned() else { return (None, None, String::new()) };
    (kept.seller.map(pb::Party::from), kept.buyer.map(pb::Party::from), kept.contract)
}

impl From<Particulars> for pb::Party {
    fn from(its: Particulars) -> Self {
        let address = Address {
            street: its.street,
            city: its.city,
            postal_code: its.postal_code,
            region: its.region,
            country_code: its.country,
        };
        Self {
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
        }
    }
}

impl From<pb::Party> for Particulars {
    fn from(party: pb::Party) -> Self {
        let address = party.address.unwrap_or_default();
        Self {
            legal_name: party.legal_name,
            trading_name: party.trading_name,
            street: address.street,
            city: address.city,
            postal_code: address.postal_code,
            region: address.region,
            country: address.country_code,
            vat_id: party.vat_id,
            registration_id: party.registration_id,
            registration_scheme: party.registration_scheme,
            legal_form: party.legal_form,
            electronic_address: party.electronic_address,
            electronic_address_scheme: party.electronic_address_scheme,
            contact_name: party.contact_name,
            phone: party.phone,
            email: party.email,
            bank_account: party.bank_account,
            bank_account_name: party.bank_account_name,
            bic: party.bic,
        }
    }
}
