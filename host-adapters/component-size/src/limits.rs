//! The limits, and what exceeds them.

use std::fmt;
use std::ops::RangeInclusive;

/// One of the limits, with its name in settings and in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Bytes of the component's binary.
    Bytes,
    /// Core modules and components in the binary, the outermost component included. At the end of
    /// each the validator copies a list of those before.
    Modules,
    /// Definitions of components: instances, aliases, imports, exports, canonical functions and
    /// types. Those of a nested component count each time that it is instantiated, and what is
    /// passed to a component or held by an instance counts as a whole. A core instance counts as
    /// many as its module has memories, tables, globals, tags, imports and exports. Ten parts of a
    /// type that is used count as one.
    ///
    /// What the binary defines, in modules and components that are never instantiated as well, is
    /// counted by itself under the same limit.
    Definitions,
    /// Functions of core modules, counted each time the module is instantiated. Those of the binary
    /// are counted by themselves under the same limit.
    Functions,
    /// Bytes of the largest function body. In a module with a type of several results the bytes
    /// count times half of their square, because compilers write out the results of each call.
    FunctionBytes,
    /// Parameters or results of one type of a core function, which compilers write out at each call
    /// and branch.
    Arity,
    /// Globals of one core module. Cranelift panics at some 65,500.
    Globals,
    /// Bytes of core modules, without custom sections, counted each time the module is instantiated.
    /// WasmEdge takes up to 80 bytes of memory for each of them.
    ModuleBytes,
    /// Levels of components in components.
    Nesting,
    /// Parts of types, each time that a type is imported, exported or instantiated: what a
    /// validator copies, at some hundred bytes for each.
    TypeItems,
    /// Levels of types that are declared within types, which a validator reads by recursion.
    TypeNesting,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 11] = [
        Self::Bytes,
        Self::Modules,
        Self::Definitions,
        Self::Functions,
        Self::FunctionBytes,
        Self::Arity,
        Self::Globals,
        Self::ModuleBytes,
        Self::Nesting,
        Self::TypeItems,
        Self::TypeNesting,
    ];

    /// Returns the name in settings, such as `function_bytes`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Modules => "modules",
            Self::Definitions => "definitions",
            Self::Functions => "functions",
            Self::FunctionBytes => "function_bytes",
            Self::Arity => "arity",
            Self::Globals => "globals",
            Self::ModuleBytes => "module_bytes",
            Self::Nesting => "nesting",
            Self::TypeItems => "type_items",
            Self::TypeNesting => "type_nesting",
        }
    }

    /// Returns the limit of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.name() == name)
    }

    /// Returns the values that the limit can have.
    ///
    /// A larger value would have no effect, because engines or this crate refuse a component beyond
    /// it all the same. With a smaller one there is no component.
    #[must_use]
    pub fn range(self) -> RangeInclusive<u64> {
        match self {
            // The header of a component.
            Self::Bytes => 8..=u64::MAX,
            // What `wasmparser` accepts.
            Self::FunctionBytes => 0..=7_654_321,
            Self::Arity => 0..=1_000,
            Self::Globals => 0..=60_000,
            // The outermost component is one.
            Self::Modules => 1..=MOST_MODULES,
            Self::Nesting => 0..=MOST_NESTING,
            Self::TypeNesting => 0..=MOST_TYPE_NESTING,
            Self::Definitions | Self::Functions | Self::ModuleBytes | Self::TypeItems => {
                0..=u64::MAX
            }
        }
    }

    /// Returns what is counted, in words that follow a number.
    fn unit(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Modules => "core modules and components in it",
            Self::Definitions => "definitions, counted again at each instantiation",
            Self::Functions => "functions, counted again at each instantiation",
            Self::FunctionBytes => "bytes in one function",
            Self::Arity => "parameters or results of one function type",
            Self::Globals => "globals in one core module",
            Self::ModuleBytes => "bytes of core modules, counted again at each instantiation",
            Self::Nesting => "levels of components in components",
            Self::TypeItems => "parts of types once these are written out wherever they are used",
            Self::TypeNesting => "levels of types within types",
        }
    }
}

/// How many core modules and components are allowed at most. A validator takes memory and time with
/// the square of them: for 1,000 up to 100 MB.
const MOST_MODULES: u64 = 10_000;

/// How many levels of components in components are allowed at most. A validator takes memory and time
/// with the square of them.
const MOST_NESTING: u64 = 1_000;

/// How many levels of types within types are allowed at most. Some more overflow a stack of
/// 2 MiB in a program that is not optimized.
const MOST_TYPE_NESTING: u64 = 200;

/// How large a component may be.
///
/// The defaults are far above those of programs that compilers make.
///
/// ```
/// use component_size::{Limit, Limits};
///
/// # fn main() -> Result<(), component_size::OutOfRange> {
/// let mut limits = Limits::default();
/// limits.set(Limit::Functions, 1_000)?;
/// assert_eq!(limits.get(Limit::Functions), 1_000);
/// assert_eq!(limits.get(Limit::Definitions), 200_000);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits([u64; Limit::ALL.len()]);

impl Default for Limits {
    fn default() -> Self {
        Self(Limit::ALL.map(|limit| match limit {
            Limit::Bytes => 256 << 20,
            Limit::Modules => 1_000,
            Limit::Definitions => 200_000,
            Limit::Functions => 250_000,
            Limit::FunctionBytes => 2 << 20,
            Limit::Arity => 200,
            Limit::Globals => 50_000,
            Limit::ModuleBytes => 64 << 20,
            Limit::Nesting | Limit::TypeNesting => 100,
            Limit::TypeItems => 1_000_000,
        }))
    }
}

impl Limits {
    /// Returns a limit's value.
    #[must_use]
    pub fn get(&self, limit: Limit) -> u64 {
        self.0[limit as usize]
    }

    /// Sets a limit's value.
    ///
    /// # Errors
    ///
    /// Returns an error if the value is outside of the limit's [range](Limit::range).
    pub fn set(&mut self, limit: Limit, value: u64) -> Result<&mut Self, OutOfRange> {
        if !limit.range().contains(&value) {
            return Err(OutOfRange { limit, value });
        }
        self.0[limit as usize] = value;
        Ok(self)
    }

    /// Fails if there is more of something than its limit allows.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] names the limit.
    pub fn allow(&self, limit: Limit, found: u64) -> Result<(), TooLarge> {
        let most = self.get(limit);
        if found > most {
            return Err(TooLarge { limit, most });
        }
        Ok(())
    }
}

/// A value that a limit cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfRange {
    /// The limit.
    pub limit: Limit,
    /// The value.
    pub value: u64,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, range) = (self.limit.name(), self.limit.range());
        write!(f, "expected a number ")?;
        match (*range.start(), *range.end()) {
            (least, u64::MAX) => write!(f, "of at least {least}")?,
            (least, most) => write!(f, "from {least} to {most}")?,
        }
        write!(f, " for `{name}`, found {}", self.value)
    }
}

impl std::error::Error for OutOfRange {}

/// A component that exceeds a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    /// The limit.
    pub limit: Limit,
    /// The limit's value.
    pub most: u64,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = (self.limit.unit(), self.limit.name());
        let most = self.most;
        write!(
            f,
            "the component has more than {most} {unit} (limit `{name}`)"
        )
    }
}

impl std::error::Error for TooLarge {}

/// Says why a component is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It exceeds a limit.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// It refers to something that is not where a valid component has it.
    #[error("the component has definitions that cannot be counted")]
    Uncounted,
}
