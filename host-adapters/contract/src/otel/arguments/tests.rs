//! Hostile arguments, without an engine. The adapters test arguments that an engine passes.

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use proptest::prelude::*;
use wasmscope_telemetry::model::{
    BaggageEntry, InstrumentDescriptor, LogRecord, Number, Observation, RemoteContext, Scope,
    SpanChanges, SpanEvent, SpanReference, SpanStart, TracerHandle,
};

use super::logger;
use crate::InvalidArgument;
use crate::abi::LiftError;
use crate::abi::*;

/// The bytes that a call may take in these tests.
const CALL_BYTES: usize = 4 << 20;

/// A core value as WebAssembly has it, without a type.
#[derive(Debug, Clone, Copy)]
struct Bits(u64);

impl CoreValue for Bits {
    fn u32(self) -> u32 {
        self.0 as u32
    }

    fn u64(self) -> u64 {
        self.0
    }

    fn f64(self) -> f64 {
        f64::from_bits(self.0)
    }
}

#[test]
fn number_of_core_values_is_that_of_the_layout() {
    fn check<A: Arguments>(flat: usize, in_memory: bool) {
        assert_eq!(A::LAYOUT.flat, flat);
        assert_eq!(A::IN_MEMORY, in_memory);
        assert_eq!(size_of::<A::Flat<u64>>(), flat * size_of::<u64>());
    }
    check::<()>(0, false);
    check::<(u64,)>(1, false);
    check::<Vec<BaggageEntry>>(2, true);
    check::<Scope>(10, true);
    check::<SpanStart>(16, true);
    check::<(u64, SpanChanges)>(11, true);
    check::<(u64, SpanEvent)>(7, true);
    check::<(u64, SpanChanges, Option<u64>)>(13, true);
    check::<(u64, InstrumentDescriptor)>(13, true);
    check::<(u64, Number, Vec<KeyValue>)>(5, true);
    check::<(u64, Vec<KeyValue>)>(3, true);
    check::<(u64, Number)>(3, false);
    check::<(u64, Vec<Observation>, bool)>(4, true);
    check::<logger::Enabled>(6, true);
    check::<(u64, Vec<LogRecord>)>(3, true);
}

/// Async-lowered calls pass their parameters in memory.
#[test]
fn parameters_in_memory_are_read_at_their_offsets() {
    let mut bytes = vec![0; SpanStart::LAYOUT.size];
    assert_eq!(bytes.len(), 104);
    let mut put =
        |offset: usize, value: &[u8]| bytes[offset..][..value.len()].copy_from_slice(value);
    put(0, &7u64.to_le_bytes());
    put(8, &[2, 0, 0, 0, 4]);
    put(16, &[3]);
    put(24, &[3]);
    put(32, &11u64.to_le_bytes());
    put(40, &12u64.to_le_bytes());
    put(48, &13u64.to_le_bytes());
    put(56, &[0b101]);
    put(60, &[0, 0, 0, 0, 2]);
    put(80, &[1]);
    put(88, &99u64.to_le_bytes());
    put(96, &[1]);
    let start = RawArgs::<Bits>::in_memory(b"a=name", StringEncoding::Utf8, &bytes)
        .lift::<SpanStart>(CALL_BYTES)
        .unwrap();
    let expected = SpanStart {
        tracer: TracerHandle::from_bits(7),
        name: "name".into(),
        kind: SpanKind::Producer,
        parent: SpanReference::Remote(RemoteContext {
            trace_id: (11, 12),
            span_id: 13,
            trace_flags: 0b01,
            trace_state: "a=".to_owned(),
        }),
        attributes: vec![],
        start_time: Some(99),
        activate: true,
    };
    assert_eq!(format!("{:?}", start.arguments), format!("{expected:?}"));
    assert_eq!((start.bytes, start.left_out), (6, 0));
}

#[test]
fn value_shared_by_cases_is_read_with_the_type_of_the_case() {
    let number = |case, value| {
        let values = [Bits(1), Bits(case), Bits(value)];
        let lifted =
            RawArgs::flat(&[], StringEncoding::Utf8, &values).lift::<(u64, Number)>(CALL_BYTES);
        lifted.map(|lifted| lifted.arguments.1)
    };
    let float = 1.5f64.to_bits();
    assert_eq!(number(0, float).unwrap(), Number::Unsigned(float));
    assert_eq!(number(1, u64::MAX).unwrap(), Number::Signed(-1));
    assert_eq!(number(2, float).unwrap(), Number::Float(1.5));
    let error = number(3, 0).unwrap_err();
    let message = "invalid argument: number has discriminant 3, expected one below 3";
    assert_eq!(error.to_string(), message);
    assert!(matches!(error, LiftError::Invalid(_)));
}

#[test]
fn too_few_values_are_a_bug_of_the_host() {
    let lifted = RawArgs::<Bits>::flat(&[], StringEncoding::Utf8, &[]).lift::<(u64,)>(CALL_BYTES);
    assert!(matches!(lifted, Err(LiftError::Misread)));
    let lifted =
        RawArgs::<Bits>::in_memory(&[], StringEncoding::Utf8, &[0; 7]).lift::<(u64,)>(CALL_BYTES);
    assert!(matches!(lifted, Err(LiftError::Misread)));
}

/// Reads one string, as the entry of a list with one element.
fn string(
    memory: &[u8],
    encoding: StringEncoding,
    pointer: u64,
    length: u64,
) -> Result<String, InvalidArgument> {
    let values = [1, 0, 0, 1, pointer, length].map(Bits);
    match RawArgs::flat(memory, encoding, &values).lift::<logger::Enabled>(CALL_BYTES) {
        Ok(lifted) => Ok(lifted.arguments.2.unwrap()),
        Err(LiftError::Invalid(argument)) => Err(*argument),
        Err(LiftError::Misread) => panic!("misread"),
    }
}

#[test]
fn strings_are_read_in_every_encoding_and_within_bounds() {
    use StringEncoding::{CompactUtf16, Utf8, Utf16};
    let tagged = 1 << 31;
    let memory = b"gr\xc3\xbcn\0g\0\xfc\0\xfc";
    assert_eq!(string(memory, Utf8, 0, 5).unwrap(), "gr\u{fc}n");
    assert_eq!(string(memory, Utf16, 6, 2).unwrap(), "\u{67}\u{fc}");
    assert_eq!(string(memory, CompactUtf16, 8, 1).unwrap(), "\u{fc}");
    assert_eq!(
        string(memory, CompactUtf16, 6, 2 | tagged).unwrap(),
        "g\u{fc}"
    );
    for (encoding, pointer, length, message) in [
        (Utf8, 3, 1, "string at 0x3 is not valid UTF-8"),
        (
            Utf8,
            10,
            2,
            "string at 0xa of length 2 exceeds the memory of 11 bytes",
        ),
        (Utf8, 12, 0, "exceeds the memory"),
        (
            Utf8,
            u64::from(u32::MAX),
            u64::from(u32::MAX),
            "exceeds the memory",
        ),
        (Utf16, 10, 1, "exceeds the memory"),
        (Utf16, 7, 1, "string pointer 0x7 is not aligned to 2"),
        (CompactUtf16, 7, 1, "string pointer 0x7 is not aligned to 2"),
    ] {
        let error = string(memory, encoding, pointer, length).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

/// Reads arguments out of garbage, from memory and from core values. Asserts little beyond the
/// absence of panics, here with overflow checks.
fn read_garbage<A: Arguments>(
    memory: &[u8],
    parameters: &[u8],
    encoding: StringEncoding,
    limit: usize,
) {
    let flat: Vec<Bits> = parameters
        .chunks_exact(8)
        .map(|bytes| Bits(u64::from_le_bytes(bytes.try_into().unwrap())))
        .collect();
    let from_memory = RawArgs::<Bits>::in_memory(memory, encoding, parameters).lift::<A>(limit);
    let from_flat = RawArgs::flat(memory, encoding, &flat).lift::<A>(limit);
    for lifted in [from_memory, from_flat].into_iter().flatten() {
        assert!(lifted.bytes <= limit);
    }
}

/// Words that look like pointers, lengths and discriminants more often than random bytes do.
fn words(count: usize) -> impl Strategy<Value = Vec<u8>> {
    let word =
        prop_oneof![8 => 0u32..4, 4 => (0u32..64).prop_map(|word| word * 8), 1 => any::<u32>()];
    prop::collection::vec(word, count)
        .prop_map(|words| words.into_iter().flat_map(u32::to_le_bytes).collect())
}

proptest! {
    #[test]
    #[cfg_attr(miri, ignore = "property tests are too slow")]
    fn garbage_is_read_or_refused_without_a_panic(
        memory in words(128),
        parameters in words(64),
        encoding in prop::sample::select(vec![
            StringEncoding::Utf8,
            StringEncoding::Utf16,
            StringEncoding::CompactUtf16,
        ]),
        limit in 0usize..4096,
    ) {
        read_garbage::<(u64,)>(&memory, &parameters, encoding, limit);
        read_garbage::<Scope>(&memory, &parameters, encoding, limit);
        read_garbage::<SpanStart>(&memory, &parameters, encoding, limit);
        read_garbage::<(u64, SpanChanges)>(&memory, &parameters, encoding, limit);
        read_garbage::<(u64, SpanEvent)>(&memory, &parameters, encoding, limit);
        read_garbage::<(u64, SpanChanges, Option<u64>)>(&memory, &parameters, encoding, limit);
        read_garbage::<(u64, InstrumentDescriptor)>(&memory, &parameters, encoding, limit);
        read_garbage::<(u64, Number, Vec<KeyValue>)>(&memory, &parameters, encoding, limit);
        read_garbage::<(u64, Vec<KeyValue>)>(&memory, &parameters, encoding, limit);
        read_garbage::<(u64, Number)>(&memory, &parameters, encoding, limit);
        read_garbage::<(u64, Vec<Observation>, bool)>(&memory, &parameters, encoding, limit);
        read_garbage::<logger::Enabled>(&memory, &parameters, encoding, limit);
        read_garbage::<(u64, Vec<LogRecord>)>(&memory, &parameters, encoding, limit);
        read_garbage::<Vec<BaggageEntry>>(&memory, &parameters, encoding, limit);
    }
}
