//! Settings of a network namespace, below `/proc/sys/net`.
//!
//! The kernel keeps the folders of all namespaces that have one name in one list, and walks it at each look-up of that
//! name. So a folder is opened once, its files from there; and what was set in a namespace is noted beside its pin.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;

use crate::plan::Kind;
use crate::system;

/// A setting: its folder, its file in that, and its value.
type Setting = (&'static str, &'static str, &'static str);

const ALL: &[Setting] = &[
    (IPV6, "conf/all/disable_ipv6", "1"),
    (IPV6, "conf/default/disable_ipv6", "1"),
    (IPV4, "conf/all/rp_filter", "0"),
    (IPV4, "conf/default/rp_filter", "0"),
    (IPV4, "conf/all/accept_redirects", "0"),
    (IPV4, "conf/default/accept_redirects", "0"),
    (IPV4, "conf/all/send_redirects", "0"),
    (IPV4, "conf/default/send_redirects", "0"),
];

/// Whose address a packet may come from is the ruleset's affair, so the kernel need not look up the way back to it; and
/// hardly any packet here is for a socket here.
const ROUTER: &[Setting] = &[
    (IPV4, "conf/all/accept_local", "1"),
    (IPV4, "ip_early_demux", "0"),
];

/// A refusal leaves by the entrance of what it answers.
const NODE: &[Setting] = &[(IPV4, "fwmark_reflect", "1")];

const FORWARDS: &[Setting] = &[(IPV4, "ip_forward", "1")];

/// The ends check sums: between namespaces of one machine a router need not.
const TRACKS: &[Setting] = &[
    (NETFILTER, "nf_conntrack_tcp_loose", "0"),
    (NETFILTER, "nf_conntrack_checksum", "0"),
];

const IPV4: &str = "ipv4";
const IPV6: &str = "ipv6";
const NETFILTER: &str = "netfilter";

/// Sets, in the calling thread's namespace, what links get when they are made.
pub(crate) fn set_before_links(kind: Kind) -> io::Result<()> {
    set(&before_links(kind))
}

/// Sets the rest: packets are passed on only now, and what tracks connections is there with the rules.
pub(crate) fn set_after_rules(kind: Kind) -> io::Result<()> {
    set(&after_rules(kind))
}

/// All settings of a kind of namespace, as a text that tells whether they are the same.
pub(crate) fn text(kind: Kind) -> String {
    let all = [before_links(kind), after_rules(kind)].concat();
    let line = |(folder, file, value)| format!("{folder}/{file}={value}\n");
    all.into_iter().map(line).collect()
}

fn before_links(kind: Kind) -> Vec<Setting> {
    match kind {
        Kind::Router | Kind::Gateway => [ALL, ROUTER].concat(),
        Kind::Node => [ALL, ROUTER, NODE].concat(),
        Kind::Machine | Kind::Internet => ALL.to_vec(),
    }
}

fn after_rules(kind: Kind) -> Vec<Setting> {
    match kind {
        Kind::Router | Kind::Gateway | Kind::Node => [FORWARDS, TRACKS].concat(),
        Kind::Internet => FORWARDS.to_vec(),
        Kind::Machine => Vec::new(),
    }
}

fn set(settings: &[Setting]) -> io::Result<()> {
    for part in settings.chunk_by(|one, next| one.0 == next.0) {
        let name = part[0].0;
        let told = |file: &str, error: &io::Error| {
            let what = format!("/proc/sys/net/{name}/{file}: {error}");
            io::Error::new(error.kind(), what)
        };
        let folder = match open(name) {
            // Without IPv6 in the kernel there is nothing to switch off.
            Err(error) if error.kind() == io::ErrorKind::NotFound && name == IPV6 => continue,
            folder => folder.map_err(|error| told("", &error))?,
        };
        for (_, file, value) in part {
            set_one(&folder, file, value).map_err(|error| told(file, &error))?;
        }
    }
    Ok(())
}

fn open(folder: &str) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_DIRECTORY)
        .open(format!("/proc/sys/net/{folder}"))
}

fn set_one(folder: &File, file: &str, value: &str) -> io::Result<()> {
    let mut now = String::new();
    system::open_at(folder.as_fd(), file, libc::O_RDONLY)?.read_to_string(&mut now)?;
    if now.trim() == value {
        return Ok(());
    }
    system::open_at(folder.as_fd(), file, libc::O_WRONLY)?.write_all(value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_by_what_is_set() {
        let of = [Kind::Router, Kind::Node, Kind::Machine, Kind::Internet].map(text);
        for (place, one) in of.iter().enumerate() {
            assert!(one.starts_with("ipv6/conf/all/disable_ipv6=1\n"), "{one}");
            assert!(!of[place + 1..].contains(one), "{one}");
        }
        assert!(of[0].ends_with("netfilter/nf_conntrack_checksum=0\n"));
    }
}
