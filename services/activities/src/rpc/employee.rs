//! Employees: added, read, listed.

use dealflow_chassis::list::{self, ListRequest};
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Store};
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::employee_service_server::EmployeeService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};

use crate::employee;
use crate::error::Error;
use crate::wire;

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
        let wanted = ListRequest {
            page_size: ask.page_size,
            page_token: &ask.page_token,
            filter: &ask.filter,
            order_by: &ask.order_by,
        };
        let page = list::list(self.store.reader(), employee::Entity::find(), &employee::FIELDS, wanted)
            .await
            .map_err(Error::from)?;
        let employees = page.items.iter().map(wire::employee::answer).collect();
        Ok(Response::new(pb::ListEmployeesResponse { employees, next_page_token: page.next_page_token }))
    }
}
