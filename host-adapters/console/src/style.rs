//! How the terminal view looks: colours, characters and width.

use anstyle::{AnsiColor, Effects, Style as Ansi};

/// The width that is assumed where none is known, in columns.
const DEFAULT_WIDTH: usize = 100;

/// The widths that are used, in columns: below 40 a tree cannot be read.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=1000;

/// How many of what repeats are shown where nothing else is said.
const REPEATS: usize = 3;

/// Says how the terminal view is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour by ANSI escape codes. Without it the text holds no control character but the newline.
    pub color: bool,
    /// Whether to draw with box characters and show letters beyond ASCII. Without it the text is plain ASCII.
    pub unicode: bool,
    /// The width in columns at which lines are wrapped; 40 to 1000, what lies outside is brought inside.
    pub width: usize,
    /// How many of what repeats are shown in full before the rest becomes one line that sums them up; `None` shows
    /// all, however many lines that takes.
    ///
    /// Spans repeat that have one parent, one name and one scope; traces, whose roots have; events
    /// of a span that follow on one another and have one name; log records that have one scope,
    /// severity, event name and message. The slowest of them is shown in full as well, and so are
    /// the first 20 with an error in or below them, and the first 20 warnings or errors. With a
    /// limit here the whole view is bounded too: a line says what was left out.
    pub repeats: Option<usize>,
}

impl Default for Style {
    /// Gives the style for a file: no colour, Unicode, 100 columns, everything in full.
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
    /// Chooses a style for an output from what is known of it.
    ///
    /// `terminal_width` is what the terminal itself says, in columns. `env` looks up an environment variable:
    ///
    /// - `NO_COLOR` (set and not empty), `CLICOLOR=0` and `TERM=dumb` turn colour off; `CLICOLOR_FORCE` (set and
    ///   neither empty nor `0`) turns it on where the output is not a terminal, unless `NO_COLOR` forbids it;
    /// - `COLUMNS`, a number, goes over `terminal_width`;
    /// - `LC_ALL`, `LC_CTYPE` and `LANG`: the first that is set and not empty says whether letters beyond ASCII
    ///   can be shown; where none is, they can.
    ///
    /// What repeats is summed up after three.
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

    /// The width within its bounds.
    pub(super) fn columns(&self) -> usize {
        self.width.clamp(*WIDTHS.start(), *WIDTHS.end())
    }

    /// Chooses between a drawing character and its stand-in.
    pub(super) fn pick(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }
}

/// What a piece of text is, from which its colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// Ordinary text.
    Plain,
    /// Drawing and what matters less.
    Faint,
    /// Names.
    Strong,
    /// Headings.
    Title,
    /// An attribute's key.
    Key,
    /// A good outcome.
    Good,
    /// Something to look at.
    Warning,
    /// An error.
    Bad,
    /// Bars.
    Bar,
}

impl Paint {
    /// The ANSI style of it. Only the sixteen colours that every theme defines, so that it reads on light and dark.
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
