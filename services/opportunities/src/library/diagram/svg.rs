//! A process as a picture: what each stage is for, what is done in it, and where each result leads.
//!
//! Plain SVG 1.1 without scripts, styles or fonts of its own, so that every viewer shows the same.

use std::fmt::Write as _;

use super::super::{Effect, Meaning};
use super::arrows::arrows;
use super::layout::{Area, Band, CARD, Card, Layout, PAD, SIDE, fit, measure};
use super::{ActivityDrawing, Drawing, Mark};

/// What is drawn in which color.
pub(super) mod color {
    pub(in super::super) const INK: &str = "#1f2937";
    pub(in super::super) const SOFT: &str = "#6b7280";
    pub(in super::super) const FLOW: &str = "#475569";
    pub(in super::super) const DONE: &str = "#15803d";
    pub(in super::super) const LOST: &str = "#b91c1c";
    pub(in super::super) const AGAIN: &str = "#b45309";
    pub(in super::super) const JUMP: &str = "#7c3aed";
    pub(in super::super) const CURRENT: &str = "#1d4ed8";
}

/// A picture in the making.
pub(super) struct Picture {
    text: String,
}

/// Draws it. Writing to a string does not fail, so nothing is asked of it.
pub(super) fn picture(drawing: &Drawing) -> String {
    let layout = Layout::of(drawing);
    let (width, height) = (layout.width, layout.height);
    let mut picture = Picture { text: String::new() };
    let _ = write!(
        picture.text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"DejaVu Sans, Noto Sans, Verdana, Arial, sans-serif\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escaped(&drawing.title),
    );
    picture.write(SIDE, 38.0, &drawing.title, 22.0, color::INK, "700");
    picture.write(SIDE, 60.0, drawing.control, 12.0, color::SOFT, "400");
    for band in &layout.bands {
        picture.band(band);
    }
    arrows(&mut picture, drawing, &layout);
    picture.legend(&layout, drawing);
    picture.text.push_str("</svg>\n");
    picture.text
}

impl Picture {
    fn band(&mut self, band: &Band<'_>) {
        if band.stage.meaning != Meaning::Open {
            return self.end(band);
        }
        let (edge, fill) = match band.stage.mark {
            Mark::Current => (color::CURRENT, "#eff6ff"),
            Mark::Visited => (color::DONE, "#f0fdf4"),
            Mark::None => ("#cbd5e1", "#f8fafc"),
        };
        self.rect(band.area, 12.0, fill, edge, if band.stage.mark == Mark::None { 1.2 } else { 2.6 });
        let (x, mut y) = (band.area.x + PAD, band.area.y + 29.0);
        self.write(x, y, &band.stage.caption, 17.0, color::INK, "700");
        self.mark(band.area.right() - 26.0, band.area.y + 22.0, band.stage.mark);
        y += 4.0;
        for line in &band.goal {
            y += 17.0;
            self.write(x, y, line, 12.0, color::SOFT, "400");
        }
        for (index, line) in band.gate.iter().enumerate() {
            y += 16.0;
            if index == 0 {
                self.gate(x + 4.0, y - 4.0);
            }
            self.write(x + 16.0, y, line, 11.0, color::FLOW, "400");
        }
        for card in &band.cards {
            self.card(card);
        }
    }

    fn end(&mut self, band: &Band<'_>) {
        let won = band.stage.meaning == Meaning::Won;
        let (edge, fill) = if won { (color::DONE, "#dcfce7") } else { (color::LOST, "#fee2e2") };
        let here = band.stage.mark == Mark::Current;
        self.rect(band.area, 20.0, fill, edge, if here { 4.0 } else { 1.6 });
        let width = measure(&band.stage.caption, 15.0);
        self.write(band.area.center() - width / 2.0, band.area.y + 28.0, &band.stage.caption, 15.0, edge, "700");
        self.mark(band.area.right() - 26.0, band.area.y + 22.0, band.stage.mark);
        for (line, y) in band.gate.iter().zip([44.0, 59.0, 74.0]) {
            let x = band.area.center() - measure(line, 11.0) / 2.0;
            self.gate(x - 12.0, band.area.y + y - 4.0);
            self.write(x, band.area.y + y, line, 11.0, color::FLOW, "400");
        }
    }

    fn card(&mut self, card: &Card<'_>) {
        let activity: &ActivityDrawing = card.activity;
        let (edge, width) = match activity.mark {
            Mark::Current => (color::CURRENT, 2.4),
            Mark::Visited => (color::DONE, 2.4),
            Mark::None => ("#94a3b8", 1.2),
        };
        self.rect(card.area, 8.0, "#ffffff", edge, width);
        let x = card.area.x + 14.0;
        let kind = if activity.required { activity.kind.to_owned() } else { format!("{} ?", activity.kind) };
        self.write(x, card.area.y + 18.0, &kind, 10.0, color::SOFT, "700");
        self.mark(card.area.right() - 20.0, card.area.y + 16.0, activity.mark);
        let mut y = card.area.y + 20.0;
        for line in &card.subject {
            y += 18.0;
            self.write(x, y, line, 13.5, color::INK, "700");
        }
        for (index, result) in activity.results.iter().enumerate() {
            let ink = ink(&result.effect);
            let middle = card.result(index);
            let _ = writeln!(self.text, "<circle cx=\"{}\" cy=\"{middle}\" r=\"4\" fill=\"{ink}\"/>", x + 4.0);
            let mut caption = result.caption.clone();
            if let Effect::Wait(days) = result.effect {
                let _ = write!(caption, " · {days} d");
            }
            let caption = fit(&caption, CARD - 44.0, 12.0);
            self.write(x + 15.0, middle + 4.0, &caption, 12.0, ink, "400");
        }
    }

    /// The sign of a gate: a small bar across the way.
    fn gate(&mut self, x: f64, y: f64) {
        let _ = writeln!(
            self.text,
            "<path d=\"M{} {} h10 M{} {} v8 M{} {} v8\" stroke=\"{}\" stroke-width=\"1.6\" fill=\"none\"/>",
            x - 4.0,
            y,
            x - 3.0,
            y - 4.0,
            x + 5.0,
            y - 4.0,
            color::FLOW
        );
    }

    /// A tick where the opportunity was, a dot where it is.
    fn mark(&mut self, x: f64, y: f64, mark: Mark) {
        let _ = match mark {
            Mark::None => Ok(()),
            Mark::Current => {
                writeln!(self.text, "<circle cx=\"{x}\" cy=\"{y}\" r=\"7\" fill=\"{}\"/>", color::CURRENT)
            }
            Mark::Visited => writeln!(
                self.text,
                "<path d=\"M{} {y} l5 5 l9 -10\" stroke=\"{}\" stroke-width=\"3\" fill=\"none\"/>",
                x - 7.0,
                color::DONE
            ),
        };
    }

    fn legend(&mut self, layout: &Layout<'_>, drawing: &Drawing) {
        let russian = drawing.stages.iter().any(|stage| !stage.caption.is_ascii());
        let words: [(&str, &str); 4] = if russian {
            [
                (color::DONE, "выполнено"),
                (color::AGAIN, "повторить или подождать"),
                (color::JUMP, "перейти на стадию"),
                (color::LOST, "проигрыш"),
            ]
        } else {
            [
                (color::DONE, "done"),
                (color::AGAIN, "once more, or later"),
                (color::JUMP, "to a stage"),
                (color::LOST, "lost"),
            ]
        };
        let y = layout.height - 26.0;
        let mut x = SIDE;
        for (ink, word) in words {
            let _ = writeln!(self.text, "<circle cx=\"{x}\" cy=\"{}\" r=\"5\" fill=\"{ink}\"/>", y - 4.0);
            self.write(x + 12.0, y, word, 12.0, color::SOFT, "400");
            x += measure(word, 12.0) + 40.0;
        }
    }

    fn rect(&mut self, area: Area, radius: f64, fill: &str, edge: &str, width: f64) {
        let Area { x, y, width: wide, height } = area;
        let _ = writeln!(
            self.text,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{height}\" rx=\"{radius}\" fill=\"{fill}\" \
             stroke=\"{edge}\" stroke-width=\"{width}\"/>"
        );
    }

    pub(super) fn write(&mut self, x: f64, y: f64, text: &str, size: f64, ink: &str, weight: &str) {
        let text = escaped(text);
        let _ = writeln!(
            self.text,
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" font-weight=\"{weight}\" fill=\"{ink}\">{text}</text>"
        );
    }

    /// A line through points, with a head at its end.
    pub(super) fn arrow(&mut self, points: &[(f64, f64)], ink: &str, width: f64, dashed: bool) {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let dashes = if dashed { " stroke-dasharray=\"5 4\"" } else { "" };
        let _ = writeln!(
            self.text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"{width}\" \
             stroke-linejoin=\"round\"{dashes}/>",
            path.join(" ")
        );
        if let [.., (from_x, from_y), (x, y)] = points {
            let size = 4.5 + width;
            let (dx, dy) = ((x - from_x).signum(), (y - from_y).signum());
            let (dx, dy) = if (x - from_x).abs() > (y - from_y).abs() { (dx, 0.0) } else { (0.0, dy) };
            let (back_x, back_y) = (x - dx * size * 1.6, y - dy * size * 1.6);
            let _ = writeln!(
                self.text,
                "<polygon points=\"{x},{y} {},{} {},{}\" fill=\"{ink}\"/>",
                back_x - dy * size,
                back_y + dx * size,
                back_x + dy * size,
                back_y - dx * size
            );
        }
    }
}

/// The color of what a result does.
pub(super) fn ink(effect: &Effect) -> &'static str {
    match effect {
        Effect::None | Effect::Win => color::DONE,
        Effect::Create(_) | Effect::Wait(_) => color::AGAIN,
        Effect::Goto(_) | Effect::Advance => color::JUMP,
        Effect::Lose(_) => color::LOST,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
