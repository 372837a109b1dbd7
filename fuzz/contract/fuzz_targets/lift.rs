//! Lifts the arguments of every function of the contract, as core values and in memory.

#![no_main]

use std::any::TypeId;
use std::convert::Infallible;
use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use wasmscope_contract::{
    Arguments, Call, Function, LiftError, RawArgs, Register, Returned, StringEncoding, register,
};
use wasmscope_contract_fuzz::{Bits, bytes, encoding, values};

type Lift = fn(&Guest<'_>, &mut Unstructured<'_>) -> Result<()>;

/// A function that lifts it, for each argument type of the contract.
#[derive(Default)]
struct ArgumentTypes(Vec<(TypeId, Lift)>);

impl<R: Returned> Register<R> for ArgumentTypes {
    type Error = Infallible;

    fn function<A: Arguments, C: Call<A, R>>(
        &mut self,
        _: Function<A, R, C>,
    ) -> std::result::Result<(), Infallible> {
        let id = TypeId::of::<A>();
        if self.0.iter().all(|(other, _)| *other != id) {
            self.0.push((id, |guest, data| guest.lift::<A>(data)));
        }
        Ok(())
    }
}

static ARGUMENT_TYPES: LazyLock<Vec<Lift>> = LazyLock::new(|| {
    let mut types = ArgumentTypes::default();
    let Ok(()) = register(&mut types);
    types.0.into_iter().map(|(_, lift)| lift).collect()
});

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
    let lift = data.choose(&ARGUMENT_TYPES)?;
    let limit = usize::from(data.arbitrary::<u16>()?) % 4_096;
    let encoding = encoding(data)?;
    let memory = bytes(data, 192)?;
    let guest = Guest {
        memory: &memory,
        encoding,
        limit,
    };
    lift(&guest, data)
}

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});
