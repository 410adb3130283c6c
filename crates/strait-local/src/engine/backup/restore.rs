//! The other way: a backup is read whole and found good before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use serde::de::DeserializeOwned;
use tar::EntryType;
use zstd::Decoder;

use super::super::folder;
use super::archive::{Contents, Hashing};
use super::{ABOUT, About, CONTENTS, FORMAT, PARTS};
use crate::error::LocalError;

/// The longest text of the archive's own: nobody makes this program eat all memory.
const LONGEST_TEXT: u64 = 256 * 1024 * 1024;

/// A backup that was read whole and found good.
#[derive(Debug)]
pub struct Archive {
    file: File,
    about: About,
    contents: Contents,
    bytes: u64,
}

/// One entry that may be in a backup.
enum Entry<'a, R: Read> {
    Folder(PathBuf, u32),
    File(PathBuf, u32, &'a mut R),
}

impl Archive {
    /// Reads it all.
    pub fn open(file: File, strait: &str) -> Result<Self, LocalError> {
        let mut found = Contents::default();
        let (mut about, mut contents, mut bytes) = (None, None, 0);
        let mut folders = BTreeSet::new();
        each(&file, |entry| {
            if contents.is_some() {
                return Err(bad("something comes after its end"));
            }
            let (path, input) = match entry {
                Entry::Folder(path, _) => {
                    if !folders.insert(path.clone()) {
                        return Err(bad(format!("{} is in it twice", path.display())));
                    }
                    return belongs(&path);
                }
                Entry::File(path, _, input) => (path, input),
            };
            if about.is_none() {
                if path != Path::new(ABOUT) {
                    return Err(bad("it is no backup of Strait's"));
                }
            } else if path == Path::new(CONTENTS) {
                contents = Some(text::<Contents>(input)?);
                return Ok(());
            } else {
                belongs(&path)?;
            }
            let mut hashing = Hashing::new(input);
            if about.is_none() {
                about = Some(known(text(&mut hashing)?, strait)?);
            } else {
                bytes += io::copy(&mut hashing, &mut io::sink()).map_err(|e| unreadable(&e))?;
            }
            let name = path.display().to_string();
            if found.files.insert(name, hashing.digest()).is_some() {
                return Err(bad(format!("{} is in it twice", path.display())));
            }
            Ok(())
        })?;
        let about = about.ok_or_else(|| bad("it is empty"))?;
        let contents: Contents = contents.ok_or_else(|| bad("its end is missing"))?;
        if let Some(name) = first_difference(&found.files, &contents.files) {
            return Err(bad(format!("{name} is not what was backed up")));
        }
        Ok(Self {
            file,
            about,
            contents,
            bytes,
        })
    }

    /// What it says of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// How many bytes of files are in it.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes all that is in it into an empty folder, to the disk.
    pub fn unpack(&self, folder: &Path) -> Result<(), LocalError> {
        let deleted: BTreeSet<PathBuf> = (self.contents.deleted.iter())
            .map(|id| Path::new("services").join(id))
            .collect();
        each(&self.file, |entry| match entry {
            Entry::Folder(path, mode) => {
                if deleted.iter().any(|gone| path.starts_with(gone)) {
                    return Ok(());
                }
                let whole = folder.join(&path);
                let made = DirBuilder::new().mode(mode).create(&whole);
                made.map_err(LocalError::system("make", &whole))?;
                own(&path, &whole)
            }
            Entry::File(path, mode, input) => {
                let is_own = path == Path::new(ABOUT) || path == Path::new(CONTENTS);
                if is_own || deleted.iter().any(|gone| path.starts_with(gone)) {
                    return Ok(());
                }
                let whole = folder.join(&path);
                let mut input = Hashing::new(input);
                let mut write = || {
                    let mut file = OpenOptions::new()
                        .create_new(true)
                        .write(true)
                        .mode(mode)
                        .open(&whole)?;
                    io::copy(&mut input, &mut file)
                };
                write().map_err(LocalError::system("write", &whole))?;
                // It may have been changed since it was read first.
                let name = path.display().to_string();
                if self.contents.files.get(&name) != Some(&input.digest()) {
                    return Err(bad(format!("{name} changed while it was restored")));
                }
                own(&path, &whole)
            }
        })?;
        folder::flush(folder)
    }
}

/// Goes through a backup, and refuses what none has in it: links, and paths that lead elsewhere.
fn each(
    file: &File,
    mut work: impl FnMut(
        Entry<'_, tar::Entry<'_, Decoder<'_, BufReader<&File>>>>,
    ) -> Result<(), LocalError>,
) -> Result<(), LocalError> {
    let mut file = file;
    file.rewind().map_err(|e| unreadable(&e))?;
    let decoder = Decoder::new(file).map_err(|e| unreadable(&e))?;
    let mut archive = tar::Archive::new(decoder);
    for entry in archive.entries().map_err(|e| unreadable(&e))? {
        let mut entry = entry.map_err(|e| unreadable(&e))?;
        let path = entry.path().map_err(|e| unreadable(&e))?.into_owned();
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        if path.to_str().is_none() || !path.components().all(plain) {
            return Err(bad(format!(
                "{} in it leads out of the data folder",
                path.display()
            )));
        }
        // As `Path` sees it, `a/./b` and `a//b` are `a/b`; what is compared later is that.
        let path: PathBuf = path.components().collect();
        let mode = entry.header().mode().map_err(|e| unreadable(&e))? & 0o777;
        let kind = entry.header().entry_type();
        if kind == EntryType::Directory {
            work(Entry::Folder(path, mode))?;
        } else if kind == EntryType::Regular {
            work(Entry::File(path, mode, &mut entry))?;
        } else {
            return Err(bad(format!(
                "{} in it is neither a file nor a folder",
                path.display()
            )));
        }
    }
    // The checksum of it all is behind the last entry.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(|e| unreadable(&e))?;
    Ok(())
}

/// Whether a data folder has such a path.
fn belongs(path: &Path) -> Result<(), LocalError> {
    let part = path.components().next();
    if PARTS
        .iter()
        .any(|known| part == Some(Component::Normal(known.as_ref())))
    {
        return Ok(());
    }
    Err(bad(format!("no data folder has a {}", path.display())))
}

/// Whether this version can restore it.
fn known(about: serde_json::Value, strait: &str) -> Result<About, LocalError> {
    let made_by = about["strait"].as_str().unwrap_or("unknown").to_owned();
    let newer =
        about["format"].as_u64() > Some(u64::from(FORMAT)) || numbers(&made_by) > numbers(strait);
    if newer {
        return Err(LocalError::NewerBackup {
            made_by,
            own: strait.to_owned(),
        });
    }
    let about: About = serde_json::from_value(about).map_err(|error| bad(error.to_string()))?;
    if about.machine != std::env::consts::ARCH {
        return Err(bad(format!(
            "it is of a machine of another kind ({}), whose PostgreSQL files do not work on this one ({})",
            about.machine,
            std::env::consts::ARCH
        )));
    }
    Ok(about)
}

/// A version, for comparing.
fn numbers(version: &str) -> Vec<u64> {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    plain
        .split('.')
        .map(|number| number.parse().unwrap_or(0))
        .collect()
}

/// What PostgreSQL works on is its identity's.
fn own(path: &Path, whole: &Path) -> Result<(), LocalError> {
    let parts: Vec<&str> = (path.components())
        .filter_map(|part| part.as_os_str().to_str())
        .collect();
    match parts.as_slice() {
        ["store", ..] | ["template", _] | [_, _, "data", ..] => folder::own(whole),
        _ => Ok(()),
    }
}

fn text<T: DeserializeOwned>(input: &mut impl Read) -> Result<T, LocalError> {
    let mut bytes = Vec::new();
    let length = input.take(LONGEST_TEXT).read_to_end(&mut bytes);
    length.map_err(|e| unreadable(&e))?;
    serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))
}

fn first_difference(
    found: &BTreeMap<String, String>,
    told: &BTreeMap<String, String>,
) -> Option<String> {
    let names: BTreeSet<&String> = found.keys().chain(told.keys()).collect();
    let differs = |name: &&&String| found.get(**name) != told.get(**name);
    names.iter().find(differs).map(ToString::to_string)
}

fn unreadable(error: &io::Error) -> LocalError {
    bad(format!("it cannot be read to its end: {error}"))
}

fn bad(reason: impl Into<String>) -> LocalError {
    LocalError::BadBackup {
        reason: reason.into(),
    }
}
