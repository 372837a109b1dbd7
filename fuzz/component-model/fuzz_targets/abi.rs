//! Lifts any type from any memory and core values, converts values in both directions, and runs
//! handle operations in any order.

#![no_main]

use arbitrary::{Result, Unstructured};
use component_model::engine::{Memory, OutOfBounds};
use component_model::internals::{
    Direction, FuncAbi, Realloc, ResourceTables, Transcode, check, layout, lift_flat, load,
    lower_flat, store,
};
use component_model::types::FuncType;
use component_model::{
    Budget, CallError, CoreVal, LiftContext, LowerContext, StringEncoding, Trap, TrapCode,
};
use component_model_fuzz::generate;
use component_model_fuzz::resources::Resources;
use libfuzzer_sys::fuzz_target;

/// A memory with a bump allocator that may return wrong addresses.
struct Guest {
    memory: Vec<u8>,
    next: u32,
    lie: Option<u32>,
}

impl Guest {
    fn new(lie: Option<u32>) -> Self {
        Self {
            memory: vec![0xaa; 64],
            next: 8,
            lie,
        }
    }
}

impl Memory for Guest {
    fn length(&self) -> u64 {
        self.memory.length()
    }

    fn read(&self, offset: u32, bytes: &mut [u8]) -> std::result::Result<(), OutOfBounds> {
        self.memory.read(offset, bytes)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> std::result::Result<(), OutOfBounds> {
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
    ) -> std::result::Result<u32, Trap> {
        if let Some(lie) = self.lie {
            return Ok(lie);
        }
        let at = self.next.next_multiple_of(align);
        let Some(end) = at.checked_add(new_size).filter(|end| *end < 1 << 20) else {
            return Err(Trap::new(TrapCode::Unreachable, "out of memory"));
        };
        self.next = end;
        let end = usize::try_from(end).expect("it is small");
        if self.memory.len() < end {
            self.memory.resize(end, 0xaa);
        }
        let old = usize::try_from(old).expect("it was allocated");
        let kept = usize::try_from(old_size.min(new_size)).expect("it is small");
        self.memory
            .copy_within(old..old + kept, usize::try_from(at).expect("it is small"));
        Ok(at)
    }
}

fn lifting<T>(
    memory: &[u8],
    encoding: StringEncoding,
    resources: &mut Resources,
    lift: impl FnOnce(&mut LiftContext<'_>) -> T,
) -> T {
    let limit = 1 << 20;
    let mut budget = Budget::new(limit);
    lift(&mut LiftContext {
        memory: Some(memory),
        encoding,
        resources: &mut resources.tables,
        budget: &mut budget,
    })
}

fn lowering<T>(
    guest: &mut Guest,
    encoding: StringEncoding,
    resources: &mut Resources,
    lower: impl FnOnce(&mut LowerContext<'_>) -> T,
) -> T {
    lower(&mut LowerContext {
        guest: Some(guest),
        encoding,
        resources: &mut resources.tables,
    })
}

fn is_said(trap: &Trap) {
    assert!(!trap.message().is_empty());
}

/// Any memory and core values give a value of the type, or a trap.
fn from_anything(data: &mut Unstructured<'_>) -> Result<()> {
    let ty = generate::ty(data)?;
    let encoding = generate::encoding(data)?;
    let pointer = if data.arbitrary()? {
        data.int_in_range(0..=300)?
    } else {
        data.arbitrary()?
    };
    let count = data.int_in_range(0..=18u8)?;
    let values = (0..count)
        .map(|_| generate::core_val(data))
        .collect::<Result<Vec<_>>>()?;
    let mut resources = Resources::default();
    resources.enter();
    for _ in 0..data.int_in_range(0..=6u8)? {
        resources.operate(data)?;
    }
    let memory = data.bytes(data.len())?;
    for lifted in [
        lifting(memory, encoding, &mut resources, |cx| {
            load(cx, &ty, pointer)
        }),
        lifting(memory, encoding, &mut resources, |cx| {
            lift_flat(cx, &ty, &values)
        }),
    ] {
        match lifted {
            Ok(val) => assert_eq!(check(&ty, &val), Ok(()), "{ty:?} {val:?}"),
            Err(trap) => is_said(&trap),
        }
    }
    Ok(())
}

/// A stored value loads again, and a lowered value lifts again. With a wrong allocator there may
/// also be a trap.
fn round_trip(data: &mut Unstructured<'_>) -> Result<()> {
    let ty = generate::ty(data)?;
    let encoding = generate::encoding(data)?;
    let lie = if data.ratio(1u8, 4u8)? {
        Some(data.int_in_range(0..=80)?)
    } else {
        None
    };
    let mut resources = Resources::default();
    let val = generate::val(data, &ty, &mut resources)?;
    let again = generate::val(data, &ty, &mut resources)?;
    resources.enter();
    let mut guest = Guest::new(lie);
    let flat = lowering(&mut guest, encoding, &mut resources, |cx| {
        lower_flat(cx, &ty, &again)
    });
    if let (Ok(values), Some(types)) = (&flat, layout(&ty).flat()) {
        let found: Vec<_> = values.iter().map(|value| value.ty()).collect();
        assert_eq!(found, types);
    }
    let (align, size) = (layout(&ty).align(), layout(&ty).size());
    let pointer = guest.realloc(&mut ResourceTables::default(), 0, 0, align, size);
    let Ok(pointer) = pointer else { return Ok(()) };
    let stored = lowering(&mut guest, encoding, &mut resources, |cx| {
        store(cx, &ty, &val, pointer)
    });
    if lie.is_some() {
        assert_eq!(guest.memory.len(), 64);
        return Ok(());
    }
    match stored {
        Ok(()) => {}
        // There are too many resources, so an existing one is used.
        Err(CallError::Host(_)) => return Ok(()),
        Err(CallError::Trap(trap)) => {
            assert!(
                [TrapCode::TooManyHandles, TrapCode::Unreachable].contains(&trap.code()),
                "{trap}"
            );
            return Ok(());
        }
    }
    // The definer of a resource gets its representation for a borrow, and has no handle to load.
    if format!("{ty:?}").contains("Borrow(") {
        return Ok(());
    }
    let loaded = lifting(&guest.memory, encoding, &mut resources, |cx| {
        load(cx, &ty, pointer)
    });
    let loaded = loaded.unwrap_or_else(|trap| panic!("{ty:?}: {trap}"));
    assert_eq!(check(&ty, &loaded), Ok(()));
    if !format!("{ty:?}").contains("Own(") {
        assert_eq!(loaded, val, "{ty:?}");
    }
    resources.plain(loaded);
    if let (Ok(values), Some(_)) = (&flat, layout(&ty).flat()) {
        let lifted = lifting(&guest.memory, encoding, &mut resources, |cx| {
            lift_flat(cx, &ty, values)
        });
        let lifted = lifted.unwrap_or_else(|trap| panic!("{ty:?}: {trap}"));
        if !format!("{ty:?}").contains("Own(") {
            assert_eq!(lifted, again, "{ty:?}");
        }
        resources.plain(lifted);
    }
    resources.finish();
    Ok(())
}

/// Calls accept any core values.
fn calls(data: &mut Unstructured<'_>) -> Result<()> {
    let count = data.int_in_range(0..=6u8)?;
    let params = (0..count).map(|index| Ok((format!("p{index}"), generate::ty(data)?)));
    let params = params.collect::<Result<Vec<_>>>()?;
    let result = if data.arbitrary()? {
        Some(generate::ty(data)?)
    } else {
        None
    };
    let Ok(abi) = FuncAbi::new(FuncType { params, result }) else {
        return Ok(());
    };
    let encoding = generate::encoding(data)?;
    let mut resources = Resources::default();
    let vals = abi
        .ty()
        .params
        .iter()
        .map(|(_, ty)| generate::val(data, ty, &mut resources));
    let vals = vals.collect::<Result<Vec<_>>>()?;
    resources.enter();
    let mut guest = Guest::new(None);
    let lowered = lowering(&mut guest, encoding, &mut resources, |cx| {
        abi.lower_params(cx, &vals)
    });
    let signature = abi.core_signature(Direction::Lift);
    if let Ok(values) = lowered {
        let found: Vec<_> = values.iter().map(|value| value.ty()).collect();
        assert_eq!(found, signature.params);
    }
    let values = abi.core_signature(Direction::Lower).params;
    let values = values
        .into_iter()
        .map(|_| generate::core_val(data))
        .collect::<Result<Vec<_>>>()?;
    let returned: Vec<CoreVal> = signature
        .results
        .iter()
        .map(|_| generate::core_val(data))
        .collect::<Result<_>>()?;
    let memory = data.bytes(data.len())?;
    let lifted = lifting(memory, encoding, &mut resources, |cx| {
        abi.lift_params(cx, &values)
    });
    let result = lifting(memory, encoding, &mut resources, |cx| {
        abi.lift_result(cx, &returned)
    });
    if let Ok((vals, _)) = &lifted {
        for ((_, ty), val) in abi.ty().params.iter().zip(vals) {
            assert_eq!(check(ty, val), Ok(()));
        }
    }
    if let (Ok(Some(val)), Some(ty)) = (&result, &abi.ty().result) {
        assert_eq!(check(ty, val), Ok(()));
        let pointer = lifted.ok().and_then(|(_, pointer)| pointer);
        let _ = lowering(&mut guest, encoding, &mut resources, |cx| {
            abi.lower_result(cx, Some(val), pointer)
        });
    }
    Ok(())
}

/// Handle operations in any order. No handles are left at the end.
fn handles(data: &mut Unstructured<'_>) -> Result<()> {
    let mut resources = Resources::default();
    while !data.is_empty() {
        resources.operate(data)?;
    }
    resources.finish();
    Ok(())
}

fn transcoders(data: &mut Unstructured<'_>) -> Result<()> {
    use Transcode::*;
    let op = *data.choose(&[
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
    ])?;
    let count = data.int_in_range(0..=6u8)?;
    let arguments = (0..count).map(|_| match data.arbitrary()? {
        true => data.int_in_range(0..=80),
        false => data.arbitrary(),
    });
    let arguments = arguments.collect::<Result<Vec<u32>>>()?;
    let from = data.bytes(data.len())?.to_vec();
    let mut to = vec![0; 64];
    match op.run(&from, &mut to, &arguments) {
        Ok(values) => assert_eq!(values.len(), op.results()),
        Err(trap) => is_said(&trap),
    }
    assert_eq!(to.len(), 64);
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    let mut data = Unstructured::new(data);
    let _ = match data.arbitrary::<u8>().unwrap_or_default() % 5 {
        0 => from_anything(&mut data),
        1 => round_trip(&mut data),
        2 => calls(&mut data),
        3 => handles(&mut data),
        _ => transcoders(&mut data),
    };
});
