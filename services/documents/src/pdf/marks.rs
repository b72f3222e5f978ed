//! What stands on a page or a part of one.

use super::face::{Faces, Style};

/// Text on one base line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub(super) x: f32,
    /// The base line, from the top.
    pub(super) y: f32,
    pub(super) text: String,
    pub(super) style: Style,
}

/// A filled box; a rule is a thin one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fill {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) grey: f32,
}

/// Runs and boxes; places count from the upper left corner of the page or strip.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Marks {
    pub(super) runs: Vec<Run>,
    pub(super) fills: Vec<Fill>,
}

impl Marks {
    /// Text that starts at `x`.
    pub(super) fn left(&mut self, x: f32, y: f32, text: impl Into<String>, style: Style) {
        self.runs.push(Run { x, y, text: text.into(), style });
    }

    /// Text that ends at `x`.
    pub(super) fn right(&mut self, faces: &Faces, x: f32, y: f32, text: impl Into<String>, style: Style) {
        let text = text.into();
        let width = faces.width(&text, style);
        self.left(x - width, y, text, style);
    }

    pub(super) fn rule(&mut self, from: f32, to: f32, y: f32, height: f32, grey: f32) {
        self.fills.push(Fill { x: from, y, width: to - from, height, grey });
    }

    /// Takes over `other`, moved down by `y`.
    pub(super) fn place(&mut self, other: &Self, y: f32) {
        self.runs.extend(other.runs.iter().map(|run| Run { y: run.y + y, ..run.clone() }));
        self.fills.extend(other.fills.iter().map(|fill| Fill { y: fill.y + y, ..*fill }));
    }
}

/// A part of a page that is not torn.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Strip {
    pub(super) height: f32,
    pub(super) marks: Marks,
}

impl Strip {
    /// Empty space.
    pub(super) fn space(height: f32) -> Self {
        Self { height, marks: Marks::default() }
    }
}

/// Paragraphs of one style as strips, one for each line.
pub(super) fn paragraph(faces: &Faces, text: &str, style: Style, x: f32, width: f32) -> Vec<Strip> {
    let lines = faces.wrap(text, style, width);
    lines
        .into_iter()
        .map(|line| {
            let mut strip = Strip::space(style.size * 1.36);
            strip.marks.left(x, style.size * 1.05, line, style);
            strip
        })
        .collect()
}
