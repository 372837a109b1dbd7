//! Puts the builder's settings over those of the environment, and those over the defaults.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;

use crate::dropped::Signal;
use crate::emitted::attribute;
use crate::limits::Limits;

use super::endpoint::{Headers, Scope};
use super::error::{ConfigError, ConfigWarning};
use super::layer::{BatchOptions, Layer, OtlpOptions, PerSignal};
use super::tls::Tls;
use super::values::{
    Compression, Exporter, HistogramAggregation, LONGEST, LONGEST_INTERVAL, Protocol, QueueLength,
    Sampler, TemporalityPreference,
};
use super::{Batch, Config, ConfigBuilder, Otlp, Target};

/// What `service.name` is when nobody knows better; the prefix is the specification's.
const UNKNOWN_SERVICE: &str = "unknown_service:wasmscope";

pub(super) fn resolve(builder: ConfigBuilder) -> Result<Config, ConfigError> {
    let mut warnings = builder.environment.warnings.clone();
    let sources = Sources {
        layers: [&builder.layer, &builder.environment.layer],
        strict: builder.strict,
    };
    let defaults = Defaults::new(builder.small);

    let mut exporters = PerSignal::new(|signal| sources.exporter(signal, builder.without_endpoint));
    if builder.console.is_none() {
        for signal in Signal::ALL {
            if *exporters.get(signal) == Exporter::Console {
                let setting = format!("OTEL_{}_EXPORTER", signal.as_str().to_ascii_uppercase());
                let error = ConfigError::new(
                    setting,
                    "console",
                    "otlp or none, since this host has no console",
                );
                sources.refuse(error, &mut warnings)?;
                *exporters.get_mut(signal) = Exporter::None;
            }
        }
    }
    let targets = PerSignal::try_new(|signal| match exporters.get(signal) {
        Exporter::Otlp => {
            let otlp = sources.otlp(signal, &defaults, &mut warnings)?;
            Ok(Target::Otlp(Box::new(otlp)))
        }
        Exporter::Console => Ok(Target::Console),
        Exporter::None => Ok(Target::None),
    })?;

    let mut limits = Limits::default();
    builder.environment.limits.apply(&mut limits);
    for edit in builder.limits {
        edit(&mut limits);
    }

    let resource = resource(
        &sources,
        builder.environment.fallback_service_name.as_deref(),
        builder.default_service_name.as_deref(),
        builder.runtime.as_ref(),
    );
    let interval = sources
        .first(|layer| layer.metric_interval)
        .unwrap_or(defaults.metric_interval);
    let timeout = sources
        .first(|layer| layer.metric_timeout)
        .unwrap_or(defaults.export_timeout);
    Ok(Config {
        targets,
        spans: sources.batch(
            "span_batches",
            |layer| &layer.spans,
            defaults.span_delay,
            &defaults,
        )?,
        logs: sources.batch(
            "log_batches",
            |layer| &layer.logs,
            defaults.log_delay,
            &defaults,
        )?,
        metric_interval: within("metric_interval", interval, LONGEST_INTERVAL)?,
        metric_timeout: within("metric_timeout", timeout, LONGEST)?,
        temporality: sources
            .first(|layer| layer.temporality)
            .unwrap_or(TemporalityPreference::Cumulative),
        histograms: sources
            .first(|layer| layer.histograms)
            .unwrap_or(HistogramAggregation::ExplicitBuckets),
        sampler: sources
            .first(|layer| layer.sampler)
            .unwrap_or(Sampler::ParentBasedAlwaysOn),
        propagators: sources.first(|layer| layer.propagators).unwrap_or_default(),
        log_levels: sources
            .first(|layer| layer.log_levels.clone())
            .unwrap_or_default(),
        limits,
        resource,
        console: builder.console,
        runtime: builder.runtime,
        on_warning: builder.on_warning,
        warnings,
    })
}

/// What holds where nobody says anything.
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

/// The sources of settings, the strongest first.
struct Sources<'a> {
    layers: [&'a Layer; 2],
    strict: bool,
}

impl Sources<'_> {
    fn first<T>(&self, setting: impl Fn(&Layer) -> Option<T>) -> Option<T> {
        self.layers.into_iter().find_map(setting)
    }

    fn first_otlp<T>(
        &self,
        signal: Signal,
        setting: impl Fn(&OtlpOptions) -> Option<T>,
    ) -> Option<T> {
        self.first(|layer| layer.otlp(signal, &setting))
    }

    /// What may be the environment's doing is an error only in strict mode.
    fn refuse(
        &self,
        error: ConfigError,
        warnings: &mut Vec<ConfigWarning>,
    ) -> Result<(), ConfigError> {
        if self.strict {
            return Err(error);
        }
        warnings.push(ConfigWarning::Unusable(error));
        Ok(())
    }

    fn exporter(&self, signal: Signal, without_endpoint: Option<Exporter>) -> Exporter {
        if self.first(|layer| layer.disabled) == Some(true) {
            return Exporter::None;
        }
        if let Some(exporter) = self.first(|layer| *layer.exporters.get(signal)) {
            return exporter;
        }
        if self.layers.into_iter().any(Layer::has_endpoint) {
            return Exporter::Otlp;
        }
        without_endpoint.unwrap_or(Exporter::Otlp)
    }

    fn otlp(
        &self,
        signal: Signal,
        defaults: &Defaults,
        warnings: &mut Vec<ConfigWarning>,
    ) -> Result<Otlp, ConfigError> {
        let protocol = self
            .first_otlp(signal, |otlp| otlp.protocol)
            .unwrap_or(Protocol::HttpProtobuf);
        let timeout = self
            .first_otlp(signal, |otlp| otlp.timeout)
            .unwrap_or(defaults.otlp_timeout);
        let [own, environment] = self
            .layers
            .map(|layer| layer.otlp(signal, |otlp| otlp.headers.clone()));
        let headers: Headers = own
            .unwrap_or_default()
            .over(&environment.unwrap_or_default());
        Ok(Otlp {
            protocol,
            url: self.url(signal, protocol, warnings)?,
            headers,
            timeout: within("timeout", timeout, LONGEST)?,
            compression: self
                .first_otlp(signal, |otlp| otlp.compression)
                .unwrap_or(Compression::None),
            tls: self.tls(signal, warnings)?,
            proxies: self
                .first(|layer| layer.proxies.clone())
                .unwrap_or_default(),
        })
    }

    fn url(
        &self,
        signal: Signal,
        protocol: Protocol,
        warnings: &mut Vec<ConfigWarning>,
    ) -> Result<String, ConfigError> {
        let insecure = self
            .first_otlp(signal, |otlp| otlp.insecure)
            .unwrap_or(false);
        let path = format!("v1/{}", signal.as_str());
        let candidate = self.first(|layer| {
            let own = layer
                .signals
                .get(signal)
                .endpoint
                .clone()
                .map(|endpoint| (endpoint, Scope::One));
            own.or_else(|| {
                layer
                    .otlp
                    .endpoint
                    .clone()
                    .map(|endpoint| (endpoint, Scope::All))
            })
        });
        if let Some((endpoint, scope)) = candidate {
            match endpoint.resolve(protocol, scope, &path, insecure) {
                Ok(url) => {
                    let path = endpoint.signals_path();
                    if let Some(path) = path
                        && scope == Scope::All
                        && protocol != Protocol::Grpc
                    {
                        let endpoint = endpoint.to_string();
                        let warning = ConfigWarning::SignalsPath { endpoint, path };
                        // One is enough for all three.
                        if !warnings.contains(&warning) {
                            warnings.push(warning);
                        }
                    }
                    return Ok(url);
                }
                Err(expected) => {
                    let setting = match scope {
                        Scope::All => String::from("OTLP endpoint (OTEL_EXPORTER_OTLP_ENDPOINT)"),
                        Scope::One => format!(
                            "OTLP endpoint for {0} (OTEL_EXPORTER_OTLP_{1}_ENDPOINT)",
                            signal.as_str(),
                            signal.as_str().to_ascii_uppercase()
                        ),
                    };
                    self.refuse(
                        ConfigError::new(setting, endpoint.to_string(), expected),
                        warnings,
                    )?;
                }
            }
        }
        Ok(match protocol {
            Protocol::Grpc => String::from("http://localhost:4317"),
            Protocol::HttpProtobuf | Protocol::HttpJson => format!("http://localhost:4318/{path}"),
        })
    }

    fn tls(&self, signal: Signal, warnings: &mut Vec<ConfigWarning>) -> Result<Tls, ConfigError> {
        let certificate = self.first_otlp(signal, |otlp| otlp.client_certificate.clone());
        let key = self.first_otlp(signal, |otlp| otlp.client_key.clone());
        let lone = match (&certificate, &key) {
            (Some(_), None) => Some("OTEL_EXPORTER_OTLP_CLIENT_KEY"),
            (None, Some(_)) => Some("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"),
            (Some(_), Some(_)) | (None, None) => None,
        };
        if let Some(missing) = lone {
            let expected = format!(
                "a PEM file, since the other half of the client's identity for {} is set",
                signal.as_str()
            );
            self.refuse(ConfigError::without_value(missing, expected), warnings)?;
        }
        Ok(Tls {
            authorities: self.first_otlp(signal, |otlp| otlp.certificate.clone()),
            identity: certificate.zip(key),
        })
    }

    fn batch(
        &self,
        setting: &str,
        options: impl Fn(&Layer) -> &BatchOptions,
        delay: Duration,
        defaults: &Defaults,
    ) -> Result<Batch, ConfigError> {
        let length = |length: usize, name: &str| match QueueLength::new(length) {
            Some(QueueLength(length)) => Ok(length),
            None => Err(ConfigError::new(
                format!("{setting}.{name}"),
                length.to_string(),
                QueueLength::expected(),
            )),
        };
        let queue_size = self
            .first(|layer| options(layer).queue_size)
            .unwrap_or(defaults.queue_size);
        let queue_size = length(queue_size, "queue_size")?;
        let batch_size = self
            .first(|layer| options(layer).batch_size)
            .unwrap_or(defaults.batch_size);
        // A queue that was made shorter than the usual batch asks for shorter batches, not for an error.
        let batch_size = length(batch_size, "batch_size")?.min(queue_size);
        let delay = self.first(|layer| options(layer).delay).unwrap_or(delay);
        let timeout = self
            .first(|layer| options(layer).export_timeout)
            .unwrap_or(defaults.export_timeout);
        Ok(Batch {
            queue_size,
            batch_size,
            delay: within(&format!("{setting}.delay"), delay, LONGEST_INTERVAL)?,
            export_timeout: within(&format!("{setting}.export_timeout"), timeout, LONGEST)?,
        })
    }
}

/// Only what the builder sets can be outside.
fn within(setting: &str, time: Duration, longest: Duration) -> Result<Duration, ConfigError> {
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
    runtime: Option<&crate::telemetry::Runtime>,
) -> Resource {
    let [own, environment] = sources.layers;
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
        .or_else(|| default_name.map(String::from))
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
