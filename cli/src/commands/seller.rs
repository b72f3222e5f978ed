//! `dealflow seller`: the legal entities that sell, and what their documents say of them (R-INV-3).

use anyhow::Context as _;
use clap::{Args, Subcommand};
use dealflow_proto::orders::v1::{
    CreateLegalEntityRequest, LegalEntity, ListLegalEntitiesRequest, UpdateLegalEntityRequest,
};
use dealflow_proto::types::v1::Address;
use prost_types::FieldMask;
use serde_json::{Value, json};

use super::deal::quoted;
use crate::api::{Api, new_id};
use crate::client::Target;
use crate::show::{self, json as data};

const EXAMPLES: &str = "\
Examples:
  dealflow seller list
  dealflow seller set default --legal-name 'Nordlicht Handels GmbH' --city Wien --country AT --vat-id ATU12345678
  dealflow seller set default --electronic-address 0088:7300010000001 --bank-account 'AT61 1904 3002 3457 3201'
  dealflow seller set nord --legal-name 'Nord AB' --country SE --invoice-series 'NORD-{year}'

`default` sells where a quote or an order names no other. Code and series stay as they were first said.";

/// What to do with legal entities.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Sellers {
    /// List the legal entities
    List(List),
    /// Add a legal entity, or change what documents say of it
    Set(Box<Set>),
}

/// Arguments of `seller list`.
#[derive(Debug, Args)]
pub struct List {
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Arguments of `seller set`; what is not said stays as it is.
#[derive(Debug, Args)]
pub struct Set {
    /// Its code, e.g. default
    code: String,
    /// Name in the register (BT-27)
    #[arg(long)]
    legal_name: Option<String>,
    /// The name that it trades under (BT-28)
    #[arg(long)]
    trading_name: Option<String>,
    /// Street and number (BT-35)
    #[arg(long)]
    street: Option<String>,
    /// City (BT-37)
    #[arg(long)]
    city: Option<String>,
    /// Post code (BT-38)
    #[arg(long)]
    postal_code: Option<String>,
    /// Country, ISO 3166-1 alpha-2 (BT-40)
    #[arg(long)]
    country: Option<String>,
    /// VAT id with country prefix (BT-31)
    #[arg(long)]
    vat_id: Option<String>,
    /// Number in a register of companies, e.g. FN 123456 a, or 0184:12345674 with the register's code (BT-30)
    #[arg(long, value_name = "[SCHEME:]ID")]
    registration: Option<String>,
    /// Legal form, court and what else the law wants on paper (BT-33)
    #[arg(long)]
    legal_form: Option<String>,
    /// Where it gets electronic documents, with the EAS code, e.g. 0088:7300010000001 (BT-34)
    #[arg(long, value_name = "SCHEME:ID")]
    electronic_address: Option<String>,
    /// Whom to ask (BT-41)
    #[arg(long)]
    contact_name: Option<String>,
    /// Telephone number (BT-42)
    #[arg(long)]
    phone: Option<String>,
    /// E-mail address (BT-43)
    #[arg(long)]
    email: Option<String>,
    /// The account that is paid to: an IBAN, or another number (BT-84)
    #[arg(long)]
    bank_account: Option<String>,
    /// Whose account that is (BT-85)
    #[arg(long)]
    bank_account_name: Option<String>,
    /// BIC of its bank (BT-86)
    #[arg(long)]
    bic: Option<String>,
    /// The series of its invoices, e.g. 'INV-{year}'; only when it is added
    #[arg(long)]
    invoice_series: Option<String>,
    /// The series of its credit notes, e.g. 'CN-{year}'; only when it is added
    #[arg(long)]
    credit_note_series: Option<String>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Sellers {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(List { json, target }) => {
                let ask = ListLegalEntitiesRequest { page_size: 1000, ..ListLegalEntitiesRequest::default() };
                let read = async |api: Api| {
                    Ok(api.legal_entities.clone().list_legal_entities(api.ask(ask)).await?.into_inner().legal_entities)
                };
                let all = target.ask(read).await?;
                if json {
                    return data::print(&json!({ "legal_entities": data::list(&all, of_entity) }));
                }
                println!("{}", table(&all));
                Ok(())
            }
            Self::Set(set) => {
                let work = async |api: Api| set.set(&api).await;
                let entity = set.target.ask(work).await?;
                if set.json {
                    return data::print(&of_entity(&entity));
                }
                println!("{}", table(std::slice::from_ref(&entity)));
                Ok(())
            }
        }
    }
}

impl Set {
    async fn set(&self, api: &Api) -> anyhow::Result<LegalEntity> {
        let filter = format!("code = {}", quoted(&self.code));
        let ask = ListLegalEntitiesRequest { page_size: 1, filter, ..ListLegalEntitiesRequest::default() };
        let found = api.legal_entities.clone().list_legal_entities(api.ask(ask)).await?.into_inner().legal_entities;
        let (standing, etag) = match found.into_iter().next() {
            Some(standing) => (Some(standing.clone()), standing.etag),
            None => (None, String::new()),
        };
        let (entity, paths) = self.said(standing.clone().unwrap_or_default())?;
        let request_id = new_id();
        let mut entities = api.legal_entities.clone();
        if standing.is_none() {
            let ask = CreateLegalEntityRequest { legal_entity: Some(entity), request_id, ..Default::default() };
            return Ok(entities.create_legal_entity(api.ask(ask)).await?.into_inner());
        }
        let update_mask = Some(FieldMask { paths });
        let ask = UpdateLegalEntityRequest {
            legal_entity: Some(entity),
            etag,
            update_mask,
            request_id,
            ..Default::default()
        };
        Ok(entities.update_legal_entity(api.ask(ask)).await?.into_inner())
    }

    /// The legal entity with what was said, and which fields that are.
    fn said(&self, mut entity: LegalEntity) -> anyhow::Result<(LegalEntity, Vec<String>)> {
        let mut paths = Vec::new();
        let parted = |given: &Option<String>| -> (Option<String>, Option<String>) {
            match given.as_deref().map(|given| given.split_once(':').unwrap_or(("", given))) {
                Some((scheme, id)) => (Some(scheme.to_owned()), Some(id.to_owned())),
                None => (None, None),
            }
        };
        let (registration_scheme, registration_id) = parted(&self.registration);
        let (address_scheme, electronic_address) = parted(&self.electronic_address);
        if electronic_address.is_some() && address_scheme.as_deref() == Some("") {
            return Err(anyhow::anyhow!("its EAS code is missing")).context("--electronic-address is SCHEME:ID");
        }
        let mut address = entity.address.clone().unwrap_or_default();
        let before = address.clone();
        for (field, given) in [
            (&mut address.street, &self.street),
            (&mut address.city, &self.city),
            (&mut address.postal_code, &self.postal_code),
            (&mut address.country_code, &self.country),
        ] {
            if let Some(given) = given {
                field.clone_from(given);
            }
        }
        if address != before {
            entity.address = Some(address).filter(|address| *address != Address::default());
            paths.push("address".to_owned());
        }
        for (path, field, given) in [
            ("legal_name", &mut entity.legal_name, &self.legal_name),
            ("trading_name", &mut entity.trading_name, &self.trading_name),
            ("vat_id", &mut entity.vat_id, &self.vat_id),
            ("registration_scheme", &mut entity.registration_scheme, &registration_scheme),
            ("registration_id", &mut entity.registration_id, &registration_id),
            ("legal_form", &mut entity.legal_form, &self.legal_form),
            ("electronic_address_scheme", &mut entity.electronic_address_scheme, &address_scheme),
            ("electronic_address", &mut entity.electronic_address, &electronic_address),
            ("contact_name", &mut entity.contact_name, &self.contact_name),
            ("phone", &mut entity.phone, &self.phone),
            ("email", &mut entity.email, &self.email),
            ("bank_account", &mut entity.bank_account, &self.bank_account),
            ("bank_account_name", &mut entity.bank_account_name, &self.bank_account_name),
            ("bic", &mut entity.bic, &self.bic),
            ("invoice_series", &mut entity.invoice_series, &self.invoice_series),
            ("credit_note_series", &mut entity.credit_note_series, &self.credit_note_series),
        ] {
            if let Some(given) = given {
                field.clone_from(given);
                paths.push(path.to_owned());
            }
        }
        entity.code.clone_from(&self.code);
        Ok((entity, paths))
    }
}

fn of_entity(entity: &LegalEntity) -> Value {
    let address = entity.address.clone().unwrap_or_default();
    json!({
        "name": entity.name,
        "code": entity.code,
        "legal_name": entity.legal_name,
        "trading_name": data::text(&entity.trading_name),
        "address": {
            "street": data::text(&address.street),
            "city": data::text(&address.city),
            "postal_code": data::text(&address.postal_code),
            "region": data::text(&address.region),
            "country_code": data::text(&address.country_code),
        },
        "vat_id": data::text(&entity.vat_id),
        "registration_id": data::text(&entity.registration_id),
        "registration_scheme": data::text(&entity.registration_scheme),
        "legal_form": data::text(&entity.legal_form),
        "electronic_address": data::text(&entity.electronic_address),
        "electronic_address_scheme": data::text(&entity.electronic_address_scheme),
        "contact_name": data::text(&entity.contact_name),
        "phone": data::text(&entity.phone),
        "email": data::text(&entity.email),
        "bank_account": data::text(&entity.bank_account),
        "bank_account_name": data::text(&entity.bank_account_name),
        "bic": data::text(&entity.bic),
        "invoice_series": entity.invoice_series,
        "credit_note_series": entity.credit_note_series,
        "etag": entity.etag,
    })
}

/// Legal entities, one to a row.
fn table(entities: &[LegalEntity]) -> comfy_table::Table {
    let mut table =
        show::table(&["code", "legal name", "city", "country", "VAT id", "account", "invoices", "credit notes"]);
    for entity in entities {
        let address = entity.address.clone().unwrap_or_default();
        table.add_row([
            entity.code.as_str(),
            &entity.legal_name,
            &address.city,
            &address.country_code,
            &entity.vat_id,
            &entity.bank_account,
            &entity.invoice_series,
            &entity.credit_note_series,
        ]);
    }
    table
}
