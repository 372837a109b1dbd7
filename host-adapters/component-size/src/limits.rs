//! The limits, and the errors for exceeding them.

use std::fmt;
use std::ops::RangeInclusive;

/// A limit, with its name in settings and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Bytes of the component's binary.
    Bytes,
    /// Core modules and components in the binary, including the outermost component. At the end of
    /// each, the validator copies a list of the previous ones.
    Modules,
    /// Definitions of components: instances, aliases, imports, exports, canonical functions and
    /// types. Those of a nested component count each time it is instantiated. An item that is
    /// passed to a component or held by an instance counts with everything in it. A core instance
    /// counts as the number of its module's memories, tables, globals, tags, imports and exports.
    /// Ten parts of a used type count as one.
    ///
    /// The definitions in the binary, including those in modules and components that are never
    /// instantiated, are counted separately under the same limit.
    Definitions,
    /// Functions of core modules, counted each time the module is instantiated. The functions in
    /// the binary are counted separately under the same limit.
    Functions,
    /// Bytes of the largest function body. In a module with a type of several results, the bytes
    /// are multiplied by half the square of the results, because compilers expand the results of
    /// each call.
    FunctionBytes,
    /// Parameters or results of one core function type. Compilers expand them at each call and
    /// branch.
    Arity,
    /// Globals of one core module. Cranelift panics at about 65,500.
    Globals,
    /// Bytes of core modules, without custom sections, counted each time the module is
    /// instantiated. WasmEdge takes up to 80 bytes of memory for each.
    ModuleBytes,
    /// Levels of nested components.
    Nesting,
    /// Parts of types, each time a type is imported, exported or instantiated. A validator copies
    /// them, at some hundred bytes each.
    TypeItems,
    /// Levels of types declared within types. A validator reads them by recursion.
    TypeNesting,
}

impl Limit {
    /// All limits.
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

    /// Returns the limit with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.name() == name)
    }

    /// Returns the valid values of the limit.
    ///
    /// A larger value would have no effect, because engines or this crate refuse such components
    /// anyway. No component fits a smaller one.
    #[must_use]
    pub fn range(self) -> RangeInclusive<u64> {
        match self {
            // The header of a component takes 8 bytes.
            Self::Bytes => 8..=u64::MAX,
            // The maximum of `wasmparser`.
            Self::FunctionBytes => 0..=7_654_321,
            Self::Arity => 0..=1_000,
            Self::Globals => 0..=60_000,
            // The outermost component counts as one.
            Self::Modules => 1..=MAX_MODULES,
            Self::Nesting => 0..=MAX_NESTING,
            Self::TypeNesting => 0..=MAX_TYPE_NESTING,
            Self::Definitions | Self::Functions | Self::ModuleBytes | Self::TypeItems => {
                0..=u64::MAX
            }
        }
    }

    /// Returns the counted items as a phrase that follows a number.
    fn unit(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Modules => "core modules and components",
            Self::Definitions => "definitions, counted again at each instantiation",
            Self::Functions => "functions, counted again at each instantiation",
            Self::FunctionBytes => "bytes in one function",
            Self::Arity => "parameters or results of one function type",
            Self::Globals => "globals in one core module",
            Self::ModuleBytes => "bytes of core modules, counted again at each instantiation",
            Self::Nesting => "levels of nested components",
            Self::TypeItems => "parts of types, counted again at each use",
            Self::TypeNesting => "levels of types within types",
        }
    }
}

/// The largest allowed number of core modules and components. A validator's memory and time grow
/// with its square: 1,000 take up to 100 MB.
const MAX_MODULES: u64 = 10_000;

/// The largest allowed nesting of components. A validator's memory and time grow with its square.
const MAX_NESTING: u64 = 1_000;

/// The largest allowed nesting of types. A few levels more overflow a stack of 2 MiB in an
/// unoptimised program.
const MAX_TYPE_NESTING: u64 = 200;

/// Limits on the size of a component.
///
/// The defaults are far above the sizes that compilers produce.
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

    /// Checks a number against a limit.
    ///
    /// # Errors
    ///
    /// Returns [`TooLarge`] if it exceeds the limit.
    pub fn allow(&self, limit: Limit, found: u64) -> Result<(), TooLarge> {
        let most = self.get(limit);
        if found > most {
            return Err(TooLarge { limit, most });
        }
        Ok(())
    }
}

/// A value outside a limit's range.
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

/// Why a component is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It exceeds a limit.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// It refers to an item that does not exist in a valid component.
    #[error("the component has definitions that cannot be counted")]
    Uncounted,
}
