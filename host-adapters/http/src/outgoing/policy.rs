//! Decides which requests a guest may send.

use std::net::IpAddr;

use wasmscope_telemetry::Propagation;

use super::address::is_public;
use super::rule::Rule;
use super::target::{Host, Target};

/// The requests that a guest may send, and the headers that they get. By default, no request is
/// allowed.
///
/// A request is allowed if a rule of [`allow`](Self::allow) names its destination. Names that
/// resolve to addresses that are not on the public internet (loopback, link-local, private, shared,
/// multicast, reserved, or for documentation) are refused nevertheless, unless
///
/// - a rule names that address, with the scheme and the port of the request,
/// - a rule that names the host is about `localhost` or names below it, and the address is a
///   loopback address, or
/// - [`allow_private`](Self::allow_private) is set.
///
/// The addresses that are checked are those that are connected to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Policy {
    /// Names the destinations that requests may have.
    pub allow: Vec<Rule>,
    /// Allows all hosts. Addresses that are not public need more nevertheless.
    pub allow_all: bool,
    /// Allows addresses that are not on the public internet.
    pub allow_private: bool,
    /// The headers that continue a trace in the other service. They replace those of the guest.
    pub propagation: Propagation,
    /// Names the destinations that get these headers. `None`: all that are allowed. Requests to
    /// others keep the guest's own headers.
    pub propagate_to: Option<Vec<Rule>>,
}

impl Default for Policy {
    /// Allows nothing, and propagates the trace context and the baggage.
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            allow_all: false,
            allow_private: false,
            propagation: Propagation {
                trace_context: true,
                baggage: true,
            },
            propagate_to: None,
        }
    }
}

impl Policy {
    /// Returns whether a request to a host is allowed.
    pub(super) fn allows(&self, target: &Target) -> bool {
        self.allow_all || self.allow.iter().any(|rule| rule.names(target))
    }

    /// Returns whether a connection to an address is allowed. `target` is what it was resolved
    /// from, or is itself the address.
    pub(super) fn allows_address(&self, target: &Target, address: IpAddr) -> bool {
        let mut rules = self.allow.iter();
        self.allow_private
            || is_public(address)
            || rules.any(|rule| rule.names_address(target, address))
    }

    /// Returns whether a destination that is written as an address is allowed.
    pub(super) fn allows_literal(&self, target: &Target) -> Result<(), IpAddr> {
        match target.host {
            Host::Address(address) if !self.allows_address(target, address) => Err(address),
            Host::Address(_) | Host::Name(_) => Ok(()),
        }
    }

    /// Returns the headers that a request to a destination gets.
    pub(super) fn propagation_to(&self, target: &Target) -> Option<Propagation> {
        let rules = self.propagate_to.as_ref();
        rules
            .is_none_or(|rules| rules.iter().any(|rule| rule.names(target)))
            .then_some(self.propagation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::of(&url.parse().expect(url)).expect(url)
    }

    #[test]
    fn private_addresses_need_a_rule_of_their_own() {
        let local = target("http://127.0.0.1:8081");
        let named = target("http://a.example:8081");
        let address = "127.0.0.1".parse().expect("an address");
        let mut policy = Policy::default();
        assert!(!policy.allows(&local));
        policy.allow_all = true;
        assert!(policy.allows(&local));
        assert_eq!(policy.allows_literal(&local), Err(address));
        assert!(!policy.allows_address(&named, address));
        policy.allow = vec!["http://127.0.0.1:8081".parse().expect("a rule")];
        assert_eq!(policy.allows_literal(&local), Ok(()));
        assert!(policy.allows_address(&named, address));
        assert!(!policy.allows_address(&target("http://a.example"), address));
        policy.allow.clear();
        policy.allow_private = true;
        assert!(policy.allows_address(&named, address));
    }

    #[test]
    fn headers_go_to_destinations_that_are_named() {
        let mut policy = Policy::default();
        let to = target("https://a.example");
        assert!(policy.propagation_to(&to).is_some());
        policy.propagate_to = Some(Vec::new());
        assert!(policy.propagation_to(&to).is_none());
        policy.propagate_to = Some(vec!["https://*.example".parse().expect("a rule")]);
        assert!(policy.propagation_to(&to).is_some());
    }
}
