//! Who deals with whom: the seller, the buyer and their contract, as a posted document keeps them, else as their records
//! say it now.

use dealflow_chassis::Context;
use dealflow_documents::{Address, Contact, ElectronicAddress, Party, Payment, Registration};
use dealflow_proto::leads::v1::GetAccountRequest;
use dealflow_proto::orders::v1::{
    Contract, LegalEntity, ListContractsRequest, ListContractsResponse, ListLegalEntitiesRequest,
    ListLegalEntitiesResponse, Party as Said, contract,
};
use dealflow_proto::types::v1 as types;
use tonic::Status;

use super::DocumentRpc;
use crate::parties;

/// The code that a document's legal entity has where the document says none.
const DEFAULT: &str = "default";

/// Both sides of a document.
pub(crate) struct Sides {
    /// BG-4.
    pub(super) seller: Party,
    /// BG-16: where money goes; none where the seller names no account.
    pub(super) payment: Option<Payment>,
    /// BG-7.
    pub(super) buyer: Party,
    /// BT-12.
    pub(super) contract: String,
}

/// What a posted document keeps of them.
#[derive(Clone)]
pub(super) struct Kept {
    seller: Option<Said>,
    buyer: Option<Said>,
    contract: String,
}

impl Kept {
    /// None in a draft, and in what was posted before that was kept.
    pub(super) fn of(seller: &Option<Said>, buyer: &Option<Said>, contract: &str) -> Option<Self> {
        let kept = Self { seller: seller.clone(), buyer: buyer.clone(), contract: contract.to_owned() };
        Some(kept).filter(|kept| kept.seller.is_some() || kept.buyer.is_some())
    }
}

impl Sides {
    /// Both sides as a posted document keeps them; nobody where it keeps none.
    pub(super) fn kept(kept: Option<Kept>) -> Self {
        let Some(kept) = kept else { return sides(Said::default(), Said::default(), String::new()) };
        sides(kept.seller.unwrap_or_default(), kept.buyer.unwrap_or_default(), kept.contract)
    }

    /// Both sides of an order that is handed over.
    pub(crate) fn of_order(seller: Said, buyer: Said, contract: String) -> Self {
        sides(seller, buyer, contract)
    }
}

impl DocumentRpc {
    /// Both sides of a document that keeps them: what it does not keep is read, and what it keeps is completed by what the
    /// records say now where that is asked for.
    pub(super) async fn sides_of_bill(
        &self,
        context: &Context,
        kept: Option<&Kept>,
        (entity, account, opportunity): (&str, &str, &str),
        completed: bool,
    ) -> Result<Sides, Status> {
        let Some(kept) = kept.cloned() else { return self.sides(context, (entity, account, opportunity)).await };
        let seller = match kept.seller {
            Some(kept) if completed => filled(kept, self.seller(context, entity).await?),
            Some(kept) => kept,
            None => self.seller(context, entity).await?,
        };
        let buyer = match kept.buyer {
            Some(kept) if completed => filled(kept, self.buyer(context, account).await?),
            Some(kept) => kept,
            None => self.buyer(context, account).await?,
        };
        Ok(sides(seller, buyer, kept.contract))
    }

    /// Both sides as their records say it now.
    pub(super) async fn sides(
        &self,
        context: &Context,
        (entity, account, opportunity): (&str, &str, &str),
    ) -> Result<Sides, Status> {
        let (seller, buyer, contract) = tokio::try_join!(
            self.seller(context, entity),
            self.buyer(context, account),
            self.contract(context, opportunity)
        )?;
        Ok(sides(seller, buyer, contract))
    }

    /// The legal entity that sells; nothing is said of one that is no record yet.
    async fn seller(&self, context: &Context, code: &str) -> Result<Said, Status> {
        Ok(found_seller(self.ask(context, ask_seller(code)).await?).unwrap_or_default())
    }

    /// Nobody where the deal names no account.
    async fn buyer(&self, context: &Context, account: &str) -> Result<Said, Status> {
        if account.is_empty() {
            return Ok(Said::default());
        }
        Ok(parties::of_account(&self.ask(context, GetAccountRequest { name: account.to_owned() }).await?))
    }

    /// The number of the contract that was signed for the deal (BT-12): one that is in force, or is about to be, before one
    /// that ended, and of several the first.
    async fn contract(&self, context: &Context, opportunity: &str) -> Result<String, Status> {
        Ok(found_contract(&self.ask(context, ask_contract(opportunity)).await?))
    }
}

/// Asks for the legal entity of a code.
pub(crate) fn ask_seller(code: &str) -> ListLegalEntitiesRequest {
    let code = if code.is_empty() { DEFAULT } else { code };
    let filter = format!("code = \"{code}\"");
    ListLegalEntitiesRequest { page_size: 1, filter, ..ListLegalEntitiesRequest::default() }
}

/// What documents say of it; none where it is no record yet.
pub(crate) fn found_seller(found: ListLegalEntitiesResponse) -> Option<Said> {
    found.legal_entities.into_iter().next().map(of_entity)
}

/// Asks for the contracts that were signed for a deal.
pub(crate) fn ask_contract(opportunity: &str) -> ListContractsRequest {
    let signed = SIGNED.map(|state| format!("state = \"{state}\"")).join(" OR ");
    ListContractsRequest {
        page_size: 100,
        filter: format!("opportunity = \"{opportunity}\" AND {signed}"),
        order_by: "create_time".to_owned(),
        ..ListContractsRequest::default()
    }
}

/// The number of the one that holds; empty where there is none.
pub(crate) fn found_contract(found: &ListContractsResponse) -> String {
    let (signed, holds) =
        (&found.contracts, |one: &&Contract| matches!(one.state(), contract::State::Signed | contract::State::Active));
    signed.iter().find(holds).or(signed.first()).map(|one| one.number.clone()).unwrap_or_default()
}

/// The states of a contract that was signed.
const SIGNED: [&str; 4] = ["SIGNED", "ACTIVE", "EXPIRED", "TERMINATED"];

/// A legal entity as what documents say of it.
fn of_entity(entity: LegalEntity) -> Said {
    Said {
        legal_name: entity.legal_name,
        trading_name: entity.trading_name,
        address: entity.address,
        vat_id: entity.vat_id,
        registration_id: entity.registration_id,
        registration_scheme: entity.registration_scheme,
        legal_form: entity.legal_form,
        electronic_address: entity.electronic_address,
        electronic_address_scheme: entity.electronic_address_scheme,
        contact_name: entity.contact_name,
        phone: entity.phone,
        email: entity.email,
        bank_account: entity.bank_account,
        bank_account_name: entity.bank_account_name,
        bic: entity.bic,
    }
}

/// What is kept, with what the record says now where nothing was said then. What belongs together is not mixed.
fn filled(kept: Said, now: Said) -> Said {
    let or = |kept: String, now: String| if kept.trim().is_empty() { now } else { kept };
    let address = |kept: Option<types::Address>, now: Option<types::Address>| {
        let (Some(kept), Some(now)) = (kept.clone(), now.clone()) else { return kept.or(now) };
        Some(types::Address {
            street: or(kept.street, now.street),
            city: or(kept.city, now.city),
            postal_code: or(kept.postal_code, now.postal_code),
            region: or(kept.region, now.region),
            country_code: or(kept.country_code, now.country_code),
        })
    };
    let (electronic_address, electronic_address_scheme) = match kept.electronic_address.trim() {
        "" => (now.electronic_address, now.electronic_address_scheme),
        _ => (kept.electronic_address, or(kept.electronic_address_scheme, now.electronic_address_scheme)),
    };
    let (registration_id, registration_scheme) = match kept.registration_id.trim() {
        "" => (now.registration_id, now.registration_scheme),
        _ => (kept.registration_id, or(kept.registration_scheme, now.registration_scheme)),
    };
    let (bank_account, bank_account_name, bic) = match kept.bank_account.trim() {
        "" => (now.bank_account, now.bank_account_name, now.bic),
        _ => (kept.bank_account, kept.bank_account_name, kept.bic),
    };
    Said {
        legal_name: or(kept.legal_name, now.legal_name),
        trading_name: or(kept.trading_name, now.trading_name),
        address: address(kept.address, now.address),
        vat_id: or(kept.vat_id, now.vat_id),
        registration_id,
        registration_scheme,
        legal_form: or(kept.legal_form, now.legal_form),
        electronic_address,
        electronic_address_scheme,
        contact_name: or(kept.contact_name, now.contact_name),
        phone: or(kept.phone, now.phone),
        email: or(kept.email, now.email),
        bank_account,
        bank_account_name,
        bic,
    }
}

fn sides(seller: Said, buyer: Said, contract: String) -> Sides {
    let payment = Payment {
        means: String::new(),
        account: seller.bank_account.clone(),
        account_name: seller.bank_account_name.clone(),
        bank: seller.bic.clone(),
        reference: String::new(),
    };
    let mut buyer = party(buyer);
    buyer.contact = buyer.contact.filter(|one| !one.phone.is_empty() || !one.email.is_empty());
    Sides { seller: party(seller), payment: Some(payment).filter(|one| !one.account.is_empty()), buyer, contract }
}

/// What is said of a side, as the party that a document names.
fn party(said: Said) -> Party {
    let address = said.address.unwrap_or_default();
    let registration = Registration { scheme: said.registration_scheme, id: said.registration_id };
    let endpoint = ElectronicAddress { scheme: said.electronic_address_scheme, id: said.electronic_address };
    let legal_name = if said.legal_name.is_empty() { said.trading_name.clone() } else { said.legal_name };
    Party {
        trading_name: if said.trading_name == legal_name { String::new() } else { said.trading_name },
        legal_name,
        address: Address {
            street: address.street,
            additional: String::new(),
            city: address.city,
            postal_code: address.postal_code,
            region: address.region,
            country: address.country_code,
        },
        vat_id: said.vat_id,
        registration: Some(registration).filter(|one| !one.id.is_empty()),
        legal_form: said.legal_form,
        electronic_address: Some(endpoint).filter(|one| !one.id.is_empty()),
        contact: Some(Contact { name: said.contact_name, phone: said.phone, email: said.email }),
        ..Party::default()
    }
}
