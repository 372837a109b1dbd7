//! Tables for single rules. Properties over generated types and values are in `properties`.

mod calls;
// Property tests are too slow under Miri.
#[cfg(not(miri))]
pub(crate) mod generate;
#[cfg(not(miri))]
mod properties;
mod strings;
mod transcoding;

use super::*;
use crate::error::{CallError, TrapCode};
use crate::handles::{DEFAULT_HANDLE_LIMIT, ResourceTable, ResourceTables};
use crate::ids::{ComponentInstanceId, ResourceId, ResourceTableId};
use crate::types::{Enum, Flags, List, OptionType, Record, ResultType, Tuple, Type, Variant};
use crate::val::Val;

/// A guest: a memory with a bump allocator that can be told to misbehave.
pub(super) struct Guest {
    pub(super) memory: Vec<u8>,
    next: u32,
    /// The wrong result of `realloc`, if any.
    bad_result: Option<u32>,
    /// All calls of `realloc`.
    calls: Vec<(u32, u32, u32, u32)>,
}

impl Guest {
    pub(super) fn new(size: usize) -> Self {
        Self {
            memory: vec![0; size],
            next: 8,
            bad_result: None,
            calls: Vec::new(),
        }
    }

    /// Allocates as the guest itself would.
    fn allocate(&mut self, align: u32, size: u32) -> u32 {
        self.realloc(&mut ResourceTables::default(), 0, 0, align, size)
            .unwrap()
    }
}

impl Memory for Guest {
    fn length(&self) -> u64 {
        self.memory.length()
    }

    fn read(&self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        self.memory.read(offset, bytes)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        self.memory.write(offset, bytes)
    }
}

impl Realloc for Guest {
    fn realloc(
        &mut self,
        _: &mut ResourceTables,
        old: u32,
        old_size: u32,
        align: u32,
        new_size: u32,
    ) -> Result<u32, Trap> {
        self.calls.push((old, old_size, align, new_size));
        if let Some(bad_result) = self.bad_result {
            return Ok(bad_result);
        }
        let at = self.next.next_multiple_of(align);
        self.next = at + new_size;
        let copied = old_size.min(new_size) as usize;
        let end = (at + new_size) as usize;
        if self.memory.len() < end {
            self.memory.resize(end, 0);
        }
        self.memory
            .copy_within(old as usize..old as usize + copied, at as usize);
        Ok(at)
    }
}

/// Resource 0 is the host's and resource 1 the guest's.
pub(super) fn resources() -> ResourceTables {
    let guest = ComponentInstanceId(0);
    let table = |resource, definer| ResourceTable {
        resource: ResourceId(resource),
        instance: guest,
        definer,
    };
    ResourceTables::new(
        [table(0, None), table(1, Some(guest))],
        1,
        DEFAULT_HANDLE_LIMIT,
    )
}

/// Runs lifting on a memory.
fn lifting<T>(
    memory: &[u8],
    encoding: StringEncoding,
    run: impl FnOnce(&mut LiftContext<'_>) -> T,
) -> T {
    let (mut resources, mut budget) = (resources(), Budget::default());
    run(&mut LiftContext {
        memory: Some(memory),
        encoding,
        resources: &mut resources,
        budget: &mut budget,
    })
}

fn lowering<T>(
    guest: &mut Guest,
    encoding: StringEncoding,
    run: impl FnOnce(&mut LowerContext<'_>) -> T,
) -> T {
    let mut resources = resources();
    run(&mut LowerContext {
        guest: Some(guest),
        encoding,
        resources: &mut resources,
    })
}

fn loaded(ty: &Type, memory: &[u8], pointer: u32) -> Result<Val, TrapCode> {
    lifting(memory, StringEncoding::Utf8, |cx| load(cx, ty, pointer)).map_err(|trap| trap.code())
}

fn lifted(ty: &Type, values: &[CoreVal]) -> Result<Val, TrapCode> {
    lifting(&[0; 64], StringEncoding::Utf8, |cx| {
        lift_flat(cx, ty, values)
    })
    .map_err(|trap| trap.code())
}

fn list(ty: Type) -> Type {
    Type::List(List::new(ty).unwrap())
}

fn names(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|index| format!("n{index}"))
}

fn variant(cases: &[Option<Type>]) -> Type {
    Type::Variant(Variant::new(names(cases.len()).zip(cases.iter().cloned())).unwrap())
}

use CoreVal::{F32, F64, I32, I64};

#[test]
fn scalars_lift_as_specified() {
    for (ty, value, expected) in [
        (Type::Bool, I32(0), Val::Bool(false)),
        (Type::Bool, I32(2), Val::Bool(true)),
        (Type::Bool, I32(u32::MAX), Val::Bool(true)),
        (Type::U8, I32(0x1ff), Val::U8(0xff)),
        (Type::S8, I32(0x180), Val::S8(-128)),
        (Type::U16, I32(0x1_0001), Val::U16(1)),
        (Type::S16, I32(0xffff), Val::S16(-1)),
        (Type::U32, I32(u32::MAX), Val::U32(u32::MAX)),
        (Type::S32, I32(u32::MAX), Val::S32(-1)),
        (Type::U64, I64(u64::MAX), Val::U64(u64::MAX)),
        (Type::S64, I64(u64::MAX), Val::S64(-1)),
        (Type::Char, I32(0x10_ffff), Val::Char('\u{10ffff}')),
        (Type::Float32, F32(1.5f32.to_bits()), Val::Float32(1.5)),
        (Type::Float64, F64((-0.0f64).to_bits()), Val::Float64(-0.0)),
    ] {
        assert_eq!(lifted(&ty, &[value]), Ok(expected), "{ty:?} of {value:?}");
    }
    for bad in [0xd800, 0xdfff, 0x11_0000, u32::MAX] {
        assert_eq!(lifted(&Type::Char, &[I32(bad)]), Err(TrapCode::InvalidChar));
    }
    assert_eq!(lifted(&Type::U8, &[]), Err(TrapCode::Signature));
    assert_eq!(
        lifted(&Type::U8, &[I32(1), I32(2)]),
        Err(TrapCode::Signature)
    );
    assert_eq!(lifted(&Type::U64, &[I32(1)]), Err(TrapCode::Signature));
}

#[test]
fn signed_scalars_lower_with_their_sign() {
    for (ty, val, expected) in [
        (Type::S8, Val::S8(-1), I32(u32::MAX)),
        (Type::S16, Val::S16(-2), I32(u32::MAX - 1)),
        (Type::U8, Val::U8(0xff), I32(0xff)),
        (Type::S64, Val::S64(-1), I64(u64::MAX)),
    ] {
        assert_eq!(
            lowering(&mut Guest::new(8), StringEncoding::Utf8, |cx| lower_flat(
                cx, &ty, &val
            )),
            Ok(vec![expected])
        );
    }
}

#[test]
fn nans_become_canonical_both_ways() {
    let (wild32, wild64) = (0xffa1_2345u32, 0xfff4_0000_0000_0001u64);
    let Ok(Val::Float32(float)) = lifted(&Type::Float32, &[F32(wild32)]) else {
        panic!()
    };
    assert_eq!(float.to_bits(), 0x7fc0_0000);
    let Ok(Val::Float64(float)) = loaded(&Type::Float64, &wild64.to_le_bytes(), 0) else {
        panic!()
    };
    assert_eq!(float.to_bits(), 0x7ff8_0000_0000_0000);
    let guest = &mut Guest::new(64);
    let lowered = lowering(guest, StringEncoding::Utf8, |cx| {
        store(cx, &Type::Float64, &Val::Float64(f64::from_bits(wild64)), 8).unwrap();
        lower_flat(cx, &Type::Float32, &Val::Float32(f32::from_bits(wild32)))
    });
    assert_eq!(lowered, Ok(vec![F32(0x7fc0_0000)]));
    assert_eq!(guest.memory[8..16], 0x7ff8_0000_0000_0000u64.to_le_bytes());
}

#[test]
fn variant_cases_share_core_values() {
    // f32 and i32 share an i32, f64 and anything else an i64.
    let ty = variant(&[Some(Type::Float32), Some(Type::U32), None]);
    assert_eq!(
        ty.layout().flat(),
        Some(&[FlatType::I32, FlatType::I32][..])
    );
    let mixed = variant(&[
        Some(Type::Float32),
        Some(Type::Float64),
        Some(Type::U64),
        Some(Type::String),
        None,
    ]);
    assert_eq!(
        mixed.layout().flat(),
        Some(&[FlatType::I32, FlatType::I64, FlatType::I32][..])
    );
    let case = |index: usize, payload: Option<Val>| {
        Val::Variant(format!("n{index}"), payload.map(Box::new))
    };
    for (ty, val, expected) in [
        (
            &ty,
            case(0, Some(Val::Float32(1.0))),
            vec![I32(0), I32(1f32.to_bits())],
        ),
        (&ty, case(1, Some(Val::U32(7))), vec![I32(1), I32(7)]),
        (&ty, case(2, None), vec![I32(2), I32(0)]),
        (
            &mixed,
            case(0, Some(Val::Float32(1.0))),
            vec![I32(0), I64(1f32.to_bits().into()), I32(0)],
        ),
        (
            &mixed,
            case(1, Some(Val::Float64(1.0))),
            vec![I32(1), I64(1f64.to_bits()), I32(0)],
        ),
        (
            &mixed,
            case(2, Some(Val::U64(u64::MAX))),
            vec![I32(2), I64(u64::MAX), I32(0)],
        ),
        (&mixed, case(4, None), vec![I32(4), I64(0), I32(0)]),
    ] {
        let lowered = lowering(&mut Guest::new(8), StringEncoding::Utf8, |cx| {
            lower_flat(cx, ty, &val)
        });
        assert_eq!(lowered, Ok(expected.clone()));
        assert_eq!(lifted(ty, &expected), Ok(val));
    }
    assert_eq!(
        lifted(
            &mixed,
            &[
                I32(0),
                I64(0xffff_ffff_0000_0000 | u64::from(2f32.to_bits())),
                I32(9)
            ]
        ),
        Ok(case(0, Some(Val::Float32(2.0)))),
        "unused core values of a case are ignored"
    );
    assert_eq!(
        lifted(&ty, &[I32(3), I32(0)]),
        Err(TrapCode::InvalidDiscriminant)
    );
    assert_eq!(
        lifted(&ty, &[I32(u32::MAX), I32(0)]),
        Err(TrapCode::InvalidDiscriminant)
    );
}

#[test]
fn discriminants_take_as_many_bytes_as_the_cases_need() {
    for (cases, size) in [(1, 1), (256, 1), (257, 2), (65_536, 2), (65_537, 4)] {
        // Miri would take minutes.
        if cfg!(miri) && cases > 257 {
            continue;
        }
        let ty = Type::Enum(Enum::new(names(cases)).unwrap());
        assert_eq!(ty.layout().size(), size, "{cases} cases");
        let memory = u32::try_from(cases - 1).unwrap().to_le_bytes();
        assert_eq!(
            loaded(&ty, &memory, 0),
            Ok(Val::Enum(format!("n{}", cases - 1)))
        );
        let beyond = u32::try_from(cases).unwrap();
        if u64::from(beyond) < 1 << (8 * size) {
            assert_eq!(
                loaded(&ty, &beyond.to_le_bytes(), 0),
                Err(TrapCode::InvalidDiscriminant)
            );
        }
    }
}

#[test]
fn flags_take_as_many_bits_as_they_need_and_ignore_others() {
    for (count, size) in [(1, 1), (8, 1), (9, 2), (16, 2), (17, 4), (32, 4)] {
        let ty = Type::Flags(Flags::new(names(count)).unwrap());
        assert_eq!(ty.layout().size(), size, "{count} flags");
        assert_eq!(
            loaded(&ty, &[0xff; 4], 0),
            Ok(Val::Flags(names(count).collect()))
        );
        let last = Val::Flags(vec![format!("n{}", count - 1)]);
        let guest = &mut Guest::new(16);
        lowering(guest, StringEncoding::Utf8, |cx| store(cx, &ty, &last, 4)).unwrap();
        assert_eq!(loaded(&ty, &guest.memory, 4), Ok(last));
    }
    assert!(Flags::new(names(33)).is_err());
}

#[test]
fn pointers_are_checked_for_alignment_and_bounds() {
    let memory = vec![0; 64];
    for (ty, align) in [
        (Type::U16, 2),
        (Type::U32, 4),
        (Type::U64, 8),
        (Type::String, 4),
        (list(Type::U64), 4),
    ] {
        for pointer in 0..=70u32 {
            let expected = if pointer % align != 0 {
                Err(TrapCode::UnalignedPointer)
            } else if pointer + ty.layout().size() > 64 {
                Err(TrapCode::MemoryOutOfBounds)
            } else {
                Ok(())
            };
            assert_eq!(
                loaded(&ty, &memory, pointer).map(|_| ()),
                expected,
                "{ty:?} at {pointer}"
            );
        }
        assert_eq!(
            loaded(&ty, &memory, u32::MAX - (align - 1)).unwrap_err(),
            TrapCode::MemoryOutOfBounds
        );
    }
}

#[test]
fn lists_are_checked_for_alignment_and_bounds() {
    let ty = list(Type::U32);
    for (pointer, length, expected) in [
        (0, 16, Ok(())),
        (64, 0, Ok(())),
        (0, 17, Err(TrapCode::ListOutOfBounds)),
        (68, 0, Err(TrapCode::ListOutOfBounds)),
        (60, 2, Err(TrapCode::ListOutOfBounds)),
        (2, 1, Err(TrapCode::UnalignedPointer)),
        (0, u32::MAX, Err(TrapCode::ListOutOfBounds)),
        (u32::MAX - 3, u32::MAX, Err(TrapCode::ListOutOfBounds)),
    ] {
        assert_eq!(
            lifted(&ty, &[I32(pointer), I32(length)]).map(|_| ()),
            expected,
            "{length} at {pointer}"
        );
    }
}

/// A string may be longer in the host than in the guest.
#[test]
fn a_string_is_charged_by_its_size_in_the_host() {
    use StringEncoding::{CompactUtf16, Utf8, Utf16};
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (encoding, memory, length, cost) in [
        (Utf8, "é".repeat(50).into_bytes(), 100, 100),
        (CompactUtf16, vec![0xe9; 100], 100, 200),
        (Utf16, utf16(&"x".repeat(100)), 100, 200),
        (Utf16, utf16(&"€".repeat(100)), 100, 300),
    ] {
        let (mut resources, mut budget) = (resources(), Budget::new(1000));
        let cx = &mut LiftContext {
            memory: Some(&memory),
            encoding,
            resources: &mut resources,
            budget: &mut budget,
        };
        let string = load_string(cx, 0, length).unwrap();
        assert!(string.capacity() <= cost, "{encoding:?}");
        assert_eq!(cx.budget.left(), 1000 - cost, "{encoding:?}");
    }
}

#[test]
fn a_call_over_the_budget_traps() {
    let memory = vec![0u8; 1 << 16];
    let mut resources = resources();
    let mut budget = Budget::new(1 << 16);
    let mut cx = LiftContext {
        memory: Some(&memory),
        encoding: StringEncoding::Utf8,
        resources: &mut resources,
        budget: &mut budget,
    };
    let trap = lift_flat(&mut cx, &list(Type::U8), &[I32(0), I32(1 << 16)]).unwrap_err();
    assert_eq!(
        trap.code(),
        TrapCode::BudgetExceeded,
        "elements are charged by their size in the host"
    );
    lift_flat(&mut cx, &Type::String, &[I32(0), I32(1 << 15)]).unwrap();
    assert_eq!(cx.budget.left(), 1 << 15);
    let trap = lift_flat(&mut cx, &Type::String, &[I32(0), I32((1 << 15) + 1)]).unwrap_err();
    assert_eq!(trap.code(), TrapCode::BudgetExceeded);
}

#[test]
fn bad_results_of_realloc_trap() {
    for (bad_result, expected) in [
        (3, TrapCode::UnalignedPointer),
        (1 << 16, TrapCode::MemoryOutOfBounds),
        (u32::MAX - 3, TrapCode::MemoryOutOfBounds),
    ] {
        let guest = &mut Guest {
            bad_result: Some(bad_result),
            ..Guest::new(64)
        };
        let stored = lowering(guest, StringEncoding::Utf8, |cx| {
            lower_flat(cx, &list(Type::U32), &Val::List(vec![Val::U32(1)]))
        });
        let Err(CallError::Trap(trap)) = stored else {
            panic!("{stored:?}")
        };
        assert_eq!(trap.code(), expected);
        assert!(
            trap.message().starts_with("realloc returned a bad pointer"),
            "{trap}"
        );
    }
}

#[test]
fn mismatched_values_are_a_host_error_and_write_nothing() {
    let record = Type::Record(
        Record::new([("s".to_owned(), Type::String), ("n".to_owned(), Type::U8)]).unwrap(),
    );
    let field = |name: &str, val| (name.to_owned(), val);
    for (ty, val) in [
        (
            record.clone(),
            Val::Record(vec![
                field("s", Val::String("x".into())),
                field("n", Val::U16(1)),
            ]),
        ),
        (
            record.clone(),
            Val::Record(vec![
                field("s", Val::String("x".into())),
                field("m", Val::U8(1)),
            ]),
        ),
        (
            record,
            Val::Record(vec![field("s", Val::String("x".into()))]),
        ),
        (
            list(Type::String),
            Val::List(vec![Val::String("x".into()), Val::Bool(true)]),
        ),
        (
            Type::Enum(Enum::new(names(2)).unwrap()),
            Val::Enum("n2".into()),
        ),
        (
            Type::Flags(Flags::new(names(2)).unwrap()),
            Val::Flags(vec!["n2".into()]),
        ),
        (
            variant(&[Some(Type::U8), None]),
            Val::Variant("n0".into(), None),
        ),
        (
            variant(&[Some(Type::U8), None]),
            Val::Variant("n1".into(), Some(Box::new(Val::U8(1)))),
        ),
        (
            Type::Option(OptionType::new(Type::U8).unwrap()),
            Val::Option(Some(Box::new(Val::Char('x')))),
        ),
        (
            Type::Result(ResultType::new(None, None).unwrap()),
            Val::Result(Ok(Some(Box::new(Val::U8(1))))),
        ),
        (
            Type::Tuple(Tuple::new([Type::U8]).unwrap()),
            Val::Tuple(vec![]),
        ),
        (Type::Own(ResourceTableId(0)), Val::U32(1)),
    ] {
        let guest = &mut Guest::new(64);
        let stored = lowering(guest, StringEncoding::Utf8, |cx| store(cx, &ty, &val, 0));
        assert!(
            matches!(stored, Err(CallError::Host(_))),
            "{val:?} as {ty:?}: {stored:?}"
        );
        assert!(guest.calls.is_empty(), "{val:?} as {ty:?}");
    }
}

#[test]
fn the_nesting_of_types_is_bounded() {
    let mut ty = Type::U8;
    let mut depth = 1;
    while let Ok(deeper) = List::new(ty.clone()) {
        ty = Type::List(deeper);
        depth += 1;
    }
    assert_eq!(depth, crate::types::MAX_TYPE_DEPTH);
}

#[test]
fn types_with_shared_parts_are_made_and_compared_quickly() {
    // Written out, it would have 2^100 parts; the size limit is reached long before.
    let double = |ty: &Type| Tuple::new([ty.clone(), ty.clone()]).map(Type::Tuple);
    let doubled = |mut ty: Type| {
        let mut steps = 0;
        while let Ok(next) = double(&ty) {
            ty = next;
            steps += 1;
        }
        (ty, steps)
    };
    let (ty, steps) = doubled(Type::U8);
    assert_eq!(steps, 31);
    assert_eq!(ty.clone(), ty);
    assert_eq!(ty.layout().flat(), None);
}
