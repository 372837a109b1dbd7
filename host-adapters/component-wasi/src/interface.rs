//! Interfaces as tables of functions, each with the function of wasmtime-wasi that it calls and the
//! conversion of its result.

use component_model::engine::Engine;
use component_model::{
    LiftList, LinkError, Linker, LinkerInstance, LowerList, ResourceType, StoreContextMut,
};
use wasmtime::component::{HasData, Resource};

use crate::wait::wait;

/// An interface that is being defined. Its functions work on the part `D` of WASI's state.
pub(crate) struct Interface<'l, T: 'static, E: Engine, D: HasData> {
    instance: LinkerInstance<'l, T, E>,
    state: fn(&mut T) -> D::Data<'_>,
}

/// The result of a function of wasmtime-wasi, which is passed to the guest unless it ends the
/// guest.
///
/// Plain results are lists of no or [`one`](crate::interface::one) value. Results with errors for
/// the guest are implemented beside the interface that has them.
pub(crate) trait Outcome<D: HasData> {
    /// The type that is lowered.
    type Lowered: LowerList + 'static;

    /// Converts the result to the type that is lowered.
    fn convert(self, state: &mut D::Data<'_>) -> wasmtime::Result<Self::Lowered>;
}

impl<D: HasData, R: LowerList + 'static> Outcome<D> for wasmtime::Result<R> {
    type Lowered = R;

    fn convert(self, _: &mut D::Data<'_>) -> Self {
        self
    }
}

/// Makes a list of one value.
pub(crate) fn one<R>(result: wasmtime::Result<R>) -> wasmtime::Result<(R,)> {
    result.map(|value| (value,))
}

impl<'l, T: 'static, E: Engine, D: HasData> Interface<'l, T, E, D> {
    pub(crate) fn new(
        linker: &'l mut Linker<T, E>,
        name: &str,
        state: fn(&mut T) -> D::Data<'_>,
    ) -> Self {
        Self {
            instance: linker.instance(name),
            state,
        }
    }

    /// Defines a function that never waits.
    pub(crate) fn func<P, O, F>(&mut self, name: &str, function: F) -> Result<&mut Self, LinkError>
    where
        P: LiftList + 'static,
        O: Outcome<D>,
        F: Fn(&mut D::Data<'_>, P) -> O + Send + Sync + 'static,
    {
        let state = self.state;
        self.instance.func_wrap(
            name,
            move |mut store: StoreContextMut<'_, T, E>, params: P| {
                let mut state = state(store.data_mut());
                let outcome = function(&mut state, params);
                Ok(outcome.convert(&mut state)?)
            },
        )?;
        Ok(self)
    }

    /// Defines a function that may wait.
    pub(crate) fn waiting<P, O, F>(
        &mut self,
        name: &str,
        function: F,
    ) -> Result<&mut Self, LinkError>
    where
        P: LiftList + 'static,
        O: Outcome<D>,
        F: AsyncFn(&mut D::Data<'_>, P) -> O + Send + Sync + 'static,
    {
        let state = self.state;
        self.instance.func_wrap(
            name,
            move |mut store: StoreContextMut<'_, T, E>, params: P| {
                let interrupted = store.interrupted();
                let mut state = state(store.data_mut());
                let outcome = wait(interrupted, function(&mut state, params))?;
                Ok(outcome.convert(&mut state)?)
            },
        )?;
        Ok(self)
    }

    /// Defines a resource whose destructor never waits.
    pub(crate) fn resource<X: 'static>(
        &mut self,
        name: &str,
        drop: impl Fn(&mut D::Data<'_>, Resource<X>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> Result<&mut Self, LinkError> {
        let state = self.state;
        self.instance
            .resource(name, ResourceType::host::<X>(), move |mut store, rep| {
                let mut state = state(store.data_mut());
                Ok(drop(&mut state, Resource::new_own(rep))?)
            })?;
        Ok(self)
    }

    /// Defines a resource whose destructor may wait.
    pub(crate) fn waiting_resource<X: 'static>(
        &mut self,
        name: &str,
        drop: impl AsyncFn(&mut D::Data<'_>, Resource<X>) -> wasmtime::Result<()>
        + Send
        + Sync
        + 'static,
    ) -> Result<&mut Self, LinkError> {
        let state = self.state;
        self.instance
            .resource(name, ResourceType::host::<X>(), move |mut store, rep| {
                let interrupted = store.interrupted();
                let mut state = state(store.data_mut());
                Ok(wait(
                    interrupted,
                    drop(&mut state, Resource::new_own(rep)),
                )??)
            })?;
        Ok(self)
    }
}
