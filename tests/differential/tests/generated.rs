//! Generated types on both hosts.

use wasmedge_component::Cache;
use wasmscope_differential::coverage::Coverage;
use wasmscope_differential::host::{Host, WasmEdge, Wasmtime};
use wasmscope_differential::run::{Plan, run};
use wasmscope_differential::ty::KINDS;

/// Runs a plan, prints the coverage, and fails with all differences, if there are any.
fn agree(wasmedge: &impl Host, plan: Plan) -> anyhow::Result<Coverage> {
    let coverage = run((&Wasmtime::new()?, wasmedge), plan, &|failure| {
        println!("{failure}\n");
    })?;
    // Written past the test's captured output, so that the coverage is visible when the test
    // passes.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("\n{coverage}").as_bytes());
    assert_eq!(coverage.different(), 0, "there are differences");
    Ok(coverage)
}

#[test]
fn two_thousand_types_have_equal_outcomes() -> anyhow::Result<()> {
    let coverage = agree(&WasmEdge::interpreting()?, Plan::default())?;
    assert!(coverage.types() >= 2000);
    for kind in KINDS {
        assert!(coverage.of_kind(kind) >= 50, "few types with a {kind}");
    }
    assert_eq!(coverage.transcoders(), 12, "all that there are");
    assert!(coverage.of_depth(4) >= 200, "few deep types");
    let names = ["utf8", "utf16", "latin1+utf16"];
    for outer in names {
        for inner in names {
            let pair = format!("{outer} -> {inner}");
            assert!(
                coverage.of_encodings(&pair) >= 3,
                "few components with {pair}"
            );
        }
    }
    Ok(())
}

#[test]
fn compiled_guests_have_equal_outcomes() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let compiling = WasmEdge::compiling(Cache::open(home.path())?)?;
    let plan = Plan {
        seed: 1 << 32,
        types: 50,
        ..Plan::default()
    };
    agree(&compiling, plan)?;
    Ok(())
}
