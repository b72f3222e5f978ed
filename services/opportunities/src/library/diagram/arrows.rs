//! The arrows of a picture: the way from stage to stage, and where each result leads that does more than complete.
//!
//! They go where nothing else stands: up and down between cards, left and right in the lanes above and below a row of
//! cards, and along both sides of the bands. So no arrow crosses a text.

use super::super::Effect;
use super::Drawing;
use super::layout::{Band, Card, GAP, Layout};
use super::svg::{Picture, color, ink};

/// All of them.
pub(super) fn arrows(picture: &mut Picture, drawing: &Drawing, layout: &Layout<'_>) {
    way(picture, drawing, layout);
    for (place, band) in layout.bands.iter().enumerate() {
        for card in &band.cards {
            for (index, result) in card.activity.results.iter().enumerate() {
                lead(picture, drawing, layout, place, card, index, &result.effect);
            }
        }
    }
}

/// From each open stage to the next, and from the last one to the win.
fn way(picture: &mut Picture, drawing: &Drawing, layout: &Layout<'_>) {
    for pair in layout.bands.windows(2).take(drawing.won()) {
        let [from, to] = pair else { continue };
        let x = from.area.center().min(to.area.center());
        let points = [(x, from.area.bottom()), (x, to.area.y - 1.0)];
        picture.arrow(&points, color::FLOW, 3.0, from.stage.completes);
    }
}

/// Where a result leads.
fn lead(
    picture: &mut Picture,
    drawing: &Drawing,
    layout: &Layout<'_>,
    place: usize,
    card: &Card<'_>,
    index: usize,
    effect: &Effect,
) {
    let y = card.result(index);
    let bands = &layout.bands;
    match effect {
        Effect::None => {}
        Effect::Create(code) => {
            let same = bands[place].cards.iter().find(|other| other.activity.code == *code);
            match same {
                Some(other) => back_to(picture, card, other, y, 12.0, false),
                None => {
                    let of = |band: &Band<'_>| band.cards.iter().any(|other| other.activity.code == *code);
                    if let Some(band) = bands.iter().find(|band| of(band)) {
                        along_the_left(picture, card, band, y, color::AGAIN);
                    }
                }
            }
        }
        Effect::Wait(_) => back_to(picture, card, card, y, 20.0, true),
        Effect::Goto(stage) => {
            if let Some(band) = drawing.place(stage).and_then(|place| bands.get(place)) {
                along_the_left(picture, card, band, y, color::JUMP);
            }
        }
        Effect::Advance => along_the_left(picture, card, &bands[(place + 1).min(bands.len() - 1)], y, color::JUMP),
        Effect::Win => along_the_left(picture, card, &bands[drawing.won()], y, ink(effect)),
        Effect::Lose(_) => along_the_right(picture, card, &bands[bands.len() - 1], y, ink(effect)),
    }
}

/// Out of a card, up beside it, and into the top of a card of the same stage: it is to be done once more.
fn back_to(picture: &mut Picture, from: &Card<'_>, to: &Card<'_>, y: f64, beside: f64, dashed: bool) {
    let (out, lane) = (from.area.right(), from.row_top - beside);
    let into = to.area.right() - 46.0 - beside;
    let points = [(out, y), (out + beside, y), (out + beside, lane), (into, lane), (into, to.area.y - 1.0)];
    // A card of another row is reached in the lane above that one.
    if (to.row_top - from.row_top).abs() > 1.0 {
        let lane = to.row_top - beside;
        let points = [(out, y), (out + beside, y), (out + beside, lane), (into, lane), (into, to.area.y - 1.0)];
        return picture.arrow(&points, color::AGAIN, 1.5, dashed);
    }
    picture.arrow(&points, color::AGAIN, 1.5, dashed);
}

/// Out of a card, down beside it, along the right side of all bands, and into the side of the end.
fn along_the_right(picture: &mut Picture, from: &Card<'_>, end: &Band<'_>, y: f64, ink: &str) {
    let out = from.area.right();
    let (beside, lane) = (out + GAP - 16.0, from.row_bottom + 12.0);
    let (right, middle) = (end.area.right() + 26.0, end.area.middle());
    let points =
        [(out, y), (beside, y), (beside, lane), (right, lane), (right, middle), (end.area.right() + 1.0, middle)];
    picture.arrow(&points, ink, 1.5, false);
}

/// Out of a card, down beside it, along the left side of the bands, and into the side of a stage.
fn along_the_left(picture: &mut Picture, from: &Card<'_>, to: &Band<'_>, y: f64, ink: &str) {
    let out = from.area.x;
    let beside = out - 12.0;
    let lane = from.row_bottom + 24.0;
    let left = to.area.x - 26.0;
    let into = to.area.y + 22.0;
    let points = [(out, y), (beside, y), (beside, lane), (left, lane), (left, into), (to.area.x - 1.0, into)];
    picture.arrow(&points, ink, 1.5, false);
}
