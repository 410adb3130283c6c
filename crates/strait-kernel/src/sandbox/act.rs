//! Does a sandbox's steps, between the fork and the program: system calls only.

use std::ffi::CStr;
use std::ptr;

use crate::sandbox::steps::Step;

/// # Safety
/// Only between a fork and the program.
pub(super) unsafe fn take(step: &Step, slots: &mut [libc::c_int]) -> libc::c_int {
    const NONE: *const libc::c_char = ptr::null();
    const NAME: *const libc::c_char = c"strait".as_ptr();
    const SAFE: libc::c_ulong = libc::MS_NOSUID | libc::MS_NODEV;
    // SAFETY: system calls on numbers and on texts that live in the step.
    unsafe {
        match step {
            Step::Unmount(path) => libc::umount2(path.as_ptr(), libc::MNT_DETACH),
            Step::Hostname(name) => libc::sethostname(name.as_ptr(), name.to_bytes().len()),
            Step::Keep { slot, source } => {
                let flags =
                    libc::OPEN_TREE_CLONE as libc::c_int | libc::AT_RECURSIVE | libc::O_CLOEXEC;
                let kept =
                    libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, source.as_ptr(), flags)
                        as libc::c_int;
                slots[*slot] = kept;
                kept
            }
            Step::Place { slot, target } => {
                let from_empty = libc::MOVE_MOUNT_F_EMPTY_PATH;
                libc::syscall(
                    libc::SYS_move_mount,
                    slots[*slot],
                    c"".as_ptr(),
                    libc::AT_FDCWD,
                    target.as_ptr(),
                    from_empty,
                ) as libc::c_int
            }
            Step::Memory { target, options } => libc::mount(
                NAME,
                target.as_ptr(),
                c"tmpfs".as_ptr(),
                SAFE,
                options.as_ptr().cast(),
            ),
            Step::Folder(path) => fine_if_there(libc::mkdir(path.as_ptr(), 0o755)),
            Step::Empty(path) => fine_if_there(write_file(
                path,
                b"",
                libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL,
            )),
            Step::Write { path, content } => write_file(
                path,
                content,
                libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC,
            ),
            Step::Link { text, path } => libc::symlink(text.as_ptr(), path.as_ptr()),
            Step::Bind { source, target } => libc::mount(
                source.as_ptr(),
                target.as_ptr(),
                NONE,
                libc::MS_BIND,
                ptr::null(),
            ),
            Step::Processes => libc::mount(
                c"proc".as_ptr(),
                c"/proc".as_ptr(),
                c"proc".as_ptr(),
                SAFE | libc::MS_NOEXEC,
                ptr::null(),
            ),
            Step::ReadOnly { path, deep } => {
                let mut attributes: libc::mount_attr = std::mem::zeroed();
                attributes.attr_set = libc::MOUNT_ATTR_RDONLY;
                let flags = if *deep { libc::AT_RECURSIVE } else { 0 };
                let size = size_of::<libc::mount_attr>();
                libc::syscall(
                    libc::SYS_mount_setattr,
                    libc::AT_FDCWD,
                    path.as_ptr(),
                    flags,
                    &raw const attributes,
                    size,
                ) as libc::c_int
            }
        }
    }
}

/// # Safety
/// Only between a fork and the program.
pub(super) unsafe fn write_file(path: &CStr, content: &[u8], flags: libc::c_int) -> libc::c_int {
    // SAFETY: system calls on a text and a slice that live through them.
    unsafe {
        let file = libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o644);
        if file < 0 {
            return -1;
        }
        let mut rest = content;
        while !rest.is_empty() {
            let written = libc::write(file, rest.as_ptr().cast(), rest.len());
            if written < 0 {
                return -1;
            }
            rest = &rest[written as usize..];
        }
        libc::close(file)
    }
}

/// Read-only folders above what is there already are no matter: the step that needs them says so.
fn fine_if_there(result: libc::c_int) -> libc::c_int {
    if result < 0
        && matches!(
            errno(),
            libc::EEXIST | libc::EROFS | libc::EACCES | libc::EPERM
        )
    {
        0
    } else {
        result
    }
}

/// The error of the last system call.
pub(super) fn errno() -> libc::c_int {
    // SAFETY: the C library's pointer to this thread's error number is always valid.
    unsafe { *libc::__errno_location() }
}
