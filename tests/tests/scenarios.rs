//! A test for each scenario and runtime: see the crate's documentation.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use libtest_mimic::{Arguments, Failed, Trial};
use wasmscope_test_support::Collector;
use wasmscope_tests::scenario::{folder, names};
use wasmscope_tests::{RUNTIMES, Runtime, Scenario, guests, report};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Each scenario is a process that uses every core. More of them in parallel only risk the
    // deadlines.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let mut trials = vec![Trial::test("every_guest_has_a_scenario", || {
        guests::check_complete().map_err(failed)
    })];
    trials.push(Trial::test("wasip1_and_wasip2_send_the_same", || {
        same_on_both_wasi_targets().map_err(failed)
    }));
    match names() {
        Ok(names) => {
            for name in names {
                trials.extend(RUNTIMES.iter().map(|runtime| {
                    let name = name.clone();
                    Trial::test(format!("{}::{name}", runtime.name), move || {
                        check(&name, *runtime).map_err(failed)
                    })
                }));
            }
        }
        Err(error) => trials.push(Trial::test("scenarios_can_be_listed", || {
            Err(failed(error))
        })),
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn failed(error: anyhow::Error) -> Failed {
    format!("{error:#}").into()
}

/// Compares the snapshots of one program that is built for two targets. They differ only in the
/// file's name.
fn same_on_both_wasi_targets() -> anyhow::Result<()> {
    let read = |name: &str| -> anyhow::Result<String> {
        let text = std::fs::read_to_string(folder().join(name).join("expected.snap"))?;
        let (_, content) = text.split_once("\nexit code").context("a snapshot")?;
        Ok(content.replace("scenario-targets.wasm32-wasip1", "scenario-targets"))
    };
    ensure!(
        read("target-wasip1")? == read("target-wasip2")?,
        "target-wasip1 and target-wasip2 expect different telemetry of one program"
    );
    Ok(())
}

/// Runs a scenario and compares its result with its snapshot.
fn check(name: &str, runtime: Runtime) -> anyhow::Result<()> {
    let scenario = Scenario::read(name)?;
    let collector = Collector::start();
    let output = scenario.run(name, runtime, &collector)?;
    let broken = collector.violations();
    ensure!(
        broken.is_empty(),
        "the protocol was broken: {broken:?}\n{output}"
    );
    ensure!(
        output.code() == Some(scenario.exit),
        "the exit code is not {}: {output}\n{}",
        scenario.exit,
        collector.dump()
    );
    let text = report(&output, &collector, &scenario);
    compare(name, &scenario.about, &text)
        .with_context(|| format!("standard error was:\n{}", output.stderr))?;
    note(name, runtime)
}

/// Writes a file that records the scenario's success, for the README's table: see `cargo xtask
/// parity`.
fn note(name: &str, runtime: Runtime) -> anyhow::Result<()> {
    if let Some(folder) = std::env::var_os("WASMSCOPE_PARITY") {
        let folder = Path::new(&folder).join(runtime.name);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), "")?;
    }
    Ok(())
}

fn compare(name: &str, about: &str, text: &str) -> anyhow::Result<()> {
    let folder = folder().join(name);
    let updating = std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always" || how == "new");
    ensure!(
        updating || folder.join("expected.snap").is_file(),
        "the scenario {name} has no expected.snap; INSTA_UPDATE=always writes it, from\n{text}"
    );
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(Path::new(&folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(about);
    settings.bind(|| insta::assert_snapshot!("expected", text));
    Ok(())
}
