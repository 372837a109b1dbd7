//! The lines that show what hangs on what.

use super::layout::{Piece, glued, spaced};
use super::style::{Paint, Style};

/// The columns of the durations, before the tree.
pub(super) const DURATION: usize = 9;

/// The guides of a tree that is drawn from top to bottom.
#[derive(Debug, Default)]
pub(super) struct Guides {
    /// For each level above the current one whether its guide goes on.
    open: Vec<bool>,
}

/// Gives the level beneath which a tree is not indented further, or nothing would fit.
pub(super) fn deepest(style: &Style) -> usize {
    (style.columns().saturating_sub(DURATION + 24) / 3).min(24)
}

impl Guides {
    /// Goes back to the level of what is drawn next.
    pub(super) fn at(&mut self, depth: usize) {
        self.open.truncate(depth);
    }

    /// Goes beneath what has just been drawn.
    pub(super) fn beneath(&mut self, last: bool) {
        // The roots stand beside one another without a guide.
        let goes_on = !self.open.is_empty() && !last;
        self.open.push(goes_on);
    }

    /// Gives what stands before a span's name.
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

    /// Gives what stands before the further lines that belong to a span.
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
        // The root's own level needs no guide: nothing stands beside it.
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
