//! The anchor: init of a PID namespace of its own. It owns the user, mount and network namespaces in which everything
//! else is, does nothing but be there, and takes everything with it when it ends.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::KernelError;
use crate::process::{Process, Signal};
use crate::space;
use crate::system;

const RECORD: &str = "anchor.json";
const END: Duration = Duration::from_secs(20);
/// Users of the system that are mapped when root starts it; an ordinary user can map himself only.
const USERS: u64 = 65_536;

/// The process that owns a network. Dropping this does not end it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Its number, as the caller sees it.
    pub pid: u32,
    start_time: u64,
    run_dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Record {
    pid: u32,
    start_time: u64,
    /// The boot in which it started: numbers and times begin anew in the next.
    boot: String,
}

impl Anchor {
    /// Starts one, and notes it in `run_dir`. It forks, so the caller must have a single thread.
    pub fn start(run_dir: &Path) -> Result<Self, KernelError> {
        let making = || KernelError::system(format!("make {}", run_dir.display()));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(run_dir)
            .map_err(making())?;
        let run_dir = run_dir.canonicalize().map_err(making())?;
        if let Some(anchor) = Self::find(&run_dir)? {
            return Err(KernelError::AlreadyRuns {
                run_dir,
                pid: anchor.pid,
            });
        }
        let pins = space::folder(&run_dir);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&pins)
            .map_err(making())?;
        let pid = start_init(&pins)?;
        let start_time = system::start_time(pid).ok_or_else(|| KernelError::System {
            what: "start the network's first process".to_owned(),
            source: io::Error::other("it ended at once"),
        })?;
        let anchor = Self {
            pid,
            start_time,
            run_dir,
        };
        if let Err(error) = anchor.write_record() {
            anchor.stop()?;
            return Err(error);
        }
        Ok(anchor)
    }

    /// The one that runs for this folder; `None` when none does, whatever the record says.
    pub fn find(run_dir: &Path) -> Result<Option<Self>, KernelError> {
        let path = run_dir.join(RECORD);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(KernelError::System {
                    what: format!("read {}", path.display()),
                    source,
                });
            }
        };
        let record: Record =
            serde_json::from_slice(&text).map_err(|source| KernelError::Record { path, source })?;
        if record.boot != boot()? || system::start_time(record.pid) != Some(record.start_time) {
            return Ok(None);
        }
        let run_dir = run_dir
            .canonicalize()
            .map_err(KernelError::system(format!("find {}", run_dir.display())))?;
        Ok(Some(Self {
            pid: record.pid,
            start_time: record.start_time,
            run_dir,
        }))
    }

    /// Joins its user and mount namespaces. The caller stays in its network and PID namespaces (the kernel refuses
    /// threads to a process whose children go elsewhere), and must have a single thread. Joining again changes nothing.
    pub fn join(&self) -> Result<(), KernelError> {
        let failed = || KernelError::system(format!("join the network of process {}", self.pid));
        let open = |kind: &str| File::open(format!("/proc/{}/ns/{kind}", self.pid));
        let same = || {
            Ok(fs::read_link("/proc/self/ns/user")?
                == fs::read_link(format!("/proc/{}/ns/user", self.pid))?)
        };
        if same().map_err(failed())? {
            return Ok(());
        }
        let (user, mount) = (|| Ok((open("user")?, open("mnt")?)))().map_err(failed())?;
        // The number could have come to name another process before its namespaces were open.
        if !self.process().alive() {
            return Err(KernelError::NoAnchor {
                run_dir: self.run_dir.clone(),
            });
        }
        let here = std::env::current_dir();
        (|| {
            system::enter(user.as_fd(), libc::CLONE_NEWUSER)?;
            system::enter(mount.as_fd(), libc::CLONE_NEWNS)
        })()
        .map_err(failed())?;
        // Joining a mount namespace leads to its root folder.
        if let Ok(here) = here {
            std::env::set_current_dir(&here)
                .map_err(KernelError::system(format!("stay in {}", here.display())))?;
        }
        Ok(())
    }

    /// Ends it, and all that runs in it, and waits until it has gone.
    pub fn stop(&self) -> Result<(), KernelError> {
        self.process().signal(Signal::Kill)?;
        if !self.process().wait(END)? {
            return Err(KernelError::System {
                what: format!("end process {}", self.pid),
                source: io::Error::new(
                    io::ErrorKind::TimedOut,
                    "it has not ended within 20 seconds",
                ),
            });
        }
        // A process that has joined it still has the pins mounted, and could not remove the folder. For others there is
        // nothing to unmount, which is no failure.
        let _ = system::unmount(&space::folder(&self.run_dir));
        let path = self.run_dir.join(RECORD);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(KernelError::System {
                what: format!("remove {}", path.display()),
                source: error,
            }),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn process(&self) -> Process {
        Process {
            pid: self.pid,
            start_time: self.start_time,
        }
    }

    /// Written whole and then renamed, so that nobody reads a part of it.
    fn write_record(&self) -> Result<(), KernelError> {
        let path = self.run_dir.join(RECORD);
        let record = Record {
            pid: self.pid,
            start_time: self.start_time,
            boot: boot()?,
        };
        let text = serde_json::to_vec(&record).map_err(|source| KernelError::Record {
            path: path.clone(),
            source,
        })?;
        let new = path.with_extension("new");
        (|| {
            fs::write(&new, text)?;
            fs::rename(&new, &path)
        })()
        .map_err(KernelError::system(format!("write {}", path.display())))
    }
}

fn boot() -> Result<String, KernelError> {
    let path = "/proc/sys/kernel/random/boot_id";
    let id = fs::read_to_string(path).map_err(KernelError::system(format!("read {path}")))?;
    Ok(id.trim().to_owned())
}

/// Starts the init process: a child makes the namespaces, then a child of that is the first in them. Answers its
/// number.
fn start_init(pins: &Path) -> Result<u32, KernelError> {
    let failed = || KernelError::system("start the network's first process");
    let (answers, answer) = io::pipe().map_err(failed())?;
    let (mut go, mut going) = io::pipe().map_err(failed())?;
    // SAFETY: the caller has a single thread (see Anchor::start), so the child may do anything.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop((answers, going));
        let mut answer = answer;
        let ended = make_namespaces(&mut answer, &mut go, pins);
        if let Err((step, error)) = ended {
            // When the parent has gone nobody wants to know.
            let code = error.raw_os_error().unwrap_or(0);
            let _ = say(&mut answer, &format!("failed {code} {step}"));
        }
        // SAFETY: ends this process, without the parent's destructors and buffers.
        unsafe { libc::_exit(0) }
    }
    system::check(child).map_err(failed())?;
    drop((answer, go));
    let started = follow(answers, &mut going, child);
    drop(going);
    system::wait_for(child).map_err(failed())?;
    started
}

/// Two processes answer, in any order: each line is written at once, so that none is torn.
fn say(answer: &mut PipeWriter, line: &str) -> io::Result<()> {
    answer.write_all(format!("{line}\n").as_bytes())
}

/// The parent's part: maps users, then reads what became of it.
fn follow(
    answers: PipeReader,
    going: &mut PipeWriter,
    child: libc::pid_t,
) -> Result<u32, KernelError> {
    let failed = || KernelError::system("start the network's first process");
    let mut pid = None;
    let mut ready = false;
    for line in BufReader::new(answers).lines() {
        let line = line.map_err(failed())?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("user", _) => {
                map_users(child).map_err(KernelError::system("map users into a user namespace"))?;
                going.write_all(b"g").map_err(failed())?;
            }
            ("pid", number) => pid = number.parse().ok(),
            ("ready", _) => ready = true,
            (_, problem) => {
                let (code, step) = problem.split_once(' ').unwrap_or(("0", problem));
                let source = io::Error::from_raw_os_error(code.parse().unwrap_or(0));
                return Err(KernelError::System {
                    what: step.to_owned(),
                    source,
                });
            }
        }
        if let (Some(pid), true) = (pid, ready) {
            return Ok(pid);
        }
    }
    Err(failed()(io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "it ended before it was ready",
    )))
}

fn map_users(child: libc::pid_t) -> io::Result<()> {
    // SAFETY: these take no arguments and cannot fail.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    if uid == 0 {
        for map in ["uid_map", "gid_map"] {
            let own = fs::read_to_string(format!("/proc/self/{map}"))?;
            let mut fields = own.split_whitespace();
            let length = match (
                fields.next(),
                fields.nth(1).and_then(|length| length.parse::<u64>().ok()),
            ) {
                (Some("0"), Some(length)) => length.min(USERS),
                _ => 1,
            };
            if length == 1 && map == "gid_map" {
                fs::write(format!("/proc/{child}/setgroups"), "deny")?;
            }
            fs::write(format!("/proc/{child}/{map}"), format!("0 0 {length}"))?;
        }
        return Ok(());
    }
    fs::write(format!("/proc/{child}/uid_map"), format!("0 {uid} 1"))?;
    fs::write(format!("/proc/{child}/setgroups"), "deny")?;
    fs::write(format!("/proc/{child}/gid_map"), format!("0 {gid} 1"))
}

type Step = (&'static str, io::Error);

/// The child's part, and the grandchild's, which never returns when all went well.
fn make_namespaces(answer: &mut PipeWriter, go: &mut PipeReader, pins: &Path) -> Result<(), Step> {
    let step = |what| move |error| (what, error);
    system::unshare(libc::CLONE_NEWUSER).map_err(step("make a user namespace"))?;
    say(answer, "user").map_err(step("report"))?;
    go.read_exact(&mut [0])
        .map_err(step("wait for the mapping of users"))?;
    system::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWPID)
        .map_err(step("make mount, network and PID namespaces"))?;
    // SAFETY: this process has a single thread.
    let init = unsafe { libc::fork() };
    system::check(init).map_err(step("start the first process in them"))?;
    if init != 0 {
        return say(answer, &format!("pid {init}")).map_err(step("report"));
    }
    become_init(pins)?;
    say(answer, "ready").map_err(step("report"))?;
    close_others();
    loop {
        // SAFETY: pause() takes no pointers.
        unsafe { libc::pause() };
    }
}

fn become_init(pins: &Path) -> Result<(), Step> {
    let step = |what| move |error| (what, error);
    // SAFETY: none of these has a pointer but the name, which is static; SIG_IGN is a valid disposition. Ignored
    // SIGCHLD reaps.
    unsafe {
        libc::setsid();
        for signal in [
            libc::SIGHUP,
            libc::SIGINT,
            libc::SIGTERM,
            libc::SIGQUIT,
            libc::SIGPIPE,
            libc::SIGTSTP,
            libc::SIGTTIN,
            libc::SIGTTOU,
            libc::SIGUSR1,
            libc::SIGUSR2,
            libc::SIGALRM,
            libc::SIGCHLD,
        ] {
            libc::signal(signal, libc::SIG_IGN);
        }
        const NAME: &CStr = c"strait-anchor";
        libc::prctl(libc::PR_SET_NAME, NAME.as_ptr());
    }
    system::mount(
        Path::new(""),
        Path::new("/"),
        "",
        libc::MS_REC | libc::MS_PRIVATE,
        "",
    )
    .map_err(step("make mounts private"))?;
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    system::mount(Path::new("strait"), pins, "tmpfs", flags, "mode=0700")
        .map_err(step("mount a tmpfs for namespaces"))?;
    let processes = pins.join(space::PROCESSES);
    File::create(&processes).map_err(step("make a file for the PID namespace"))?;
    system::mount(
        Path::new("/proc/self/ns/pid"),
        &processes,
        "",
        libc::MS_BIND,
        "",
    )
    .map_err(step("pin the PID namespace"))?;
    std::env::set_current_dir("/").map_err(step("go to the root folder"))?;
    let null = File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(step("open /dev/null"))?;
    for standard in 0..3 {
        // SAFETY: dup2() takes no pointers.
        system::check(unsafe { libc::dup2(null.as_raw_fd(), standard) })
            .map_err(step("close the terminal"))?;
    }
    Ok(())
}

/// Closes all descriptors but the standard ones.
fn close_others() {
    // SAFETY: nothing in this process uses those descriptors after this; no owner of one runs any more.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_int::MAX, 0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_record_names_no_anchor() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Anchor::find(folder.path()).expect("no record"), None);
        let write = |pid: u32, start_time: u64, boot: &str| {
            let text = format!("{{\"pid\":{pid},\"start_time\":{start_time},\"boot\":\"{boot}\"}}");
            fs::write(folder.path().join(RECORD), text).expect("a record");
        };
        let own = std::process::id();
        let started = system::start_time(own).expect("we run");
        let boot = boot().expect("a boot");
        write(own, started + 1, &boot);
        assert_eq!(Anchor::find(folder.path()).expect("another process"), None);
        write(own, started, "another");
        assert_eq!(Anchor::find(folder.path()).expect("another boot"), None);
        write(own, started, &boot);
        assert_eq!(
            Anchor::find(folder.path())
                .expect("this process")
                .map(|anchor| anchor.pid),
            Some(own)
        );
    }

    #[test]
    fn a_broken_record_is_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(RECORD), "{").expect("a record");
        assert!(matches!(
            Anchor::find(folder.path()),
            Err(KernelError::Record { .. })
        ));
    }
}
