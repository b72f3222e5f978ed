//! Business interactions (R-ACT-5).

use chrono::TimeDelta;
use dealflow_proto::activities::v1::interaction::{Channel, Direction};
use dealflow_proto::activities::v1::*;
use dealflow_proto::convert::timestamp;
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::{Code, Status};

use crate::desk::{Desk, opportunity};

impl Desk {
    async fn record(&mut self, interaction: Interaction) -> Result<Interaction, Status> {
        let ask = CreateInteractionRequest { interaction: Some(interaction), request_id: id(), ..Default::default() };
        Ok(self.interactions.create_interaction(ask).await?.into_inner())
    }
}

fn call(regarding: &str) -> Interaction {
    Interaction {
        regarding: regarding.to_owned(),
        channel: Channel::Phone.into(),
        subject: "Asked for the drawings".to_owned(),
        ..Default::default()
    }
}

both! {
    /// R-ACT-5: an interaction keeps with whom, by which way, when and what was said, and stands in its deal's thread.
    async fn an_interaction_is_part_of_its_deals_timeline(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let deal = opportunity();
        let hour_ago = timestamp(desk.clock.now() - TimeDelta::hours(1));
        let sent = Interaction {
            contact: format!("contacts/{}", id()),
            direction: Direction::Outbound.into(),
            notes: "Frau Berg schickt sie morgen. Отправит завтра.".to_owned(),
            interaction_time: Some(hour_ago),
            participants: vec![format!("employees/{}", id()), "Herr Klein".to_owned()],
            ..call(&deal)
        };
        let recorded = desk.record(sent.clone()).await.expect("recorded");
        let kept = Interaction {
            name: recorded.name.clone(),
            etag: "1".to_owned(),
            create_time: Some(timestamp(desk.clock.now())),
            update_time: Some(timestamp(desk.clock.now())),
            author: "anonymous".to_owned(),
            ..sent
        };
        assert_eq!(recorded, kept);
        let read = desk.interactions.get_interaction(GetInteractionRequest { name: recorded.name.clone() }).await;
        assert_eq!(read.expect("read").into_inner(), recorded);
        let events = desk.thread(&deal).await;
        let told: Vec<_> = events.iter().map(|event| (event.r#type.as_str(), event.reason.as_str())).collect();
        assert_eq!(told, [("interaction.recorded", "Asked for the drawings")]);

        let news = Interaction { name: recorded.name.clone(), notes: "He sends them today".to_owned(), ..Default::default() };
        let ask = UpdateInteractionRequest { interaction: Some(news), etag: "1".to_owned(), request_id: id(), ..Default::default() };
        let corrected = desk.interactions.update_interaction(ask).await.expect("corrected").into_inner();
        assert_eq!((corrected.notes.as_str(), corrected.subject.as_str()), ("He sends them today", "Asked for the drawings"));
        assert_eq!(desk.thread(&deal).await.len(), 2);
    }

    /// R-ACT-5: interactions are found by deal, contact and channel, the latest first; nothing was said in the future.
    async fn interactions_are_found_by_deal_contact_and_channel(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let (deal, contact) = (opportunity(), format!("contacts/{}", id()));
        let early = Some(timestamp(desk.clock.now() - TimeDelta::days(1)));
        desk.record(call(&deal)).await.expect("recorded");
        let mail = Interaction { channel: Channel::Email.into(), subject: "Sent".to_owned(), contact: contact.clone(), interaction_time: early, ..call(&deal) };
        desk.record(mail).await.expect("recorded");
        desk.record(call(&opportunity())).await.expect("recorded");
        let found = |filter: String| {
            let mut desk = desk.clone();
            async move {
                let ask = ListInteractionsRequest { filter, ..Default::default() };
                let page = desk.interactions.list_interactions(ask).await.expect("listed").into_inner();
                page.interactions.into_iter().map(|it| it.subject).collect::<Vec<_>>()
            }
        };
        assert_eq!(found(format!("regarding = \"{deal}\"")).await, ["Asked for the drawings", "Sent"]);
        assert_eq!(found(format!("contact = \"{contact}\"")).await, ["Sent"]);
        assert_eq!(found("channel = \"EMAIL\"".to_owned()).await, ["Sent"]);
        let tomorrow = Some(timestamp(desk.clock.now() + TimeDelta::days(1)));
        let wrong = [
            (Interaction { interaction_time: tomorrow, ..call(&deal) }, "interaction.interaction_time"),
            (Interaction { regarding: "the deal".to_owned(), ..call(&deal) }, "interaction.regarding"),
            (Interaction { channel: 0, ..call(&deal) }, "interaction.channel"),
            (Interaction { contact: "Erika".to_owned(), ..call(&deal) }, "interaction.contact"),
        ];
        for (interaction, field) in wrong {
            let no = refusal(&desk.record(interaction).await.expect_err(field));
            assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec![field]));
        }
    }
}
