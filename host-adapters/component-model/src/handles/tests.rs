use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// Resource 0 comes from the host, resource 1 is defined by instance 0; instances 0 and 1 see both.
fn tables(limit: usize) -> ResourceTables {
    let table = |resource, instance, definer: Option<u32>| ResourceTable {
        resource: ResourceId(resource),
        instance: ComponentInstanceId(instance),
        definer: definer.map(ComponentInstanceId),
    };
    ResourceTables::new(
        [
            table(0, 0, None),
            table(0, 1, None),
            table(1, 0, Some(0)),
            table(1, 1, Some(0)),
        ],
        2,
        limit,
    )
}

const HOST_IN_0: ResourceTableId = ResourceTableId(0);
const HOST_IN_1: ResourceTableId = ResourceTableId(1);
const OWN_IN_0: ResourceTableId = ResourceTableId(2);
const OWN_IN_1: ResourceTableId = ResourceTableId(3);

fn code<T: std::fmt::Debug>(result: Result<T, Trap>) -> TrapCode {
    result.unwrap_err().code()
}

#[test]
fn handles_start_at_one_and_are_used_again() {
    let mut tables = tables(10);
    assert_eq!(tables.lower_own(HOST_IN_0, Rep(7)), Ok(Handle(1)));
    assert_eq!(tables.lower_own(HOST_IN_0, Rep(8)), Ok(Handle(2)));
    assert_eq!(tables.drop_handle(HOST_IN_0, Handle(1)), Ok(Some(Rep(7))));
    assert_eq!(
        tables.lower_own(OWN_IN_0, Rep(9)),
        Ok(Handle(1)),
        "one table serves all types of an instance"
    );
    assert_eq!(
        tables.lower_own(HOST_IN_1, Rep(9)),
        Ok(Handle(1)),
        "each instance has a table of its own"
    );
}

#[test]
fn unknown_foreign_and_doubly_dropped_handles_trap() {
    let mut tables = tables(10);
    let handle = tables.lower_own(HOST_IN_0, Rep(7)).unwrap();
    for wrong in [0, 2, u32::MAX] {
        assert_eq!(
            code(tables.rep(HOST_IN_0, Handle(wrong))),
            TrapCode::InvalidHandle
        );
    }
    assert_eq!(
        code(tables.rep(OWN_IN_0, handle)),
        TrapCode::InvalidHandle,
        "another type"
    );
    assert_eq!(
        code(tables.rep(HOST_IN_1, handle)),
        TrapCode::InvalidHandle,
        "another instance"
    );
    assert_eq!(tables.drop_handle(HOST_IN_0, handle), Ok(Some(Rep(7))));
    assert_eq!(
        code(tables.drop_handle(HOST_IN_0, handle)),
        TrapCode::InvalidHandle
    );
    assert_eq!(tables.live(), 0);
}

#[test]
fn a_lent_handle_cannot_be_dropped_or_transferred_until_the_call_ends() {
    let mut tables = tables(10);
    let handle = tables.lower_own(HOST_IN_0, Rep(7)).unwrap();
    tables.enter_call();
    assert_eq!(tables.lift_borrow(HOST_IN_0, handle), Ok(Rep(7)));
    assert_eq!(
        code(tables.drop_handle(HOST_IN_0, handle)),
        TrapCode::HandleLent
    );
    assert_eq!(
        code(tables.lift_own(HOST_IN_0, handle)),
        TrapCode::HandleLent
    );
    tables.exit_call().unwrap();
    assert_eq!(tables.lift_own(HOST_IN_0, handle), Ok(Rep(7)));
    assert_eq!(tables.live(), 0);
}

#[test]
fn borrow_outlives_call_traps() {
    let mut tables = tables(10);
    let owner = tables.lower_own(HOST_IN_0, Rep(7)).unwrap();
    tables.enter_call();
    let borrowed = Handle(tables.transfer_borrow(HOST_IN_0, HOST_IN_1, owner).unwrap());
    assert_eq!(
        code(tables.lift_own(HOST_IN_1, borrowed)),
        TrapCode::InvalidHandle,
        "borrowed is not owned"
    );
    assert_eq!(code(tables.exit_call()), TrapCode::BorrowLeaked);
}

#[test]
fn a_borrow_is_dropped_before_the_call_ends_and_runs_no_destructor() {
    let mut tables = tables(10);
    let owner = tables.lower_own(HOST_IN_0, Rep(7)).unwrap();
    tables.enter_call();
    let borrowed = Handle(tables.transfer_borrow(HOST_IN_0, HOST_IN_1, owner).unwrap());
    tables.enter_call();
    assert_eq!(
        tables.lift_borrow(HOST_IN_1, borrowed),
        Ok(Rep(7)),
        "a borrow may be lent again"
    );
    tables.exit_call().unwrap();
    assert_eq!(tables.drop_handle(HOST_IN_1, borrowed), Ok(None));
    tables.exit_call().unwrap();
    assert_eq!(tables.live(), 1);
}

#[test]
fn an_abandoned_call_leaves_no_handles() {
    let mut tables = tables(10);
    let any = tables.host_own(ResourceId(0), Rep(1)).unwrap();
    tables.enter_call();
    let rep = tables.host_lend(&any).unwrap();
    tables.lower_borrow(HOST_IN_0, rep).unwrap();
    tables.give_own(HOST_IN_0, Rep(2)).unwrap();
    tables.give_own(OWN_IN_0, Rep(3)).unwrap();
    assert_eq!(
        tables.abandon_call(),
        Ok(vec![(ResourceId(0), Rep(2)), (ResourceId(1), Rep(3))])
    );
    assert_eq!(tables.host_take(&any), Ok(Rep(1)), "it is not lent");
    assert_eq!(tables.live(), 0);
    assert!(tables.abandon_call().is_err(), "no open call remains");
}

#[test]
fn a_borrow_is_lowered_as_its_representation_in_the_defining_instance() {
    let mut tables = tables(10);
    let owner = tables.lower_own(OWN_IN_1, Rep(77)).unwrap();
    tables.enter_call();
    assert_eq!(tables.transfer_borrow(OWN_IN_1, OWN_IN_0, owner), Ok(77));
    tables.exit_call().unwrap();
}

#[test]
fn transferring_ownership_removes_the_handle() {
    let mut tables = tables(10);
    let handle = tables.lower_own(OWN_IN_0, Rep(5)).unwrap();
    let moved = tables.transfer_own(OWN_IN_0, OWN_IN_1, handle).unwrap();
    assert_eq!(code(tables.rep(OWN_IN_0, handle)), TrapCode::InvalidHandle);
    assert_eq!(tables.rep(OWN_IN_1, moved), Ok(Rep(5)));
    assert_eq!(tables.live(), 1);
}

#[test]
fn the_limit_counts_handles_and_loans() {
    let mut tables = tables(2);
    let handle = tables.lower_own(HOST_IN_0, Rep(7)).unwrap();
    tables.enter_call();
    tables.lift_borrow(HOST_IN_0, handle).unwrap();
    assert_eq!(
        code(tables.lift_borrow(HOST_IN_0, handle)),
        TrapCode::TooManyHandles
    );
    assert_eq!(
        code(tables.lower_own(HOST_IN_0, Rep(8))),
        TrapCode::TooManyHandles
    );
    tables.exit_call().unwrap();
    tables.lower_own(HOST_IN_0, Rep(8)).unwrap();
}

#[test]
fn the_host_cannot_use_transferred_resources_or_expired_borrows() {
    let mut tables = tables(10);
    let owned = tables.host_own(ResourceId(0), Rep(1)).unwrap();
    tables.enter_call();
    let borrowed = tables.host_borrow(ResourceId(0), Rep(2)).unwrap();
    assert_eq!(tables.host_rep(&borrowed), Ok(Rep(2)));
    tables.host_take(&borrowed).unwrap_err();
    assert_eq!(tables.host_lend(&owned), Ok(Rep(1)));
    tables.host_take(&owned).unwrap_err();
    tables.exit_call().unwrap();
    tables.host_rep(&borrowed).unwrap_err();
    assert_eq!(tables.host_take(&owned), Ok(Rep(1)));
    let next = tables.host_own(ResourceId(0), Rep(3)).unwrap();
    tables.host_rep(&owned).unwrap_err();
    assert_eq!(tables.host_rep(&next), Ok(Rep(3)));
    assert_eq!(tables.live(), 1);
}

proptest! {
    /// Compares the tables with a model: a map from handles to representations, and the current
    /// loans.
    #[test]
    #[cfg_attr(miri, ignore = "property tests are too slow")]
    fn tables_agree_with_a_map(operations in prop::collection::vec((0u8..5, 0u32..12, any::<u32>()), 0..200)) {
        let mut tables = tables(1000);
        let mut model: HashMap<u32, Rep> = HashMap::new();
        let mut lent: Vec<Vec<u32>> = Vec::new();
        for (operation, handle, rep) in operations {
            let is_lent = lent.iter().flatten().any(|lent| *lent == handle);
            match operation {
                0 => {
                    let handle = tables.lower_own(HOST_IN_0, Rep(rep)).unwrap();
                    prop_assert_eq!(model.insert(handle.0, Rep(rep)), None);
                }
                1 => {
                    let expected = if is_lent { None } else { model.remove(&handle) };
                    prop_assert_eq!(tables.drop_handle(HOST_IN_0, Handle(handle)).ok().flatten(), expected);
                }
                2 => {
                    tables.enter_call();
                    lent.push(Vec::new());
                }
                3 => {
                    let expected = lent.pop();
                    prop_assert_eq!(tables.exit_call().is_ok(), expected.is_some());
                }
                _ => {
                    let expected = model.get(&handle).copied().filter(|_| !lent.is_empty());
                    prop_assert_eq!(tables.lift_borrow(HOST_IN_0, Handle(handle)).ok(), expected);
                    if expected.is_some() {
                        lent.last_mut().unwrap().push(handle);
                    }
                }
            }
            prop_assert_eq!(tables.live(), model.len() + lent.iter().flatten().count());
        }
    }
}
