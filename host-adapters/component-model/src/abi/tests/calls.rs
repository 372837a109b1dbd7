//! Passing resources, and whole calls.

use super::*;
use crate::abi::call::{CoreSignature, Direction, FuncAbi};
use crate::ids::{Handle, Rep};
use crate::types::FuncType;

#[test]
fn owned_and_borrowed_resources_pass_between_guest_and_host() {
    let (own, borrow) = (
        Type::Own(ResourceTableId(0)),
        Type::Borrow(ResourceTableId(0)),
    );
    let memory = Vec::new();
    let mut tables = resources();
    let handle = tables.lower_own(ResourceTableId(0), Rep(42)).unwrap();
    tables.enter_call();
    let mut budget = Budget::default();
    let mut lift = |tables: &mut ResourceTables, ty: &Type, handle: Handle| {
        let mut cx = LiftContext {
            memory: Some(&memory),
            encoding: StringEncoding::Utf8,
            resources: tables,
            budget: &mut budget,
        };
        lift_flat(&mut cx, ty, &[I32(handle.0)])
    };
    let Val::Resource(borrowed) = lift(&mut tables, &borrow, handle).unwrap() else {
        panic!()
    };
    assert!(!borrowed.owned());
    assert_eq!(tables.host_rep(&borrowed), Ok(Rep(42)));
    assert_eq!(
        lift(&mut tables, &own, handle).unwrap_err().code(),
        TrapCode::HandleLent
    );
    tables.exit_call().unwrap();
    let Val::Resource(owned) = lift(&mut tables, &own, handle).unwrap() else {
        panic!()
    };
    assert!(owned.owned());
    assert_eq!(
        lift(&mut tables, &own, handle).unwrap_err().code(),
        TrapCode::InvalidHandle
    );

    let lower = |tables: &mut ResourceTables, ty: &Type, any| {
        let mut cx = LowerContext {
            guest: None,
            encoding: StringEncoding::Utf8,
            resources: tables,
        };
        lower_flat(&mut cx, ty, &Val::Resource(any))
    };
    let other = Type::Own(ResourceTableId(1));
    assert!(
        matches!(lower(&mut tables, &other, owned), Err(CallError::Host(_))),
        "a resource of another type"
    );
    tables.enter_call();
    assert!(
        matches!(lower(&mut tables, &own, borrowed), Err(CallError::Host(_))),
        "its call has ended"
    );
    let lent = lower(&mut tables, &borrow, owned).unwrap();
    assert!(
        matches!(lower(&mut tables, &own, owned), Err(CallError::Host(_))),
        "it is lent"
    );
    let [I32(lent)] = *lent else {
        panic!("{lent:?}")
    };
    assert_eq!(
        tables.drop_handle(ResourceTableId(0), Handle(lent)),
        Ok(None)
    );
    tables.exit_call().unwrap();
    let [I32(given)] = *lower(&mut tables, &own, owned).unwrap() else {
        panic!()
    };
    assert_eq!(
        tables.drop_handle(ResourceTableId(0), Handle(given)),
        Ok(Some(Rep(42)))
    );
    assert_eq!(tables.live(), 0);
}

#[test]
fn parameters_spill_beyond_sixteen_core_values_and_results_beyond_one() {
    let func = |params: usize, result| {
        let params = names(params).map(|name| (name, Type::U64)).collect();
        FuncAbi::new(FuncType { params, result }).unwrap()
    };
    let signature =
        |params: Vec<FlatType>, results: Vec<FlatType>| CoreSignature { params, results };
    let (i32s, i64s) = (|n| vec![FlatType::I32; n], |n| vec![FlatType::I64; n]);
    assert_eq!(
        func(16, None).core_signature(Direction::Lower),
        signature(i64s(16), vec![])
    );
    assert_eq!(
        func(17, None).core_signature(Direction::Lower),
        signature(i32s(1), vec![])
    );
    assert_eq!(
        func(17, Some(Type::U8)).core_signature(Direction::Lift),
        signature(i32s(1), i32s(1))
    );
    assert_eq!(
        func(0, Some(Type::String)).core_signature(Direction::Lift),
        signature(vec![], i32s(1))
    );
    assert_eq!(
        func(17, Some(Type::String)).core_signature(Direction::Lower),
        signature(i32s(2), vec![])
    );
    let sixteen_and_pointer = [i64s(16), i32s(1)].concat();
    assert_eq!(
        func(16, Some(Type::String)).core_signature(Direction::Lower),
        signature(sixteen_and_pointer, vec![])
    );
}

#[test]
fn a_spilled_call_uses_memory_both_ways() {
    let params = names(17).map(|name| (name, Type::String)).collect();
    let abi = FuncAbi::new(FuncType {
        params,
        result: Some(Type::String),
    })
    .unwrap();
    let vals: Vec<Val> = (0..17)
        .map(|index| Val::String(format!("value {index}")))
        .collect();
    let guest = &mut Guest::new(64);
    let mut values = lowering(guest, StringEncoding::Utf16, |cx| {
        abi.lower_params(cx, &vals)
    })
    .unwrap();
    assert_eq!(values.len(), 1);
    values.push(I32(16));
    let (lifted, pointer) = lifting(&guest.memory, StringEncoding::Utf16, |cx| {
        abi.lift_params(cx, &values)
    })
    .unwrap();
    assert_eq!((lifted, pointer), (vals.clone(), Some(16)));

    let lowered = lowering(guest, StringEncoding::Utf16, |cx| {
        abi.lower_result(cx, Some(&vals[3]), pointer)
    })
    .unwrap();
    assert_eq!(lowered, None, "the caller has the pointer already");
    let result = lifting(&guest.memory, StringEncoding::Utf16, |cx| {
        abi.lift_result(cx, &[I32(16)])
    })
    .unwrap();
    assert_eq!(result, Some(vals[3].clone()));

    for (pointer, code) in [
        (18, TrapCode::UnalignedPointer),
        (1 << 20, TrapCode::MemoryOutOfBounds),
    ] {
        let trap = lifting(&guest.memory, StringEncoding::Utf16, |cx| {
            abi.lift_result(cx, &[I32(pointer)])
        })
        .unwrap_err();
        assert_eq!(trap.code(), code);
        let lowered = lowering(guest, StringEncoding::Utf16, |cx| {
            abi.lower_result(cx, Some(&vals[0]), Some(pointer))
        });
        let Err(CallError::Trap(trap)) = lowered else {
            panic!("{lowered:?}")
        };
        assert_eq!(trap.code(), code);
    }
    let wrong = lowering(guest, StringEncoding::Utf8, |cx| {
        abi.lower_params(cx, &vals[1..])
    });
    assert!(matches!(wrong, Err(CallError::Host(_))));
}
