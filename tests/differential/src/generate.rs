//! Generates types, functions and values from a seed.

use fastrand::Rng;

use crate::ty::Ty;
use crate::value::Value;

/// The approximate maximum number of parts of a type. It bounds the compile time.
const MAX_PARTS: usize = 28;

/// The handles that types may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handles {
    /// No handles.
    Without,
    /// Owned and borrowed handles.
    With,
}

/// The type of a function. Its result is its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Signature {
    /// The parameters' types.
    pub params: Vec<Ty>,
    /// The result's type: the type of the only parameter, or a tuple of all.
    pub result: Option<Ty>,
}

impl Signature {
    /// Makes the type of a function that returns its arguments. Borrowed handles cannot be
    /// returned, so it returns their numbers.
    pub fn echo(params: Vec<Ty>) -> Self {
        let result = match params.as_slice() {
            [] => None,
            [one] => Some(one.without_borrows()),
            several => Some(Ty::Tuple(several.to_vec()).without_borrows()),
        };
        Self { params, result }
    }
}

/// Generates a function. Most have one parameter, some up to 20.
pub fn signature(rng: &mut Rng, handles: Handles) -> Signature {
    let count = match rng.u8(0..20) {
        0 | 1 => rng.usize(0..=20),
        // Types that mostly have one core value, about as many as fit into the flat limit.
        2 => rng.usize(14..=18),
        3..6 => rng.usize(2..=5),
        _ => 1,
    };
    let depth = match count {
        14.. => 1,
        4.. => 2,
        _ => rng.usize(1..=6),
    };
    let params = (0..count).map(|_| {
        let mut parts = MAX_PARTS / count.clamp(1, 4);
        ty(rng, depth, &mut parts, handles)
    });
    Signature::echo(params.collect())
}

/// Generates a type with at most `depth` levels. `parts` is the number of parts left.
pub fn ty(rng: &mut Rng, depth: usize, parts: &mut usize, handles: Handles) -> Ty {
    *parts = parts.saturating_sub(1);
    if depth <= 1 || *parts == 0 || rng.u8(0..10) == 0 {
        return leaf(rng, handles);
    }
    let several = |rng: &mut Rng, parts: &mut usize| -> Vec<Ty> {
        // Sometimes more than fit into sixteen core values.
        let count = if rng.u8(0..12) == 0 {
            rng.usize(10..20)
        } else {
            rng.usize(1..5)
        };
        (0..count)
            .map(|_| ty(rng, depth - 1, parts, handles))
            .collect()
    };
    let one = |rng: &mut Rng, parts: &mut usize| Box::new(ty(rng, depth - 1, parts, handles));
    match rng.u8(0..6) {
        0 => Ty::List(one(rng, parts)),
        1 => Ty::Record(several(rng, parts)),
        2 => Ty::Tuple(several(rng, parts)),
        3 => {
            // With more than 256 cases, the discriminant has two bytes.
            let plain = if rng.u8(0..25) == 0 { 256 } else { 0 };
            let mut cases = vec![None; plain];
            for ty in several(rng, parts) {
                cases.push((rng.u8(0..4) > 0).then_some(ty));
            }
            Ty::Variant(cases)
        }
        4 => Ty::Option(one(rng, parts)),
        _ => {
            let ok = rng.bool().then(|| one(rng, parts));
            Ty::Result(ok, rng.bool().then(|| one(rng, parts)))
        }
    }
}

fn leaf(rng: &mut Rng, handles: Handles) -> Ty {
    if handles == Handles::With && rng.u8(0..3) == 0 {
        return if rng.u8(0..3) == 0 {
            Ty::Borrow
        } else {
            Ty::Own
        };
    }
    match rng.u8(0..20) {
        0 => Ty::Bool,
        1 => Ty::S8,
        2 => Ty::U8,
        3 => Ty::S16,
        4 => Ty::U16,
        5 => Ty::S32,
        6 => Ty::U32,
        7 => Ty::S64,
        8 => Ty::U64,
        9 => Ty::F32,
        10 => Ty::F64,
        11 | 12 => Ty::Char,
        13..=16 => Ty::String,
        17 => Ty::Enum(*pick(rng, &[1, 2, 3, 9, 300])),
        _ => Ty::Flags(*pick(rng, &[1, 2, 7, 8, 9, 16, 17, 31, 32])),
    }
}

fn pick<'a, T>(rng: &mut Rng, list: &'a [T]) -> &'a T {
    &list[rng.usize(0..list.len())]
}

/// Generates a value. `budget` is the number of values left. Lists become short when it runs out.
pub fn value(rng: &mut Rng, ty: &Ty, budget: &mut usize) -> Value {
    *budget = budget.saturating_sub(1);
    let mut boxed = |rng: &mut Rng, ty: &Ty| Box::new(value(rng, ty, budget));
    match ty {
        Ty::Bool => Value::Bool(rng.bool()),
        Ty::S8 => Value::S8(integer(rng) as i8),
        Ty::U8 => Value::U8(integer(rng) as u8),
        Ty::S16 => Value::S16(integer(rng) as i16),
        Ty::U16 => Value::U16(integer(rng) as u16),
        Ty::S32 => Value::S32(integer(rng) as i32),
        Ty::U32 => Value::U32(integer(rng) as u32),
        Ty::S64 => Value::S64(integer(rng) as i64),
        Ty::U64 => Value::U64(integer(rng)),
        Ty::F32 => Value::F32(float32(rng)),
        Ty::F64 => Value::F64(float64(rng)),
        Ty::Char => Value::Char(char(rng)),
        Ty::String => Value::String(string(rng)),
        Ty::List(element) => {
            let most = if *budget == 0 { 1 } else { 4 };
            let count = match rng.u8(0..20) {
                // Zero is more frequent than by chance.
                0..4 => 0,
                4 if *budget > 100 && element.parts().is_empty() => rng.usize(100..300),
                _ => rng.usize(0..=most),
            };
            Value::List((0..count).map(|_| value(rng, element, budget)).collect())
        }
        Ty::Record(fields) => {
            let named = fields.iter().enumerate();
            Value::Record(
                named
                    .map(|(at, ty)| (format!("f{at}"), value(rng, ty, budget)))
                    .collect(),
            )
        }
        Ty::Tuple(types) => Value::Tuple(types.iter().map(|ty| value(rng, ty, budget)).collect()),
        Ty::Variant(cases) => {
            let with: Vec<usize> = (0..cases.len()).filter(|at| cases[*at].is_some()).collect();
            let at = if with.is_empty() || rng.u8(0..4) == 0 {
                rng.usize(0..cases.len())
            } else {
                *pick(rng, &with)
            };
            Value::Variant(
                format!("c{at}"),
                cases[at].as_ref().map(|ty| boxed(rng, ty)),
            )
        }
        Ty::Enum(count) => Value::Enum(format!("c{}", rng.usize(0..*count))),
        Ty::Option(ty) => Value::Option((rng.u8(0..4) > 0).then(|| boxed(rng, ty))),
        Ty::Result(ok, err) => Value::Result(if rng.bool() {
            Ok(ok.as_ref().map(|ty| boxed(rng, ty)))
        } else {
            Err(err.as_ref().map(|ty| boxed(rng, ty)))
        }),
        Ty::Flags(count) => {
            let bits = match rng.u8(0..4) {
                0 => 0,
                1 => u32::MAX,
                _ => rng.u32(..),
            };
            let set = (0..*count).filter(|bit| bits >> bit & 1 == 1);
            Value::Flags(set.map(|bit| format!("b{bit}")).collect())
        }
        Ty::Own | Ty::Borrow => Value::Resource(rng.u32(1..1000)),
    }
}

fn integer(rng: &mut Rng) -> u64 {
    match rng.u8(0..4) {
        0 => rng.u64(..),
        1 => 1 << rng.u32(0..64),
        2 => (1 << rng.u32(0..64)) - 1,
        _ => *pick(rng, &[0, 1, u64::MAX, 1 << 63, i64::MAX as u64]),
    }
}

fn float32(rng: &mut Rng) -> u32 {
    const SPECIAL: [u32; 10] = [
        0x0000_0000,
        0x8000_0000,
        0x7f80_0000,
        0xff80_0000,
        0x7fc0_0000,
        0xffc0_0000,
        0x7fc0_0001,
        0x7f80_0001,
        0x0000_0001,
        0x3f80_0000,
    ];
    if rng.bool() {
        rng.u32(..)
    } else {
        *pick(rng, &SPECIAL)
    }
}

fn float64(rng: &mut Rng) -> u64 {
    const SPECIAL: [u64; 10] = [
        0x0000_0000_0000_0000,
        0x8000_0000_0000_0000,
        0x7ff0_0000_0000_0000,
        0xfff0_0000_0000_0000,
        0x7ff8_0000_0000_0000,
        0xfff8_0000_0000_0000,
        0x7ff8_0000_0000_0001,
        0x7ff0_0000_0000_0001,
        0x0000_0000_0000_0001,
        0x3ff0_0000_0000_0000,
    ];
    if rng.bool() {
        rng.u64(..)
    } else {
        *pick(rng, &SPECIAL)
    }
}

fn char(rng: &mut Rng) -> char {
    const EDGES: [char; 14] = [
        '\0',
        'a',
        '\u{7f}',
        '\u{80}',
        '\u{e9}',
        '\u{ff}',
        '\u{100}',
        '\u{7ff}',
        '\u{800}',
        '\u{d7ff}',
        '\u{e000}',
        '\u{ffff}',
        '\u{10000}',
        '\u{10ffff}',
    ];
    if rng.u8(0..3) == 0 {
        rng.char(..)
    } else {
        *pick(rng, &EDGES)
    }
}

/// Strings of all widths, because transcoders handle them differently. A string that is Latin-1
/// first and has a wide character at the end, for example, is started as Latin-1 and then widened.
fn string(rng: &mut Rng) -> String {
    let length = match rng.u16(0..320) {
        // Too long for a guest without more memory.
        0 => rng.usize(10_000..40_000),
        1..40 => 0,
        40..60 => rng.usize(50..200),
        _ => rng.usize(1..12),
    };
    let class = rng.u8(0..6);
    let mut text: String = (0..length)
        .map(|_| match class {
            0 => rng.char('a'..='z'),
            1 => rng.char('\0'..='\u{ff}'),
            2 => rng.char('\u{80}'..='\u{ff}'),
            3 => rng.char('\u{100}'..='\u{ffff}'),
            4 => rng.char('\u{10000}'..='\u{10ffff}'),
            _ => char(rng),
        })
        .collect();
    if rng.u8(0..4) == 0 {
        text.push(char(rng));
    }
    text
}
