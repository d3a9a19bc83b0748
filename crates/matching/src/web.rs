//! E-mail addresses and web sites: the address itself, and the domain when it belongs to one firm rather than to everybody.

/// Hosts that many unrelated firms share.
#[rustfmt::skip]
const SHARED_HOSTS: [&str; 40] = [
    "aol.com", "att.net", "bellsouth.net", "bing.com", "bit.ly", "charter.net", "comcast.net", "cox.net", "earthlink.net",
    "example.com", "facebook.com", "fb.com", "gmail.com", "gmx.de", "gmx.net", "google.com", "googlemail.com", "hotmail.co.uk",
    "hotmail.com", "icloud.com", "instagram.com", "linkedin.com", "linktr.ee", "live.com", "mac.com", "mail.com", "me.com", "msn.com",
    "outlook.com", "proton.me", "protonmail.com", "rocketmail.com", "sbcglobal.net", "squarespace.com", "twitter.com", "verizon.net",
    "wixsite.com", "wordpress.com", "yahoo.com", "yelp.com",
];

/// An e-mail address in lower case; nothing when it is none.
pub(crate) fn email(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches("mailto:").to_lowercase();
    let (local, host) = text.split_once('@')?;
    (!local.is_empty() && host.contains('.') && !text.contains(char::is_whitespace)).then(|| text.clone())
}

/// The domain of an e-mail address or a web site that one firm owns; nothing for a shared host.
pub(crate) fn domain(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let after_scheme = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
    let after_user = after_scheme.rsplit_once('@').map_or(after_scheme, |(_, host)| host);
    let host = after_user.split(['/', '?', '#', ':', ' ', ',']).next().unwrap_or_default().trim_matches('.');
    let labels: Vec<&str> = host.split('.').filter(|label| !label.is_empty()).collect();
    if labels.len() < 2 || labels.iter().any(|label| !label.chars().all(|letter| letter.is_alphanumeric() || letter == '-')) {
        return None;
    }
    let second_level = matches!(labels[labels.len() - 2], "co" | "com" | "org" | "net" | "gov" | "ac" | "edu" | "or" | "ne");
    let own = if labels[labels.len() - 1].len() == 2 && second_level { 3 } else { 2 };
    let domain = labels[labels.len().saturating_sub(own)..].join(".");
    (!SHARED_HOSTS.contains(&domain.as_str())).then_some(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_and_an_address_of_one_firm_have_one_domain() {
        for text in [
            "https://www.Acme.com/about?x=1",
            "acme.com",
            "info@acme.com",
            "http://shop.acme.com:8080",
            "www.acme.com, www.b.com",
        ] {
            assert_eq!(domain(text).as_deref(), Some("acme.com"), "{text}");
        }
        assert_eq!(domain("www.acme.co.uk").as_deref(), Some("acme.co.uk"));
    }

    #[test]
    fn a_shared_host_is_nobodys_domain() {
        for text in ["joe@gmail.com", "https://facebook.com/acme", "n/a", "", "none", "-", "@", "https://"] {
            assert_eq!(domain(text), None, "{text}");
        }
    }

    #[test]
    fn only_an_address_is_an_address() {
        assert_eq!(email(" Info@Acme.com ").as_deref(), Some("info@acme.com"));
        for text in ["", "acme.com", "@acme.com", "joe@", "joe smith@acme.com"] {
            assert_eq!(email(text), None, "{text}");
        }
    }
}
