//! Compares the table of functions with `wit/`, and tests the code around each call.

mod calls;
mod fast_paths;
mod wit;

use std::convert::Infallible;
use std::fmt;

use wasmscope_telemetry::limits::Limits;
use wasmscope_telemetry::{Instance, Providers, Reason, Signal, Telemetry};

use super::*;
use crate::abi::*;

/// A registered function.
#[derive(Debug)]
struct Described {
    interface: &'static str,
    name: &'static str,
    parameters: &'static [&'static Type],
    result: &'static Type,
}

#[derive(Default)]
struct Describing(Vec<Described>);

impl<R: Returned> Register<R> for Describing {
    type Error = Infallible;

    fn function<A: Arguments, C: Call<A, R>>(
        &mut self,
        function: Function<A, R, C>,
    ) -> Result<(), Infallible> {
        self.0.push(Described {
            interface: function.interface(),
            name: function.name(),
            parameters: A::PARAMETERS,
            result: R::TYPE,
        });
        Ok(())
    }
}

fn described() -> Vec<Described> {
    let mut functions = Describing::default();
    register(&mut functions).unwrap();
    functions.0
}

/// Calls functions with arguments that are as empty as the types allow, and records the results.
struct Calling {
    instance: Instance,
    results: Vec<String>,
}

#[derive(Clone, Copy)]
struct Zero;

impl CoreValue for Zero {
    fn u32(self) -> u32 {
        0
    }

    fn u64(self) -> u64 {
        0
    }

    fn f64(self) -> f64 {
        0.0
    }
}

impl<R: Returned + fmt::Debug> Register<R> for Calling {
    type Error = LiftError;

    fn function<A: Arguments, C: Call<A, R>>(
        &mut self,
        function: Function<A, R, C>,
    ) -> Result<(), Self::Error> {
        let values = vec![Zero; A::LAYOUT.flat];
        let passed = RawArgs::flat(&[], StringEncoding::Utf8, &values);
        let result = function.call(&mut self.instance, |instance| instance, passed)?;
        self.results.push(format!("{function:?} -> {result:?}"));
        Ok(())
    }
}

fn instance(limits: Limits) -> Instance {
    let telemetry = Telemetry::builder(Providers::default()).limits(limits);
    telemetry.build().instance("guest")
}

#[test]
fn each_function_calls_the_core() {
    let mut calls = Calling {
        instance: instance(Limits::default()),
        results: vec![],
    };
    register(&mut calls).unwrap();
    assert_eq!(calls.results.len(), described().len());
    // Without providers nothing is recorded, and 0 is never a valid handle.
    let started = "Function(wasmscope:otel/tracer@0.1.0#start) -> ";
    let start = calls
        .results
        .iter()
        .find_map(|line| line.strip_prefix(started));
    let handle: u64 = start.unwrap().parse().unwrap();
    assert_eq!(handle >> 63, 1);
    let current = "Function(wasmscope:otel/context@0.1.0#current) -> None".to_owned();
    assert!(calls.results.contains(&current));
}

const TEST: Interface = Interface {
    name: "test",
    signal: Signal::Metrics,
};

/// The arguments of a call with one number.
const ONE: RawArgs<'_, Zero> = RawArgs::flat(&[], StringEncoding::Utf8, &[Zero]);

#[test]
fn panic_is_counted_and_gives_the_neutral_result() {
    let function = TEST.function("panics", || 7u64, |_, (_,): (u64,)| panic!("on purpose"));
    let mut instance = instance(Limits::default());
    let dropped = instance.telemetry().dropped().clone();
    let result = function.call(&mut instance, |it| it, ONE);
    assert_eq!(result.unwrap(), 7);
    assert_eq!(dropped.get(Signal::Metrics, Reason::HostPanic), 1);
    assert_eq!(dropped.total(Signal::Metrics), 1);
}

#[test]
fn panic_while_looking_up_the_instance_is_caught() {
    let function = TEST.function("echo", || 7u64, |_, (value,): (u64,)| value);
    let result = function.call(&mut (), |()| panic!("on purpose"), ONE);
    assert_eq!(result.unwrap(), 7);
}

/// A core value without a type.
#[derive(Clone, Copy)]
struct Bits(u64);

impl CoreValue for Bits {
    fn u32(self) -> u32 {
        self.0 as u32
    }

    fn u64(self) -> u64 {
        self.0
    }

    fn f64(self) -> f64 {
        0.0
    }
}

#[test]
fn arguments_beyond_the_limit_are_left_out_and_counted() {
    fn lengths(_: &mut Instance, baggage: Vec<BaggageEntry>) -> u64 {
        let lengths = baggage.iter().map(|entry| entry.key.len());
        lengths.sum::<usize>() as u64
    }
    let function = TEST.function("lengths", no_handle, lengths);
    let mut limits = Limits::default();
    limits.call_bytes = 2 * size_of::<BaggageEntry>() + 3;
    let mut instance = instance(limits);
    let dropped = instance.telemetry().dropped().clone();
    // Two entries that have only a key.
    let mut memory = vec![0; 8 + 2 * BaggageEntry::LAYOUT.size];
    memory[..6].copy_from_slice(b"keykey");
    for (entry, pointer) in memory[8..]
        .chunks_mut(BaggageEntry::LAYOUT.size)
        .zip([0u8, 3])
    {
        entry[0] = pointer;
        entry[4] = 3;
    }
    for (entries, expected, left_out) in [(1, 3, 0), (2, 3, 1)] {
        let before = dropped.get(Signal::Metrics, Reason::CallBytes);
        let values = [Bits(8), Bits(entries)];
        let passed = RawArgs::flat(&memory, StringEncoding::Utf8, &values);
        let result = function.call(&mut instance, |it| it, passed).unwrap();
        assert_eq!(result, expected);
        let counted = dropped.get(Signal::Metrics, Reason::CallBytes) - before;
        assert_eq!(counted, left_out);
    }
}
