//! Who may be the same already (R-LED-4): one query for accounts, one for contacts, on normalised columns.
//!
//! Two leads of one new company that are qualified at once must not both find nobody. On PostgreSQL who looks for a
//! company or person first takes a lock on each of its keys, held until the end of the transaction; the second waits
//! and then finds what the first made. SQLite has one writer, so there is nothing to lock.

use dealflow_proto::leads::v1::FindDuplicatesRequest;
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement, Value,
};
use uuid::Uuid;

use crate::error::Error;
use crate::{account, contact, keys, lead};

/// More than these would not help who must decide.
const MOST: u64 = 20;

/// A record that may be the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its resource name.
    pub name: String,
    /// What it has in common with the lead, e.g. `same VAT id, same company name`.
    pub why: String,
}

/// A lead's normalised values, or those of who is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    company: Option<String>,
    person: Option<String>,
    vat: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

impl Keys {
    /// The keys of a lead.
    pub fn of(lead: &lead::Model) -> Self {
        Self {
            company: keys::company(&lead.company_name),
            person: keys::person(&lead.given_name, &lead.family_name),
            vat: keys::vat(&lead.vat_id),
            email: keys::email(&lead.email),
            phone: keys::phone(&lead.phone),
        }
    }

    /// The keys of who is looked for.
    pub fn wanted(ask: &FindDuplicatesRequest) -> Self {
        Self {
            company: keys::company(&ask.company_name),
            person: keys::person(&ask.given_name, &ask.family_name),
            vat: keys::vat(&ask.vat_id),
            email: keys::email(&ask.email),
            phone: keys::phone(&ask.phone),
        }
    }

    /// Waits for everybody who decides on one of these keys, and lets the next ones wait for us.
    pub async fn lock(&self, tx: &impl ConnectionTrait) -> Result<(), Error> {
        if tx.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let all = [("company", &self.company), ("vat", &self.vat), ("email", &self.email), ("phone", &self.phone)];
        let mut taken: Vec<String> =
            all.iter().filter_map(|(kind, key)| key.as_ref().map(|key| format!("{kind} {key}"))).collect();
        if taken.is_empty() {
            return Ok(());
        }
        taken.sort(); // the same order for all: nobody waits in a circle
        let rows: Vec<String> = (1..=taken.len()).map(|n| format!("(${n})")).collect();
        let sql = format!(
            "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' ' || key, 0)) \
             FROM (VALUES {}) AS taken(key)",
            rows.join(",")
        );
        let values: Vec<Value> = taken.into_iter().map(Value::from).collect();
        tx.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
        Ok(())
    }

    /// Accounts with the same VAT id, e-mail address, telephone number or name; the oldest first.
    pub async fn accounts(&self, tx: &impl ConnectionTrait) -> Result<Vec<account::Model>, Error> {
        use account::Column;
        let same = Condition::any()
            .add_option(self.company.as_ref().map(|key| Column::NameKey.eq(key)))
            .add_option(self.company.as_ref().map(|key| Column::LegalKey.eq(key)))
            .add_option(self.vat.as_ref().map(|key| Column::VatKey.eq(key)))
            .add_option(self.email.as_ref().map(|key| Column::EmailKey.eq(key)))
            .add_option(self.phone.as_ref().map(|key| Column::PhoneKey.eq(key)));
        if same.is_empty() {
            return Ok(Vec::new());
        }
        Ok(account::Entity::find().filter(same).order_by_asc(Column::Id).limit(MOST).all(tx).await?)
    }

    /// Contacts with the same e-mail address or telephone number, or the same name at one of the accounts.
    pub async fn contacts(&self, tx: &impl ConnectionTrait, at: &[Uuid]) -> Result<Vec<contact::Model>, Error> {
        use contact::Column;
        let namesake = self.person.as_ref().filter(|_| !at.is_empty()).map(|key| -> Expr {
            sea_orm::ExprTrait::and(Column::NameKey.eq(key), Column::Account.is_in(at.iter().copied()))
        });
        let same = Condition::any()
            .add_option(self.email.as_ref().map(|key| Column::EmailKey.eq(key)))
            .add_option(self.phone.as_ref().map(|key| Column::PhoneKey.eq(key)))
            .add_option(namesake);
        if same.is_empty() {
            return Ok(Vec::new());
        }
        Ok(contact::Entity::find().filter(same).order_by_asc(Column::Id).limit(MOST).all(tx).await?)
    }

    /// What an account has in common with the lead.
    pub fn account_candidate(&self, account: &account::Model) -> Candidate {
        let common = [
            ("same VAT id", agree(&self.vat, &account.vat_key)),
            ("same company name", agree(&self.company, &account.name_key) || agree(&self.company, &account.legal_key)),
            ("same e-mail address", agree(&self.email, &account.email_key)),
            ("same telephone number", agree(&self.phone, &account.phone_key)),
        ];
        Candidate { name: account.name(), why: why(&account.display_name, &common) }
    }

    /// What a contact has in common with the lead.
    pub fn contact_candidate(&self, contact: &contact::Model) -> Candidate {
        let common = [
            ("same e-mail address", agree(&self.email, &contact.email_key)),
            ("same telephone number", agree(&self.phone, &contact.phone_key)),
            ("same name", agree(&self.person, &contact.name_key)),
        ];
        let name = format!("{} {}", contact.given_name, contact.family_name);
        Candidate { name: contact.name(), why: why(name.trim(), &common) }
    }
}

fn agree(ours: &Option<String>, theirs: &Option<String>) -> bool {
    ours.is_some() && ours == theirs
}

fn why(name: &str, common: &[(&str, bool)]) -> String {
    let common: Vec<&str> = common.iter().filter(|(_, agree)| *agree).map(|(what, _)| *what).collect();
    format!("{}: {name}", common.join(", "))
}
