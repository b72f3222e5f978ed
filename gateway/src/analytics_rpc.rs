//! Figures over all opportunities, as a client asks for them: `opportunities` counts, and what is counted by the people of
//! its owners is joined here (R-ANA-1), for `opportunities` knows no people.

use std::collections::{BTreeMap, HashMap};

use dealflow_chassis::work::check;
use dealflow_chassis::{Context, Refusal};
use dealflow_proto::activities::v1::{Employee, ListEmployeesRequest};
use dealflow_proto::convert;
use dealflow_proto::google::type_::{Decimal as WireDecimal, Money};
use dealflow_proto::opportunities::v1::analytics_service_server::AnalyticsService;
use dealflow_proto::opportunities::v1::get_won_lost_request::GroupBy;
use dealflow_proto::opportunities::v1::{
    GetForecastRequest, GetForecastResponse, GetPipelineRequest, GetPipelineResponse, GetStageFiguresRequest,
    GetStageFiguresResponse, GetWonLostRequest, GetWonLostResponse, WonLostRow,
};
use rust_decimal::{Decimal, RoundingStrategy};
use tonic::{Request, Response, Status};

use crate::calls::{Ask, Neighbours};

/// People of a page.
const PAGE: i32 = 1000;

/// The service.
#[derive(Clone)]
pub(crate) struct AnalyticsRpc {
    pub(crate) to: Neighbours,
}

impl AnalyticsRpc {
    /// Asks `opportunities` with the caller's own eyes.
    async fn pass<A: Ask>(&self, request: Request<A>) -> Result<Response<A::Answer>, Status> {
        let context = Context::of(request.metadata())?;
        let mut onward = Request::new(request.into_inner());
        context.carry(onward.metadata_mut());
        A::send(&self.to, onward).await
    }

    /// All employees, by name. Whose deals are counted is decided by then; these say only what they are counted under.
    async fn employees(&self, context: &Context) -> Result<HashMap<String, Employee>, Status> {
        let (mut all, mut page_token) = (HashMap::new(), String::new());
        loop {
            let ask = ListEmployeesRequest { page_size: PAGE, page_token, ..ListEmployeesRequest::default() };
            let mut request = Request::new(ask);
            context.carry_seeing_all(request.metadata_mut());
            let page = ListEmployeesRequest::send(&self.to, request).await?.into_inner();
            all.extend(page.employees.into_iter().map(|employee| (employee.name.clone(), employee)));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }
}

#[tonic::async_trait]
impl AnalyticsService for AnalyticsRpc {
    async fn get_pipeline(
        &self,
        request: Request<GetPipelineRequest>,
    ) -> Result<Response<GetPipelineResponse>, Status> {
        self.pass(request).await
    }

    async fn get_forecast(
        &self,
        request: Request<GetForecastRequest>,
    ) -> Result<Response<GetForecastResponse>, Status> {
        self.pass(request).await
    }

    async fn get_won_lost(&self, request: Request<GetWonLostRequest>) -> Result<Response<GetWonLostResponse>, Status> {
        let key: fn(&Employee) -> &str = match request.get_ref().group_by() {
            GroupBy::Team => |owner| &owner.team,
            GroupBy::Manager => |owner| &owner.manager,
            GroupBy::Office => |owner| &owner.office,
            _ => return self.pass(request).await,
        };
        check(request.get_ref())?;
        let context = Context::of(request.metadata())?;
        let by_owner = request.map(|ask| GetWonLostRequest { group_by: GroupBy::Owner.into(), ..ask });
        let (by_owner, employees) = tokio::try_join!(self.pass(by_owner), self.employees(&context))?;
        let key = |owner: &str| employees.get(owner).map(key).unwrap_or_default().to_owned();
        let rows = joined(&by_owner.into_inner().rows, key).map_err(Refusal::internal)?;
        Ok(Response::new(GetWonLostResponse { rows }))
    }

    async fn get_stage_figures(
        &self,
        request: Request<GetStageFiguresRequest>,
    ) -> Result<Response<GetStageFiguresResponse>, Status> {
        self.pass(request).await
    }
}

/// The sums of several rows.
#[derive(Default)]
struct Sums {
    row: WonLostRow,
    won: Decimal,
    estimated: Decimal,
}

/// Rows of owners as rows of what `key` says of an owner; sums are added, and means made of them anew.
fn joined(by_owner: &[WonLostRow], key: impl Fn(&str) -> String) -> Result<Vec<WonLostRow>, convert::ConvertError> {
    let mut groups: BTreeMap<(String, String), Sums> = BTreeMap::new();
    for row in by_owner {
        let currency = row.won_value.as_ref().map(|value| value.currency_code.clone()).unwrap_or_default();
        groups.entry((key(&row.key), currency)).or_default().add(row)?;
    }
    groups.into_iter().map(|((key, currency), sums)| sums.into_row(key, &currency)).collect()
}

impl Sums {
    fn add(&mut self, other: &WonLostRow) -> Result<(), convert::ConvertError> {
        let amount = |money: &Option<Money>| money.as_ref().map_or(Ok(Decimal::ZERO), convert::decimal_of);
        self.won += amount(&other.won_value)?;
        self.estimated += amount(&other.won_estimated_value)?;
        self.row.won_count += other.won_count;
        self.row.lost_count += other.lost_count;
        self.row.won_cycle_days += other.won_cycle_days;
        self.row.lost_cycle_days += other.lost_cycle_days;
        self.row.won_minutes += other.won_minutes;
        self.row.lost_minutes += other.lost_minutes;
        Ok(())
    }

    fn into_row(self, key: String, currency: &str) -> Result<WonLostRow, convert::ConvertError> {
        let Self { row, won, estimated } = self;
        Ok(WonLostRow {
            key,
            won_value: Some(convert::money(won, currency)?),
            won_estimated_value: Some(convert::money(estimated, currency)?),
            win_rate_percent: quotient(row.won_count * 100, row.won_count + row.lost_count),
            mean_won_cycle_days: quotient(row.won_cycle_days, row.won_count),
            mean_lost_cycle_days: quotient(row.lost_cycle_days, row.lost_count),
            mean_won_hours: quotient(row.won_minutes, row.won_count * 60),
            mean_lost_hours: quotient(row.lost_minutes, row.lost_count * 60),
            ..row
        })
    }
}

/// A quotient, rounded half away from zero to two decimals; none where nothing divides.
fn quotient(number: i64, divisor: i64) -> Option<WireDecimal> {
    let exact = Decimal::from(number).checked_div(Decimal::from(divisor))?;
    Some(convert::decimal(exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)))
}
