//! Merges the builder's settings, the environment and the defaults, in this order of precedence.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use wasmscope_telemetry::Signal;
use wasmscope_telemetry::emitted::attribute;
use wasmscope_telemetry::limits::Limits;
use wasmscope_telemetry::log_level::LogLevels;

use super::environment::Environment;
use super::error::{ConfigError, ConfigWarning};
use super::layer::{Layer, PerSignal};
use super::limit_list;
use super::settings::{BatchOptions, GeneralOptions, SETTINGS, Setting};
use super::targets::{invalid_destinations, targets};
use super::values::{
    Exporter, HistogramAggregation, LONGEST, LONGEST_INTERVAL, QueueLength, Sampler,
    TemporalityPreference,
};
use super::{Batch, Config, ConfigBuilder, Flags};

/// The default of `service.name`. The specification prescribes the prefix.
const UNKNOWN_SERVICE: &str = "unknown_service:wasmscope";

pub(super) fn resolve(builder: ConfigBuilder) -> Result<Config, ConfigError> {
    let mut warnings = builder.environment.warnings.clone();
    let sources = Sources {
        builder: &builder.layer,
        environment: &builder.environment,
        strict: builder.strict,
        flags: builder.flags,
    };
    if builder.strict
        && let Some(error) = invalid_destinations(&builder.environment).next()
    {
        return Err(error.clone());
    }
    let defaults = Defaults::new(builder.small);

    let mut exporters = PerSignal::new(|signal| sources.exporter(signal, builder.without_endpoint));
    if builder.console.is_none() {
        for signal in Signal::ALL {
            if *exporters.get(signal) == Exporter::Console {
                sources.refuse_console(signal, &mut warnings)?;
                *exporters.get_mut(signal) = Exporter::None;
            }
        }
    }
    let targets = targets(&sources, &exporters, defaults.otlp_timeout, &mut warnings)?;
    check(&builder.layer, builder.flags)?;

    let mut limits = Limits::default();
    builder.environment.limits.apply(&mut limits);
    for edit in builder.limits {
        edit(&mut limits);
    }
    limit_list::check(&limits)?;

    let resource = resource(
        &sources,
        builder.environment.fallback_service_name.as_deref(),
        builder.default_service_name.as_deref(),
        builder.runtime.as_ref(),
    );
    let interval = sources
        .general(&SETTINGS.metric_interval)
        .unwrap_or(defaults.metric_interval);
    let timeout = sources
        .general(&SETTINGS.metric_timeout)
        .unwrap_or(defaults.export_timeout);
    let spans = sources.batch(
        ["span_batches", "OTEL_BSP"],
        |layer| &layer.spans,
        defaults.span_delay,
        &defaults,
        &mut warnings,
    )?;
    let logs = sources.batch(
        ["log_batches", "OTEL_BLRP"],
        |layer| &layer.logs,
        defaults.log_delay,
        &defaults,
        &mut warnings,
    )?;
    Ok(Config {
        targets,
        spans,
        logs,
        metric_interval: within("metric_interval", interval, LONGEST_INTERVAL)?,
        metric_timeout: within("metric_timeout", timeout, LONGEST)?,
        temporality: sources
            .general(&SETTINGS.temporality)
            .unwrap_or(TemporalityPreference::Cumulative),
        histograms: sources
            .general(&SETTINGS.histogram_aggregation)
            .unwrap_or(HistogramAggregation::ExplicitBuckets),
        sampler: sources
            .general(&SETTINGS.sampler)
            .unwrap_or(Sampler::ParentBasedAlwaysOn),
        propagators: sources.general(&SETTINGS.propagators).unwrap_or_default(),
        http_known_methods: sources
            .general(&SETTINGS.http_known_methods)
            .unwrap_or_default(),
        log_levels: sources.general(&SETTINGS.log_levels).unwrap_or_default(),
        limits,
        resource,
        console: builder.console,
        runtime: builder.runtime,
        on_warning: builder.on_warning,
        warnings,
    })
}

/// The default settings.
struct Defaults {
    queue_size: usize,
    batch_size: usize,
    span_delay: Duration,
    log_delay: Duration,
    export_timeout: Duration,
    otlp_timeout: Duration,
    metric_interval: Duration,
}

impl Defaults {
    fn new(small: bool) -> Self {
        let standard = Self {
            queue_size: 2_048,
            batch_size: 512,
            span_delay: Duration::from_secs(5),
            log_delay: Duration::from_secs(1),
            export_timeout: Duration::from_secs(30),
            otlp_timeout: Duration::from_secs(10),
            metric_interval: Duration::from_secs(60),
        };
        if !small {
            return standard;
        }
        let every = Duration::from_secs(2);
        Self {
            queue_size: 256,
            batch_size: 64,
            span_delay: every,
            log_delay: every,
            otlp_timeout: Duration::from_secs(5),
            metric_interval: every,
            ..standard
        }
    }
}

/// Checks the values that the builder's types do not.
fn check(layer: &Layer, flags: Flags) -> Result<(), ConfigError> {
    let named = |method: &'static str| flags.of(method).unwrap_or(method);
    if layer.service_name.as_deref() == Some("") {
        let expected = "a name that is not empty";
        return Err(ConfigError::new(named("service_name"), "", expected));
    }
    let attributes = &mut layer.attributes.iter();
    if attributes.any(|attribute| attribute.key.as_str().is_empty()) {
        let expected = "a key that is not empty";
        return Err(ConfigError::new(named("resource_attribute"), "", expected));
    }
    if let Some(Err(expected)) = layer.general.log_levels.as_ref().map(LogLevels::check) {
        return Err(ConfigError::without_value(named("log_levels"), expected));
    }
    Ok(())
}

/// The source of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Builder,
    Environment,
}

/// All sources of settings.
pub(super) struct Sources<'a> {
    builder: &'a Layer,
    pub(super) environment: &'a Environment,
    pub(super) strict: bool,
    pub(super) flags: Flags,
}

impl Sources<'_> {
    /// Returns the sources by precedence.
    pub(super) fn layers(&self) -> [(Source, &Layer); 2] {
        [
            (Source::Builder, self.builder),
            (Source::Environment, &self.environment.layer),
        ]
    }

    pub(super) fn first<T>(&self, setting: impl Fn(&Layer) -> Option<T>) -> Option<T> {
        self.layers()
            .into_iter()
            .find_map(|(_, layer)| setting(layer))
    }

    pub(super) fn general<T: Clone>(&self, setting: &Setting<T, GeneralOptions>) -> Option<T> {
        self.first(|layer| (setting.get)(&layer.general).cloned())
    }

    /// Turns an error in the environment into a warning, unless in strict mode.
    pub(super) fn refuse(
        &self,
        error: ConfigError,
        warnings: &mut Vec<ConfigWarning>,
    ) -> Result<(), ConfigError> {
        if self.strict {
            return Err(error);
        }
        let warning = ConfigWarning::Unusable(error);
        // The same warning for all three signals is added once.
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
        Ok(())
    }

    fn exporter(&self, signal: Signal, without_endpoint: Option<Exporter>) -> Exporter {
        if self.general(&SETTINGS.disabled) == Some(true) {
            return Exporter::None;
        }
        if let Some(exporter) = self.first(|layer| *layer.exporters.get(signal)) {
            return exporter;
        }
        let named = self.layers().iter().any(|(_, layer)| layer.has_endpoint());
        if named || !self.environment.endpoints.is_empty() {
            return Exporter::Otlp;
        }
        without_endpoint.unwrap_or(Exporter::Otlp)
    }

    /// Rejects the console exporter if the host has no console.
    fn refuse_console(
        &self,
        signal: Signal,
        warnings: &mut Vec<ConfigWarning>,
    ) -> Result<(), ConfigError> {
        let expected = "otlp or none, since this host has no console";
        let error = |setting: String| ConfigError::new(setting, "console", expected);
        let own = *self.builder.exporters.get(signal);
        let environments = *self.environment.layer.exporters.get(signal);
        match (own, environments) {
            (Some(_), _) => Err(error(String::from("exporter"))),
            (None, Some(_)) => {
                let signal = signal.as_str().to_ascii_uppercase();
                self.refuse(error(format!("OTEL_{signal}_EXPORTER")), warnings)
            }
            (None, None) => Err(error(String::from("without_endpoint"))),
        }
    }

    fn batch(
        &self,
        [method, prefix]: [&str; 2],
        options: impl Fn(&Layer) -> &BatchOptions,
        delay: Duration,
        defaults: &Defaults,
        warnings: &mut Vec<ConfigWarning>,
    ) -> Result<Batch, ConfigError> {
        let builder = options(self.builder);
        let environment = options(&self.environment.layer);
        let length = |length: usize, name: &str| match QueueLength::new(length) {
            Some(QueueLength(length)) => Ok(length),
            None => Err(ConfigError::new(
                format!("{method}.{name}"),
                length.to_string(),
                QueueLength::expected(),
            )),
        };
        let queue_size = builder.queue_size.or(environment.queue_size);
        let queue_size = length(queue_size.unwrap_or(defaults.queue_size), "queue_size")?;
        let too_long = |batch: &usize| *batch > queue_size;
        let mut batch_size = builder.batch_size.or(environment.batch_size);
        if let Some(batch) = builder.batch_size {
            length(batch, "batch_size")?;
            // A shorter queue from the environment is not an error of the builder.
            if too_long(&batch)
                && (builder.queue_size.is_some() || environment.queue_size.is_none())
            {
                let expected = format!("a whole number from 1 to {queue_size}, the queue's size");
                let setting = format!("{method}.batch_size");
                return Err(ConfigError::new(setting, batch.to_string(), expected));
            }
        } else if let Some(batch) = environment.batch_size.filter(too_long)
            && builder.queue_size.is_none()
        {
            let expected =
                format!("a whole number from 1 to {queue_size}, which is {prefix}_MAX_QUEUE_SIZE");
            let setting = format!("{prefix}_MAX_EXPORT_BATCH_SIZE");
            let error = ConfigError::new(setting, batch.to_string(), expected);
            self.refuse(error, warnings)?;
            batch_size = None;
        }
        let delay = builder.delay.or(environment.delay).unwrap_or(delay);
        let timeout = builder.export_timeout.or(environment.export_timeout);
        let timeout = timeout.unwrap_or(defaults.export_timeout);
        Ok(Batch {
            queue_size,
            // A queue shorter than the default batch size makes batches shorter; it is not an
            // error.
            batch_size: batch_size.unwrap_or(defaults.batch_size).min(queue_size),
            delay: within(&format!("{method}.delay"), delay, LONGEST_INTERVAL)?,
            export_timeout: within(&format!("{method}.export_timeout"), timeout, LONGEST)?,
        })
    }
}

/// Checks that a duration of the builder is in range. Those of the environment always are.
pub(super) fn within(
    setting: &str,
    time: Duration,
    longest: Duration,
) -> Result<Duration, ConfigError> {
    if time >= Duration::from_millis(1) && time <= longest {
        return Ok(time);
    }
    let expected = format!("a time from 1 ms to {} s", longest.as_secs());
    Err(ConfigError::new(setting, format!("{time:?}"), expected))
}

fn resource(
    sources: &Sources<'_>,
    fallback_name: Option<&str>,
    default_name: Option<&str>,
    runtime: Option<&wasmscope_telemetry::Runtime>,
) -> Resource {
    let [(_, own), (_, environment)] = sources.layers();
    let named = |layer: &Layer| {
        let given = layer
            .attributes
            .iter()
            .rfind(|given| given.key.as_str() == attribute::SERVICE_NAME.key);
        layer
            .service_name
            .clone()
            .or_else(|| given.map(|attribute| attribute.value.to_string()))
    };
    let name = named(own)
        .or_else(|| named(environment))
        .or_else(|| fallback_name.map(String::from))
        .or_else(|| {
            default_name
                .filter(|name| !name.is_empty())
                .map(String::from)
        })
        .unwrap_or_else(|| String::from(UNKNOWN_SERVICE));
    // The SDK's own builder would read the environment.
    let mut builder = Resource::builder_empty().with_detector(Box::new(TelemetryResourceDetector));
    if let Some(runtime) = runtime {
        builder = builder.with_attributes([
            KeyValue::new(attribute::RUNTIME_NAME.key, runtime.name),
            KeyValue::new(attribute::RUNTIME_VERSION.key, runtime.version),
        ]);
    }
    builder
        .with_attributes(environment.attributes.iter().cloned())
        .with_attributes(own.attributes.iter().cloned())
        .with_service_name(name)
        .build()
}
