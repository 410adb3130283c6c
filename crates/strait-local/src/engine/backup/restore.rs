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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::super::archive::Writer;
    use super::*;

    const OWN: &str = "1.2.3";

    #[test]
    fn what_was_written_is_restored_but_for_what_was_deleted_meanwhile() {
        let data = data();
        let (file, _) = written(data.path(), &["gone"]);
        let archive = Archive::open(file, OWN).expect("good");
        let folder = tempfile::tempdir().expect("a folder");
        archive.unpack(folder.path()).expect("restored");
        let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).ok();
        assert_eq!(read("version").as_deref(), Some("layout"));
        assert_eq!(
            read("services/kept/data/PG_VERSION").as_deref(),
            Some("15\n")
        );
        assert!(folder.path().join("services/kept/data/empty").is_dir());
        assert!(!folder.path().join("services/gone").exists());
        assert!(!folder.path().join(ABOUT).exists());
        let mode = |path: &str| {
            let about = std::fs::metadata(folder.path().join(path)).expect("there");
            about.permissions().mode() & 0o777
        };
        assert_eq!(mode("services/kept/data"), 0o700);
        assert_eq!(mode("version"), 0o600);
    }

    #[test]
    fn a_backup_with_any_byte_changed_or_cut_off_is_refused() {
        let data = data();
        let (_, whole) = written(data.path(), &[]);
        let good = open(&whole).expect("the control");
        let (mut tried, mut refused) = (0, 0);
        for at in (0..whole.len()).step_by(7) {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            tried += 1;
            match open(&changed) {
                Err(_) => refused += 1,
                // Now and then there are two ways to write the same.
                Ok(same) => assert_eq!(
                    (&same.about, &same.contents),
                    (&good.about, &good.contents),
                    "byte {at} of {}",
                    whole.len()
                ),
            }
            assert!(open(&whole[..at]).is_err(), "cut at {at}");
        }
        assert!(refused * 10 > tried * 9, "{refused} of {tried} refused");
        let longer = [&whole[..], b"more"].concat();
        assert!(open(&longer).is_err(), "something behind it");
    }

    #[test]
    fn entries_that_no_backup_has_are_refused() {
        let good = [("version", EntryType::Regular)];
        open(&crafted(&about(OWN), &good)).expect("the control");
        for (path, kind, why) in [
            ("../escaped", EntryType::Regular, "leads out"),
            ("services/../../escaped", EntryType::Regular, "leads out"),
            ("/tmp/escaped", EntryType::Regular, "leads out"),
            ("services/link", EntryType::Symlink, "neither a file"),
            ("services/link", EntryType::Link, "neither a file"),
            ("services/pipe", EntryType::Fifo, "neither a file"),
            ("run/server.json", EntryType::Regular, "no data folder has"),
            ("version", EntryType::Regular, "twice"),
        ] {
            let entries = [("version", EntryType::Regular), (path, kind)];
            let error = open(&crafted(&about(OWN), &entries)).expect_err(path);
            assert!(error.to_string().contains(why), "{path}: {error}");
        }
    }

    #[test]
    fn a_backup_of_a_newer_strait_or_another_machine_is_refused_by_name() {
        let entries = [("version", EntryType::Regular)];
        for older in ["1.2.3", "1.2.2", "0.9.10", "1.2.3-dev"] {
            open(&crafted(&about(older), &entries)).expect(older);
        }
        for newer in ["1.2.4", "1.10.0", "2.0.0"] {
            let error = open(&crafted(&about(newer), &entries)).expect_err(newer);
            let told = error.to_string();
            assert!(told.contains(newer) && told.contains(OWN), "{told}");
        }
        let mut format = about(OWN);
        format["format"] = json!(FORMAT + 1);
        let error = open(&crafted(&format, &entries)).expect_err("another format");
        assert!(matches!(error, LocalError::NewerBackup { .. }), "{error}");
        let mut machine = about(OWN);
        machine["machine"] = json!("vax");
        let error = open(&crafted(&machine, &entries)).expect_err("another machine");
        assert!(error.to_string().contains("vax"), "{error}");
    }

    fn data() -> tempfile::TempDir {
        let data = tempfile::tempdir().expect("a folder");
        let make = |path: &str, text: &str| {
            let path = data.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(&path, text).expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
        };
        make("version", "layout");
        for id in ["kept", "gone"] {
            make(&format!("services/{id}/data/PG_VERSION"), "15\n");
            let folder = data.path().join("services").join(id).join("data");
            std::fs::create_dir(folder.join("empty")).expect("a folder");
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))
                .expect("mode");
        }
        data
    }

    /// A backup as a file and as bytes.
    fn written(data: &Path, deleted: &[&str]) -> (File, Vec<u8>) {
        let mut file = tempfile::tempfile().expect("a file");
        let about = serde_json::from_value(about(OWN)).expect("it");
        let out = file.try_clone().expect("another");
        let mut writer = Writer::begin(out, &about).expect("begun");
        for part in ["version", "services"] {
            writer
                .tree(data, Path::new(part), &|_| true)
                .expect("written");
        }
        let deleted = deleted.iter().map(ToString::to_string).collect();
        writer.finish(&deleted).expect("finished");
        file.rewind().expect("rewound");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("read");
        (file, bytes)
    }

    fn about(strait: &str) -> Value {
        json!({
            "format": FORMAT, "strait": strait, "layout": "layout", "postgres": 15,
            "machine": std::env::consts::ARCH, "created": Timestamp::UNIX_EPOCH,
        })
    }

    /// A backup whose digests are right, whatever is in it.
    fn crafted(about: &Value, entries: &[(&str, EntryType)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut files = serde_json::Map::new();
        let mut add = |path: &str, kind: EntryType, content: &[u8]| {
            let mut header = tar::Header::new_gnu();
            // `set_path` would refuse what is to be tried.
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(kind);
            header.set_mode(0o600);
            header.set_size(content.len() as u64);
            header.set_cksum();
            tar.append(&header, content).expect("added");
            let mut hashing = Hashing::new(content);
            io::copy(&mut hashing, &mut io::sink()).expect("read");
            files.insert(path.to_owned(), json!(hashing.digest()));
        };
        add(ABOUT, EntryType::Regular, about.to_string().as_bytes());
        for (path, kind) in entries {
            add(path, *kind, b"");
        }
        let contents = json!({"files": files, "deleted": []}).to_string();
        let mut header = tar::Header::new_gnu();
        header.set_path(CONTENTS).expect("short");
        header.set_size(contents.len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        tar.append(&header, contents.as_bytes()).expect("added");
        let plain = tar.into_inner().expect("whole");
        zstd::encode_all(&plain[..], 1).expect("compressed")
    }

    fn open(bytes: &[u8]) -> Result<Archive, LocalError> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("written");
        Archive::open(file, OWN)
    }
}
