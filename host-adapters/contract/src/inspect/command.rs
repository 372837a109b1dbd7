//! Finds the export that a host calls, and explains why there is none: `run` of a command, `handle`
//! of an HTTP handler of WASI 0.2.

use std::fmt;

use super::{Extern, ExternKind};

/// The prefix of the versions that can be called.
const VERSION_PREFIX: &str = "0.2.";

/// An interface with the function that a host calls.
struct Entry {
    interface: &'static str,
    function: &'static str,
    /// The type of the function.
    ty: &'static str,
}

const RUN: Entry = Entry {
    interface: "wasi:cli/run",
    function: "run",
    ty: "func() -> result",
};

const HANDLE: Entry = Entry {
    interface: "wasi:http/incoming-handler",
    function: "handle",
    ty: "func(request: incoming-request, response-out: response-outparam)",
};

/// The interface of WASI 0.3 that replaces `wasi:http/incoming-handler`.
const HANDLE_OF_WASI_03: &str = "wasi:http/handler";

/// Returns the name of the export to run: the highest version `0.2.x` of `wasi:cli/run` that has a
/// function `run: func() -> result`.
///
/// # Errors
///
/// Returns [`NotACommand`], with every reason, if there is none.
pub fn command(exports: &[Extern]) -> Result<&str, NotACommand> {
    RUN.find(exports).map_err(NotACommand)
}

/// Returns the name of the export that answers HTTP requests: the highest version `0.2.x` of
/// `wasi:http/incoming-handler` that has a function `handle` of the right type.
///
/// # Errors
///
/// Returns [`NotAHandler`], with every reason, if there is none.
pub fn http_handler(exports: &[Extern]) -> Result<&str, NotAHandler> {
    HANDLE.find(exports).map_err(NotAHandler)
}

impl Entry {
    /// Returns the name of the interface with the highest version that can be called.
    fn find<'a>(&self, exports: &'a [Extern]) -> Result<&'a str, Mismatch> {
        let mut faults = Vec::new();
        let mut best: Option<(u64, &str)> = None;
        for export in exports {
            let patch = match self.patch_of(export) {
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
            None => Err(Mismatch {
                claims: !faults.is_empty(),
                reason: if faults.is_empty() {
                    self.missing(exports)
                } else {
                    faults.join("; ")
                },
            }),
        }
    }

    /// Returns the `x` of a version `0.2.x` that can be called, or the reason why the export cannot
    /// be called. Returns `None` for another interface.
    fn patch_of(&self, export: &Extern) -> Option<Result<u64, String>> {
        let name = &export.name;
        let (base, version) = name.split_once('@').unwrap_or((name, ""));
        if base != self.interface {
            return None;
        }
        let is_number =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let patch = version.strip_prefix(VERSION_PREFIX).filter(|patch| {
            // Build metadata does not make another version.
            is_number(patch.split_once('+').map_or(*patch, |(patch, _)| patch))
        });
        let Some(patch) = patch else {
            return Some(Err(self.other_version(name, version)));
        };
        let patch = patch.split_once('+').map_or(patch, |(patch, _)| patch);
        Some(match self.fault(export) {
            Some(fault) => Err(fault),
            None => Ok(patch.parse().unwrap_or(u64::MAX)),
        })
    }

    fn other_version(&self, name: &str, version: &str) -> String {
        let what = match version {
            "" => "which has no version",
            _ if version.starts_with("0.2.0-") || version.starts_with("0.1.") => {
                "a version from before WASI 0.2.0"
            }
            _ if version.starts_with("0.3.") => {
                "a version of WASI 0.3, which this host cannot run yet"
            }
            _ => "a version that this host cannot run",
        };
        let interface = self.interface;
        format!(
            "it exports `{name}`, {what}; build it for {interface}@0.2, for instance with `cargo build --target wasm32-wasip2`"
        )
    }

    /// Returns what is wrong with an export of the right name and version.
    fn fault(&self, export: &Extern) -> Option<String> {
        let name = &export.name;
        let Self { function, ty, .. } = self;
        if export.kind != ExternKind::Interface {
            let kind = export.kind;
            return Some(format!(
                "`{name}` is a {kind}; it must be an interface with a function `{function}: {ty}`"
            ));
        }
        let Some(found) = export.items.iter().find(|item| item.name == *function) else {
            return Some(format!(
                "`{name}` has no function `{function}`; it must have `{function}: {ty}`"
            ));
        };
        if found.kind != ExternKind::Function {
            let kind = found.kind;
            let article = if kind == ExternKind::Interface {
                "an"
            } else {
                "a"
            };
            return Some(format!(
                "`{function}` of `{name}` is {article} {kind}; it must be a function, `{function}: {ty}`"
            ));
        }
        let found = found.ty.as_deref().unwrap_or("func");
        (found != *ty)
            .then(|| format!("the function `{function}` of `{name}` is `{found}`, expected `{ty}`"))
    }

    /// Describes a component that exports no version of the interface.
    fn missing(&self, exports: &[Extern]) -> String {
        let Self {
            interface,
            function,
            ..
        } = self;
        let missing = format!("it does not export {interface}@0.2");
        if exports.is_empty() {
            return format!("{missing}; it exports nothing");
        }
        let find = |wanted: &str| {
            exports.iter().find(|export| {
                let base = export.name.split('@').next().unwrap_or_default();
                base == wanted
            })
        };
        if let Some(handler) = find(HANDLE_OF_WASI_03) {
            return format!(
                "{missing}; it exports `{}`, so it answers HTTP requests by WASI 0.3, which this host cannot run yet",
                handler.name
            );
        }
        for (other, command) in [(&HANDLE, "serve"), (&RUN, "run")] {
            if let Some(found) = find(other.interface).filter(|_| other.interface != *interface) {
                let name = &found.name;
                return format!("{missing}; it exports `{name}`: use `wasmscope {command}`");
            }
        }
        let is_function =
            |export: &Extern| export.name == *function && export.kind == ExternKind::Function;
        if exports.iter().any(is_function) {
            return format!(
                "{missing}; it exports a function `{function}` by itself, which must be part of the interface {interface}@0.2"
            );
        }
        format!("{missing}; it exports: {}", listed(exports))
    }
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

/// Why no export can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mismatch {
    /// Whether the component exports the interface, though in a form that cannot be called.
    claims: bool,
    reason: String,
}

macro_rules! mismatches {
    ($($(#[$doc:meta])* $name:ident, $interface:literal, $title:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(Mismatch);

        impl $name {
            #[doc = concat!("Returns whether the component exports `", $interface, "`, though in a form that cannot be called.")]
            #[must_use]
            pub fn claims_to_be_one(&self) -> bool {
                self.0.claims
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}: {}", $title, self.0.reason)
            }
        }

        impl std::error::Error for $name {}
    )+};
}

mismatches! {
    /// A component that is not a command of WASI 0.2. Its `Display` says why.
    NotACommand, "wasi:cli/run", "not a command";
    /// A component that is not an HTTP handler of WASI 0.2. Its `Display` says why.
    NotAHandler, "wasi:http/incoming-handler", "not an HTTP handler";
}

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
        interface(&format!("wasi:cli/run{version}"), &[("run", RUN.ty)])
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
            &[("stop", "func()"), ("run", RUN.ty)],
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
                interface("wasi:cli/run@0.2.0", &[("runs", RUN.ty)]),
                "no function `run`",
            ),
            (function("wasi:cli/run@0.2.0", RUN.ty), "is a function"),
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
                "it exports `wasi:http/incoming-handler@0.2.3`: use `wasmscope serve`",
            ),
            (vec![function("run", RUN.ty)], "a function `run` by itself"),
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

    fn handler(version: &str) -> Extern {
        let name = format!("{}{version}", HANDLE.interface);
        interface(&name, &[("handle", HANDLE.ty)])
    }

    #[test]
    fn a_handler_is_found_beside_a_command() {
        let exports = [run("@0.2.3"), handler("@0.2.0"), handler("@0.2.8")];
        assert_eq!(
            http_handler(&exports),
            Ok("wasi:http/incoming-handler@0.2.8")
        );
        assert_eq!(command(&exports), Ok("wasi:cli/run@0.2.3"));
    }

    #[test]
    fn error_says_why_a_component_is_not_a_handler() {
        let name = "wasi:http/incoming-handler@0.2.0";
        for (exports, expected) in [
            (vec![], "it exports nothing"),
            (
                vec![run("@0.2.0")],
                "it exports `wasi:cli/run@0.2.0`: use `wasmscope run`",
            ),
            (
                vec![interface("wasi:http/handler@0.3.0", &[])],
                "by WASI 0.3, which this host cannot run yet",
            ),
            (vec![handler("@0.3.0")], "a version of WASI 0.3"),
            (vec![interface(name, &[])], "has no function `handle`"),
            (
                vec![interface(name, &[("handle", "func()")])],
                "is `func()`, expected `func(request: incoming-request",
            ),
        ] {
            let error = http_handler(&exports).unwrap_err().to_string();
            assert!(error.starts_with("not an HTTP handler: "), "{error}");
            assert!(error.contains(expected), "{expected} in {error}");
        }
    }
}
