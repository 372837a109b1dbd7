//! Writes the initial corpus: components of this repository, in binary.

use std::path::Path;

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = here.join("corpus/load");
    std::fs::create_dir_all(&corpus)?;
    let mut count = 0;
    for folder in [
        here.join("seeds"),
        here.join("../../tests/differential/tests/kept"),
    ] {
        for file in std::fs::read_dir(&folder)? {
            let path = file?.path();
            if path.extension().is_none_or(|extension| extension != "wat") {
                continue;
            }
            let bytes = wat::parse_file(&path)?;
            let name = path.with_extension("wasm");
            let name = name.file_name().context("a file has a name")?;
            std::fs::write(corpus.join(name), bytes)?;
            count += 1;
        }
    }
    println!("{count} components are in {}", corpus.display());
    Ok(())
}
