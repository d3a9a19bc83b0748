//! Where browsers find the console, and which addresses of a request are that place.
//!
//! A session must not travel in the clear, so without an `https` origin only loopback addresses are answered; that also keeps a foreign
//! name that resolves to this machine (DNS rebinding) from being one of ours.

use http::uri::{Authority, Scheme};
use http::{Request, Uri, header};
use std::net::IpAddr;

/// The address of the console as browsers see it: `https://host` or `https://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(Authority);

impl Origin {
    /// Reads `https://host[:port]`.
    ///
    /// # Errors
    /// A sentence, for anything else.
    pub fn parse(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|_| "is not a URL".to_owned())?;
        let parts = uri.into_parts();
        if parts.scheme != Some(Scheme::HTTPS) || parts.path_and_query.is_some_and(|path| path != "/") {
            return Err("must be https:// and a host, for example https://linkyard.example.com".to_owned());
        }
        let authority = parts.authority.filter(|authority| !authority.as_str().contains('@'));
        authority.map(Self).ok_or_else(|| "must name a host".to_owned())
    }

    /// The same as a URL, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.0)
    }
}

/// The place that a request was sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// As a browser names it in `Origin`.
    pub(crate) origin: String,
    /// Whether it is reached by TLS.
    pub(crate) secure: bool,
}

/// The place of ours that `request` was sent to; `None` when it is none of ours.
pub(crate) fn place<B>(request: &Request<B>, configured: Option<&Origin>) -> Option<Place> {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let authority = match request.uri().authority() {
        Some(authority) => authority.clone(),
        None => host?.parse::<Authority>().ok()?,
    };
    if let Some(Origin(ours)) = configured
        && ours.as_str().eq_ignore_ascii_case(authority.as_str())
    {
        return Some(Place { origin: format!("https://{ours}"), secure: true });
    }
    is_loopback(authority.host()).then(|| Place { origin: format!("http://{authority}"), secure: false })
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str, configured: Option<&Origin>) -> Option<Place> {
        place(&Request::builder().uri("/jobs").header("host", host).body(()).expect("a request"), configured)
    }

    #[test]
    fn without_an_origin_only_loopback_is_ours() {
        for ours in ["localhost", "localhost:50051", "127.0.0.1:50051", "127.1.2.3", "[::1]:50051"] {
            assert_eq!(at(ours, None), Some(Place { origin: format!("http://{ours}"), secure: false }), "{ours}");
        }
        for foreign in ["example.com", "10.0.0.5:50051", "localhost.example.com", "0.0.0.0", "[::2]", "127.0.0.1.example.com"] {
            assert_eq!(at(foreign, None), None, "{foreign}");
        }
    }

    #[test]
    fn an_origin_is_ours_by_tls_and_loopback_stays_ours() {
        let origin = Origin::parse("https://linkyard.example.com").expect("an origin");
        let place = at("linkyard.example.com", Some(&origin)).expect("ours");
        assert_eq!((place.origin.as_str(), place.secure), ("https://linkyard.example.com", true));
        assert!(at("other.example.com", Some(&origin)).is_none());
        assert!(at("127.0.0.1:9", Some(&origin)).is_some_and(|place| !place.secure));
    }

    #[test]
    fn an_origin_is_https_and_a_host() {
        for wrong in ["", "linkyard.example.com", "http://linkyard.example.com", "https://a/b", "https://a@b", "https://"] {
            assert!(Origin::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Origin::parse("https://a:8443/").expect("an origin").url(), "https://a:8443");
    }
}
