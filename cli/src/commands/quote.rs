//! `dealflow quote`: offers, who must agree to them, and their revisions (R-QUO).

use anyhow::bail;
use clap::{Args, Subcommand};
use dealflow_proto::orders::v1::{
    Approval, ApproveRequest, GetApprovalRequest, ListQuotesRequest, Quote, RejectRequest, ReviseQuoteRequest,
};
use serde_json::{Value, json};

use super::adjust::Adjust;
use super::export::{Export, Of};
use super::papers::{List, One, Why, in_full, lines, next_steps};
use crate::api::{Api, new_id};
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow quote list --state in_approval
  dealflow quote show Q-000001                                with its lines, and who must agree
  dealflow quote approve Q-000001 --actor employees/019abc4e-…
  dealflow quote reject Q-000001 --reason 'too cheap' --actor employees/019abc4e-…
  dealflow quote adjust Q-000001 --allowance 'Loyalty=2.5%' --charge 'Freight=40'
  dealflow quote revise Q-000001                              the next revision, as a draft
  dealflow quote export Q-000001 --format pdf                 as a file, to be sent";

/// What to do with quotes.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Quotes {
    /// List quotes, the latest first
    List(List),
    /// Show one quote, of several revisions the latest
    Show(One),
    /// Agree to a quote, as whoever is asked
    Approve(Approve),
    /// Refuse a quote, as whoever is asked: it goes back to draft
    Reject(Why),
    /// Say what is taken off or added to the whole of a draft, beside its discount
    Adjust(Adjust),
    /// Close a quote and draft its next revision
    Revise(One),
    /// Write one as a file: UBL 2.1 or PDF
    Export(Export),
}

/// Arguments of `quote approve`.
#[derive(Debug, Args)]
pub struct Approve {
    /// Which one
    #[command(flatten)]
    one: One,
    /// In words, for the history
    #[arg(long, default_value = "")]
    comment: String,
}

impl Quotes {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list_quotes(list).await,
            Self::Export(export) => export.run(Of::Quotes).await,
            Self::Show(one) => shown(&one, async |_, quote| Ok(quote)).await,
            Self::Approve(Approve { one, comment }) => {
                shown(&one, async |api, quote| {
                    let name = asked(&quote)?;
                    let ask = ApproveRequest { name, comment, request_id: new_id(), ..ApproveRequest::default() };
                    api.approvals.clone().approve(api.ask(ask)).await?;
                    Ok(quote)
                })
                .await
            }
            Self::Reject(Why { one, reason }) => {
                shown(&one, async |api, quote| {
                    let name = asked(&quote)?;
                    let ask = RejectRequest { name, comment: reason, request_id: new_id(), ..RejectRequest::default() };
                    api.approvals.clone().reject(api.ask(ask)).await?;
                    Ok(quote)
                })
                .await
            }
            Self::Adjust(adjust) => {
                let given = adjust.given()?;
                shown(&adjust.one, async |api, quote| given.update(&api, quote).await).await
            }
            Self::Revise(one) => {
                shown(&one, async |api, Quote { name, etag, .. }| {
                    let ask = ReviseQuoteRequest { name, etag, request_id: new_id(), ..ReviseQuoteRequest::default() };
                    Ok(api.quotes.clone().revise_quote(api.ask(ask)).await?.into_inner())
                })
                .await
            }
        }
    }
}

async fn list_quotes(list: List) -> anyhow::Result<()> {
    let ask = ListQuotesRequest {
        page_size: list.limit,
        filter: list.filter(),
        order_by: "create_time desc".to_owned(),
        ..ListQuotesRequest::default()
    };
    let read = async |api: Api| Ok(api.quotes.clone().list_quotes(api.ask(ask)).await?.into_inner());
    let page = list.target.ask(read).await?;
    let more = !page.next_page_token.is_empty();
    if list.json {
        return data::print(&json!({ "quotes": data::list(&page.quotes, data::quote), "more": more }));
    }
    println!("{}", table(&page.quotes));
    if more {
        println!("There are more; --limit shows them.");
    }
    Ok(())
}

/// The approval that a quote waits for.
fn asked(quote: &Quote) -> anyhow::Result<String> {
    if quote.approval.is_empty() {
        bail!("nobody is asked about {} revision {}", quote.number, quote.revision);
    }
    Ok(quote.approval.clone())
}

/// Does something with the quote as it stands, and shows what it is then, with whoever must agree.
async fn shown(one: &One, act: impl AsyncFnOnce(Api, Quote) -> anyhow::Result<Quote>) -> anyhow::Result<()> {
    let work = async |api: Api| {
        let standing = find(&api, one.filter("quotes"), one).await?;
        let done = act(api.clone(), standing).await?;
        let quote = find(&api, format!("name = \"{}\"", done.name), one).await?;
        let approval = match quote.approval.as_str() {
            "" => None,
            name => {
                let ask = GetApprovalRequest { name: name.to_owned() };
                Some(api.approvals.clone().get_approval(api.ask(ask)).await?.into_inner())
            }
        };
        Ok((quote, approval))
    };
    let (quote, approval) = one.target.ask(work).await?;
    let whole = (&quote.allowances[..], &quote.charges[..], quote.totals.as_ref());
    if one.json {
        let mut shown = data::quote(&quote);
        in_full(&mut shown, &quote.lines, whole);
        shown["approval"] = approval.as_ref().map_or(Value::Null, of_approval);
        return data::print(&shown);
    }
    println!("{}", table(std::slice::from_ref(&quote)));
    println!("{}", lines(&quote.lines, whole));
    if let Some(approval) = &approval {
        println!("{}", steps(approval));
    }
    next_steps(quote.guidance.as_ref());
    Ok(())
}

async fn find(api: &Api, filter: String, one: &One) -> anyhow::Result<Quote> {
    let ask = ListQuotesRequest {
        page_size: 1,
        filter,
        order_by: "create_time desc".to_owned(),
        ..ListQuotesRequest::default()
    };
    one.found(api.quotes.clone().list_quotes(api.ask(ask)).await?.into_inner().quotes, "quote")
}

fn of_approval(approval: &Approval) -> Value {
    json!({
        "name": approval.name,
        "state": word(approval.state().as_str_name(), "STATE_"),
        "requester": approval.requester,
        "amount": data::money(approval.amount.as_ref()),
        "steps": data::list(&approval.steps, |step| json!({
            "number": step.number,
            "approvers": step.approvers,
            "state": word(step.state().as_str_name(), "STATE_"),
            "decided_by": data::text(&step.decided_by),
            "comment": data::text(&step.comment),
        })),
    })
}

fn steps(approval: &Approval) -> comfy_table::Table {
    let mut table = show::table(&["step", "who may decide", "role", "state", "decided by", "in words"]);
    for step in &approval.steps {
        table.add_row([
            step.number.to_string().as_str(),
            &step.approvers.join("\n"),
            &step.role,
            word(step.state().as_str_name(), "STATE_"),
            &step.decided_by,
            &step.comment,
        ]);
    }
    table
}

/// Quotes, one to a row.
fn table(quotes: &[Quote]) -> comfy_table::Table {
    let mut table = show::whole(
        show::table(&["number", "rev.", "state", "valid until", "without VAT", "to be paid", "opportunity"]),
        6,
    );
    for quote in quotes {
        let totals = quote.totals.clone().unwrap_or_default();
        let state = match quote.close_reason() as i32 {
            0 if quote.expired => format!("{} (expired)", word(quote.state().as_str_name(), "STATE_")),
            0 => word(quote.state().as_str_name(), "STATE_").to_owned(),
            _ => format!("CLOSED {}", word(quote.close_reason().as_str_name(), "CLOSE_REASON_")),
        };
        table.add_row([
            quote.number.as_str(),
            &quote.revision.to_string(),
            &state,
            &show::date(quote.valid_until_date.as_ref()),
            &show::money(totals.total_without_vat.as_ref()),
            &show::money(totals.payable.as_ref()),
            &quote.opportunity,
        ]);
    }
    table
}
