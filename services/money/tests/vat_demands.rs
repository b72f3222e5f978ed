//! What each VAT category demands (R-PRD-1, erp-handoff §1).

use dealflow_money::{Presence, VatCategory};

/// The codes for which `demanded` holds, in the order of the list.
fn codes(demanded: impl Fn(VatCategory) -> bool) -> Vec<&'static str> {
    let all = VatCategory::ALL.into_iter();
    all.filter(|category| demanded(*category)).map(VatCategory::code).collect()
}

#[test]
fn each_demand_holds_for_the_categories_the_standard_names() {
    assert_eq!(codes(VatCategory::needs_exemption_reason), ["E", "AE", "K", "G", "O"]);
    assert_eq!(codes(VatCategory::needs_both_vat_ids), ["AE", "K"]);
    assert_eq!(codes(VatCategory::needs_delivery), ["K"]);
    assert_eq!(codes(VatCategory::rate_must_be_zero), ["Z", "E", "AE", "K", "G", "O"]);
    assert_eq!(codes(|category| !category.has_rate_element()), ["O"]);
    assert_eq!(codes(|category| category.demands().alone), ["O"]);
}

#[test]
fn a_reason_code_is_known_wherever_the_category_alone_decides_it() {
    let known = codes(|category| category.demands().reason_code.is_some());
    assert_eq!(known, ["AE", "K", "G", "O"]);
    for category in VatCategory::ALL {
        let demands = category.demands();
        let both = demands.reason_code.is_some() == demands.reason_text.is_some();
        assert!(both, "{category}: code and text go together");
        let reasoned = demands.exemption_reason == Presence::Required;
        assert!(reasoned || demands.reason_code.is_none(), "{category}");
    }
}

#[test]
fn codes_are_read_as_written_and_nothing_else_is() {
    for category in VatCategory::ALL {
        assert_eq!(VatCategory::parse(category.code()), Ok(category));
    }
    for code in ["", "s", "IC", "B", "S "] {
        let error = VatCategory::parse(code).expect_err(code);
        assert_eq!(error.field(), "category");
    }
}
