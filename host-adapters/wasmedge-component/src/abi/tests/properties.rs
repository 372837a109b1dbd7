//! Properties: what is stored loads again, and nothing that a guest says makes the host panic.

use std::ops::Range;

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
    fn what_is_stored_loads_again((ty, val) in typed_val(), encoding in any_encoding()) {
        let guest = &mut Guest::new(64);
        let pointer = guest.allocate(ty.layout().align(), ty.layout().size());
        lowering(guest, encoding, |cx| store(cx, &ty, &val, pointer)).unwrap();
        let loaded = lifting(&guest.memory, encoding, |cx| load(cx, &ty, pointer)).unwrap();
        prop_assert_eq!(loaded, val);
    }

    #[test]
    fn what_is_lowered_lifts_again((ty, val) in typed_val(), encoding in any_encoding()) {
        let guest = &mut Guest::new(64);
        let lowered = lowering(guest, encoding, |cx| lower_flat(cx, &ty, &val));
        let Some(flat) = ty.layout().flat() else { return Ok(()) };
        let values = lowered.unwrap();
        prop_assert_eq!(values.iter().map(|value| value.ty()).collect::<Vec<_>>(), flat);
        let lifted = lifting(&guest.memory, encoding, |cx| lift_flat(cx, &ty, &values)).unwrap();
        prop_assert_eq!(lifted, val);
    }

    #[test]
    fn calls_pass_their_values_whether_spilled_or_not((ty, vals, result) in any_func(), encoding in any_encoding()) {
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

    /// A result is either a value of the type or a trap, and never more than the budget.
    #[test]
    fn arbitrary_memory_makes_a_value_or_a_trap(
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
    fn arbitrary_core_values_make_a_value_or_a_trap(
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
    fn a_lying_allocator_traps_or_gets_what_it_asked_for((ty, val) in typed_val(), lie in any::<u32>(), encoding in any_encoding()) {
        let guest = &mut Guest::new(256);
        guest.lie = Some(lie % 300);
        let _ = lowering(guest, encoding, |cx| store(cx, &ty, &val, 0));
        prop_assert_eq!(guest.memory.len(), 256);
    }

    #[test]
    fn mutated_memory_makes_a_value_or_a_trap(
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

    /// Strings pass from every encoding to every other in the steps of a fused adapter.
    #[test]
    fn transcoding_keeps_strings(string in any_string()) {
        use Transcode::*;
        let utf8 = string.as_bytes().to_vec();
        let utf16: Vec<u8> = string.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let latin1: Option<Vec<u8>> = string.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect();
        let (bytes, units) = (utf8.len() as u32, utf16.len() as u32 / 2);
        let mut to = vec![0u8; 256];

        CopyUtf8.run(&utf8, &mut to, &[0, bytes, 8]).unwrap();
        prop_assert_eq!(&to[8..8 + utf8.len()], &utf8);
        CopyUtf16.run(&utf16, &mut to, &[0, units, 8]).unwrap();
        prop_assert_eq!(&to[8..8 + utf16.len()], &utf16);
        prop_assert_eq!(Utf8ToUtf16.run(&utf8, &mut to, &[0, bytes, 8]).unwrap(), [units]);
        prop_assert_eq!(&to[8..8 + utf16.len()], &utf16);

        // Too little space at first, then the rest.
        let passes = |op: Transcode, from: &Vec<u8>, length: u32, width: u32, to: &mut Vec<u8>| {
            let first = op.run(from, to, &[0, length, 8, length, 1]).unwrap();
            let (read, written) = (first[0], first[1]);
            let rest = op.run(from, to, &[read * width, length - read, 8 + written, 200 - written, 0]).unwrap();
            assert_eq!(read + rest[0], length);
            range(8, written + rest[1])
        };
        let written = passes(Utf16ToUtf8, &utf16, units, 2, &mut to);
        prop_assert_eq!(&to[written], &utf8);

        // Latin-1 as far as it goes, then UTF-16.
        for (narrow, wide, from, length, width) in [
            (Utf8ToLatin1, Utf8ToCompactUtf16, &utf8, bytes, 1),
            (Utf16ToLatin1, Utf16ToCompactUtf16, &utf16, units, 2),
        ] {
            let first = narrow.run(from, &mut to, &[0, length, 8]).unwrap();
            let (read, written) = (first[0], first[1]);
            prop_assert_eq!(read == length, latin1.is_some());
            match &latin1 {
                Some(latin1) => prop_assert_eq!(&to[range(8, written)], latin1),
                None => {
                    let total = wide.run(from, &mut to, &[read * width, length - read, 8, 100, written]).unwrap();
                    prop_assert_eq!(total, [units]);
                    prop_assert_eq!(&to[8..8 + utf16.len()], &utf16);
                }
            }
        }

        let tagged = Utf16ToCompactProbablyUtf16.run(&utf16, &mut to, &[0, units, 8]).unwrap()[0];
        match &latin1 {
            Some(latin1) => {
                prop_assert_eq!(tagged, units);
                prop_assert_eq!(&to[range(8, tagged)], latin1);
                let length = latin1.len() as u32;
                CopyLatin1.run(latin1, &mut to, &[0, length, 8]).unwrap();
                prop_assert_eq!(&to[range(8, length)], latin1);
                Latin1ToUtf16.run(latin1, &mut to, &[0, length, 8]).unwrap();
                prop_assert_eq!(&to[8..8 + utf16.len()], &utf16);
                let written = passes(Latin1ToUtf8, latin1, length, 1, &mut to);
                prop_assert_eq!(&to[written], &utf8);
            }
            None => {
                prop_assert_eq!(tagged, units | 1 << 31);
                prop_assert_eq!(&to[8..8 + utf16.len()], &utf16);
            }
        }
    }
}

fn range(start: usize, length: u32) -> Range<usize> {
    start..start + length as usize
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
