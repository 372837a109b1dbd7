//! Polls: how compiled code finds out that it is to stop.
//!
//! Functions that may run for long are charged when they are entered, and loops for each turn, in instructions. When what is
//! [left](super::STEPS_LEFT) is used up, [`POLL`](super::POLL) is called.
//!
//! A loop counts in a local, which the compiler keeps in a register: a global has to be written to memory at each turn. What a function's
//! loops may run for before they poll is charged in advance, when it is entered, so that nobody has to add it up when they are left.

use wasm_encoder::reencode::{Error, Reencode as _};
use wasm_encoder::{BlockType, Function, InstructionSink, ValType};
use wasmtime_environ::wasmparser::{FunctionBody, Operator};

use super::POLL_STEPS;
use super::analysis::{self, Facts};
use super::calls::Cost;
use super::rewrite::Rewriter;
use crate::error::LoadError;

/// How many instructions the loops of a function run between polls.
const LOOP_STEPS: u32 = 8192;

/// How many bytes or elements an instruction copies at most without a poll.
const BULK: u32 = 16_384;

/// What polls are made of.
#[derive(Clone, Copy)]
pub(super) struct Polls {
    /// The global that holds how many steps are left.
    pub(super) left: u32,
    /// The function that is called when there are none. It has no result, for which the compiler would take a place on the stack, and
    /// then make calls of tail calls.
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

    /// Counts a turn of a loop.
    fn turn(self, counter: u32, steps: u32, out: &mut InstructionSink<'_>) {
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

    /// Polls if there is much to copy; how much is on the stack, and stays there.
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
    /// Writes a function with its polls.
    pub(super) fn polled(
        &mut self,
        polls: Polls,
        function: &analysis::Function,
        body: &FunctionBody<'_>,
    ) -> Result<Function, Error<LoadError>> {
        let ty = self.facts.types.get(analysis::place(function.ty));
        let parameters = ty.map_or(0, |ty| ty.params().len());
        let mut count = u32::try_from(parameters).unwrap_or(u32::MAX);
        let mut locals = Vec::new();
        for local in body.get_locals_reader()? {
            let (more, ty) = local?;
            count = count.saturating_add(more);
            locals.push((more, self.val_type(ty)?));
        }
        let loops = turns(self.facts, body)?;
        let mut turns = loops.turns.into_iter();
        let (counter, length) = (count, count.saturating_add(1));
        locals.push((u32::from(loops.is_bulky).saturating_add(1), ValType::I32));
        if !function.has_loop && !loops.is_bulky {
            locals.pop();
        }

        let mut out = Function::new(locals);
        if let Cost::Charged(steps) = function.cost {
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
                let steps = turns.next().unwrap_or(LOOP_STEPS);
                polls.turn(counter, steps, &mut out.instructions());
            }
        }
        Ok(out)
    }
}

/// What there is to poll for in a function.
struct Loops {
    /// How many instructions each loop has, in order, those of the loops within it among them, and those of calls that are not charged.
    turns: Vec<u32>,
    /// Whether there are instructions that copy much.
    is_bulky: bool,
}

fn turns(facts: &Facts, body: &FunctionBody<'_>) -> Result<Loops, Error<LoadError>> {
    let mut turns = Vec::new();
    let mut is_bulky = false;
    // Which loop each open block is, and how many steps there were before it.
    let mut open = Vec::new();
    let mut steps = 0_u32;
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let operator = operators.read()?;
        let mut own = facts.free_steps(&operator).saturating_add(1);
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
                open.push((Some(turns.len()), steps));
                turns.push(0);
            }
            Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                open.push((None, steps));
            }
            Operator::End => {
                if let Some((Some(turn), before)) = open.pop()
                    && let Some(turn) = turns.get_mut(turn)
                {
                    *turn = steps.saturating_sub(before);
                }
            }
            _ => {}
        }
    }
    Ok(Loops { turns, is_bulky })
}
