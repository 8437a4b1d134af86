//! By which names reports may be asked for.
//!
//! A page in a browser can have its own name lead to this machine (DNS rebinding), and would then read reports as if
//! they were its own. It cannot choose the name in the request, so that addresses and `localhost`, which no page
//! has for a name, are answered, and other names only when they are allowed.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName, header, uri::Authority};

use crate::escape::visible;

const LOCALHOST: &str = "localhost";

/// Names that are allowed beside addresses and `localhost`.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    /// Exactly these, without a port.
    pub fn new(names: &[String]) -> Self {
        Self(names.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Why a request with these headers is not answered; `None` when it is.
    pub(super) fn refuse(&self, headers: &HeaderMap) -> Option<String> {
        let Some(host) = only(headers, &header::HOST) else {
            return Some("a request needs one header Host".to_owned());
        };
        if !self.allows(host) {
            return Some(refusal("Host", host));
        }
        // A browser says from whose page it asks.
        let origin = headers.get(header::ORIGIN)?;
        let origin = origin.to_str().unwrap_or_default();
        let (_, authority) = origin.split_once("://").unwrap_or_default();
        (!self.allows(authority)).then(|| refusal("Origin", origin))
    }

    fn allows(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else {
            return false;
        };
        let host = authority.host().to_ascii_lowercase();
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_address = host.parse::<IpAddr>().is_ok()
            || inner.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok());
        is_address || host == LOCALHOST || self.0.contains(&host)
    }
}

/// The value of a header that is there once.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let only = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(only)
}

fn refusal(header: &str, value: &str) -> String {
    let value = visible(value.chars());
    format!(
        "{header} {value} is not allowed: ask by an IP address or as localhost, or start the daemon with --allowed-host"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(headers: &[(&HeaderName, &str)]) -> bool {
        let hosts = AllowedHosts::new(&["Tracer.example".to_owned()]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        hosts.refuse(&map).is_some()
    }

    #[test]
    fn addresses_localhost_and_allowed_names_are_answered() {
        let hosts = [
            "127.0.0.1:9763",
            "10.1.2.3",
            "[::1]:9763",
            "localhost:9763",
            "LocalHost",
            "tracer.example:80",
        ];
        for host in hosts {
            assert!(!refused(&[(&header::HOST, host)]), "{host}");
        }
        let hosts = [
            "attacker.example",
            "attacker.example:9763",
            "127.0.0.1.attacker.example",
            "localhost.attacker.example",
            "not.tracer.example",
            "",
            "a b",
        ];
        for host in hosts {
            assert!(refused(&[(&header::HOST, host)]), "{host}");
        }
        assert!(refused(&[]));
        let twice = [(&header::HOST, "127.0.0.1"), (&header::HOST, "a.example")];
        assert!(refused(&twice));
    }

    #[test]
    fn a_page_of_another_name_is_not_answered() {
        let from = |origin: &str| {
            let local = (&header::HOST, "127.0.0.1:9763");
            refused(&[local, (&header::ORIGIN, origin)])
        };
        assert!(!from("http://127.0.0.1:9763"));
        assert!(!from("http://localhost:3000"));
        for origin in ["https://attacker.example", "null", "", "http://"] {
            assert!(from(origin), "{origin}");
        }
    }
}
