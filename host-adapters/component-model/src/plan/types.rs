//! Converts translated types into the types of this crate.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime_environ::component::{
    ComponentExtern, ComponentTypes, InterfaceType, TypeComponentInstanceIndex, TypeFuncIndex,
    TypeModuleIndex, TypeResourceTable, TypeResourceTableIndex, TypeTupleIndex,
};
use wasmtime_environ::{EntityRef, ModuleInternedTypeIndex, WasmFuncType, WasmValType};

use super::ModuleType;
use crate::abi::FlatType;
use crate::abi::call::{CoreSignature, FuncAbi};
use crate::error::LoadError;
use crate::ids::{ComponentInstanceId, ResourceId, ResourceTableId};
use crate::types::{
    Enum, Flags, FuncType, List, OptionType, Record, ResultType, Tuple, Type, Variant,
};

/// Converts each type once. Types share their parts: without that, a small component could expand
/// to huge types.
pub(super) struct Types<'a> {
    types: &'a ComponentTypes,
    resource_tables: usize,
    known: HashMap<InterfaceType, Type>,
    functions: HashMap<TypeFuncIndex, Arc<FuncAbi>>,
}

impl<'a> Types<'a> {
    /// `resource_tables` is their number, which only the builder of `types` knows.
    pub(super) fn new(types: &'a ComponentTypes, resource_tables: usize) -> Self {
        Self {
            types,
            resource_tables,
            known: HashMap::new(),
            functions: HashMap::new(),
        }
    }

    pub(super) fn function(&mut self, index: TypeFuncIndex) -> Result<Arc<FuncAbi>, LoadError> {
        if let Some(known) = self.functions.get(&index) {
            return Ok(Arc::clone(known));
        }
        let types = self.types;
        let ty = &types[index];
        if ty.async_ {
            return Err(LoadError::unsupported("async functions (WASI 0.3)"));
        }
        let params = self.tuple(ty.params)?;
        let mut results = self.tuple(ty.results)?;
        let result = results.pop();
        if !results.is_empty() {
            return Err(LoadError::unsupported("functions with several results"));
        }
        let params = ty.param_names.iter().cloned().zip(params).collect();
        let abi = FuncAbi::new(FuncType { params, result }).map_err(LoadError::invalid)?;
        let abi = Arc::new(abi);
        self.functions.insert(index, Arc::clone(&abi));
        Ok(abi)
    }

    fn tuple(&mut self, index: TypeTupleIndex) -> Result<Vec<Type>, LoadError> {
        let types = self.types;
        types[index]
            .types
            .iter()
            .map(|ty| self.convert(ty))
            .collect()
    }

    fn optional(&mut self, ty: &Option<InterfaceType>) -> Result<Option<Type>, LoadError> {
        ty.as_ref().map(|ty| self.convert(ty)).transpose()
    }

    /// The translator bounds the nesting of types, and with it this recursion.
    pub(super) fn convert(&mut self, ty: &InterfaceType) -> Result<Type, LoadError> {
        if let Some(known) = self.known.get(ty) {
            return Ok(known.clone());
        }
        let types = self.types;
        let invalid = LoadError::invalid;
        let converted = match ty {
            InterfaceType::Bool => Type::Bool,
            InterfaceType::S8 => Type::S8,
            InterfaceType::U8 => Type::U8,
            InterfaceType::S16 => Type::S16,
            InterfaceType::U16 => Type::U16,
            InterfaceType::S32 => Type::S32,
            InterfaceType::U32 => Type::U32,
            InterfaceType::S64 => Type::S64,
            InterfaceType::U64 => Type::U64,
            InterfaceType::Float32 => Type::Float32,
            InterfaceType::Float64 => Type::Float64,
            InterfaceType::Char => Type::Char,
            InterfaceType::String => Type::String,
            InterfaceType::List(index) => {
                Type::List(List::new(self.convert(&types[*index].element)?).map_err(invalid)?)
            }
            InterfaceType::Record(index) => {
                let fields = types[*index].fields.iter();
                let fields = fields.map(|field| Ok((field.name.clone(), self.convert(&field.ty)?)));
                Type::Record(
                    Record::new(fields.collect::<Result<Vec<_>, LoadError>>()?).map_err(invalid)?,
                )
            }
            InterfaceType::Tuple(index) => {
                Type::Tuple(Tuple::new(self.tuple(*index)?).map_err(invalid)?)
            }
            InterfaceType::Variant(index) => {
                let cases = types[*index].cases.iter();
                let cases = cases.map(|(name, ty)| Ok((name.clone(), self.optional(ty)?)));
                Type::Variant(
                    Variant::new(cases.collect::<Result<Vec<_>, LoadError>>()?).map_err(invalid)?,
                )
            }
            InterfaceType::Enum(index) => {
                Type::Enum(Enum::new(types[*index].names.iter().cloned()).map_err(invalid)?)
            }
            InterfaceType::Option(index) => {
                Type::Option(OptionType::new(self.convert(&types[*index].ty)?).map_err(invalid)?)
            }
            InterfaceType::Result(index) => {
                let result = &types[*index];
                let (ok, err) = (self.optional(&result.ok)?, self.optional(&result.err)?);
                Type::Result(ResultType::new(ok, err).map_err(invalid)?)
            }
            InterfaceType::Flags(index) => {
                Type::Flags(Flags::new(types[*index].names.iter().cloned()).map_err(invalid)?)
            }
            InterfaceType::Own(index) => Type::Own(resource_table_id(*index)),
            InterfaceType::Borrow(index) => Type::Borrow(resource_table_id(*index)),
            InterfaceType::Map(_) => return Err(LoadError::unsupported("map types")),
            InterfaceType::FixedLengthList(_) => {
                return Err(LoadError::unsupported("fixed-length lists"));
            }
            InterfaceType::Future(_) => return Err(LoadError::unsupported("futures (WASI 0.3)")),
            InterfaceType::Stream(_) => return Err(LoadError::unsupported("streams (WASI 0.3)")),
            InterfaceType::ErrorContext(_) => {
                return Err(LoadError::unsupported("error contexts (WASI 0.3)"));
            }
        };
        self.known.insert(*ty, converted.clone());
        Ok(converted)
    }

    /// Returns the resource and the component instance of a table, or `None` for types that are
    /// never instantiated.
    pub(super) fn resource_table(
        &self,
        index: TypeResourceTableIndex,
    ) -> Option<(ResourceId, ComponentInstanceId)> {
        match &self.types[index] {
            TypeResourceTable::Concrete { ty, instance } => Some((
                ResourceId(ty.as_u32()),
                ComponentInstanceId(instance.as_u32()),
            )),
            TypeResourceTable::Abstract(_) => None,
        }
    }

    /// Returns all resource tables in the order of their indices.
    pub(super) fn resource_tables(
        &self,
    ) -> impl Iterator<Item = Option<(ResourceId, ComponentInstanceId)>> {
        let indices = (0..self.resource_tables).map(TypeResourceTableIndex::new);
        indices.map(|index| self.resource_table(index))
    }

    /// Returns the exports of an instance type.
    pub(super) fn instance_exports(
        &self,
        index: TypeComponentInstanceIndex,
    ) -> impl Iterator<Item = (&'a String, &'a ComponentExtern)> + use<'a> {
        let types = self.types;
        types[index].exports.iter()
    }

    pub(super) fn module(&self, index: TypeModuleIndex) -> Result<ModuleType, LoadError> {
        ModuleType::wanted(self.types, index)
    }

    pub(super) fn signature(
        &self,
        index: ModuleInternedTypeIndex,
    ) -> Result<CoreSignature, LoadError> {
        core_signature(self.types.module_types()[index].unwrap_func())
    }
}

pub(super) fn resource_table_id(index: TypeResourceTableIndex) -> ResourceTableId {
    ResourceTableId(index.as_u32())
}

fn core_signature(ty: &WasmFuncType) -> Result<CoreSignature, LoadError> {
    let flat = |types: &[WasmValType]| types.iter().map(flat_type).collect::<Result<Vec<_>, _>>();
    Ok(CoreSignature {
        params: flat(ty.params())?,
        results: flat(ty.results())?,
    })
}

fn flat_type(ty: &WasmValType) -> Result<FlatType, LoadError> {
    match ty {
        WasmValType::I32 => Ok(FlatType::I32),
        WasmValType::I64 => Ok(FlatType::I64),
        WasmValType::F32 => Ok(FlatType::F32),
        WasmValType::F64 => Ok(FlatType::F64),
        WasmValType::V128 => Err(LoadError::unsupported("vectors in the canonical abi")),
        WasmValType::Ref(_) => Err(LoadError::unsupported("references in the canonical abi")),
    }
}
