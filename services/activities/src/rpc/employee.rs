//! Employees: added, changed, read, listed, and who leads whom.

use dealflow_chassis::list;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Mask, Refusal, Store};
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::employee_service_server::EmployeeService;
use dealflow_proto::names;
use sea_orm::{EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};

use super::wanted;
use crate::error::Error;
use crate::{employee, hierarchy, wire};

/// The service of employees.
#[derive(Clone)]
pub struct Employees {
    store: Store,
}

impl Employees {
    /// The service over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl EmployeeService for Employees {
    async fn create_employee(
        &self,
        request: Request<pb::CreateEmployeeRequest>,
    ) -> Result<Response<pb::Employee>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateEmployeeRequest| async move {
                let employee = wire::employee::read(ask.employee.unwrap_or_default(), work.now)?;
                employee::check_known(&work.tx, employee.manager).await?;
                employee::check_display_name(&work.tx, &employee).await?;
                employee::insert(&work.tx, &employee).await?;
                let answer = wire::employee::answer(&employee);
                work.record(Change::new("employee.created", employee.name(), "CreateEmployee").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn update_employee(
        &self,
        request: Request<pb::UpdateEmployeeRequest>,
    ) -> Result<Response<pb::Employee>, Status> {
        self.store
            .work(request, |mut work, ask: pb::UpdateEmployeeRequest| async move {
                let news = ask.employee.unwrap_or_default();
                let mask = Mask::of(ask.update_mask, wire::employee::KNOWN)?;
                let before = employee::lock(&work.tx, &news.name).await?;
                work.check_etag(&news.name, &ask.etag, before.version)?;
                work.take_effect_after(before.changed_at())?;
                let employee = wire::employee::take_over(before.clone(), news, &mask)?;
                employee::check_display_name(&work.tx, &employee).await?;
                if employee.manager != before.manager
                    && let Some(manager) = employee.manager
                {
                    employee::check_known(&work.tx, employee.manager).await?;
                    hierarchy::check_no_cycle(&work.tx, employee.id, manager).await?;
                }
                let employee = employee::save(&work.tx, &before, employee, work.now).await?;
                let answer = wire::employee::answer(&employee);
                work.record(Change::new("employee.updated", employee.name(), "UpdateEmployee").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_employee(&self, request: Request<pb::GetEmployeeRequest>) -> Result<Response<pb::Employee>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let employee = employee::get(self.store.reader(), &ask.name).await?;
        Ok(Response::new(wire::employee::answer(&employee)))
    }

    async fn list_employees(
        &self,
        request: Request<pb::ListEmployeesRequest>,
    ) -> Result<Response<pb::ListEmployeesResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let page = list::list(self.store.reader(), employee::Entity::find(), &employee::FIELDS, wanted!(ask))
            .await
            .map_err(Error::from)?;
        let employees = page.items.iter().map(wire::employee::answer).collect();
        Ok(Response::new(pb::ListEmployeesResponse { employees, next_page_token: page.next_page_token }))
    }

    async fn list_reports(
        &self,
        request: Request<pb::ListReportsRequest>,
    ) -> Result<Response<pb::ListReportsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let manager = names::EMPLOYEES.parse(&ask.manager);
        let manager = manager.map_err(|bad| Refusal::field("manager", bad.to_string()))?;
        let led = hierarchy::reports(manager, ask.all_levels, self.store.backend());
        let found = employee::Entity::find().filter(led);
        let page = list::list(self.store.reader(), found, &employee::FIELDS, wanted!(ask)).await;
        let page = page.map_err(Error::from)?;
        let employees = page.items.iter().map(wire::employee::answer).collect();
        Ok(Response::new(pb::ListReportsResponse { employees, next_page_token: page.next_page_token }))
    }

    async fn list_managers(
        &self,
        request: Request<pb::ListManagersRequest>,
    ) -> Result<Response<pb::ListManagersResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let employee = employee::get(self.store.reader(), &ask.employee).await?;
        let managers = hierarchy::managers(self.store.reader(), employee.id).await?;
        let managers = managers.iter().map(wire::employee::answer).collect();
        Ok(Response::new(pb::ListManagersResponse { managers }))
    }
}
