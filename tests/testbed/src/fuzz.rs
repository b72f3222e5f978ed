//! Inputs that nobody would write: each parser of ours is given thousands a second, and has to hold to its word.
//!
//! A target is a test beside its parser, which may stay private; no other toolchain and no instrumented build is needed.
//! Inputs are mutated from seeds and words of the parser's language. What stands in for coverage is what the parser says:
//! an input that is refused in words not heard before, or accepted at a length not seen before, is kept and mutated
//! further. Each target runs for a second, or for `DEALFLOW_FUZZ_SECONDS`; the same numbers come every time, unless
//! `DEALFLOW_FUZZ_SEED` says other ones. All of them, with their figures:
//!
//! ```sh
//! DEALFLOW_FUZZ_SECONDS=60 cargo test --workspace fuzz -- --nocapture --test-threads 1
//! ```
//!
//! What is found is printed: the input made as small as it gets in two seconds, as a Rust literal for a regression test.

use std::any::Any;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a parser said to an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It took it; the target has checked that what was read goes round.
    Yes,
    /// It refused it, in these words.
    No(String),
}

impl Said {
    /// What a result says.
    pub fn of<T, E: std::fmt::Display>(result: &Result<T, E>) -> Self {
        match result {
            Ok(_) => Self::Yes,
            Err(error) => Self::No(error.to_string()),
        }
    }
}

/// The longest input.
const LONGEST: usize = 4096;
/// Inputs that are kept.
const KEPT: usize = 2000;
/// One input may take so long on a machine that does much else; more is a hang.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a finding is made smaller.
const SHRINKING: Duration = Duration::from_secs(2);

/// What a run came to.
#[derive(Debug, Default)]
struct Run {
    executions: u64,
    accepted: u64,
    slowest: Duration,
    heard: HashSet<String>,
}

/// Gives a parser inputs for as long as it is asked to. `attempt` panics where the parser breaks its word.
///
/// # Panics
///
/// When the parser panicked, broke an invariant, or took too long; the input is printed.
pub fn fuzz(name: &str, seeds: &[&[u8]], words: &[&str], mut attempt: impl FnMut(&[u8]) -> Said) {
    let (seconds, seed) = (said("DEALFLOW_FUZZ_SECONDS").unwrap_or(1), said("DEALFLOW_FUZZ_SEED").unwrap_or(1));
    let mut inputs = Inputs::new(seeds, words, seed);
    let mut run = Run::default();
    let watched = Watched::begin(name);
    let begun = Instant::now();
    while run.executions < seeds.len() as u64 || begun.elapsed() < Duration::from_secs(seconds) {
        let input = inputs.next(run.executions);
        watched.at(&input);
        let began = Instant::now();
        let said = match catch_unwind(AssertUnwindSafe(|| attempt(&input))) {
            Ok(said) => said,
            Err(panic) => found(name, &input, &text(&*panic), &mut attempt),
        };
        run.slowest = run.slowest.max(began.elapsed());
        run.executions += 1;
        run.accepted += u64::from(said == Said::Yes);
        if run.heard.insert(kind(&said, input.len())) {
            inputs.keep(input);
        }
    }
    watched.end();
    let took = begun.elapsed().as_secs_f64();
    let (executions, accepted) = (run.executions, run.accepted);
    println!(
        "fuzz {name}: {took:.1} s, {executions} executions ({:.0}/s), {accepted} accepted, {} refused in {} ways, slowest \
         {:.1} ms, {} inputs kept, seed {seed}",
        executions as f64 / took,
        executions - accepted,
        run.heard.iter().filter(|said| !said.starts_with(YES)).count(),
        run.slowest.as_secs_f64() * 1000.0,
        inputs.corpus.len(),
    );
}

fn said(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// What begins the kind of an input that was accepted.
const YES: &str = "accepted";

/// What tells one answer from another: the words without what they quote of the input, or how long it was.
fn kind(said: &Said, length: usize) -> String {
    let Said::No(words) = said else { return format!("{YES}: 2^{}", length.max(1).ilog2()) };
    let mut kind = String::new();
    let mut quoted = None;
    for c in words.chars().take(400) {
        match quoted {
            Some(quote) if c == quote => quoted = None,
            Some(_) => {}
            None if c == '`' || c == '"' => quoted = Some(c),
            None if c.is_ascii_alphabetic() || c == ' ' => kind.push(c),
            None => {}
        }
    }
    kind.truncate(120);
    kind
}

/// What a panic said.
pub(crate) fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Makes the input smaller as long as it still breaks something, and tells it.
fn found(name: &str, input: &[u8], why: &str, attempt: &mut impl FnMut(&[u8]) -> Said) -> ! {
    let mut smallest = input.to_vec();
    let begun = Instant::now();
    let mut step = smallest.len().div_ceil(2).max(1);
    while begun.elapsed() < SHRINKING && !smallest.is_empty() {
        let mut at = 0;
        let before = smallest.len();
        while at < smallest.len() && begun.elapsed() < SHRINKING {
            let mut less = smallest.clone();
            less.drain(at..(at + step).min(smallest.len()));
            match catch_unwind(AssertUnwindSafe(|| attempt(&less))) {
                Err(_) => smallest = less,
                Ok(_) => at += step,
            }
        }
        if step == 1 && smallest.len() == before {
            break;
        }
        step = (step / 2).max(1);
    }
    panic!("fuzz {name}: {why}\nby b\"{}\"", smallest.escape_ascii());
}

/// Ends the process where an input does not come to its end: nothing else can stop a parser that runs in circles.
struct Watched {
    at: Arc<Mutex<(Instant, Vec<u8>)>>,
    over: Arc<AtomicBool>,
}

impl Watched {
    fn begin(name: &str) -> Self {
        let watched = Self { at: Arc::new(Mutex::new((Instant::now(), Vec::new()))), over: Arc::default() };
        let (at, over, name) = (watched.at.clone(), watched.over.clone(), name.to_owned());
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(250));
                let (since, input) = &*at.lock().unwrap_or_else(PoisonError::into_inner);
                if since.elapsed() > PATIENCE && !over.load(Ordering::Relaxed) {
                    eprintln!("fuzz {name}: it takes longer than {PATIENCE:?}\nby b\"{}\"", input.escape_ascii());
                    std::process::abort();
                }
            }
        });
        watched
    }

    fn at(&self, input: &[u8]) {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.0 = Instant::now();
        at.1.clear();
        at.1.extend_from_slice(input);
    }

    fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.end();
    }
}

/// Where inputs come from.
struct Inputs {
    corpus: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
    state: u64,
}

/// What trips parsers of every kind.
const ANY: [&str; 18] = [
    "",
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1e400",
    "0.0000000000000000000000000001",
    "79228162514264337593543950335",
    "\0",
    "\u{feff}",
    "\u{202e}",
    "é",
    "ß",
    "İ",
    "𝒳",
    "\r\n",
    "%s",
];

impl Inputs {
    fn new(seeds: &[&[u8]], words: &[&str], state: u64) -> Self {
        let mut corpus: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.to_vec()).collect();
        corpus.push(Vec::new());
        let words = words.iter().chain(&ANY).map(|word| word.as_bytes().to_vec()).collect();
        Self { corpus, words, state }
    }

    fn keep(&mut self, input: Vec<u8>) {
        if self.corpus.len() < KEPT {
            self.corpus.push(input);
        }
    }

    /// The seeds as they are, then what becomes of them.
    fn next(&mut self, number: u64) -> Vec<u8> {
        if let Some(seed) =
            usize::try_from(number).ok().and_then(|number| self.corpus.get(number)).filter(|_| number < 64)
        {
            return seed.clone();
        }
        let place = self.below(self.corpus.len());
        let mut input = self.corpus[place].clone();
        for _ in 0..=self.below(5) {
            self.mutate(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = (at + self.below(16)).min(input.len());
        match self.below(9) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.byte(),
            2 => drop(input.drain(at..end)),
            3 => {
                let piece = input[at..end].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, piece.repeat(1 + self.below(4)));
            }
            4 => {
                let place = self.below(self.corpus.len());
                let other = self.corpus[place].clone();
                let from = self.below(other.len() + 1);
                input.splice(at..end, other[from..(from + self.below(64)).min(other.len())].iter().copied());
            }
            5 => input.truncate(at),
            6 if input.len() < LONGEST / 4 => {
                let piece = input.clone();
                input.extend(piece);
            }
            7 => {
                let byte = self.byte();
                input.insert(at, byte);
            }
            _ => {
                let word = self.below(self.words.len());
                let end = if self.below(2) == 0 { at } else { end };
                let word = self.words[word].clone();
                input.splice(at..end, word);
            }
        }
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or_default()
    }

    /// A number below this one (SplitMix64).
    fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut next = self.state;
        next = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        next = (next ^ (next >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        next ^= next >> 31;
        usize::try_from(next % end.max(1) as u64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The driver finds what is hidden three words deep, and tells it in few bytes.
    #[test]
    fn what_breaks_is_found_and_made_small() {
        let panic = catch_unwind(|| {
            fuzz("a parser that breaks", &[b"select x"], &["where", "limit"], |input| {
                let text = String::from_utf8_lossy(input);
                if !text.contains("select") {
                    return Said::No("no select".to_owned());
                }
                if !text.contains("where") {
                    return Said::No("no where".to_owned());
                }
                assert!(!text.contains("limit"), "a limit after where");
                Said::Yes
            });
        });
        let told = text(&*panic.expect_err("it breaks"));
        assert!(told.contains("a limit after where"), "{told}");
        let input = told.split("by b\"").nth(1).unwrap_or_default();
        assert!(input.len() <= "selectwherelimit\"".len(), "{input}");
    }
}
