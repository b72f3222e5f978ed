//! Process files and stages that nobody would write (R-PRC-3).

use dealflow_opportunities::library::{Faults, Process, SHIPPED, Stages};
use dealflow_testbed::{Said, fuzz};

const WORDS: &[&str] = &[
    "id: ",
    "captions:\n  en: a\n  ru: b\n",
    "control: FREE\n",
    "control: GATED\n",
    "stages:\n",
    "- stage: proposal\n",
    "activities: []\n",
    "  - code: x\n",
    "results:\n",
    "effect: advance\n",
    "{goto: proposal}",
    "{create: x}",
    "{lose: price}",
    "{wait: 366}",
    "required: true\n",
    "due_days: -1\n",
    "on_entry: false\n",
    "fields: [[]]\n",
    "documents: []\n",
    "knowledge: [a]\n",
    "&a ",
    "*a",
    "<<: *a\n",
    "!!str ",
    "!!binary ",
    "---\n",
    "...\n",
    "? ",
    "|-\n",
    ">+\n",
    "[[[[[[[[",
    "{{{{{{{{",
    "\t",
    "  ",
    "'",
    "\"",
    "# ",
    "~",
    "null",
    "0x10",
    ".inf",
    "\u{85}",
    "\u{2028}",
];

/// Each fault has a place, and something to say.
fn told<T>(text: &str, read: &Result<T, Faults>) -> Said {
    let Err(refused) = read else { return Said::Yes };
    assert!(!refused.faults.is_empty(), "it is refused for nothing");
    let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count() as u64;
    for fault in &refused.faults {
        assert!(
            !fault.reason.is_empty() && fault.line <= lines + 1,
            "line {} of {lines}: {}",
            fault.line,
            fault.reason
        );
    }
    Said::No(refused.faults.iter().map(|fault| fault.reason.as_str()).collect())
}

/// R-PRC-3: a process file is read, the same every time, or refused with all that is wrong and where.
#[test]
fn fuzz_process() {
    let stages = Stages::shipped().expect("they ship");
    let small: &[u8] =
        b"id: short\ncaptions: {en: Short, ru: S}\ncontrol: FREE\nstages:\n- stage: qualification\n  activities: []\n";
    let shipped: Vec<&[u8]> = SHIPPED.iter().map(|(_, body)| body.as_bytes()).chain([small]).collect();
    fuzz("process file", &shipped, WORDS, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return Said::No("no UTF-8".to_owned()) };
        let read = Process::parse("fuzz.yaml", text, &stages);
        if let Ok(process) = &read {
            assert_eq!(Process::parse("fuzz.yaml", text, &stages).ok().as_ref(), Some(process));
            assert!(
                process.stages.iter().all(|stage| stages.get(&stage.stage.value).is_some()),
                "a stage that there is not"
            );
        }
        told(text, &read)
    });
}

/// R-STG-1: the lookup of stages likewise.
#[test]
fn fuzz_stages() {
    let shipped = include_bytes!("../../processes/stages.yaml");
    fuzz("stages file", &[shipped], WORDS, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return Said::No("no UTF-8".to_owned()) };
        told(text, &Stages::parse("fuzz.yaml", text))
    });
}
