//! `dealflow erp`: the ERP as it is dealt with, stopped and let go on (R-ERP-1).

use clap::{Args, Subcommand};
use dealflow_proto::erp::v1::{
    Capabilities, GetCapabilitiesRequest, GetTargetRequest, PauseTargetRequest, ResumeTargetRequest, Target as Erp,
};
use serde_json::json;

use crate::api::{Api, new_id};
use crate::client::Target;
use crate::show::{self, json as data, word};

/// The one target of a suite.
const TARGET: &str = "targets/erp";

const EXAMPLES: &str = "\
Examples:
  dealflow erp show                             whether deliveries go, and what the ERP can do
  dealflow erp pause --reason 'month-end'       what is stored waits, and loses nothing
  dealflow erp resume                           also ends the rest that an ERP has that did not answer or let us in";

/// What to do with the ERP.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum ErpCommand {
    /// Show how deliveries go, and what the ERP can do
    Show(Ask),
    /// Stop all deliveries
    Pause(Pause),
    /// Let deliveries go on
    Resume(Ask),
}

/// Arguments of all.
#[derive(Debug, Args)]
pub struct Ask {
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Arguments of `erp pause`.
#[derive(Debug, Args)]
pub struct Pause {
    /// Why, for the history
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    ask: Ask,
}

impl ErpCommand {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Show(ask) => {
                let read = async |api: Api| {
                    let name = TARGET.to_owned();
                    let erp = api.handoffs.clone().get_target(api.ask(GetTargetRequest { name })).await?.into_inner();
                    let can = api.erp.clone().get_capabilities(api.ask(GetCapabilitiesRequest {})).await;
                    // An ERP that does not answer is no reason not to say so.
                    Ok((erp, can.ok().map(tonic::Response::into_inner)))
                };
                let (erp, can) = ask.target.ask(read).await?;
                print(&erp, can.as_ref(), ask.json)
            }
            Self::Pause(Pause { reason, ask }) => {
                let pause = async |api: Api| {
                    let name = TARGET.to_owned();
                    let pause = PauseTargetRequest { name, reason, request_id: new_id(), ..Default::default() };
                    Ok(api.handoffs.clone().pause_target(api.ask(pause)).await?.into_inner())
                };
                print(&ask.target.ask(pause).await?, None, ask.json)
            }
            Self::Resume(ask) => {
                let resume = async |api: Api| {
                    let resume =
                        ResumeTargetRequest { name: TARGET.to_owned(), request_id: new_id(), ..Default::default() };
                    Ok(api.handoffs.clone().resume_target(api.ask(resume)).await?.into_inner())
                };
                print(&ask.target.ask(resume).await?, None, ask.json)
            }
        }
    }
}

fn print(erp: &Erp, can: Option<&Capabilities>, as_json: bool) -> anyhow::Result<()> {
    let state = word(erp.state().as_str_name(), "STATE_");
    let types = can.map(|can| can.types().map(|kind| word(kind.as_str_name(), "DOCUMENT_TYPE_")).collect::<Vec<_>>());
    if as_json {
        return data::print(&json!({
            "name": erp.name,
            "state": state,
            "reason": data::text(&erp.reason),
            "actor": data::text(&erp.actor),
            "update_time": data::time(erp.update_time.as_ref()),
            "next_probe_time": data::time(erp.next_probe_time.as_ref()),
            "event_cursor": data::text(&erp.event_cursor),
            "capabilities": can.map(|can| json!({
                "product": can.product,
                "types": types,
                "idempotent": can.idempotent,
                "look_up": can.look_up,
                "asynchronous": can.asynchronous,
                "events": can.events,
                "vat_rounding": can.vat_rounding,
            })),
        }));
    }
    let mut table = show::table(&["field", "value"]);
    table.add_row(["deliveries", state]);
    for (what, value) in [("because", &erp.reason), ("by", &erp.actor), ("events read up to", &erp.event_cursor)] {
        if !value.is_empty() {
            table.add_row([what, value.as_str()]);
        }
    }
    if erp.next_probe_time.is_some() {
        table.add_row(["tried next (UTC)", show::time(erp.next_probe_time.as_ref()).as_str()]);
    }
    if let (Some(can), Some(types)) = (can, types) {
        let yes = |yes: bool| if yes { "yes" } else { "no" };
        table.add_row(["product", can.product.as_str()]);
        table.add_row(["takes", types.join(", ").as_str()]);
        table.add_row(["books once what comes twice", yes(can.idempotent)]);
        table.add_row(["finds by external id", yes(can.look_up)]);
        table.add_row(["decides later", yes(can.asynchronous)]);
        table.add_row(["tells what happens", yes(can.events)]);
        table.add_row(["rounds VAT by", can.vat_rounding.as_str()]);
    }
    println!("{table}");
    Ok(())
}
