//! The golden matrix: which role may call which RPC, as a page that people read and review.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use dealflow_chassis::security::Roles;
use dealflow_proto::access::v1::Permission;
use dealflow_proto::methods;

/// The page as the contract and the table of roles make it.
fn page() -> String {
    let roles = Roles::default();
    let names = roles.names();
    let mut page = String::from(
        "# Who may call what\n\n\
         Each RPC asks for one permission, by an option in its `.proto` file; a role is a set of permissions, in\n\
         `services/chassis/src/security/roles.txt` or in an installation's own table (`--roles FILE`). What nobody may is for\n\
         the parts of the suite among themselves. This page is written by a test, which fails when it is not true:\n\
         `DEALFLOW_BLESS=1 cargo test -p dealflow-chassis --test serve matrix` writes it anew.\n",
    );
    let mut service = "";
    for method in methods::ALL {
        let (of, name) = method.path.trim_start_matches('/').split_once('/').expect("a service and a method");
        if of != service {
            service = of;
            let _ = write!(page, "\n## {service}\n\n| RPC | permission | {} |\n|---|---|", names.join(" | "));
            let _ = writeln!(page, "{}", ":-:|".repeat(names.len()));
        }
        let _ = write!(page, "| {name} | {} |", method.permission().word());
        for role in &names {
            let may = roles.permissions([*role]).contain(method.permission());
            page.push_str(if may { " ● |" } else { "   |" });
        }
        page.push('\n');
    }
    page
}

/// R-SEC-1: nothing becomes allowed or forbidden without a line of the page that says so.
#[test]
fn the_page_of_roles_and_rpcs_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/permissions.md");
    let page = page();
    if std::env::var_os("DEALFLOW_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let mut wrong = page.lines().filter(|line| !kept.lines().any(|known| known == *line));
    assert!(kept == page, "docs/permissions.md is not true; first line that it has not: {:?}", wrong.next());
}

/// R-SEC-1: every RPC asks for something, every permission is asked for, and some role gives it.
#[test]
fn every_permission_is_asked_for_and_given() {
    let roles = Roles::default();
    for method in methods::ALL {
        assert_ne!(method.permission(), Permission::Unspecified, "{}", method.path);
    }
    for permission in Permission::all() {
        let asked = methods::ALL.iter().any(|method| method.permission() == permission);
        let given = roles.names().iter().filter(|role| roles.permissions([**role]).contain(permission)).count();
        assert_eq!(asked, permission != Permission::RecordsAll, "{}", permission.word());
        assert_eq!(given == 0, permission == Permission::Parts, "{}: {given} roles", permission.word());
    }
    for reads_only in ["auditor"] {
        for method in methods::ALL {
            let name = method.path.rsplit('/').next().unwrap_or_default();
            let reads = ["Get", "BatchGet", "List", "Watch", "Subscribe", "Find", "Export"];
            let may = roles.permissions([reads_only]).contain(method.permission());
            assert!(!may || reads.iter().any(|verb| name.starts_with(verb)), "{reads_only} may {}", method.path);
        }
    }
}
