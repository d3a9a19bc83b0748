//! The gRPC API of linkyard: messages, clients and server traits, generated from `linkyard/v1/*.proto`.
//!
//! Nothing is decided here and nothing of linkyard's other crates is known here.

/// Version 1 of the API.
#[expect(clippy::doc_markdown, clippy::too_many_lines, reason = "generated; the comments stand in the .proto files")]
pub mod v1 {
    tonic::include_proto!("linkyard.v1");
}

/// The API's descriptors with comments: for reflection, JSON and lint.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/linkyard.bin"));
