//! Resource names ⇄ ids.

use dealflow_proto::names::{BadName, EMPLOYEES, LEADS, STAGE_ENTRIES, STAGES};
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(0x0198_a5d2_7b1c_7000_8000_0000_0000_0001);

#[test]
fn a_name_gives_back_its_id() {
    let name = LEADS.name(ID);
    assert_eq!(name, "leads/0198a5d2-7b1c-7000-8000-000000000001");
    assert_eq!(LEADS.parse(&name), Ok(ID));
    assert_eq!(STAGE_ENTRIES.name(ID), format!("stageEntries/{ID}"));
}

#[test]
fn what_is_no_name_is_refused_with_what_is_expected() {
    let upper = format!("leads/{}", ID.to_string().to_uppercase());
    let compact = format!("leads/{}", ID.simple());
    let contact = format!("contacts/{ID}");
    for bad in ["", "leads", "leads/", "leads/1", &upper, &compact, &contact, &format!("leads/{ID}/x")] {
        let expected = BadName { expected: "leads/{uuid}".to_owned(), got: bad.to_owned() };
        assert_eq!(LEADS.parse(bad), Err(expected));
    }
    let told = LEADS.parse("x").map_err(|error| error.to_string());
    assert_eq!(told, Err("expected leads/{uuid}, got \"x\"".to_owned()));
}

#[test]
fn a_refusal_repeats_only_the_beginning_of_a_long_name() {
    let refused = LEADS.parse(&"ä".repeat(5000)).expect_err("no name");
    assert_eq!(refused.got.chars().count(), 200);
}

#[test]
fn the_empty_name_is_nothing_where_a_name_is_optional() {
    assert_eq!(LEADS.parse_optional(""), Ok(None));
    assert_eq!(LEADS.parse_optional(&LEADS.name(ID)), Ok(Some(ID)));
    assert!(LEADS.parse_optional("leads/1").is_err());
}

#[test]
fn members_may_go_by_words() {
    assert_eq!(STAGES.slug("proposal"), "stages/proposal");
    assert_eq!(STAGES.parse_slug("stages/proposal"), Ok("proposal"));
    assert_eq!(EMPLOYEES.parse_slug("employees/anna.berg~2_x-1"), Ok("anna.berg~2_x-1"));
    let long = format!("stages/{}", "x".repeat(101));
    for bad in ["stages/", "stages/a b", "stages/a/b", "stages/ä", "employees/anna", &long] {
        assert!(STAGES.parse_slug(bad).is_err(), "{bad}");
    }
}
