//! Resolves where each signal is sent over OTLP.
//!
//! An invalid value is an error if the builder sets it. In the environment it is a warning, or in
//! strict mode an error. If an endpoint or a file of authorities is invalid, its signals are not
//! exported: the headers may hold credentials that must not be sent to the default endpoint (ADR
//! 13).

use std::time::Duration;

use wasmscope_telemetry::Signal;

use super::Flags;
use super::endpoint::{Headers, Scope, Url};
use super::environment::Environment;
use super::error::{ConfigError, ConfigWarning};
use super::layer::{Layer, PerSignal};
use super::resolve::{Source, Sources, within};
use super::settings::{SETTINGS, Setting};
use super::tls::{Proxies, Tls, check_identity};
use super::values::{Compression, Expected, Exporter, LONGEST, Protocol, RequestSize};

/// Where one signal is exported.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Otlp(Box<Otlp>),
    Console,
    None,
}

/// How one signal is exported over OTLP.
#[derive(Debug, Clone)]
pub(crate) struct Otlp {
    pub(crate) protocol: Protocol,
    /// Includes the signal's path over HTTP, but not over gRPC.
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    pub(crate) timeout: Duration,
    pub(crate) compression: Compression,
    pub(crate) max_request_size: RequestSize,
    pub(crate) tls: Tls,
    pub(crate) proxies: Proxies,
    /// The name of the endpoint's setting.
    pub(crate) endpoint_setting: String,
    /// The name of the setting for trusted authorities, whether it is set or not.
    pub(crate) certificate_setting: String,
    pub(crate) flags: Flags,
}

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
    environment.endpoints.iter().chain(&environment.authorities)
}

fn otlp(
    sources: &Sources<'_>,
    signal: Signal,
    otlp_timeout: Duration,
    warnings: &mut Vec<ConfigWarning>,
) -> Result<Otlp, Fault> {
    let first = Finder { sources, signal };
    let protocol = first.protocol()?;
    let timeout = match first.find(&SETTINGS.timeout) {
        Some(Found { value, origin }) => {
            within(&first.name(origin, &SETTINGS.timeout), value, LONGEST).map_err(Fault::Fatal)?
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
            authorities: first.value(&SETTINGS.certificate),
            identity,
        }
    };
    let certificate_origin = first.find(&SETTINGS.certificate).map(|found| found.origin);
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
            .value(&SETTINGS.compression)
            .unwrap_or(Compression::None),
        max_request_size: first.value(&SETTINGS.max_request_size).unwrap_or_default(),
        tls,
        proxies: sources
            .first(|layer| layer.proxies.clone())
            .unwrap_or_default(),
        endpoint_setting: first.name(endpoint_origin, &SETTINGS.endpoint),
        certificate_setting: first.name(certificate_origin.unwrap_or(unset), &SETTINGS.certificate),
        flags: sources.flags,
    })
}

/// Finds the settings of one signal.
struct Finder<'a> {
    sources: &'a Sources<'a>,
    signal: Signal,
}

impl Finder<'_> {
    fn find<T: Clone>(&self, setting: &Setting<T>) -> Option<Found<T>> {
        self.sources
            .layers()
            .into_iter()
            .find_map(|(source, layer)| {
                let (value, scope) = layer.otlp(self.signal, setting)?;
                let value = value.clone();
                let origin = Origin { source, scope };
                Some(Found { value, origin })
            })
    }

    fn value<T: Clone>(&self, setting: &Setting<T>) -> Option<T> {
        self.find(setting).map(|found| found.value)
    }

    /// Finds a setting. If the environment's value for this signal is invalid, returns that error
    /// instead of a weaker source's value.
    fn find_valid<T: Clone>(
        &self,
        invalid: &[ConfigError],
        setting: &Setting<T>,
    ) -> Result<Option<Found<T>>, Fault> {
        let found = self.find(setting);
        let error_of = |scope| {
            let source = Source::Environment;
            let name = self.name(Origin { source, scope }, setting);
            invalid.iter().find(|error| error.setting() == name)
        };
        let error = match found.as_ref().map(|found| found.origin) {
            Some(Origin {
                source: Source::Builder,
                ..
            })
            | Some(Origin {
                scope: Scope::One, ..
            }) => None,
            Some(_) => error_of(Scope::One),
            None => error_of(Scope::One).or_else(|| error_of(Scope::All)),
        };
        match error {
            Some(error) => Err(Fault::Environment(error.clone())),
            None => Ok(found),
        }
    }

    /// Returns the name under which a setting was made.
    fn name<T>(&self, origin: Origin, setting: &Setting<T>) -> String {
        let Setting {
            method, variable, ..
        } = setting;
        let environment = self.sources.environment;
        match (origin.source, origin.scope) {
            (Source::Builder, Scope::All) => {
                let flags = self.sources.flags;
                String::from(flags.of(method).unwrap_or(method))
            }
            (Source::Builder, Scope::One) => format!("otlp({}).{method}", self.signal.as_str()),
            (Source::Environment, Scope::All)
                if *variable == SETTINGS.endpoint.variable
                    && environment.uses_fallback_endpoint =>
            {
                String::from("OTLP_EXPORTER_ENDPOINT")
            }
            (Source::Environment, Scope::All) => String::from(variable.name),
            (Source::Environment, Scope::One) => {
                let name = variable.name_for(Some(self.signal));
                name.unwrap_or_else(|| String::from(variable.name))
            }
        }
    }

    fn protocol(&self) -> Result<Protocol, Fault> {
        let Some(Found { value, origin }) = self.find(&SETTINGS.protocol) else {
            return Ok(Protocol::HttpProtobuf);
        };
        if value == Protocol::Grpc && !cfg!(feature = "grpc") {
            let expected = "http/protobuf or http/json, since this host was built without gRPC";
            let error = ConfigError::new(self.name(origin, &SETTINGS.protocol), "grpc", expected);
            return Err(Fault::of(origin.source, error));
        }
        Ok(value)
    }

    fn headers(&self) -> Headers {
        let headers = |layer: &Layer| {
            let found = layer.otlp(self.signal, &SETTINGS.headers);
            found
                .map(|(headers, _)| headers.clone())
                .unwrap_or_default()
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
        let invalid = &self.sources.environment.endpoints;
        let Some(Found {
            value: endpoint,
            origin,
        }) = self.find_valid(invalid, &SETTINGS.endpoint)?
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
        let insecure = self.value(&SETTINGS.insecure).unwrap_or(false);
        let url = endpoint
            .resolve(protocol, origin.scope, &path, insecure)
            .map_err(|expected| {
                let name = self.name(origin, &SETTINGS.endpoint);
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
        let invalid = &self.sources.environment.authorities;
        let authorities = self.find_valid(invalid, &SETTINGS.certificate)?;
        Ok(Tls {
            authorities: authorities.map(|found| found.value),
            identity: self.identity(warnings)?,
        })
    }

    fn identity(&self, warnings: &mut Vec<ConfigWarning>) -> Result<Identity, Fault> {
        let certificate = self.find(&SETTINGS.client_certificate);
        let key = self.find(&SETTINGS.client_key);
        let (error, source) = match (certificate, key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => {
                match check_identity(&certificate.value, &key.value) {
                    Ok(()) => return Ok(Some((certificate.value, key.value))),
                    Err(expected) => {
                        let setting = self.name(key.origin, &SETTINGS.client_key);
                        let error = ConfigError::without_value(setting, expected);
                        (error, key.origin.source)
                    }
                }
            }
            (Some(certificate), None) => {
                let other = self.name(certificate.origin, &SETTINGS.client_key);
                let expected = Expected(format!("its private key in {other}"));
                let setting = self.name(certificate.origin, &SETTINGS.client_certificate);
                let error = ConfigError::without_value(setting, expected);
                (error, certificate.origin.source)
            }
            (None, Some(key)) => {
                let other = self.name(key.origin, &SETTINGS.client_certificate);
                let expected = Expected(format!("its certificate in {other}"));
                let setting = self.name(key.origin, &SETTINGS.client_key);
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
