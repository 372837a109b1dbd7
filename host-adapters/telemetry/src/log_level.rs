//! Which log records are wanted: a severity for everything, and others by scope.
//!
//! The notation is that of `RUST_LOG` without its regular expressions:
//! `warn,my_crate::db=debug,noisy=off`. A directive without a scope sets what holds for all others;
//! where it is missing, that is `info`. A scope's directive holds for that scope and those below
//! it, where a name ends at `::` or `.`; the longest one that fits wins.

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::logs::Severity;

use crate::severity::severity_of_level;

/// The lowest severity that is wanted, globally and by scope.
///
/// ```
/// use opentelemetry::logs::Severity;
/// use wasmscope_telemetry::log_level::LogLevels;
///
/// let levels: LogLevels = "warn,shop::db=debug,noisy=off".parse()?;
/// assert_eq!(levels.minimum("shop::web"), Some(Severity::Warn));
/// assert_eq!(levels.minimum("shop::db::pool"), Some(Severity::Debug));
/// assert_eq!(levels.minimum("noisy"), None);
/// # Ok::<(), wasmscope_telemetry::log_level::ParseLogLevelsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevels {
    global: Option<Severity>,
    /// Longest prefix first.
    scopes: Vec<(String, Option<Severity>)>,
}

impl LogLevels {
    /// Wants records of `minimum` and above from every scope; none at all where it is `None`.
    pub fn new(minimum: Option<Severity>) -> Self {
        Self {
            global: minimum,
            scopes: Vec::new(),
        }
    }

    /// Wants records of `minimum` and above from `scope` and the scopes below it, replacing what
    /// was said of `scope` before.
    ///
    /// [`check`](Self::check) finds a `scope` that names none, such as `shop::`.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>, minimum: Option<Severity>) -> Self {
        let scope = scope.into();
        self.scopes.retain(|(known, _)| *known != scope);
        let place = self
            .scopes
            .partition_point(|(known, _)| known.len() >= scope.len());
        self.scopes.insert(place, (scope, minimum));
        self
    }

    /// Checks the names of the scopes, which [`LogLevels::with_scope`] takes as they are.
    ///
    /// # Errors
    ///
    /// [`ParseLogLevelsError::BadScope`] with the first one that is no scope.
    pub fn check(&self) -> Result<(), ParseLogLevelsError> {
        match self.scopes.iter().find(|(scope, _)| !is_scope(scope)) {
            Some((scope, _)) => Err(ParseLogLevelsError::BadScope(scope.clone())),
            None => Ok(()),
        }
    }

    /// Returns the lowest severity that is wanted from `scope`; `None` where nothing is.
    pub fn minimum(&self, scope: &str) -> Option<Severity> {
        self.scopes
            .iter()
            .find(|(prefix, _)| covers(prefix, scope))
            .map_or(self.global, |(_, minimum)| *minimum)
    }
}

impl Default for LogLevels {
    /// `info` for every scope.
    fn default() -> Self {
        Self::new(Some(Severity::Info))
    }
}

/// Returns whether a text can be the name of a scope, or of a scope above it: segments between `::`
/// or `.`, none of which is empty.
///
/// Patterns of `RUST_LOG`, such as `shop[span]`, and wildcards are not names.
fn is_scope(name: &str) -> bool {
    let is_segment =
        |segment: &str| !segment.is_empty() && !segment.starts_with(':') && !segment.ends_with(':');
    name.split("::")
        .flat_map(|part| part.split('.'))
        .all(is_segment)
        && !name.contains(|c: char| c.is_whitespace() || c.is_control() || "=,[]{}*\"".contains(c))
}

/// Returns whether `scope` is `prefix` or lies below it.
fn covers(prefix: &str, scope: &str) -> bool {
    scope
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || rest.starts_with('.'))
}

impl FromStr for LogLevels {
    type Err = ParseLogLevelsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut levels = Self::default();
        let mut global_seen = false;
        let mut scopes_seen = Vec::new();
        for directive in text
            .split(',')
            .map(str::trim)
            .filter(|directive| !directive.is_empty())
        {
            match directive.split_once('=') {
                None => {
                    if std::mem::replace(&mut global_seen, true) {
                        return Err(ParseLogLevelsError::Repeated(String::from("all scopes")));
                    }
                    levels.global = parse_severity(directive).map_err(|error| {
                        // Whoever gave the text knows which it is.
                        if directive == text.trim() {
                            ParseLogLevelsError::NoLevel
                        } else {
                            error
                        }
                    })?;
                }
                Some((scope, level)) => {
                    let (scope, level) = (scope.trim(), level.trim());
                    if scope.is_empty() {
                        return Err(ParseLogLevelsError::NoScope(String::from(directive)));
                    }
                    if !is_scope(scope) {
                        return Err(ParseLogLevelsError::BadScope(String::from(scope)));
                    }
                    if scopes_seen.contains(&scope) {
                        return Err(ParseLogLevelsError::Repeated(format!("`{scope}`")));
                    }
                    scopes_seen.push(scope);
                    levels = levels.with_scope(scope, parse_severity(level)?);
                }
            }
        }
        if !global_seen && scopes_seen.is_empty() {
            return Err(ParseLogLevelsError::Empty);
        }
        Ok(levels)
    }
}

fn parse_severity(name: &str) -> Result<Option<Severity>, ParseLogLevelsError> {
    match name.to_ascii_lowercase().as_str() {
        "off" => Ok(None),
        level => match severity_of_level(level) {
            Some(severity) => Ok(Some(severity)),
            None => Err(ParseLogLevelsError::UnknownLevel(String::from(name))),
        },
    }
}

/// What is wrong with the text of [`LogLevels`]; shown, it says what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseLogLevelsError {
    /// Nothing is said at all.
    #[error("a log level like `info` or `warn,my_crate::db=debug`")]
    Empty,
    /// The whole of it is no level.
    #[error("one of trace, debug, info, warn, error, fatal or off")]
    NoLevel,
    /// This, which is a part of it, is no level.
    #[error("one of trace, debug, info, warn, error, fatal or off in place of `{0}`")]
    UnknownLevel(String),
    /// This directive has nothing before its `=`.
    #[error("a scope before `=` in `{0}`, like `my_crate::db=debug`")]
    NoScope(String),
    /// This, before its `=`, names no scope.
    #[error("the name of a scope in place of `{0}`, like `my_crate::db`")]
    BadScope(String),
    /// Two directives are for the same scope.
    #[error("one log level for {0}, not two")]
    Repeated(String),
}

/// The levels in force, and the number by which guests recognise that theirs are out of date.
#[derive(Debug)]
pub(crate) struct CurrentLogLevels {
    levels: RwLock<Arc<LogLevels>>,
    generation: AtomicU32,
}

impl CurrentLogLevels {
    pub(crate) fn new(levels: LogLevels) -> Self {
        Self {
            levels: RwLock::new(Arc::new(levels)),
            // Not zero, so that a guest's zeroed cache is never taken for a current one.
            generation: AtomicU32::new(1),
        }
    }

    pub(crate) fn set(&self, levels: LogLevels) {
        let mut current = self.levels.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(levels);
        self.generation.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }

    /// Returns the minimum for `scope` with the generation that it belongs to.
    pub(crate) fn minimum(&self, scope: &str) -> (Option<Severity>, u32) {
        // Under the lock, the generation cannot move.
        let current = self.levels.read().unwrap_or_else(PoisonError::into_inner);
        (current.minimum(scope), self.generation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(text: &str) -> LogLevels {
        text.parse().unwrap()
    }

    #[test]
    fn every_level_name_is_understood_in_any_case() {
        let table = [
            ("trace", Some(Severity::Trace)),
            ("DEBUG", Some(Severity::Debug)),
            ("Info", Some(Severity::Info)),
            ("warn", Some(Severity::Warn)),
            ("error", Some(Severity::Error)),
            ("fatal", Some(Severity::Fatal)),
            ("off", None),
        ];
        for (text, expected) in table {
            assert_eq!(levels(text).minimum("any"), expected, "{text}");
        }
    }

    #[test]
    fn longest_prefix_at_a_boundary_wins() {
        let levels = levels("warn,a=error,a::b=debug,a::b.c=off,shop.api=trace");
        let table = [
            ("", Some(Severity::Warn)),
            ("b", Some(Severity::Warn)),
            ("a", Some(Severity::Error)),
            ("ab", Some(Severity::Warn)),
            ("a:b", Some(Severity::Warn)),
            ("a::x", Some(Severity::Error)),
            ("a::b", Some(Severity::Debug)),
            ("a::bc", Some(Severity::Error)),
            ("a::b::d", Some(Severity::Debug)),
            ("a::b.c", None),
            ("a::b.c::d", None),
            ("a::b.cd", Some(Severity::Debug)),
            ("shop.api.v1", Some(Severity::Trace)),
            ("shop", Some(Severity::Warn)),
        ];
        for (scope, expected) in table {
            assert_eq!(levels.minimum(scope), expected, "{scope}");
        }
    }

    #[test]
    fn order_of_directives_does_not_matter() {
        assert_eq!(levels("a=debug,a::b=off,warn").minimum("a::b"), None);
        assert_eq!(levels("a::b=off, a=debug , warn,").minimum("a::b"), None);
        assert_eq!(levels("a=debug,warn").minimum("z"), Some(Severity::Warn));
    }

    #[test]
    fn scopes_alone_leave_the_rest_at_info() {
        assert_eq!(levels("a=trace").minimum("z"), Some(Severity::Info));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let table = [
            ("", ParseLogLevelsError::Empty),
            (" , ,", ParseLogLevelsError::Empty),
            (" loud ", ParseLogLevelsError::NoLevel),
            (
                "a=warn,loud",
                ParseLogLevelsError::UnknownLevel("loud".into()),
            ),
            ("a=", ParseLogLevelsError::UnknownLevel(String::new())),
            (
                "a=b=debug",
                ParseLogLevelsError::UnknownLevel("b=debug".into()),
            ),
            ("=debug", ParseLogLevelsError::NoScope("=debug".into())),
            (
                "info,shop::=off",
                ParseLogLevelsError::BadScope("shop::".into()),
            ),
            (
                "info,warn",
                ParseLogLevelsError::Repeated("all scopes".into()),
            ),
            ("a=info,a=warn", ParseLogLevelsError::Repeated("`a`".into())),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<LogLevels>(), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn what_names_no_scope_is_refused() {
        for scope in [
            "shop::",
            "::shop",
            "shop::::db",
            "shop:",
            ":shop",
            "shop:::db",
            "shop.",
            ".shop",
            "shop..db",
            "::",
            ".",
            "shop db",
            "shop*",
            "*",
            "shop[span]",
            "shop[{id}]",
            "\"shop\"",
            "sh\u{1b}op",
        ] {
            let text = format!("info,{scope}=off");
            assert_eq!(
                text.parse::<LogLevels>(),
                Err(ParseLogLevelsError::BadScope(scope.into()))
            );
            let built = LogLevels::default().with_scope(scope, None);
            assert!(built.check().is_err(), "{scope}");
        }
        assert!(LogLevels::default().with_scope("", None).check().is_err());
        for scope in [
            "shop",
            "shop::db",
            "shop.db",
            "a:b",
            "@scope/name",
            "github.com/a-b/c_d",
            "größe",
        ] {
            let built = LogLevels::default().with_scope(scope, None);
            assert_eq!(built.check(), Ok(()), "{scope}");
            assert_eq!(format!("{scope}=off").parse(), Ok(built));
        }
    }

    #[test]
    fn builder_replaces_what_was_said_of_a_scope() {
        let levels = LogLevels::new(None)
            .with_scope("a", Some(Severity::Info))
            .with_scope("a", Some(Severity::Fatal));
        assert_eq!(levels.minimum("a"), Some(Severity::Fatal));
        assert_eq!(levels.minimum("b"), None);
    }

    #[test]
    fn setting_levels_moves_the_generation() {
        let current = CurrentLogLevels::new(LogLevels::default());
        let (minimum, generation) = current.minimum("a");
        assert_eq!(minimum, Some(Severity::Info));
        current.set(levels("a=error"));
        assert_ne!(current.generation(), generation);
        assert_eq!(
            current.minimum("a"),
            (Some(Severity::Error), current.generation())
        );
    }
}
