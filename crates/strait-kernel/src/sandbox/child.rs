//! What happens between the fork and the program. It runs in a copy of a process that may have many threads, so it
//! makes system calls only: no memory is allocated and no lock is taken.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::ptr;

use crate::sandbox::act::{errno, take, write_file};
use crate::sandbox::steps::Steps;

/// Everything that the child needs, ready before the fork.
pub(crate) struct Prepared {
    /// The anchor's PID namespace.
    pub(crate) processes: OwnedFd,
    /// The host's namespaces; none for a process that stays in the caller's network.
    pub(crate) host: Option<HostSpaces>,
    pub(crate) steps: Steps,
    pub(crate) slots: Vec<libc::c_int>,
    pub(crate) programs: Vec<CString>,
    /// Pointers to texts that live at least as long, and a null pointer.
    pub(crate) argv: Vec<*const libc::c_char>,
    pub(crate) env: Vec<*const libc::c_char>,
    pub(crate) cwd: CString,
    pub(crate) identity: Identity,
    pub(crate) manner: Manner,
    /// The socket by which it tells its number and what failed.
    pub(crate) report: OwnedFd,
}

/// The namespaces of a host.
pub(crate) struct HostSpaces {
    pub(crate) net: OwnedFd,
    pub(crate) user: OwnedFd,
}

/// Who the program runs as.
pub(crate) enum Identity {
    Root,
    /// Another number for the same user, in a user namespace inside the machine's.
    Nested,
    /// A user of the system.
    Real {
        uid: u32,
        gid: u32,
    },
}

/// How the program relates to the caller.
pub(crate) enum Manner {
    /// It goes on by itself: a session of its own, its input from one file and its output to another.
    Detached { input: OwnedFd, output: OwnedFd },
    /// It has the caller's terminal, and ends with the caller.
    Foreground,
}

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Stage {
    Enter,
    Unshare,
    Fork,
    Mounts,
    Rights,
    Identity,
    Folder,
    Program,
}

impl Stage {
    pub(crate) const ALL: [Self; 8] = [
        Self::Enter,
        Self::Unshare,
        Self::Fork,
        Self::Mounts,
        Self::Rights,
        Self::Identity,
        Self::Folder,
        Self::Program,
    ];

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Enter => "enter the host's network",
            Self::Unshare => "make mount, IPC, UTS and PID namespaces",
            Self::Fork => "start a process",
            Self::Mounts => "make mounts",
            Self::Rights => "take the rights of the host's root",
            Self::Identity => "become an unprivileged user",
            Self::Folder => "go to the working folder",
            Self::Program => "run the program",
        }
    }
}

/// What a report starts with: 0 for "here I am", 1 for a failure. A failure's stage, step and error number follow.
pub(crate) const HERE: i32 = 0;
pub(crate) const FAILED: i32 = 1;
/// The number of the nested user.
const NESTED_USER: u32 = 1000;
const FAILED_STATUS: libc::c_int = 127;

/// A failure: what was being done, the step, and the error's number.
type Failure = (Stage, i32, i32);

/// The first child. Only its children are in the anchor's PID namespace, and only theirs can be in one inside that.
pub(crate) fn run(prepared: &mut Prepared) -> ! {
    let status = match first(prepared) {
        Ok(status) => status,
        Err(failure) => fail(prepared, failure),
    };
    // SAFETY: ends this copy without the parent's destructors.
    unsafe { libc::_exit(status) }
}

fn first(prepared: &mut Prepared) -> Result<libc::c_int, Failure> {
    // SAFETY: system calls on numbers, and on a signal set that lives here.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const all, ptr::null_mut());
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        libc::umask(0o022);
        end_with_parent(prepared);
        ok(
            libc::setns(prepared.processes.as_raw_fd(), libc::CLONE_NEWPID),
            Stage::Enter,
        )?;
        parent_of(prepared, second)
    }
}

/// The second child, in the anchor's PID namespace. When it has ended, the anchor is the third child's parent.
fn second(prepared: &mut Prepared) -> Result<libc::c_int, Failure> {
    end_with_parent(prepared);
    // SAFETY: system calls on numbers.
    unsafe {
        if let Some(host) = &prepared.host {
            ok(
                libc::setns(host.net.as_raw_fd(), libc::CLONE_NEWNET),
                Stage::Enter,
            )?;
        }
        let kinds =
            libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS | libc::CLONE_NEWPID;
        ok(libc::unshare(kinds), Stage::Unshare)?;
        parent_of(prepared, init)
    }
}

/// Forks; the child does its part and ends. Answers 0 at once, or in the foreground the child's exit code in the end.
///
/// # Safety
/// Only between a fork and the program.
unsafe fn parent_of(
    prepared: &mut Prepared,
    part: fn(&mut Prepared) -> Result<libc::c_int, Failure>,
) -> Result<libc::c_int, Failure> {
    // SAFETY: system calls on numbers; the child ends with _exit.
    unsafe {
        let child = libc::fork();
        ok(child, Stage::Fork)?;
        if child == 0 {
            match part(prepared) {
                Ok(status) => libc::_exit(status),
                Err(failure) => fail(prepared, failure),
            }
        }
        if matches!(prepared.manner, Manner::Detached { .. }) {
            return Ok(0);
        }
        libc::close(prepared.report.as_raw_fd());
        Ok(wait(child))
    }
}

/// In the foreground nothing outlives the caller.
fn end_with_parent(prepared: &Prepared) {
    if matches!(prepared.manner, Manner::Foreground) {
        // SAFETY: prctl() with numbers only.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    }
}

/// The third child: first of the new PID namespace. It makes the mounts, gives up its rights over everything but the
/// machine, starts the program, passes signals on to it and reaps.
fn init(prepared: &mut Prepared) -> Result<libc::c_int, Failure> {
    let program = enter_sandbox(prepared)?;
    attend(program)
}

fn enter_sandbox(prepared: &mut Prepared) -> Result<libc::pid_t, Failure> {
    // SAFETY: system calls on numbers and on texts that live in `prepared`.
    unsafe {
        if let Manner::Detached { input, output } = &prepared.manner {
            libc::setsid();
            for (from, to) in [(input, 0), (output, 1), (output, 2)] {
                ok(libc::dup2(from.as_raw_fd(), to), Stage::Fork)?;
            }
        }
        for (number, step) in prepared.steps.list.iter().enumerate() {
            if take(step, &mut prepared.slots) < 0 {
                return Err((Stage::Mounts, number as i32, errno()));
            }
        }
        if let Some(host) = &prepared.host {
            ok(
                libc::setns(host.user.as_raw_fd(), libc::CLONE_NEWUSER),
                Stage::Rights,
            )?;
        }
        if matches!(prepared.identity, Identity::Root | Identity::Real { .. }) {
            // Without the right to it there are no other groups to lose.
            libc::setgroups(0, ptr::null());
        }
        // Memory of the server is in here: nobody in the machine may read it.
        ok(libc::prctl(libc::PR_SET_DUMPABLE, 0), Stage::Rights)?;
        end_with_parent(prepared);
        const NAME: &CStr = c"strait-init";
        libc::prctl(libc::PR_SET_NAME, NAME.as_ptr());
        send(prepared, [HERE, 0, 0, 0]);
        let program = libc::fork();
        ok(program, Stage::Fork)?;
        if program == 0 {
            let failure = become_program(prepared);
            fail(prepared, failure);
        }
        libc::syscall(libc::SYS_close_range, 3, libc::c_int::MAX, 0);
        if matches!(prepared.manner, Manner::Detached { .. }) {
            // The log may be rotated; only the program holds it.
            let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            for standard in 0..3 {
                libc::dup2(null, standard);
            }
            libc::close(null);
        }
        Ok(program)
    }
}

/// The fourth child, which becomes the program. Returns only when it failed.
fn become_program(prepared: &Prepared) -> Failure {
    // SAFETY: system calls on numbers, on texts that live in `prepared`, and on a signal set that lives here.
    unsafe {
        if let Err(failure) = become_user(&prepared.identity) {
            return failure;
        }
        if libc::chdir(prepared.cwd.as_ptr()) < 0 {
            return (Stage::Folder, 0, errno());
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
        libc::syscall(
            libc::SYS_close_range,
            3,
            libc::c_int::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        );
        let mut failure = libc::ENOENT;
        for program in &prepared.programs {
            libc::execve(
                program.as_ptr(),
                prepared.argv.as_ptr(),
                prepared.env.as_ptr(),
            );
            // One that may not be run says more than the ones that are not there.
            if errno() != libc::ENOENT && errno() != libc::ENOTDIR {
                failure = errno();
            }
        }
        (Stage::Program, 0, failure)
    }
}

/// # Safety
/// Only between a fork and the program.
unsafe fn become_user(identity: &Identity) -> Result<(), Failure> {
    // SAFETY: system calls on numbers and on static texts.
    unsafe {
        match identity {
            Identity::Root => Ok(()),
            Identity::Real { uid, gid } => {
                ok(libc::setresgid(*gid, *gid, *gid), Stage::Identity)?;
                ok(libc::setresuid(*uid, *uid, *uid), Stage::Identity)
            }
            Identity::Nested => {
                const { assert!(NESTED_USER == 1000) };
                ok(libc::unshare(libc::CLONE_NEWUSER), Stage::Identity)?;
                // Its /proc files are its own only then.
                ok(libc::prctl(libc::PR_SET_DUMPABLE, 1), Stage::Identity)?;
                for (file, content) in [
                    (c"/proc/self/uid_map", c"1000 0 1"),
                    (c"/proc/self/setgroups", c"deny"),
                    (c"/proc/self/gid_map", c"1000 0 1"),
                ] {
                    ok(
                        write_file(file, content.to_bytes(), libc::O_WRONLY),
                        Stage::Identity,
                    )?;
                }
                Ok(())
            }
        }
    }
}

/// Passes signals on to the program and reaps until it has ended; then ends with its status, and the kernel ends what
/// else is in the PID namespace.
fn attend(program: libc::pid_t) -> ! {
    // SAFETY: system calls on numbers and on variables that live here. All signals are blocked since the first child.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        loop {
            let mut about: libc::siginfo_t = std::mem::zeroed();
            let signal = libc::sigwaitinfo(&raw const all, &raw mut about);
            if signal == libc::SIGCHLD {
                reap(program);
            } else if signal > 0 && about.si_code <= 0 {
                // Sent by a process. What the terminal sends, the program gets itself.
                libc::kill(program, signal);
            }
        }
    }
}

/// # Safety
/// Only in the init of a sandbox.
unsafe fn reap(program: libc::pid_t) {
    // SAFETY: system calls on numbers and on a variable that lives here.
    unsafe {
        loop {
            let mut status = 0;
            let ended = libc::waitpid(-1, &raw mut status, libc::WNOHANG);
            if ended <= 0 {
                return;
            }
            if ended == program {
                libc::_exit(exit_code(status));
            }
        }
    }
}

/// # Safety
/// Only between a fork and the program.
unsafe fn wait(child: libc::pid_t) -> libc::c_int {
    let mut status = 0;
    // SAFETY: the status is written to a live variable.
    while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {
        if errno() != libc::EINTR {
            return FAILED_STATUS;
        }
    }
    exit_code(status)
}

/// The exit status as shells tell it.
pub(crate) fn exit_code(status: libc::c_int) -> libc::c_int {
    if libc::WIFEXITED(status) {
        libc::WEXITSTATUS(status)
    } else {
        128 + libc::WTERMSIG(status)
    }
}

fn fail(prepared: &Prepared, (stage, step, error): Failure) -> ! {
    send(prepared, [FAILED, stage as i32, step, error]);
    // SAFETY: ends this copy without the parent's destructors.
    unsafe { libc::_exit(FAILED_STATUS) }
}

/// When nobody reads it any more there is nobody to tell.
fn send(prepared: &Prepared, report: [i32; 4]) {
    // SAFETY: the pointer and the length are of one live array.
    unsafe {
        libc::send(
            prepared.report.as_raw_fd(),
            report.as_ptr().cast(),
            size_of_val(&report),
            libc::MSG_NOSIGNAL,
        )
    };
}

fn ok(result: libc::c_int, stage: Stage) -> Result<(), Failure> {
    if result < 0 {
        Err((stage, 0, errno()))
    } else {
        Ok(())
    }
}
