//! Limits on the time to prepare a component, and on the component's size.

use super::program;
use bytesize::ByteSize;
use clap::Args;
use std::time::{Duration, Instant};
use wasmscope_wasmtime::{SizeLimit, SizeLimits};

/// The time limit for preparing if no option sets one.
const DEFAULT: Duration = Duration::from_secs(600);

/// The shortest time limit for preparing that `--timeout` can imply.
const MIN_IMPLIED: Duration = Duration::from_secs(5);

/// The limits on preparing a component.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Preparation")]
pub(crate) struct Preparation {
    /// Limits the time to read, check and compile the component, for example to 2m.
    /// [default: 10m; with `run --timeout`, that time if it is shorter, and 5s at least]
    #[arg(long, value_name = "DURATION", value_parser = program::timeout, allow_negative_numbers = true)]
    prepare_timeout: Option<Duration>,
    /// Changes a limit on the component's size. The names, with their defaults, are bytes
    /// (256MiB), modules (1000), definitions (200000), functions (250000), function_bytes
    /// (2MiB), arity (200), globals (50000), module_bytes (64MiB), nesting (100), type_items
    /// (1000000) and type_nesting (100). Modules and components that are instantiated several
    /// times count each time. Repeatable.
    #[arg(long, value_name = "NAME=NUMBER", value_parser = size_limit)]
    size_limit: Vec<SizeSetting>,
}

/// A limit on the component's size, and its value.
#[derive(Debug, Clone, Copy)]
struct SizeSetting {
    limit: SizeLimit,
    value: u64,
}

impl Preparation {
    /// Returns the limits on the component's size.
    pub(crate) fn size_limits(&self) -> SizeLimits {
        let mut limits = SizeLimits::default();
        for SizeSetting { limit, value } in &self.size_limit {
            // The parser has already rejected invalid values.
            let _ = limits.set(*limit, *value);
        }
        limits
    }

    /// Returns the deadline, counted from now. `timeout` is how long the program may run.
    pub(crate) fn deadline(&self, timeout: Option<Duration>) -> Deadline {
        let (after, option) = match (self.prepare_timeout, timeout) {
            (Some(given), _) => (given, "--prepare-timeout"),
            (None, Some(timeout)) if timeout < DEFAULT => (timeout.max(MIN_IMPLIED), "--timeout"),
            (None, _) => (DEFAULT, "--prepare-timeout"),
        };
        Deadline {
            at: Instant::now().checked_add(after),
            after,
            option,
        }
    }
}

/// The time at which preparing must be finished.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    after: Duration,
    option: &'static str,
}

impl Deadline {
    /// Returns the deadline, or `None` if it is later than clocks can represent.
    pub(crate) fn at(&self) -> Option<Instant> {
        self.at
    }

    /// Returns true if the deadline has passed.
    pub(crate) fn is_over(&self) -> bool {
        self.at.is_some_and(|at| at <= Instant::now())
    }

    /// Returns the option that sets the deadline, and the time that it allows, for messages.
    pub(crate) fn allowed(&self) -> String {
        let after = humantime::format_duration(self.after);
        match self.option {
            "--timeout" => {
                format!("--timeout allows ({after}); --prepare-timeout sets a separate limit")
            }
            option => format!("{option} allows ({after})"),
        }
    }
}

/// Parses a limit on the component's size.
fn size_limit(text: &str) -> Result<SizeSetting, String> {
    let names = || SizeLimit::ALL.map(SizeLimit::name).join(", ");
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| "expected NAME=NUMBER, for example functions=500000".to_owned())?;
    let limit = SizeLimit::named(name)
        .ok_or_else(|| format!("unknown limit `{name}`; the limits are {}", names()))?;
    let number = value.parse().ok();
    let number = number.or_else(|| value.parse::<ByteSize>().ok().map(|size| size.as_u64()));
    let value = number.ok_or_else(|| {
        format!("expected a number for `{name}`, for example {name}=500000 or {name}=64MiB")
    })?;
    let set = SizeLimits::default().set(limit, value).map(drop);
    set.map_err(|error| error.to_string())?;
    Ok(SizeSetting { limit, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preparation(prepare_timeout: Option<u64>) -> Preparation {
        Preparation {
            prepare_timeout: prepare_timeout.map(Duration::from_secs),
            size_limit: Vec::new(),
        }
    }

    #[test]
    fn preparing_has_its_own_limit_or_that_of_the_program() {
        for (own, program, expected, words) in [
            (None, None, 600, "--prepare-timeout allows (10m)"),
            (None, Some(20), 20, "--timeout allows (20s)"),
            (None, Some(1), 5, "--timeout allows (5s)"),
            (None, Some(3600), 600, "--prepare-timeout allows (10m)"),
            (Some(2), Some(20), 2, "--prepare-timeout allows (2s)"),
            (Some(1200), None, 1200, "--prepare-timeout allows (20m)"),
        ] {
            let before = Instant::now();
            let deadline = preparation(own).deadline(program.map(Duration::from_secs));
            let at = deadline.at().expect("soon enough");
            let after = at - before;
            assert!(after >= Duration::from_secs(expected), "{after:?}");
            assert!(after < Duration::from_secs(expected + 60), "{after:?}");
            let allowed = deadline.allowed();
            assert!(allowed.starts_with(words), "{allowed}");
        }
    }

    #[test]
    fn limits_are_numbers_or_sizes_and_the_last_one_applies() {
        let mut options = preparation(None);
        for text in ["functions=1", "bytes=2MiB", "functions=3"] {
            options.size_limit.push(size_limit(text).expect("a limit"));
        }
        let limits = options.size_limits();
        assert_eq!(limits.get(SizeLimit::Functions), 3);
        assert_eq!(limits.get(SizeLimit::Bytes), 2 << 20);
        assert_eq!(limits.get(SizeLimit::Nesting), 100);
        for (text, words) in [
            ("functions", "NAME=NUMBER"),
            ("function=1", "the limits are bytes, modules, definitions"),
            ("functions=many", "expected a number for `functions`"),
            ("functions=-1", "expected a number for `functions`"),
            ("functions=", "expected a number for `functions`"),
            (
                "type_nesting=201",
                "expected a number from 0 to 200 for `type_nesting`",
            ),
            (
                "nesting=1GiB",
                "expected a number from 0 to 1000 for `nesting`",
            ),
            ("bytes=0", "expected a number of at least 8 for `bytes`"),
        ] {
            let error = size_limit(text).expect_err("refused");
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn the_help_names_every_limit_with_its_default() {
        use clap::CommandFactory as _;
        let mut command = crate::args::Cli::command();
        let run = command.find_subcommand_mut("run").expect("there");
        let help: String = run.render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let defaults = SizeLimits::default();
        for limit in SizeLimit::ALL {
            let value = defaults.get(limit);
            let is_size = matches!(
                limit,
                SizeLimit::Bytes | SizeLimit::FunctionBytes | SizeLimit::ModuleBytes
            );
            let shown = if is_size {
                let size = ByteSize(value).display().iec().to_string();
                size.replace(".0 ", "")
            } else {
                value.to_string()
            };
            let words = format!("{} ({shown})", limit.name());
            assert!(help.contains(&words), "no {words:?} in {help}");
        }
    }
}
