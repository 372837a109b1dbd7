//! Properties: stored values load unchanged, and no input from a guest makes the host panic.

use proptest::prelude::*;

use super::generate::{any_string, any_type, any_val};
use super::{Guest, lifting, lowering};
use crate::abi::call::FuncAbi;
use crate::abi::transcode::Transcode;
use crate::abi::*;
use crate::types::{FuncType, Type};
use crate::val::Val;

fn any_encoding() -> impl Strategy<Value = StringEncoding> {
    prop::sample::select(vec![
        StringEncoding::Utf8,
        StringEncoding::Utf16,
        StringEncoding::CompactUtf16,
    ])
}

fn typed_val() -> impl Strategy<Value = (Type, Val)> {
    any_type().prop_flat_map(|ty| (Just(ty.clone()), any_val(&ty)))
}

fn any_func() -> impl Strategy<Value = (FuncType, Vec<Val>, Option<Val>)> {
    (
        prop::collection::vec(any_type(), 0..6),
        prop::option::of(any_type()),
    )
        .prop_flat_map(|(types, result)| {
            let vals: Vec<_> = types.iter().map(any_val).collect();
            let result_val = match &result {
                Some(ty) => any_val(ty).prop_map(Some).boxed(),
                None => Just(None).boxed(),
            };
            let params = types
                .into_iter()
                .enumerate()
                .map(|(index, ty)| (format!("p{index}"), ty))
                .collect();
            (Just(FuncType { params, result }), vals, result_val)
        })
}

fn any_core_val() -> impl Strategy<Value = CoreVal> {
    prop_oneof![
        (0u32..300).prop_map(CoreVal::I32),
        any::<u32>().prop_map(CoreVal::I32),
        any::<u64>().prop_map(CoreVal::I64),
        any::<u32>().prop_map(CoreVal::F32),
        any::<u64>().prop_map(CoreVal::F64),
    ]
}

proptest! {
    #[test]
    fn stored_values_load_unchanged((ty, val) in typed_val(), encoding in any_encoding()) {
        let guest = &mut Guest::new(64);
        let pointer = guest.allocate(ty.layout().align(), ty.layout().size());
        lowering(guest, encoding, |cx| store(cx, &ty, &val, pointer)).unwrap();
        let loaded = lifting(&guest.memory, encoding, |cx| load(cx, &ty, pointer)).unwrap();
        prop_assert_eq!(loaded, val);
    }

    #[test]
    fn lowered_values_lift_unchanged((ty, val) in typed_val(), encoding in any_encoding()) {
        let guest = &mut Guest::new(64);
        let lowered = lowering(guest, encoding, |cx| lower_flat(cx, &ty, &val));
        let Some(flat) = ty.layout().flat() else { return Ok(()) };
        let values = lowered.unwrap();
        prop_assert_eq!(values.iter().map(|value| value.ty()).collect::<Vec<_>>(), flat);
        let lifted = lifting(&guest.memory, encoding, |cx| lift_flat(cx, &ty, &values)).unwrap();
        prop_assert_eq!(lifted, val);
    }

    #[test]
    fn flat_and_spilled_calls_pass_their_values((ty, vals, result) in any_func(), encoding in any_encoding()) {
        let abi = FuncAbi::new(ty).unwrap();
        let guest = &mut Guest::new(64);
        let mut values = lowering(guest, encoding, |cx| abi.lower_params(cx, &vals)).unwrap();
        let spilled = abi.core_signature(call::Direction::Lift).params.len() < abi.core_signature(call::Direction::Lower).params.len();
        let area = guest.allocate(8, 4096);
        if spilled {
            values.push(CoreVal::I32(area));
        }
        let (lifted, pointer) = lifting(&guest.memory, encoding, |cx| abi.lift_params(cx, &values)).unwrap();
        prop_assert_eq!(lifted, vals);
        let lowered = lowering(guest, encoding, |cx| abi.lower_result(cx, result.as_ref(), pointer)).unwrap();
        let returned: Vec<CoreVal> = if spilled { vec![CoreVal::I32(area)] } else { lowered.into_iter().collect() };
        let lifted = lifting(&guest.memory, encoding, |cx| abi.lift_result(cx, &returned)).unwrap();
        prop_assert_eq!(lifted, result);
    }

    /// The result is a value of the type or a trap, and never exceeds the budget.
    #[test]
    fn arbitrary_memory_loads_or_traps(
        ty in any_type(),
        memory in prop::collection::vec(prop_oneof![0u8..8, any::<u8>()], 0..256),
        pointer in prop_oneof![0u32..300, any::<u32>()],
        encoding in any_encoding(),
    ) {
        if let Ok(val) = lifting(&memory, encoding, |cx| load(cx, &ty, pointer)) {
            prop_assert_eq!(check(&ty, &val), Ok(()));
        }
    }

    #[test]
    fn arbitrary_core_values_lift_or_trap(
        ty in any_type(),
        memory in prop::collection::vec(any::<u8>(), 0..128),
        values in prop::collection::vec(any_core_val(), 0..18),
        encoding in any_encoding(),
    ) {
        if let Ok(val) = lifting(&memory, encoding, |cx| lift_flat(cx, &ty, &values)) {
            prop_assert_eq!(check(&ty, &val), Ok(()));
        }
    }

    #[test]
    fn a_misbehaving_allocator_traps_or_is_obeyed((ty, val) in typed_val(), bad_result in any::<u32>(), encoding in any_encoding()) {
        let guest = &mut Guest::new(256);
        guest.bad_result = Some(bad_result % 300);
        let _ = lowering(guest, encoding, |cx| store(cx, &ty, &val, 0));
        prop_assert_eq!(guest.memory.len(), 256);
    }

    #[test]
    fn mutated_memory_loads_or_traps(
        (ty, val) in typed_val(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        encoding in any_encoding(),
    ) {
        let guest = &mut Guest::new(64);
        let pointer = guest.allocate(ty.layout().align(), ty.layout().size());
        lowering(guest, encoding, |cx| store(cx, &ty, &val, pointer)).unwrap();
        let at = at.index(guest.memory.len());
        guest.memory[at] = byte;
        if let Ok(val) = lifting(&guest.memory, encoding, |cx| load(cx, &ty, pointer)) {
            prop_assert_eq!(check(&ty, &val), Ok(()));
        }
    }

    #[test]
    fn transcoders_never_panic(
        op in any_transcoder(),
        from in prop::collection::vec(any::<u8>(), 0..64),
        arguments in prop::collection::vec(prop_oneof![0u32..70, any::<u32>()], 0..6),
    ) {
        let mut to = vec![0; 64];
        let result = op.run(&from, &mut to, &arguments);
        if let Ok(values) = result {
            prop_assert_eq!(values.len(), op.results());
        }
    }

    #[test]
    fn transcoding_keeps_strings(string in any_string()) {
        super::transcoding::keeps(&string);
    }
}

fn any_transcoder() -> impl Strategy<Value = Transcode> {
    use Transcode::*;
    prop::sample::select(vec![
        CopyUtf8,
        CopyUtf16,
        CopyLatin1,
        Latin1ToUtf16,
        Utf8ToUtf16,
        Latin1ToUtf8,
        Utf16ToUtf8,
        Utf16ToCompactProbablyUtf16,
        Utf8ToLatin1,
        Utf16ToLatin1,
        Utf8ToCompactUtf16,
        Utf16ToCompactUtf16,
    ])
}
