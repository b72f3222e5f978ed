//! A4 pages that a company would send (R-INV-3): letterhead, window, references, the table of lines with its header on
//! every page, totals with VAT by category and rate, how to pay, page x of y. Set by hand: a page is runs of text, rules
//! and boxes at places measured from its upper left corner, in points.
//!
//! - `face`: the two weights of Noto Sans and how wide a text is
//! - `marks`: what stands on a page, and `flow`, which fills pages with strips
//! - `words`, `labels`: figures, days and labels in a language
//! - `head`, `table`, `totals`, `foot`: the parts of a document
//! - `file`: pages as bytes, with the glyphs they show and no others

mod face;
mod file;
mod flow;
mod foot;
mod head;
mod labels;
mod marks;
mod table;
mod totals;
mod words;

pub use labels::Language;

use crate::{Document, Figures, Refusal, check};
use face::Faces;
use labels::Labels;
use words::Words;

/// Width and height of A4.
const PAGE: (f32, f32) = (595.28, 841.89);
const LEFT: f32 = 56.7;
const RIGHT: f32 = PAGE.0 - 42.5;

/// What every part of a page needs to know.
struct Sheet<'a> {
    document: &'a Document,
    figures: &'a Figures,
    faces: &'a Faces,
    labels: &'static Labels,
    words: Words,
}

/// The document as a PDF with embedded fonts; its text can be searched and copied.
///
/// Characters that the font lacks (beyond Latin, Cyrillic and Greek) are shown as boxes and can still be copied.
///
/// # Errors
/// [`Refusal::Incomplete`] if it has no number, no names or no lines; [`Refusal::Arithmetic`].
pub fn pdf(document: &Document, language: Language) -> Result<Vec<u8>, Refusal> {
    let figures = Figures::of(document)?;
    let findings = check::for_people(document);
    if !findings.is_empty() {
        return Err(Refusal::Incomplete(findings));
    }
    let faces = Faces::new();
    let sheet = Sheet {
        document,
        figures: &figures,
        faces: &faces,
        labels: language.labels(),
        words: Words::new(language, document.currency),
    };
    let mut flow = head::open(&sheet);
    table::set(&sheet, &mut flow);
    totals::set(&sheet, &mut flow);
    let mut pages = flow.finish();
    foot::set(&sheet, &mut pages);
    Ok(file::write(&sheet, &pages, language))
}
