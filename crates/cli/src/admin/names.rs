//! Resource names as people type them: `providers/ID` as the API writes it, or just `ID`.

use super::session::{Session, call, pages};
use crate::exit::Exit;
use anyhow::Result;
use linkyard_proto::v1::provider_service_client::ProviderServiceClient;
use linkyard_proto::v1::{ListProvidersRequest, Provider};

/// `collection/id` from either form.
///
/// # Errors
/// Exit code 2 when it is neither.
pub(crate) fn resource(collection: &str, text: &str) -> Result<String> {
    let id = text.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/')).unwrap_or(text);
    if id.is_empty() || id.contains('/') {
        return Err(Exit::usage(format!("`{text}` is not {collection}/ID")));
    }
    Ok(format!("{collection}/{id}"))
}

/// As [`resource`], for an optional value; absent is the empty name.
///
/// # Errors
/// As [`resource`].
pub(crate) fn optional(collection: &str, text: Option<&str>) -> Result<String> {
    text.map_or_else(|| Ok(String::new()), |text| resource(collection, text))
}

/// The name of a mapping: its full name, or the directory's id of the record inside `provider`.
///
/// # Errors
/// Exit code 2 when it is neither, or belongs to another provider.
pub(crate) fn mapping(provider: &str, collection: &str, text: &str) -> Result<String> {
    let parent = format!("{provider}/{collection}/");
    let id = text.strip_prefix(&parent).unwrap_or(text);
    if id.parse::<i64>().is_err() {
        return Err(Exit::usage(format!("`{text}` is not the directory's number of a record of {provider}")));
    }
    Ok(parent + id)
}

/// The provider that is meant: the one named, or the only one there is.
///
/// # Errors
/// Exit code 2 when none is named and there is not exactly one.
pub(crate) async fn provider(session: &Session, named: Option<&str>) -> Result<String> {
    if let Some(text) = named {
        return resource("providers", text);
    }
    let providers = providers(session, Some(2)).await?;
    match providers.as_slice() {
        [only] => Ok(only.name.clone()),
        [] => Err(Exit::usage("there is no provider yet; `linkyard provider create` makes one")),
        [_, ..] => Err(Exit::usage("there are several providers; say which with --provider (`linkyard provider list`)")),
    }
}

/// The organization's providers.
///
/// # Errors
/// The server's status.
pub(crate) async fn providers(session: &Session, limit: Option<usize>) -> Result<Vec<Provider>> {
    pages(limit, async |page_size, page_token| {
        let request = ListProvidersRequest { page_size, page_token };
        let page = call!(session, ProviderServiceClient, list_providers, request).await?;
        Ok((page.providers, page.next_page_token))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::{ExitCode, code_of};

    #[test]
    fn a_name_may_be_written_with_or_without_its_collection() {
        assert_eq!(resource("providers", "providers/1").expect("full"), "providers/1");
        assert_eq!(resource("providers", "1").expect("short"), "providers/1");
        for wrong in ["", "providers/", "parties/1", "providers/1/x"] {
            let error = resource("providers", wrong).expect_err(wrong);
            assert_eq!(code_of(&error), ExitCode::Usage, "{wrong}");
        }
    }

    #[test]
    fn a_mapping_is_named_by_its_number_or_in_full() {
        let full = "providers/p/partyMappings/77";
        assert_eq!(mapping("providers/p", "partyMappings", "77").expect("number"), full);
        assert_eq!(mapping("providers/p", "partyMappings", full).expect("full"), full);
        assert!(mapping("providers/p", "partyMappings", "providers/q/partyMappings/77").is_err());
        assert!(mapping("providers/p", "partyMappings", "abc").is_err());
    }
}
