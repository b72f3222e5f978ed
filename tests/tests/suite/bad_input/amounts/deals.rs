//! At opportunities, their verbs, and activities.

use super::*;

/// At opportunities and their verbs.
pub(super) fn deals(deal: &str, activity: &str, lead: &str) -> Vec<Bad> {
    let mut bad = Vec::new();
    let opportunity = || Opportunity { title: "X".to_owned(), ..Opportunity::default() };
    bad!(
        bad,
        "a probability above certainty",
        "OpportunityService/CreateOpportunity",
        CreateOpportunityRequest { opportunity: Some(Opportunity { probability: Some(101), ..opportunity() }) },
        ["opportunity.probability"]
    );
    bad!(
        bad,
        "closing before opening",
        "OpportunityService/CreateOpportunity",
        CreateOpportunityRequest {
            opportunity: Some(Opportunity {
                open_date: day(2026, 5, 2),
                estimated_close_date: day(2026, 5, 1),
                ..opportunity()
            })
        },
        ["opportunity.estimated_close_date"]
    );
    bad!(
        bad,
        "opening tomorrow",
        "OpportunityService/CreateOpportunity",
        CreateOpportunityRequest { opportunity: Some(Opportunity { open_date: day(2999, 1, 1), ..opportunity() }) },
        ["opportunity.open_date"]
    );
    bad!(
        bad,
        "a negative estimate",
        "OpportunityService/CreateOpportunity",
        CreateOpportunityRequest { opportunity: Some(Opportunity { estimated_value: usd(-5), ..opportunity() }) },
        ["opportunity.estimated_value"]
    );
    bad!(
        bad,
        "a quantity that is no number",
        "DealService/DevelopDeal",
        DevelopDealRequest { opportunity: deal.to_owned(), lines: vec![line(decimal("many"), usd(1))] },
        ["lines[0].quantity.value"]
    );
    bad!(
        bad,
        "a negative price",
        "DealService/DevelopDeal",
        DevelopDealRequest { opportunity: deal.to_owned(), lines: vec![line(decimal("1"), usd(-1))] },
        ["lines[0].unit_price"]
    );
    bad!(
        bad,
        "a discount above the whole",
        "DealService/ProposeQuote",
        ProposeQuoteRequest { opportunity: deal.to_owned(), discount_percent: decimal("101") },
        ["discount_percent"]
    );
    bad!(
        bad,
        "a negative discount",
        "DealService/ProposeQuote",
        ProposeQuoteRequest { opportunity: deal.to_owned(), discount_percent: decimal("-1") },
        ["discount_percent"]
    );
    bad!(
        bad,
        "negative days to pay",
        "DealService/ProposeQuote",
        ProposeQuoteRequest { opportunity: deal.to_owned(), payment_days: -1 },
        ["payment_days"]
    );
    bad!(
        bad,
        "validity that is over",
        "DealService/ProposeQuote",
        ProposeQuoteRequest { opportunity: deal.to_owned(), valid_until_date: day(2001, 1, 1) },
        ["valid_until_date"]
    );
    bad!(
        bad,
        "a negative value",
        "DealService/WinDeal",
        WinDealRequest { opportunity: deal.to_owned(), actual_value: usd(-1) },
        ["actual_value"]
    );
    bad!(
        bad,
        "another currency",
        "DealService/WinDeal",
        WinDealRequest { opportunity: deal.to_owned(), actual_value: money("EUR", 1, 0) },
        ["actual_value"]
    );
    bad!(
        bad,
        "a day to come",
        "DealService/WinDeal",
        WinDealRequest { opportunity: deal.to_owned(), close_date: day(2999, 1, 1) },
        ["close_date"]
    );
    bad!(
        bad,
        "a day before the sale began",
        "DealService/WinDeal",
        WinDealRequest { opportunity: deal.to_owned(), close_date: day(2001, 1, 1) },
        ["close_date"]
    );
    bad!(
        bad,
        "negative minutes",
        "DealService/WinDeal",
        WinDealRequest { opportunity: deal.to_owned(), spent_minutes: Some(-1) },
        ["spent_minutes"]
    );
    bad!(bad, "no reason", "DealService/LoseDeal", LoseDealRequest { opportunity: deal.to_owned() }, ["reason"]);
    bad!(
        bad,
        "OTHER without a comment",
        "DealService/LoseDeal",
        LoseDealRequest { opportunity: deal.to_owned(), reason: LoseReason::Other.into() },
        ["comment"]
    );
    bad!(
        bad,
        "a day before the sale began",
        "DealService/LoseDeal",
        LoseDealRequest { opportunity: deal.to_owned(), reason: LoseReason::Price.into(), close_date: day(2001, 1, 1) },
        ["close_date"]
    );
    bad!(
        bad,
        "negative minutes",
        "ActivityService/CompleteActivity",
        CompleteActivityRequest { name: activity.to_owned(), actual_minutes: -1 },
        ["actual_minutes"]
    );
    bad!(
        bad,
        "a result of no activity",
        "ActivityService/CompleteActivity",
        CompleteActivityRequest { name: activity.to_owned(), result: "danced".to_owned() },
        ["result"]
    );
    bad!(
        bad,
        "no subject",
        "ActivityService/CreateActivity",
        CreateActivityRequest { activity: Some(Activity::default()) },
        ["activity.subject"]
    );
    bad!(
        bad,
        "no such process",
        "DealService/QualifyLead",
        QualifyLeadRequest { lead: lead.to_owned(), process: "corporate sale".to_owned() },
        ["process"]
    );
    bad!(
        bad,
        "no such language",
        "DealService/QualifyLead",
        QualifyLeadRequest { lead: lead.to_owned(), language_code: "de".to_owned() },
        ["language_code"]
    );
    bad
}
