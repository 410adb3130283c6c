//! `strait backup` and `strait restore`.

use std::fs::{self, File};
use std::io::{self, Seek};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, RenameFlags, openat, renameat, renameat2};
use nix::sys::stat::Mode;
use nix::sys::statvfs::{fstatvfs, statvfs};
use nix::unistd::{UnlinkatFlags, unlinkat};
use strait_kernel::{Anchor, Kernel};
use strait_local::LocalError;
use strait_local::engine::Installation;
use strait_local::engine::backup::{self, Archive, Written};

use crate::data::DataDir;

/// How often it is begun anew when PostgreSQL was started or stopped meanwhile.
const TRIES: u32 = 3;
/// PostgreSQL's files seldom get smaller than this part of themselves.
const SMALLEST: u64 = 20;
/// Where the other kind of Strait keeps everything.
const OF_A_SERVER: &str = "(a `strait server` keeps everything in its PostgreSQL: back that up by its own means, see docs/operations.md)";

/// Writes the whole data folder into a file, while Strait runs or not. Called with one thread only.
///
/// # Errors
/// When there is nothing to back up, the file is there already, or it cannot be written.
pub(crate) fn back_up(data: &DataDir, file: &Path) -> Result<()> {
    let begun = Instant::now();
    if !data.is_there() {
        bail!(
            "there is no data of Strait's in {} {OF_A_SERVER}",
            data.root().display()
        );
    }
    data.check_layout()?;
    let target = Target::new(file, data)?;
    let run = data.run();
    // A server that runs has the lock. Without one, none may start meanwhile.
    let lock = data.lock()?;
    let anchor = if run.is_dir() {
        Anchor::find(&run)?
    } else {
        None
    };
    if lock.is_none() && anchor.is_none() {
        bail!("a server is just starting or ending here: try again when it is ready");
    }
    let kernel = anchor
        .map(|anchor| {
            anchor.join()?;
            Kernel::open(&run).map(Arc::new)
        })
        .transpose()?;
    let partial = target.begin()?;
    let whole = target.fill(&partial, data, kernel.as_ref());
    let written = match whole.and_then(|written| target.finish(&partial).map(|()| written)) {
        Ok(written) => written,
        Err(error) => {
            target.forget();
            return Err(error);
        }
    };
    println!(
        "Backed up to {} after {:.1} s: {} services, {} of files in {}.",
        target.shown.display(),
        begun.elapsed().as_secs_f32(),
        written.services,
        megabytes(written.bytes),
        megabytes(partial.metadata()?.len())
    );
    println!(
        "It holds all data, keys and passwords: keep it where nobody else can read it. `strait restore` brings it back."
    );
    Ok(())
}

/// Makes a data folder of a backup, whole or not at all.
///
/// # Errors
/// When there is something in the folder, or the backup is not good.
pub(crate) fn restore(data: &DataDir, file: &Path) -> Result<()> {
    let begun = Instant::now();
    refuse_what_is_there(data)?;
    let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let archive = Archive::open(opened, env!("CARGO_PKG_VERSION"))
        .with_context(|| format!("cannot restore {}", file.display()))?;
    let about = archive.about();
    if about.layout != data.layout() {
        bail!(
            "the backup has another layout ({}, this Strait wants {}): restore it with the Strait that made it ({})",
            about.layout.trim(),
            data.layout().trim(),
            about.strait
        );
    }
    let beside = Beside::make(data.root())?;
    let unpacked = beside.has_room_for(archive.bytes()).and_then(|()| {
        archive.unpack(&beside.path)?;
        beside.become_it(data.root())
    });
    if let Err(error) = unpacked {
        beside.remove();
        return Err(error);
    }
    println!(
        "Restored {} into {} after {:.1} s: as it was at {}.",
        megabytes(archive.bytes()),
        data.root().display(),
        begun.elapsed().as_secs_f32(),
        about.created
    );
    match Installation::find() {
        Ok(found) if found.major == about.postgres => {}
        Ok(found) => println!(
            "It needs PostgreSQL {}, and {} is what is used here: install postgresql-{0} first, or name its programs in STRAIT_PG_BIN.",
            about.postgres, found.major
        ),
        Err(error) => println!("Before it can start: {error}."),
    }
    println!(
        "Next: strait --data-dir {} up --detach",
        data.root().display()
    );
    Ok(())
}

/// Where a backup goes. All is held by the folder's descriptor: a process that has joined the anchor does not see what
/// was mounted since.
struct Target {
    shown: PathBuf,
    folder: File,
    name: PathBuf,
    partial: PathBuf,
}

impl Target {
    fn new(file: &Path, data: &DataDir) -> Result<Self> {
        let shown = std::path::absolute(file)
            .with_context(|| format!("no such path: {}", file.display()))?;
        let (Some(folder), Some(name)) = (shown.parent(), shown.file_name()) else {
            bail!("{} is no file: name one", shown.display());
        };
        let whole = folder
            .canonicalize()
            .with_context(|| format!("cannot write into {}", folder.display()))?;
        if whole.starts_with(data.root().canonicalize()?) {
            bail!(
                "{} is in the data folder itself, and would be lost with it: name a file elsewhere",
                shown.display()
            );
        }
        if shown.symlink_metadata().is_ok() {
            bail!(
                "{} is there already: name another file, or take it away first",
                shown.display()
            );
        }
        let opened = File::open(&whole)
            .with_context(|| format!("cannot write into {}", folder.display()))?;
        let partial = format!(".{}.partial", name.to_string_lossy());
        let target = Self {
            folder: opened,
            name: name.into(),
            partial: partial.into(),
            shown,
        };
        target.check_room(backup::size(data.root()))?;
        Ok(target)
    }

    fn check_room(&self, size: u64) -> Result<()> {
        let Ok(about) = fstatvfs(&self.folder) else {
            return Ok(());
        };
        let free = about.blocks_available() * about.fragment_size();
        if free < size / SMALLEST {
            bail!(
                "there are {} left for {}, and the data folder has {}: make room, or write to another disk",
                megabytes(free),
                self.shown.display(),
                megabytes(size)
            );
        }
        Ok(())
    }

    /// An empty file beside it. One that a killed backup left is replaced.
    fn begin(&self) -> Result<Flock<File>> {
        let failed = || format!("cannot write beside {}", self.shown.display());
        loop {
            let how = OFlag::O_CREAT | OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
            let opened = openat(
                &self.folder,
                &self.partial,
                how,
                Mode::from_bits_truncate(0o600),
            );
            let file = File::from(opened.map_err(io::Error::from).with_context(failed)?);
            let Ok(held) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
                bail!("another backup to {} is under way", self.shown.display());
            };
            // The other may have ended between the two, and taken its name away.
            if held.metadata().with_context(failed)?.nlink() == 0 {
                continue;
            }
            held.set_len(0).with_context(failed)?;
            return Ok(held);
        }
    }

    fn fill(
        &self,
        partial: &File,
        data: &DataDir,
        kernel: Option<&Arc<Kernel>>,
    ) -> Result<Written> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let mut left = TRIES;
        loop {
            left -= 1;
            let mut out = partial.try_clone()?;
            out.rewind()?;
            out.set_len(0)?;
            let version = env!("CARGO_PKG_VERSION");
            let written = runtime.block_on(backup::write(
                kernel,
                data.root(),
                version,
                data.layout(),
                out,
            ));
            match written {
                Ok(written) => return Ok(written),
                Err(LocalError::Changed { id, reason }) if left > 0 => {
                    eprintln!("PostgreSQL of {id} changed meanwhile ({reason}); beginning anew.");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn finish(&self, partial: &File) -> Result<()> {
        let failed = || format!("cannot write {}", self.shown.display());
        partial.sync_all().with_context(failed)?;
        let (folder, from, to) = (&self.folder, &self.partial, &self.name);
        match renameat2(folder, from, folder, to, RenameFlags::RENAME_NOREPLACE) {
            // A file system that does not know how to replace nothing.
            Err(Errno::EINVAL) => renameat(folder, from, folder, to),
            renamed => renamed,
        }
        .map_err(io::Error::from)
        .with_context(failed)?;
        self.folder.sync_all().with_context(failed)
    }

    fn forget(&self) {
        // The next backup replaces one that stays.
        let _ = unlinkat(&self.folder, &self.partial, UnlinkatFlags::NoRemoveDir);
    }
}

/// A folder beside the data folder, which becomes it.
struct Beside {
    path: PathBuf,
    _held: Flock<File>,
}

impl Beside {
    fn make(root: &Path) -> Result<Self> {
        let (Some(parent), Some(name)) = (root.parent(), root.file_name()) else {
            bail!("{} cannot be a data folder: name another", root.display());
        };
        let failed = || format!("cannot make a folder beside {}", root.display());
        fs::create_dir_all(parent).with_context(failed)?;
        let path = parent.join(format!(".{}.restoring", name.to_string_lossy()));
        loop {
            let made = fs::DirBuilder::new()
                .mode(0o700)
                .recursive(true)
                .create(&path);
            made.with_context(failed)?;
            let opened = File::open(&path).with_context(failed)?;
            let Ok(held) = Flock::lock(opened, FlockArg::LockExclusiveNonblock) else {
                bail!("another restore into {} is under way", root.display());
            };
            // The other may have ended between the two, and renamed its folder.
            let is_it = |there: fs::Metadata| Ok(there.ino() == held.metadata()?.ino());
            if !path.symlink_metadata().and_then(is_it).unwrap_or(false) {
                continue;
            }
            empty(&path).with_context(failed)?;
            return Ok(Self { path, _held: held });
        }
    }

    fn has_room_for(&self, bytes: u64) -> Result<()> {
        let Ok(about) = statvfs(&self.path) else {
            return Ok(());
        };
        let free = about.blocks_available() * about.fragment_size();
        if free < bytes {
            bail!(
                "there are {} left for a backup of {}: make room, or name a folder on another disk with --data-dir",
                megabytes(free),
                megabytes(bytes)
            );
        }
        Ok(())
    }

    fn become_it(&self, root: &Path) -> Result<()> {
        fs::rename(&self.path, root).with_context(|| {
            format!(
                "cannot put the data at {}: if something is mounted there, name a folder in it with --data-dir",
                root.display()
            )
        })?;
        let parent = root.parent().unwrap_or(root);
        File::open(parent)
            .and_then(|parent| parent.sync_all())
            .with_context(|| format!("cannot write {}", parent.display()))
    }

    fn remove(&self) {
        // The next restore begins with that.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Takes away what a restore that was killed left.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn refuse_what_is_there(data: &DataDir) -> Result<()> {
    if let Some(server) = data.server() {
        bail!(
            "Strait runs in {} (pid {}): restore into another folder (--data-dir)",
            data.root().display(),
            server.pid
        );
    }
    let empty = match fs::read_dir(data.root()) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", data.root().display()));
        }
    };
    if !empty {
        bail!(
            "{} is not empty, and a restore replaces nothing: name a new folder with --data-dir, or move that one away",
            data.root().display()
        );
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
