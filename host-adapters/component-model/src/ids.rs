//! Indices into the parts of a [`Plan`](crate::plan::Plan), as separate types so that they cannot
//! be mixed up.

macro_rules! ids {
    ($($(#[$doc:meta])* $vis:vis $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis struct $name(#[doc(hidden)] pub u32);

        impl $name {
            /// Returns the index into a list.
            pub(crate) fn index(self) -> usize {
                // No list is longer than the platform's `usize`.
                usize::try_from(self.0).unwrap_or(usize::MAX)
            }
        }
    )*};
}

ids! {
    /// A core module to instantiate: an index into [`Plan::modules`](crate::plan::Plan::modules).
    pub(crate) ModuleId;
    /// A core instance, in the order of instantiation.
    pub(crate) CoreInstanceId;
    /// A component instance inside of the component: itself or a nested one.
    pub ComponentInstanceId;
    /// A resource type of the component. Imported ones come first, followed by its own.
    pub ResourceId;
    /// A resource type as one instance inside of the component sees it.
    ///
    /// [`ResourceNames::get`](crate::types::ResourceNames::get) finds its name, and
    /// [`InstanceTypes::resource`](crate::InstanceTypes::resource) its identity in an instance.
    pub ResourceTableId;
    /// A host function: an index into [`Plan::trampolines`](crate::plan::Plan::trampolines).
    pub(crate) TrampolineId;
    /// An import: an index into [`Plan::imports`](crate::plan::Plan::imports).
    pub(crate) ImportId;
    /// An imported core module: an index into
    /// [`Plan::imported_modules`](crate::plan::Plan::imported_modules).
    pub(crate) ModuleImportId;
    /// A set of canonical options: an index into [`Plan::options`](crate::plan::Plan::options).
    pub(crate) OptionsId;
    /// A memory that canonical options or transcoders use, in the order of extraction.
    pub(crate) MemoryId;
    /// A `realloc` function that canonical options use, in the order of extraction.
    pub(crate) ReallocId;
    /// A `post-return` function that canonical options use, in the order of extraction.
    pub(crate) PostReturnId;
}

/// A handle: the number by which a component instance refers to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle(pub u32);

/// The representation of a resource: a number with a meaning to the component or host that defines
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rep(pub u32);
