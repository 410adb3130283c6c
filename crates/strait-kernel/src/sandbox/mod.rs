//! Processes in hosts: what one is given, and what it cannot see.

mod act;
mod child;
mod start;
mod steps;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

pub use start::exec_in;
pub(crate) use start::{spawn, spawn_here};

/// A process to start in a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Launch {
    /// The program, looked up in `env`'s PATH when it has no slash, and its arguments.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Its working folder, as it sees it.
    pub cwd: PathBuf,
    /// Who it runs as.
    pub user: LaunchUser,
    /// What it sees.
    pub sandbox: Sandbox,
    /// The file to which its output is appended, opened before anything is hidden. `None`: its output is thrown away.
    /// (`exec_in` leaves its caller's terminal to it instead.)
    pub log: Option<PathBuf>,
}

/// Who a process runs as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LaunchUser {
    /// Root of its machine: it has full rights over the machine's network, and over nothing else.
    #[default]
    Root,
    /// Somebody who is not root, for programs that refuse to run as root. When [`service_owner`] names a user of the
    /// system it runs as that one, and the files that it needs must be that one's; otherwise they stay the caller's.
    Unprivileged,
}

/// What a process sees of the file system. It always has a /tmp, /run, /dev and /proc of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// Folders that are empty and files that are empty for it.
    pub hide: Vec<PathBuf>,
    /// Files and folders, and where it finds them, even below what is hidden.
    pub binds: Vec<(PathBuf, PathBuf)>,
    /// Its /etc/resolv.conf. With one, names are looked up in files and by DNS only.
    pub resolv_conf: Option<String>,
    /// Its /etc/hosts.
    pub hosts: Option<String>,
}

/// The user and group as which unprivileged processes run when root started the network: the system's `postgres`, or
/// nobody. `None` when an ordinary user started it: they run as that user then.
pub fn service_owner() -> Option<(u32, u32)> {
    const NOBODY: u32 = 65_534;
    // SAFETY: geteuid() takes no arguments and cannot fail.
    if unsafe { libc::geteuid() } != 0 || mapped_users() <= u64::from(NOBODY) {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    Some(postgres(&users).unwrap_or((NOBODY, NOBODY)))
}

/// How many users of the system this process can be.
fn mapped_users() -> u64 {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace()
        .nth(2)
        .and_then(|length| length.parse().ok())
        .unwrap_or(1)
}

fn postgres(users: &str) -> Option<(u32, u32)> {
    let line = users.lines().find(|line| line.starts_with("postgres:"))?;
    let mut fields = line.split(':').skip(2);
    let (uid, gid): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    (uid != 0 && uid < 65_536 && gid < 65_536).then_some((uid, gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_postgres_user_is_found() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\npostgres:x:104:107::/var/lib/postgresql:/bin/sh\n";
        assert_eq!(postgres(users), Some((104, 107)));
        assert_eq!(postgres("postgres:x:0:0::/:/bin/sh"), None);
        assert_eq!(postgres(""), None);
    }
}
