//! What pages and help tell people to type is understood by the program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Command, CommandFactory as _};
use dealflow::commands::Cli;
use dealflow::suite::PartName;

use super::run_on;

/// A command as it is told to people.
struct Told {
    place: String,
    /// The words after `dealflow`.
    words: Vec<String>,
    /// Named in a sentence, where it need not be complete.
    named: bool,
}

/// The words of a shell's line, up to what is for the shell or the reader.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut quote = None;
    for sign in line.chars() {
        match (sign, quote) {
            (_, Some(open)) if sign == open => quote = None,
            (_, Some(_)) => word.get_or_insert_default().push(sign),
            ('\'' | '"', None) => {
                quote = Some(sign);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            ('#' | '|' | '>' | '&', None) if word.is_none() => return words,
            _ => word.get_or_insert_default().push(sign),
        }
    }
    words.extend(word);
    words
}

/// The words without what stands for more of the same; a secret's file would be read at once.
fn typed(line: &str) -> Vec<String> {
    let mut typed: Vec<String> = vec![];
    for word in words(line) {
        match word.as_str() {
            // Behind a flag it is the flag's value.
            "…" if !typed.last().is_some_and(|before| before.starts_with("--")) => {}
            file if file.starts_with('@') => typed.push("x".to_owned()),
            _ => typed.push(word),
        }
    }
    typed
}

/// The commands of a page: lines of its code, and what stands between backticks in its sentences.
fn of_page(path: &Path) -> Vec<Told> {
    let text = std::fs::read_to_string(path).expect("a page").replace("\\\n", " ");
    let mut told = vec![];
    let mut code = false;
    for (number, line) in text.lines().enumerate() {
        let mut tell = |line: &str, named: bool| {
            if let Some(rest) = line.strip_prefix("dealflow ") {
                let place = format!("{}, line {}: {line}", path.display(), number + 1);
                told.push(Told { place, words: typed(rest), named });
            }
        };
        if line.trim_start().starts_with("```") {
            code = !code;
        } else if code {
            tell(line.trim_start().trim_start_matches("$ "), false);
        } else {
            line.split('`').skip(1).step_by(2).for_each(|span| tell(span, true));
        }
    }
    told
}

/// The examples in the help of a command and of those under it: each a line, with what it does behind a gap.
fn of_help(command: &Command, path: &str, told: &mut Vec<Told>) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default().replace("\\\n", " ");
    for line in help.lines() {
        if let Some(rest) = line.trim_start().strip_prefix("dealflow ").filter(|_| line.starts_with("  ")) {
            let words = typed(rest.split("  ").next().unwrap_or_default());
            told.push(Told { place: format!("help of {path}: {line}"), words, named: false });
        }
    }
    for under in command.get_subcommands() {
        of_help(under, &format!("{path} {}", under.get_name()), told);
    }
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = std::fs::read_dir(root.join("docs")).expect("the docs").map(|entry| entry.expect("a page").path());
    let pages = docs.filter(|path| path.extension().is_some_and(|it| it == "md"));
    pages.chain([root.join("README.md"), root.join("helm/dealflow/templates/NOTES.txt")]).collect()
}

fn all() -> Vec<Told> {
    let mut told: Vec<Told> = pages().iter().flat_map(|page| of_page(page)).collect();
    of_help(&Cli::command(), "dealflow", &mut told);
    told
}

#[test]
fn every_command_that_pages_and_help_show_is_understood() {
    let all = all();
    let mut wrong = vec![];
    for told in &all {
        let words = std::iter::once("dealflow").chain(told.words.iter().map(String::as_str));
        let Err(error) = Cli::command().try_get_matches_from(words) else { continue };
        let fine = match error.kind() {
            ErrorKind::DisplayHelp => true,
            ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => told.named,
            _ => false,
        };
        if !fine {
            wrong.push(format!("{}\n  {}", told.place, error.to_string().lines().next().unwrap_or_default()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (shown, named) = all.iter().partition::<Vec<_>, _>(|told| !told.named);
    assert!(shown.len() > 100 && named.len() > 20, "{} shown and {} named: are they found?", shown.len(), named.len());
}

/// Platform item 26: the backup that the page of operations tells holds what every part keeps, the register of what went out as UBL
/// included. Left out are the stub's books, which stand for somebody else's system, and how far events are published, which
/// must not be older than the stream; ERPNext's adapter keeps nothing.
#[test]
fn the_backup_holds_every_schema_of_ours() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let dump = page.lines().find(|line| line.starts_with("pg_dump ")).expect("it says how to back up");
    let (_, schemas) = dump.split_once(" -n ").expect("it names schemas");
    let named: BTreeSet<&str> = schemas.split(" -n ").collect();
    let parts = PartName::ALL.into_iter().chain(PartName::BESIDE);
    let not_ours = [PartName::Erp, PartName::EventsNats, PartName::ErpErpnext];
    let ours: Vec<String> = parts.filter(|part| !not_ours.contains(part)).map(PartName::schema).collect();
    assert_eq!(named, ours.iter().map(String::as_str).collect());
}

/// Whose tasks are meant is said: an installation that asks for no tokens knows nobody by himself.
#[test]
fn every_list_of_tasks_that_pages_and_help_show_says_whose() {
    for told in all().iter().filter(|told| !told.named && told.words.first().is_some_and(|verb| verb == "tasks")) {
        let says = |flag: &&str| told.words.iter().any(|word| word == flag);
        assert!(["--of", "--unassigned"].iter().any(says), "{}: {:?}", told.place, told.words);
    }
}

#[test]
fn every_setting_that_pages_change_is_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let listed = run_on(folder.path(), &["setting", "list", "--json"]).json(0);
    let settings = listed["settings"].as_array().expect("a list");
    for told in all() {
        let [verb, what, setting, ..] = told.words.as_slice() else { continue };
        if verb == "setting" && ["set", "get"].contains(&what.as_str()) {
            // The part that it is of may be left out.
            let is_it = |name: &str| name == format!("settings/{setting}") || name.ends_with(&format!(".{setting}"));
            assert!(settings.iter().any(|it| it["name"].as_str().is_some_and(is_it)), "{}", told.place);
        }
    }
}
