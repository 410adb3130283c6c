//! A backup: one file with the whole data folder in it, of one moment for each PostgreSQL, made while all goes on.

mod archive;
mod cluster;
mod restore;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strait_kernel::Kernel;

use super::folder;
use super::installation::Installation;
use crate::error::LocalError;
use archive::Writer;
use cluster::Cluster;

pub use restore::Archive;

/// The edition of the format: another one is refused, never guessed at.
const FORMAT: u32 = 1;
/// The first entry, which says what this is.
const ABOUT: &str = "strait-backup.json";
/// The last entry, without which a backup is cut off.
const CONTENTS: &str = "strait-contents.json";
/// What a data folder consists of. All else is of this run (sockets, records, logs).
const PARTS: [&str; 6] = [
    "version",
    "credentials.json",
    "ca",
    "template",
    "services",
    "store",
];

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    format: u32,
    /// The version of Strait that made it.
    pub strait: String,
    /// The layout of the data folder.
    pub layout: String,
    /// The major version of PostgreSQL whose files it holds.
    pub postgres: u32,
    /// The kind of machine that these files are for.
    pub machine: String,
    /// When it was begun.
    pub created: Timestamp,
}

/// What went into a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// How many services.
    pub services: usize,
    /// Bytes of files.
    pub bytes: u64,
}

/// Writes a backup of a data folder. With `kernel` PostgreSQL may run, be started and stopped meanwhile: if that came
/// between, the error is [`LocalError::Changed`], and another try helps. Without, nothing may run.
pub async fn write(
    kernel: Option<&Arc<Kernel>>,
    data: &Path,
    strait: &str,
    layout: &str,
    out: File,
) -> Result<Written, LocalError> {
    let about = About {
        format: FORMAT,
        strait: strait.to_owned(),
        layout: layout.to_owned(),
        postgres: major(data)?,
        machine: std::env::consts::ARCH.to_owned(),
        created: Timestamp::now(),
    };
    let mut writer = Writer::begin(out, &about)?;
    for part in ["version", "credentials.json", "ca", "template"] {
        writer.tree(data, Path::new(part), &|_| true)?;
    }
    writer.folder(data, Path::new("services"))?;
    let mut copied = services(data)?;
    let mut gone = copy_services(kernel, data, &mut writer, &copied).await?;
    let store = Cluster::store(data);
    // A service that the store has forgotten by now is not in the store's copy either.
    if let Some(known) = store.known_services(kernel).await? {
        gone.extend(copied.difference(&known).cloned());
    }
    store.copy(kernel, &mut writer).await?;
    // One that came meanwhile may be in it.
    let fresh: BTreeSet<String> = services(data)?.difference(&copied).cloned().collect();
    gone.extend(copy_services(kernel, data, &mut writer, &fresh).await?);
    copied.extend(fresh);
    let bytes = writer.bytes();
    writer.finish(&gone)?;
    Ok(Written {
        services: copied.difference(&gone).count(),
        bytes,
    })
}

/// How much a data folder holds that belongs into a backup: more than the backup needs.
pub fn size(data: &Path) -> u64 {
    PARTS.iter().map(|part| size_of(&data.join(part))).sum()
}

/// Those that vanished meanwhile.
async fn copy_services(
    kernel: Option<&Arc<Kernel>>,
    data: &Path,
    writer: &mut Writer,
    ids: &BTreeSet<String>,
) -> Result<BTreeSet<String>, LocalError> {
    let mut gone = BTreeSet::new();
    for id in ids {
        let service = Cluster::service(data, id);
        match service.copy(kernel, writer).await {
            Ok(()) => {}
            Err(_) if !service.exists() => {
                gone.insert(id.clone());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(gone)
}

/// The services whose folders are there, whole.
fn services(data: &Path) -> Result<BTreeSet<String>, LocalError> {
    let folder = data.join("services");
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(LocalError::system("read", &folder)(error)),
    };
    Ok(entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        // Names of half-made and half-deleted ones have an ending.
        .filter(|name| !name.contains('.'))
        .collect())
}

fn major(data: &Path) -> Result<u32, LocalError> {
    match folder::major(&data.join("store").join("data")) {
        Some(major) => Ok(major),
        None => Ok(Installation::find()?.major),
    }
}

fn size_of(path: &Path) -> u64 {
    let Ok(about) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !about.is_dir() {
        return about.len();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size_of(&entry.path())).sum()
}
