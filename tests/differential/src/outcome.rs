//! The outcome of a call, and which of the hosts' trap codes mean the same.
//!
//! Trap codes are compared if both hosts have one. Wasmtime has no code for most errors that it
//! finds while its host side lifts or lowers values. For these, `of_message` looks at the message.
//! The full table:
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
//! If a guest breaks two rules at once, each host reports the one that it checks first. This test
//! treats these as equal:
//!
//! | Wasmtime says | `wasmedge-component` says | why |
//! |---|---|---|
//! | `BorrowLeaked` | any error in the result | Wasmtime counts borrowed handles before it lifts a result. In the specification, `task.return_` counts them, and gets a lifted result |
//! | `OutOfBounds` | `Unaligned` | For a lifted list, Wasmtime checks the bounds before the alignment. The specification checks the alignment first |
//!
//! The three kinds of "out of bounds" are one class. Which of them applies depends on the order of
//! checks, and Wasmtime's host side does not report it.

use crate::value::Value;

/// The outcome of a call.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It returned.
    Returned(Option<Value>),
    /// The call trapped, or failed in another way.
    Trapped {
        /// The class of the broken rule.
        class: Class,
        /// The host's message.
        message: String,
    },
}

/// The class of a rule that a guest broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The instruction `unreachable`.
    Unreachable,
    /// A pointer, a string or a list out of bounds of the memory.
    OutOfBounds,
    /// An unaligned pointer.
    Unaligned,
    /// A discriminant without a case.
    Discriminant,
    /// An invalid char.
    Char,
    /// An invalid string in its encoding.
    String,
    /// An unknown handle, or one of the wrong kind.
    Handle,
    /// An owned handle that is passed on while it is lent.
    Lent,
    /// A borrowed handle that was not dropped.
    BorrowLeaked,
    /// A call out of the instance from `realloc` or `post-return`.
    CannotLeave,
    /// More data than a call may pass.
    Budget,
    /// Any other class. It equals nothing, so that it gets a name of its own here.
    Other,
}

impl Outcome {
    /// Returns true if an outcome on Wasmtime equals one on WasmEdge.
    pub fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Returned(ours), Self::Returned(theirs)) => ours == theirs,
            (Self::Trapped { class: ours, .. }, Self::Trapped { class: theirs, .. }) => {
                let known = *ours != Class::Other && *theirs != Class::Other;
                known && (ours == theirs || is_checked_first(*ours, *theirs))
            }
            _ => false,
        }
    }
}

/// Returns true if Wasmtime may report one of two broken rules where WasmEdge reports the other.
fn is_checked_first(wasmtime: Class, wasmedge: Class) -> bool {
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

/// Returns the class of a trap of Wasmtime.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "codes without a class are `Other`"
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

/// Returns the class of an error code of `wasmedge-component`.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "codes without a class are `Other`"
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

/// Returns the class of a message of Wasmtime's host side.
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
