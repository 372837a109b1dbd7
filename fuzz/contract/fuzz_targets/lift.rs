//! Arguments of every type, as core values and in memory.

#![no_main]

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use opentelemetry::KeyValue;
use opentelemetry::logs::Severity;
use wasmscope_contract::{Arguments, LiftError, RawArgs, StringEncoding};
use wasmscope_contract_fuzz::{Bits, bytes, encoding, values};
use wasmscope_telemetry::model::{
    BaggageEntry, InstrumentDescriptor, LogRecord, Number, Observation, Scope, SpanChanges,
    SpanEvent, SpanStart,
};

/// A guest's memory, and the limit on what is lifted.
struct Guest<'a> {
    memory: &'a [u8],
    encoding: StringEncoding,
    limit: usize,
}

impl Guest<'_> {
    fn lift<A: Arguments>(&self, data: &mut Unstructured<'_>) -> Result<()> {
        let flat = values(data, A::LAYOUT.flat)?;
        let mut in_memory = bytes(data, A::LAYOUT.size.div_ceil(4))?;
        in_memory.resize(A::LAYOUT.size, 0);
        let from_flat = RawArgs::flat(self.memory, self.encoding, &flat);
        let from_memory = RawArgs::<Bits>::in_memory(self.memory, self.encoding, &in_memory);
        for args in [from_flat, from_memory] {
            match args.lift::<A>(self.limit) {
                Ok(lifted) => {
                    assert!(lifted.bytes <= self.limit);
                    // A larger budget changes nothing if nothing was left out.
                    if lifted.left_out == 0 {
                        let again = args.lift::<A>(self.limit + 1_000).expect("it is valid");
                        assert_eq!(again.bytes, lifted.bytes);
                        let shown = |arguments: &A| format!("{arguments:?}");
                        assert_eq!(shown(&again.arguments), shown(&lifted.arguments));
                    }
                }
                Err(LiftError::Invalid(_)) => {}
                Err(error @ LiftError::Misread) => panic!("{error}"),
            }
        }
        Ok(())
    }
}

fn run(data: &mut Unstructured<'_>) -> Result<()> {
    let function = data.int_in_range(0..=14)?;
    let limit = usize::from(data.arbitrary::<u16>()?) % 4_096;
    let encoding = encoding(data)?;
    let memory = bytes(data, 192)?;
    let guest = Guest {
        memory: &memory,
        encoding,
        limit,
    };
    match function {
        0 => guest.lift::<()>(data),
        1 => guest.lift::<(u64,)>(data),
        2 => guest.lift::<Scope>(data),
        3 => guest.lift::<SpanStart>(data),
        4 => guest.lift::<(u64, SpanChanges)>(data),
        5 => guest.lift::<(u64, SpanEvent)>(data),
        6 => guest.lift::<(u64, SpanChanges, Option<u64>)>(data),
        7 => guest.lift::<(u64, InstrumentDescriptor)>(data),
        8 => guest.lift::<(u64, Number, Vec<KeyValue>)>(data),
        9 => guest.lift::<(u64, Vec<KeyValue>)>(data),
        10 => guest.lift::<(u64, Number)>(data),
        11 => guest.lift::<(u64, Vec<Observation>, bool)>(data),
        12 => guest.lift::<(u64, Option<Severity>, Option<String>)>(data),
        13 => guest.lift::<(u64, Vec<LogRecord>)>(data),
        _ => guest.lift::<Vec<BaggageEntry>>(data),
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});
