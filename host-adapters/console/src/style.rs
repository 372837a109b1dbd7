//! The style of the terminal view: colours, characters and width.

use anstyle::{AnsiColor, Effects, Style as Ansi};

/// The default width in columns.
const DEFAULT_WIDTH: usize = 100;

/// The supported widths in columns. Below 40 a tree is unreadable.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=1000;

/// How many similar items are shown by default.
const REPEATS: usize = 3;

/// The style in which the terminal view is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour with ANSI escape codes. Without colour the only control character is the
    /// newline.
    pub color: bool,
    /// Whether to use box-drawing and other non-ASCII characters. Without them the text is plain
    /// ASCII.
    pub unicode: bool,
    /// The width in columns at which lines wrap. Clamped to 40 to 1000.
    pub width: usize,
    /// How many similar items are shown in full before the rest is summarised in one line. `None`
    /// shows all, however many lines that takes.
    ///
    /// Similar are: spans with the same parent, name and scope; traces whose roots are similar;
    /// consecutive events of a span with the same name; log records with the same scope, severity,
    /// event name and message. The slowest of them, the first 20 with an error in or below them,
    /// and the first 20 warnings or errors are also shown in full. With a limit here, the whole
    /// view is bounded too: a line says how much was left out.
    pub repeats: Option<usize>,
}

impl Default for Style {
    /// Returns the style for a file: no colour, Unicode, 100 columns, everything in full.
    fn default() -> Self {
        Self {
            color: false,
            unicode: true,
            width: DEFAULT_WIDTH,
            repeats: None,
        }
    }
}

impl Style {
    /// Chooses a style for an output.
    ///
    /// `terminal_width` is the terminal's own width in columns. `env` looks up an environment
    /// variable:
    ///
    /// - `NO_COLOR` (set and not empty), `CLICOLOR=0` and `TERM=dumb` turn colour off.
    ///   `CLICOLOR_FORCE` (set and neither empty nor `0`) turns it on for outputs that are no
    ///   terminal, unless `NO_COLOR` is set.
    /// - `COLUMNS`, a number, takes precedence over `terminal_width`.
    /// - The first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set and not empty decides whether
    ///   non-ASCII characters are used. They are if none is set.
    ///
    /// Similar items are summarised after three.
    pub fn detect(
        is_terminal: bool,
        terminal_width: Option<usize>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let refused = set("CLICOLOR").is_some_and(|value| value == "0")
            || set("TERM").is_some_and(|value| value == "dumb");
        let locale = set("LC_ALL")
            .or_else(|| set("LC_CTYPE"))
            .or_else(|| set("LANG"));
        Self {
            color: set("NO_COLOR").is_none() && (forced || (is_terminal && !refused)),
            unicode: locale.is_none_or(|locale| {
                let locale = locale.to_ascii_lowercase();
                locale.contains("utf-8") || locale.contains("utf8")
            }),
            width: set("COLUMNS")
                .and_then(|columns| columns.trim().parse().ok())
                .or(terminal_width)
                .filter(|&width| width > 0)
                .unwrap_or(DEFAULT_WIDTH),
            repeats: Some(REPEATS),
        }
    }

    /// Returns the width within the supported range.
    pub(super) fn columns(&self) -> usize {
        self.width.clamp(*WIDTHS.start(), *WIDTHS.end())
    }

    /// Chooses between a Unicode character and its ASCII replacement.
    pub(super) fn pick(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }
}

/// The role of a piece of text, which determines its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// Ordinary text.
    Plain,
    /// Guide lines and less important text.
    Faint,
    /// Names.
    Strong,
    /// Headings.
    Title,
    /// An attribute's key.
    Key,
    /// A good outcome.
    Good,
    /// Something that needs attention.
    Warning,
    /// An error.
    Bad,
    /// Bars.
    Bar,
}

impl Paint {
    /// Returns the ANSI style. Uses only the sixteen standard colours, which are readable on light
    /// and dark themes.
    pub(super) fn ansi(self) -> Ansi {
        let colored = |color: AnsiColor| Ansi::new().fg_color(Some(color.into()));
        match self {
            Self::Plain => Ansi::new(),
            Self::Faint => Ansi::new().effects(Effects::DIMMED),
            Self::Strong => Ansi::new().effects(Effects::BOLD),
            Self::Title => colored(AnsiColor::Magenta).effects(Effects::BOLD),
            Self::Key => colored(AnsiColor::Cyan),
            Self::Good => colored(AnsiColor::Green),
            Self::Warning => colored(AnsiColor::Yellow),
            Self::Bad => colored(AnsiColor::Red).effects(Effects::BOLD),
            Self::Bar => colored(AnsiColor::Blue),
        }
    }
}
