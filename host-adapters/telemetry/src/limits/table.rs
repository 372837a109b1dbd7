//! The table of all limits. It defines the fields of [`Limits`](super::Limits), the reasons for
//! drops, the configuration and its documentation.

/// Calls a macro with the rows of the table, after the tokens in parentheses.
///
/// A row is `name: type = default, Reason, "meaning";`. The reason is the variant of
/// [`Reason`](crate::dropped::Reason) that counts telemetry beyond the limit. It is exported under
/// the limit's name. Rows in `uncounted` drop nothing and have no reason. After the meaning may
/// follow
///
/// - `at most CONSTANT = N`, if larger values have no effect;
/// - `set by "VARIABLE" or "VARIABLE"`, with the variables of OpenTelemetry's specification that
///   set the limit. The first variable that is set applies.
macro_rules! limit_table {
    ($callback:ident ($($given:tt)*)) => {
        $callback! {
            ($($given)*)
            counted {
                call_bytes: usize = 1 << 20, CallBytes,
                    "Bytes of one call: strings and list elements together.";

                scopes: usize = 64, Scopes,
                    "Tracers of an instance. Meters are counted separately, with the same limit. Each instrumentation scope has one tracer and one meter.";
                log_scopes: usize = 256, LogScopes,
                    "Loggers of an instance. Each scope has its own. The bridge for the `log` crate makes one for each target.";
                scopes_per_provider: usize = 1_024, ScopesPerProvider,
                    "Scopes that the host remembers for each signal. For further scopes, tracers and loggers are made again for each instance, and measurements are dropped.";
                scope_attributes: usize = 32, ScopeAttributes,
                    "Attributes of a scope.";
                scope_bytes: usize = 4 << 10, ScopeBytes,
                    "Bytes of a scope's attributes.";
                text_bytes: usize = 1_024, TextBytes,
                    "Bytes of a name, version, schema URL, description or status description. A longer one is shortened.";
                key_bytes: usize = 256, KeyBytes,
                    "Bytes of an attribute's key. An attribute with a longer key is dropped.";
                value_bytes: usize = 16 << 10, ValueBytes,
                    "Bytes of a string value, also of one in an array. A longer value is shortened.";
                array_elements: usize = 1_024, ArrayElements,
                    "Elements of an array value. A longer array is shortened.";

                open_spans: usize = 1_024, OpenSpans,
                    "Open spans of an instance. At most 1,000,000.", at most MAX_OPEN_SPANS = 1_000_000;
                entered_spans: usize = 1_024, EnteredSpans,
                    "Entered spans of an instance; each `enter` counts.";
                span_attributes: usize = 128, SpanAttributes,
                    "Attributes of a span.",
                    set by "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT" or "OTEL_ATTRIBUTE_COUNT_LIMIT";
                span_events: usize = 128, SpanEvents,
                    "Events of a span.",
                    set by "OTEL_SPAN_EVENT_COUNT_LIMIT";
                span_links: usize = 128, SpanLinks,
                    "Links of a span.",
                    set by "OTEL_SPAN_LINK_COUNT_LIMIT";
                event_attributes: usize = 128, EventAttributes,
                    "Attributes of a span's event.",
                    set by "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT" or "OTEL_ATTRIBUTE_COUNT_LIMIT";
                link_attributes: usize = 128, LinkAttributes,
                    "Attributes of a span's link.",
                    set by "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT" or "OTEL_ATTRIBUTE_COUNT_LIMIT";
                span_value_chars: Option<usize> = None, SpanValueChars,
                    "Characters of a string value in spans, events and links. A longer value is shortened.",
                    set by "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT" or "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";
                span_bytes: usize = 64 << 10, SpanBytes,
                    "Bytes of one span with its attributes, events and links.";
                open_span_bytes: usize = 8 << 20, OpenSpanBytes,
                    "Bytes of all open spans of an instance.";
                trace_state_bytes: usize = 512, TraceStateBytes,
                    "Bytes of a `tracestate`. Entries beyond the limit are dropped.";

                baggage_entries: usize = 64, BaggageEntries,
                    "Entries of one baggage.";
                baggage_bytes: usize = 8_192, BaggageBytes,
                    "Bytes of the entries of one baggage: keys, values and properties.";
                baggage_scopes: usize = 64, BaggageScopes,
                    "Baggage that an instance has entered and not exited; each `enter-baggage` counts.";

                instruments: usize = 256, Instruments,
                    "Instruments of an instance.";
                instruments_per_provider: usize = 1_024, InstrumentsPerProvider,
                    "Instruments of all instances together.";
                series: usize = 1_024, Series,
                    "Bound series of an instance.";
                measurement_attributes: usize = 64, MeasurementAttributes,
                    "Attributes of a measurement.";
                cardinality: usize = 2_000, Cardinality,
                    "Attribute sets of an instrument. At most 100,000. Measurements with further sets are added to the set `otel.metric.overflow=true`.",
                    at most MAX_CARDINALITY = 100_000;
                metric_bytes: usize = 64 << 20, MetricBytes,
                    "Approximate bytes of the attribute sets and buckets of all instances together. Further attribute sets are treated like those beyond `cardinality`.";
                boundaries: usize = 256, Boundaries,
                    "Bucket boundaries of a histogram. If there are more, the histogram gets the default boundaries.";
                observers: usize = 64, Observers,
                    "Observers of an instance. Each component that has observable instruments has one.";
                observations: usize = 1_024, Observations,
                    "Observed values that an instance holds.";
                observations_per_provider: usize = 16_384, ObservationsPerProvider,
                    "Observed values that all instances hold together.";

                http_routes: usize = 128, HttpRoutes,
                    "Different values of `http.route` in the metrics of HTTP requests. Requests with further routes are measured without `http.route`.";

                log_attributes: usize = 128, LogAttributes,
                    "Attributes of a log record.",
                    set by "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT" or "OTEL_ATTRIBUTE_COUNT_LIMIT";
                log_value_chars: Option<usize> = None, LogValueChars,
                    "Characters of a string value in a log record's attributes. A longer value is shortened.",
                    set by "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT" or "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";
                log_nodes: usize = 1_024, LogNodes,
                    "Nodes of a log record's nested values.";
                log_depth: usize = 32, LogDepth,
                    "Levels of a log record's nested values. The body or attribute itself is the first level. At most 32, because Protobuf readers by default accept 100 nested messages, and reject the whole request if there are more.",
                    at most MAX_LOG_DEPTH = 32;
                log_bytes: usize = 64 << 10, LogBytes,
                    "Bytes of one log record.";
                interned: usize = 1_024, Interned,
                    "Different event names and severity texts that are remembered. Further event names become the attribute `otel.event.name`.";
                interned_bytes: usize = 64 << 10, InternedBytes,
                    "Bytes of those names and texts.";
                interned_per_instance: usize = 512, InternedPerInstance,
                    "Event names and severity texts that one instance adds to the remembered ones. So one guest cannot use up the share of others.";
                interned_bytes_per_instance: usize = 32 << 10, InternedBytesPerInstance,
                    "Bytes of the event names and severity texts that one instance adds.";
            }
            uncounted {
                unrecorded_traces: usize = 256,
                    "Traces of unrecorded spans that an instance remembers. At most 4,096. The oldest is forgotten first.",
                    at most MAX_UNRECORDED_TRACES = 4_096;
                cached_texts: usize = 2_048,
                    "Attribute keys and names that are kept because they were used repeatedly. Others are copied with each use.";
                cached_texts_per_instance: usize = 512,
                    "Attribute keys and names that are kept for one instance. So one guest cannot use up the share of others.";
                cached_text_bytes: usize = 96,
                    "Bytes of an attribute key or name that is kept.";
            }
        }
    };
}

pub(crate) use limit_table;
