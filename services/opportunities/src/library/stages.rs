//! The stage lookup (R-STG-1): what each stage means, how likely its opportunities are won, how they are forecast.

use serde::Deserialize;

use super::definition::{Fault, parse};
use super::text::Text;

/// The file of the lookup that ships.
const FILE: (&str, &str) = ("stages.yaml", include_str!("../../processes/stages.yaml"));

/// What a stage means for the opportunity in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Meaning {
    /// The sale is open.
    Open,
    /// The sale is won.
    Won,
    /// The sale is lost.
    Lost,
}

/// How a stage counts in the forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ForecastCategory {
    /// Pipeline.
    Pipeline,
    /// Best case.
    BestCase,
    /// Most likely.
    MostLikely,
    /// Commit.
    Commit,
    /// Closed.
    Closed,
    /// Left out.
    Omitted,
}

/// A stage of the lookup.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The slug in its name, e.g. `closed-won`.
    pub id: String,
    /// Its name.
    pub captions: Text,
    /// What it means.
    pub meaning: Meaning,
    /// Probability of winning in percent.
    pub probability: i32,
    /// How it counts in the forecast.
    pub forecast_category: ForecastCategory,
}

/// The lookup, in order.
#[derive(Debug, Clone)]
pub struct Stages(Vec<Stage>);

impl Stages {
    /// The lookup that ships.
    pub fn shipped() -> Result<Self, Fault> {
        Self::parse(FILE.0, FILE.1)
    }

    /// Reads a lookup: unique stages, probabilities of 0 to 100, the first stage open, one won and one lost.
    pub fn parse(file: &str, text: &str) -> Result<Self, Fault> {
        let stages: Vec<Stage> = parse(file, text)?;
        let fault = |reason: String| Fault { file: file.to_owned(), line: 1, reason };
        for (index, stage) in stages.iter().enumerate() {
            if stages[..index].iter().any(|before| before.id == stage.id) {
                return Err(fault(format!("the stage `{}` stands here twice", stage.id)));
            }
            if !(0..=100).contains(&stage.probability) {
                return Err(fault(format!("the probability of `{}` is not 0 to 100", stage.id)));
            }
        }
        let count = |meaning| stages.iter().filter(|stage| stage.meaning == meaning).count();
        if stages.first().is_none_or(|first| first.meaning != Meaning::Open) {
            return Err(fault("the first stage is not open".to_owned()));
        }
        if count(Meaning::Won) != 1 || count(Meaning::Lost) != 1 {
            return Err(fault("one stage must mean WON and one LOST".to_owned()));
        }
        Ok(Self(stages))
    }

    /// All stages, in order.
    pub fn all(&self) -> &[Stage] {
        &self.0
    }

    /// The stage of a slug.
    pub fn get(&self, id: &str) -> Option<&Stage> {
        self.0.iter().find(|stage| stage.id == id)
    }

    /// The stages in which a sale is open.
    pub fn open(&self) -> impl Iterator<Item = &Stage> {
        self.0.iter().filter(|stage| stage.meaning == Meaning::Open)
    }

    /// Where an opportunity starts that no process leads.
    pub fn first(&self) -> &Stage {
        self.0.first().expect("a lookup without stages is refused when it is read")
    }

    /// The stage in which a won, or a lost, opportunity ends.
    pub fn last(&self, meaning: Meaning) -> &Stage {
        let mut found = self.0.iter().filter(|stage| stage.meaning == meaning);
        found.next().expect("a lookup without a won and a lost stage is refused when it is read")
    }

    /// Place of a stage in the order, from 1; behind all others where it is not known.
    pub fn position(&self, id: &str) -> usize {
        self.0.iter().position(|stage| stage.id == id).unwrap_or(self.0.len()) + 1
    }
}
