//! Which role may do what: a table that an installation may replace (R-SEC-1).

use std::collections::HashMap;
use std::path::Path;

use dealflow_proto::access::v1::Permission;

use super::fresh::{FileError, Fresh};

/// The table that ships.
const SHIPPED: &str = include_str!("roles.txt");

/// The table of a file, read again when it changes; the one that ships where there is none.
pub(super) fn open(file: Option<&Path>) -> Result<Fresh<Roles>, FileError> {
    let name = file.map(|file| file.display().to_string()).unwrap_or_default();
    Fresh::open(file.map(Path::to_owned).into_iter().collect(), move |contents| match contents.first() {
        None => Ok(Roles::default()),
        Some(table) => {
            let table = std::str::from_utf8(table).map_err(|error| FileError::new(&*name, error))?;
            Roles::read(&name, table)
        }
    })
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u64);

impl Permissions {
    /// Everything, what the parts of the suite ask of each other included.
    pub(crate) const ALL: Self = Self(u64::MAX);

    /// Whether this is among them.
    #[must_use]
    pub fn contain(self, permission: Permission) -> bool {
        self.0 & Self::of(permission).0 != 0
    }

    fn of(permission: Permission) -> Self {
        Self(1_u64.checked_shl(permission as u32).unwrap_or_default())
    }

    fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }
}

/// What each role may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles(HashMap<String, Permissions>);

impl Default for Roles {
    fn default() -> Self {
        Self::read("the roles that ship", SHIPPED).expect("a test reads the table that ships")
    }
}

impl Roles {
    /// Reads a table; `file` is named where it cannot be read.
    ///
    /// # Errors
    ///
    /// When a line is no role, or names a permission or a role that there is not.
    pub fn read(file: &str, text: &str) -> Result<Self, FileError> {
        let words: HashMap<String, Permissions> =
            Permission::all().map(|permission| (permission.word(), Permissions::of(permission))).collect();
        let parts = Permissions::of(Permission::Parts);
        let everything = Permissions(words.values().fold(0, |all, one| all | one.0) & !parts.0);
        let mut roles: HashMap<String, Permissions> = HashMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let bad = |why: String| FileError::new(file, format!("line {number}: {why}"));
            let (role, given) = line.split_once(':').ok_or_else(|| bad("expected is ROLE: PERMISSION…".to_owned()))?;
            let mut may = roles.get(role.trim()).copied().unwrap_or_default();
            for word in given.split_whitespace() {
                let more = match (word, word.strip_prefix('+')) {
                    ("*", _) => Some(everything),
                    (_, Some(other)) => roles.get(other).copied(),
                    // Nobody outside becomes a part by a table.
                    _ => words.get(word).copied().filter(|one| *one != parts),
                };
                may = may.with(more.ok_or_else(|| bad(format!("there is no {word} to give")))?);
            }
            roles.insert(role.trim().to_owned(), may);
        }
        Ok(Self(roles))
    }

    /// The names of the roles, in alphabetical order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// What these roles may do together; one that there is not may nothing.
    pub fn permissions<'a>(&self, roles: impl IntoIterator<Item = &'a str>) -> Permissions {
        let given = roles.into_iter().filter_map(|role| self.0.get(role).copied());
        given.fold(Permissions::default(), Permissions::with)
    }

    /// Whether there is such a role.
    pub(crate) fn know(&self, role: &str) -> bool {
        self.0.contains_key(role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-SEC-1: a table that gives what there is not is refused with its line, and nobody becomes a part by it.
    #[test]
    fn a_table_gives_only_what_there_is_to_give() {
        let roles = Roles::read("table", "a: deals_read\nb: +a deals_write # more\n\nc: *").expect("it reads");
        let may = |role: &str, permission| roles.permissions([role]).contain(permission);
        assert!(may("a", Permission::DealsRead) && !may("a", Permission::DealsWrite));
        assert!(may("b", Permission::DealsRead) && may("b", Permission::DealsWrite));
        assert!(may("c", Permission::Privacy) && !may("c", Permission::Parts));
        assert!(!may("d", Permission::DealsRead));
        for (table, line) in [("a: deals_fly", 1), ("# x\na: +b", 2), ("a", 1), ("a: parts", 1)] {
            let refused = Roles::read("table", table).expect_err(table).to_string();
            assert!(refused.contains(&format!("line {line}")), "{refused}");
        }
        assert_eq!(
            Roles::default().names(),
            ["admin", "auditor", "operator", "sales_manager", "sales_ops", "sales_rep", "service"]
        );
    }
}
