//! Pages as the bytes of a PDF. Nothing in it depends on when or where it is written: the only day is the document's.

use std::collections::BTreeMap;

use chrono::Datelike;
use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Date, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use subsetter::GlyphRemapper;

use super::face::{Faces, Style, Weight};
use super::labels::Language;
use super::marks::{Marks, Run};
use super::{PAGE, Sheet};

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const INFO: Ref = Ref::new(3);
/// Six objects for each weight, then two for each page.
const FONTS: i32 = 4;
const FIRST_PAGE: i32 = FONTS + 12;
/// Size and grey of a word across a page: light enough to read what stands on it.
const STAMP: (f32, f32) = (96.0, 0.87);
const WEIGHTS: [(Weight, Name<'static>, &[u8]); 2] =
    [(Weight::Regular, Name(b"R"), b"AAAAAA+NotoSans"), (Weight::Bold, Name(b"B"), b"AAAAAB+NotoSans-Bold")];

/// The characters that a weight shows. Each has a code of its own, so that two characters of one shape (Latin and
/// Cyrillic A) are still told apart when they are copied.
#[derive(Default)]
struct Used(BTreeMap<char, u16>);

impl Used {
    fn code(&mut self, character: char) -> u16 {
        let next = u16::try_from(self.0.len() + 1).unwrap_or(0);
        *self.0.entry(character).or_insert(next)
    }
}

pub(super) fn write(sheet: &Sheet<'_>, pages: &[Marks], language: Language) -> Vec<u8> {
    let mut pdf = Pdf::new();
    let mut used = [Used::default(), Used::default()];
    let ids: Vec<(Ref, Ref)> = (0..pages.len())
        .map(|index| FIRST_PAGE + 2 * i32::try_from(index).unwrap_or(0))
        .map(|id| (Ref::new(id), Ref::new(id + 1)))
        .collect();
    pdf.catalog(CATALOG).pages(PAGES).lang(TextStr(language.code()));
    pdf.pages(PAGES).kids(ids.iter().map(|(page, _)| *page)).count(i32::try_from(pages.len()).unwrap_or(0));
    for ((id, content_id), marks) in ids.into_iter().zip(pages) {
        let mut page = pdf.page(id);
        page.parent(PAGES).media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).contents(content_id);
        let mut resources = page.resources();
        let mut fonts = resources.fonts();
        for (index, (_, name, _)) in (0i32..).zip(WEIGHTS) {
            fonts.pair(name, Ref::new(FONTS + 6 * index));
        }
        fonts.finish();
        resources.finish();
        page.finish();
        let packed = compress_to_vec_zlib(&content(sheet, marks, &mut used), 6);
        pdf.stream(content_id, &packed).filter(Filter::FlateDecode);
    }
    for ((index, (weight, _, name)), used) in (0i32..).zip(WEIGHTS).zip(&used) {
        font(&mut pdf, sheet.faces, weight, name, FONTS + 6 * index, used);
    }
    let title = format!("{} {}", sheet.labels.title(sheet.document.kind), sheet.document.number);
    let day = sheet.document.issue_date;
    let mut date = Date::new(u16::try_from(day.year()).unwrap_or(0));
    date = date.month(u8::try_from(day.month()).unwrap_or(1)).day(u8::try_from(day.day()).unwrap_or(1));
    let mut info = pdf.document_info(INFO);
    info.title(TextStr(&title)).author(TextStr(&sheet.document.seller.legal_name)).creation_date(date);
    info.finish();
    pdf.finish()
}

fn content(sheet: &Sheet<'_>, marks: &Marks, used: &mut [Used; 2]) -> Vec<u8> {
    let faces = sheet.faces;
    let mut content = Content::new();
    if let Some(stamp) = sheet.document.stamp {
        across(&mut content, faces, sheet.labels.stamp(stamp), used);
    }
    for fill in &marks.fills {
        content.set_fill_gray(fill.grey);
        content.rect(fill.x, PAGE.1 - fill.y - fill.height, fill.width, fill.height).fill_nonzero();
    }
    for run in &marks.runs {
        text(&mut content, faces, run, used);
    }
    content.finish().into_vec()
}

/// A word from the lower left to the upper right, behind all that stands on the page.
fn across(content: &mut Content, faces: &Faces, word: &str, used: &mut [Used; 2]) {
    let style = Style { weight: Weight::Bold, size: STAMP.0, grey: STAMP.1 };
    let (rise, run) = (PAGE.1 / PAGE.0).atan().sin_cos();
    // Half a word before the middle of the page, and half a letter's height beneath it.
    let (back, down) = (faces.width(word, style) / 2.0, STAMP.0 * 0.36);
    let (x, y) = (PAGE.0 / 2.0 - back * run + down * rise, PAGE.1 / 2.0 - back * rise - down * run);
    let codes: Vec<u8> = word.chars().flat_map(|character| used[1].code(character).to_be_bytes()).collect();
    content.set_fill_gray(style.grey);
    content.begin_text().set_font(WEIGHTS[1].1, style.size).set_text_matrix([run, rise, -rise, run, x, y]);
    content.show(Str(&codes)).end_text();
}

fn text(content: &mut Content, faces: &Faces, run: &Run, used: &mut [Used; 2]) {
    let (index, name) = match run.style.weight {
        Weight::Regular => (0, WEIGHTS[0].1),
        Weight::Bold => (1, WEIGHTS[1].1),
    };
    let face = faces.of(run.style.weight);
    // What is shown as a box is still copied as what it is.
    let lacking = run.text.chars().any(|character| face.glyph_index(character).is_none());
    if lacking {
        content.begin_marked_content_with_properties(Name(b"Span")).properties().actual_text(TextStr(&run.text));
    }
    let codes: Vec<u8> = run.text.chars().flat_map(|character| used[index].code(character).to_be_bytes()).collect();
    content.set_fill_gray(run.style.grey);
    content.begin_text().set_font(name, run.style.size).next_line(run.x, PAGE.1 - run.y).show(Str(&codes)).end_text();
    if lacking {
        content.end_marked_content();
    }
}

/// A weight as a composite font: code → glyph by a map, code → character for those who copy.
fn font(pdf: &mut Pdf, faces: &Faces, weight: Weight, name: &[u8], first: i32, used: &Used) {
    let [type0, cid, descriptor, file, cmap, map] = [0, 1, 2, 3, 4, 5].map(|offset| Ref::new(first + offset));
    let system = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
    let face = faces.of(weight);
    let mut by_code: Vec<(u16, char)> = used.0.iter().map(|(character, code)| (*code, *character)).collect();
    by_code.sort_unstable();

    let mut glyphs = GlyphRemapper::new();
    let mut codes_to_glyphs = vec![0, 0];
    let mut to_unicode = UnicodeCmap::new(Name(b"Custom"), system);
    for (code, character) in &by_code {
        let glyph = glyphs.remap(faces.glyph(weight, *character).0);
        codes_to_glyphs.extend(glyph.to_be_bytes());
        to_unicode.pair(*code, *character);
    }
    let data = subsetter::subset(Faces::data(weight), 0, &glyphs).expect("the font that we carry can be subset");

    pdf.type0_font(type0)
        .base_font(Name(name))
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(cid)
        .to_unicode(cmap);
    let mut cid_font = pdf.cid_font(cid);
    cid_font.subtype(CidFontType::Type2).base_font(Name(name)).system_info(system).font_descriptor(descriptor);
    cid_font.default_width(0.0).cid_to_gid_map_stream(map);
    let widths = by_code.iter().map(|(_, character)| faces.advance(weight, *character));
    cid_font.widths().consecutive(1, widths);
    cid_font.finish();

    let scale = 1000.0 / f32::from(face.units_per_em());
    let bounds = face.global_bounding_box();
    let scaled = |value: i16| f32::from(value) * scale;
    pdf.font_descriptor(descriptor)
        .name(Name(name))
        .flags(FontFlags::SYMBOLIC)
        .bbox(Rect::new(scaled(bounds.x_min), scaled(bounds.y_min), scaled(bounds.x_max), scaled(bounds.y_max)))
        .italic_angle(0.0)
        .ascent(scaled(face.ascender()))
        .descent(scaled(face.descender()))
        .cap_height(face.capital_height().map_or(700.0, scaled))
        .stem_v(if weight == Weight::Bold { 140.0 } else { 80.0 })
        .font_file2(file);
    let packed = compress_to_vec_zlib(&data, 6);
    let length = i32::try_from(data.len()).unwrap_or(i32::MAX);
    pdf.stream(file, &packed).filter(Filter::FlateDecode).pair(Name(b"Length1"), length);
    pdf.stream(map, &codes_to_glyphs);
    pdf.cmap(cmap, &to_unicode.finish());
}
