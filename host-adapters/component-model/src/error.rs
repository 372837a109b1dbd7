//! The four kinds of errors: loading, linking, trapping, and host functions that fail.

use std::fmt;

/// Says why a component cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are no valid component, or are one of a kind that no engine could run.
    #[error("invalid component: {message}")]
    Invalid {
        /// What is wrong, and where.
        message: String,
    },
    /// The component is valid, but needs something that is not supported here.
    #[error("unsupported component: it needs {feature}")]
    Unsupported {
        /// The name of what is missing, for instance `component-model async (WASI 0.3)`.
        feature: String,
    },
    /// The component is larger than [`Limits::size`](crate::engine::Limits::size) allows, or
    /// becomes so once its nested components are instantiated.
    #[error(transparent)]
    TooLarge(#[from] component_size::Refusal),
    /// The component's file cannot be read.
    #[error("cannot read {message}")]
    Unreadable {
        /// Which file, and why.
        message: String,
    },
    /// The engine refuses a core module that the translator found to be valid.
    #[error("the engine refuses a core module of the component: {message}")]
    Engine {
        /// The engine's message.
        message: String,
    },
    /// The compiler refuses a module, or its code cannot be written or loaded.
    #[error("a core module of the component cannot be compiled: {message}")]
    Compiler {
        /// Why.
        message: String,
    },
    /// The translator stopped with a panic, which is a defect of it: the component may be valid.
    #[error("the component could not be translated: {message}")]
    Translator {
        /// What the panic said.
        message: String,
    },
}

impl LoadError {
    pub(crate) fn unsupported(feature: impl Into<String>) -> Self {
        Self::Unsupported {
            feature: feature.into(),
        }
    }

    pub(crate) fn invalid(message: impl fmt::Display) -> Self {
        Self::Invalid {
            message: message.to_string(),
        }
    }
}

/// Says which import of a component nothing was defined for, or something unfitting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Nothing is defined under this name, nor under a compatible version of it.
    #[error("component imports {kind} `{name}`, but nothing compatible is defined")]
    Missing {
        /// The kind of the item: `function` or `resource`.
        kind: &'static str,
        /// The full name with its version, as in `wasi:io/streams@0.2.6#[method]input-stream.read`.
        name: String,
    },
    /// Something is defined under this name, but it is something else.
    #[error("component imports {expected} `{name}`, but what is defined is {found}")]
    Mismatch {
        /// The full name with its version.
        name: String,
        /// What the component imports.
        expected: String,
        /// What is defined.
        found: String,
    },
    /// The name is defined already.
    #[error("`{name}` is defined twice")]
    Duplicate {
        /// The full name with its version.
        name: String,
    },
}

macro_rules! trap_codes {
    ($($(#[doc = $doc:literal])+ $code:ident = $name:literal,)+) => {
        /// Names what a guest did to be stopped.
        ///
        /// The codes cover both what core WebAssembly calls a trap and the traps of the canonical
        /// ABI. `as_str` is stable and meant for telemetry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum TrapCode {
            $($(#[doc = $doc])+ $code,)+
        }

        impl TrapCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$code,)+];

            /// Returns the code's name in `snake_case`: for what Wasmtime has a trap for too,
            /// Wasmtime's name of it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }
        }
    };
}

trap_codes! {
    /// The instruction `unreachable` was executed.
    Unreachable = "unreachable",
    /// A pointer that the guest gave, or got from its own `realloc`, is outside of its memory.
    MemoryOutOfBounds = "memory_out_of_bounds",
    /// A string's bytes are outside of the guest's memory, or more than 2³¹ - 1.
    StringOutOfBounds = "string_out_of_bounds",
    /// A list's elements are outside of the guest's memory.
    ListOutOfBounds = "list_out_of_bounds",
    /// A pointer is not aligned for what it points to.
    UnalignedPointer = "unaligned_pointer",
    /// A discriminant names no case of its variant.
    InvalidDiscriminant = "invalid_discriminant",
    /// A `char` is a surrogate or above U+10FFFF.
    InvalidChar = "invalid_char",
    /// A string is not valid in its encoding.
    InvalidString = "invalid_string",
    /// A handle names nothing, or a resource of another type.
    InvalidHandle = "invalid_handle",
    /// An owned handle was given away or dropped while it is lent.
    HandleLent = "handle_lent",
    /// Borrowed handles were left when their call returned.
    BorrowLeaked = "borrow_leaked",
    /// There are too many handles, or too many loans of one.
    TooManyHandles = "too_many_handles",
    /// A call brings more bytes than its budget allows.
    BudgetExceeded = "budget_exceeded",
    /// A guest called out of itself while it must not, for instance from its `realloc` or `post-return`.
    CannotLeave = "cannot_leave_component",
    /// A component instance would be entered a second time.
    CannotEnter = "cannot_enter_component",
    /// The core functions of the component do not have the types that the canonical ABI gives them.
    Signature = "signature",
    /// A fused adapter stopped for a reason without a code of its own here.
    Adapter = "adapter",
    /// A host function failed, or panicked.
    Host = "host_error",
    /// A host function that lifts its arguments by itself refuses them.
    InvalidArgument = "invalid_argument",
    /// The guest called itself too deeply.
    StackOverflow = "stack_overflow",
    /// A table was accessed beyond its end, or an element segment beyond its own.
    TableOutOfBounds = "table_out_of_bounds",
    /// An indirect call met an element that is null.
    IndirectCallToNull = "indirect_call_to_null",
    /// An indirect call met a function of another type.
    BadSignature = "bad_signature",
    /// An integer was divided by zero.
    IntegerDivisionByZero = "integer_division_by_zero",
    /// An integer division overflowed.
    IntegerOverflow = "integer_overflow",
    /// A float that no integer can hold, or no number, was converted to an integer.
    BadConversionToInteger = "bad_conversion_to_integer",
    /// The guest was interrupted.
    Interrupt = "interrupt",
    /// The cost limit was reached.
    OutOfFuel = "out_of_fuel",
    /// The instance trapped before, and is not entered again.
    Poisoned = "poisoned",
    /// A limit of the embedder's does not allow the memory or the table that an instance needs to begin with.
    MemoryLimit = "memory_limit",
    /// The engine stopped the guest for a reason without a code of its own here.
    Engine = "engine",
}

impl fmt::Display for TrapCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A guest broke a rule and was stopped: its instance must not be entered again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Trap {
    code: TrapCode,
    message: String,
}

impl Trap {
    /// Makes a trap; the message says what was expected and found, in lower case and without a full stop.
    pub fn new(code: TrapCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// Returns what kind of rule was broken.
    pub fn code(&self) -> TrapCode {
        self.code
    }

    /// Returns the message.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// The host made the mistake: a value of another type than the component's, a stale handle, or a host function that failed.
///
/// The guest is not to blame; a call that ends so before the guest was entered leaves its instance usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HostError {
    message: String,
}

impl HostError {
    /// Makes an error with a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }

    /// Returns the message.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// What can end the passing of values between host and guest: the guest's fault or the host's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The guest broke a rule.
    #[error(transparent)]
    Trap(#[from] Trap),
    /// The host broke one.
    #[error(transparent)]
    Host(#[from] HostError),
}
