//! What qualifying a lead does beside the lead: account and contact are linked or made (R-LED-4, R-ACC-1).

use dealflow_chassis::{Change, Refusal, Work};
use dealflow_proto::Violation;
use dealflow_proto::leads::v1::QualifyLeadRequest;
use dealflow_proto::names;

use crate::duplicates::Keys;
use crate::error::Error;
use crate::{account, contact, lead, wire};

/// What is decided for one of both records.
enum Choice<R> {
    /// This one.
    Link(R),
    /// A new one.
    Make,
    /// None: the lead says nothing of it.
    Skip,
}

/// Links or makes account and contact, and the account becomes a customer; refused while duplicates are undecided.
pub(super) async fn qualify(
    work: &mut Work,
    lead: lead::Model,
    ask: &QualifyLeadRequest,
) -> Result<lead::Model, Error> {
    check_choices(&lead, ask)?;
    let keys = Keys::of(&lead);
    keys.lock(&work.tx).await?;
    let linked = linked_contact(work, ask).await?;
    let (account, mut candidates) = choose_account(work, &lead, ask, &keys, linked.as_ref()).await?;

    let undecided: Vec<_> = candidates.iter().map(|account| account.id).collect();
    let mut doubts: Vec<_> = candidates.drain(..).map(|account| keys.account_candidate(&account)).collect();
    let mut at = undecided;
    if let Choice::Link(account) = &account {
        at.push(account.id);
    }
    let contact = match linked {
        Some(contact) => Choice::Link(contact),
        None if lead.given_name.trim().is_empty() && lead.family_name.trim().is_empty() => Choice::Skip,
        None => {
            if !ask.create_contact {
                let known = keys.contacts(&work.tx, &at).await?;
                doubts.extend(known.iter().map(|contact| keys.contact_candidate(contact)));
            }
            Choice::Make
        }
    };
    if !doubts.is_empty() {
        return Err(Error::Undecided { lead: lead.name(), candidates: doubts });
    }
    let account = settle_account(work, &lead, account).await?;
    let contact = settle_contact(work, &lead, contact, account).await?;
    Ok(lead::Model { account, contact, ..lead })
}

/// Link or create, not both; and nothing is created from nothing.
fn check_choices(lead: &lead::Model, ask: &QualifyLeadRequest) -> Result<(), Error> {
    let both = [
        ("account", "create_account", !ask.account.is_empty() && ask.create_account),
        ("contact", "create_contact", !ask.contact.is_empty() && ask.create_contact),
    ];
    let wrong: Vec<Violation> = both
        .iter()
        .filter(|(_, _, both)| *both)
        .map(|(link, create, _)| Violation {
            field: (*create).to_owned(),
            description: format!("either {link} or {create}, not both"),
        })
        .collect();
    if !wrong.is_empty() {
        return Err(Refusal::fields(wrong).into());
    }
    let nameless = lead.given_name.trim().is_empty() && lead.family_name.trim().is_empty();
    let nothing = |what, field| Err(Error::NothingToMake { lead: lead.name(), what, field });
    if ask.create_account && lead.company_name.trim().is_empty() {
        return nothing("an account", "company_name");
    }
    if ask.create_contact && nameless {
        return nothing("a contact", "family_name");
    }
    Ok(())
}

async fn linked_contact(work: &Work, ask: &QualifyLeadRequest) -> Result<Option<contact::Model>, Error> {
    if ask.contact.is_empty() {
        return Ok(None);
    }
    let contact = contact::lock(&work.tx, "contact", &ask.contact).await?;
    contact.check_there()?;
    Ok(Some(contact))
}

/// The account, or those among which the caller must decide. A linked contact decides for its own account.
async fn choose_account(
    work: &Work,
    lead: &lead::Model,
    ask: &QualifyLeadRequest,
    keys: &Keys,
    linked: Option<&contact::Model>,
) -> Result<(Choice<account::Model>, Vec<account::Model>), Error> {
    let theirs = linked.and_then(|contact| contact.account).map(|id| names::ACCOUNTS.name(id));
    if let (Some(theirs), Some(contact)) = (&theirs, linked) {
        let other = ask.create_account || !ask.account.is_empty() && ask.account != *theirs;
        if other {
            let account = if ask.create_account { "a new account" } else { &ask.account };
            let account = account.to_owned();
            return Err(Error::OtherAccount { contact: contact.name(), theirs: theirs.clone(), account });
        }
    }
    let decided = if ask.account.is_empty() { theirs.unwrap_or_default() } else { ask.account.clone() };
    if !decided.is_empty() {
        let account = account::lock(&work.tx, "account", &decided).await?;
        return Ok((Choice::Link(account), Vec::new()));
    }
    if lead.company_name.trim().is_empty() {
        return Ok((Choice::Skip, Vec::new()));
    }
    let known = if ask.create_account { Vec::new() } else { keys.accounts(&work.tx).await? };
    Ok((Choice::Make, known))
}

/// The account as it is to be: a customer, new or linked.
async fn settle_account(
    work: &mut Work,
    lead: &lead::Model,
    choice: Choice<account::Model>,
) -> Result<Option<uuid::Uuid>, Error> {
    let (account, customer) = match choice {
        Choice::Skip => return Ok(None),
        Choice::Link(account) => match account.become_customer(&work.context.actor, work.now) {
            None => return Ok(Some(account.id)),
            Some(customer) => (account::save(&work.tx, customer, work.now).await?, true),
        },
        Choice::Make => {
            let account = account::Model::of_lead(lead, work.now);
            let customer = account.become_customer(&work.context.actor, work.now).unwrap_or(account);
            (account::insert(&work.tx, customer).await?, false)
        }
    };
    let answer = wire::account::answer(&account);
    let mut record = |kind| {
        let change = Change::new(kind, account.name(), "QualifyLead").thread(lead.name());
        work.record(change.data(&answer));
    };
    if !customer {
        record("account.created");
    }
    record("account.customer");
    Ok(Some(account.id))
}

/// The contact as it is to be: at the account, new or linked.
async fn settle_contact(
    work: &mut Work,
    lead: &lead::Model,
    choice: Choice<contact::Model>,
    account: Option<uuid::Uuid>,
) -> Result<Option<uuid::Uuid>, Error> {
    let (contact, kind) = match choice {
        Choice::Skip => return Ok(None),
        Choice::Link(contact) if contact.account.is_some() || account.is_none() => {
            return Ok(Some(contact.id));
        }
        Choice::Link(contact) => {
            let contact = contact::Model { account, ..contact };
            (contact::save(&work.tx, contact, work.now).await?, "contact.updated")
        }
        Choice::Make => {
            let contact = contact::Model::of_lead(lead, account, work.now);
            (contact::insert(&work.tx, contact).await?, "contact.created")
        }
    };
    let change = Change::new(kind, contact.name(), "QualifyLead").thread(lead.name());
    work.record(change.data(&wire::contact::answer(&contact)));
    Ok(Some(contact.id))
}
