//! Where everything of a picture stands: stages are bands from top to bottom, their activities cards in rows.
//!
//! A picture has no font to measure with, so widths are those of common fonts, rounded up.

use super::super::Meaning;
use super::{ActivityDrawing, Drawing, StageDrawing};

/// Width of a card.
pub(super) const CARD: f64 = 262.0;
/// Between two cards: arrows go up and down there.
pub(super) const GAP: f64 = 46.0;
/// Inside a band, beside its cards.
pub(super) const PAD: f64 = 40.0;
/// Left and right of the bands: arrows that go to other stages.
pub(super) const SIDE: f64 = 64.0;
/// Between two bands.
pub(super) const BETWEEN: f64 = 46.0;
/// Between two rows of cards, and below the last: arrows go left and right there.
pub(super) const LANES: f64 = 34.0;
/// Above a row of cards: arrows come back there.
pub(super) const RETURN: f64 = 24.0;
/// Height of the title.
pub(super) const TITLE: f64 = 76.0;
/// Height of one result in a card.
pub(super) const ROW: f64 = 21.0;
/// The most cards beside each other.
const ACROSS: usize = 4;

/// A box.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    pub(super) fn right(self) -> f64 {
        self.x + self.width
    }

    pub(super) fn bottom(self) -> f64 {
        self.y + self.height
    }

    pub(super) fn center(self) -> f64 {
        self.x + self.width / 2.0
    }

    pub(super) fn middle(self) -> f64 {
        self.y + self.height / 2.0
    }
}

/// A stage and where it stands.
pub(super) struct Band<'a> {
    pub(super) stage: &'a StageDrawing,
    pub(super) area: Area,
    pub(super) goal: Vec<String>,
    pub(super) gate: Vec<String>,
    pub(super) cards: Vec<Card<'a>>,
}

/// An activity and where it stands.
pub(super) struct Card<'a> {
    pub(super) activity: &'a ActivityDrawing,
    pub(super) area: Area,
    pub(super) subject: Vec<String>,
    /// The height at which its first result stands.
    pub(super) results: f64,
    /// The bottom of its row of cards.
    pub(super) row_bottom: f64,
    /// The top of its row of cards.
    pub(super) row_top: f64,
}

impl Card<'_> {
    /// The middle of a result.
    pub(super) fn result(&self, index: usize) -> f64 {
        let rows = u16::try_from(index).map_or(0.0, f64::from);
        self.results + rows * ROW + ROW / 2.0
    }
}

/// The whole picture.
pub(super) struct Layout<'a> {
    pub(super) bands: Vec<Band<'a>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl<'a> Layout<'a> {
    /// Places everything.
    pub(super) fn of(drawing: &'a Drawing) -> Self {
        let across = drawing.stages.iter().map(|stage| stage.activities.len()).max().unwrap_or(1).clamp(2, ACROSS);
        let inner = columns(across);
        let band_width = inner + 2.0 * PAD;
        let width = band_width + 2.0 * SIDE;
        let mut y = TITLE;
        let mut bands = Vec::new();
        let open = drawing.stages.iter().filter(|stage| stage.meaning == Meaning::Open);
        for stage in open {
            let band = band(stage, y, band_width, across);
            y = band.area.bottom() + BETWEEN;
            bands.push(band);
        }
        // The ends stand beside each other.
        let ends = drawing.stages.iter().filter(|stage| stage.meaning != Meaning::Open);
        let end_width = (band_width - GAP) / 2.0;
        let mut bottom = y;
        for (index, stage) in ends.enumerate() {
            let x = if index == 0 { SIDE } else { SIDE + end_width + GAP };
            let gate = wrap(&stage.gate, end_width - 48.0, 11.0);
            let lines = u16::try_from(gate.len()).map_or(0.0, f64::from);
            let area = Area { x, y, width: end_width, height: 44.0 + 15.0 * lines };
            bottom = area.bottom().max(bottom);
            bands.push(Band { stage, area, goal: Vec::new(), gate, cards: Vec::new() });
        }
        Self { bands, width, height: bottom + 74.0 }
    }
}

fn columns(count: usize) -> f64 {
    let count = u16::try_from(count).map_or(1.0, f64::from);
    count * CARD + (count - 1.0) * GAP
}

fn band<'a>(stage: &'a StageDrawing, y: f64, width: f64, across: usize) -> Band<'a> {
    let goal = wrap(&stage.goal, width - 2.0 * PAD, 12.0);
    let gate = wrap(&stage.gate, width - 2.0 * PAD - 20.0, 11.0);
    let lines = |count: usize, height: f64| u16::try_from(count).map_or(0.0, f64::from) * height;
    let header = 40.0 + lines(goal.len(), 17.0) + lines(gate.len(), 16.0);
    let mut top = y + header + RETURN;
    let mut cards = Vec::new();
    for row in stage.activities.chunks(across) {
        let mut placed: Vec<Card<'a>> = row.iter().enumerate().map(|(index, it)| card(it, index, top)).collect();
        let bottom = placed.iter().map(|card| card.area.bottom()).fold(top, f64::max);
        placed.iter_mut().for_each(|card| card.row_bottom = bottom);
        cards.append(&mut placed);
        top = bottom + LANES + RETURN;
    }
    let bottom = if cards.is_empty() { y + header + 10.0 } else { top - RETURN };
    Band { stage, area: Area { x: SIDE, y, width, height: bottom - y }, goal, gate, cards }
}

fn card(activity: &ActivityDrawing, index: usize, top: f64) -> Card<'_> {
    let column = u16::try_from(index).map_or(0.0, f64::from);
    let x = SIDE + PAD + column * (CARD + GAP);
    let subject = wrap(&activity.subject, CARD - 28.0, 13.5);
    let lines = u16::try_from(subject.len()).map_or(0.0, f64::from);
    let results = top + 34.0 + lines * 18.0;
    let rows = u16::try_from(activity.results.len()).map_or(0.0, f64::from);
    let area = Area { x, y: top, width: CARD, height: results - top + rows * ROW + 8.0 };
    Card { activity, area, subject, results, row_bottom: 0.0, row_top: top }
}

/// Breaks a text into lines that fit; a word that does not is a line of its own.
pub(super) fn wrap(text: &str, width: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if measure(line, size) + measure(" ", size) + measure(word, size) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Cuts a text to what fits on one line.
pub(super) fn fit(text: &str, width: f64, size: f64) -> String {
    if measure(text, size) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        if measure(&kept, size) + measure("…", size) * 2.0 > width {
            break;
        }
        kept.push(letter);
    }
    format!("{}…", kept.trim_end())
}

/// How wide a text is, about.
pub(super) fn measure(text: &str, size: f64) -> f64 {
    text.chars().map(width).sum::<f64>() * size
}

fn width(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '|' | '.' | ',' | ':' | ';' | '\'' | '!' => 0.34,
        ' ' | 'f' | 't' | 'r' | '-' | '(' | ')' => 0.42,
        'm' | 'w' | 'M' | 'W' | 'ж' | 'ш' | 'щ' | 'ю' | 'ф' | 'ы' | 'м' | 'Ж' | 'Ш' | 'Щ' | 'Ю' | 'Ф' | '…' => {
            0.94
        }
        letter if letter.is_uppercase() => 0.76,
        letter if letter.is_ascii() => 0.63,
        _ => 0.66,
    }
}
