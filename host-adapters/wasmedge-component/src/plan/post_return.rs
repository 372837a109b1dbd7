//! Adapters that call a `post-return` function.
//!
//! The canonical ABI does not let a component instance be left while its `post-return` runs. The translator's adapters see to that
//! for `realloc`, but in Wasmtime 48 not for `post-return`, so it is added here: the flags of the instance are cleared around the call.

use std::collections::HashMap;

use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, Module};
use wasmtime_environ::wasmparser::{FunctionBody, Operator, Parser, TypeRef};

use super::harden::not_rewritten;
use super::{CoreDef, MAY_LEAVE};
use crate::error::LoadError;
use crate::ids::ComponentInstanceId;

/// The name of the module that adapters import `post-return` functions from, before their imports are renamed.
const POST_RETURN: &str = "post_return";

/// The `post-return` functions that an adapter module imports, and the globals with the flags of their instances.
#[derive(Default)]
pub(super) struct PostReturns {
    functions: u32,
    globals: u32,
    /// The function's index, and its instance.
    found: Vec<(u32, ComponentInstanceId)>,
    flags: HashMap<ComponentInstanceId, u32>,
}

impl PostReturns {
    /// Looks at the next import: the name of its module, its type, and what it is, of which instance.
    pub(super) fn import(
        &mut self,
        module: &str,
        ty: TypeRef,
        (def, owner): (&CoreDef, Option<ComponentInstanceId>),
    ) {
        match ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => {
                if let Some(owner) = owner.filter(|_| module == POST_RETURN) {
                    self.found.push((self.functions, owner));
                }
                self.functions = self.functions.saturating_add(1);
            }
            TypeRef::Global(_) => {
                if let CoreDef::InstanceFlags(instance) = def {
                    self.flags.insert(*instance, self.globals);
                }
                self.globals = self.globals.saturating_add(1);
            }
            TypeRef::Table(_) | TypeRef::Memory(_) | TypeRef::Tag(_) => {}
        }
    }

    /// Clears the flags around calls in a module whose imports these are.
    pub(super) fn guard(&self, bytes: Vec<u8>) -> Result<Vec<u8>, LoadError> {
        let found = self.found.iter();
        let flags = found.filter_map(|(function, instance)| {
            let flags = self.flags.get(instance)?;
            Some((*function, *flags))
        });
        let flags: HashMap<u32, u32> = flags.collect();
        if flags.is_empty() {
            return Ok(bytes);
        }
        let mut module = Module::new();
        Guarded { flags }
            .parse_core_module(&mut module, Parser::new(0), &bytes)
            .map_err(not_rewritten)?;
        Ok(module.finish())
    }
}

struct Guarded {
    /// The global with the flags, by the function that is called.
    flags: HashMap<u32, u32>,
}

impl Reencode for Guarded {
    type Error = LoadError;

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error<LoadError>> {
        let mut out = self.new_function_with_parsed_locals(&body)?;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            let flags = if let Operator::Call { function_index } = &operator {
                self.flags.get(function_index).copied()
            } else {
                None
            };
            let set = |out: &mut wasm_encoder::Function, value| {
                if let Some(flags) = flags {
                    out.instructions().i32_const(value).global_set(flags);
                }
            };
            set(&mut out, 0);
            out.instruction(&self.instruction(operator)?);
            set(&mut out, MAY_LEAVE);
        }
        code.function(&out);
        Ok(())
    }
}
