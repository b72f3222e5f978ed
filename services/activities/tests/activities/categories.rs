//! Categories of activities, and the results that they allow (R-ACT-1).

use dealflow_proto::activities::v1::*;
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::{Code, Status};

use crate::desk::{Desk, result, task};

impl Desk {
    async fn category(&mut self, name: &str, results: &[&str]) -> Result<Category, Status> {
        let category = Category {
            display_name: name.to_owned(),
            allowed_results: results.iter().map(|code| result(code)).collect(),
            ..Default::default()
        };
        let ask = CreateCategoryRequest { category: Some(category), request_id: id(), ..Default::default() };
        Ok(self.categories.create_category(ask).await?.into_inner())
    }
}

both! {
    /// R-ACT-1: a category says with which results its activities are completed: all of its own where none is said,
    /// those that are said where it has them, and no others.
    async fn a_category_says_which_results_are_allowed(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let call = desk.category("Qualification call", &["qualified", "not_reached", "refused"]).await.expect("made");
        let of = |category: &Category, results: &[&str]| Activity {
            category: category.name.clone(),
            allowed_results: results.iter().map(|code| result(code)).collect(),
            ..task("Call")
        };
        let codes = |it: &Activity| it.allowed_results.iter().map(|result| result.code.clone()).collect::<Vec<_>>();
        let all = desk.make(of(&call, &[])).await.expect("made");
        assert_eq!((codes(&all), all.category.as_str()), (["qualified", "not_reached", "refused"].map(str::to_owned).into(), call.name.as_str()));
        assert_eq!(codes(&desk.make(of(&call, &["refused"])).await.expect("made")), ["refused"]);
        let no = refusal(&desk.make(of(&call, &["qualified", "won"])).await.expect_err("the category has no such"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["activity.allowed_results[1].code"]));
        let no = refusal(&desk.complete(&all.name, "done").await.expect_err("the category has no such"));
        assert_eq!(no.metadata["allowed"], "qualified, not_reached, refused");
        assert_eq!(desk.complete(&all.name, "qualified").await.expect("completed").result, "qualified");
        assert_eq!(desk.found(&format!("category = \"{}\"", call.name)).await.len(), 2);
    }

    /// A category has a name of its own; what is archived takes no new activities, and those that stand stay.
    async fn an_archived_category_takes_no_new_activities(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let call = desk.category("Call", &["done"]).await.expect("made");
        let no = refusal(&desk.category("Call", &["done"]).await.expect_err("taken"));
        assert_eq!((no.code, no.metadata["holder"].as_str()), (Code::AlreadyExists, call.name.as_str()));
        let no = refusal(&desk.category("Twice", &["a", "a"]).await.expect_err("twice"));
        assert_eq!(no.field_names(), ["category.allowed_results[1].code"]);
        let stands = desk.make(Activity { category: call.name.clone(), ..task("Call") }).await.expect("made");
        let archived = UpdateCategoryRequest {
            category: Some(Category { name: call.name.clone(), archived: true, ..Default::default() }),
            etag: call.etag.clone(),
            request_id: id(),
            ..Default::default()
        };
        let archived = desk.categories.update_category(archived).await.expect("archived").into_inner();
        assert_eq!((archived.archived, archived.etag.as_str()), (true, "2"));
        let no = refusal(&desk.make(Activity { category: call.name.clone(), ..task("Call") }).await.expect_err("archived"));
        assert_eq!(no.field_names(), ["activity.category"]);
        desk.complete(&stands.name, "done").await.expect("what stands stays");
        let ask = ListCategoriesRequest { filter: "archived = true".to_owned(), ..Default::default() };
        assert_eq!(desk.categories.list_categories(ask).await.expect("listed").into_inner().categories, std::slice::from_ref(&archived));
        let ask = GetCategoryRequest { name: call.name };
        assert_eq!(desk.categories.get_category(ask).await.expect("read").into_inner(), archived);
    }
}
