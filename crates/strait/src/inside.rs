//! `strait exec` and `strait service connect`: commands in an instance or in the internet. They work while the server is
//! dead: namespaces and records are all that they need.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use strait_kernel::{Launch, LaunchUser, Sandbox, exec_in};
use strait_local::cloud::{HOSTS_FILE, HostEntry};

use crate::data::{DataDir, read_json};

/// Runs a command in a host, in this process's place or as its child; returns its exit status.
pub(crate) fn exec(data: &DataDir, host: &str, command: &[String]) -> Result<i32> {
    let entry = find_host(data, host)?;
    let authority = authority_path(data);
    let mut env: BTreeMap<String, String> =
        std::env::vars().filter(|(name, _)| passes(name)).collect();
    env.insert("PGSSLROOTCERT".to_owned(), authority.display().to_string());
    env.insert("PATH".to_owned(), path());
    let launch = Launch {
        argv: command.to_vec(),
        env,
        cwd: PathBuf::from("/"),
        user: LaunchUser::Root,
        sandbox: Sandbox {
            hide: vec![data.root().to_path_buf()],
            binds: vec![(authority.clone(), authority)],
            resolv_conf: Some(format!(
                "nameserver {}\noptions timeout:1 attempts:2\n",
                entry.resolver
            )),
            ..Sandbox::default()
        },
        ..Launch::default()
    };
    Ok(exec_in(&data.run(), &entry.host, &launch)?)
}

/// Opens psql with this connection string, from this machine or from a host.
pub(crate) fn psql(
    data: &DataDir,
    from: Option<&str>,
    conninfo: &str,
    more: &[String],
) -> Result<i32> {
    let argv: Vec<String> = ["psql".to_owned(), conninfo.to_owned()]
        .into_iter()
        .chain(more.iter().cloned())
        .collect();
    if let Some(host) = from {
        return exec(data, host, &argv);
    }
    let error = Command::new(&argv[0]).args(&argv[1..]).exec();
    Err(error)
        .context("cannot start psql: install it with `sudo apt-get install postgresql-client`")
}

/// The certificate authority's file.
pub(crate) fn authority_path(data: &DataDir) -> PathBuf {
    data.root().join("ca").join("ca.crt")
}

fn find_host(data: &DataDir, word: &str) -> Result<HostEntry> {
    let path = data.run().join(HOSTS_FILE);
    let hosts: Vec<HostEntry> =
        read_json(&path).context("Strait does not run here: start it with `strait up`")?;
    let mut called: Vec<HostEntry> = hosts
        .iter()
        .filter(|entry| entry.is_called(word))
        .cloned()
        .collect();
    // An id is nobody's name but its own.
    if let Some(exact) = called.iter().position(|entry| entry.host == word) {
        return Ok(called.swap_remove(exact));
    }
    match called.len() {
        1 => Ok(called.remove(0)),
        0 => {
            let known = hosts.iter().map(|entry| match &entry.name {
                Some(name) => format!("{name} ({})", entry.host),
                None => entry.host.clone(),
            });
            bail!(
                "there is no running instance {word}. There are: {}",
                known.collect::<Vec<_>>().join(", ")
            )
        }
        _ => {
            let ids = called
                .iter()
                .map(|entry| format!("{} ({})", entry.host, entry.account));
            bail!(
                "several instances are called {word}: {}. Name one by its id",
                ids.collect::<Vec<_>>().join(", ")
            )
        }
    }
}

/// Variables of this session that a program in a host may see: the terminal's, PostgreSQL's, AWS's and Strait's.
fn passes(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "TERM", "LANG", "LC_ALL", "COLUMNS", "LINES", "HOME", "USER", "NO_COLOR",
    ];
    const PREFIXES: &[&str] = &["PG", "AWS_", "STRAIT_", "TIGER_"];
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && name != "PGSSLROOTCERT"
}

fn path() -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    format!("{own}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_this_session_do_not_pass() {
        assert!(passes("PGPASSWORD"));
        assert!(passes("AWS_ENDPOINT_URL"));
        assert!(passes("TIGER_API_URL"));
        assert!(!passes("SSH_AUTH_SOCK"));
        assert!(!passes("PGSSLROOTCERT"));
    }
}
