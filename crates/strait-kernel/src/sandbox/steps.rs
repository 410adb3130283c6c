//! What a sandbox's mounts are made of: planned before the fork, when memory may be allocated; done after it.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::sandbox::{Sandbox, mapped_users};
use crate::space;
use crate::system::c_path;

const OWN: &str = "/run/.strait";
const DEVICES: [&str; 8] = [
    "null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts",
];
const LOOKUP: &str = "files dns";

/// One step. Those that make a folder or file do not mind when it is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Unmount(CString),
    Hostname(CString),
    /// Keeps a file or folder in a slot before it is hidden.
    Keep {
        slot: usize,
        source: CString,
    },
    /// Makes what is kept visible.
    Place {
        slot: usize,
        target: CString,
    },
    Memory {
        target: CString,
        options: CString,
    },
    Folder(CString),
    Empty(CString),
    Write {
        path: CString,
        content: Vec<u8>,
    },
    Link {
        text: CString,
        path: CString,
    },
    Bind {
        source: CString,
        target: CString,
    },
    Processes,
    /// Makes a mount read-only, or all mounts from there on.
    ReadOnly {
        path: CString,
        deep: bool,
    },
}

/// All steps, and how many slots they use.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    pub(crate) list: Vec<Step>,
    pub(crate) slots: usize,
    keeps: Vec<Step>,
}

/// Plans the mounts of a process.
pub(crate) fn plan(run_dir: &Path, host: Option<&str>, sandbox: &Sandbox) -> io::Result<Steps> {
    let mut steps = Steps::default();
    let (masks, memory) = masks(run_dir, sandbox);
    let mut places = Vec::new();
    for (source, target) in &sandbox.binds {
        places.push((steps.keep(source)?, source.is_dir(), target.clone()));
    }
    places.sort_by(|one, other| one.2.cmp(&other.2));
    for mask in &masks {
        if mask.is_dir() {
            let options = if memory.contains(mask) && mask != Path::new("/run") {
                c"mode=1777"
            } else {
                c"mode=0755"
            };
            steps.list.push(Step::Memory {
                target: c_path(mask)?,
                options: options.to_owned(),
            });
        } else {
            steps.list.push(Step::Bind {
                source: c"/dev/null".to_owned(),
                target: c_path(mask)?,
            });
        }
    }
    steps.devices()?;
    steps.folders(Path::new(OWN))?;
    for (slot, is_folder, target) in places {
        steps.place(slot, is_folder, &target)?;
    }
    steps.names(sandbox)?;
    steps.list.push(Step::Processes);
    if mapped_users() > 1 {
        // The machine's root is the system's root to files: what the kernel lets any root write is closed to it.
        for folder in ["/proc/sys", "/proc/sys/net"] {
            steps.list.push(Step::Bind {
                source: c_path(Path::new(folder))?,
                target: c_path(Path::new(folder))?,
            });
        }
        if Path::new("/proc/sysrq-trigger").exists() {
            steps.list.push(Step::Bind {
                source: c"/dev/null".to_owned(),
                target: c"/proc/sysrq-trigger".to_owned(),
            });
        }
        steps.list.push(Step::ReadOnly {
            path: c"/proc/sys".to_owned(),
            deep: false,
        });
        steps.list.push(Step::ReadOnly {
            path: c"/sys".to_owned(),
            deep: true,
        });
    }
    if let Some(host) = host {
        steps.list.push(Step::Hostname(CString::new(host)?));
    }
    let keeps = std::mem::take(&mut steps.keeps);
    let first = Step::Unmount(c_path(&space::folder(run_dir))?);
    steps.list.splice(0..0, std::iter::once(first).chain(keeps));
    Ok(steps)
}

impl Step {
    /// What it does, for messages.
    pub(crate) fn describe(&self) -> String {
        let text = |text: &CString| text.to_string_lossy().into_owned();
        match self {
            Self::Unmount(path) => format!("unmount {}", text(path)),
            Self::Hostname(name) => format!("set the host name to {}", text(name)),
            Self::Keep { source, .. } => format!("keep {} in sight", text(source)),
            Self::Place { target, .. } | Self::Bind { target, .. } => {
                format!("mount {}", text(target))
            }
            Self::Memory { target, .. } => format!("mount a tmpfs at {}", text(target)),
            Self::Folder(path)
            | Self::Empty(path)
            | Self::Write { path, .. }
            | Self::Link { path, .. } => format!("make {}", text(path)),
            Self::Processes => "mount /proc".to_owned(),
            Self::ReadOnly { path, .. } => format!("make {} read-only", text(path)),
        }
    }
}

impl Steps {
    /// Keeps a path before anything is hidden; answers its slot.
    fn keep(&mut self, source: &Path) -> io::Result<usize> {
        let slot = self.slots;
        self.slots += 1;
        self.keeps.push(Step::Keep {
            slot,
            source: c_path(source)?,
        });
        Ok(slot)
    }

    fn place(&mut self, slot: usize, is_folder: bool, target: &Path) -> io::Result<()> {
        if is_folder {
            self.folders(target)?;
        } else {
            self.folders(target.parent().unwrap_or(Path::new("/")))?;
            self.list.push(Step::Empty(c_path(target)?));
        }
        self.list.push(Step::Place {
            slot,
            target: c_path(target)?,
        });
        Ok(())
    }

    /// A folder and all above it.
    fn folders(&mut self, folder: &Path) -> io::Result<()> {
        let mut above: Vec<_> = folder
            .ancestors()
            .filter(|folder| folder.parent().is_some())
            .collect();
        above.reverse();
        for folder in above {
            self.list.push(Step::Folder(c_path(folder)?));
        }
        Ok(())
    }

    fn write(&mut self, path: &Path, content: &str) -> io::Result<()> {
        self.list.push(Step::Write {
            path: c_path(path)?,
            content: content.as_bytes().to_vec(),
        });
        Ok(())
    }

    /// A /dev with the devices that harm nobody.
    fn devices(&mut self) -> io::Result<()> {
        let mut kept = Vec::new();
        for name in DEVICES {
            let path = Path::new("/dev").join(name);
            if path.exists() {
                kept.push((self.keep(&path)?, path.is_dir(), path));
            }
        }
        self.list.push(Step::Memory {
            target: c"/dev".to_owned(),
            options: c"mode=0755".to_owned(),
        });
        for (slot, is_folder, path) in kept {
            self.place(slot, is_folder, &path)?;
        }
        for (text, path) in [
            (c"/proc/self/fd", c"/dev/fd"),
            (c"/proc/self/fd/0", c"/dev/stdin"),
            (c"/proc/self/fd/1", c"/dev/stdout"),
            (c"/proc/self/fd/2", c"/dev/stderr"),
        ] {
            self.list.push(Step::Link {
                text: text.to_owned(),
                path: path.to_owned(),
            });
        }
        self.list.push(Step::Folder(c"/dev/shm".to_owned()));
        self.list.push(Step::Memory {
            target: c"/dev/shm".to_owned(),
            options: c"mode=1777".to_owned(),
        });
        Ok(())
    }

    /// /etc/resolv.conf, /etc/nsswitch.conf and /etc/hosts.
    fn names(&mut self, sandbox: &Sandbox) -> io::Result<()> {
        let mut files = Vec::new();
        if let Some(text) = &sandbox.resolv_conf {
            files.push(("resolv.conf", text.clone()));
            if let Ok(switch) = fs::read_to_string("/etc/nsswitch.conf") {
                files.push(("nsswitch.conf", lookup_order(&switch)));
            }
        }
        if let Some(text) = &sandbox.hosts {
            files.push(("hosts", text.clone()));
        }
        let sights: Vec<_> = files
            .iter()
            .map(|(name, _)| sight(&Path::new("/etc").join(name)))
            .collect();
        if sights.contains(&Sight::Absent) {
            return self.own_etc(&files);
        }
        for ((name, content), sight) in files.iter().zip(sights) {
            match sight {
                Sight::There(target) => {
                    let own = Path::new(OWN).join(name);
                    self.write(&own, content)?;
                    self.list.push(Step::Bind {
                        source: c_path(&own)?,
                        target: c_path(&target)?,
                    });
                }
                Sight::Emptied(target) => {
                    self.folders(target.parent().unwrap_or(Path::new("/")))?;
                    self.write(&target, content)?;
                }
                Sight::Absent => {}
            }
        }
        Ok(())
    }

    /// A file that /etc has not cannot be mounted there: a new /etc leads to the old one's files.
    fn own_etc(&mut self, files: &[(&str, String)]) -> io::Result<()> {
        let old = Path::new(OWN).join("etc");
        let slot = self.keep(Path::new("/etc"))?;
        self.place(slot, true, &old)?;
        self.list.push(Step::Memory {
            target: c"/etc".to_owned(),
            options: c"mode=0755".to_owned(),
        });
        for entry in fs::read_dir("/etc")? {
            let entry = entry?;
            let name = entry.file_name();
            if files.iter().any(|(file, _)| name == *file) {
                continue;
            }
            let text = if entry.file_type()?.is_symlink() {
                fs::read_link(entry.path())?
            } else {
                old.join(&name)
            };
            self.list.push(Step::Link {
                text: c_path(&text)?,
                path: c_path(&entry.path())?,
            });
        }
        files
            .iter()
            .try_for_each(|(name, content)| self.write(&Path::new("/etc").join(name), content))
    }
}

/// Where a file of /etc really is, and what the sandbox makes of it.
#[derive(Debug, PartialEq, Eq)]
enum Sight {
    /// It is there.
    There(PathBuf),
    /// It is, or may be, in a folder that is empty in the sandbox.
    Emptied(PathBuf),
    /// It is nowhere.
    Absent,
}

fn sight(path: &Path) -> Sight {
    let mut path = path.to_owned();
    for _ in 0..8 {
        let Ok(text) = fs::read_link(&path) else {
            break;
        };
        path = normal(&path.parent().unwrap_or(Path::new("/")).join(text));
    }
    let path = match path.strip_prefix("/var/run") {
        Ok(inner) => Path::new("/run").join(inner),
        Err(_) => path,
    };
    if ["/run", "/tmp"]
        .iter()
        .any(|folder| path.starts_with(folder))
    {
        Sight::Emptied(path)
    } else if path.is_file() {
        Sight::There(path)
    } else {
        Sight::Absent
    }
}

fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => normal.push(part),
        }
    }
    normal
}

/// What is hidden, without what is inside of something hidden; and which of it everybody may write to.
fn masks(run_dir: &Path, sandbox: &Sandbox) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let memory: Vec<_> = ["/run", "/tmp"]
        .map(PathBuf::from)
        .into_iter()
        .filter(|path| path.is_dir())
        .collect();
    let hidden = sandbox
        .hide
        .iter()
        .map(PathBuf::as_path)
        .chain([run_dir])
        .filter_map(|path| path.canonicalize().ok());
    let mut masks: Vec<PathBuf> = hidden.chain(memory.iter().cloned()).collect();
    masks.sort_by(|one, other| one.as_os_str().as_bytes().cmp(other.as_os_str().as_bytes()));
    let mut outer: Vec<PathBuf> = Vec::new();
    for mask in masks {
        if !outer.iter().any(|outer| mask.starts_with(outer)) {
            outer.push(mask);
        }
    }
    (outer, memory)
}

/// Names are looked up in /etc/hosts and by DNS, whatever else the system asks.
fn lookup_order(switch: &str) -> String {
    let lines = switch.lines().map(|line| {
        if line.trim_start().starts_with("hosts:") {
            format!("hosts: {LOOKUP}\n")
        } else {
            format!("{line}\n")
        }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn names_are_looked_up_by_dns_only() {
        let switch =
            "passwd: files systemd\nhosts:  files mymachines resolve [!UNAVAIL=return] dns\n";
        assert_eq!(
            lookup_order(switch),
            "passwd: files systemd\nhosts: files dns\n"
        );
    }

    #[test]
    fn a_link_is_followed_to_where_the_file_will_be() {
        let folder = tempfile::Builder::new()
            .tempdir_in("/var/tmp")
            .expect("a folder");
        let at = |name: &str| folder.path().join(name);
        symlink(
            "../../../run/systemd/resolve/stub-resolv.conf",
            at("resolved"),
        )
        .expect("a link");
        assert_eq!(
            sight(&at("resolved")),
            Sight::Emptied(PathBuf::from("/run/systemd/resolve/stub-resolv.conf"))
        );
        symlink("/var/run/resolv.conf", at("old")).expect("a link");
        assert_eq!(
            sight(&at("old")),
            Sight::Emptied(PathBuf::from("/run/resolv.conf"))
        );
        fs::write(at("plain"), "").expect("a file");
        symlink("plain", at("near")).expect("a link");
        assert_eq!(sight(&at("near")), Sight::There(at("plain")));
        assert_eq!(sight(&at("none")), Sight::Absent);
    }

    #[test]
    fn what_is_hidden_already_is_not_hidden_again() {
        let data = tempfile::Builder::new()
            .tempdir_in("/var/tmp")
            .expect("a folder");
        let data = data.path().canonicalize().expect("a path");
        let run_dir = data.join("run");
        fs::create_dir(&run_dir).expect("a folder");
        let sandbox = Sandbox {
            hide: vec![data.clone(), PathBuf::from("/nowhere/at/all")],
            ..Sandbox::default()
        };
        let (masks, _) = masks(&run_dir, &sandbox);
        assert!(
            masks.contains(&data) && !masks.contains(&run_dir) && masks.len() <= 3,
            "{masks:?}"
        );
    }

    #[test]
    fn binds_are_kept_before_anything_is_hidden() {
        let data = tempfile::Builder::new()
            .tempdir_in("/var/tmp")
            .expect("a folder");
        let inner = data.path().join("inner");
        fs::create_dir(&inner).expect("a folder");
        let sandbox = Sandbox {
            hide: vec![data.path().to_owned()],
            binds: vec![(inner.clone(), inner)],
            ..Sandbox::default()
        };
        let steps = plan(data.path(), Some("i-1"), &sandbox)
            .expect("steps")
            .list;
        let place = |wanted: fn(&Step) -> bool| steps.iter().position(wanted).expect("a step");
        assert!(matches!(steps[0], Step::Unmount(_)));
        assert!(
            place(|step| matches!(step, Step::Keep { .. }))
                < place(|step| matches!(step, Step::Memory { .. }))
        );
        assert!(
            place(|step| matches!(step, Step::Memory { .. }))
                < place(|step| matches!(step, Step::Place { .. }))
        );
    }
}
