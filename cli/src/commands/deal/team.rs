//! `dealflow deal team`: who works on a deal beside its owner (R-OPP-6).

use clap::Args;
use dealflow_proto::opportunities::v1::{GetOpportunityRequest, Opportunity, TeamMember, UpdateOpportunityRequest};
use prost_types::FieldMask;

use super::verbs::Which;
use crate::api::{Api, new_id};
use crate::commands::people::People;

const EXAMPLES: &str = "\
Examples:
  dealflow deal team 1C1I7A6R
  dealflow deal team 1C1I7A6R --add 'Moses Frase=engineer' --add 'Anna Snelling' --remove 'Cecily Lampkin'";

/// Arguments of `deal team`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Team {
    #[command(flatten)]
    which: Which,
    /// Adds a person, with a role on wish; one who is in it gets the role
    #[arg(long, value_name = "PERSON[=ROLE]")]
    add: Vec<String>,
    /// Removes a person
    #[arg(long, value_name = "PERSON")]
    remove: Vec<String>,
}

impl Team {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.which
            .act(async |api: &Api, name: String| {
                let ask = GetOpportunityRequest { name: name.clone() };
                let deal = api.opportunities.clone().get_opportunity(api.ask(ask)).await?.into_inner();
                if self.add.is_empty() && self.remove.is_empty() {
                    return Ok(deal);
                }
                let people = People::read(api).await?;
                let mut team = deal.team;
                for who in &self.remove {
                    let who = people.who(who)?;
                    team.retain(|member| member.employee != who);
                }
                for added in &self.add {
                    let (who, role) = added.split_once('=').unwrap_or((added.as_str(), ""));
                    let employee = people.who(who.trim())?.to_owned();
                    team.retain(|member| member.employee != employee);
                    team.push(TeamMember { employee, role: role.trim().to_owned() });
                }
                let ask = UpdateOpportunityRequest {
                    opportunity: Some(Opportunity { name, team, ..Opportunity::default() }),
                    // Somebody may have changed the team since it was read.
                    etag: deal.etag,
                    update_mask: Some(FieldMask { paths: vec!["team".to_owned()] }),
                    request_id: new_id(),
                    ..UpdateOpportunityRequest::default()
                };
                Ok(api.opportunities.clone().update_opportunity(api.ask(ask)).await?.into_inner())
            })
            .await
    }
}
