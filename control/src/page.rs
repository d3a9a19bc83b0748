//! Page tokens: where a list goes on, bound to everything else that was asked, so that a token says the same thing or nothing.
//!
//! A token carries the store's key of the last row and a MAC over that key, the method, the organization and all other arguments of the
//! request. It is not encrypted (it holds nothing that the page did not show), but nobody can make one up or use it elsewhere.

use crate::request::Caller;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use linkyard_core::page::PageRequest;
use linkyard_core::{Error, Result};
use linkyard_proto::v1;
use prost::Message;
use sha2::{Digest, Sha256};

/// Rows on a page when the caller does not say.
const DEFAULT_SIZE: u32 = 50;

/// Most rows on a page.
const MOST: u32 = 1_000;

/// Bytes of the MAC in a token: 128 bits are enough against guessing.
const MAC_BYTES: usize = 16;

/// A request for a page of a list.
pub(crate) trait Paged: Message {
    /// Takes size and token out of the message; what is left is what the token is bound to. (Another size may be asked for each page.)
    fn take_page(&mut self) -> (i32, String);
}

macro_rules! paged {
    ($($message:ident),+ $(,)?) => {$(
        impl Paged for v1::$message {
            fn take_page(&mut self) -> (i32, String) {
                (std::mem::take(&mut self.page_size), std::mem::take(&mut self.page_token))
            }
        }
    )+};
}

paged! {
    ListApiKeysRequest,
    ListCoveragesRequest,
    ListInsurancesRequest,
    ListContactsRequest,
    ListDuplicateGroupsRequest,
    ListAuditEntriesRequest,
    ListImportRowsRequest,
    ListJobsRequest,
    ListPartiesRequest,
    ListPartyMappingsRequest,
    ListProjectMappingsRequest,
    ListProjectPartiesRequest,
    ListProjectsRequest,
    ListProvidersRequest,
}

/// Reads and writes page tokens.
#[derive(Clone)]
pub(crate) struct Pages {
    key: [u8; 32],
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pages(***)")
    }
}

/// One list as asked for.
#[derive(Debug)]
pub(crate) struct Listing<'a> {
    /// For the store.
    pub(crate) page: PageRequest,
    pages: &'a Pages,
    /// What a token of this list is bound to.
    binding: [u8; 32],
}

impl Pages {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Reads size and token of `message`, which is left without them.
    ///
    /// # Errors
    /// `Invalid` for a negative size and for a token that is not of this list.
    pub(crate) fn open(&self, caller: &Caller, message: &mut impl Paged) -> Result<Listing<'_>> {
        let (size, token) = message.take_page();
        let size = match u32::try_from(size) {
            Ok(0) => DEFAULT_SIZE,
            Ok(size) => size.min(MOST),
            Err(_) => return Err(Error::invalid("page_size", "must not be negative")),
        };
        let mut binding = Sha256::new();
        binding.update(caller.method.as_bytes());
        binding.update([0]);
        binding.update(caller.scope.organization.0.as_bytes());
        binding.update(message.encode_to_vec());
        let mut listing = Listing { page: PageRequest { size, after: None }, pages: self, binding: binding.finalize().into() };
        if !token.is_empty() {
            let problem =
                "is not a token of this list; use next_page_token of the page before, with all other arguments unchanged";
            let after = listing.read(&token).ok_or_else(|| Error::invalid("page_token", problem))?;
            listing.page.after = Some(after);
        }
        Ok(listing)
    }
}

impl Listing<'_> {
    /// The token for the next page; empty when there is none.
    pub(crate) fn token(&self, next: Option<&str>) -> String {
        next.map_or_else(String::new, |after| {
            let mut token = self.mac(after).finalize().into_bytes()[..MAC_BYTES].to_vec();
            token.extend_from_slice(after.as_bytes());
            URL_SAFE_NO_PAD.encode(token)
        })
    }

    /// The key in `token`, if we made it for this list.
    fn read(&self, token: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (mac, after) = bytes.split_at_checked(MAC_BYTES)?;
        let after = std::str::from_utf8(after).ok()?;
        self.mac(after).verify_truncated_left(mac).ok()?;
        Some(after.to_owned())
    }

    fn mac(&self, after: &str) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.pages.key).expect("HMAC takes keys of any length");
        mac.update(&self.binding);
        mac.update(after.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::id::OrganizationId;
    use linkyard_core::scope::{Access, Scope};

    fn caller(organization: OrganizationId, method: &str) -> Caller {
        Caller {
            scope: Scope::new(organization, "key:test"),
            access: Access::Read,
            method: method.to_owned(),
            request_id: String::new(),
            deadline: None,
        }
    }

    fn list(page_size: i32, page_token: &str, search: &str) -> v1::ListPartiesRequest {
        let filter = v1::RegistryFilter { search: search.to_owned(), ..Default::default() };
        v1::ListPartiesRequest { page_size, page_token: page_token.to_owned(), filter: Some(filter) }
    }

    #[test]
    fn a_token_is_good_for_its_own_list_only() {
        let pages = Pages::new([7; 32]);
        let ours = caller(OrganizationId::generate(), "Parties/List");
        let token = pages.open(&ours, &mut list(10, "", "a")).expect("first page").token(Some("key-9"));
        let again = pages.open(&ours, &mut list(20, &token, "a")).expect("second page, of another size");
        assert_eq!(again.page, PageRequest { size: 20, after: Some("key-9".to_owned()) });

        let foreign = caller(OrganizationId::generate(), "Parties/List");
        let elsewhere = Caller { method: "Projects/List".to_owned(), ..ours.clone() };
        let mut garbled = token.clone();
        garbled.replace_range(0..1, if token.starts_with('A') { "B" } else { "A" });
        assert!(pages.open(&ours, &mut list(10, &token, "b")).is_err(), "another filter");
        assert!(pages.open(&foreign, &mut list(10, &token, "a")).is_err(), "another organization");
        assert!(pages.open(&elsewhere, &mut list(10, &token, "a")).is_err(), "another method");
        assert!(Pages::new([8; 32]).open(&ours, &mut list(10, &token, "a")).is_err(), "another installation");
        for wrong in [garbled.as_str(), "x", "AAAA", "key-9", &token[..token.len() - 4]] {
            assert!(pages.open(&ours, &mut list(10, wrong, "a")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_clamped_and_negative_ones_refused() {
        let pages = Pages::new([7; 32]);
        let caller = caller(OrganizationId::generate(), "m");
        for (asked, size) in [(0, 50), (1, 1), (1_000, 1_000), (i32::MAX, 1_000)] {
            assert_eq!(pages.open(&caller, &mut list(asked, "", "")).expect("size").page.size, size);
        }
        assert!(pages.open(&caller, &mut list(-1, "", "")).is_err());
        assert_eq!(pages.open(&caller, &mut list(1, "", "")).expect("list").token(None), "");
    }
}
