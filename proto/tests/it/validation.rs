//! Requests refuse what is malformed and name every field of it (R-API-1).

use dealflow_proto::google::type_::{Date, Decimal, Money};
use dealflow_proto::leads::v1::{
    Account, CreateAccountRequest, CreateLeadRequest, DisqualifyLeadRequest, GetLeadRequest, Lead, UpdateAccountRequest,
};
use dealflow_proto::orders::v1::{CreateQuoteRequest, Quote, UpdateQuoteRequest};
use dealflow_proto::types::v1::{Bant, Line};
use dealflow_proto::{Mutation, Validate};
use prost_types::{FieldMask, Timestamp};

const ID: &str = "0198a5d2-7b1c-7000-8000-000000000001";

/// Everything that is wrong, as `field: description`.
fn wrong(request: &impl Validate) -> Vec<String> {
    request.violations().into_iter().map(|it| format!("{}: {}", it.field, it.description)).collect()
}

fn create_lead(change: impl FnOnce(&mut Lead)) -> CreateLeadRequest {
    let mut lead = Lead { title: "A machine".to_owned(), ..Lead::default() };
    change(&mut lead);
    CreateLeadRequest { lead: Some(lead), request_id: ID.to_owned(), ..Default::default() }
}

fn create_quote(change: impl FnOnce(&mut Quote)) -> CreateQuoteRequest {
    let mut quote = Quote {
        opportunity: format!("opportunities/{ID}"),
        currency_code: "EUR".to_owned(),
        lines: vec![Line::default(), Line::default(), Line::default()],
        ..Quote::default()
    };
    change(&mut quote);
    CreateQuoteRequest { quote: Some(quote), request_id: ID.to_owned(), ..Default::default() }
}

fn money(currency_code: &str, units: i64, nanos: i32) -> Option<Money> {
    Some(Money { currency_code: currency_code.to_owned(), units, nanos })
}

#[test]
fn a_well_formed_request_has_no_violations() {
    assert_eq!(wrong(&create_lead(|_| {})), [""; 0]);
    assert_eq!(wrong(&create_quote(|_| {})), [""; 0]);
}

#[test]
fn everything_that_is_missing_is_listed_at_once() {
    let missing = ["quote: is required", "request_id: is required"];
    assert_eq!(wrong(&CreateQuoteRequest::default()), missing);
    let empty = create_quote(|quote| *quote = Quote::default());
    let missing = ["quote.opportunity: is required", "quote.currency_code: is required", "quote.lines: is required"];
    assert_eq!(wrong(&empty), missing);
    let reason = DisqualifyLeadRequest { name: format!("leads/{ID}"), request_id: ID.to_owned(), ..Default::default() };
    assert_eq!(wrong(&reason), ["reason: is required"]);
}

#[test]
fn names_must_have_the_form_of_their_kind() {
    for name in
        ["leads", "leads/", "lead/1", "leads/a b", "leads/1/2", "accounts/1", &format!("leads/{}", "x".repeat(101))]
    {
        let refused = GetLeadRequest { name: name.to_owned() };
        assert_eq!(wrong(&refused), ["name: must be of the form leads/{lead}"], "{name}");
    }
    assert_eq!(wrong(&GetLeadRequest { name: "leads/A-1._~".to_owned() }), [""; 0]);
    let owner = create_lead(|lead| lead.owner = "contacts/1".to_owned());
    assert_eq!(wrong(&owner), ["lead.owner: must be of the form employees/{employee}"]);
}

#[test]
fn a_request_id_is_a_uuid_with_hyphens() {
    for id in [
        "1",
        "0198a5d27b1c70008000000000000001",
        "{0198a5d2-7b1c-7000-8000-000000000001}",
        "0198a5d2-7b1c-7000-8000-00000000000g",
    ] {
        let refused = CreateLeadRequest { request_id: id.to_owned(), ..create_lead(|_| {}) };
        assert_eq!(wrong(&refused), ["request_id: must be a UUID"], "{id}");
    }
}

#[test]
fn strings_are_measured_in_characters_and_hold_no_nul() {
    assert_eq!(wrong(&create_lead(|lead| lead.title = "ü".repeat(300))), [""; 0]);
    let long = create_lead(|lead| lead.title = "ü".repeat(301));
    assert_eq!(wrong(&long), ["lead.title: must have at most 300 characters, has 301"]);
    let nul = create_lead(|lead| lead.title = "a\0b".to_owned());
    assert_eq!(wrong(&nul), ["lead.title: must not contain the character NUL"]);
    let unlimited = create_lead(|lead| lead.etag = "x".repeat(4097));
    assert_eq!(wrong(&unlimited), ["lead.etag: must have at most 4096 characters, has 4097"]);
}

#[test]
fn enums_take_only_values_that_they_name() {
    for unknown in [-1, 15, i32::MAX] {
        let told = format!("lead.source: must be a value that the enum names, is {unknown}");
        assert_eq!(wrong(&create_lead(|lead| lead.source = unknown)), [told]);
    }
    let deep = create_lead(|lead| lead.bant = Some(Bant { need: 99, ..Bant::default() }));
    assert_eq!(wrong(&deep), ["lead.bant.need: must be a value that the enum names, is 99"]);
}

#[test]
fn numbers_keep_their_range_at_both_ends() {
    let account = |year_established| CreateAccountRequest {
        account: Some(Account { display_name: "Acme".to_owned(), year_established, ..Account::default() }),
        request_id: ID.to_owned(),
        ..Default::default()
    };
    assert_eq!(wrong(&account(0)), [""; 0]);
    assert_eq!(wrong(&account(9999)), [""; 0]);
    assert_eq!(wrong(&account(-1)), ["account.year_established: must be at least 0, is -1"]);
    assert_eq!(wrong(&account(10_000)), ["account.year_established: must be at most 9999, is 10000"]);
}

#[test]
fn lists_are_limited_and_their_items_are_named_by_place() {
    let many = create_quote(|quote| quote.lines = vec![Line::default(); 501]);
    assert_eq!(wrong(&many), ["quote.lines: must have at most 500 items, has 501"]);
    let third = create_quote(|quote| quote.lines[2].unit_price = money("eur", 1, 0));
    let told = "quote.lines[2].unit_price.currency_code: must be 3 capital letters (ISO 4217)";
    assert_eq!(wrong(&third), [told]);
}

#[test]
fn money_has_one_sign_and_less_than_a_unit_in_its_nanos() {
    let priced = |units, nanos| create_quote(|quote| quote.lines[0].unit_price = money("EUR", units, nanos));
    for (units, nanos) in [(0, 0), (1, 999_999_999), (-1, -999_999_999), (0, -1)] {
        assert_eq!(wrong(&priced(units, nanos)), [""; 0]);
    }
    for (units, nanos) in [(1, -1), (-1, 1)] {
        assert_eq!(wrong(&priced(units, nanos)), ["quote.lines[0].unit_price.nanos: must have the same sign as units"]);
    }
    for nanos in [1_000_000_000, i32::MAX, i32::MIN] {
        let told = "quote.lines[0].unit_price.nanos: must lie between -999999999 and 999999999";
        assert_eq!(wrong(&priced(0, nanos)), [told]);
    }
}

#[test]
fn dates_are_days_of_the_calendar() {
    let told = "quote.valid_until_date: must be a day of the calendar with year (1900 to 9999), month and day";
    for (year, month, day) in [(2023, 2, 29), (2024, 0, 0), (0, 12, 24), (1899, 12, 31)] {
        let refused = create_quote(|quote| quote.valid_until_date = Some(Date { year, month, day }));
        assert_eq!(wrong(&refused), [told]);
    }
}

#[test]
fn decimal_numbers_are_numbers_of_28_digits() {
    let percent =
        |value: &str| create_quote(|quote| quote.discount_percent = Some(Decimal { value: value.to_owned() }));
    assert_eq!(wrong(&percent("12.50")), [""; 0]);
    for value in ["", "ten", "NaN"] {
        let told = "quote.discount_percent.value: must be a decimal number, e.g. -12.5 or 1e3";
        assert_eq!(wrong(&percent(value)), [told]);
    }
    let told = "quote.discount_percent.value: must have at most 28 significant digits and at most 28 after the point";
    assert_eq!(wrong(&percent(&"1".repeat(29))), [told]);
}

#[test]
fn points_in_time_lie_in_the_years_1900_to_9999() {
    let at = |seconds, nanos| CreateLeadRequest {
        effective_time: Some(Timestamp { seconds, nanos }),
        ..create_lead(|_| {})
    };
    for seconds in [-2_208_988_800, 0, 253_402_300_799] {
        assert_eq!(wrong(&at(seconds, 999_999_999)), [""; 0]);
    }
    for seconds in [-2_208_988_801, 253_402_300_800] {
        assert_eq!(wrong(&at(seconds, 0)), ["effective_time.seconds: must lie in the years 1900 to 9999"]);
    }
    assert_eq!(wrong(&at(0, -1)), ["effective_time.nanos: must lie between 0 and 999999999"]);
}

fn update_account(paths: &[&str], change: impl FnOnce(&mut Account)) -> UpdateAccountRequest {
    let mut account = Account { name: format!("accounts/{ID}"), phone: "1".to_owned(), ..Account::default() };
    change(&mut account);
    let paths = paths.iter().map(ToString::to_string).collect();
    UpdateAccountRequest {
        account: Some(account),
        update_mask: Some(FieldMask { paths }),
        request_id: ID.to_owned(),
        ..Default::default()
    }
}

#[test]
fn an_update_asks_only_for_the_required_fields_that_its_mask_covers() {
    for paths in [&[][..], &["phone"], &["display_name_of_another"]] {
        assert_eq!(wrong(&update_account(paths, |_| {})), [""; 0]);
    }
    for paths in [&["display_name"][..], &["phone", "display_name"], &["*"]] {
        assert_eq!(wrong(&update_account(paths, |_| {})), ["account.display_name: is required"]);
    }
    let long = update_account(&["phone"], |account| account.phone = "1".repeat(61));
    assert_eq!(wrong(&long), ["account.phone: must have at most 60 characters, has 61"]);
}

#[test]
fn an_update_says_which_record_it_is_for() {
    let nameless = update_account(&["phone"], |account| account.name.clear());
    assert_eq!(wrong(&nameless), ["account.name: is required"]);
    let misnamed = update_account(&["phone"], |account| account.name = "leads/1".to_owned());
    assert_eq!(wrong(&misnamed), ["account.name: must be of the form accounts/{account}"]);
    let without_mask =
        UpdateQuoteRequest { quote: Some(Quote::default()), request_id: ID.to_owned(), ..Default::default() };
    assert_eq!(wrong(&without_mask), ["quote.name: is required"]);
}

#[test]
fn a_mutation_shows_what_all_have_in_common() {
    let time = Timestamp { seconds: 1, nanos: 0 };
    let disqualify = DisqualifyLeadRequest {
        etag: "7".to_owned(),
        request_id: ID.to_owned(),
        validate_only: true,
        effective_time: Some(time),
        ..Default::default()
    };
    let common = (disqualify.request_id(), disqualify.etag(), disqualify.validate_only(), disqualify.effective_time());
    assert_eq!(common, (ID, "7", true, Some(time)));
    let create = create_lead(|_| {});
    assert_eq!((create.etag(), create.validate_only(), create.effective_time()), ("", false, None));
}
