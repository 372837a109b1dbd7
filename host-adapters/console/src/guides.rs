//! The guide lines of a tree.

use super::layout::{Piece, glued, spaced};
use super::style::{Paint, Style};

/// The width of the duration column, left of the tree.
pub(super) const DURATION: usize = 9;

/// The guide lines of a tree that is drawn from top to bottom.
#[derive(Debug, Default)]
pub(super) struct Guides {
    /// For each ancestor level, whether its guide line continues.
    open: Vec<bool>,
}

/// Returns the depth below which a tree is no longer indented, so that text still fits.
pub(super) fn deepest(style: &Style) -> usize {
    (style.columns().saturating_sub(DURATION + 24) / 3).min(24)
}

impl Guides {
    /// Returns to the depth of the next node.
    pub(super) fn at(&mut self, depth: usize) {
        self.open.truncate(depth);
    }

    /// Descends to the children of the node that was just drawn.
    pub(super) fn beneath(&mut self, last: bool) {
        // Roots have no guide line.
        let goes_on = !self.open.is_empty() && !last;
        self.open.push(goes_on);
    }

    /// Returns the prefix of a span's name.
    pub(super) fn before(&self, style: &Style, depth: usize, last: bool) -> Piece {
        let mut text = self.ancestors(style, depth);
        if depth > 0 {
            text.push_str(if last {
                style.pick(" └─", " `-")
            } else {
                style.pick(" ├─", " |-")
            });
        }
        text.push(' ');
        glued(text, Paint::Faint)
    }

    /// Returns the prefix of a span's further lines.
    pub(super) fn beside(
        &self,
        style: &Style,
        depth: usize,
        last: bool,
        has_children: bool,
    ) -> Vec<Piece> {
        let guide = style.pick(" │ ", " | ");
        let mut text = self.ancestors(style, depth);
        if depth > 0 {
            text.push_str(if last { "   " } else { guide });
        }
        text.push_str(if has_children && depth < deepest(style) {
            guide
        } else {
            "   "
        });
        vec![spaced(DURATION + 1, text, Paint::Faint)]
    }

    fn ancestors(&self, style: &Style, depth: usize) -> String {
        // The roots' level needs no guide line.
        (1..depth.min(deepest(style)))
            .map(|level| {
                if self.open.get(level).copied().unwrap_or(false) {
                    style.pick(" │ ", " | ")
                } else {
                    "   "
                }
            })
            .collect()
    }
}
