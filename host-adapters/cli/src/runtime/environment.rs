//! The arguments and the environment of a program.

use crate::args::Program;
use crate::failure::Failure;
use crate::messages::say;
use std::env::VarError;
use std::path::Path;
use wasmscope_telemetry::Runtime;

/// Arguments and environment of the program.
#[derive(Debug)]
pub(crate) struct GuestEnv {
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
}

impl GuestEnv {
    pub(crate) fn new(
        component: &Path,
        args: &[String],
        program: &Program,
        runtime: &Runtime,
    ) -> Result<Self, Failure> {
        let name = component
            .file_name()
            .unwrap_or(component.as_os_str())
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            args: std::iter::once(name).chain(args.iter().cloned()).collect(),
            env: with_runtime(
                environment(&program.env, |name| std::env::var(name))?,
                runtime,
            ),
        })
    }
}

/// The variable that tells a program the name of its runtime.
const RUNTIME_VARIABLE: &str = "WASMSCOPE_RUNTIME";

/// Adds the name of the runtime, unless an option sets the variable.
fn with_runtime(mut env: Vec<(String, String)>, runtime: &Runtime) -> Vec<(String, String)> {
    if env.iter().all(|(name, _)| name != RUNTIME_VARIABLE) {
        env.push((RUNTIME_VARIABLE.to_owned(), runtime.name.to_owned()));
    }
    env
}

/// Returns the program's variables without duplicates: the last value of a name applies.
/// `inherited` returns the values in this process.
fn environment(
    options: &[(String, Option<String>)],
    inherited: impl Fn(&str) -> Result<String, VarError>,
) -> Result<Vec<(String, String)>, Failure> {
    let mut env: Vec<(String, String)> = Vec::new();
    for (at, (name, value)) in options.iter().enumerate() {
        let later = options.iter().skip(at + 1);
        let value = match value {
            Some(value) => value.clone(),
            None => match inherited(name) {
                Err(_)
                    if later
                        .clone()
                        .any(|(other, value)| other == name && value.is_some()) =>
                {
                    continue;
                }
                Ok(value) => value,
                Err(VarError::NotPresent) => {
                    say!(
                        "wasmscope: warning: --env {name} has no effect: the variable is not set here"
                    );
                    continue;
                }
                Err(VarError::NotUnicode(_)) => {
                    return Err(Failure::new(format!(
                        "--env {name}: the variable's value is not UTF-8"
                    )));
                }
            },
        };
        match env.iter_mut().find(|(known, _)| known == name) {
            Some((_, former)) => *former = value,
            None => env.push((name.clone(), value)),
        }
    }
    Ok(env)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_value_of_a_variable_applies() {
        let inherited = |name: &str| match name {
            "HOME" => Ok("/home".to_owned()),
            _ => Err(VarError::NotPresent),
        };
        let environment = |options: &[(&str, Option<&str>)]| {
            let options = options.iter();
            let options: Vec<_> = options
                .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)))
                .collect();
            environment(&options, inherited).expect("text")
        };
        let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            environment(&[
                ("A", Some("1")),
                ("B", Some("")),
                ("A", Some("2")),
                ("a", Some("3"))
            ]),
            [owned("A", "2"), owned("B", ""), owned("a", "3")]
        );
        assert_eq!(
            environment(&[("HOME", None), ("HOME", Some("/x"))]),
            [owned("HOME", "/x")]
        );
        assert_eq!(
            environment(&[("HOME", Some("/x")), ("HOME", None)]),
            [owned("HOME", "/home")]
        );
        // A variable that is not set here has no effect.
        assert_eq!(
            environment(&[("A", Some("1")), ("A", None)]),
            [owned("A", "1")]
        );
    }

    #[test]
    fn a_variable_that_a_later_option_sets_is_not_looked_up() {
        let option = |value: Option<&str>| ("A".to_owned(), value.map(str::to_owned));
        let unreadable = |_: &str| Err(VarError::NotUnicode("\u{fffd}".into()));
        let set = environment(&[option(None), option(Some("1"))], unreadable);
        assert_eq!(
            set.expect("it has a later value"),
            [("A".to_owned(), "1".to_owned())]
        );
        assert!(environment(&[option(Some("1")), option(None)], unreadable).is_err());
    }
}
