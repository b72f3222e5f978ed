//! The shape of every life cycle: one total `match`, and a refusal that says what would be accepted.

use std::fmt;

use dealflow_proto::errors::v1::ErrorReason;

use crate::refusal::{Kind, Refusal};

/// A record's states and what each accepts. `next` is the one table (`states.md`); everything else follows from it.
pub trait Lifecycle: Copy + Eq + fmt::Display + Sized + 'static {
    /// The verbs, named as the RPCs are.
    type Verb: Copy + Eq + fmt::Display + 'static;
    /// What the record is called, e.g. `quote`.
    const NOUN: &'static str;
    /// All states.
    const STATES: &'static [Self];
    /// All verbs.
    const VERBS: &'static [Self::Verb];

    /// The state that the verb leads to, or `None` where this state does not accept it.
    fn next(self, verb: Self::Verb) -> Option<Self>;

    /// The verbs that this state accepts.
    fn allowed(self) -> Vec<Self::Verb> {
        Self::VERBS.iter().copied().filter(|verb| self.next(*verb).is_some()).collect()
    }

    /// True where no verb is accepted any more.
    fn is_final(self) -> bool {
        self.allowed().is_empty()
    }

    /// The next state, or a refusal that names the present state and the allowed verbs.
    fn accept(self, verb: Self::Verb) -> Result<Self, Refusal> {
        self.next(verb).ok_or_else(|| {
            let allowed: Vec<String> = self.allowed().iter().map(ToString::to_string).collect();
            let list = allowed.join(", ");
            let noun = Self::NOUN;
            let a = if self.to_string().starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
            let (reason, message) = if allowed.is_empty() {
                (ErrorReason::Terminal, format!("{a} {self} {noun} is final and changes no more; {verb} is refused"))
            } else {
                (ErrorReason::StateRefusesVerb, format!("{a} {self} {noun} does not accept {verb}; it accepts {list}"))
            };
            Refusal::new(Kind::Precondition, reason, message)
                .with("state", self.to_string())
                .with("verb", verb.to_string())
                .with("allowed", list)
                .precondition("STATE", noun, &format!("is {self}"))
        })
    }
}
