//! Data folders: made, owned, copied, removed.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use nix::unistd::{Gid, Uid, chown};

use crate::ca::write_file;
use crate::error::LocalError;

/// Makes a folder that only its owner can look into. One that is there stays.
pub(super) fn make(path: &Path) -> Result<(), LocalError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(LocalError::system("make", path))
}

/// Makes a folder that PostgreSQL owns.
pub(super) fn make_owned(path: &Path) -> Result<(), LocalError> {
    make(path)?;
    own(path)
}

/// Writes a file that PostgreSQL owns.
pub(super) fn write_owned(path: &Path, content: &[u8]) -> Result<(), LocalError> {
    write_file(path, content, 0o600)?;
    own(path)
}

/// Removes a folder with everything in it. One that is gone is a success.
pub(super) fn remove(path: &Path) -> Result<(), LocalError> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(LocalError::system("remove", path)(error)),
    }
}

/// Removes a file. One that is gone is a success.
pub(super) fn remove_file(path: &Path) -> Result<(), LocalError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(LocalError::system("remove", path)(error)),
    }
}

/// Copies a data folder, modes and owner included. The copy must not be there yet.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), LocalError> {
    make_owned(to)?;
    let entries = fs::read_dir(from).map_err(LocalError::system("read", from))?;
    for entry in entries {
        let entry = entry.map_err(LocalError::system("read", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry
            .file_type()
            .map_err(LocalError::system("read", &source))?;
        if kind.is_dir() {
            copy(&source, &target)?;
        } else if kind.is_file() {
            fs::copy(&source, &target).map_err(LocalError::system("write", &target))?;
            own(&target)?;
        }
    }
    Ok(())
}

/// Writes everything of the file system that a folder is on to the disk: one call, where a call a file takes seconds.
pub(super) fn flush(path: &Path) -> Result<(), LocalError> {
    let folder = File::open(path).map_err(LocalError::system("open", path))?;
    nix::unistd::syncfs(folder)
        .map_err(io::Error::from)
        .map_err(LocalError::system("flush", path))
}

/// Cuts a log that has grown large, keeping one before it.
pub(super) fn rotate(log: &Path, largest: u64) -> Result<(), LocalError> {
    if !fs::metadata(log).is_ok_and(|about| about.len() > largest) {
        return Ok(());
    }
    fs::rename(log, log.with_extension("before")).map_err(LocalError::system("rename", log))
}

/// The major version that made a data folder; nothing if it holds none.
pub(super) fn major(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("PG_VERSION"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// Gives a path to the identity that PostgreSQL runs as. Without root there is only one identity.
pub(super) fn own(path: &Path) -> Result<(), LocalError> {
    let Some((uid, gid)) = strait_kernel::service_owner() else {
        return Ok(());
    };
    chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
        .map_err(io::Error::from)
        .map_err(LocalError::system("change the owner of", path))
}

/// Makes sure that a folder is closed to others, whoever made it.
pub(super) fn close(path: &Path) -> Result<(), LocalError> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .map_err(LocalError::system("protect", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_everything_and_nobody_else_can_look_into_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("base/1")).expect("folders");
        fs::write(from.join("base/1/x"), b"data").expect("a file");
        fs::write(from.join("PG_VERSION"), b"15\n").expect("a file");
        copy(&from, &to).expect("copied");
        assert_eq!(fs::read(to.join("base/1/x")).expect("copied"), b"data");
        assert_eq!(major(&to), Some(15));
        let mode = fs::metadata(&to).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        flush(&to).expect("flushed");
    }

    #[test]
    fn a_large_log_is_cut_and_a_small_one_is_left() {
        let dir = tempfile::tempdir().expect("a folder");
        let log = dir.path().join("log");
        fs::write(&log, b"0123456789").expect("a log");
        rotate(&log, 10).expect("small enough");
        assert!(log.exists());
        rotate(&log, 9).expect("cut");
        assert!(!log.exists());
        assert!(dir.path().join("log.before").exists());
    }
}
