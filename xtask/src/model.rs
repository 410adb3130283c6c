//! A service's model, as botocore has it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// A service: its calls, and the shapes that they are made of.
#[derive(Deserialize)]
pub(crate) struct Model {
    pub(crate) operations: BTreeMap<String, Operation>,
    pub(crate) shapes: BTreeMap<String, Shape>,
}

/// A call.
#[derive(Deserialize)]
pub(crate) struct Operation {
    pub(crate) input: Option<Reference>,
    pub(crate) output: Option<Reference>,
}

/// A shape, and what it is called where it is used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reference {
    pub(crate) shape: String,
    pub(crate) location_name: Option<String>,
    pub(crate) query_name: Option<String>,
}

/// What is under a name.
#[derive(Deserialize)]
pub(crate) struct Shape {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) members: BTreeMap<String, Reference>,
    #[serde(default)]
    pub(crate) required: Vec<String>,
    pub(crate) member: Option<Reference>,
}

impl Model {
    /// Reads `data/SERVICE/VERSION/service-2.json`, or its `.gz`.
    pub(crate) fn read(botocore: &Path, service: &str, version: &str) -> anyhow::Result<Self> {
        let plain = botocore.join(format!("data/{service}/{version}/service-2.json"));
        let text = if plain.exists() {
            std::fs::read(&plain)?
        } else {
            unpacked(&plain.with_extension("json.gz"))?
        };
        serde_json::from_slice(&text).with_context(|| format!("{} is no model", plain.display()))
    }
}

fn unpacked(file: &Path) -> anyhow::Result<Vec<u8>> {
    let done = Command::new("gzip").arg("-dc").arg(file).output()?;
    ensure!(
        done.status.success(),
        "gzip -dc {}: {}",
        file.display(),
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(done.stdout)
}
