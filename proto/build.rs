//! Compiles the API without protoc: protox parses `linkyard/v1/*.proto`, tonic-prost-build writes the Rust, and the descriptor set is
//! kept for reflection, for JSON on the command line and for the lint.

use prost::Message;
use prost_types::FileDescriptorSet;
use protox::Compiler;
use protox::file::{ChainFileResolver, DescriptorSetFileResolver, GoogleFileResolver, IncludeFileResolver};
use std::path::{Path, PathBuf};

const FILES: [&str; 13] = [
    "linkyard/v1/budget.proto",
    "linkyard/v1/compliance.proto",
    "linkyard/v1/contact.proto",
    "linkyard/v1/decision_import.proto",
    "linkyard/v1/duplicate.proto",
    "linkyard/v1/job.proto",
    "linkyard/v1/mapping.proto",
    "linkyard/v1/organization.proto",
    "linkyard/v1/party_mapping.proto",
    "linkyard/v1/project_mapping.proto",
    "linkyard/v1/provider.proto",
    "linkyard/v1/registry.proto",
    "linkyard/v1/worker.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=linkyard");
    let mut resolver = ChainFileResolver::new();
    resolver.add(IncludeFileResolver::new(PathBuf::from(".")));
    resolver.add(GoogleFileResolver::new());
    resolver.add(DescriptorSetFileResolver::new(google_rpc()?));
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    let descriptors = compiler.file_descriptor_set();
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("linkyard.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure().extern_path(".google.rpc", "::tonic_types").build_transport(true).compile_fds(descriptors)?;
    Ok(())
}

/// `google/rpc/*.proto` as tonic-types carries them, under the paths by which everybody imports them.
fn google_rpc() -> Result<FileDescriptorSet, Box<dyn std::error::Error>> {
    let mut files = FileDescriptorSet::decode(tonic_types::pb::FILE_DESCRIPTOR_SET)?;
    for file in &mut files.file {
        let name = file.name().to_owned();
        if !name.contains('/') {
            file.name = Some(format!("google/rpc/{name}"));
        }
    }
    Ok(files)
}
