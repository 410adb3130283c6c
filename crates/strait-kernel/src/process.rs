//! A process that this server, or one before it, has started.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::KernelError;
use crate::system;

/// A process: its number as the caller sees it, and when it started, so that a number in use again is no mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in ticks since the machine did.
    pub start_time: u64,
}

/// What a process is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Read the configuration again.
    Hangup,
    /// End now, in order (PostgreSQL: fast shutdown).
    Interrupt,
    /// End (PostgreSQL: once the clients have gone).
    Terminate,
    /// End at once (PostgreSQL: immediate shutdown).
    Quit,
    /// Cease to be.
    Kill,
}

impl Process {
    /// Whether it runs still.
    pub fn alive(&self) -> bool {
        system::start_time(self.pid) == Some(self.start_time)
    }

    /// Sends it a signal. One that has ended needs none.
    pub fn signal(&self, signal: Signal) -> Result<(), KernelError> {
        let number = match signal {
            Signal::Hangup => libc::SIGHUP,
            Signal::Interrupt => libc::SIGINT,
            Signal::Terminate => libc::SIGTERM,
            Signal::Quit => libc::SIGQUIT,
            Signal::Kill => libc::SIGKILL,
        };
        let sent = (|| {
            let Some(process) = self.open()? else {
                return Ok(());
            };
            match system::signal_process(process.as_fd(), number) {
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
                other => other,
            }
        })();
        sent.map_err(KernelError::system(format!(
            "send {signal:?} to process {}",
            self.pid
        )))
    }

    /// Waits until it has ended; `false` when it has not within the time.
    pub fn wait(&self, timeout: Duration) -> Result<bool, KernelError> {
        let failed = || KernelError::system(format!("wait for process {}", self.pid));
        let Some(process) = self.open().map_err(failed())? else {
            return Ok(true);
        };
        let until = Instant::now() + timeout;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let left = libc::c_int::try_from(left.as_millis()).unwrap_or(libc::c_int::MAX);
            let mut poll = libc::pollfd {
                fd: process.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            // SAFETY: one live pollfd, and a count of one.
            match system::check(unsafe { libc::poll(&raw mut poll, 1, left) }) {
                Ok(()) => return Ok(poll.revents != 0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed()(error)),
            }
        }
    }

    /// Ends it at once; that it has ended already is no matter.
    pub(crate) fn kill(&self) {
        if let Err(error) = self.signal(Signal::Kill) {
            tracing::warn!(%error, "a process stays");
        }
    }

    /// A descriptor of this very process; `None` when it has ended.
    fn open(&self) -> io::Result<Option<std::os::fd::OwnedFd>> {
        let process = match system::open_process(self.pid) {
            Ok(process) => process,
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(None),
            Err(error) => return Err(error),
        };
        // Looked up only now, when the number cannot come to name another process any more.
        Ok(self.alive().then_some(process))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_signalled_and_waited_for() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep runs");
        let process = of(child.id());
        assert!(process.alive());
        assert!(!process.wait(Duration::from_millis(10)).expect("a wait"));
        process.signal(Signal::Terminate).expect("a signal");
        assert!(process.wait(Duration::from_secs(5)).expect("a wait"));
        child.wait().expect("its status");
        assert!(!process.alive());
        process.signal(Signal::Kill).expect("nothing to do");
    }

    #[test]
    fn another_process_with_the_same_number_is_left_alone() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep runs");
        let older = Process {
            start_time: 1,
            ..of(child.id())
        };
        older.signal(Signal::Kill).expect("nothing to do");
        assert!(older.wait(Duration::ZERO).expect("nothing to wait for"));
        assert!(child.try_wait().expect("its status").is_none());
        child.kill().expect("the end");
        child.wait().expect("its status");
    }

    fn of(pid: u32) -> Process {
        Process {
            pid,
            start_time: system::start_time(pid).expect("it runs"),
        }
    }
}
