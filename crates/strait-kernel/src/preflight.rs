//! What this machine lacks, found in /proc and /sys before anything fails.

use std::fs;
use std::path::{Path, PathBuf};

/// The machine that is looked at: its files below a root folder, and where its programs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The folder that stands for `/`.
    pub root: PathBuf,
    /// Folders with programs, below `root`.
    pub path: Vec<PathBuf>,
    /// Whether the user is root.
    pub is_root: bool,
}

/// Something that this machine lacks, and the command that mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What is missing and what for.
    pub what: String,
    /// The exact command, or the exact change.
    pub fix: String,
}

impl Machine {
    /// The machine that this runs on.
    pub fn this() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // SAFETY: geteuid() takes no arguments and cannot fail.
        let is_root = unsafe { libc::geteuid() } == 0;
        Self {
            root: PathBuf::from("/"),
            path: std::env::split_paths(&path).collect(),
            is_root,
        }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn number(&self, path: &str) -> Option<u64> {
        fs::read_to_string(self.file(path))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    fn has_program(&self, name: &str) -> bool {
        let known = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
        let below = |folder: &Path| {
            self.root
                .join(folder.strip_prefix("/").unwrap_or(folder))
                .join(name)
        };
        self.path
            .iter()
            .chain(&known)
            .any(|folder| below(folder).is_file())
    }
}

/// What the machine lacks for a network. Empty when nothing is missing.
pub fn preflight(machine: &Machine) -> Vec<Missing> {
    [
        user_namespaces_exist(machine),
        user_namespaces_allowed(machine),
        apparmor(machine),
        enough_namespaces(machine),
        nft(machine),
        hidden_proc(machine),
        read_only_settings(machine),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn user_namespaces_exist(machine: &Machine) -> Option<Missing> {
    let kinds = ["user", "net", "mnt", "pid"];
    let missing: Vec<_> = kinds
        .into_iter()
        .filter(|kind| {
            fs::symlink_metadata(machine.file(&format!("/proc/self/ns/{kind}"))).is_err()
        })
        .collect();
    (!missing.is_empty()).then(|| Missing {
        what: format!("this kernel has no {} namespaces, which a network is made of", missing.join(", ")),
        fix: "use a kernel with CONFIG_USER_NS, CONFIG_NET_NS and CONFIG_PID_NS (every distribution's has them)".to_owned(),
    })
}

fn user_namespaces_allowed(machine: &Machine) -> Option<Missing> {
    let forbidden =
        !machine.is_root && machine.number("/proc/sys/kernel/unprivileged_userns_clone") == Some(0);
    forbidden.then(|| Missing {
        what: "only root may make user namespaces on this machine (kernel.unprivileged_userns_clone is 0)".to_owned(),
        fix: "sudo sysctl -w kernel.unprivileged_userns_clone=1".to_owned(),
    })
}

fn apparmor(machine: &Machine) -> Option<Missing> {
    let restricted = !machine.is_root
        && machine.number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1);
    let label = fs::read_to_string(machine.file("/proc/self/attr/current")).unwrap_or_default();
    // A profile of its own for this program, with the right to user namespaces, has its name here.
    if !restricted || !matches!(label.trim_end_matches(['\0', '\n']), "" | "unconfined") {
        return None;
    }
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/bin/strait"));
    let program = program.display();
    Some(Missing {
        what: "AppArmor takes user namespaces from programs without a profile (kernel.apparmor_restrict_unprivileged_userns is 1)".to_owned(),
        fix: format!(
            "printf 'abi <abi/4.0>,\\nprofile strait {program} flags=(unconfined) {{\\n  userns,\\n}}\\n' | sudo tee /etc/apparmor.d/strait && sudo apparmor_parser -r /etc/apparmor.d/strait"
        ),
    })
}

fn enough_namespaces(machine: &Machine) -> Option<Missing> {
    let low: Vec<_> = ["user", "net", "mnt", "pid"]
        .into_iter()
        .map(|kind| format!("max_{kind}_namespaces"))
        .filter(|limit| {
            machine
                .number(&format!("/proc/sys/user/{limit}"))
                .is_some_and(|limit| limit < 64)
        })
        .collect();
    let settings: Vec<_> = low
        .iter()
        .map(|limit| format!("user.{limit}=15000"))
        .collect();
    (!low.is_empty()).then(|| Missing {
        what: format!(
            "this machine allows too few namespaces ({})",
            low.join(", ")
        ),
        fix: format!("sudo sysctl -w {}", settings.join(" ")),
    })
}

fn nft(machine: &Machine) -> Option<Missing> {
    (!machine.has_program("nft")).then(|| Missing {
        what: "there is no `nft`, which filters packets".to_owned(),
        fix: "sudo apt-get install nftables (or: sudo dnf install nftables)".to_owned(),
    })
}

/// A fresh /proc may be mounted only where the present one is whole; containers cover parts of it.
fn hidden_proc(machine: &Machine) -> Option<Missing> {
    let mounts = fs::read_to_string(machine.file("/proc/self/mountinfo")).unwrap_or_default();
    let covered = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .find(|target| {
            target
                .strip_prefix("/proc/")
                .is_some_and(|inner| !inner.starts_with("sys/fs/binfmt_misc"))
        })?;
    Some(Missing {
        what: format!("this container covers {covered}, so that processes cannot have a /proc of their own"),
        fix: "start the container with --security-opt systempaths=unconfined (Docker, Podman) or procMount: Unmasked (Kubernetes)".to_owned(),
    })
}

fn read_only_settings(machine: &Machine) -> Option<Missing> {
    let mounts = fs::read_to_string(machine.file("/proc/self/mountinfo")).unwrap_or_default();
    let read_only = mounts.lines().any(|line| {
        let mut fields = line.split(' ');
        let target = fields.nth(4);
        matches!(target, Some("/proc" | "/proc/sys"))
            && fields
                .next()
                .is_some_and(|options| options.split(',').any(|option| option == "ro"))
    });
    read_only.then(|| Missing {
        what: "/proc/sys is read-only here, so that a network's settings cannot be made".to_owned(),
        fix: "start the container with --security-opt systempaths=unconfined, or mount /proc writable".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_machine_lacks_nothing() {
        let fake = Fake::new();
        assert_eq!(preflight(&fake.machine), []);
    }

    #[test]
    fn each_lack_is_named_with_its_remedy() {
        let cases = [
            (
                "proc/sys/kernel/unprivileged_userns_clone",
                "0\n",
                "sysctl -w kernel.unprivileged_userns_clone=1",
            ),
            (
                "proc/sys/kernel/apparmor_restrict_unprivileged_userns",
                "1\n",
                "/etc/apparmor.d/strait",
            ),
            (
                "proc/sys/user/max_user_namespaces",
                "0\n",
                "sysctl -w user.max_user_namespaces=15000",
            ),
            (
                "proc/self/mountinfo",
                "1 2 0:3 / /proc/kcore rw - tmpfs tmpfs rw\n",
                "systempaths=unconfined",
            ),
            (
                "proc/self/mountinfo",
                "1 2 0:3 / /proc/sys ro,nosuid - proc proc rw\n",
                "read-only",
            ),
        ];
        for (file, content, remedy) in cases {
            let fake = Fake::new();
            fake.write(file, content);
            let missing = preflight(&fake.machine);
            assert!(
                missing
                    .iter()
                    .any(|missing| missing.fix.contains(remedy) || missing.what.contains(remedy)),
                "{file}: {missing:?}"
            );
        }
    }

    #[test]
    fn root_needs_no_leave_and_a_profile_is_leave() {
        let mut fake = Fake::new();
        fake.write("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1");
        fake.write("proc/self/attr/current", "strait (unconfined)\n");
        assert_eq!(preflight(&fake.machine), []);
        fake.write("proc/self/attr/current", "unconfined\n");
        fake.write("proc/sys/kernel/unprivileged_userns_clone", "0");
        assert_eq!(preflight(&fake.machine).len(), 2);
        fake.machine.is_root = true;
        assert_eq!(preflight(&fake.machine), []);
    }

    #[test]
    fn nft_is_looked_for_in_path_and_where_distributions_have_it() {
        let fake = Fake::new();
        fs::remove_file(fake.machine.root.join("usr/sbin/nft")).expect("it was there");
        assert!(preflight(&fake.machine)[0].fix.contains("nftables"));
        fake.write("opt/bin/nft", "");
        assert_eq!(preflight(&fake.machine), []);
    }

    struct Fake {
        machine: Machine,
        _folder: tempfile::TempDir,
    }

    impl Fake {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let machine = Machine {
                root: folder.path().to_owned(),
                path: vec![PathBuf::from("/opt/bin")],
                is_root: false,
            };
            let fake = Self {
                machine,
                _folder: folder,
            };
            for kind in ["user", "net", "mnt", "pid"] {
                fake.write(&format!("proc/self/ns/{kind}"), "");
            }
            fake.write("usr/sbin/nft", "");
            fake
        }

        fn write(&self, path: &str, content: &str) {
            let path = self.machine.root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, content).expect("a file");
        }
    }
}
