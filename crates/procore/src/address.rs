//! Which hosts may be called. The two base URLs come from the operator, never from a tenant; still only https to public addresses is
//! called unless the operator allows private ones, so that a wrong setting or a hostile DNS answer can not turn this process into a
//! way into its own network. Every address of a name is checked when it is resolved, and the checked address is the one connected to.

use linkyard_core::{Error, Result};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Reads a base URL: scheme, host and an optional path; no user, query or fragment.
///
/// # Errors
/// `Invalid{field}` when it is not a URL that may be called.
pub(crate) fn base_url(field: &str, text: &str, allow_private: bool) -> Result<Url> {
    let wrong = |problem: &str| Error::invalid(field, format!("{problem}: {text}"));
    let url = Url::parse(text.trim()).map_err(|error| wrong(&format!("is not a URL ({error})")))?;
    let scheme_fits = url.scheme() == "https" || (allow_private && url.scheme() == "http");
    if !scheme_fits {
        return Err(wrong("must be https"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must be scheme, host and path only"));
    }
    let refused = match url.host() {
        None => return Err(wrong("has no host")),
        Some(Host::Domain(name)) => !allow_private && name.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => !allow_private && !is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => !allow_private && !is_public(IpAddr::V6(address)),
    };
    if refused { Err(wrong("is a private address")) } else { Ok(url) }
}

/// The system's resolver, with every address checked.
#[derive(Debug)]
pub(crate) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<_> = found.collect();
            if let Some(private) = addresses.iter().find(|address| !is_public(address.ip())) {
                return Err(format!("{} is at the private address {}", name.as_str(), private.ip()).into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is on the public internet. Tunnels and translations that carry an IPv4 address are judged by that address.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol_assignments = a == 192 && b == 0 && c == 0;
    let relay_anycast = a == 192 && b == 88 && c == 99;
    let benchmarks = a == 198 && (b == 18 || b == 19);
    let reserved = a == 0 || a >= 240;
    let special = shared || protocol_assignments || relay_anycast || benchmarks || reserved;
    !(special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    match s {
        // NAT64 (64:ff9b::/96) and its local form, 6to4, IPv4-compatible.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(v4(high, low)),
        [0x2002, high, low, ..] => is_public_v4(v4(high, low)),
        // Global unicast is 2000::/3; Teredo, documentation and benchmarking lie inside it.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [first, ..] => (0x2000..0x4000).contains(&first) && first != 0x3fff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_in_every_spelling_are_refused() {
        let private = [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "0.0.0.0",
            "10.0.0.1",
            "10.255.255.255",
            "172.16.0.1",
            "172.31.255.254",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.254",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "localhost",
            "LOCALHOST.",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:169.254.169.254]",
            "[::ffff:10.0.0.1]",
            "[::7f00:1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2002:c0a8:101::1]",
            "[2001::1]",
            "[2001:db8::1]",
            "[2001:2::1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[100::1]",
            "[3fff::1]",
            "[4000::1]",
        ];
        for host in private {
            assert!(base_url("api", &format!("https://{host}"), false).is_err(), "{host}");
        }
    }

    #[test]
    fn public_https_is_accepted_and_anything_else_only_when_allowed() {
        for url in [
            "https://api.procore.com",
            "https://8.8.8.8/x",
            "https://[2606:4700::1111]",
            "https://172.32.0.1",
            "https://11.0.0.1",
        ] {
            assert!(base_url("api", url, false).is_ok(), "{url}");
        }
        for url in [
            "http://api.procore.com",
            "ftp://api.procore.com",
            "https://u:p@api.procore.com",
            "https://api.procore.com?x=1",
            "nonsense",
        ] {
            assert!(base_url("api", url, false).is_err(), "{url}");
        }
        assert!(base_url("api", "http://127.0.0.1:1234", true).is_ok());
        assert!(base_url("api", "ftp://127.0.0.1", true).is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_is_not_connected_to() {
        let name = "localhost".parse().expect("name");
        let Err(error) = PublicOnly.resolve(name).await else { panic!("localhost was resolved") };
        assert!(error.to_string().contains("private address"), "{error}");
    }
}
