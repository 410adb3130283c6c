//! Runs `nft` in the calling thread's network namespace.

use std::env;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use crate::error::KernelError;
use crate::ruleset::{HEAD, MORE};

/// Where `nft` is: in PATH, or where distributions have it that keep it out of ordinary users' PATH.
pub(crate) fn find() -> Result<PathBuf, KernelError> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders =
        env::split_paths(&path).chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders
        .map(|folder| folder.join("nft"))
        .find(|file| file.is_file())
        .ok_or(KernelError::NoNft)
}

/// Brings a namespace to a text; an empty one removes the table.
pub(crate) fn load(nft: &PathBuf, namespace: &str, text: &str) -> Result<(), KernelError> {
    if text.is_empty() {
        return run(nft, namespace, HEAD);
    }
    // Statements that add elements come last, each in a transaction of its own.
    let first: String = text
        .lines()
        .filter(|line| !line.starts_with(MORE))
        .map(|line| format!("{line}\n"))
        .collect();
    run(nft, namespace, &first)?;
    text.lines()
        .filter(|line| line.starts_with(MORE))
        .try_for_each(|line| run(nft, namespace, line))
}

/// What names a text.
pub(crate) fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Runs a script.
pub(crate) fn run(nft: &PathBuf, namespace: &str, text: &str) -> Result<(), KernelError> {
    let output = feed(nft, text).map_err(KernelError::system(format!("run {}", nft.display())))?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(KernelError::Nft {
        namespace: namespace.to_owned(),
        message,
    })
}

fn feed(nft: &PathBuf, text: &str) -> io::Result<std::process::Output> {
    let mut child = Command::new(nft)
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    // It reads all before it writes anything, so this cannot block for ever. When it stops reading, its output says why.
    let fed = child
        .stdin
        .take()
        .map_or(Ok(()), |mut stdin| stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output()?;
    if output.status.success() {
        fed?;
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart() {
        assert_eq!(hash("a"), hash("a"));
        assert_ne!(hash("a"), hash("b"));
    }
}
