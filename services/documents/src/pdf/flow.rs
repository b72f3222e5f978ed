//! Fills pages with strips from top to bottom.

use super::PAGE;
use super::marks::{Marks, Strip};

/// Where strips end; the foot lies beneath.
pub(super) const BOTTOM: f32 = PAGE.1 - 92.0;

/// Pages being filled.
pub(super) struct Flow {
    pages: Vec<Marks>,
    y: f32,
    /// Stands at the top of every page but the first.
    running: Strip,
    /// Stands beneath `running` while a table goes on.
    header: Option<Strip>,
}

impl Flow {
    /// Starts beneath the head of the first page.
    pub(super) fn new(first: Marks, y: f32, running: Strip) -> Self {
        Self { pages: vec![first], y, running, header: None }
    }

    /// Strips that belong together: on one page if a page can hold them.
    pub(super) fn group(&mut self, strips: &[Strip]) {
        let height: f32 = strips.iter().map(|strip| strip.height).sum();
        if self.y + height > BOTTOM && height <= BOTTOM - self.top() {
            self.turn();
        }
        for strip in strips {
            self.strip(strip);
        }
    }

    /// Opens a table: `header` is set now, and again on each page until the table is closed.
    pub(super) fn open_table(&mut self, header: Strip) {
        self.strip(&header);
        self.header = Some(header);
    }

    pub(super) fn close_table(&mut self) {
        self.header = None;
    }

    pub(super) fn finish(self) -> Vec<Marks> {
        self.pages
    }

    fn strip(&mut self, strip: &Strip) {
        if self.y + strip.height > BOTTOM && self.y > self.top() {
            self.turn();
        }
        let y = self.y;
        if let Some(page) = self.pages.last_mut() {
            page.place(&strip.marks, y);
        }
        self.y += strip.height;
    }

    /// Where strips start on a page that is not the first.
    fn top(&self) -> f32 {
        self.running.height + self.header.as_ref().map_or(0.0, |header| header.height)
    }

    fn turn(&mut self) {
        let mut page = Marks::default();
        page.place(&self.running.marks, 0.0);
        if let Some(header) = &self.header {
            page.place(&header.marks, self.running.height);
        }
        self.pages.push(page);
        self.y = self.top();
    }
}
