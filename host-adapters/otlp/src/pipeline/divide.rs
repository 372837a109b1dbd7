//! Divides export requests by their encoded size.
//!
//! A request is a tree: resources, scopes, metrics (for that signal), and then the items. Each part
//! of a divided request repeats the resource and scope of its items.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde::Serialize;

use crate::json;

/// The encoding of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// Returns the encoded size in bytes, without encoding into memory.
    pub(super) fn size(self, message: &(impl Message + Serialize)) -> usize {
        match self {
            Self::Protobuf => message.encoded_len(),
            // Serializing these types cannot fail.
            Self::Json => json::size(message).unwrap_or(usize::MAX),
        }
    }

    /// Returns an upper bound on the bytes that a parent message adds around a message.
    const fn frame(self) -> usize {
        match self {
            // The tag and length, and the growth of the parent's own length.
            Self::Protobuf => 12,
            // A comma.
            Self::Json => 2,
        }
    }
}

/// The bytes left of a size limit.
#[derive(Debug)]
pub(super) struct ByteBudget {
    left: usize,
    /// The bytes taken by the enclosing messages.
    envelope: usize,
    encoding: Encoding,
}

impl ByteBudget {
    pub(super) fn new(bytes: usize, encoding: Encoding) -> Self {
        Self {
            left: bytes,
            envelope: 0,
            encoding,
        }
    }

    /// Returns the budget that is left within a message.
    fn within(&self, shell: &(impl Message + Serialize)) -> Self {
        let size = self.encoding.size(shell);
        let taken = size.saturating_add(self.encoding.frame());
        Self {
            left: self.left.saturating_sub(taken),
            envelope: self.envelope.saturating_add(taken),
            encoding: self.encoding,
        }
    }

    fn remaining_after(&self, size: usize) -> Option<usize> {
        let size = size.checked_add(self.encoding.frame())?;
        self.left.checked_sub(size)
    }

    fn fits(&self, size: usize) -> bool {
        self.remaining_after(size).is_some()
    }

    /// Takes the bytes of a message. Returns false if it does not fit.
    fn take(&mut self, message: &(impl Message + Serialize)) -> bool {
        match self.remaining_after(self.encoding.size(message)) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

/// An item that does not fit into a request on its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct TooLarge<'a> {
    pub(super) name: &'a str,
    /// The item's own size.
    pub(super) bytes: usize,
    /// An upper bound on the size of its resource and scope, and of the metric of a data point.
    pub(super) envelope: usize,
}

/// A request, or a branch of one.
pub(super) trait Divide: Sized {
    /// Counts the items.
    fn items(&self) -> usize;

    /// Takes the bytes of as many items from the front as fit, and returns how many.
    fn fill(&self, budget: &mut ByteBudget) -> usize;

    /// Keeps the first `at` items and returns the others.
    fn split_off(&mut self, at: usize) -> Self;

    /// Removes the items that would not fit on their own, and calls `removed` with each. Returns
    /// false if nothing is left.
    fn remove_too_large(
        &mut self,
        budget: &ByteBudget,
        removed: &mut dyn FnMut(TooLarge<'_>),
    ) -> bool;

    /// Returns the name of the first item: that of the span, the event or its scope, or the metric.
    fn name(&self) -> &str;
}

/// A message with branches.
trait Shell {
    /// Returns a copy without the branches.
    fn shell(&self) -> Self;
}

/// Returns how many items of all branches fit. `shell` is their parent without branches.
fn fill<B: Divide>(
    branches: &[B],
    shell: &(impl Message + Serialize),
    budget: &mut ByteBudget,
) -> usize {
    let before = budget.left;
    if !budget.take(shell) {
        return 0;
    }
    let mut fitting = 0;
    for branch in branches {
        let fits = branch.fill(budget);
        fitting += fits;
        if fits < branch.items() {
            break;
        }
    }
    if fitting == 0 {
        budget.left = before;
    }
    fitting
}

/// Keeps the branches with the first `at` items and returns the rest. May divide one branch.
fn split_off<B: Divide>(branches: &mut Vec<B>, at: usize) -> Vec<B> {
    let mut before = 0;
    for index in 0..branches.len() {
        let items = branches[index].items();
        if before + items > at {
            let inside = at - before;
            if inside == 0 {
                return branches.split_off(index);
            }
            let mut rest = branches.split_off(index + 1);
            let divided = branches[index].split_off(inside);
            rest.insert(0, divided);
            return rest;
        }
        before += items;
    }
    Vec::new()
}

/// Removes items that are too large from all branches, and calls `removed` with each name, or with
/// `other` if it has none. Returns false if nothing is left.
fn remove_too_large<B: Divide>(
    branches: &mut Vec<B>,
    budget: &ByteBudget,
    other: &str,
    removed: &mut dyn FnMut(TooLarge<'_>),
) -> bool {
    let had_items = branches.iter().any(|branch| branch.items() > 0);
    branches.retain_mut(|branch| {
        branch.remove_too_large(budget, &mut |item| {
            let name = if item.name.is_empty() {
                other
            } else {
                item.name
            };
            removed(TooLarge { name, ..item });
        })
    });
    !had_items || branches.iter().any(|branch| branch.items() > 0)
}

/// Implements [`Shell`] and [`Divide`] for a message with branches. Lists the fields that remain
/// without them.
macro_rules! branch {
    ($($type:ident { $branches:ident $(, $kept:ident)* } $(or $name:expr)?;)*) => {
        $(
            impl Shell for $type {
                fn shell(&self) -> Self {
                    Self {
                        $branches: Vec::new(),
                        $($kept: self.$kept.clone(),)*
                    }
                }
            }

            impl Divide for $type {
                fn items(&self) -> usize {
                    self.$branches.iter().map(Divide::items).sum()
                }

                fn fill(&self, budget: &mut ByteBudget) -> usize {
                    fill(&self.$branches, &self.shell(), budget)
                }

                fn split_off(&mut self, at: usize) -> Self {
                    let mut rest = self.shell();
                    rest.$branches = split_off(&mut self.$branches, at);
                    rest
                }

                fn remove_too_large(
                    &mut self,
                    budget: &ByteBudget,
                    removed: &mut dyn FnMut(TooLarge<'_>),
                ) -> bool {
                    let budget = budget.within(&self.shell());
                    let other: &[fn(&Self) -> &str] = &[$($name)?];
                    let other = other.first().map(|or| or(self).to_owned());
                    let other = other.unwrap_or_default();
                    remove_too_large(&mut self.$branches, &budget, &other, removed)
                }

                fn name(&self) -> &str {
                    let names = self.$branches.iter().filter(|branch| branch.items() > 0);
                    let name = names.map(Divide::name).next().unwrap_or_default();
                    $(
                        if name.is_empty() {
                            let or: fn(&Self) -> &str = $name;
                            return or(self);
                        }
                    )?
                    name
                }
            }
        )*
    };
}

branch! {
    ExportTraceServiceRequest { resource_spans };
    ResourceSpans { scope_spans, resource, schema_url };
    ScopeSpans { spans, scope, schema_url };
    ExportLogsServiceRequest { resource_logs };
    ResourceLogs { scope_logs, resource, schema_url };
    ScopeLogs { log_records, scope, schema_url }
        or |logs| logs.scope.as_ref().map_or("", |scope| &scope.name);
    ExportMetricsServiceRequest { resource_metrics };
    ResourceMetrics { scope_metrics, resource, schema_url };
    ScopeMetrics { metrics, scope, schema_url };
}

/// Implements [`Divide`] for items, which cannot be divided. A data point is named by its metric.
macro_rules! item {
    ($($type:ident: $name:expr;)*) => {
        $(
            impl Divide for $type {
                fn items(&self) -> usize {
                    1
                }

                fn fill(&self, budget: &mut ByteBudget) -> usize {
                    usize::from(budget.take(self))
                }

                fn split_off(&mut self, _: usize) -> Self {
                    std::mem::take(self)
                }

                fn remove_too_large(
                    &mut self,
                    budget: &ByteBudget,
                    removed: &mut dyn FnMut(TooLarge<'_>),
                ) -> bool {
                    let size = budget.encoding.size(self);
                    let fits = budget.fits(size);
                    if !fits {
                        removed(TooLarge {
                            name: self.name(),
                            bytes: size,
                            envelope: budget.envelope.saturating_add(budget.encoding.frame()),
                        });
                    }
                    fits
                }

                fn name(&self) -> &str {
                    let name: fn(&Self) -> &str = $name;
                    name(self)
                }
            }
        )*
    };
}

item! {
    Span: |span| &span.name;
    LogRecord: |record| &record.event_name;
    NumberDataPoint: |_| "";
    HistogramDataPoint: |_| "";
    ExponentialHistogramDataPoint: |_| "";
    SummaryDataPoint: |_| "";
}

/// Evaluates an expression with the data of a metric of any kind.
macro_rules! each_kind {
    ($data:expr, $bound:ident => $work:expr, $none:expr) => {
        match $data {
            Some(Data::Gauge($bound)) => $work,
            Some(Data::Sum($bound)) => $work,
            Some(Data::Histogram($bound)) => $work,
            Some(Data::ExponentialHistogram($bound)) => $work,
            Some(Data::Summary($bound)) => $work,
            None => $none,
        }
    };
}

impl Shell for Metric {
    fn shell(&self) -> Self {
        Self {
            name: self.name.clone(),
            description: self.description.clone(),
            unit: self.unit.clone(),
            metadata: self.metadata.clone(),
            data: match &self.data {
                Some(Data::Gauge(_)) => Some(Data::Gauge(Gauge::default())),
                Some(Data::Sum(sum)) => Some(Data::Sum(Sum {
                    data_points: Vec::new(),
                    ..*sum
                })),
                Some(Data::Histogram(histogram)) => Some(Data::Histogram(Histogram {
                    data_points: Vec::new(),
                    ..*histogram
                })),
                Some(Data::ExponentialHistogram(histogram)) => {
                    Some(Data::ExponentialHistogram(ExponentialHistogram {
                        data_points: Vec::new(),
                        ..*histogram
                    }))
                }
                Some(Data::Summary(_)) => Some(Data::Summary(Summary::default())),
                None => None,
            },
        }
    }
}

impl Divide for Metric {
    fn items(&self) -> usize {
        each_kind!(&self.data, data => data.data_points.len(), 0)
    }

    fn fill(&self, budget: &mut ByteBudget) -> usize {
        each_kind!(&self.data, data => fill(&data.data_points, &self.shell(), budget), 0)
    }

    fn split_off(&mut self, at: usize) -> Self {
        let mut rest = self.shell();
        match (&mut self.data, &mut rest.data) {
            (Some(Data::Gauge(from)), Some(Data::Gauge(to))) => {
                to.data_points = from.data_points.split_off(at);
            }
            (Some(Data::Sum(from)), Some(Data::Sum(to))) => {
                to.data_points = from.data_points.split_off(at);
            }
            (Some(Data::Histogram(from)), Some(Data::Histogram(to))) => {
                to.data_points = from.data_points.split_off(at);
            }
            (Some(Data::ExponentialHistogram(from)), Some(Data::ExponentialHistogram(to))) => {
                to.data_points = from.data_points.split_off(at);
            }
            (Some(Data::Summary(from)), Some(Data::Summary(to))) => {
                to.data_points = from.data_points.split_off(at);
            }
            // The shell has the kind of the metric.
            _ => {}
        }
        rest
    }

    fn remove_too_large(
        &mut self,
        budget: &ByteBudget,
        removed: &mut dyn FnMut(TooLarge<'_>),
    ) -> bool {
        let budget = budget.within(&self.shell());
        each_kind!(
            &mut self.data,
            data => remove_too_large(&mut data.data_points, &budget, &self.name, removed),
            true
        )
    }

    fn name(&self) -> &str {
        &self.name
    }
}
