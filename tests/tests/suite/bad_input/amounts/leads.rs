//! At leads and accounts.

use super::*;

/// At leads and accounts.
pub(super) fn leads(lead: &str) -> Vec<Bad> {
    let mut bad = Vec::new();
    let worth = |estimated_value| Some(Lead { company_name: "X".to_owned(), estimated_value, ..Lead::default() });
    const VALUE: [&str; 1] = ["lead.estimated_value"];
    bad!(bad, "a negative amount", "LeadService/CreateLead", CreateLeadRequest { lead: worth(usd(-1)) }, VALUE);
    bad!(bad, "an absurd amount", "LeadService/CreateLead", CreateLeadRequest { lead: worth(usd(i64::MAX)) }, VALUE);
    bad!(
        bad,
        "a part of a cent",
        "LeadService/CreateLead",
        CreateLeadRequest { lead: worth(money("USD", 1, 1)) },
        VALUE
    );
    bad!(
        bad,
        "no such currency",
        "LeadService/CreateLead",
        CreateLeadRequest { lead: worth(money("XQZ", 1, 0)) },
        VALUE
    );
    bad!(
        bad,
        "mixed signs",
        "LeadService/CreateLead",
        CreateLeadRequest { lead: worth(money("USD", 1, -5)) },
        ["lead.estimated_value.nanos"]
    );
    let lead_with =
        |bant, source| Some(Lead { company_name: "X".to_owned(), bant: Some(bant), source, ..Lead::default() });
    bad!(
        bad,
        "an enum number of no name, inside",
        "LeadService/CreateLead",
        CreateLeadRequest { lead: lead_with(Bant { need: 77, ..Bant::default() }, 0) },
        ["lead.bant.need"]
    );
    bad!(
        bad,
        "a source of no name",
        "LeadService/CreateLead",
        CreateLeadRequest { lead: lead_with(Bant::default(), -1) },
        ["lead.source"]
    );
    bad!(
        bad,
        "30 February",
        "LeadService/CreateLead",
        CreateLeadRequest { lead: lead_with(Bant { decision_date: day(2026, 2, 30), ..Bant::default() }, 0) },
        ["lead.bant.decision_date"]
    );
    bad!(
        bad,
        "a text too long",
        "LeadService/CreateLead",
        CreateLeadRequest { lead: Some(Lead { title: "x".repeat(301), ..Lead::default() }) },
        ["lead.title"]
    );
    bad!(
        bad,
        "NUL in a text",
        "LeadService/CreateLead",
        CreateLeadRequest { lead: Some(Lead { title: "x\0y".to_owned(), ..Lead::default() }) },
        ["lead.title"]
    );
    bad!(
        bad,
        "two at once",
        "LeadService/CreateLead",
        CreateLeadRequest { lead: Some(Lead { title: "x".repeat(301), owner: "me".to_owned(), ..Lead::default() }) },
        ["lead.title", "lead.owner"]
    );
    let mask = |path: &str| Some(FieldMask { paths: vec![path.to_owned()] });
    let known = || Some(Lead { name: lead.to_owned(), title: "x".to_owned(), ..Lead::default() });
    bad!(
        bad,
        "a field of no lead",
        "LeadService/UpdateLead",
        UpdateLeadRequest { lead: known(), update_mask: mask("no_such_field") },
        ["update_mask"]
    );
    bad!(
        bad,
        "a field that only verbs change",
        "LeadService/UpdateLead",
        UpdateLeadRequest { lead: known(), update_mask: mask("state") },
        ["update_mask"]
    );
    let account = |employee_count, year_established, address| {
        Some(Account { display_name: "X".to_owned(), employee_count, year_established, address, ..Account::default() })
    };
    bad!(
        bad,
        "fewer than no employees",
        "AccountService/CreateAccount",
        CreateAccountRequest { account: account(-1, 0, None) },
        ["account.employee_count"]
    );
    bad!(
        bad,
        "a year of five digits",
        "AccountService/CreateAccount",
        CreateAccountRequest { account: account(0, 10_000, None) },
        ["account.year_established"]
    );
    bad!(
        bad,
        "a country of three letters",
        "AccountService/CreateAccount",
        CreateAccountRequest {
            account: account(0, 0, Some(Address { country_code: "DEU".to_owned(), ..Address::default() }))
        },
        ["account.address.country_code"]
    );
    bad
}
