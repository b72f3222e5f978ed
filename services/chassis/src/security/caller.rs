//! Who calls, and what that one may do.

use dealflow_proto::access::v1::Permission;
use http::{Extensions, HeaderValue};
use uuid::Uuid;

use super::roles::{Permissions, Roles};

/// The longest name of a caller in history.
const LONGEST: usize = 200;

/// Who calls: a person or program by its token, or a part of the suite, for somebody or for itself.
///
/// A server that asks who calls puts it into the extensions of every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// As history names it: `employees/{employee}`, `users/…`, `services/…`.
    pub actor: String,
    /// The roles that count here, by comma; what a part passes on.
    pub roles: String,
    pub(crate) permissions: Permissions,
    /// The employee that it is, where it is one.
    pub(crate) employee: Option<Uuid>,
    /// Whether it is a part that acts for the suite itself.
    pub(crate) is_part: bool,
    /// Unix seconds until which its token is believed; none where it came with none.
    pub(crate) until: Option<i64>,
}

impl Caller {
    /// A person or a program by what its token says. Names of the house's own machinery are out of reach: what is no
    /// employee stands below `users/`, or `services/` for programs.
    pub(crate) fn user(name: &str, given: &[&str], roles: &Roles) -> Option<Self> {
        let known: Vec<&str> = given.iter().copied().filter(|role| roles.know(role)).collect();
        let employee = Uuid::try_parse(name.strip_prefix("employees/").unwrap_or(name)).ok();
        let actor = match employee {
            Some(id) => format!("employees/{id}"),
            None if name.is_empty() => return None,
            None if known.contains(&"service") => format!("services/{}", visible(name)),
            None => format!("users/{}", visible(name)),
        };
        if actor.len() > LONGEST {
            return None;
        }
        Some(Self {
            actor,
            employee,
            permissions: roles.permissions(known.iter().copied()),
            roles: known.join(","),
            is_part: false,
            until: None,
        })
    }

    /// A part that passes a user's call on: the names are what the user's own part found out.
    pub(crate) fn passed_on(actor: &str, given: &str, roles: &Roles) -> Self {
        let permissions = roles.permissions(given.split(',').map(str::trim));
        Self {
            actor: actor.to_owned(),
            roles: given.to_owned(),
            permissions,
            employee: None,
            is_part: false,
            until: None,
        }
    }

    /// A part that acts for the suite: a step of a flow, a reader of the feed.
    pub(crate) fn part(actor: &str) -> Self {
        Self {
            actor: actor.to_owned(),
            roles: String::new(),
            permissions: Permissions::ALL,
            employee: None,
            is_part: true,
            until: None,
        }
    }

    /// Who calls, where the server asks for it.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get::<std::sync::Arc<Self>>().map(std::sync::Arc::as_ref)
    }

    /// Whether it is permitted to do this kind of work; a part that acts for the suite is.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contain(permission)
    }

    /// Whether it is a part that acts for the suite itself, for whatever its own caller was permitted to ask.
    #[must_use]
    pub fn is_part(&self) -> bool {
        self.is_part
    }

    pub(crate) fn actor_header(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.actor.as_str()).ok()
    }

    pub(crate) fn roles_header(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.roles.as_str()).ok()
    }
}

/// What a header and a line of a log can hold; anything else by its hexadecimal code, as in an address.
fn visible(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._@+".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-SEC-1: nobody calls himself what the suite's own machinery is called.
    #[test]
    fn a_name_in_a_token_is_an_employee_or_stays_below_users() {
        let roles = Roles::default();
        let named = |name: &str, role: &str| Caller::user(name, &[role], &roles).map(|caller| caller.actor);
        let id = "01890000-0000-7000-8000-00000000000a";
        assert_eq!(named(id, "admin"), Some(format!("employees/{id}")));
        assert_eq!(named(&format!("employees/{}", id.to_uppercase()), "admin"), Some(format!("employees/{id}")));
        assert_eq!(named("erp", "admin").as_deref(), Some("users/erp"));
        assert_eq!(named("erp", "service").as_deref(), Some("services/erp"));
        assert_eq!(named("employees/erp", "").as_deref(), Some("users/employees%2Ferp"));
        assert_eq!(named("Анна\n", "").as_deref(), Some("users/%D0%90%D0%BD%D0%BD%D0%B0%0A"));
        assert_eq!(named("", "admin"), None);
        assert_eq!(named(&"я".repeat(40), "admin"), None);
    }
}
