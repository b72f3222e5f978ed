//! XML as it is written here: elements in the order in which they are called, never an empty one, text that every
//! parser reads back. Fifty lines instead of a crate: the care a document needs (characters that XML 1.0 forbids, no
//! empty elements) is what a general writer leaves to its caller.

/// A document being written.
pub(crate) struct Xml {
    out: String,
    depth: usize,
}

impl Xml {
    pub(crate) fn new() -> Self {
        Self { out: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), depth: 0 }
    }

    /// An element and what `content` writes into it; nothing at all if it writes nothing.
    pub(crate) fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.element_with(name, &[], content);
    }

    /// An element with attributes.
    pub(crate) fn element_with(&mut self, name: &str, attributes: &[(&str, &str)], content: impl FnOnce(&mut Self)) {
        let before = self.out.len();
        self.open(name, attributes);
        self.out.push('\n');
        let opened = self.out.len();
        self.depth += 1;
        content(self);
        self.depth -= 1;
        if self.out.len() == opened {
            self.out.truncate(before);
            return;
        }
        self.indent();
        self.close(name);
    }

    /// An element that holds text; nothing if the text is blank.
    pub(crate) fn text(&mut self, name: &str, text: impl AsRef<str>) {
        self.text_with(name, &[], text);
    }

    /// An element that holds text and has attributes; blank attributes are left out.
    pub(crate) fn text_with(&mut self, name: &str, attributes: &[(&str, &str)], text: impl AsRef<str>) {
        let text = legal(text.as_ref());
        if text.is_empty() {
            return;
        }
        self.open(name, attributes);
        escape(&text, &mut self.out);
        self.close(name);
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.indent();
        self.out.push('<');
        self.out.push_str(name);
        for (attribute, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            self.out.push_str(&format!(" {attribute}=\""));
            escape(&legal(value), &mut self.out);
            self.out.push('"');
        }
        self.out.push('>');
    }

    fn close(&mut self, name: &str) {
        self.out.push_str(&format!("</{name}>\n"));
    }

    fn indent(&mut self) {
        self.out.extend(std::iter::repeat_n("  ", self.depth));
    }
}

/// The text without what XML 1.0 cannot carry: line ends become `\n` as a parser would make them, control characters a
/// space, the two non-characters U+FFFD; white space around it goes.
pub(crate) fn legal(text: &str) -> String {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept: String = unified
        .chars()
        .map(|character| match character {
            '\n' | '\t' => character,
            '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
            _ if character < ' ' => ' ',
            _ => character,
        })
        .collect();
    kept.trim().to_owned()
}

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-INV-3, PEPPOL-EN16931-R008: what holds nothing is not written.
    #[test]
    fn empty_elements_are_left_out_with_their_parents() {
        let mut xml = Xml::new();
        xml.element("a", |xml| {
            xml.element("b", |xml| xml.text("c", " \u{1}\n "));
            xml.text_with("d", &[("scheme", ""), ("unit", "<\"&'>")], "x\u{0}y\r\nz\u{ffff}");
        });
        let written = xml.finish();
        assert!(!written.contains("<b>") && !written.contains("scheme"), "{written}");
        assert!(written.contains("<d unit=\"&lt;&quot;&amp;&apos;&gt;\">x y\nz\u{fffd}</d>"), "{written}");
    }
}
