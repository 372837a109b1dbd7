//! Indices into the parts of a [`Plan`](crate::plan::Plan), each a type of its own so that none is taken for another.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// Returns the index as what lists are indexed by.
            pub fn index(self) -> usize {
                // Beyond what the platform can count there is nothing in any list.
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
    /// A component instance inside of the component: itself or one of those nested in it.
    ComponentInstanceId;
    /// A resource type of the component: imported ones come first, those that it defines next.
    ResourceId;
    /// A resource type as one component instance sees it: an index into [`Plan::resource_tables`](crate::plan::Plan::resource_tables).
    ResourceTableId;
    /// A host function to provide: an index into [`Plan::trampolines`](crate::plan::Plan::trampolines).
    TrampolineId;
    /// An import: an index into [`Plan::imports`](crate::plan::Plan::imports).
    ImportId;
    /// A core module that is imported: an index into
    /// [`Plan::imported_modules`](crate::plan::Plan::imported_modules).
    ModuleImportId;
    /// A bundle of canonical options: an index into [`Plan::options`](crate::plan::Plan::options).
    OptionsId;
    /// A memory that canonical options or transcoders use, in the order of extraction.
    MemoryId;
    /// A `realloc` function that canonical options use, in the order of extraction.
    ReallocId;
    /// A `post-return` function that canonical options use, in the order of extraction.
    PostReturnId;
}

/// A component instance's name for a resource: what the guest passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle(pub u32);

/// A resource's representation: what whoever defined the resource knows it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rep(pub u32);
