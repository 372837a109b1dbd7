//! Resolves where each signal is sent over OTLP.
//!
//! An invalid value is an error if the builder sets it. In the environment it is a warning, or in
//! strict mode an error. If an endpoint or a file of authorities is invalid, its signals are not
//! exported: the headers may hold credentials that must not be sent to the default endpoint (ADR
//! 13).

use std::time::Duration;

use wasmscope_telemetry::Signal;

use super::endpoint::{Headers, Scope, Url};
use super::environment::{Environment, InvalidValues};
use super::error::{ConfigError, ConfigWarning};
use super::layer::{Layer, OtlpOptions, PerSignal};
use super::resolve::{Source, Sources, within};
use super::tls::{Tls, check_identity};
use super::values::{Compression, Expected, Exporter, LONGEST, Protocol};
use super::{Otlp, Target};

/// A setting of an exporter with its names.
#[derive(Clone, Copy)]
struct Setting {
    /// The method of the builder, and the field of [`OtlpOptions`].
    method: &'static str,
    /// The suffix of the variable's name.
    suffix: &'static str,
}

const fn setting(method: &'static str, suffix: &'static str) -> Setting {
    Setting { method, suffix }
}

const ENDPOINT: Setting = setting("endpoint", "ENDPOINT");
const PROTOCOL: Setting = setting("protocol", "PROTOCOL");
const TIMEOUT: Setting = setting("timeout", "TIMEOUT");
const CERTIFICATE: Setting = setting("certificate", "CERTIFICATE");
const CLIENT_CERTIFICATE: Setting = setting("client_certificate", "CLIENT_CERTIFICATE");
const CLIENT_KEY: Setting = setting("client_key", "CLIENT_KEY");

/// The source of a value.
#[derive(Clone, Copy)]
struct Origin {
    source: Source,
    scope: Scope,
}

struct Found<T> {
    value: T,
    origin: Origin,
}

/// Why a signal has no exporter.
enum Fault {
    /// The builder's setting is invalid.
    Fatal(ConfigError),
    /// The environment's setting is invalid.
    Environment(ConfigError),
}

impl Fault {
    fn of(source: Source, error: ConfigError) -> Self {
        match source {
            Source::Builder => Self::Fatal(error),
            Source::Environment => Self::Environment(error),
        }
    }
}

/// Resolves the targets of all signals.
pub(super) fn targets(
    sources: &Sources<'_>,
    exporters: &PerSignal<Exporter>,
    otlp_timeout: Duration,
    warnings: &mut Vec<ConfigWarning>,
) -> Result<PerSignal<Target>, ConfigError> {
    let mut refused: Vec<(ConfigError, Vec<Signal>)> = Vec::new();
    let targets = PerSignal::try_new(|signal| match exporters.get(signal) {
        Exporter::Otlp => match otlp(sources, signal, otlp_timeout, warnings) {
            Ok(otlp) => Ok(Target::Otlp(Box::new(otlp))),
            Err(Fault::Environment(error)) if !sources.strict => {
                match refused.iter_mut().find(|(known, _)| *known == error) {
                    Some((_, signals)) => signals.push(signal),
                    None => refused.push((error, vec![signal])),
                }
                Ok(Target::None)
            }
            Err(Fault::Environment(error) | Fault::Fatal(error)) => Err(error),
        },
        Exporter::Console => Ok(Target::Console),
        Exporter::None => Ok(Target::None),
    })?;
    for error in invalid_destinations(sources.environment) {
        if !refused.iter().any(|(known, _)| known == error) {
            sources.refuse(error.clone(), warnings)?;
        }
    }
    let not_exported = refused.into_iter();
    warnings
        .extend(not_exported.map(|(error, signals)| ConfigWarning::NotExported { error, signals }));
    Ok(targets)
}

/// Lists the invalid endpoints and authorities in the environment.
pub(super) fn invalid_destinations(
    environment: &Environment,
) -> impl Iterator<Item = &ConfigError> {
    environment
        .endpoints
        .iter()
        .chain(environment.certificates.iter())
}

fn otlp(
    sources: &Sources<'_>,
    signal: Signal,
    otlp_timeout: Duration,
    warnings: &mut Vec<ConfigWarning>,
) -> Result<Otlp, Fault> {
    let first = Finder { sources, signal };
    let protocol = first.protocol()?;
    let timeout = match first.find(|otlp| otlp.timeout) {
        Some(Found { value, origin }) => {
            within(&first.name(origin, TIMEOUT), value, LONGEST).map_err(Fault::Fatal)?
        }
        None => otlp_timeout,
    };
    let (url, endpoint_origin) = first.url(protocol, warnings)?;
    let tls = if url.is_secure() {
        first.tls(warnings)?
    } else {
        // An invalid identity has no effect without TLS, but certificate and key are still checked.
        let identity = first.identity(warnings)?;
        Tls {
            authorities: first.value(|otlp| otlp.certificate.clone()),
            identity,
        }
    };
    let certificate_origin = first
        .find(|otlp| otlp.certificate.clone())
        .map(|found| found.origin);
    let unset = Origin {
        source: endpoint_origin.source,
        scope: Scope::All,
    };
    Ok(Otlp {
        protocol,
        url,
        headers: first.headers(),
        timeout,
        compression: first
            .value(|otlp| otlp.compression)
            .unwrap_or(Compression::None),
        max_request_size: first
            .value(|otlp| otlp.max_request_size)
            .unwrap_or_default(),
        tls,
        proxies: sources
            .first(|layer| layer.proxies.clone())
            .unwrap_or_default(),
        endpoint_setting: first.name(endpoint_origin, ENDPOINT),
        certificate_setting: first.name(certificate_origin.unwrap_or(unset), CERTIFICATE),
        flags: sources.flags,
    })
}

/// Finds the settings of one signal.
struct Finder<'a> {
    sources: &'a Sources<'a>,
    signal: Signal,
}

impl Finder<'_> {
    fn find<T>(&self, setting: impl Fn(&OtlpOptions) -> Option<T>) -> Option<Found<T>> {
        self.sources
            .layers()
            .into_iter()
            .find_map(|(source, layer)| {
                let (value, scope) = layer.otlp(self.signal, &setting)?;
                let origin = Origin { source, scope };
                Some(Found { value, origin })
            })
    }

    fn value<T>(&self, setting: impl Fn(&OtlpOptions) -> Option<T>) -> Option<T> {
        self.find(setting).map(|found| found.value)
    }

    /// Finds a setting. If the environment's value for this signal is invalid, returns that error
    /// instead of a weaker source's value.
    fn find_valid<T>(
        &self,
        broken: &InvalidValues,
        setting: impl Fn(&OtlpOptions) -> Option<T>,
    ) -> Result<Option<Found<T>>, Fault> {
        let found = self.find(setting);
        let origin = found.as_ref().map(|found| found.origin);
        let error = match origin {
            Some(Origin {
                source: Source::Builder,
                ..
            })
            | Some(Origin {
                scope: Scope::One, ..
            }) => None,
            Some(_) => broken.signals.get(self.signal).as_ref(),
            None => {
                let own = broken.signals.get(self.signal).as_ref();
                own.or(broken.all.as_ref())
            }
        };
        match error {
            Some(error) => Err(Fault::Environment(error.clone())),
            None => Ok(found),
        }
    }

    /// Returns the name under which a setting was made.
    fn name(&self, origin: Origin, setting: Setting) -> String {
        let Setting { method, suffix } = setting;
        let signal = self.signal.as_str();
        match (origin.source, origin.scope) {
            (Source::Builder, Scope::All) => {
                let flags = self.sources.flags;
                String::from(flags.of(method).unwrap_or(method))
            }
            (Source::Builder, Scope::One) => format!("otlp({signal}).{method}"),
            (Source::Environment, Scope::All)
                if suffix == ENDPOINT.suffix && self.sources.environment.uses_fallback_endpoint =>
            {
                String::from("OTLP_EXPORTER_ENDPOINT")
            }
            (Source::Environment, Scope::All) => format!("OTEL_EXPORTER_OTLP_{suffix}"),
            (Source::Environment, Scope::One) => {
                format!(
                    "OTEL_EXPORTER_OTLP_{}_{suffix}",
                    signal.to_ascii_uppercase()
                )
            }
        }
    }

    fn protocol(&self) -> Result<Protocol, Fault> {
        let Some(Found { value, origin }) = self.find(|otlp| otlp.protocol) else {
            return Ok(Protocol::HttpProtobuf);
        };
        if value == Protocol::Grpc && !cfg!(feature = "grpc") {
            let expected = "http/protobuf or http/json, since this host was built without gRPC";
            let error = ConfigError::new(self.name(origin, PROTOCOL), "grpc", expected);
            return Err(Fault::of(origin.source, error));
        }
        Ok(value)
    }

    fn headers(&self) -> Headers {
        let headers = |layer: &Layer| {
            let found = layer.otlp(self.signal, |otlp| otlp.headers.clone());
            found.map(|(headers, _)| headers).unwrap_or_default()
        };
        let [(_, builder), (_, environment)] = self.sources.layers();
        headers(builder).over(&headers(environment))
    }

    fn url(
        &self,
        protocol: Protocol,
        warnings: &mut Vec<ConfigWarning>,
    ) -> Result<(Url, Origin), Fault> {
        let path = format!("v1/{}", self.signal.as_str());
        let broken = &self.sources.environment.endpoints;
        let Some(Found {
            value: endpoint,
            origin,
        }) = self.find_valid(broken, |otlp| otlp.endpoint.clone())?
        else {
            let url = match protocol {
                Protocol::Grpc => Url::new("http://localhost:4317"),
                Protocol::HttpProtobuf | Protocol::HttpJson => {
                    Url::new(format!("http://localhost:4318/{path}"))
                }
            };
            let origin = Origin {
                source: Source::Environment,
                scope: Scope::All,
            };
            return Ok((url, origin));
        };
        let insecure = self.value(|otlp| otlp.insecure).unwrap_or(false);
        let url = endpoint
            .resolve(protocol, origin.scope, &path, insecure)
            .map_err(|expected| {
                let name = self.name(origin, ENDPOINT);
                let error = ConfigError::new(name, endpoint.to_string(), expected);
                Fault::of(origin.source, error)
            })?;
        let warning = if protocol == Protocol::Grpc {
            endpoint
                .path()
                .map(|path| ConfigWarning::PathWithoutEffect {
                    endpoint: endpoint.to_string(),
                    path: String::from(path),
                })
        } else {
            let path = endpoint
                .signals_path()
                .filter(|_| origin.scope == Scope::All);
            path.map(|path| ConfigWarning::SignalsPath {
                endpoint: endpoint.to_string(),
                path,
            })
        };
        // The same warning for all three signals is added once.
        warnings.extend(warning.filter(|warning| !warnings.contains(warning)));
        Ok((url, origin))
    }

    fn tls(&self, warnings: &mut Vec<ConfigWarning>) -> Result<Tls, Fault> {
        let broken = &self.sources.environment.certificates;
        let authorities = self.find_valid(broken, |otlp| otlp.certificate.clone())?;
        Ok(Tls {
            authorities: authorities.map(|found| found.value),
            identity: self.identity(warnings)?,
        })
    }

    fn identity(&self, warnings: &mut Vec<ConfigWarning>) -> Result<Identity, Fault> {
        let certificate = self.find(|otlp| otlp.client_certificate.clone());
        let key = self.find(|otlp| otlp.client_key.clone());
        let (error, source) = match (certificate, key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => {
                match check_identity(&certificate.value, &key.value) {
                    Ok(()) => return Ok(Some((certificate.value, key.value))),
                    Err(expected) => {
                        let setting = self.name(key.origin, CLIENT_KEY);
                        let error = ConfigError::without_value(setting, expected);
                        (error, key.origin.source)
                    }
                }
            }
            (Some(certificate), None) => {
                let other = self.name(certificate.origin, CLIENT_KEY);
                let expected = Expected(format!("its private key in {other}"));
                let setting = self.name(certificate.origin, CLIENT_CERTIFICATE);
                let error = ConfigError::without_value(setting, expected);
                (error, certificate.origin.source)
            }
            (None, Some(key)) => {
                let other = self.name(key.origin, CLIENT_CERTIFICATE);
                let expected = Expected(format!("its certificate in {other}"));
                let setting = self.name(key.origin, CLIENT_KEY);
                (
                    ConfigError::without_value(setting, expected),
                    key.origin.source,
                )
            }
        };
        match source {
            Source::Builder => Err(Fault::Fatal(error)),
            // Without an identity, a collector that requires one refuses the connection.
            Source::Environment => {
                let refused = self.sources.refuse(error, warnings);
                refused.map(|()| None).map_err(Fault::Fatal)
            }
        }
    }
}

type Identity = Option<(super::Certificates, super::PrivateKey)>;
