//! The four kinds of errors: load errors, link errors, traps, and host errors.

use std::fmt;

/// An error that prevents a component from being loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are not a valid component, or are one that no engine could run.
    #[error("invalid component: {message}")]
    Invalid {
        /// The error, and its position.
        message: String,
    },
    /// The component is valid, but needs an unsupported feature.
    #[error("unsupported component: it needs {feature}")]
    Unsupported {
        /// The name of the unsupported feature, for instance `component-model async (WASI 0.3)`.
        feature: String,
    },
    /// The component is larger than [`Limits::size`](crate::engine::Limits::size) allows, or would
    /// be with its nested components instantiated.
    #[error(transparent)]
    TooLarge(#[from] component_size::Refusal),
    /// The component's file cannot be read.
    #[error("cannot read {message}")]
    Unreadable {
        /// The file and the cause.
        message: String,
    },
    /// The engine rejects a core module that the translator accepted.
    #[error("the engine refuses a core module of the component: {message}")]
    Engine {
        /// The engine's message.
        message: String,
    },
    /// The compiler rejects a module, or its code cannot be written or loaded.
    #[error("a core module of the component cannot be compiled: {message}")]
    Compiler {
        /// The cause.
        message: String,
    },
    /// The translator panicked, which is a defect in it: the component may be valid.
    #[error("the component could not be translated: {message}")]
    Translator {
        /// The message of the panic.
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

/// An import of a component has no definition or one of another type, or a definition has a
/// conflict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Neither this name nor a compatible version of it is defined.
    #[error("component imports {kind} `{name}`, but nothing compatible is defined")]
    Missing {
        /// The kind of the item: `function` or `resource`.
        kind: &'static str,
        /// The full name with its version, as in
        /// `wasi:io/streams@0.2.6#[method]input-stream.read`.
        name: String,
    },
    /// This name is defined, but as a different item.
    #[error("component imports {expected} `{name}`, but what is defined is {found}")]
    Mismatch {
        /// The full name with its version.
        name: String,
        /// The imported item.
        expected: String,
        /// The defined item.
        found: String,
    },
    /// The name is already defined.
    #[error("`{name}` is defined twice")]
    Duplicate {
        /// The full name with its version.
        name: String,
    },
}

macro_rules! trap_codes {
    ($($(#[doc = $doc:literal])+ $code:ident = $name:literal,)+) => {
        /// The reason why a guest was stopped.
        ///
        /// The codes cover the traps of core WebAssembly and those of the canonical ABI. `as_str`
        /// is stable and meant for telemetry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum TrapCode {
            $($(#[doc = $doc])+ $code,)+
        }

        impl TrapCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$code,)+];

            /// Returns the code's name in `snake_case`. It is Wasmtime's name if Wasmtime has the
            /// same trap.
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
    /// A pointer from the guest or from its `realloc` is outside of its memory.
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
    /// A handle is unknown, or its resource has another type.
    InvalidHandle = "invalid_handle",
    /// An owned handle was given away or dropped while it is lent.
    HandleLent = "handle_lent",
    /// Borrowed handles remained when their call returned.
    BorrowLeaked = "borrow_leaked",
    /// There are too many handles, or too many loans of one.
    TooManyHandles = "too_many_handles",
    /// A call copies more bytes than its budget allows.
    BudgetExceeded = "budget_exceeded",
    /// A guest called out of its instance while that was not allowed, for instance from its
    /// `realloc` or `post-return`.
    CannotLeave = "cannot_leave_component",
    /// A component instance would be entered a second time.
    CannotEnter = "cannot_enter_component",
    /// The core functions of the component do not have the types that the canonical ABI requires.
    Signature = "signature",
    /// A fused adapter stopped for a reason that has no code here.
    Adapter = "adapter",
    /// A host function failed, or panicked.
    Host = "host_error",
    /// A host function that lifts its arguments itself rejected them.
    InvalidArgument = "invalid_argument",
    /// The guest's recursion was too deep.
    StackOverflow = "stack_overflow",
    /// A table was accessed beyond its end, or an element segment beyond its own.
    TableOutOfBounds = "table_out_of_bounds",
    /// An indirect call met an element that is null.
    IndirectCallToNull = "indirect_call_to_null",
    /// An indirect call met a function of another type.
    BadSignature = "bad_signature",
    /// An integer was divided by zero.
    IntegerDivisionByZero = "integer_division_by_zero",
    /// A float that is not a number, or is out of range, was converted to an integer.
    IntegerOverflow = "integer_overflow",
    /// A float that no integer can hold, or no number, was converted to an integer.
    BadConversionToInteger = "bad_conversion_to_integer",
    /// The guest was interrupted.
    Interrupt = "interrupt",
    /// The cost limit was reached.
    OutOfFuel = "out_of_fuel",
    /// The instance trapped before, and cannot be entered again.
    Poisoned = "poisoned",
    /// An embedder's limit does not allow the initial memory or table of an instance.
    MemoryLimit = "memory_limit",
    /// The engine stopped the guest for a reason that has no code here.
    Engine = "engine",
}

impl fmt::Display for TrapCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A guest violated a rule and was stopped. Its instance must not be entered again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Trap {
    code: TrapCode,
    message: String,
}

impl Trap {
    /// Makes a trap. The message says what was expected and found, in lower case and without a full
    /// stop.
    pub fn new(code: TrapCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// Returns the kind of the trap.
    pub fn code(&self) -> TrapCode {
        self.code
    }

    /// Returns the message.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// The host made a mistake: a value of the wrong type, a stale handle, or a failed host function.
///
/// If the call fails before the guest was entered, its instance stays usable.
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

/// An error while passing values between host and guest, caused by either.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The guest violated the ABI.
    #[error(transparent)]
    Trap(#[from] Trap),
    /// The host made a mistake.
    #[error(transparent)]
    Host(#[from] HostError),
}
