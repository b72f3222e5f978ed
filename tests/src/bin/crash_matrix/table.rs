//! What the matrix shows: a row for each call and each commit, a column for each moment on each database.

use dealflow::show;
use dealflow_testbed::Kind;
use dealflow_tests::verbs::Verb;
use serde_json::{Value, json};

use crate::case::Verdict;
use crate::points::{Moment, Point};

/// What became of one death.
pub(crate) struct Death {
    pub(crate) verb: Verb,
    pub(crate) kind: Kind,
    pub(crate) point: Point,
    pub(crate) verdict: Verdict,
}

/// All deaths of a run.
pub(crate) struct Matrix {
    pub(crate) deaths: Vec<Death>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) seconds: f64,
}

pub(crate) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "sqlite",
        Kind::Postgres => "postgres",
    }
}

impl Matrix {
    /// The table, the summary, and what is wrong with how to repeat it.
    pub(crate) fn print(&self) {
        let columns = self.columns();
        let mut header = vec!["verb".to_owned(), "call or commit".to_owned()];
        header.extend(columns.iter().map(|(kind, moment)| format!("{} {}", word(*kind), moment.word())));
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let mut table = show::table(&header);
        for (verb, site) in self.rows() {
            let mut row = vec![verb.word(), site.to_owned()];
            row.extend(columns.iter().map(|(kind, moment)| self.cell(verb, site, *kind, *moment).to_owned()));
            table.add_row(row);
        }
        println!("{table}");
        println!("{}", self.summary());
        for death in &self.deaths {
            if let Verdict::Failed(reason) = &death.verdict {
                println!("\n{} on {}, {}:\n{reason}", death.verb.word(), word(death.kind), death.point);
                println!(
                    "again: crash_matrix --verb {} --database {} --point '{}'",
                    death.verb.word(),
                    word(death.kind),
                    death.point
                );
            }
        }
    }

    /// The same for machines.
    pub(crate) fn json(&self) -> Value {
        let deaths: Vec<Value> = self.deaths.iter().map(Death::json).collect();
        json!({
            "deaths": deaths,
            "consistent": self.count(|verdict| *verdict == Verdict::Consistent),
            "failed": self.failed(),
            "not_reached": self.count(|verdict| *verdict == Verdict::NotReached),
            "seconds": self.seconds,
        })
    }

    pub(crate) fn failed(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    pub(crate) fn consistent(&self) -> usize {
        self.count(|verdict| *verdict == Verdict::Consistent)
    }

    pub(crate) fn summary(&self) -> String {
        let mut verbs: Vec<Verb> = self.deaths.iter().map(|death| death.verb).collect();
        verbs.dedup();
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| word(*kind)).collect();
        format!(
            "crash matrix: {} verbs, {} calls and commits, on {}: {} deaths by SIGKILL, {} consistent, {} FAILED; {} points \
             not reached; {:.0} s",
            verbs.len(),
            self.rows().len(),
            kinds.join(" and "),
            self.consistent() + self.failed(),
            self.consistent(),
            self.failed(),
            self.count(|verdict| *verdict == Verdict::NotReached),
            self.seconds,
        )
    }

    fn count(&self, of: impl Fn(&Verdict) -> bool) -> usize {
        self.deaths.iter().filter(|death| of(&death.verdict)).count()
    }

    fn columns(&self) -> Vec<(Kind, Moment)> {
        self.kinds.iter().flat_map(|kind| Moment::ALL.map(|moment| (*kind, moment))).collect()
    }

    /// Verb by verb, in the order of the way.
    fn rows(&self) -> Vec<(Verb, &str)> {
        let mut rows: Vec<(Verb, &str)> = Vec::new();
        for death in &self.deaths {
            let row = (death.verb, death.point.site.as_str());
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        rows
    }

    fn cell(&self, verb: Verb, site: &str, kind: Kind, moment: Moment) -> &'static str {
        let here = |death: &&Death| {
            (death.verb, death.kind, death.point.moment) == (verb, kind, moment) && death.point.site == site
        };
        match self.deaths.iter().find(here).map(|death| &death.verdict) {
            None => "-",
            Some(Verdict::Consistent) => "ok",
            Some(Verdict::Failed(_)) => "FAILED",
            Some(Verdict::NotReached) => "not reached",
        }
    }
}

impl Death {
    fn json(&self) -> Value {
        let (verdict, reason) = match &self.verdict {
            Verdict::Consistent => ("consistent", None),
            Verdict::Failed(reason) => ("failed", Some(reason)),
            Verdict::NotReached => ("not reached", None),
        };
        json!({
            "verb": self.verb.word(),
            "database": word(self.kind),
            "site": self.point.site,
            "moment": self.point.moment.word(),
            "verdict": verdict,
            "reason": reason,
        })
    }
}
