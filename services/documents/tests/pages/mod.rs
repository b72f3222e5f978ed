//! Reads back what a PDF of ours shows: its pages' text with places, through the fonts' own maps to characters. Knows
//! just as much of PDF as that takes.

use std::collections::BTreeMap;

/// Text on a page and where it starts, from the lower left corner.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) size: f32,
    pub(crate) font: String,
    pub(crate) text: String,
}

/// The runs of each page, in their order.
pub(crate) fn read(pdf: &[u8]) -> Vec<Vec<Shown>> {
    assert!(pdf.starts_with(b"%PDF-1.7") && pdf.trim_ascii_end().ends_with(b"%%EOF"), "a PDF from end to end");
    let streams = streams(pdf);
    let maps: Vec<BTreeMap<u16, char>> =
        streams.iter().filter(|stream| contains(stream, b"begincmap")).map(|stream| cmap(stream)).collect();
    assert_eq!(maps.len(), 2, "two fonts");
    let pages = streams.iter().filter(|stream| contains(stream, b" Tf") && contains(stream, b"BT"));
    pages.map(|stream| page(stream, &maps)).collect()
}

/// All text of all pages, a run a line.
pub(crate) fn text(pdf: &[u8]) -> String {
    read(pdf).into_iter().flatten().map(|shown| shown.text + "\n").collect()
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Every stream, inflated where it is deflated.
fn streams(pdf: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = pdf;
    while let Some(start) = position(rest, b"stream\n") {
        let dictionary = &rest[..start];
        let deflated = contains(&dictionary[dictionary.len().saturating_sub(120)..], b"FlateDecode");
        let body = &rest[start + 7..];
        let end = position(body, b"\nendstream").expect("a stream ends");
        let data = if deflated {
            miniz_oxide::inflate::decompress_to_vec_zlib(&body[..end]).expect("a stream inflates")
        } else {
            body[..end].to_vec()
        };
        found.push(data);
        rest = &body[end + 10..];
    }
    found
}

/// `<0001> <0041>` pairs of a ToUnicode map.
fn cmap(stream: &[u8]) -> BTreeMap<u16, char> {
    let text = String::from_utf8_lossy(stream);
    let hex = |token: &str| token.trim_start_matches('<').trim_end_matches('>').to_owned();
    text.lines()
        .filter_map(|line| line.split_once("> <"))
        .filter(|(code, _)| code.len() == 5)
        .map(|(code, character)| {
            let code = u16::from_str_radix(&hex(code), 16).expect("a code");
            let bytes: Vec<u16> = hex(character)
                .as_bytes()
                .chunks(4)
                .map(|four| u16::from_str_radix(&String::from_utf8_lossy(four), 16).expect("UTF-16"))
                .collect();
            (code, String::from_utf16_lossy(&bytes).chars().next().expect("a character"))
        })
        .collect()
}

fn page(stream: &[u8], maps: &[BTreeMap<u16, char>]) -> Vec<Shown> {
    let (mut shown, mut operands): (Vec<Shown>, Vec<Token>) = (Vec::new(), Vec::new());
    let mut state = Shown { x: 0.0, y: 0.0, size: 0.0, font: String::new(), text: String::new() };
    let mut rest = stream;
    while let Some((token, after)) = token(rest) {
        rest = after;
        let Token::Word(word) = &token else {
            operands.push(token);
            continue;
        };
        let number = |from_end: usize| match operands.iter().rev().nth(from_end) {
            Some(Token::Word(word)) => word.parse::<f32>().unwrap_or(f32::NAN),
            _ => f32::NAN,
        };
        match word.as_str() {
            "Tf" => {
                state.size = number(0);
                if let Some(Token::Word(font)) = operands.iter().rev().nth(1) {
                    state.font.clone_from(font);
                }
            }
            "Td" => (state.x, state.y) = (number(1), number(0)),
            "Tj" => {
                let Some(Token::Text(codes)) = operands.last() else { panic!("Tj shows a text") };
                let map = &maps[usize::from(state.font == "/B")];
                let of = |pair: &[u8]| map[&u16::from_be_bytes([pair[0], pair[1]])];
                shown.push(Shown { text: codes.chunks(2).map(of).collect(), ..state.clone() });
            }
            _ => {
                operands.push(token);
                continue;
            }
        }
        operands.clear();
    }
    shown
}

enum Token {
    Word(String),
    Text(Vec<u8>),
}

/// The next operator, operand or string.
fn token(stream: &[u8]) -> Option<(Token, &[u8])> {
    let stream = stream.trim_ascii_start();
    match *stream.first()? {
        b'(' => Some(literal(&stream[1..])),
        b'<' if stream.get(1) != Some(&b'<') => {
            let end = position(stream, b">")?;
            let hex = &stream[1..end];
            let byte = |pair: &[u8]| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).expect("hex");
            Some((Token::Text(hex.chunks(2).map(byte).collect()), &stream[end + 1..]))
        }
        b'<' | b'>' => Some((Token::Word("<<>>".to_owned()), &stream[2.min(stream.len())..])),
        _ => {
            let end = stream.iter().skip(1).position(|byte| byte.is_ascii_whitespace() || b"(<>/".contains(byte));
            let end = end.map_or(stream.len(), |end| end + 1);
            Some((Token::Word(String::from_utf8_lossy(&stream[..end]).into_owned()), &stream[end..]))
        }
    }
}

/// A string in parentheses, which nest, with its escapes.
fn literal(stream: &[u8]) -> (Token, &[u8]) {
    let (mut text, mut depth, mut at) = (Vec::new(), 1, 0);
    loop {
        let byte = stream[at];
        at += 1;
        match byte {
            b'\\' => {
                let escaped = stream[at];
                at += 1;
                text.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'f' => 12,
                    b'0'..=b'7' => {
                        let octal = String::from_utf8_lossy(&stream[at - 1..at + 2]).into_owned();
                        at += 2;
                        u8::from_str_radix(&octal, 8).expect("three octal digits")
                    }
                    other => other,
                });
            }
            b'(' => {
                depth += 1;
                text.push(byte);
            }
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return (Token::Text(text), &stream[at..]);
                }
                text.push(byte);
            }
            _ => text.push(byte),
        }
    }
}
