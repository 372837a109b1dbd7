//! Finds the export that makes a component a command of WASI 0.2, and explains why there is none.

use std::fmt;

use super::{Extern, ExternKind};

/// The interface that a command exports.
const RUN: &str = "wasi:cli/run";
/// The prefix of the versions that can be run.
const VERSION_PREFIX: &str = "0.2.";
/// The type of its function `run`.
const RUN_TYPE: &str = "func() -> result";
/// The interfaces that a component exports to serve HTTP.
const HTTP: [&str; 2] = ["wasi:http/incoming-handler", "wasi:http/handler"];

/// Returns the name of the export to run: the highest version `0.2.x` of `wasi:cli/run` that has a
/// function `run: func() -> result`.
///
/// # Errors
///
/// Returns [`NotACommand`], with every reason, if there is none.
pub fn command(exports: &[Extern]) -> Result<&str, NotACommand> {
    let mut faults = Vec::new();
    let mut best: Option<(u64, &str)> = None;
    for export in exports {
        let patch = match patch_of(export) {
            None => continue,
            Some(Ok(patch)) => patch,
            Some(Err(fault)) => {
                faults.push(fault);
                continue;
            }
        };
        if best.is_none_or(|(highest, _)| patch > highest) {
            best = Some((patch, &export.name));
        }
    }
    match best {
        Some((_, name)) => Ok(name),
        None => Err(NotACommand {
            claims: !faults.is_empty(),
            reason: if faults.is_empty() {
                without_run(exports)
            } else {
                faults.join("; ")
            },
        }),
    }
}

/// Returns the `x` of a version `0.2.x` that can be run, or the reason why the export cannot be
/// run. Returns `None` for another interface.
fn patch_of(export: &Extern) -> Option<Result<u64, String>> {
    let name = &export.name;
    let (base, version) = name.split_once('@').unwrap_or((name, ""));
    if base != RUN {
        return None;
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let patch = version.strip_prefix(VERSION_PREFIX).filter(|patch| {
        // Build metadata does not make another version.
        is_number(patch.split_once('+').map_or(*patch, |(patch, _)| patch))
    });
    let Some(patch) = patch else {
        return Some(Err(other_version(name, version)));
    };
    let patch = patch.split_once('+').map_or(patch, |(patch, _)| patch);
    Some(match fault(export) {
        Some(fault) => Err(fault),
        None => Ok(patch.parse().unwrap_or(u64::MAX)),
    })
}

fn other_version(name: &str, version: &str) -> String {
    let what = match version {
        "" => "which has no version",
        _ if version.starts_with("0.2.0-") || version.starts_with("0.1.") => {
            "a version from before WASI 0.2.0"
        }
        _ if version.starts_with("0.3.") => "a version of WASI 0.3, which this host cannot run yet",
        _ => "a version that this host cannot run",
    };
    format!(
        "it exports `{name}`, {what}; build it for {RUN}@0.2, for instance with `cargo build --target wasm32-wasip2`"
    )
}

/// Returns what is wrong with an export of the right name and version.
fn fault(export: &Extern) -> Option<String> {
    let name = &export.name;
    if export.kind != ExternKind::Interface {
        let kind = export.kind;
        return Some(format!(
            "`{name}` is a {kind}; it must be an interface with a function `run: {RUN_TYPE}`"
        ));
    }
    let Some(run) = export.items.iter().find(|item| item.name == "run") else {
        return Some(format!(
            "`{name}` has no function `run`; it must have `run: {RUN_TYPE}`"
        ));
    };
    if run.kind != ExternKind::Function {
        let kind = run.kind;
        let article = if kind == ExternKind::Interface {
            "an"
        } else {
            "a"
        };
        return Some(format!(
            "`run` of `{name}` is {article} {kind}; it must be a function, `run: {RUN_TYPE}`"
        ));
    }
    let ty = run.ty.as_deref().unwrap_or("func");
    (ty != RUN_TYPE)
        .then(|| format!("the function `run` of `{name}` is `{ty}`, expected `{RUN_TYPE}`"))
}

/// Describes a component that exports no version of `wasi:cli/run`.
fn without_run(exports: &[Extern]) -> String {
    let missing = format!("it does not export {RUN}@0.2");
    if exports.is_empty() {
        return format!("{missing}; it exports nothing");
    }
    let is_http = |export: &Extern| {
        let base = export.name.split('@').next().unwrap_or_default();
        HTTP.contains(&base)
    };
    if let Some(handler) = exports.iter().find(|export| is_http(export)) {
        return format!(
            "{missing}; it exports `{}`, so it serves HTTP requests, which this host cannot do yet",
            handler.name
        );
    }
    let is_run = |export: &&Extern| export.name == "run" && export.kind == ExternKind::Function;
    if exports.iter().any(|export| is_run(&export)) {
        return format!(
            "{missing}; it exports a function `run` by itself, which must be part of the interface {RUN}@0.2"
        );
    }
    format!("{missing}; it exports: {}", listed(exports))
}

/// How many exports a message names.
const MAX_LISTED: usize = 20;

fn listed(exports: &[Extern]) -> String {
    let names = exports.iter().take(MAX_LISTED);
    let mut names: Vec<_> = names.map(|export| export.name.clone()).collect();
    match exports.len().saturating_sub(MAX_LISTED) {
        0 => {}
        more => names.push(format!("and {more} more")),
    }
    names.join(", ")
}

/// A component that is not a command of WASI 0.2. Its `Display` says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotACommand {
    claims: bool,
    reason: String,
}

impl NotACommand {
    /// Returns whether the component exports `wasi:cli/run`, though in a form that cannot be run.
    #[must_use]
    pub fn claims_to_be_one(&self) -> bool {
        self.claims
    }
}

impl fmt::Display for NotACommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a command: {}", self.reason)
    }
}

impl std::error::Error for NotACommand {}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, functions: &[(&str, &str)]) -> Extern {
        let items = functions.iter().map(|(name, ty)| function(name, ty));
        Extern {
            items: items.collect(),
            ..Extern::new(name, ExternKind::Interface)
        }
    }

    fn function(name: &str, ty: &str) -> Extern {
        Extern {
            ty: Some(ty.to_owned()),
            ..Extern::new(name, ExternKind::Function)
        }
    }

    fn run(version: &str) -> Extern {
        interface(&format!("wasi:cli/run{version}"), &[("run", RUN_TYPE)])
    }

    #[test]
    fn highest_runnable_version_is_chosen() {
        let exports = [
            run("@0.2.0"),
            run("@0.2.12"),
            run("@0.2.3"),
            run("@0.3.0"),
            interface("wasi:cli/run@0.2.13", &[]),
        ];
        assert_eq!(command(&exports), Ok("wasi:cli/run@0.2.12"));
        let extra = interface(
            "wasi:cli/run@0.2.0+x",
            &[("stop", "func()"), ("run", RUN_TYPE)],
        );
        assert_eq!(command(&[extra]), Ok("wasi:cli/run@0.2.0+x"));
    }

    #[test]
    fn error_says_what_is_wrong_with_the_export() {
        let typed = |ty| interface("wasi:cli/run@0.2.0", &[("run", ty)]);
        let holding = |kind| Extern {
            items: vec![Extern::new("run", kind)],
            ..Extern::new("wasi:cli/run@0.2.0", ExternKind::Interface)
        };
        let resource = holding(ExternKind::Resource);
        let nested = holding(ExternKind::Interface);
        for (export, words) in [
            (run("@0.2.0-rc-2023-12-05"), "before WASI 0.2.0"),
            (run("@0.3.0"), "WASI 0.3"),
            (run("@0.3.0-rc-2025-09-16"), "WASI 0.3"),
            (run("@1.0.0"), "cannot run"),
            (run("@0.20.0"), "cannot run"),
            (run(""), "no version"),
            (interface("wasi:cli/run@0.2.0", &[]), "no function `run`"),
            (
                interface("wasi:cli/run@0.2.0", &[("runs", RUN_TYPE)]),
                "no function `run`",
            ),
            (function("wasi:cli/run@0.2.0", RUN_TYPE), "is a function"),
            (resource, "`run` of `wasi:cli/run@0.2.0` is a resource"),
            (nested, "`run` of `wasi:cli/run@0.2.0` is an interface;"),
            (typed("func()"), "is `func()`, expected `func() -> result`"),
            (
                typed("func(a: u32) -> result"),
                "is `func(a: u32) -> result`",
            ),
            (typed("func() -> u32"), "is `func() -> u32`"),
            (typed("func() -> result<u32>"), "is `func() -> result<u32>`"),
            (
                typed("func() -> result<_, string>"),
                "is `func() -> result<_, string>`",
            ),
            (
                typed("async func() -> result"),
                "is `async func() -> result`",
            ),
        ] {
            let not = command(&[export]).expect_err("not a command");
            assert!(not.claims_to_be_one(), "{not}");
            let not = not.to_string();
            assert!(not.starts_with("not a command: "), "{not}");
            assert!(not.contains(words), "no {words:?} in {not}");
        }
    }

    #[test]
    fn error_says_what_the_component_is_instead() {
        for (exports, words) in [
            (vec![], "it exports nothing"),
            (
                vec![interface("wasi:http/incoming-handler@0.2.3", &[])],
                "serves HTTP requests, which this host cannot do yet",
            ),
            (
                vec![function("run", RUN_TYPE)],
                "a function `run` by itself",
            ),
            (
                vec![interface("a:b/c@1.0.0", &[]), function("f", "func()")],
                "it exports: a:b/c@1.0.0, f",
            ),
            (
                vec![interface("wasi:cli/runner@0.2.0", &[])],
                "wasi:cli/runner@0.2.0",
            ),
        ] {
            let not = command(&exports).expect_err("not a command");
            assert!(!not.claims_to_be_one(), "{not}");
            let not = not.to_string();
            assert!(not.contains("it does not export wasi:cli/run@0.2"), "{not}");
            assert!(not.contains(words), "no {words:?} in {not}");
        }
    }

    #[test]
    fn a_list_of_exports_is_bounded() {
        let exports: Vec<_> = (0..1000)
            .map(|n| function(&format!("f{n}"), "func()"))
            .collect();
        let not = command(&exports).expect_err("not a command").to_string();
        assert!(not.ends_with("f19, and 980 more"), "{not}");
    }
}
