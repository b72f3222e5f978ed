//! How our words are called in ERPNext: a file of the operator's, complete or refused.

use std::collections::BTreeMap;

use dealflow_money::{Vat, VatCategory, is_unit};
use dealflow_proto::erp::v1::{Party, Reason};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};

use crate::submission::reason;

/// An entry that is not there.
pub(super) type Absent = Box<Reason>;

const ACTION: &str = "add the entry to the adapter's mapping, start it anew, and replay";

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapping {
    /// By our legal entity.
    #[serde(default)]
    pub(super) companies: BTreeMap<String, Company>,
    #[serde(default)]
    pub(super) customers: Customers,
    #[serde(default)]
    pub(super) items: Items,
    /// By UN/ECE Recommendation 20: the UOM.
    #[serde(default)]
    pub(super) units: BTreeMap<String, String>,
}

/// What a legal entity is there.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Company {
    /// Its Company.
    pub(super) company: String,
    /// How VAT is booked.
    pub(super) taxes: Vec<Tax>,
    /// The currencies that it sells in.
    pub(super) currencies: Vec<String>,
    /// The price list that its documents name; ERPNext's own default where it is empty.
    pub(super) price_list: String,
    /// Days between order and delivery, which ERPNext asks for.
    pub(super) delivery_days: u16,
    /// Terms of payment.
    pub(super) payment_terms: Terms,
    /// Naming series; ERPNext's own defaults where they are empty.
    pub(super) naming_series: Series,
}

/// How a VAT group is booked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tax {
    /// S, Z, E, AE, K, G, O, L or M.
    category: String,
    /// In percent.
    #[serde(deserialize_with = "percent")]
    rate: Decimal,
    /// The Item Tax Template of its lines.
    pub(super) item_tax_template: String,
    /// The account of its tax; may be left out where the rate is 0.
    #[serde(default)]
    pub(super) account: String,
}

/// Terms of payment.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Terms {
    /// By the days between invoice and due day: the Payment Terms Template.
    by_days: BTreeMap<i64, String>,
    /// What is done where no template fits.
    otherwise: Otherwise,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Otherwise {
    /// The due day is said, and no template.
    #[default]
    DueDate,
    /// The invoice is refused.
    Refuse,
}

/// Naming series.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Series {
    pub(super) order: String,
    pub(super) invoice: String,
    pub(super) credit_note: String,
}

/// Who buys.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Customers {
    /// By account, `accounts/…`: the Customer.
    accounts: BTreeMap<String, String>,
    /// How a customer is found that is not listed.
    find_by: FindBy,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FindBy {
    /// Not at all.
    #[default]
    Nothing,
    /// By VAT id.
    TaxId,
    /// By name in the register.
    CustomerName,
}

/// How a customer is known.
pub(super) enum Known {
    /// By this name.
    Name(String),
    /// ERPNext is asked.
    Ask { field: &'static str, value: String },
    /// Not at all.
    Nothing,
}

/// What is sold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Items {
    /// By product, `products/…`: the Item.
    products: BTreeMap<String, String>,
    /// The Item of lines in free text and of products that are not listed; those are refused where it is empty.
    otherwise: String,
    /// The Item of discounts, allowances and charges.
    adjustment: String,
}

impl Mapping {
    /// Everything that the file lacks.
    pub(super) fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let mut need = |holds: bool, what: String| {
            if !holds {
                missing.push(what);
            }
        };
        need(!self.companies.is_empty(), "companies: at least one legal entity, such as `default`".to_owned());
        for (code, company) in &self.companies {
            let at = format!("companies.{code}");
            need(!company.company.is_empty(), format!("{at}.company: the name of its Company"));
            need(!company.taxes.is_empty(), format!("{at}.taxes: at least one VAT category and rate"));
            need(!company.currencies.is_empty(), format!("{at}.currencies: at least one currency"));
            for (index, tax) in company.taxes.iter().enumerate() {
                let at = format!("{at}.taxes[{index}]");
                let known = VatCategory::parse(&tax.category).is_ok();
                need(known, format!("{at}.category: S, Z, E, AE, K, G, O, L or M, not `{}`", tax.category));
                need(!tax.item_tax_template.is_empty(), format!("{at}.item_tax_template: an Item Tax Template"));
                need(tax.rate.is_zero() || !tax.account.is_empty(), format!("{at}.account: the account of the tax"));
            }
        }
        let found = !self.customers.accounts.is_empty() || self.customers.find_by != FindBy::Nothing;
        need(found, "customers: accounts, or find_by: tax_id or customer_name".to_owned());
        let sold = !self.items.products.is_empty() || !self.items.otherwise.is_empty();
        need(sold, "items: products, or the Item of all of them in otherwise".to_owned());
        need(!self.units.is_empty(), "units: at least one, such as C62: Nos".to_owned());
        for (code, uom) in &self.units {
            need(is_unit(code), format!("units.{code}: a code of UN/ECE Recommendation 20"));
            need(!uom.is_empty(), format!("units.{code}: the name of a UOM"));
        }
        missing
    }

    /// The company of a legal entity.
    pub(super) fn company(&self, legal_entity: &str) -> Result<&Company, Absent> {
        let code = if legal_entity.is_empty() { "default" } else { legal_entity };
        let absent = || Box::new(reason("LEG", "legal_entity", format!("companies has no entry `{code}`"), ACTION));
        self.companies.get(code).ok_or_else(absent)
    }

    /// Our legal entity of a company.
    pub(super) fn legal_entity(&self, company: &str) -> &str {
        let found = self.companies.iter().find(|(_, it)| it.company == company);
        found.map_or("", |(code, _)| code)
    }

    /// The UOM of a unit.
    pub(super) fn unit(&self, code: &str, line_id: &str) -> Result<&str, Absent> {
        let absent = || of_line("QUA", "lines.unit_code", line_id, format!("units has no entry `{code}`"));
        self.units.get(code).map(String::as_str).ok_or_else(absent)
    }
}

impl Company {
    /// How a VAT group is booked.
    pub(super) fn tax(&self, vat: Vat, line_id: &str) -> Result<&Tax, Absent> {
        let fits = |tax: &&Tax| tax.category == vat.category.code() && tax.rate == vat.rate;
        let absent = || {
            let entry = format!("{} at {} %", vat.category.code(), vat.rate.normalize());
            of_line("FIN", "lines.vat", line_id, format!("taxes of {} has no entry {entry}", self.company))
        };
        self.taxes.iter().find(fits).ok_or_else(absent)
    }

    /// How an amount without VAT is booked: as one outside its scope, else as any at 0 %.
    pub(super) fn untaxed(&self) -> Result<&Tax, Absent> {
        let outside = Vat::new(VatCategory::O, Decimal::ZERO);
        let any = || self.taxes.iter().find(|tax| tax.rate.is_zero());
        self.tax(outside, "").or_else(|absent| any().ok_or(absent))
    }

    /// The template of terms of so many days; none where the due day says it.
    pub(super) fn terms(&self, days: i64) -> Result<Option<&str>, Absent> {
        let found = self.payment_terms.by_days.get(&days).map(String::as_str);
        if found.is_none() && self.payment_terms.otherwise == Otherwise::Refuse {
            let message = format!("payment_terms.by_days of {} has no entry {days}", self.company);
            return Err(Box::new(reason("PAY", "due_date", message, ACTION)));
        }
        Ok(found)
    }

    /// Whether it sells in a currency.
    pub(super) fn sells_in(&self, currency: &str) -> Result<(), Absent> {
        if self.currencies.iter().any(|one| one == currency) {
            return Ok(());
        }
        let message = format!("currencies of {} has no entry {currency}", self.company);
        Err(Box::new(reason("FIN", "currency_code", message, ACTION)))
    }
}

impl Customers {
    /// How a buyer is known.
    pub(super) fn known(&self, buyer: Option<&Party>) -> Known {
        let Some(buyer) = buyer else { return Known::Nothing };
        if let Some(name) = self.accounts.get(&buyer.account) {
            return Known::Name(name.clone());
        }
        let (field, value) = match self.find_by {
            FindBy::Nothing => return Known::Nothing,
            FindBy::TaxId => ("tax_id", &buyer.vat_id),
            FindBy::CustomerName => ("customer_name", &buyer.legal_name),
        };
        if value.is_empty() { Known::Nothing } else { Known::Ask { field, value: value.clone() } }
    }

    /// That nobody is known as this buyer.
    pub(super) fn missing_entry(&self, buyer: Option<&Party>) -> Reason {
        let buyer = buyer.cloned().unwrap_or_default();
        let asked = match self.find_by {
            FindBy::Nothing => String::new(),
            FindBy::TaxId => format!(", and ERPNext no Customer with tax id `{}`", buyer.vat_id),
            FindBy::CustomerName => format!(", and ERPNext no Customer `{}`", buyer.legal_name),
        };
        let message = format!("customers.accounts has no entry `{}`{asked}", buyer.account);
        reason(
            "REC",
            "buyer",
            message,
            "add the entry to the adapter's mapping, or the Customer to ERPNext, and replay",
        )
    }
}

impl Items {
    /// The Item of a product.
    pub(super) fn of(&self, product: &str, line_id: &str) -> Result<&str, Absent> {
        let listed = self.products.get(product).map(String::as_str);
        let absent = || {
            let entry = if product.is_empty() { "for lines in free text" } else { product };
            let message = format!("items.products has no entry `{entry}`, and items.otherwise none for all others");
            of_line("ITM", "lines.product", line_id, message)
        };
        listed.or(Some(self.otherwise.as_str()).filter(|it| !it.is_empty())).ok_or_else(absent)
    }

    /// The Item of discounts, allowances and charges.
    pub(super) fn adjustment(&self, line_id: &str) -> Result<&str, Absent> {
        let message = "items.adjustment is not there, and the document has a discount, an allowance or a charge";
        let absent = || of_line("ITM", "allowances", line_id, message.to_owned());
        Some(self.adjustment.as_str()).filter(|it| !it.is_empty()).ok_or_else(absent)
    }
}

fn of_line(code: &str, field: &str, line_id: &str, message: String) -> Absent {
    Box::new(Reason { line_id: line_id.to_owned(), ..reason(code, field, message, ACTION) })
}

/// A rate as it stands in the file, exact: `20` or `5.5`.
fn percent<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
    let text = String::deserialize(from)?;
    text.trim().parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is no rate; one is 20 or 5.5")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use dealflow_testbed::{Said, fuzz};

    use super::*;
    use crate::data::parsed;

    /// R-ERP-1: a mapping is complete, and finds what it names, or is refused with what it lacks.
    #[test]
    fn fuzz_erpnext_mapping() {
        let whole = b"companies:\n  default:\n    company: Acme\n    taxes:\n    - {category: S, rate: 20, item_tax_template: VAT, account: Tax}\n    currencies: [EUR]\n    payment_terms: {by_days: {30: net}, otherwise: refuse}\ncustomers: {find_by: tax_id}\nitems: {otherwise: Item}\nunits: {C62: Nos}\n";
        let words = [
            "companies:",
            "default",
            "taxes:",
            "rate: 1e28",
            "rate: '20'",
            "category: AE",
            "account:",
            "by_days: {-1: x}",
            "otherwise:",
            "find_by: customer_name",
            "units: {}",
            "&a ",
            "*a",
            "<<: ",
            "!!str ",
            "---\n",
            "  ",
            "- ",
            "{",
            "}",
            "[",
            "]",
            "\n",
        ];
        fuzz("ERPNext mapping", &[whole], &words, |input| {
            let Ok(text) = std::str::from_utf8(input) else { return Said::No("no UTF-8".to_owned()) };
            let read = parsed(Path::new("mapping.yaml"), text, Mapping::missing);
            if let Ok(mapping) = &read {
                for (code, company) in &mapping.companies {
                    assert!(mapping.company(code).is_ok_and(|found| found.company == company.company));
                }
                assert!(mapping.units.keys().all(|code| mapping.unit(code, "1").is_ok()));
            }
            Said::of(&read)
        });
    }
}
