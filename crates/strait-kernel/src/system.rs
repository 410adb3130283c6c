//! Thin wrappers of system calls.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

const NAMESPACE_FILES: libc::c_long = 0x6e73_6673;
const MEMORY_FILES: libc::c_long = 0x0102_1994;

/// A path for the C library.
pub(crate) fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the path has a zero byte"))
}

/// Opens a file below a folder.
pub(crate) fn open_at(folder: BorrowedFd<'_>, path: &str, how: libc::c_int) -> io::Result<File> {
    let path = c_path(Path::new(path))?;
    // SAFETY: the pointer is of a text that lives through the call.
    let raw = unsafe { libc::openat(folder.as_raw_fd(), path.as_ptr(), how | libc::O_CLOEXEC) };
    check(raw)?;
    // SAFETY: raw is a fresh descriptor that nothing else owns.
    Ok(unsafe { File::from_raw_fd(raw) })
}

/// Moves the calling thread into a namespace.
pub(crate) fn enter(namespace: BorrowedFd<'_>, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: setns() takes no pointers.
    check(unsafe { libc::setns(namespace.as_raw_fd(), kind) })
}

/// Moves the calling thread into new namespaces.
pub(crate) fn unshare(kinds: libc::c_int) -> io::Result<()> {
    // SAFETY: unshare() takes no pointers.
    check(unsafe { libc::unshare(kinds) })
}

/// Mounts; without a source or type, these are empty texts, which the kernel does not read then.
pub(crate) fn mount(
    source: &Path,
    target: &Path,
    kind: &str,
    flags: libc::c_ulong,
    data: &str,
) -> io::Result<()> {
    let invalid = |_| io::Error::from_raw_os_error(libc::EINVAL);
    let (source, target) = (c_path(source)?, c_path(target)?);
    let (kind, data) = (
        CString::new(kind).map_err(invalid)?,
        CString::new(data).map_err(invalid)?,
    );
    // SAFETY: all four pointers are of texts that live through the call.
    check(unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags,
            data.as_ptr().cast(),
        )
    })
}

/// Unmounts at once, whoever uses it still.
pub(crate) fn unmount(target: &Path) -> io::Result<()> {
    let target = c_path(target)?;
    // SAFETY: the pointer is of a text that lives through the call.
    check(unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH | libc::UMOUNT_NOFOLLOW) })
}

/// Whether a namespace is mounted at a path.
pub(crate) fn is_namespace(path: &Path) -> bool {
    filesystem(path).is_ok_and(|kind| kind == NAMESPACE_FILES)
}

/// Whether a path is in a tmpfs.
pub(crate) fn is_tmpfs(path: &Path) -> bool {
    filesystem(path).is_ok_and(|kind| kind == MEMORY_FILES)
}

/// When a process started, in ticks since the machine did: with the number, it names a process for ever.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    // The state is field 3, the start time is field 22.
    fields.nth(18)?.parse().ok()
}

/// A descriptor that names a process for ever.
pub(crate) fn open_process(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open() takes no pointers.
    let raw = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
    check(raw as libc::c_int)?;
    // SAFETY: raw is a fresh descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(raw as libc::c_int) })
}

/// Sends a signal to the process of a descriptor.
pub(crate) fn signal_process(process: BorrowedFd<'_>, signal: libc::c_int) -> io::Result<()> {
    // SAFETY: the third argument may be null; then the kernel fills the signal's details itself.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    check(result as libc::c_int)
}

/// Waits for a child and answers its raw status.
pub(crate) fn wait_for(pid: libc::pid_t) -> io::Result<libc::c_int> {
    let mut status = 0;
    loop {
        // SAFETY: the status is written to a live variable.
        let result = unsafe { libc::waitpid(pid, &raw mut status, 0) };
        match check(result) {
            Ok(()) => return Ok(status),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What the C library answers, as a result.
pub(crate) fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn filesystem(path: &Path) -> io::Result<libc::c_long> {
    let path = c_path(path)?;
    // SAFETY: an all-zero statfs is a valid value for the kernel to write to.
    let mut about: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers live through the call.
    check(unsafe { libc::statfs(path.as_ptr(), &raw mut about) })?;
    Ok(about.f_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_a_start_time_and_no_process_has_none() {
        assert!(start_time(std::process::id()).is_some());
        assert_eq!(start_time(u32::MAX), None);
    }

    #[test]
    fn filesystems_are_told_apart() {
        assert!(is_namespace(Path::new("/proc/self/ns/net")));
        assert!(!is_namespace(Path::new("/proc")) && !is_tmpfs(Path::new("/proc")));
    }
}
