//! Log levels: a default level, and levels for scopes.
//!
//! The notation is that of `RUST_LOG` without regular expressions:
//! `warn,my_crate::db=debug,noisy=off`. A directive without a scope sets the default level. If it
//! is missing, the default is `info`. A directive with a scope applies to that scope and the scopes
//! below it: names are divided at `::` and `.`. The longest matching scope wins.

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::logs::Severity;

use crate::severity::severity_of_level;

/// The lowest severity of the log records that are kept, by default and for scopes.
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
    /// Sorted by length, the longest first.
    scopes: Vec<(String, Option<Severity>)>,
}

impl LogLevels {
    /// Keeps records of `minimum` and above from every scope. `None` keeps no records.
    pub fn new(minimum: Option<Severity>) -> Self {
        Self {
            global: minimum,
            scopes: Vec::new(),
        }
    }

    /// Keeps records of `minimum` and above from `scope` and the scopes below it. Replaces an
    /// earlier level of `scope`.
    ///
    /// [`check`](Self::check) finds an invalid `scope`, such as `shop::`.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>, minimum: Option<Severity>) -> Self {
        let scope = scope.into();
        self.scopes.retain(|(known, _)| *known != scope);
        let index = self
            .scopes
            .partition_point(|(known, _)| known.len() >= scope.len());
        self.scopes.insert(index, (scope, minimum));
        self
    }

    /// Checks the names of the scopes. [`LogLevels::with_scope`] does not.
    ///
    /// # Errors
    ///
    /// Returns [`ParseLogLevelsError::BadScope`] with the first invalid name.
    pub fn check(&self) -> Result<(), ParseLogLevelsError> {
        match self.scopes.iter().find(|(scope, _)| !is_scope(scope)) {
            Some((scope, _)) => Err(ParseLogLevelsError::BadScope(scope.clone())),
            None => Ok(()),
        }
    }

    /// Returns the lowest severity of the records that are kept from `scope`. `None` if none are.
    pub fn minimum(&self, scope: &str) -> Option<Severity> {
        self.scopes
            .iter()
            .find(|(prefix, _)| covers(prefix, scope))
            .map_or(self.global, |(_, minimum)| *minimum)
    }
}

impl Default for LogLevels {
    /// Keeps records of `info` and above from every scope.
    fn default() -> Self {
        Self::new(Some(Severity::Info))
    }
}

/// Returns whether a text can be the name of a scope, or the beginning of one: segments divided by
/// `::` or `.`, none of which is empty.
///
/// Wildcards and patterns of `RUST_LOG`, such as `shop[span]`, are not names.
fn is_scope(name: &str) -> bool {
    let is_segment =
        |segment: &str| !segment.is_empty() && !segment.starts_with(':') && !segment.ends_with(':');
    name.split("::")
        .flat_map(|part| part.split('.'))
        .all(is_segment)
        && !name.contains(|c: char| c.is_whitespace() || c.is_control() || "=,[]{}*\"".contains(c))
}

/// Returns whether `scope` is `prefix` or below it.
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
                        // If the text is only a level, the error need not repeat it.
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

/// An error in the text of [`LogLevels`]. Its `Display` names the expected text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseLogLevelsError {
    /// The text contains no directive.
    #[error("a log level like `info` or `warn,my_crate::db=debug`")]
    Empty,
    /// The text is not a level.
    #[error("one of trace, debug, info, warn, error, fatal or off")]
    NoLevel,
    /// This part of the text is not a level.
    #[error("one of trace, debug, info, warn, error, fatal or off in place of `{0}`")]
    UnknownLevel(String),
    /// This directive has no scope before its `=`.
    #[error("a scope before `=` in `{0}`, like `my_crate::db=debug`")]
    NoScope(String),
    /// This is not a valid name of a scope.
    #[error("the name of a scope in place of `{0}`, like `my_crate::db`")]
    BadScope(String),
    /// Two directives have the same scope.
    #[error("one log level for {0}, not two")]
    Repeated(String),
}

/// The current log levels, with a generation. Guests compare the generation to find out that their
/// cached levels are out of date.
#[derive(Debug)]
pub(crate) struct CurrentLogLevels {
    levels: RwLock<Arc<LogLevels>>,
    generation: AtomicU32,
}

impl CurrentLogLevels {
    pub(crate) fn new(levels: LogLevels) -> Self {
        Self {
            levels: RwLock::new(Arc::new(levels)),
            // Not zero, so that a guest's zeroed cache is never up to date.
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

    /// Returns the minimum for `scope` with its generation.
    pub(crate) fn minimum(&self, scope: &str) -> (Option<Severity>, u32) {
        // The generation cannot change while the lock is held.
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
    fn level_names_are_case_insensitive() {
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
    fn default_level_is_info_if_only_scopes_have_levels() {
        assert_eq!(levels("a=trace").minimum("z"), Some(Severity::Info));
    }

    #[test]
    fn each_error_is_distinguished() {
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
    fn invalid_names_of_scopes_are_refused() {
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
    fn builder_replaces_the_level_of_a_scope() {
        let levels = LogLevels::new(None)
            .with_scope("a", Some(Severity::Info))
            .with_scope("a", Some(Severity::Fatal));
        assert_eq!(levels.minimum("a"), Some(Severity::Fatal));
        assert_eq!(levels.minimum("b"), None);
    }

    #[test]
    fn setting_levels_changes_the_generation() {
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
