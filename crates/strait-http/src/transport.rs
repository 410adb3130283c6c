//! How requests come, and what follows from that: from where they are, what cookies are called, what browsers are told.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// How browsers and clients come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// Without TLS.
    #[default]
    Plain,
    /// By TLS that ends here.
    Tls,
    /// By TLS that ends at a proxy on this machine, which says from where each request is (`X-Forwarded-For`).
    BehindTls,
}

/// What a proxy says. Each adds an entry at the end.
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// As long as a session may last: browsers do not come without TLS meanwhile.
const STRICT: HeaderValue = HeaderValue::from_static("max-age=604800");

impl Transport {
    /// Whether browsers come by HTTPS.
    pub(crate) fn is_https(self) -> bool {
        match self {
            Self::Plain => false,
            Self::Tls | Self::BehindTls => true,
        }
    }

    /// Where a request comes from, if that is known.
    pub(crate) fn peer(self, parts: &Parts) -> Option<IpAddr> {
        let told = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = told.map(|ConnectInfo(peer)| peer.ip())?;
        match self {
            Self::Plain | Self::Tls => Some(peer),
            // Others than the proxy could say anything.
            Self::BehindTls if !peer.to_canonical().is_loopback() => Some(peer),
            Self::BehindTls => forwarded(&parts.headers).or(Some(peer)),
        }
    }

    /// The name of a cookie: by HTTPS one that browsers take from this host alone, and only by HTTPS.
    pub(crate) fn cookie(self, name: &str) -> String {
        let prefix = if self.is_https() { "__Host-" } else { "" };
        format!("{prefix}{name}")
    }

    /// What browsers are told, to come to this host by HTTPS only. Not for names that other programs share.
    pub(crate) fn strict(self, host: &str) -> Option<(HeaderName, HeaderValue)> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_shared = bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok();
        (self.is_https() && !is_shared).then_some((header::STRICT_TRANSPORT_SECURITY, STRICT))
    }
}

/// The last entry, which the proxy made: those before it came with the request.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let line = headers.get_all(FORWARDED).into_iter().next_back()?;
    let last = line.to_str().ok()?.rsplit(',').next()?.trim();
    let bare = last.trim_start_matches('[').trim_end_matches(']');
    let with_port = || last.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse::<IpAddr>().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn the_proxys_own_entry_counts_and_nobody_elses() {
        let by_proxy = |lines: &[&str]| from(Transport::BehindTls, "127.0.0.1:40000", lines);
        for (lines, expected) in [
            (&["192.0.2.7"] as &[&str], "192.0.2.7"),
            (&["203.0.113.9, 192.0.2.7"], "192.0.2.7"),
            (&["203.0.113.9", "192.0.2.7 "], "192.0.2.7"),
            (&["192.0.2.7:4711"], "192.0.2.7"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["[2001:db8::7]:4711"], "2001:db8::7"),
            (&["192.0.2.7, unknown"], "127.0.0.1"),
            (&[], "127.0.0.1"),
        ] {
            assert_eq!(by_proxy(lines), expected, "{lines:?}");
        }
        let elsewhere = from(Transport::BehindTls, "198.51.100.1:40000", &["192.0.2.7"]);
        assert_eq!(elsewhere, "198.51.100.1");
        for transport in [Transport::Plain, Transport::Tls] {
            let told = from(transport, "127.0.0.1:40000", &["192.0.2.7"]);
            assert_eq!(told, "127.0.0.1", "{transport:?}");
        }
    }

    #[test]
    fn what_is_by_https_stays_so() {
        let plain = Transport::Plain;
        assert_eq!(plain.cookie("a"), "a");
        assert_eq!(plain.strict("strait.example.com"), None);
        for secure in [Transport::Tls, Transport::BehindTls] {
            assert_eq!(secure.cookie("a"), "__Host-a");
            assert!(secure.strict("strait.example.com").is_some());
            for shared in ["localhost", "LOCALHOST", "127.0.0.1", "[::1]", "10.0.0.1"] {
                assert_eq!(secure.strict(shared), None, "{shared}");
            }
        }
    }

    fn from(transport: Transport, peer: &str, lines: &[&str]) -> String {
        let mut request = Request::builder();
        for line in lines {
            request = request.header(FORWARDED, *line);
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        let peer: SocketAddr = peer.parse().expect("an address");
        parts.extensions.insert(ConnectInfo(peer));
        transport
            .peer(&parts)
            .map(|from| from.to_string())
            .unwrap_or_default()
    }
}
