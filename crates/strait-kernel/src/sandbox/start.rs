//! Starts processes in hosts: prepares everything, forks, and hears what became of it.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use crate::anchor::Anchor;
use crate::error::KernelError;
use crate::plan::Name;
use crate::process::Process;
use crate::sandbox::child::{self, FAILED, HERE, HostSpaces, Identity, Manner, Prepared, Stage};
use crate::sandbox::{Launch, LaunchUser, service_owner, steps};
use crate::space::Spaces;
use crate::system;

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Enters the anchor and a host, runs a command there in the foreground, with the caller's terminal, and answers its
/// exit status (128 and the signal's number when a signal ended it). No server is needed. The caller must have a single
/// thread; it stays in the anchor.
pub fn exec_in(run_dir: &Path, host: &str, launch: &Launch) -> Result<i32, KernelError> {
    let anchor = Anchor::find(run_dir)?.ok_or_else(|| KernelError::NoAnchor {
        run_dir: run_dir.to_owned(),
    })?;
    let run_dir = run_dir
        .canonicalize()
        .map_err(KernelError::system(format!("find {}", run_dir.display())))?;
    anchor.join()?;
    let spaces = Spaces::open(&run_dir)?;
    // The program gets what the terminal sends; this one waits for its end.
    let ignored = [libc::SIGINT, libc::SIGQUIT];
    // SAFETY: SIG_IGN is a valid disposition.
    let before = ignored.map(|signal| unsafe { libc::signal(signal, libc::SIG_IGN) });
    let status =
        Start::new(&run_dir, &spaces, Some(host), launch, Manner::Foreground).and_then(|start| {
            let (process, first) = start.go()?;
            spaces.note_process(&Name::Host(host.to_owned()), &process)?;
            system::wait_for(first).map_err(KernelError::system("wait for the command"))
        });
    for (signal, disposition) in ignored.into_iter().zip(before) {
        // SAFETY: the disposition is the one that signal() answered.
        unsafe { libc::signal(signal, disposition) };
    }
    status.map(child::exit_code)
}

/// Starts a process that goes on by itself in a host.
pub(crate) fn spawn(
    run_dir: &Path,
    spaces: &Spaces,
    host: &str,
    launch: &Launch,
) -> Result<Process, KernelError> {
    let process = detach(run_dir, spaces, Some(host), launch)?;
    if let Err(error) = spaces.note_process(&Name::Host(host.to_owned()), &process) {
        process.kill();
        return Err(error);
    }
    Ok(process)
}

/// Starts a process that goes on by itself in the caller's network.
pub(crate) fn spawn_here(
    run_dir: &Path,
    spaces: &Spaces,
    launch: &Launch,
) -> Result<Process, KernelError> {
    detach(run_dir, spaces, None, launch)
}

fn detach(
    run_dir: &Path,
    spaces: &Spaces,
    host: Option<&str>,
    launch: &Launch,
) -> Result<Process, KernelError> {
    let open = |path: &Path| {
        File::options()
            .read(true)
            .append(true)
            .create(path != Path::new("/dev/null"))
            .open(path)
    };
    let null = PathBuf::from("/dev/null");
    let log = launch.log.as_ref().unwrap_or(&null);
    let input = File::open(&null)
        .map_err(KernelError::system("open /dev/null"))?
        .into();
    let output = open(log)
        .map_err(KernelError::system(format!(
            "open the log {}",
            log.display()
        )))?
        .into();
    let (process, first) = Start::new(
        run_dir,
        spaces,
        host,
        launch,
        Manner::Detached { input, output },
    )?
    .go()?;
    system::wait_for(first).map_err(KernelError::system(
        "wait for the process that starts the command",
    ))?;
    Ok(process)
}

fn host_spaces(spaces: &Spaces, host: &str) -> Result<HostSpaces, KernelError> {
    let name = Name::Host(host.to_owned());
    Ok(HostSpaces {
        net: spaces.descriptor(&name, "net")?,
        user: spaces.descriptor(&name, "user")?,
    })
}

/// A process that is about to start.
struct Start {
    prepared: Prepared,
    reports: OwnedFd,
    argv: Vec<String>,
    cwd: PathBuf,
    /// The texts to which the prepared pointers lead.
    _texts: Vec<CString>,
}

impl Start {
    fn new(
        run_dir: &Path,
        spaces: &Spaces,
        host: Option<&str>,
        launch: &Launch,
        manner: Manner,
    ) -> Result<Self, KernelError> {
        let host_spaces = host.map(|host| host_spaces(spaces, host)).transpose()?;
        let processes = spaces.processes_namespace()?;
        let program = launch.argv.first().ok_or_else(|| KernelError::Launch {
            why: "there is no program".to_owned(),
        })?;
        let text = |text: &str| {
            CString::new(text).map_err(|_| KernelError::Launch {
                why: format!("{text:?} has a zero byte in it"),
            })
        };
        let programs = candidates(
            program,
            launch.env.get("PATH").map_or(DEFAULT_PATH, String::as_str),
        );
        let programs = programs
            .iter()
            .map(|program| text(program))
            .collect::<Result<_, _>>()?;
        let argv: Vec<_> = launch
            .argv
            .iter()
            .map(|part| text(part))
            .collect::<Result<_, _>>()?;
        let env: Vec<_> = launch
            .env
            .iter()
            .map(|(name, value)| text(&format!("{name}={value}")))
            .collect::<Result<_, _>>()?;
        let pointers = |texts: &[CString]| {
            texts
                .iter()
                .map(|text| text.as_ptr())
                .chain([std::ptr::null()])
                .collect()
        };
        let (argv_pointers, env_pointers) = (pointers(&argv), pointers(&env));
        let steps = steps::plan(run_dir, host, &launch.sandbox)
            .map_err(KernelError::system("plan what the command sees"))?;
        let identity = match (launch.user, service_owner()) {
            (LaunchUser::Root, _) => Identity::Root,
            (LaunchUser::Unprivileged, Some((uid, gid))) => Identity::Real { uid, gid },
            (LaunchUser::Unprivileged, None) => Identity::Nested,
        };
        let (reports, report) =
            report_sockets().map_err(KernelError::system("make a socket pair"))?;
        let cwd =
            system::c_path(&launch.cwd).map_err(KernelError::system("name the working folder"))?;
        let slots = vec![-1; steps.slots];
        let prepared = Prepared {
            processes,
            host: host_spaces,
            steps,
            slots,
            programs,
            argv: argv_pointers,
            env: env_pointers,
            cwd,
            identity,
            manner,
            report,
        };
        Ok(Self {
            prepared,
            reports,
            argv: launch.argv.clone(),
            cwd: launch.cwd.clone(),
            _texts: argv.into_iter().chain(env).collect(),
        })
    }

    /// Starts it; answers it, and the first child, which is to be waited for.
    fn go(self) -> Result<(Process, libc::pid_t), KernelError> {
        let Self {
            mut prepared,
            reports,
            argv,
            cwd,
            _texts,
        } = self;
        // SAFETY: the child only makes system calls until it becomes the program or ends (see `child`).
        let first = unsafe { libc::fork() };
        if first == 0 {
            child::run(&mut prepared);
        }
        system::check(first).map_err(KernelError::system("start a process"))?;
        let Prepared { steps, report, .. } = prepared;
        drop(report);
        let failed = match listen(&reports) {
            Ok(Heard {
                failure: None,
                init: Some(init),
            }) => {
                // The number can be somebody else's only if it has ended, and then no start time of ours fits.
                let start_time = system::start_time(init).unwrap_or(0);
                return Ok((
                    Process {
                        pid: init,
                        start_time,
                    },
                    first,
                ));
            }
            Ok(Heard {
                failure: Some(failure),
                ..
            }) => explain(failure, &steps, &argv, &cwd),
            Ok(Heard {
                failure: None,
                init: None,
            }) => KernelError::System {
                what: "start the command".to_owned(),
                source: io::Error::other("it ended without a word"),
            },
            Err(source) => KernelError::System {
                what: "hear of the command".to_owned(),
                source,
            },
        };
        system::wait_for(first).map_err(KernelError::system("wait for the command"))?;
        Err(failed)
    }
}

/// What came over the report socket until it closed, which it does when the program runs.
#[derive(Default)]
struct Heard {
    init: Option<u32>,
    failure: Option<[i32; 3]>,
}

fn listen(reports: &OwnedFd) -> io::Result<Heard> {
    let mut heard = Heard::default();
    loop {
        match receive(reports)? {
            None => return Ok(heard),
            Some(([HERE, ..], pid)) => heard.init = Some(pid),
            Some(([FAILED, failure @ ..], _)) => heard.failure = Some(failure),
            Some(([other, ..], _)) => return Err(io::Error::other(format!("it reported {other}"))),
        }
    }
}

fn explain(
    [stage, step, error]: [i32; 3],
    steps: &steps::Steps,
    argv: &[String],
    cwd: &Path,
) -> KernelError {
    let stage = Stage::ALL
        .into_iter()
        .find(|known| *known as i32 == stage)
        .unwrap_or(Stage::Fork);
    let what = match stage {
        Stage::Mounts => match usize::try_from(step)
            .ok()
            .and_then(|step| steps.list.get(step))
        {
            Some(step) => step.describe(),
            None => stage.describe().to_owned(),
        },
        Stage::Folder => format!("{} {}", stage.describe(), cwd.display()),
        Stage::Program => format!(
            "{} {}",
            stage.describe(),
            argv.first().map_or("", String::as_str)
        ),
        Stage::Enter | Stage::Unshare | Stage::Fork | Stage::Rights | Stage::Identity => {
            stage.describe().to_owned()
        }
    };
    KernelError::System {
        what,
        source: io::Error::from_raw_os_error(error),
    }
}

/// Two ends of a socket that keeps messages apart; the first is told by the kernel who sent each.
fn report_sockets() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: two descriptors are written to an array of two; both are fresh and owned by nothing else.
    let (reader, writer) = unsafe {
        system::check(libc::socketpair(
            libc::AF_UNIX,
            libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC,
            0,
            ends.as_mut_ptr(),
        ))?;
        (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
    };
    let on: libc::c_int = 1;
    // SAFETY: the option's value is a live int, with its own size.
    system::check(unsafe {
        libc::setsockopt(
            reader.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PASSCRED,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as u32,
        )
    })?;
    Ok((reader, writer))
}

/// A report and its sender's number as this process sees it; `None` when the other end has closed.
fn receive(reports: &OwnedFd) -> io::Result<Option<([i32; 4], u32)>> {
    let mut report = [0_i32; 4];
    let mut control = [0_u64; 16];
    let mut part = libc::iovec {
        iov_base: report.as_mut_ptr().cast(),
        iov_len: size_of_val(&report),
    };
    // SAFETY: an all-zero msghdr is a valid one.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: the message leads to live buffers with their own sizes, aligned for control messages.
    let got = unsafe { libc::recvmsg(reports.as_raw_fd(), &raw mut message, 0) };
    if got < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted {
            receive(reports)
        } else {
            Err(error)
        };
    }
    if got == 0 {
        return Ok(None);
    }
    // SAFETY: the kernel has filled the control buffer; the data of a credentials message is a ucred, read unaligned.
    let sender = unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() || (*header).cmsg_type != libc::SCM_CREDENTIALS {
            return Err(io::Error::other("the kernel did not say who reports"));
        }
        libc::CMSG_DATA(header)
            .cast::<libc::ucred>()
            .read_unaligned()
    };
    Ok(Some((report, sender.pid.unsigned_abs())))
}

/// Where a program may be.
fn candidates(program: &str, path: &str) -> Vec<String> {
    if program.contains('/') {
        return vec![program.to_owned()];
    }
    path.split(':')
        .map(|folder| format!("{}/{program}", if folder.is_empty() { "." } else { folder }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_a_slash_is_itself_and_others_are_looked_for() {
        assert_eq!(candidates("./run", "/bin"), ["./run"]);
        assert_eq!(
            candidates("ls", "/usr/bin:/bin"),
            ["/usr/bin/ls", "/bin/ls"]
        );
    }

    #[test]
    fn stages_come_back_from_their_numbers() {
        for (number, stage) in (0..).zip(Stage::ALL) {
            assert_eq!(stage as i32, number);
        }
    }

    #[test]
    fn a_report_comes_with_its_sender() {
        let (reader, writer) = report_sockets().expect("a socket pair");
        let sent = [FAILED, 1, 2, 3];
        // SAFETY: the pointer and the length are of one live array.
        let result = unsafe {
            libc::send(
                writer.as_raw_fd(),
                sent.as_ptr().cast(),
                size_of_val(&sent),
                0,
            )
        };
        system::check(result as libc::c_int).expect("sent");
        drop(writer);
        assert_eq!(
            receive(&reader).expect("a report"),
            Some((sent, std::process::id()))
        );
        assert_eq!(receive(&reader).expect("the end"), None);
    }
}
