//! What a call ends with, and which of the hosts' names for traps mean the same.
//!
//! A trap's name is compared where both hosts have one. Wasmtime has none for most of what it finds while it lifts or lowers values
//! itself: then its message tells, in `of_message`. A whole table of what each of them says:
//!
//! | class | Wasmtime: adapters and guests | Wasmtime: the host's side | `wasmedge-component` |
//! |---|---|---|---|
//! | [`Unreachable`](Class::Unreachable) | `UnreachableCodeReached` | | `Unreachable` |
//! | [`OutOfBounds`](Class::OutOfBounds) | `MemoryOutOfBounds`, `StringOutOfBounds`, `ListOutOfBounds` | "… out of bounds of memory", "… beyond end of memory" | `MemoryOutOfBounds`, `StringOutOfBounds`, `ListOutOfBounds` |
//! | [`Unaligned`](Class::Unaligned) | `UnalignedPointer` | "… not aligned" | `UnalignedPointer` |
//! | [`Discriminant`](Class::Discriminant) | `InvalidDiscriminant` | "discriminant … out of range", "invalid … discriminant" | `InvalidDiscriminant` |
//! | [`Char`](Class::Char) | `InvalidChar` | "converted integer out of range for `char`" | `InvalidChar` |
//! | [`String`](Class::String) | | "invalid utf-8 …", "incomplete utf-8 …", "unpaired surrogate …" | `InvalidString` |
//! | [`Handle`](Class::Handle) | | "unknown handle …", "index is not …", "cannot lift own resource from a borrow" | `InvalidHandle` |
//! | [`Lent`](Class::Lent) | | "cannot remove owned resource while borrowed" | `HandleLent` |
//! | [`BorrowLeaked`](Class::BorrowLeaked) | | "borrow handles still remain …" | `BorrowLeaked` |
//! | [`CannotLeave`](Class::CannotLeave) | `CannotLeaveComponent` | | `CannotLeave` |
//! | [`Budget`](Class::Budget) | | "too much data …" | `BudgetExceeded` |
//!
//! Where a guest has broken two rules at once, the host that looks first at one of them names that one. These are the same to this test:
//!
//! | Wasmtime says | `wasmedge-component` says | why |
//! |---|---|---|
//! | `BorrowLeaked` | whatever is wrong with the result | Wasmtime counts borrowed handles before it lifts a result; in the specification, `task.return_` does, to which a lifted result is passed |
//! | `OutOfBounds` | `Unaligned` | of a list that it lifts, Wasmtime checks the bounds and then the alignment; the specification has it the other way round |
//!
//! The three kinds of "out of bounds" are one class: which of them it is depends on which check comes first, and Wasmtime's host side
//! does not say.

use crate::value::Value;

/// What a call ends with.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It returned.
    Returned(Option<Value>),
    /// It trapped, or failed otherwise.
    Trapped {
        /// What kind of rule was broken.
        class: Class,
        /// The host's words.
        message: String,
    },
}

/// What kind of rule a guest has broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The instruction `unreachable`.
    Unreachable,
    /// A pointer, a string or a list outside of the memory.
    OutOfBounds,
    /// A pointer that is not aligned.
    Unaligned,
    /// A discriminant of no case.
    Discriminant,
    /// A char that is none.
    Char,
    /// A string that is not valid in its encoding.
    String,
    /// A handle of nothing, or of another kind than expected.
    Handle,
    /// A handle that is given away while it is lent.
    Lent,
    /// A borrowed handle that was not dropped.
    BorrowLeaked,
    /// A call out of `realloc` or `post-return`.
    CannotLeave,
    /// More than a call may bring.
    Budget,
    /// Anything else: this agrees with nothing, so that it gets a name.
    Other,
}

impl Outcome {
    /// Tells whether an outcome on Wasmtime is the same as another one on WasmEdge.
    pub fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Returned(ours), Self::Returned(theirs)) => ours == theirs,
            (Self::Trapped { class: ours, .. }, Self::Trapped { class: theirs, .. }) => {
                let known = *ours != Class::Other && *theirs != Class::Other;
                known && (ours == theirs || is_looked_at_first(*ours, *theirs))
            }
            _ => false,
        }
    }
}

/// Tells whether Wasmtime names one of two broken rules where WasmEdge names the other one.
fn is_looked_at_first(wasmtime: Class, wasmedge: Class) -> bool {
    matches!(
        (wasmtime, wasmedge),
        (Class::BorrowLeaked, _) | (Class::OutOfBounds, Class::Unaligned)
    )
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Returned(None) => f.write_str("returned"),
            Self::Returned(Some(value)) => write!(f, "returned {value}"),
            Self::Trapped { class, message } => write!(f, "trapped, {class:?}: {message}"),
        }
    }
}

/// Returns the class of one of Wasmtime's traps.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what has no class is another one"
)]
pub(crate) fn of_wasmtime(trap: wasmtime::Trap) -> Class {
    use wasmtime::Trap;
    match trap {
        Trap::UnreachableCodeReached => Class::Unreachable,
        Trap::MemoryOutOfBounds | Trap::StringOutOfBounds | Trap::ListOutOfBounds => {
            Class::OutOfBounds
        }
        Trap::UnalignedPointer => Class::Unaligned,
        Trap::InvalidDiscriminant => Class::Discriminant,
        Trap::InvalidChar => Class::Char,
        Trap::CannotLeaveComponent => Class::CannotLeave,
        _ => Class::Other,
    }
}

/// Returns the class of a code of `wasmedge-component`.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what has no class is another one"
)]
pub(crate) fn of_wasmedge(code: wasmedge_component::TrapCode) -> Class {
    use wasmedge_component::TrapCode;
    match code {
        TrapCode::Unreachable => Class::Unreachable,
        TrapCode::MemoryOutOfBounds | TrapCode::StringOutOfBounds | TrapCode::ListOutOfBounds => {
            Class::OutOfBounds
        }
        TrapCode::UnalignedPointer => Class::Unaligned,
        TrapCode::InvalidDiscriminant => Class::Discriminant,
        TrapCode::InvalidChar => Class::Char,
        TrapCode::InvalidString => Class::String,
        TrapCode::InvalidHandle => Class::Handle,
        TrapCode::HandleLent => Class::Lent,
        TrapCode::BorrowLeaked => Class::BorrowLeaked,
        TrapCode::CannotLeave => Class::CannotLeave,
        TrapCode::BudgetExceeded => Class::Budget,
        _ => Class::Other,
    }
}

/// Returns the class that a message of Wasmtime's host side is of.
pub(crate) fn of_message(message: &str) -> Class {
    const CLASSES: [(&str, Class); 23] = [
        ("cannot remove owned resource while borrowed", Class::Lent),
        ("borrow handles still remain", Class::BorrowLeaked),
        ("unknown handle index", Class::Handle),
        ("cannot lift own resource from a borrow", Class::Handle),
        ("is not a resource", Class::Handle),
        ("is not an own resource", Class::Handle),
        ("handle index", Class::Handle),
        ("converted integer out of range for `char`", Class::Char),
        ("discriminant", Class::Discriminant),
        ("not aligned", Class::Unaligned),
        ("out of bounds", Class::OutOfBounds),
        ("beyond end of memory", Class::OutOfBounds),
        ("size overflow", Class::OutOfBounds),
        ("byte length", Class::OutOfBounds),
        ("utf-8", Class::String),
        ("utf-16", Class::String),
        ("utf8", Class::String),
        ("utf16", Class::String),
        ("surrogate", Class::String),
        ("invalid string", Class::String),
        ("fuel allocated for hostcalls", Class::Budget),
        ("too much data", Class::Budget),
        ("cannot leave component instance", Class::CannotLeave),
    ];
    let found = CLASSES.iter().find(|(part, _)| message.contains(part));
    found.map_or(Class::Other, |(_, class)| *class)
}
