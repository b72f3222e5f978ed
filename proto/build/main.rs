//! Compiles every .proto file of this folder: messages, clients, servers, descriptors and checks.
//!
//! protox stands in for protoc, so the build needs no program and no download.

mod access;
mod emit;
mod fields;
mod rules;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use tonic_prost_build::Config;

/// Packages that exist only as options in our protos; no Rust is made of them.
const OPTIONS_ONLY: [&str; 2] = ["google.api", "buf.validate"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for folder in ["build", "buf", "dealflow", "google"] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
    }

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(protos(&root)?)?;
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;

    let mut files = compiler.file_descriptor_set();
    files.file.retain(|file| !OPTIONS_ONLY.contains(&file.package()));
    let mut config = Config::new();
    config.enable_type_names().type_name_domain(["."], "type.googleapis.com");
    tonic_prost_build::configure().include_file("wire.rs").compile_fds_with_config(files, config)?;

    fs::write(out.join("methods.rs"), access::methods(&compiler.descriptor_pool())?)?;
    fs::write(out.join("checks.rs"), emit::checks(&compiler.descriptor_pool())?)?;
    Ok(())
}

/// Every .proto file below `folder`, in a stable order.
fn protos(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut found = Vec::new();
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            found.extend(protos(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    Ok(found)
}
