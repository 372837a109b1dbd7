//! Indices into the parts of a [`Plan`](crate::plan::Plan), as separate types so that they cannot
//! be mixed up.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// Returns the index into a list.
            pub fn index(self) -> usize {
                // No list is longer than the platform's `usize`.
                usize::try_from(self.0).unwrap_or(usize::MAX)
            }
        }
    )*};
}

ids! {
    /// A core module to instantiate: an index into [`Plan::modules`](crate::plan::Plan::modules).
    ModuleId;
    /// A core instance, in the order of instantiation.
    CoreInstanceId;
    /// A component instance inside of the component: itself or a nested one.
    ComponentInstanceId;
    /// A resource type of the component. Imported ones come first, followed by its own.
    ResourceId;
    /// A resource type as one component instance sees it: an index into
    /// [`Plan::resource_tables`](crate::plan::Plan::resource_tables).
    ResourceTableId;
    /// A host function: an index into [`Plan::trampolines`](crate::plan::Plan::trampolines).
    TrampolineId;
    /// An import: an index into [`Plan::imports`](crate::plan::Plan::imports).
    ImportId;
    /// An imported core module: an index into
    /// [`Plan::imported_modules`](crate::plan::Plan::imported_modules).
    ModuleImportId;
    /// A set of canonical options: an index into [`Plan::options`](crate::plan::Plan::options).
    OptionsId;
    /// A memory that canonical options or transcoders use, in the order of extraction.
    MemoryId;
    /// A `realloc` function that canonical options use, in the order of extraction.
    ReallocId;
    /// A `post-return` function that canonical options use, in the order of extraction.
    PostReturnId;
}

/// A handle: the number by which a component instance refers to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle(pub u32);

/// The representation of a resource: a number with a meaning to the component or host that defines
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rep(pub u32);
