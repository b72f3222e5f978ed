//! How a comparison is shown: tables for people, CSV and JSON for machines.

use dealflow_proto::convert;
use dealflow_proto::erp::v1::{
    ControlTotal, Reconciliation, ReconciliationAction, ReconciliationClass, ReconciliationRow, TotalSide,
};
use serde_json::{Value, json};

use crate::show::{self, json as data, word};

pub(super) fn counts(run: &Reconciliation) -> comfy_table::Table {
    let mut table = show::numbers(&["class", "documents"], 1);
    for count in &run.counts {
        table.add_row([class(count.class()).to_owned(), count.count.to_string()]);
    }
    table
}

pub(super) fn totals(totals: &[ControlTotal]) -> comfy_table::Table {
    let mut table = show::numbers(&["type", "whose", "documents", "net", "VAT", "gross", "agree"], 2);
    for total in totals {
        for (whose, side) in [("ours", &total.ours), ("the ERP's", &total.theirs)] {
            let Some(side) = side else { continue };
            table.add_row([
                word(total.r#type().as_str_name(), "DOCUMENT_TYPE_").to_owned(),
                whose.to_owned(),
                side.count.to_string(),
                show::money(side.net.as_ref()),
                show::money(side.vat.as_ref()),
                show::money(side.gross.as_ref()),
                if total.agrees { "yes" } else { "NO" }.to_owned(),
            ]);
        }
    }
    table
}

pub(super) fn table(rows: &[ReconciliationRow]) -> comfy_table::Table {
    let mut table = show::table(&["external id", "class", "ERP number", "ours", "theirs", "in words", "best", "done"]);
    for row in rows {
        table.add_row([
            row.external_id.as_str(),
            class(row.class()),
            &row.erp_number,
            &show::money(row.ours.as_ref()),
            &show::money(row.theirs.as_ref()),
            &row.detail,
            action(row.action()),
            action(row.resolution()),
        ]);
    }
    table
}

pub(super) fn csv(rows: &[ReconciliationRow]) -> anyhow::Result<()> {
    let mut out = csv::Writer::from_writer(std::io::stdout());
    out.write_record([
        "external_id",
        "type",
        "class",
        "handoff",
        "record",
        "handoff_state",
        "erp_number",
        "erp_status",
        "ours",
        "theirs",
        "currency",
        "detail",
        "action",
        "resolution",
        "resolution_note",
    ])?;
    for row in rows {
        let amount = |money: &Option<dealflow_proto::google::type_::Money>| {
            let value = money.as_ref().and_then(|money| convert::decimal_of(money).ok());
            value.map(|value| value.to_string()).unwrap_or_default()
        };
        let currency = row.ours.as_ref().or(row.theirs.as_ref()).map(|it| it.currency_code.clone());
        out.write_record([
            row.external_id.as_str(),
            word(row.r#type().as_str_name(), "DOCUMENT_TYPE_"),
            class(row.class()),
            &row.handoff,
            &row.record,
            &row.handoff_state,
            &row.erp_number,
            word(row.erp_status().as_str_name(), "BUSINESS_STATUS_"),
            &amount(&row.ours),
            &amount(&row.theirs),
            &currency.unwrap_or_default(),
            &row.detail,
            action(row.action()),
            action(row.resolution()),
            &row.resolution_note,
        ])?;
    }
    Ok(out.flush()?)
}

pub(super) fn run_data(run: &Reconciliation) -> Value {
    json!({
        "name": run.name,
        "create_time": data::time(run.create_time.as_ref()),
        "actor": data::text(&run.actor),
        "legal_entity": data::text(&run.legal_entity),
        "from_date": data::date(run.from_date.as_ref()),
        "until_date": data::date(run.until_date.as_ref()),
        "type": data::text(word(run.r#type().as_str_name(), "DOCUMENT_TYPE_")),
        "clean": run.clean,
        "counts": data::list(&run.counts, |it| json!({ "class": class(it.class()), "count": it.count })),
        "totals": data::list(&run.totals, |total| {
            json!({
                "type": word(total.r#type().as_str_name(), "DOCUMENT_TYPE_"),
                "currency": total.currency_code,
                "agrees": total.agrees,
                "ours": side(total.ours.as_ref()),
                "theirs": side(total.theirs.as_ref()),
            })
        }),
    })
}

fn side(side: Option<&TotalSide>) -> Value {
    side.map_or(Value::Null, |side| {
        json!({
            "count": side.count,
            "net": data::money(side.net.as_ref()),
            "vat": data::money(side.vat.as_ref()),
            "gross": data::money(side.gross.as_ref()),
            "groups": data::list(&side.groups, |group| {
                let vat = group.vat.clone().unwrap_or_default();
                json!({
                    "category": word(vat.category().as_str_name(), "VAT_CATEGORY_"),
                    "rate": vat.rate.map(|rate| rate.value),
                    "taxable": data::money(group.taxable.as_ref()),
                    "tax": data::money(group.tax.as_ref()),
                })
            }),
        })
    })
}

pub(super) fn row_data(row: &ReconciliationRow) -> Value {
    json!({
        "external_id": row.external_id,
        "type": word(row.r#type().as_str_name(), "DOCUMENT_TYPE_"),
        "class": class(row.class()),
        "handoff": data::text(&row.handoff),
        "record": data::text(&row.record),
        "handoff_state": data::text(&row.handoff_state),
        "erp_number": data::text(&row.erp_number),
        "erp_status": data::text(word(row.erp_status().as_str_name(), "BUSINESS_STATUS_")),
        "ours": data::money(row.ours.as_ref()),
        "theirs": data::money(row.theirs.as_ref()),
        "detail": data::text(&row.detail),
        "action": data::text(action(row.action())),
        "resolution": data::text(action(row.resolution())),
        "resolution_note": data::text(&row.resolution_note),
    })
}

pub(super) fn class(class: ReconciliationClass) -> &'static str {
    word(class.as_str_name(), "RECONCILIATION_CLASS_")
}

pub(super) fn action(action: ReconciliationAction) -> &'static str {
    word(action.as_str_name(), "RECONCILIATION_ACTION_")
}
