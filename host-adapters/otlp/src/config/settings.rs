//! The table of settings. The fields of [`OtlpOptions`], [`GeneralOptions`] and [`BatchOptions`],
//! the builder's methods, the variables and their documentation are made from it.
//!
//! Variables of other shapes are not in the table: those of the resource (a name with a fallback, a
//! list of attributes), `OTEL_*_EXPORTER` (one for each signal), `OTEL_TRACES_SAMPLER_ARG` (a part
//! of the sampler), the fallback of the endpoint, the proxies (two names each), and the limits (a
//! table of their own). `variables.rs` documents them, and `environment.rs` reads them.

use std::time::Duration;

use wasmscope_telemetry::Signal;
use wasmscope_telemetry::http::KnownMethods;
use wasmscope_telemetry::log_level::LogLevels;

use super::environment::Reader;
use super::variables::{self, Variable};
use super::{
    Certificates, Compression, ConfigBuilder, Endpoint, Flags, Headers, HistogramAggregation,
    PrivateKey, Propagators, Protocol, RequestSize, Sampler, TemporalityPreference,
};

/// A row of the table.
pub(crate) struct Setting<T, Options = OtlpOptions> {
    /// The builder's method, and the field of the options.
    pub(super) method: &'static str,
    pub(super) variable: Variable,
    /// Returns the field of the options.
    pub(super) get: fn(&Options) -> Option<&T>,
}

impl<T, Options> Setting<T, Options> {
    /// Returns the setting's names for a hint: the flag, if there is one, and the variable.
    pub(crate) fn names(&self, flags: Flags) -> String {
        match flags.of(self.method) {
            Some(flag) => format!("{flag} or {}", self.variable.name),
            None => String::from(self.variable.name),
        }
    }
}

/// Makes everything from the rows of the table.
///
/// A row is `name: type = "default", KIND "VARIABLE", read by METHOD, "meaning", as "syntax";`.
///
/// - The kind `per_signal` is for a variable that also exists for each signal, `honoured` for
///   others.
/// - The method of [`Reader`] parses the variable. For a type with `FromStr` it is `parse`.
/// - The default is in the variable's syntax, if it can be written so. `targets.rs` and
///   `resolve.rs` apply it, and a test compares the two.
/// - The syntax is for a variable whose text is not clear from the meaning.
///
/// A row of `batches` is for the variables of spans and of log records, with the default of each.
/// The builder's methods set all of them at once.
macro_rules! define_settings {
    (
        otlp { $($name:ident: $type:ty = $default:literal, $kind:ident $variable:literal, read by $read:ident, $meaning:literal $(, as $syntax:literal)?;)+ }
        general { $($general:ident: $general_type:ty = $general_default:literal, honoured $general_variable:literal, read by $general_read:ident, $general_meaning:literal $(, as $general_syntax:literal)?;)+ }
        batches $of_spans:literal and $of_logs:literal { $($(#[$doc:meta])* $batch:ident: $batch_type:ty = $span_default:literal and $log_default:literal, $suffix:literal, read by $batch_read:ident, $batch_meaning:literal;)+ }
    ) => {
        /// The settings of an OTLP exporter. `None` falls back to the next source.
        #[derive(Debug, Clone, Default)]
        pub struct OtlpOptions {
            $(
                #[doc = concat!($meaning, ".")]
                #[doc = ""]
                #[doc = concat!("Variable: `", $variable, "`. ", $($syntax, ". ",)? "Default: ", $default, ".")]
                pub $name: Option<$type>,
            )+
        }

        /// The settings that exist once for all signals.
        #[derive(Debug, Clone, Default)]
        pub(crate) struct GeneralOptions {
            $(pub(super) $general: Option<$general_type>,)+
        }

        /// How a signal's items are batched before they are exported. `None` falls back to the next
        /// source.
        #[derive(Debug, Clone, Copy, Default)]
        pub struct BatchOptions {
            $($(#[$doc])* pub $batch: Option<$batch_type>,)+
        }

        /// The rows by name.
        pub(crate) struct Settings {
            $(pub(crate) $name: Setting<$type>,)+
            $(pub(crate) $general: Setting<$general_type, GeneralOptions>,)+
        }

        pub(crate) const SETTINGS: Settings = Settings {
            $($name: Setting {
                method: stringify!($name),
                variable: variables::$kind($variable, $default, concat!($meaning $(, ". ", $syntax)?)),
                get: |options| options.$name.as_ref(),
            },)+
            $($general: Setting {
                method: stringify!($general),
                variable: variables::honoured($general_variable, $general_default, concat!($general_meaning $(, ". ", $general_syntax)?)),
                get: |options| options.$general.as_ref(),
            },)+
        };

        pub(super) const VARIABLES: &[Variable] = &[$(SETTINGS.$general.variable,)+ $(SETTINGS.$name.variable,)+];

        pub(super) const BATCH_VARIABLES: &[Variable] = &[
            $(variables::honoured(concat!($of_spans, $suffix), $span_default, $batch_meaning),)+
            $(variables::honoured(concat!($of_logs, $suffix), $log_default, "The same for log records"),)+
        ];

        impl ConfigBuilder {
            $(
                #[doc = concat!("Sets [`OtlpOptions::", stringify!($name), "`] for all signals.")]
                #[doc = ""]
                #[doc = concat!($meaning, ".")]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.layer.otlp.$name = Some($name);
                    self
                }
            )+
            $(
                #[doc = concat!("Sets the same as the variable `", $general_variable, "`.")]
                #[doc = ""]
                #[doc = concat!($general_meaning, ".")]
                pub fn $general(mut self, $general: $general_type) -> Self {
                    self.layer.general.$general = Some($general);
                    self
                }
            )+
        }

        impl Reader<'_> {
            /// Reads the variables for all signals, or those for one.
            pub(super) fn otlp(&mut self, signal: Option<Signal>) -> OtlpOptions {
                OtlpOptions {
                    $($name: SETTINGS.$name.variable.name_for(signal).and_then(|name| self.$read(&name)),)+
                }
            }

            pub(super) fn general(&mut self) -> GeneralOptions {
                GeneralOptions {
                    $($general: self.$general_read($general_variable),)+
                }
            }

            pub(super) fn span_batches(&mut self) -> BatchOptions {
                BatchOptions {
                    $($batch: self.$batch_read(concat!($of_spans, $suffix)),)+
                }
            }

            pub(super) fn log_batches(&mut self) -> BatchOptions {
                BatchOptions {
                    $($batch: self.$batch_read(concat!($of_logs, $suffix)),)+
                }
            }
        }
    };
}

define_settings! {
    otlp {
        endpoint: Endpoint = "`http://localhost:4318`, for gRPC `http://localhost:4317`",
            per_signal "OTEL_EXPORTER_OTLP_ENDPOINT", read by endpoint,
            "The collector's URL. Over HTTP, `v1/traces`, `v1/metrics` or `v1/logs` is added to the path of the general URL; the URL of one signal is used unchanged";
        headers: Headers = "none",
            per_signal "OTEL_EXPORTER_OTLP_HEADERS", read by parse_secret,
            "Headers of every request (for gRPC, metadata). A header of the builder replaces one of the same name",
            as "A list like `name=value,name=value`, percent-encoded";
        timeout: Duration = "10000",
            per_signal "OTEL_EXPORTER_OTLP_TIMEOUT", read by timeout,
            "How long an export may take with all its retries, from 1 ms to an hour",
            as "In milliseconds; 0 means one hour";
        compression: Compression = "none",
            per_signal "OTEL_EXPORTER_OTLP_COMPRESSION", read by parse,
            "The compression of requests: `gzip` or `none`";
        max_request_size: RequestSize = "4000000",
            honoured "WASMSCOPE_OTLP_MAX_REQUEST_SIZE", read by parse,
            "The largest size of a request before compression, from `4KiB` to `64MiB`. Larger batches are sent as several requests. An item that is too large on its own is dropped, and counted as `too_large`. Collectors have limits of their own: an OpenTelemetry Collector accepts 4 MiB over gRPC (`max_recv_msg_size_mib`) and 20 MiB over HTTP (`max_request_body_size`), each before compression",
            as "In bytes, or with a unit: `20MiB`";
        protocol: Protocol = "http/protobuf",
            per_signal "OTEL_EXPORTER_OTLP_PROTOCOL", read by parse,
            "The protocol: `http/protobuf`, `http/json` or `grpc`";
        certificate: Certificates = "the system's authorities",
            per_signal "OTEL_EXPORTER_OTLP_CERTIFICATE", read by authorities,
            "The certificate authorities to trust instead of the system's",
            as "A PEM file";
        client_certificate: Certificates = "none",
            per_signal "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", read by certificates,
            "The host's own certificate and its chain. Its key must be set as well",
            as "A PEM file";
        client_key: PrivateKey = "none",
            per_signal "OTEL_EXPORTER_OTLP_CLIENT_KEY", read by private_key,
            "The private key of that certificate",
            as "A PEM file";
        insecure: bool = "false",
            per_signal "OTEL_EXPORTER_OTLP_INSECURE", read by flag,
            "`true` turns TLS off. Only for gRPC, if the endpoint has neither `http://` nor `https://`";
    }
    general {
        disabled: bool = "false",
            honoured "OTEL_SDK_DISABLED", read by flag,
            "`true` switches all three signals off";
        sampler: Sampler = "parentbased_always_on",
            honoured "OTEL_TRACES_SAMPLER", read by sampler,
            "The sampler of traces: `always_on`, `always_off`, `traceidratio`, `parentbased_always_on`, `parentbased_always_off` or `parentbased_traceidratio`",
            as "In place of the samplers of Jaeger and X-Ray, the default is used, with a warning";
        propagators: Propagators = "tracecontext,baggage",
            honoured "OTEL_PROPAGATORS", read by propagators,
            "The context that a program continues, and that its HTTP requests carry: `tracecontext` for `TRACEPARENT` with `TRACESTATE`, `baggage` for `BAGGAGE`, `none` for neither",
            as "Others are left out, with a warning";
        http_known_methods: KnownMethods = "GET,POST,PUT,DELETE,HEAD,OPTIONS,PATCH,CONNECT,TRACE,QUERY",
            honoured "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", read by parse,
            "The methods of HTTP that are values of `http.request.method`; others are `_OTHER`. Replaces the default",
            as "Names separated by commas, in their exact case";
        log_levels: LogLevels = "info",
            honoured "WASMSCOPE_LOG_LEVEL", read by parse,
            "The lowest level of guests' logs that are kept, for all scopes and for single ones",
            as "For example `warn,my_crate::db=debug,noisy=off`";
        metric_interval: Duration = "60000",
            honoured "OTEL_METRIC_EXPORT_INTERVAL", read by interval,
            "How often metrics are exported, from 1 ms to a day",
            as "In milliseconds";
        metric_timeout: Duration = "30000",
            honoured "OTEL_METRIC_EXPORT_TIMEOUT", read by timeout,
            "How long the export of metrics may take, from 1 ms to an hour. The shorter of this and the exporter's timeout applies",
            as "In milliseconds; 0 means one hour";
        temporality: TemporalityPreference = "cumulative",
            honoured "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", read by parse,
            "The temporality of metrics: `cumulative`, `delta` or `lowmemory`";
        histogram_aggregation: HistogramAggregation = "explicit_bucket_histogram",
            honoured "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", read by parse,
            "How histograms are aggregated: `explicit_bucket_histogram` or `base2_exponential_bucket_histogram`. With the latter, the bucket boundaries of a guest have no effect";
    }
    batches "OTEL_BSP_" and "OTEL_BLRP_" {
        /// The longest time that items wait for their batch to fill. Default 5 s for spans, 1 s for
        /// logs.
        delay: Duration = "5000" and "1000", "SCHEDULE_DELAY", read by interval,
            "How long spans may wait for their batch to fill, in milliseconds, 1 or more";
        /// The time limit of a batch's export. Default 30 s. The exporter's timeout is usually
        /// shorter.
        export_timeout: Duration = "30000" and "30000", "EXPORT_TIMEOUT", read by timeout,
            "How long the export of a batch of spans may take, in milliseconds; 0 means one hour. The shorter of this and the exporter's timeout applies";
        /// The most items in the queue, from 1 to 1,000,000. Further items are dropped. Default
        /// 2,048.
        queue_size: usize = "2048" and "2048", "MAX_QUEUE_SIZE", read by queue_length,
            "How many spans may wait to be exported, up to 1000000. Further spans are dropped and counted";
        /// The most items in a batch, from 1 to `queue_size`. Default 512.
        batch_size: usize = "512" and "512", "MAX_EXPORT_BATCH_SIZE", read by queue_length,
            "How many spans are in a batch, at most the size of the queue";
    }
}
