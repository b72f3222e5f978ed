//! Whose documents and activities one sees through the gateway, which knows whose deal they belong to. (That each part
//! asks its database for one's own is shown by its own tests; that every RPC does, by `bad_input/unseen.rs`.)

use dealflow::api::{Api, new_id};
use dealflow::suite::PartName;
use dealflow_proto::activities::v1::{
    Activity, CreateActivityRequest, CreateInteractionRequest, GetActionPanelRequest, GetActivityRequest, Interaction,
    StartActivityRequest, UpdateActivityRequest, interaction,
};
use dealflow_proto::gateway::v1::export_document_request::Format;
use dealflow_proto::gateway::v1::{ExportDocumentRequest, GetDealRequest, StartDealRequest};
use dealflow_proto::opportunities::v1::{
    CreateOpportunityRequest, GetOpportunityRequest, Opportunity, TeamMember, UpdateOpportunityRequest,
};
use dealflow_proto::orders::v1::{
    Contract, CreateContractRequest, CreateQuoteRequest, GetOrderRequest, GetQuoteRequest, ListQuotesRequest, Quote,
    UpdateQuoteRequest,
};
use dealflow_testbed::{TestDb, both, refusal};
use futures::stream;
use http::uri::PathAndQuery;
use prost_types::FieldMask;

use crate::sight::{House, is_missing};

impl House {
    /// A deal that can be proposed and ordered.
    async fn whole_deal(&self, owner: &str, team: &[&str]) -> String {
        let name = self.sandbox.deal_without_process().await;
        let team = team.iter().map(|employee| TeamMember { employee: (*employee).to_owned(), ..TeamMember::default() });
        self.give(&name, owner, team.collect()).await;
        name
    }

    async fn give(&self, name: &str, owner: &str, team: Vec<TeamMember>) {
        let given = Opportunity { name: name.to_owned(), owner: owner.to_owned(), team, ..Opportunity::default() };
        let update_mask = Some(FieldMask { paths: vec!["owner".to_owned(), "team".to_owned()] });
        let (opportunity, request_id) = (Some(given), new_id());
        let ask = UpdateOpportunityRequest { opportunity, update_mask, request_id, ..Default::default() };
        let api = &self.sandbox.api;
        api.opportunities.clone().update_opportunity(api.ask(ask)).await.expect("an admin may");
    }

    /// A quote in a deal, its owner the deal's.
    async fn quote(&self, deal: &str) -> String {
        self.sandbox.propose(deal).await.name
    }

    async fn task(&self, deal: &str, performer: &str) -> String {
        let task = Activity {
            subject: "look".to_owned(),
            regarding: deal.to_owned(),
            performer: performer.to_owned(),
            ..Activity::default()
        };
        let api = &self.sandbox.api;
        let ask = CreateActivityRequest { activity: Some(task), request_id: new_id(), ..Default::default() };
        api.activities.clone().create_activity(api.ask(ask)).await.expect("an admin may").into_inner().name
    }
}

async fn quotes_listed(api: &Api) -> usize {
    let page = api.quotes.clone().list_quotes(api.ask(ListQuotesRequest::default())).await.expect("a list");
    page.into_inner().quotes.len()
}

fn terms(name: &str) -> UpdateQuoteRequest {
    let quote = Some(Quote { name: name.to_owned(), terms: "at once".to_owned(), ..Quote::default() });
    UpdateQuoteRequest { quote, request_id: new_id(), validate_only: true, ..Default::default() }
}

both! {
    /// R-SEC-1: whoever sees a deal reads and changes what belongs to it by its name, whosever it is, and no longer than he
    /// sees the deal; whoever does not see it finds nothing of it, and puts nothing into it. Lists hold what is one's own.
    async fn what_belongs_to_a_deal_is_seen_with_it(db: TestDb) {
        let house = House::open(&db).await;
        let [ann, bob, carl] = [house.employ("Ann", "").await, house.employ("Bob", "").await, house.employ("Carl", "").await];
        let deal = house.whole_deal(&carl, &[&ann]).await;
        let quote = house.quote(&deal).await;
        let task = house.task(&deal, &carl).await;
        let get = || GetQuoteRequest { name: quote.clone() };
        let export = || ExportDocumentRequest { name: quote.clone(), format: Format::Pdf.into(), ..Default::default() };
        let panel = || GetActionPanelRequest { regarding: deal.clone() };
        let start = || StartActivityRequest { name: task.clone(), request_id: new_id(), validate_only: true, ..Default::default() };

        let owner = house.seen_by(&carl, "sales_rep");
        assert!(owner.quotes.clone().get_quote(owner.ask(get())).await.is_ok());
        assert_eq!(quotes_listed(&owner).await, 1);

        let member = house.seen_by(&ann, "sales_rep");
        assert!(member.quotes.clone().get_quote(member.ask(get())).await.is_ok());
        assert_eq!(quotes_listed(&member).await, 0, "a list is of one's own");
        // It is refused for what it is (the customer has it), not for whose it is.
        let open = member.quotes.clone().update_quote(member.ask(terms(&quote))).await;
        assert_ne!(open.err().map(|status| status.code()), Some(tonic::Code::NotFound));
        let got = member.activities.clone().get_activity(member.ask(GetActivityRequest { name: task.clone() })).await;
        assert!(got.is_ok());
        let shown = member.tasks.clone().get_action_panel(member.ask(panel())).await.expect("it is shown").into_inner();
        assert!(shown.activities.iter().any(|it| it.name == task));
        // This house has not said who sells: that is what is missing, and not the document.
        let file = member.documents.clone().export_document(member.ask(export())).await.expect_err("there is no seller");
        assert_eq!(file.code(), tonic::Code::FailedPrecondition, "{file:?}");
        let view = member.deals.clone().get_deal(member.ask(GetDealRequest { opportunity: deal.clone(), ..Default::default() })).await;
        let view = view.expect("it is shown").into_inner();
        assert!(view.quotes.len() == 1 && view.action_panel.iter().any(|it| it.name == task));

        let stranger = house.seen_by(&bob, "sales_rep");
        is_missing(stranger.quotes.clone().get_quote(stranger.ask(get())).await, &quote);
        is_missing(stranger.quotes.clone().update_quote(stranger.ask(terms(&quote))).await, &quote);
        is_missing(stranger.documents.clone().export_document(stranger.ask(export())).await, &quote);
        is_missing(stranger.activities.clone().get_activity(stranger.ask(GetActivityRequest { name: task.clone() })).await, &task);
        is_missing(stranger.activities.clone().start_activity(stranger.ask(start())).await, &task);
        is_missing(stranger.tasks.clone().get_action_panel(stranger.ask(panel())).await, &deal);
        let create = || CreateQuoteRequest {
            quote: Some(Quote { opportunity: deal.clone(), currency_code: "USD".to_owned(), ..Quote::default() }),
            request_id: new_id(),
            validate_only: true,
            ..Default::default()
        };
        is_missing(stranger.quotes.clone().create_quote(stranger.ask(create())).await, &deal);
        // It has no lines; that it lacks them is told to whom the deal is shown.
        let made = member.quotes.clone().create_quote(member.ask(create())).await;
        assert_ne!(made.err().map(|status| status.code()), Some(tonic::Code::NotFound));
        let activity = Some(Activity { subject: "mine".to_owned(), regarding: deal.clone(), ..Activity::default() });
        let add = CreateActivityRequest { activity, request_id: new_id(), validate_only: true, ..Default::default() };
        is_missing(stranger.activities.clone().create_activity(stranger.ask(add.clone())).await, &deal);
        assert!(member.activities.clone().create_activity(member.ask(add)).await.is_ok());
        assert_eq!(quotes_listed(&house.seen_by("back", "auditor")).await, 1);

        // Who was in the team and is not any more; who got the deal instead.
        house.give(&deal, &bob, Vec::new()).await;
        is_missing(member.quotes.clone().get_quote(member.ask(get())).await, &quote);
        assert!(stranger.quotes.clone().get_quote(stranger.ask(get())).await.is_ok(), "the deal is his now");
        let got = stranger.activities.clone().get_activity(stranger.ask(GetActivityRequest { name: task.clone() })).await;
        assert!(got.is_ok(), "{got:?}");
        house.sandbox.stop().await;
    }

    /// R-SEC-1: one name that is seen opens no other beside it; who comes to a part's own port sees his own there.
    async fn a_name_that_is_seen_opens_no_other(db: TestDb) {
        let house = House::open(&db).await;
        let [ann, carl] = [house.employ("Ann", "").await, house.employ("Carl", "").await];
        let shared = house.whole_deal(&carl, &[&ann]).await;
        let other = house.whole_deal(&carl, &[]).await;
        let (of_shared, of_other) = (house.quote(&shared).await, house.quote(&other).await);
        let member = house.seen_by(&ann, "sales_rep");
        let contract = |quote: &str, title: &str| CreateContractRequest {
            contract: Some(Contract { opportunity: shared.clone(), quote: quote.to_owned(), title: title.to_owned(), ..Contract::default() }),
            request_id: new_id(),
            validate_only: true,
            ..Default::default()
        };
        let write = async |ask: CreateContractRequest| member.contracts.clone().create_contract(member.ask(ask)).await;
        assert!(write(contract(&of_shared, "")).await.is_ok());
        is_missing(write(contract(&of_other, "")).await, &of_other);
        is_missing(write(contract(&of_other, &of_shared)).await, &of_other);
        // Through the deal: an order of Carl's in the deal that she sees, and one in the deal that she does not.
        house.sandbox.accept(&shared).await;
        house.sandbox.accept(&other).await;
        for (deal, sees) in [(&shared, true), (&other, false)] {
            let order = house.sandbox.view(deal).await.orders.first().expect("it is ordered").name.clone();
            let got = member.orders.clone().get_order(member.ask(GetOrderRequest { name: order.clone() })).await;
            match sees {
                true => assert!(got.is_ok(), "{got:?}"),
                false => is_missing(got, &order),
            }
        }
        let direct = house.seen_at(PartName::Orders, &ann, "sales_rep");
        is_missing(direct.quotes.clone().get_quote(direct.ask(GetQuoteRequest { name: of_shared.clone() })).await, &of_shared);
        let mut posing = direct.ask(GetQuoteRequest { name: of_shared.clone() });
        posing.metadata_mut().insert("dealflow-sees", tonic::metadata::MetadataValue::from_static("*"));
        is_missing(direct.quotes.clone().get_quote(posing).await, &of_shared);
        let mut posing = member.ask(GetQuoteRequest { name: of_other.clone() });
        posing.metadata_mut().insert("dealflow-sees", tonic::metadata::MetadataValue::from_static("*"));
        is_missing(member.quotes.clone().get_quote(posing).await, &of_other);
        house.sandbox.stop().await;
    }

    /// R-SEC-1: a document that is not seen is as closed as its deal: all that is to do about it is not shown, and nothing is
    /// put there.
    async fn what_is_to_do_about_a_document_is_seen_with_it(db: TestDb) {
        let house = House::open(&db).await;
        let [ann, bob, carl] = [house.employ("Ann", "").await, house.employ("Bob", "").await, house.employ("Carl", "").await];
        let deal = house.whole_deal(&carl, &[&ann]).await;
        let quote = house.quote(&deal).await;
        house.sandbox.accept(&deal).await;
        let order = house.sandbox.view(&deal).await.orders.first().expect("it is ordered").name.clone();
        let (member, stranger) = (house.seen_by(&ann, "sales_rep"), house.seen_by(&bob, "sales_rep"));
        for record in [&quote, &order] {
            let task = house.task(record, &carl).await;
            let panel = async |api: &Api| {
                api.tasks.clone().get_action_panel(api.ask(GetActionPanelRequest { regarding: record.clone() })).await
            };
            let shown = panel(&member).await.expect("it is shown").into_inner();
            assert!(shown.activities.iter().any(|it| it.name == task), "{shown:?}");
            is_missing(panel(&stranger).await, record);
            let activity = Some(Activity { subject: "mine".to_owned(), regarding: record.clone(), ..Activity::default() });
            let add = CreateActivityRequest { activity, request_id: new_id(), validate_only: true, ..Default::default() };
            is_missing(stranger.activities.clone().create_activity(stranger.ask(add.clone())).await, record);
            assert!(member.activities.clone().create_activity(member.ask(add)).await.is_ok());
            let interaction = Interaction {
                subject: "a call".to_owned(),
                regarding: record.clone(),
                channel: interaction::Channel::Phone.into(),
                ..Interaction::default()
            };
            let interaction = Some(interaction);
            let add = CreateInteractionRequest { interaction, request_id: new_id(), validate_only: true, ..Default::default() };
            is_missing(stranger.interactions.clone().create_interaction(stranger.ask(add)).await, record);
        }
        house.sandbox.stop().await;
    }

    /// R-SEC-1: one's own activity is moved to what one sees, and to nothing else: by what is done there a deal would be
    /// told. Where it stands already it may stay.
    async fn an_activity_is_not_moved_into_a_deal_that_is_not_seen(db: TestDb) {
        let house = House::open(&db).await;
        let [bob, carl] = [house.employ("Bob", "").await, house.employ("Carl", "").await];
        let (hidden, own) = (house.whole_deal(&carl, &[]).await, house.whole_deal(&bob, &[]).await);
        let task = house.task("", &bob).await;
        let rep = house.seen_by(&bob, "sales_rep");
        let update = async |name: &str, regarding: &str, paths: &[&str]| {
            let activity = Activity {
                name: name.to_owned(),
                regarding: regarding.to_owned(),
                subject: "look again".to_owned(),
                ..Activity::default()
            };
            let update_mask = Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() });
            let (activity, request_id) = (Some(activity), new_id());
            let ask = UpdateActivityRequest { activity, update_mask, request_id, ..Default::default() };
            rep.activities.clone().update_activity(rep.ask(ask)).await
        };
        for paths in [&["regarding"][..], &["subject", "regarding"], &[], &["*"]] {
            is_missing(update(&task, &hidden, paths).await, &hidden);
        }
        assert_eq!(update(&task, &hidden, &["subject"]).await.expect("it is not moved").into_inner().regarding, "");
        assert_eq!(update(&task, &own, &["regarding"]).await.expect("it is his deal").into_inner().regarding, own);
        let given = house.task(&hidden, &bob).await;
        assert_eq!(update(&given, &hidden, &[]).await.expect("it stays").into_inner().subject, "look again");
        house.sandbox.stop().await;
    }

    /// R-SEC-1: nobody's deal comes from a lead that he does not see, for whoever wins the deal closes its lead; what one
    /// has read in a deal of one's own one may send back.
    async fn a_deal_is_not_told_to_come_from_a_lead_that_is_not_seen(db: TestDb) {
        let house = House::open(&db).await;
        let [bob, carl] = [house.employ("Bob", "").await, house.employ("Carl", "").await];
        let lead = house.lead("carl's lead", &carl).await;
        let own = house.whole_deal(&bob, &[]).await;
        let rep = house.seen_by(&bob, "sales_rep");
        let sale = Opportunity { name: own.clone(), title: "from it".to_owned(), lead: lead.clone(), ..Opportunity::default() };
        let update = |opportunity: &Opportunity, paths: &[&str]| UpdateOpportunityRequest {
            opportunity: Some(opportunity.clone()),
            update_mask: Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() }),
            request_id: new_id(),
            ..Default::default()
        };
        let create = CreateOpportunityRequest { opportunity: Some(sale.clone()), request_id: new_id(), ..Default::default() };
        let start = StartDealRequest {
            opportunity: Some(sale.clone()),
            process: "Corporate sale".to_owned(),
            request_id: new_id(),
            ..Default::default()
        };
        let refused = [
            rep.opportunities.clone().update_opportunity(rep.ask(update(&sale, &["lead"]))).await.err(),
            rep.opportunities.clone().update_opportunity(rep.ask(update(&sale, &[]))).await.err(),
            rep.opportunities.clone().create_opportunity(rep.ask(create)).await.err(),
            rep.deals.clone().start_deal(rep.ask(start)).await.err(),
        ];
        for status in refused {
            let refused = refusal(&status.expect("he does not see the lead"));
            assert_eq!((refused.code, refused.field_names()), (tonic::Code::InvalidArgument, vec!["opportunity.lead"]));
        }
        let api = &house.sandbox.api;
        api.opportunities.clone().update_opportunity(api.ask(update(&sale, &["lead"]))).await.expect("an admin may");
        let read = rep.opportunities.clone().get_opportunity(rep.ask(GetOpportunityRequest { name: own.clone() })).await;
        let read = read.expect("it is his").into_inner();
        assert_eq!(read.lead, lead);
        rep.opportunities.clone().update_opportunity(rep.ask(update(&read, &[]))).await.expect("nothing is new in it");
        house.sandbox.stop().await;
    }

    /// R-SEC-1: a call that names a deal which its caller sees first, and one that he does not in a second message, does
    /// nothing in either.
    async fn a_call_that_reads_in_two_ways_is_refused(db: TestDb) {
        let house = House::open(&db).await;
        let [ann, carl] = [house.employ("Ann", "").await, house.employ("Carl", "").await];
        let shared = house.whole_deal(&carl, &[&ann]).await;
        let other = house.whole_deal(&carl, &[]).await;
        let member = house.seen_by(&ann, "sales_rep");
        let create = |deal: &str| CreateActivityRequest {
            activity: Some(Activity { subject: "mine".to_owned(), regarding: deal.to_owned(), ..Activity::default() }),
            request_id: new_id(),
            ..Default::default()
        };
        for [first, second] in [[&shared, &other], [&other, &shared]] {
            let ask = member.ask(()).map(|()| stream::iter([create(first), create(second)]));
            let mut wire = tonic::client::Grpc::new(house.link_to(PartName::Gateway, &ann, "sales_rep"));
            wire.ready().await.expect("it is reached");
            let path = PathAndQuery::from_static("/dealflow.activities.v1.ActivityService/CreateActivity");
            let codec = tonic_prost::ProstCodec::<CreateActivityRequest, Activity>::default();
            let refused = wire.client_streaming(ask, path, codec).await.expect_err("two messages");
            assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{refused:?}");
        }
        let api = &house.sandbox.api;
        for deal in [&shared, &other] {
            let panel = api.tasks.clone().get_action_panel(api.ask(GetActionPanelRequest { regarding: deal.clone() })).await;
            assert_eq!(panel.expect("it is shown").into_inner().activities, [], "nothing was made");
        }
        house.sandbox.stop().await;
    }
}
