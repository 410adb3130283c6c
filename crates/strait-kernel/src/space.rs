//! Namespaces, pinned as files in the anchor's mount namespace: `ns/routers/NAME/net`, `ns/hosts/NAME/{net,user}`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use crate::error::KernelError;
use crate::plan::{Kind, Name};
use crate::process::Process;
use crate::system;

/// The pin of the anchor's PID namespace.
pub(crate) const PROCESSES: &str = "pid";

/// The folder of the pins.
#[derive(Debug)]
pub(crate) struct Spaces {
    folder: PathBuf,
}

impl Spaces {
    /// Opens the folder of an anchor that this process has joined.
    pub(crate) fn open(run_dir: &Path) -> Result<Self, KernelError> {
        let folder = folder(run_dir);
        if !system::is_tmpfs(&folder) {
            return Err(KernelError::NotJoined {
                run_dir: run_dir.to_owned(),
            });
        }
        for part in ["routers", "hosts"] {
            let path = folder.join(part);
            fs::create_dir_all(&path)
                .map_err(KernelError::system(format!("make {}", path.display())))?;
        }
        Ok(Self { folder })
    }

    /// All namespaces, and whether each has a user namespace of its own.
    pub(crate) fn list(&self) -> Result<BTreeMap<Name, bool>, KernelError> {
        let mut spaces = BTreeMap::new();
        for (part, is_router) in [("routers", true), ("hosts", false)] {
            let path = self.folder.join(part);
            let list = || {
                fs::read_dir(&path)?
                    .map(|entry| Ok(entry?.file_name()))
                    .collect::<io::Result<Vec<_>>>()
            };
            for entry in list().map_err(KernelError::system(format!("list {}", path.display())))? {
                let plain = entry.to_string_lossy().into_owned();
                let name = if is_router {
                    Name::Router(plain)
                } else {
                    Name::Host(plain)
                };
                let owned = system::is_namespace(&self.pin(&name, "user"));
                spaces.insert(name, owned);
            }
        }
        Ok(spaces)
    }

    /// Whether a namespace is there, whole.
    pub(crate) fn has(&self, name: &Name) -> bool {
        system::is_namespace(&self.pin(name, "net"))
    }

    /// Makes a namespace.
    pub(crate) fn create(&self, name: &Name, kind: Kind) -> Result<(), KernelError> {
        let failed = |source| KernelError::System {
            what: format!("make the namespace of {name}"),
            source,
        };
        fs::create_dir_all(self.pin(name, "processes")).map_err(failed)?;
        let net = self.pin(name, "net");
        File::create(&net).map_err(failed)?;
        if kind.has_own_root() {
            let user = self.pin(name, "user");
            File::create(&user).map_err(failed)?;
            return create_with_root(&user, &net).map_err(failed);
        }
        on_thread(|| {
            system::unshare(libc::CLONE_NEWNET)?;
            pin(Path::new("/proc/thread-self/ns/net"), &net)
        })
        .map_err(failed)
    }

    /// Forgets a namespace: its processes end, and the kernel removes it when nothing uses it any more.
    pub(crate) fn remove(&self, name: &Name) -> Result<(), KernelError> {
        for process in self.processes(name) {
            process.kill();
        }
        let folder = self.pin(name, "");
        let failed = |source| KernelError::System {
            what: format!("remove the namespace of {name}"),
            source,
        };
        for part in ["net", "user"] {
            let pin = folder.join(part);
            if system::is_namespace(&pin) {
                system::unmount(&pin).map_err(failed)?;
            }
        }
        fs::remove_dir_all(&folder).map_err(failed)
    }

    /// A namespace's descriptor; `part` is `net` or `user`.
    pub(crate) fn descriptor(&self, name: &Name, part: &str) -> Result<OwnedFd, KernelError> {
        let path = self.pin(name, part);
        if !system::is_namespace(&path) {
            return Err(KernelError::NoNamespace {
                name: name.plain().to_owned(),
            });
        }
        let file =
            File::open(&path).map_err(KernelError::system(format!("open {}", path.display())))?;
        Ok(file.into())
    }

    /// The anchor's PID namespace.
    pub(crate) fn processes_namespace(&self) -> Result<OwnedFd, KernelError> {
        let path = self.folder.join(PROCESSES);
        let file =
            File::open(&path).map_err(KernelError::system(format!("open {}", path.display())))?;
        Ok(file.into())
    }

    /// Runs something on a thread of its own inside a network namespace. The thread ends there.
    pub(crate) fn inside<T: Send>(
        &self,
        name: &Name,
        work: impl FnOnce() -> T + Send,
    ) -> Result<T, KernelError> {
        let namespace = self.descriptor(name, "net")?;
        on_thread(|| {
            system::enter(namespace.as_fd(), libc::CLONE_NEWNET)?;
            Ok(work())
        })
        .map_err(KernelError::system(format!(
            "enter the namespace of {name}"
        )))
    }

    /// The router or host of a name.
    pub(crate) fn find(&self, name: &str) -> Result<Name, KernelError> {
        let names = [Name::Router(name.to_owned()), Name::Host(name.to_owned())];
        names
            .into_iter()
            .find(|name| self.has(name))
            .ok_or_else(|| KernelError::NoNamespace {
                name: name.to_owned(),
            })
    }

    /// The hash of the rules that are in a namespace, when they are known.
    pub(crate) fn rules_hash(&self, name: &Name) -> Option<String> {
        fs::read_to_string(self.pin(name, "rules")).ok()
    }

    /// Notes the hash of the rules that are in a namespace; `None` while they change.
    pub(crate) fn note_rules(&self, name: &Name, hash: Option<&str>) -> Result<(), KernelError> {
        let path = self.pin(name, "rules");
        let noted = match hash {
            Some(hash) => fs::write(&path, hash),
            None if path.exists() => fs::remove_file(&path),
            None => Ok(()),
        };
        noted.map_err(KernelError::system(format!("note the rules of {name}")))
    }

    /// The settings that were made in a namespace, when all of them were.
    pub(crate) fn settings(&self, name: &Name) -> Option<String> {
        fs::read_to_string(self.pin(name, "settings")).ok()
    }

    /// Notes the settings that were made in a namespace.
    pub(crate) fn note_settings(&self, name: &Name, text: &str) -> Result<(), KernelError> {
        fs::write(self.pin(name, "settings"), text)
            .map_err(KernelError::system(format!("note the settings of {name}")))
    }

    /// Notes a process, so that it ends with its host.
    pub(crate) fn note_process(&self, name: &Name, process: &Process) -> Result<(), KernelError> {
        for ended in self
            .processes(name)
            .into_iter()
            .filter(|process| !process.alive())
        {
            // Another caller may have removed it meanwhile.
            let _ = fs::remove_file(self.process_file(name, &ended));
        }
        let path = self.process_file(name, process);
        File::create(&path).map_err(KernelError::system(format!("note a process of {name}")))?;
        Ok(())
    }

    /// The processes that were started in a host.
    pub(crate) fn processes(&self, name: &Name) -> Vec<Process> {
        let Ok(entries) = fs::read_dir(self.pin(name, "processes")) else {
            return Vec::new();
        };
        let parse = |file: &str| {
            let (pid, start_time) = file.split_once('-')?;
            Some(Process {
                pid: pid.parse().ok()?,
                start_time: start_time.parse().ok()?,
            })
        };
        entries
            .flatten()
            .filter_map(|entry| parse(&entry.file_name().to_string_lossy()))
            .collect()
    }

    fn process_file(&self, name: &Name, process: &Process) -> PathBuf {
        self.pin(name, "processes")
            .join(format!("{}-{}", process.pid, process.start_time))
    }

    fn pin(&self, name: &Name, part: &str) -> PathBuf {
        let folder = match name {
            Name::Router(name) => self.folder.join("routers").join(name),
            Name::Host(name) => self.folder.join("hosts").join(name),
        };
        folder.join(part)
    }
}

/// Where the pins are.
pub(crate) fn folder(run_dir: &Path) -> PathBuf {
    run_dir.join("ns")
}

/// A network namespace in a user namespace of its own: only a new process can make that.
fn create_with_root(user: &Path, net: &Path) -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    let child = clone_waiting(&reader, &writer)?;
    let pinned = (|| {
        for map in ["uid_map", "gid_map"] {
            let length = fs::read_to_string(format!("/proc/self/{map}"))?;
            let length = length.split_whitespace().nth(2).unwrap_or("1").to_owned();
            fs::write(format!("/proc/{child}/{map}"), format!("0 0 {length}"))?;
        }
        pin(Path::new(&format!("/proc/{child}/ns/user")), user)?;
        pin(Path::new(&format!("/proc/{child}/ns/net")), net)
    })();
    drop((reader, writer));
    // SAFETY: kill() takes no pointers; the child is ours and not waited for yet, so its number is its own.
    unsafe { libc::kill(child, libc::SIGKILL) };
    system::wait_for(child)?;
    pinned
}

/// A child in a new user namespace and a new network namespace of that. It waits until the pipe closes.
fn clone_waiting(reader: &PipeReader, writer: &PipeWriter) -> io::Result<libc::pid_t> {
    let (reader, writer) = (reader.as_raw_fd(), writer.as_raw_fd());
    let flags = libc::c_long::from(libc::CLONE_NEWUSER | libc::CLONE_NEWNET | libc::SIGCHLD);
    // SAFETY: without CLONE_VM this is a fork: the child has its own memory and stack. It makes system calls only, on
    // a local byte, and ends with _exit, so locks that other threads held at the fork do not matter.
    unsafe {
        let child = libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0);
        if child == 0 {
            libc::close(writer);
            let mut byte = 0_u8;
            libc::read(reader, (&raw mut byte).cast(), 1);
            libc::_exit(0);
        }
        system::check(child as libc::c_int)?;
        Ok(child as libc::pid_t)
    }
}

fn pin(namespace: &Path, at: &Path) -> io::Result<()> {
    system::mount(namespace, at, "", libc::MS_BIND, "")
}

fn on_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("strait-inside".to_owned())
            .spawn_scoped(scope, work)?;
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}
