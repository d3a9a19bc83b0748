//! Messages of the API as JSON, by reflection over the API's descriptors.

use anyhow::{Context, Result};
use linkyard_proto::v1;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use prost_types::FileDescriptorSet;
use serde_json::Value;
use std::sync::OnceLock;

/// A message with its name in the API.
pub(crate) trait Wire: Message {
    /// The full name, `linkyard.v1.Job`.
    const NAME: &'static str;
}

macro_rules! wire {
    ($($message:ident),+ $(,)?) => {$(
        impl Wire for v1::$message {
            const NAME: &'static str = concat!("linkyard.v1.", stringify!($message));
        }
    )+};
}

wire!(
    ApiKey,
    AuditEntry,
    ComplianceProfile,
    ConfirmPartyMappingsResponse,
    CountPartyMappingsResponse,
    Coverage,
    Contact,
    CreateApiKeyResponse,
    CreateOrganizationResponse,
    Budget,
    DirectoryReport,
    DuplicateGroup,
    ImportPreview,
    ImportRow,
    Insurance,
    InsuranceCounts,
    Job,
    Mapping,
    Organization,
    Party,
    PartyType,
    Project,
    Provider,
    Worker,
);

/// `message` in the canonical JSON of protocol buffers, with every field present that has no presence of its own (numbers, words, lists).
///
/// # Errors
/// When the descriptors do not fit the message, which is a defect of the build.
pub(crate) fn json<T: Wire>(message: &T) -> Result<Value> {
    let descriptor = pool()?.get_message_by_name(T::NAME).with_context(|| format!("no descriptor of {}", T::NAME))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())?;
    let options = SerializeOptions::new().skip_default_fields(false);
    let mut document = dynamic.serialize_with_options(serde_json::value::Serializer, &options)?;
    whole_numbers(&mut document);
    Ok(document)
}

/// A `Struct` knows doubles only; its whole numbers are written as such (`3`, not `3.0`), as other languages do.
fn whole_numbers(value: &mut Value) {
    /// Up to here doubles count without gaps.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|double| number.is_f64() && double.fract() == 0.0 && double.abs() < EXACT);
            if let Some(whole) = whole.and_then(|double| format!("{double:.0}").parse::<i64>().ok()) {
                *number = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(map) => map.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn pool() -> Result<&'static DescriptorPool> {
    static POOL: OnceLock<Result<DescriptorPool, String>> = OnceLock::new();
    let made = POOL.get_or_init(|| make_pool().map_err(|error| format!("{error:#}")));
    made.as_ref().map_err(|error| anyhow::anyhow!("the API's descriptors can not be read: {error}"))
}

/// The API's files and the well-known ones, and beside them the error details, which stand inside a job's error as `Any`.
fn make_pool() -> Result<DescriptorPool> {
    let mut pool = DescriptorPool::global();
    pool.decode_file_descriptor_set(linkyard_proto::FILE_DESCRIPTOR_SET)?;
    let carried = FileDescriptorSet::decode(tonic_types::pb::FILE_DESCRIPTOR_SET)?;
    let details = carried.file.into_iter().filter(|file| file.name().ends_with("error_details.proto"));
    pool.add_file_descriptor_protos(details)?;
    Ok(pool)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;
    use tonic_types::{ErrorDetails, StatusExt};

    #[test]
    fn a_job_with_an_error_is_whole_in_json() {
        let details = ErrorDetails::with_error_info("POISON", "linkyard.dev", [("job".to_owned(), "1".to_owned())]);
        let status = tonic::Status::with_error_details(Code::Internal, "it broke", details);
        let error = tonic_types::Status::decode(status.details()).expect("a status");
        let job = v1::Job { name: "jobs/1".to_owned(), error: Some(error), revision: 1 << 60, ..v1::Job::default() };
        let document = json(&job).expect("json");
        assert_eq!(document["name"], "jobs/1");
        assert_eq!(document["revision"], (1_i64 << 60).to_string(), "64-bit integers are strings, as protocol buffers say");
        assert_eq!(document["error"]["details"][0]["reason"], "POISON");
        assert_eq!(document["state"], "STATE_UNSPECIFIED", "every field is present");
    }

    #[test]
    fn whole_numbers_are_written_as_such() {
        let mut document = serde_json::json!({"a": 3.0, "b": [0.5, -2.0], "c": "3.0", "d": 1e300, "e": 1.5e16});
        whole_numbers(&mut document);
        assert_eq!(document.to_string(), r#"{"a":3,"b":[0.5,-2],"c":"3.0","d":1e+300,"e":1.5e+16}"#);
    }

    #[test]
    fn every_message_that_is_answered_has_a_descriptor() {
        let names = [v1::ApiKey::NAME, v1::ConfirmPartyMappingsResponse::NAME, v1::DirectoryReport::NAME, v1::Mapping::NAME];
        for name in names {
            assert!(pool().expect("pool").get_message_by_name(name).is_some(), "{name}");
        }
    }
}
