//! Checks that comments wrap at 100 columns, as a part of the stage `format`. rustfmt can check
//! this only on a nightly toolchain.

use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::Path;

const WIDTH: usize = 100;

/// Checks the comments of every Rust file.
///
/// # Errors
///
/// Fails with a list of the lines that are too long.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut long = Vec::new();
    visit(&workspace.path(""), &mut |file, text| {
        let numbers = too_long(text).map(|number| format!("\n- {}:{number}", file.display()));
        long.extend(numbers);
    })?;
    ensure!(
        long.is_empty(),
        "comments are longer than {WIDTH} columns; `RUSTC_BOOTSTRAP=1 cargo fmt --all -- --config \
         wrap_comments=true,comment_width={WIDTH}` wraps most of them:{}",
        long.concat()
    );
    Ok(())
}

/// Calls a function with each Rust file below a folder, except for build results.
pub(crate) fn visit(folder: &Path, each: &mut impl FnMut(&Path, &str)) -> Result<()> {
    let read = |path: &Path| format!("cannot read {}", path.display());
    for entry in fs::read_dir(folder).with_context(|| read(folder))? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        // Symbolic links lead to files outside of the repository.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let skipped = name == "target" || name.to_string_lossy().starts_with('.');
            if !skipped {
                visit(&path, each)?;
            }
        } else if kind.is_file() && path.extension().is_some_and(|ext| ext == "rs") {
            each(
                &path,
                &fs::read_to_string(&path).with_context(|| read(&path))?,
            );
        }
    }
    Ok(())
}

/// Returns the numbers of the lines that are too long and can be wrapped.
fn too_long(text: &str) -> impl Iterator<Item = usize> {
    let mut in_code = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let comment = comment(line)?;
        if comment.starts_with("```") {
            in_code = !in_code;
        }
        (!in_code && can_wrap(line, comment)).then_some(number)
    })
}

/// Returns whether a line is too long and has a space where it can be wrapped.
fn can_wrap(line: &str, comment: &str) -> bool {
    let is_row_of_table = comment.starts_with('|');
    let is_target_of_link = comment.starts_with('[') && comment.contains("]: ");
    if is_row_of_table || is_target_of_link || line.chars().count() <= WIDTH {
        return false;
    }
    let start = line.len() - comment.len();
    let fits: String = line.chars().take(WIDTH + 1).collect();
    fits.rfind(' ').is_some_and(|space| space > start)
}

/// Returns the text of a comment line.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    Some(text.trim_start_matches(['/', '!']).trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_that_can_be_wrapped_are_found() {
        let long = "word ".repeat(25);
        let text = format!(
            "//! {long}\n\
             let a = 1; // short\n\
             /// | {long} |\n\
             \x20   // {long}\n\
             /// ```\n\
             /// {long}\n\
             /// ```\n\
             /// {long}\n\
             /// [text]: {long}\n\
             /// {}\n\
             let text = \"{long}\";\n",
            "w".repeat(120)
        );
        assert_eq!(too_long(&text).collect::<Vec<_>>(), [1, 4, 8]);
    }
}
