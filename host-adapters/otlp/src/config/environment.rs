//! Reads the environment: parses each variable, and turns invalid values into warnings.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use opentelemetry::KeyValue;
use wasmscope_telemetry::Signal;
use wasmscope_telemetry::limits::Limits;
use wasmscope_telemetry::printable::redacted_url;

use super::endpoint::Endpoint;
use super::error::{ConfigError, ConfigWarning};
use super::layer::Layer;
use super::limit_list::LimitList;
use super::percent;
use super::settings::SETTINGS;
use super::tls::{Certificates, PrivateKey, Proxies};
use super::unsupported::{self, Unsupported};
use super::values::{
    Count, Expected, Flag, Interval, Propagators, QueueLength, Ratio, Sampler, Timeout,
};
use super::variables::{self, Status, Variable};

/// The settings read from the environment.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) layer: Layer,
    /// `OTLP_SERVICE_NAME`, used if neither the standard variable nor an attribute names the
    /// service.
    pub(super) fallback_service_name: Option<String>,
    /// Whether the general endpoint comes from `OTLP_EXPORTER_ENDPOINT`.
    pub(super) uses_fallback_endpoint: bool,
    /// Errors of endpoints, that for all signals first. Falling back to the default would send
    /// headers with credentials to another server.
    pub(super) endpoints: Vec<ConfigError>,
    /// Errors of files of authorities. They have no fallback either.
    pub(super) authorities: Vec<ConfigError>,
    pub(super) limits: LimitList,
    pub(super) warnings: Vec<ConfigWarning>,
    /// The names that were looked up. A test compares them with the published table.
    #[cfg(test)]
    pub(super) looked_up: std::collections::BTreeSet<String>,
}

/// Reads variables. Each method for one variable returns `None` if the variable is not set, or not
/// valid.
pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<OsString>,
    warnings: Vec<ConfigWarning>,
    endpoints: Vec<ConfigError>,
    authorities: Vec<ConfigError>,
    #[cfg(test)]
    looked_up: std::collections::BTreeSet<String>,
}

impl Environment {
    pub(super) fn read(lookup: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let mut reader = Reader {
            lookup,
            warnings: Vec::new(),
            endpoints: Vec::new(),
            authorities: Vec::new(),
            #[cfg(test)]
            looked_up: std::collections::BTreeSet::new(),
        };
        let mut layer = Layer {
            service_name: reader.text("OTEL_SERVICE_NAME"),
            attributes: reader
                .parsed_by("OTEL_RESOURCE_ATTRIBUTES", resource_attributes)
                .unwrap_or_default(),
            general: reader.general(),
            spans: reader.span_batches(),
            logs: reader.log_batches(),
            otlp: reader.otlp(None),
            proxies: Some(reader.proxies()),
            ..Layer::default()
        };
        for signal in Signal::ALL {
            let name = signal.as_str().to_ascii_uppercase();
            *layer.exporters.get_mut(signal) = reader
                .supported(&format!("OTEL_{name}_EXPORTER"), |text| {
                    unsupported::exporter(signal, text)
                });
            *layer.signals.get_mut(signal) = reader.otlp(Some(signal));
        }
        let standard = SETTINGS.endpoint.variable.name;
        let is_invalid = reader
            .endpoints
            .iter()
            .any(|error| error.setting() == standard);
        let uses_fallback_endpoint = layer.otlp.endpoint.is_none() && !is_invalid;
        match reader.url("OTLP_EXPORTER_ENDPOINT") {
            Some(Ok(endpoint)) if uses_fallback_endpoint => layer.otlp.endpoint = Some(endpoint),
            Some(Err(error)) if uses_fallback_endpoint => reader.endpoints.insert(0, error),
            Some(Err(error)) => reader.unusable(error),
            Some(Ok(_)) | None => {}
        }
        let fallback_service_name = reader.text("OTLP_SERVICE_NAME");
        let limits = reader.limits();
        reader.warn_of_ignored();
        Self {
            layer,
            fallback_service_name,
            uses_fallback_endpoint,
            endpoints: reader.endpoints,
            authorities: reader.authorities,
            limits,
            warnings: reader.warnings,
            #[cfg(test)]
            looked_up: reader.looked_up,
        }
    }

    /// Warns of each name that looks like a misspelt variable.
    ///
    /// Unknown `WASMSCOPE_` names are always reported, except those that Kubernetes sets for a
    /// service called `wasmscope`. Unknown `OTEL_` names may belong to other programs, so they are
    /// reported only if they resemble a known one.
    pub(super) fn warn_of_unknown(&mut self, names: impl Iterator<Item = String>) {
        let known: Vec<String> = variables::VARIABLES
            .iter()
            .flat_map(Variable::names)
            .collect();
        let honoured: Vec<String> = variables::VARIABLES
            .iter()
            .filter(|variable| variable.status == Status::Honoured)
            .flat_map(Variable::names)
            .collect();
        let mut unknown: Vec<String> = names
            .filter(|name| name.starts_with("OTEL_") || name.starts_with("WASMSCOPE_"))
            .filter(|name| !known.contains(name))
            .filter(|name| {
                !KUBERNETES_PREFIXES
                    .iter()
                    .any(|link| name.starts_with(link))
            })
            .collect();
        unknown.sort();
        for name in unknown {
            let near = honoured
                .iter()
                .map(|known| (strsim::levenshtein(known, &name), known))
                .filter(|(distance, _)| *distance <= MAX_EDIT_DISTANCE)
                .min_by_key(|(distance, _)| *distance);
            let reason = match near {
                Some((_, near)) => format!("it is not known; perhaps {near} was meant"),
                None if name.starts_with("WASMSCOPE_") => String::from("it is not known"),
                None => continue,
            };
            self.warnings.push(ConfigWarning::Ignored {
                variable: name,
                reason,
            });
        }
    }
}

/// Prefixes of the variables that Kubernetes sets in every container for a service called
/// `wasmscope`.
const KUBERNETES_PREFIXES: [&str; 3] = [
    "WASMSCOPE_SERVICE_HOST",
    "WASMSCOPE_SERVICE_PORT",
    "WASMSCOPE_PORT",
];

/// The greatest edit distance at which a name counts as a misspelling of another.
const MAX_EDIT_DISTANCE: usize = 2;

impl Reader<'_> {
    /// Returns the variable's text. An empty value counts as unset, as the specification requires.
    fn text(&mut self, name: &str) -> Option<String> {
        #[cfg(test)]
        self.looked_up.insert(String::from(name));
        match (self.lookup)(name)?.into_string() {
            Ok(text) if text.trim().is_empty() => None,
            Ok(text) => Some(text),
            Err(_) => {
                self.unusable(ConfigError::without_value(name, "text in UTF-8"));
                None
            }
        }
    }

    pub(super) fn parse<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        self.parsed_by(name, str::parse)
    }

    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        self.parse(name).map(|Flag(flag)| flag)
    }

    pub(super) fn timeout(&mut self, name: &str) -> Option<Duration> {
        self.parse(name).map(|Timeout(timeout)| timeout)
    }

    pub(super) fn interval(&mut self, name: &str) -> Option<Duration> {
        self.parse(name).map(|Interval(interval)| interval)
    }

    pub(super) fn queue_length(&mut self, name: &str) -> Option<usize> {
        self.parse(name).map(|QueueLength(length)| length)
    }

    fn parsed_by<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match parse(text.trim()) {
            Ok(value) => Some(value),
            Err(expected) => {
                self.unusable(ConfigError::new(name, text, expected));
                None
            }
        }
    }

    /// Reads a variable whose value no message may repeat.
    pub(super) fn parse_secret<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        match text.trim().parse() {
            Ok(value) => Some(value),
            Err(expected) => {
                self.unusable(ConfigError::without_value(name, expected));
                None
            }
        }
    }

    fn unusable(&mut self, error: ConfigError) {
        self.warnings.push(ConfigWarning::Unusable(error));
    }

    /// Reads a variable of which some valid values are not supported.
    fn supported<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<(Option<T>, Vec<Unsupported>), Expected>,
    ) -> Option<T> {
        let (value, notes) = self.parsed_by(name, read)?;
        for Unsupported { value, instead } in notes {
            self.warnings.push(ConfigWarning::Unsupported {
                variable: String::from(name),
                value,
                instead,
            });
        }
        value
    }

    pub(super) fn propagators(&mut self, name: &str) -> Option<Propagators> {
        self.supported(name, unsupported::propagators)
    }

    /// Reads the sampler, and its argument from a second variable.
    pub(super) fn sampler(&mut self, name: &str) -> Option<Sampler> {
        let warnings_before = self.warnings.len();
        let mut sampler = self.supported(name, unsupported::sampler);
        let is_unsupported = self.warnings.len() > warnings_before;
        let name = "OTEL_TRACES_SAMPLER_ARG";
        match sampler
            .as_mut()
            .map(|sampler| (*sampler, sampler.ratio_mut()))
        {
            Some((_, Some(ratio))) => {
                if let Some(argument) = self.parse::<Ratio>(name) {
                    *ratio = argument;
                }
            }
            // The argument belongs to the unsupported sampler, which has its own warning.
            None if is_unsupported => drop(self.text(name)),
            other => {
                if self.text(name).is_some() {
                    let sampler =
                        other.map_or(Sampler::ParentBasedAlwaysOn, |(sampler, _)| sampler);
                    self.warnings.push(ConfigWarning::Ignored {
                        variable: String::from(name),
                        reason: format!("the sampler {sampler} takes no argument"),
                    });
                }
            }
        }
        sampler
    }

    /// Reads an endpoint. Keeps the error of an invalid one.
    pub(super) fn endpoint(&mut self, name: &str) -> Option<Endpoint> {
        let endpoint = self.url(name)?;
        endpoint.map_err(|error| self.endpoints.push(error)).ok()
    }

    /// Reads a URL. It may hold credentials, so no message repeats it.
    fn url(&mut self, name: &str) -> Option<Result<Endpoint, ConfigError>> {
        let text = self.text(name)?;
        let endpoint = text.parse::<Endpoint>();
        Some(endpoint.map_err(|expected| ConfigError::new(name, redacted_url(&text), expected)))
    }

    /// Reads a file of authorities. Keeps the error of an invalid one.
    pub(super) fn authorities(&mut self, name: &str) -> Option<Certificates> {
        let path = self.text(name)?;
        match Certificates::read(Path::new(path.trim())) {
            Ok(authorities) => Some(authorities),
            Err(expected) => {
                self.authorities
                    .push(ConfigError::new(name, path, expected));
                None
            }
        }
    }

    pub(super) fn certificates(&mut self, name: &str) -> Option<Certificates> {
        self.parsed_by(name, |path| Certificates::read(Path::new(path)))
    }

    pub(super) fn private_key(&mut self, name: &str) -> Option<PrivateKey> {
        self.parsed_by(name, |path| PrivateKey::read(Path::new(path)))
    }

    /// Reads the proxies. Lower-case names are older and take precedence, as in curl.
    fn proxies(&mut self) -> Proxies {
        let all = self.proxy("all_proxy").or_else(|| self.proxy("ALL_PROXY"));
        // In a CGI program, HTTP_PROXY is the request header `Proxy`, which must not control where
        // telemetry is sent.
        let cgi = (self.lookup)("REQUEST_METHOD").is_some();
        let http = self.proxy("http_proxy").or_else(|| {
            let proxy = self.proxy("HTTP_PROXY");
            if cgi { None } else { proxy }
        });
        let https = self
            .proxy("https_proxy")
            .or_else(|| self.proxy("HTTPS_PROXY"));
        Proxies {
            http: http.or_else(|| all.clone()),
            https: https.or(all),
            except: self.text("no_proxy").or_else(|| self.text("NO_PROXY")),
        }
    }

    fn proxy(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        let text = String::from(text.trim());
        // The client ignores other schemes, or fails with each request.
        let is_http = text.split_once("://").is_none_or(|(scheme, _)| {
            ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str())
        });
        if is_http && reqwest::Proxy::all(text.as_str()).is_ok() {
            return Some(text);
        }
        self.unusable(ConfigError::new(
            name,
            redacted_url(&text),
            "a proxy's URL like http://proxy.example:3128",
        ));
        None
    }

    /// Reads the limits: those of the specification's variables, then those of `WASMSCOPE_LIMITS`.
    fn limits(&mut self) -> LimitList {
        let mut values: BTreeMap<&str, Option<usize>> = BTreeMap::new();
        let mut list = LimitList::default();
        for limit in Limits::TABLE {
            // Each variable is read once, also if it sets several limits.
            let mut value = None;
            for name in limit.variables {
                let read = || self.parse::<Count>(name).map(|Count(value)| value);
                value = value.or(*values.entry(name).or_insert_with(read));
            }
            if let Some(value) = value {
                list.push(limit, value);
            }
        }
        let ours: LimitList = self.parse("WASMSCOPE_LIMITS").unwrap_or_default();
        list.extend(ours);
        list
    }

    fn warn_of_ignored(&mut self) {
        for variable in variables::VARIABLES.iter() {
            let Status::Ignored(reason) = variable.status else {
                continue;
            };
            for name in variable.names() {
                if (self.lookup)(&name).is_some_and(|text| !text.is_empty()) {
                    self.warnings.push(ConfigWarning::Ignored {
                        variable: name,
                        reason: String::from(reason),
                    });
                }
            }
        }
    }
}

/// Parses `key=value,…` with percent-encoded values. One invalid entry invalidates the whole list,
/// as the specification requires.
fn resource_attributes(text: &str) -> Result<Vec<KeyValue>, Expected> {
    let mut attributes = Vec::new();
    for entry in text
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
    {
        let attribute = entry.split_once('=').and_then(|(key, value)| {
            let (key, value) = (percent::decode(key.trim())?, percent::decode(value.trim())?);
            (!key.is_empty()).then(|| KeyValue::new(key, value))
        });
        match attribute {
            Some(attribute) => attributes.push(attribute),
            None => {
                return Err(Expected::new(
                    "a list like key=value,other=value, its values percent-encoded",
                ));
            }
        }
    }
    Ok(attributes)
}
