//! Noto Sans in two weights. Latin, Cyrillic and Greek need no shaping: a character is a glyph.

use ttf_parser::{Face, GlyphId};

/// Which weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// How a run of text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Style {
    pub(super) weight: Weight,
    pub(super) size: f32,
    /// 0 is black.
    pub(super) grey: f32,
}

pub(super) const fn regular(size: f32) -> Style {
    Style { weight: Weight::Regular, size, grey: 0.0 }
}

pub(super) const fn bold(size: f32) -> Style {
    Style { weight: Weight::Bold, size, grey: 0.0 }
}

pub(super) const fn faint(size: f32) -> Style {
    Style { weight: Weight::Regular, size, grey: 0.38 }
}

/// Both weights, read.
pub(super) struct Faces {
    regular: Face<'static>,
    bold: Face<'static>,
}

impl Faces {
    pub(super) fn new() -> Self {
        let read = |data| Face::parse(data, 0).expect("the font that we carry can be read");
        Self { regular: read(notosans::REGULAR_TTF), bold: read(notosans::BOLD_TTF) }
    }

    pub(super) fn of(&self, weight: Weight) -> &Face<'static> {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    pub(super) fn data(weight: Weight) -> &'static [u8] {
        match weight {
            Weight::Regular => notosans::REGULAR_TTF,
            Weight::Bold => notosans::BOLD_TTF,
        }
    }

    /// The glyph of a character; what the font lacks is a box.
    pub(super) fn glyph(&self, weight: Weight, character: char) -> GlyphId {
        let face = self.of(weight);
        face.glyph_index(character).or_else(|| face.glyph_index('□')).unwrap_or(GlyphId(0))
    }

    /// Advance of a character in thousandths of the size, as PDF counts.
    pub(super) fn advance(&self, weight: Weight, character: char) -> f32 {
        let face = self.of(weight);
        let advance = face.glyph_hor_advance(self.glyph(weight, character)).unwrap_or(0);
        f32::from(advance) * 1000.0 / f32::from(face.units_per_em())
    }

    /// Width of a text in points.
    pub(super) fn width(&self, text: &str, style: Style) -> f32 {
        text.chars().map(|character| self.advance(style.weight, character)).sum::<f32>() * style.size / 1000.0
    }

    /// The text in lines that are no wider than `width`, broken at white space, and inside a word only if it alone is
    /// too wide. A line end of the text stays one.
    pub(super) fn wrap(&self, text: &str, style: Style, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let mut line = String::new();
            for word in paragraph.split([' ', '\t']).filter(|word| !word.is_empty()) {
                let joined = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
                if self.width(&joined, style) <= width {
                    line = joined;
                    continue;
                }
                if !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
                line = self.broken(word, style, width, &mut lines);
            }
            if !line.is_empty() {
                lines.push(line);
            }
        }
        lines
    }

    /// Breaks a word that may be wider than a line; full lines go to `lines`, the rest is returned.
    fn broken(&self, word: &str, style: Style, width: f32, lines: &mut Vec<String>) -> String {
        let (mut line, mut used) = (String::new(), 0.0);
        for character in word.chars() {
            let advance = self.advance(style.weight, character) * style.size / 1000.0;
            if used + advance > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
                used = 0.0;
            }
            line.push(character);
            used += advance;
        }
        line
    }
}
