//! Lays out coloured pieces of text in lines, wrapped at the width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::style::{Paint, Style};

/// The fewest columns of text beside the tail at the right edge.
const MIN_TEXT_COLUMNS: usize = 24;

/// Returns the columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// A text in one colour. Lines break before pieces with a gap, and elsewhere only if a piece is
/// longer than a line.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    gap: usize,
    text: String,
    paint: Paint,
}

/// Makes a piece that follows the previous one without a break.
pub(super) fn glued(text: impl Into<String>, paint: Paint) -> Piece {
    spaced(0, text, paint)
}

/// Makes a piece after `gap` blanks, where the line may break.
pub(super) fn spaced(gap: usize, text: impl Into<String>, paint: Paint) -> Piece {
    Piece {
        gap,
        text: text.into(),
        paint,
    }
}

/// Splits a text into words, between which the line may break.
pub(super) fn words(gap: usize, text: &str, paint: Paint) -> Vec<Piece> {
    text.split(' ')
        .enumerate()
        .map(|(index, word)| spaced(if index == 0 { gap } else { 1 }, word, paint))
        .collect()
}

/// A paragraph with prefixes of guide lines and columns.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The prefix of the first line.
    pub(super) first: Vec<Piece>,
    /// The prefix of the other lines.
    pub(super) rest: Vec<Piece>,
    /// The text.
    pub(super) pieces: Vec<Piece>,
    /// Text at the right edge of the first line.
    pub(super) tail: Vec<Piece>,
}

/// The text under construction.
#[derive(Debug)]
pub(super) struct Page<'s> {
    style: &'s Style,
    text: String,
    column: usize,
    /// The current colour.
    paint: Paint,
    /// Whether any line summarises several items.
    folded: bool,
}

impl<'s> Page<'s> {
    pub(super) fn new(style: &'s Style) -> Self {
        Self {
            style,
            text: String::new(),
            column: 0,
            paint: Paint::Plain,
            folded: false,
        }
    }

    /// Records that the next line summarises items that are not shown. Returns the start of such a
    /// line.
    pub(super) fn fold(&mut self) -> &'static str {
        self.folded = true;
        self.style.pick("…", "...")
    }

    /// Returns whether any item was summarised.
    pub(super) fn is_folded(&self) -> bool {
        self.folded
    }

    pub(super) fn style(&self) -> &'s Style {
        self.style
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Adds an empty line, except at the top and after another empty line.
    pub(super) fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Adds a paragraph indented by `indent` blanks, with two more after its first line.
    pub(super) fn text(&mut self, indent: usize, pieces: Vec<Piece>) {
        self.line(Line {
            first: blanks(indent),
            rest: blanks(indent + 2),
            pieces,
            tail: Vec::new(),
        });
    }

    /// Adds a paragraph.
    pub(super) fn line(&mut self, line: Line) {
        let columns = self.style.columns();
        for piece in &line.first {
            self.put(piece);
        }
        let mut start = self.column;
        let tail: usize = line.tail.iter().map(|piece| width(&piece.text)).sum();
        let mut edge = columns;
        let mut at_edge = None;
        // Deep in a tree, the text needs the space of the tail.
        if tail > 0 && start + MIN_TEXT_COLUMNS + 2 + tail <= columns {
            edge = columns - tail - 2;
            at_edge = Some(line.tail);
        }
        let mut tail = at_edge;
        for word in line.pieces.chunk_by(|_, next| next.gap == 0) {
            let wide: usize = word.iter().map(|piece| width(&piece.text)).sum();
            let gap = word.first().map_or(0, |piece| piece.gap);
            if self.column > start && self.column + gap + wide > edge {
                start = self.wrap(&line.rest, &mut tail);
                edge = columns;
            }
            if self.column > start {
                self.pad(gap);
            }
            for piece in word {
                self.hard_break(piece, &line.rest, &mut start, &mut edge, &mut tail);
            }
        }
        self.end_line(&mut tail);
    }

    /// Adds a piece, and breaks it if it is longer than a line.
    fn hard_break(
        &mut self,
        piece: &Piece,
        rest: &[Piece],
        start: &mut usize,
        edge: &mut usize,
        tail: &mut Option<Vec<Piece>>,
    ) {
        if self.column + width(&piece.text) <= *edge {
            self.put_text(&piece.text, piece.paint);
            return;
        }
        let mut part = String::new();
        let mut column = self.column;
        for letter in piece.text.chars() {
            let wide = letter.width().unwrap_or(0);
            // At least one character per line: a prefix as wide as the page would otherwise loop.
            if column + wide > *edge && column > *start {
                self.put_text(&part, piece.paint);
                part.clear();
                *start = self.wrap(rest, tail);
                *edge = self.style.columns();
                column = *start;
            }
            part.push(letter);
            column += wide;
        }
        self.put_text(&part, piece.paint);
    }

    fn wrap(&mut self, rest: &[Piece], tail: &mut Option<Vec<Piece>>) -> usize {
        self.end_line(tail);
        for piece in rest {
            self.put(piece);
        }
        self.column
    }

    fn end_line(&mut self, tail: &mut Option<Vec<Piece>>) {
        if let Some(tail) = tail.take().filter(|tail| !tail.is_empty()) {
            let wide: usize = tail.iter().map(|piece| width(&piece.text)).sum();
            let edge = self.style.columns().saturating_sub(wide);
            self.pad(edge.saturating_sub(self.column));
            for piece in &tail {
                self.put(piece);
            }
        }
        self.switch(Paint::Plain);
        let trimmed = self.text.trim_end_matches(' ').len();
        self.text.truncate(trimmed);
        self.text.push('\n');
        self.column = 0;
    }

    fn pad(&mut self, blanks: usize) {
        self.text.extend(std::iter::repeat_n(' ', blanks));
        self.column += blanks;
    }

    fn put(&mut self, piece: &Piece) {
        self.pad(piece.gap);
        self.put_text(&piece.text, piece.paint);
    }

    fn put_text(&mut self, text: &str, paint: Paint) {
        if text.is_empty() {
            return;
        }
        self.column += width(text);
        self.switch(paint);
        self.text.push_str(text);
    }

    /// Changes the colour if needed. Adjacent pieces of one colour share their escape codes.
    fn switch(&mut self, paint: Paint) {
        if !self.style.color || paint == self.paint {
            return;
        }
        self.text.push_str(&format!("{:#}", self.paint.ansi()));
        self.text.push_str(&paint.ansi().to_string());
        self.paint = paint;
    }
}

fn blanks(count: usize) -> Vec<Piece> {
    vec![spaced(count, "", Paint::Plain)]
}
