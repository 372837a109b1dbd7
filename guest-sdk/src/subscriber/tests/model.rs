//! Compares any order of operations on spans with a model.

use proptest::prelude::*;
use tracing::{Dispatch, Id, Span, info, info_span};

use super::{Setup, setup};
use crate::testing::RecordedParent;

#[derive(Debug, Clone)]
enum Step {
    New,
    NewRoot,
    NewChildOf(usize),
    Clone(usize),
    Drop(usize),
    Enter(usize),
    Exit(usize),
    Follow(usize, usize),
    Record(usize),
    Log,
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..6_usize;
    prop_oneof![
        Just(Step::New),
        Just(Step::NewRoot),
        which.clone().prop_map(Step::NewChildOf),
        which.clone().prop_map(Step::Clone),
        which.clone().prop_map(Step::Drop),
        which.clone().prop_map(Step::Enter),
        which.clone().prop_map(Step::Exit),
        (which.clone(), which.clone()).prop_map(|(one, other)| Step::Follow(one, other)),
        which.prop_map(Step::Record),
        Just(Step::Log),
    ]
}

/// The expected state of a span at the end.
#[derive(Debug, Default)]
struct Expected {
    parent: Option<usize>,
    links: Vec<usize>,
    recorded: bool,
}

#[derive(Default)]
struct Model {
    /// The references, with the number of their span.
    held: Vec<(usize, Span)>,
    entered: Vec<usize>,
    spans: Vec<Expected>,
    logs: Vec<Option<usize>>,
}

impl Model {
    fn find(&self, which: usize) -> Option<&(usize, Span)> {
        self.held.get(which.checked_rem(self.held.len())?)
    }

    fn add(&mut self, span: Span, parent: Option<usize>) {
        self.held.push((self.spans.len(), span));
        self.spans.push(Expected {
            parent,
            ..Expected::default()
        });
    }

    fn apply(&mut self, step: &Step) -> Option<()> {
        let name = self.spans.len().to_string();
        let around = self.entered.last().copied();
        match *step {
            Step::New => self.add(info_span!("span", otel.name = name, value = 0), around),
            Step::NewRoot => self.add(
                info_span!(parent: None, "span", otel.name = name, value = 0),
                None,
            ),
            Step::NewChildOf(which) => {
                let (parent, span) = self.find(which)?;
                let (parent, span) = (*parent, span.clone());
                self.add(
                    info_span!(parent: &span, "span", otel.name = name, value = 0),
                    Some(parent),
                );
            }
            Step::Clone(which) => {
                let reference = self.find(which)?.clone();
                self.held.push(reference);
            }
            Step::Drop(which) => {
                let (number, _) = self.held.remove(which.checked_rem(self.held.len())?);
                if self.held.iter().all(|(other, _)| *other != number) {
                    self.entered.retain(|other| *other != number);
                }
            }
            Step::Enter(which) => {
                let (number, span) = self.find(which)?;
                call(span, Dispatch::enter);
                self.entered.push(*number);
            }
            Step::Exit(which) => {
                let (number, span) = self.find(which)?;
                call(span, Dispatch::exit);
                if let Some(at) = self.entered.iter().rposition(|other| other == number) {
                    self.entered.remove(at);
                }
            }
            Step::Follow(one, other) => {
                let (number, span) = self.find(one)?;
                let (followed, other) = self.find(other)?;
                let (number, followed) = (*number, *followed);
                span.follows_from(other);
                self.spans[number].links.push(followed);
            }
            Step::Record(which) => {
                let (number, span) = self.find(which)?;
                let number = *number;
                span.record("value", 1);
                self.spans[number].recorded = true;
            }
            Step::Log => {
                info!("said");
                self.logs.push(around);
            }
        }
        Some(())
    }

    fn current(&self) -> Option<Id> {
        let number = self.entered.last()?;
        self.held
            .iter()
            .find(|(other, _)| other == number)
            .and_then(|(_, span)| span.id())
    }

    fn check(&self, telemetry: &Setup) {
        let recorded = telemetry.spans();
        assert_eq!(recorded.len(), self.spans.len());
        for (number, expected) in self.spans.iter().enumerate() {
            let span = telemetry.span(&number.to_string());
            assert!(span.ended, "{span:?}");
            match expected.parent {
                Some(parent) => {
                    assert!(
                        span.is_child_of(&telemetry.span(&parent.to_string())),
                        "{span:?}"
                    );
                }
                None => assert_eq!(span.parent, RecordedParent::None),
            }
            let linked: Vec<_> = span.links.into_iter().map(|link| link.context).collect();
            let expected_links: Vec<_> = expected
                .links
                .iter()
                .map(|link| telemetry.span(&link.to_string()).context)
                .collect();
            assert_eq!(linked, expected_links);
            let value = span.attributes.iter().find(|(key, _)| key == "value");
            assert_eq!(
                value.map(|(_, value)| value),
                Some(&i64::from(expected.recorded).into())
            );
        }
        for (log, expected) in telemetry.logs().iter().zip(&self.logs) {
            let expected = expected.map(|span| telemetry.span(&span.to_string()).context);
            assert_eq!(log.span, expected);
        }
        assert_eq!(telemetry.logs().len(), self.logs.len());
        drop(info_span!("after"));
        assert_eq!(telemetry.span("after").parent, RecordedParent::None);
    }
}

fn call(span: &Span, act: impl FnOnce(&Dispatch, &Id)) {
    span.with_subscriber(|(id, dispatch)| act(dispatch, id));
}

proptest! {
    #[test]
    fn spans_match_their_model_in_any_order(
        steps in proptest::collection::vec(step(), 0..60),
        activation: bool,
        deferred: bool,
    ) {
        let telemetry = setup(|builder| {
            builder
                .with_context_activation(activation)
                .with_deferred_start(deferred)
        });
        let mut model = Model::default();
        for step in &steps {
            let _ = model.apply(step);
            prop_assert_eq!(Span::current().id(), model.current());
        }
        model.held.clear();
        model.check(&telemetry);
    }
}
