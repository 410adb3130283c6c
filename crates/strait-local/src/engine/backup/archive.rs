//! The file: a tar archive, compressed by zstd. What it is comes first, digests of all files come last.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use tar::{Builder, EntryType, Header};
use zstd::Encoder;

use super::{ABOUT, About, CONTENTS};
use crate::error::LocalError;

/// The compression: what takes no time worth mentioning beside the disk.
const LEVEL: i32 = 3;

/// The last entry.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contents {
    /// SHA-256 of each file.
    pub(super) files: BTreeMap<String, String>,
    /// Services that are in it and must not be restored: they were deleted while it was made.
    pub(super) deleted: BTreeSet<String>,
}

/// Writes one.
pub(super) struct Writer {
    tar: Builder<Encoder<'static, BufWriter<File>>>,
    files: BTreeMap<String, String>,
    bytes: u64,
}

impl Writer {
    pub(super) fn begin(out: File, about: &About) -> Result<Self, LocalError> {
        let begin = || {
            let mut encoder = Encoder::new(BufWriter::with_capacity(1 << 20, out), LEVEL)?;
            encoder.include_checksum(true)?;
            Ok(Builder::new(encoder))
        };
        let mut writer = Self {
            tar: begin().map_err(failed)?,
            files: BTreeMap::new(),
            bytes: 0,
        };
        let text = serde_json::to_vec_pretty(about).map_err(LocalError::Json)?;
        writer.content(Path::new(ABOUT), &text)?;
        Ok(writer)
    }

    /// A file or folder of the data folder with all in it that is wanted, the others' folders without what is in them.
    /// What is not there, or vanishes meanwhile, is left out.
    pub(super) fn tree(
        &mut self,
        data: &Path,
        path: &Path,
        wanted: &dyn Fn(&Path) -> bool,
    ) -> Result<(), LocalError> {
        let whole = data.join(path);
        let kind = match fs::symlink_metadata(&whole) {
            Ok(about) => about.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(LocalError::system("read", &whole)(error)),
        };
        if kind.is_file() {
            return self.file(data, path).map(drop);
        }
        if kind.is_symlink() {
            return Err(LocalError::Linked { path: whole });
        }
        if !kind.is_dir() {
            return Ok(());
        }
        self.folder(data, path)?;
        for name in sorted(&whole)? {
            let inner = path.join(name);
            if wanted(&inner) {
                self.tree(data, &inner, wanted)?;
            }
        }
        Ok(())
    }

    /// A folder, without what is in it.
    pub(super) fn folder(&mut self, data: &Path, path: &Path) -> Result<(), LocalError> {
        let Ok(about) = fs::metadata(data.join(path)) else {
            return Ok(());
        };
        let mut header = header(EntryType::Directory, about.permissions().mode(), 0);
        let name = format!("{}/", path.display());
        self.tar
            .append_data(&mut header, name, io::empty())
            .map_err(failed)
    }

    /// A file, as long as it was when this began to read it. False: there is none.
    pub(super) fn file(&mut self, data: &Path, path: &Path) -> Result<bool, LocalError> {
        let whole = data.join(path);
        let file = match File::open(&whole) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(LocalError::system("read", &whole)(error)),
        };
        let about = file
            .metadata()
            .map_err(LocalError::system("read", &whole))?;
        // PostgreSQL may cut a file meanwhile: replaying its log does so again.
        let content = file.take(about.len()).chain(io::repeat(0));
        self.entry(path, about.permissions().mode(), about.len(), content)?;
        Ok(true)
    }

    /// A file with this content, for its owner only.
    pub(super) fn content(&mut self, path: &Path, content: &[u8]) -> Result<(), LocalError> {
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        self.entry(path, 0o600, length, content)
    }

    /// Bytes of files so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes what makes it whole.
    pub(super) fn finish(mut self, deleted: &BTreeSet<String>) -> Result<(), LocalError> {
        let contents = Contents {
            files: std::mem::take(&mut self.files),
            deleted: deleted.clone(),
        };
        let text = serde_json::to_vec(&contents).map_err(LocalError::Json)?;
        self.content(Path::new(CONTENTS), &text)?;
        (|| self.tar.into_inner()?.finish()?.flush())().map_err(failed)
    }

    fn entry(
        &mut self,
        path: &Path,
        mode: u32,
        length: u64,
        content: impl Read,
    ) -> Result<(), LocalError> {
        let mut header = header(EntryType::Regular, mode, length);
        let mut hashing = Hashing::new(content.take(length));
        self.tar
            .append_data(&mut header, path, &mut hashing)
            .map_err(failed)?;
        self.files
            .insert(path.display().to_string(), hashing.digest());
        self.bytes += length;
        Ok(())
    }
}

/// Reads something and digests it.
pub(super) struct Hashing<R> {
    inner: R,
    context: Context,
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            context: Context::new(&SHA256),
        }
    }

    /// The digest of what was read, in hexadecimal digits.
    pub(super) fn digest(self) -> String {
        let digest = self.context.finish();
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.context.update(&buffer[..length]);
        Ok(length)
    }
}

fn header(kind: EntryType, mode: u32, length: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode & 0o777);
    header.set_size(length);
    header.set_mtime(0);
    header
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, LocalError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LocalError::system("read", folder)(error)),
    };
    let mut names: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.file_name().into())
        .collect();
    names.sort();
    Ok(names)
}

fn failed(source: io::Error) -> LocalError {
    LocalError::BackupFile {
        disk_full: source.kind() == io::ErrorKind::StorageFull,
        source,
    }
}
