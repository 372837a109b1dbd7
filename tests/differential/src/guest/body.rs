//! Core functions that pass values on.

use std::fmt::Write as _;

use crate::generate::Signature;
use crate::ty::{Core, MAX_FLAT_PARAMS, Ty, sequence};

/// Marks a change of the result's address. Lower numbers are parameters.
const RETURN_AREA: u32 = 200;
/// Marks a change of the returned value.
const RETURNED: u32 = 300;

/// The free memory before and after the result's address. A changed address may be near the right
/// one, and hosts write the parts of a result in different orders, which guests would see in other
/// data there.
const MARGIN: u32 = 512;

fn flat_params(signature: &Signature) -> Option<Vec<Core>> {
    let flat: Vec<Core> = signature.params.iter().flat_map(Ty::flat).collect();
    (flat.len() <= MAX_FLAT_PARAMS).then_some(flat)
}

/// Returns the core type of the result, or `None` if it is in memory.
fn flat_result(signature: &Signature) -> Option<Option<Core>> {
    match signature.result.as_ref().map(Ty::flat).as_deref() {
        None => Some(None),
        Some([one]) => Some(Some(*one)),
        Some(_) => None,
    }
}

/// Returns the number of core values of the parameters and of the result. `None` means in memory.
pub(crate) fn passing(signature: &Signature) -> (Option<usize>, Option<usize>) {
    (
        flat_params(signature).map(|flat| flat.len()),
        flat_result(signature).map(|flat| flat.iter().count()),
    )
}

/// Returns the points at which values can be changed.
pub(crate) fn places(signature: &Signature) -> Vec<u32> {
    let mut places: Vec<u32> = (0..).zip(params(signature)).map(|(at, _)| at).collect();
    // As often as all parameters together, because there is as much data behind it.
    for _ in 0..places.len().max(1) {
        places.extend([RETURN_AREA, RETURNED]);
    }
    places
}

fn params(signature: &Signature) -> Vec<Core> {
    flat_params(signature).unwrap_or_else(|| vec![Core::I32])
}

/// Returns the core type of the lowered import with this signature.
pub(super) fn lowered(signature: &Signature) -> String {
    let mut text = String::from("(param");
    for core in params(signature) {
        let _ = write!(text, " {core}");
    }
    match flat_result(signature) {
        Some(None) => text.push(')'),
        Some(Some(core)) => {
            let _ = write!(text, ") (result {core})");
        }
        None => text.push_str(" i32)"),
    }
    text
}

/// Returns the name of the function that frees a result.
pub(super) fn clean(signature: &Signature) -> String {
    match flat_result(signature) {
        Some(None) => "clean".to_owned(),
        Some(Some(core)) => format!("clean-{core}"),
        None => "clean-i32".to_owned(),
    }
}

/// Returns true if a function can return its arguments without a look at their cases.
pub fn can_echo(signature: &Signature) -> bool {
    let flat_anyway = flat_params(signature).is_none() || flat_result(signature).is_some();
    flat_anyway || signature.params.iter().all(is_plain)
}

/// Returns true if each core value of a type has a fixed place in memory.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are")]
fn is_plain(ty: &Ty) -> bool {
    match ty {
        Ty::Record(parts) | Ty::Tuple(parts) => parts.iter().all(is_plain),
        Ty::Variant(_) | Ty::Option(_) | Ty::Result(..) => false,
        _ => true,
    }
}

/// Writes the function `e{at}`. It calls `f{at}`, or returns its arguments itself. Before it
/// returns, it drops its borrowed handles if it is told to and their place is known. In a list or a
/// variant it is not known, and the caller traps.
pub(super) fn write(out: &mut String, at: usize, signature: &Signature, echoes: bool, drops: bool) {
    let params = params(signature);
    let spilled = flat_params(signature).is_none();
    let result = flat_result(signature);
    let _ = write!(out, "  (func (export \"e{at}\") (param");
    for core in &params {
        let _ = write!(out, " {core}");
    }
    out.push(')');
    let returned = result.unwrap_or(Some(Core::I32));
    if let Some(core) = returned {
        let _ = write!(out, " (result {core}) (local $r {core})");
    }
    out.push('\n');
    for (index, core) in params.iter().enumerate() {
        let _ = writeln!(
            out,
            "    (local.set {index} (call $m-{core} (i32.const {index}) (local.get {index})))"
        );
    }
    if result.is_none() && !(echoes && spilled) {
        let (align, size) = signature.result.as_ref().map(Ty::layout).unwrap_or((1, 0));
        let _ = writeln!(
            out,
            "    (local.set $r (i32.add (i32.const {MARGIN}) (call $realloc (i32.const 0) (i32.const 0) (i32.const {align}) (i32.const {}))))",
            size + 2 * MARGIN
        );
    }
    if echoes {
        match (result, spilled) {
            (None, false) => store_all(out, signature),
            (None, true) => out.push_str("    (local.set $r (local.get 0))\n"),
            (Some(Some(core)), true) => {
                // There is no function with one core value in place of seventeen.
                let _ = writeln!(out, "    (local.set $r ({core}.load (local.get 0)))");
            }
            (Some(Some(_)), false) => out.push_str("    (local.set $r (local.get 0))\n"),
            (Some(None), _) => {}
        }
    } else {
        let mut call = format!("(call $f{at}");
        for index in 0..params.len() {
            let _ = write!(call, " (local.get {index})");
        }
        let _ = match result {
            None => writeln!(
                out,
                "    {call} (call $m-i32 (i32.const {RETURN_AREA}) (local.get $r)))"
            ),
            Some(Some(_)) => writeln!(out, "    (local.set $r {call}))"),
            Some(None) => writeln!(out, "    {call})"),
        };
    }
    if drops {
        drop_all(out, signature, spilled);
    }
    if let Some(core) = returned {
        let _ = writeln!(
            out,
            "    (call $m-{core} (i32.const {RETURNED}) (local.get $r))"
        );
    }
    out.push_str("  )\n");
}

/// Stores the parameters' core values in the layout of the result.
fn store_all(out: &mut String, signature: &Signature) {
    let (_, _, offsets) = sequence(&signature.params);
    let mut index = 0;
    for (ty, offset) in signature.params.iter().zip(offsets) {
        store(out, ty, offset, &mut index);
    }
}

fn store(out: &mut String, ty: &Ty, offset: u32, index: &mut usize) {
    if let Ty::Record(parts) | Ty::Tuple(parts) = ty {
        let (_, _, offsets) = sequence(parts);
        for (part, inner) in parts.iter().zip(offsets) {
            store(out, part, offset + inner, index);
        }
        return;
    }
    let (_, size) = ty.layout();
    for (nth, core) in (0..).zip(ty.flat()) {
        let narrow = match (core, size) {
            (Core::I32, 1) => "8",
            (Core::I32, 2) => "16",
            _ => "",
        };
        let _ = writeln!(
            out,
            "    ({core}.store{narrow} offset={} (local.get $r) (local.get {index}))",
            offset + 4 * nth
        );
        *index += 1;
    }
}

fn drop_all(out: &mut String, signature: &Signature, spilled: bool) {
    let (_, _, offsets) = sequence(&signature.params);
    let mut index = 0;
    for (ty, offset) in signature.params.iter().zip(offsets) {
        drop_borrows(out, ty, offset, &mut index, spilled);
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "others are not looked into")]
fn drop_borrows(out: &mut String, ty: &Ty, offset: u32, index: &mut usize, spilled: bool) {
    match ty {
        Ty::Record(parts) | Ty::Tuple(parts) => {
            let (_, _, offsets) = sequence(parts);
            for (part, inner) in parts.iter().zip(offsets) {
                drop_borrows(out, part, offset + inner, index, spilled);
            }
        }
        Ty::Borrow if spilled => {
            let _ = writeln!(
                out,
                "    (call $drop (i32.load offset={offset} (local.get 0)))"
            );
        }
        Ty::Borrow => {
            let _ = writeln!(out, "    (call $drop (local.get {index}))");
            *index += 1;
        }
        _ => *index += ty.flat().len(),
    }
}
