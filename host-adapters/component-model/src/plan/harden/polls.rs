//! Adds polls, so that compiled code can be interrupted.
//!
//! Functions that may run for long are charged when they are entered, and loops for each iteration,
//! in instructions. When no [steps are left](super::STEPS_LEFT), the code calls
//! [`POLL`](super::POLL).
//!
//! A loop counts in a local, which the compiler keeps in a register; a global would be written to
//! memory in each iteration. The steps that a function's loops may run before they poll are charged
//! when the function is entered, so that nothing has to be added when a loop ends.

use wasm_encoder::reencode::{Error, Reencode as _};
use wasm_encoder::{BlockType, Function, InstructionSink, ValType};
use wasmtime_environ::wasmparser::{FunctionBody, Operator};

use super::POLL_STEPS;
use super::analysis::{self, ModuleSummary};
use super::calls::CostClass;
use super::rewrite::Rewriter;
use crate::error::LoadError;

/// The number of instructions that the loops of a function run between polls.
const LOOP_STEPS: u32 = 8192;

/// The most bytes or elements that an instruction copies without a poll.
const BULK: u32 = 16_384;

/// The imports that polls use.
#[derive(Clone, Copy)]
pub(super) struct Polls {
    /// The global that holds the number of steps left.
    pub(super) left: u32,
    /// The function to call when none are left. It has no result: the compiler would reserve stack
    /// space for it, and then turn tail calls into calls.
    pub(super) poll: u32,
}

impl Polls {
    /// Charges for a call.
    fn charge(self, steps: u32, out: &mut InstructionSink<'_>) {
        out.global_get(self.left)
            .i32_const(steps.min(i32::MAX.cast_unsigned()).cast_signed())
            .i32_sub()
            .global_set(self.left)
            .global_get(self.left)
            .i32_const(0)
            .i32_lt_s()
            .if_(BlockType::Empty);
        self.poll(out);
        out.end();
    }

    /// Counts an iteration of a loop.
    fn count_iteration(self, counter: u32, steps: u32, out: &mut InstructionSink<'_>) {
        out.local_get(counter)
            .i32_const(steps.min(LOOP_STEPS).cast_signed())
            .i32_add()
            .local_tee(counter)
            .i32_const(LOOP_STEPS.cast_signed())
            .i32_gt_u()
            .if_(BlockType::Empty);
        self.poll(out);
        out.i32_const(0).local_set(counter).end();
    }

    /// Polls before a large copy. The length is on top of the stack and stays there.
    fn bulk(self, length: u32, out: &mut InstructionSink<'_>) {
        out.local_tee(length)
            .local_get(length)
            .i32_const(BULK.cast_signed())
            .i32_gt_u()
            .if_(BlockType::Empty);
        self.poll(out);
        out.end();
    }

    fn poll(self, out: &mut InstructionSink<'_>) {
        out.call(self.poll)
            .i32_const(POLL_STEPS.cast_signed())
            .global_set(self.left);
    }
}

impl Rewriter<'_> {
    /// Writes a function with polls.
    pub(super) fn polled(
        &mut self,
        polls: Polls,
        function: &analysis::Function,
        body: &FunctionBody<'_>,
    ) -> Result<Function, Error<LoadError>> {
        let ty = self.summary.types.get(analysis::to_index(function.ty));
        let parameters = ty.map_or(0, |ty| ty.params().len());
        let mut count = u32::try_from(parameters).unwrap_or(u32::MAX);
        let mut locals = Vec::new();
        for local in body.get_locals_reader()? {
            let (more, ty) = local?;
            count = count.saturating_add(more);
            locals.push((more, self.val_type(ty)?));
        }
        let loops = measure_loops(self.summary, body)?;
        let mut lengths = loops.lengths.into_iter();
        let (counter, length) = (count, count.saturating_add(1));
        locals.push((u32::from(loops.is_bulky).saturating_add(1), ValType::I32));
        if !function.has_loop && !loops.is_bulky {
            locals.pop();
        }

        let mut out = Function::new(locals);
        if let CostClass::Charged(steps) = function.cost {
            let advance = if function.has_loop { LOOP_STEPS } else { 0 };
            polls.charge(steps.saturating_add(advance), &mut out.instructions());
        }
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            if analysis::is_bulk(&operator) {
                polls.bulk(length, &mut out.instructions());
            }
            let is_loop = matches!(operator, Operator::Loop { .. });
            out.instruction(&self.instruction(operator)?);
            if is_loop {
                let steps = lengths.next().unwrap_or(LOOP_STEPS);
                polls.count_iteration(counter, steps, &mut out.instructions());
            }
        }
        Ok(out)
    }
}

/// The loops and bulk instructions of a function.
struct Loops {
    /// For each loop, in order, its number of instructions, including nested loops and uncharged
    /// calls.
    lengths: Vec<u32>,
    /// True if there are bulk instructions.
    is_bulky: bool,
}

fn measure_loops(
    summary: &ModuleSummary,
    body: &FunctionBody<'_>,
) -> Result<Loops, Error<LoadError>> {
    let mut lengths = Vec::new();
    let mut is_bulky = false;
    // For each open block: its index if it is a loop, and the number of steps before it.
    let mut open = Vec::new();
    let mut steps = 0_u32;
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let operator = operators.read()?;
        let mut own = summary.free_steps(&operator).saturating_add(1);
        if analysis::is_bulk(&operator) {
            is_bulky = true;
            own = own.saturating_add(analysis::BULK_STEPS);
        }
        steps = steps.saturating_add(own);
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other instruction opens or ends a block"
        )]
        match operator {
            Operator::Loop { .. } => {
                open.push((Some(lengths.len()), steps));
                lengths.push(0);
            }
            Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                open.push((None, steps));
            }
            Operator::End => {
                if let Some((Some(index), before)) = open.pop()
                    && let Some(length) = lengths.get_mut(index)
                {
                    *length = steps.saturating_sub(before);
                }
            }
            _ => {}
        }
    }
    Ok(Loops { lengths, is_bulky })
}
