//! Handle tables, with a record of the host's handles.

use arbitrary::{Result, Unstructured};
use component_model::internals::{
    ComponentInstanceId, Handle, Rep, ResourceId, ResourceTable, ResourceTableId, ResourceTables,
};
use component_model::{ResourceAny, Val};

/// Two component instances have two resource types each: type 0 is the host's, type 1 the first
/// instance's.
pub const TABLES: u32 = 4;

/// More handles than any input makes.
const HANDLES: u32 = 300;

/// The tables, and the host's handles.
#[derive(Debug)]
pub struct Resources {
    /// The tables.
    pub tables: ResourceTables,
    held: Vec<ResourceAny>,
    calls: usize,
}

impl Default for Resources {
    fn default() -> Self {
        let table = |resource, instance, definer: Option<u32>| ResourceTable {
            resource: ResourceId(resource),
            instance: ComponentInstanceId(instance),
            definer: definer.map(ComponentInstanceId),
        };
        let types = [
            table(0, 0, None),
            table(0, 1, None),
            table(1, 0, Some(0)),
            table(1, 1, Some(0)),
        ];
        Self {
            tables: ResourceTables::new(types, 2, usize::try_from(HANDLES).unwrap_or(usize::MAX)),
            held: Vec::new(),
            calls: 0,
        }
    }
}

impl Resources {
    /// Makes a resource of a table's type for the host.
    pub fn own(&mut self, table: ResourceTableId, rep: Rep) -> ResourceAny {
        let resource = self.tables.resource(table).expect("there is such a table");
        match self.tables.host_own(resource, rep) {
            Ok(any) => {
                self.held.push(any);
                any
            }
            // There are too many resources, so an existing one is used.
            Err(_) => *self.held.last().expect("so there are some"),
        }
    }

    /// Enters a call.
    pub fn enter(&mut self) {
        self.tables.enter_call();
        self.calls += 1;
    }

    /// Leaves the innermost call.
    pub fn exit(&mut self) {
        let left = self.tables.exit_call();
        if self.calls == 0 {
            left.expect_err("there is no call to be left");
        } else {
            self.calls -= 1;
        }
    }

    /// Abandons the innermost call.
    fn abandon(&mut self) {
        let left = self.tables.abandon_call();
        if self.calls == 0 {
            left.expect_err("there is no call to be abandoned");
        } else {
            self.calls -= 1;
        }
    }

    /// Replaces resources by representations in a value that the host now holds, and remembers
    /// them.
    pub fn plain(&mut self, val: Val) -> Val {
        let mut boxed = |val: Option<Box<Val>>| val.map(|val| Box::new(self.plain(*val)));
        match val {
            Val::Resource(any) => {
                self.held.push(any);
                Val::U32(self.tables.host_rep(&any).expect("the host holds it").0)
            }
            Val::Variant(name, payload) => Val::Variant(name, boxed(payload)),
            Val::Option(payload) => Val::Option(boxed(payload)),
            Val::Result(Ok(payload)) => Val::Result(Ok(boxed(payload))),
            Val::Result(Err(payload)) => Val::Result(Err(boxed(payload))),
            Val::List(parts) => Val::List(parts.into_iter().map(|part| self.plain(part)).collect()),
            Val::Tuple(parts) => {
                Val::Tuple(parts.into_iter().map(|part| self.plain(part)).collect())
            }
            Val::Record(fields) => {
                let fields = fields.into_iter();
                Val::Record(
                    fields
                        .map(|(name, field)| (name, self.plain(field)))
                        .collect(),
                )
            }
            other => other,
        }
    }

    /// Performs an operation on the tables, which may be invalid.
    pub fn operate(&mut self, data: &mut Unstructured<'_>) -> Result<()> {
        let operation = data.int_in_range(0..=15)?;
        let table = ResourceTableId(data.int_in_range(0..=TABLES)?);
        let other = ResourceTableId(data.int_in_range(0..=TABLES)?);
        let handle = Handle(data.int_in_range(0..=12)?);
        let rep = Rep(data.arbitrary()?);
        let any = if self.held.is_empty() {
            None
        } else {
            Some(*data.choose(&self.held)?)
        };
        let before = self.tables.live();
        let tables = &mut self.tables;
        match operation {
            0 => drop(tables.lower_own(table, rep)),
            1 => drop(tables.lift_own(table, handle)),
            2 => drop(tables.lift_borrow(table, handle)),
            3 => drop(tables.lower_borrow(table, rep)),
            4 => drop(tables.transfer_own(table, other, handle)),
            5 => drop(tables.transfer_borrow(table, other, handle)),
            6 => assert_eq!(tables.rep(table, handle), tables.rep(table, handle)),
            7 => drop(tables.drop_handle(table, handle)),
            8 => self
                .held
                .extend(tables.host_own(ResourceId(rep.0 % 2), rep)),
            9 => self
                .held
                .extend(tables.host_borrow(ResourceId(rep.0 % 2), rep)),
            10 => drop(any.map(|any| tables.host_take(&any))),
            11 => drop(any.map(|any| tables.host_lend(&any))),
            12 => self.enter(),
            13 => drop(tables.give_own(table, rep)),
            14 => self.abandon(),
            _ => self.exit(),
        }
        let live = self.tables.live();
        // A loan counts twice after a borrowed handle is lowered from it. The end of a call returns
        // all loans.
        assert!(live <= before + 2, "{live} after {before}");
        Ok(())
    }

    /// Drops everything that is left, and checks that nothing remains.
    pub fn finish(mut self) {
        for _ in 0..self.calls {
            // A guest has to drop a call's handles before its end. Lent handles cannot be dropped.
            self.drop_handles();
            self.exit();
        }
        self.drop_handles();
        for any in std::mem::take(&mut self.held) {
            let _ = self.tables.host_take(&any);
            self.tables.host_rep(&any).expect_err("it was taken");
        }
        assert_eq!(self.tables.live(), 0, "{:?}", self.tables);
    }

    fn drop_handles(&mut self) {
        for table in (0..TABLES).map(ResourceTableId) {
            for handle in (1..=HANDLES).map(Handle) {
                let _ = self.tables.drop_handle(table, handle);
            }
        }
    }
}
