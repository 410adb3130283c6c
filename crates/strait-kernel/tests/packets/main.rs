//! Packets obey the picture: each trial applies one and probes it with sockets. Runs as root and as an ordinary user.
//!
//! The process joins an anchor, which only one with a single thread may do, so this has no harness of its own.
#![allow(unsafe_code, missing_docs)]

mod change;
mod filter;
mod internet;
mod ipv6;
mod machine;
mod node;
mod route;
mod traffic;
mod wire;
mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use strait_kernel::{Anchor, Kernel, Machine, preflight};
use strait_vpc::picture::Picture;

/// What each trial is given: the network, emptied, its folder, and another one for files.
pub(crate) struct Ground {
    pub(crate) kernel: Kernel,
    pub(crate) run_dir: PathBuf,
    pub(crate) folder: PathBuf,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // A picture is the whole network, so one trial at a time.
    arguments.test_threads = Some(1);
    let missing = preflight(&Machine::this());
    assert!(
        missing.is_empty(),
        "this machine lacks something: {missing:#?}"
    );
    // Not in /tmp, which is empty in a machine; and open to the system's user for services, when root runs this.
    let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("a way through");
    let run_dir = folder.path().join("run");
    let anchor = Anchor::start(&run_dir).expect("an anchor");
    anchor.join().expect("in the anchor");
    let kernel = Kernel::open(&run_dir).expect("the kernel");
    let ground = Arc::new(Ground {
        kernel,
        run_dir: run_dir.clone(),
        folder: folder.path().to_owned(),
    });
    let trials = [
        filter::TRIALS,
        route::TRIALS,
        internet::TRIALS,
        ipv6::TRIALS,
        node::TRIALS,
        wire::TRIALS,
        change::TRIALS,
        machine::TRIALS,
        traffic::TRIALS,
    ]
    .concat();
    let trials = trials.into_iter().map(|(name, trial)| {
        let ground = Arc::clone(&ground);
        Trial::test(name, move || {
            ground.kernel.apply(&Picture::default())?;
            trial(&ground);
            Ok(())
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    anchor.stop().expect("the end");
    assert_eq!(Anchor::find(&run_dir).expect("no record"), None);
    folder.close().expect("the folder is gone");
    conclusion.exit_code()
}

pub(crate) type Named = (&'static str, fn(&Ground));
