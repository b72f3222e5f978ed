//! Leads, accounts and contacts.
//!
//! Columns that end in `_key` hold normalised values: duplicates are looked for by equality, on an index (R-LED-4).

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(lead()).await?;
        manager.create_table(account()).await?;
        manager.create_table(contact()).await?;
        for index in indexes(manager.get_database_backend()) {
            manager.get_connection().execute_unprepared(&index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["contact", "account", "lead"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn record(table: &'static str) -> TableCreateStatement {
    Table::create()
        .table(table)
        .col(uuid("id").primary_key())
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .to_owned()
}

fn lead() -> TableCreateStatement {
    record("lead")
        .col(text("state"))
        .col(timestamp_with_time_zone("state_since"))
        .col(text("stage"))
        .col(text("title"))
        .col(text("company_name"))
        .col(text("given_name"))
        .col(text("family_name"))
        .col(text("email"))
        .col(text("phone"))
        .col(text("vat_id"))
        .col(json_binary_null("address"))
        .col(text("source"))
        .col(text("channel"))
        .col(text("campaign"))
        .col(uuid_null("owner"))
        .col(json_binary_null("bant"))
        .col(big_integer_null("value_minor"))
        .col(text_null("value_currency"))
        .col(text("notes"))
        .col(text_null("external_id"))
        .col(uuid_null("account"))
        .col(uuid_null("contact"))
        .col(uuid_null("opportunity"))
        .col(text("disqualify_reason"))
        .col(text("disqualify_comment"))
        .to_owned()
}

fn account() -> TableCreateStatement {
    record("account")
        .col(text("display_name"))
        .col(text("legal_name"))
        .col(text("vat_id"))
        .col(text("registration_id"))
        .col(json_binary_null("address"))
        .col(text("electronic_address_scheme"))
        .col(text("electronic_address"))
        .col(text("email"))
        .col(text("phone"))
        .col(text("sector"))
        .col(integer("employee_count"))
        .col(big_integer_null("revenue_minor"))
        .col(text_null("revenue_currency"))
        .col(uuid_null("parent"))
        .col(integer("year_established"))
        .col(text_null("external_id"))
        .col(timestamp_with_time_zone_null("customer_at"))
        .col(text("customer_actor"))
        .col(text_null("name_key"))
        .col(text_null("legal_key"))
        .col(text_null("vat_key"))
        .col(text_null("email_key"))
        .col(text_null("phone_key"))
        .to_owned()
}

fn contact() -> TableCreateStatement {
    record("contact")
        .col(uuid_null("account"))
        .col(text("given_name"))
        .col(text("family_name"))
        .col(text("email"))
        .col(text("phone"))
        .col(text("job_title"))
        .col(text_null("name_key"))
        .col(text_null("email_key"))
        .col(text_null("phone_key"))
        .to_owned()
}

/// Written as SQL: both databases take it, but for the collation, without which PostgreSQL would sort names by the
/// rules of a language and a page could not be sought by key.
fn indexes(backend: DbBackend) -> Vec<String> {
    let by_code = if backend == DbBackend::Postgres { " COLLATE \"C\"" } else { "" };
    let mut all: Vec<String> = [
        "UNIQUE INDEX lead_external_id ON lead (external_id)",
        "UNIQUE INDEX lead_opportunity ON lead (opportunity)",
        "INDEX lead_by_state ON lead (state, id)",
        "INDEX lead_by_stage ON lead (stage, id)",
        "INDEX lead_by_owner ON lead (owner, id)",
        "INDEX lead_by_account ON lead (account, id)",
        "INDEX lead_by_contact ON lead (contact, id)",
        "INDEX lead_by_time ON lead (created_at, id)",
        "UNIQUE INDEX account_external_id ON account (external_id)",
        "INDEX account_by_parent ON account (parent, id)",
        "INDEX account_by_time ON account (created_at, id)",
        "INDEX account_by_customer ON account (customer_at, id)",
        "INDEX account_name_key ON account (name_key)",
        "INDEX account_legal_key ON account (legal_key)",
        "INDEX account_vat_key ON account (vat_key)",
        "INDEX account_email_key ON account (email_key)",
        "INDEX account_phone_key ON account (phone_key)",
        "INDEX contact_by_account ON contact (account, id)",
        "INDEX contact_by_time ON contact (created_at, id)",
        "INDEX contact_name_key ON contact (name_key, account)",
        "INDEX contact_email_key ON contact (email_key)",
        "INDEX contact_phone_key ON contact (phone_key)",
    ]
    .map(|index| format!("CREATE {index}"))
    .into();
    all.push(format!("CREATE INDEX account_by_name ON account (display_name{by_code}, id)"));
    all.push(format!("CREATE INDEX contact_by_name ON contact (family_name{by_code}, id)"));
    all
}
