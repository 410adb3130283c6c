//! Real PostgreSQLs, a real resolver and a real forwarder in real namespaces, as whatever user runs the tests.
#![allow(missing_docs)]

mod engine;
mod forwarder;
mod resolver;
mod upstream;
mod world;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use strait_kernel::{Anchor, Machine, preflight};
use strait_local::{forwarder as forwarding, resolver as resolving};
use world::World;

fn main() -> ExitCode {
    let argv: Vec<String> = std::env::args().collect();
    if let [_, agent, kind, option, run_dir] = argv.as_slice()
        && agent == "agent"
        && option == "--run-dir"
    {
        return be_an_agent(kind, Path::new(run_dir));
    }
    let arguments = Arguments::from_args();
    let missing = preflight(&Machine::this());
    if !missing.is_empty() {
        eprintln!("this machine cannot run these tests: {missing:?}");
        return ExitCode::FAILURE;
    }
    // Not in /tmp, which is a new one in every sandbox: what is hidden must be hidden on purpose.
    let data = tempfile::tempdir_in("/var/tmp").expect("a data folder");
    let run_dir = data.path().join("run");
    let anchor = Anchor::start(&run_dir).expect("an anchor");
    anchor.join().expect("joined");
    let passed = {
        let world = World::new(data.path());
        let trials = [
            engine::trials(&world),
            resolver::trials(&world),
            forwarder::trials(&world),
        ];
        let conclusion = libtest_mimic::run(&arguments, trials.into_iter().flatten().collect());
        !conclusion.has_failed()
    };
    anchor.stop().expect("the anchor ends");
    data.close().expect("the data folder is gone");
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Agents start this very program.
fn be_an_agent(kind: &str, run_dir: &Path) -> ExitCode {
    let ended = match kind {
        "resolver" => resolving::run(run_dir),
        "forwarder" => forwarding::run(run_dir),
        other => panic!("no agent is called {other}"),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn trial(name: &str, world: &World, test: impl FnOnce(&World) + Send + 'static) -> Trial {
    let world = world.clone();
    Trial::test(name.to_owned(), move || {
        test(&world);
        Ok(())
    })
}
