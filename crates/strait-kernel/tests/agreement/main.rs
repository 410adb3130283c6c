//! The model against the kernel: what `reach` says of a packet, and what becomes of it.
//!
//! Random networks are built from seeds by AWS calls, made true by the kernel, and every pair of interfaces is tried on
//! TCP, UDP and ICMP; then they change call by call, and are tried again. Runs as root and as an ordinary user.
//!
//! `STRAIT_AGREE_NETWORKS` says how many networks (60), `STRAIT_AGREE_SEED` the first one's seed (1). One that fails
//! prints its seed and the calls that it takes; its seed alone plays it again.
#![allow(unsafe_code, missing_docs)]

mod compare;
mod dice;
mod draft;
mod field;
mod play;
mod script;
mod shrink;
mod socket;
mod spoil;
mod world;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use libtest_mimic::{Arguments, Failed, Trial};
use strait_kernel::{Anchor, Machine, preflight};

use crate::compare::Tally;
use crate::play::{Played, play};

/// How many networks the daily test tries.
const NETWORKS: u64 = 60;
/// How often a script is played while it is made smaller.
const SHRINKING: usize = 120;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // A picture is the whole network, so one trial at a time.
    arguments.test_threads = Some(1);
    let missing = preflight(&Machine::this());
    assert!(
        missing.is_empty(),
        "this machine lacks something: {missing:#?}"
    );
    let files = socket::raise_file_limit().expect("the limit of open files");
    assert!(
        files >= 4096,
        "this takes 4096 open files; {files} are allowed (ulimit -Hn)"
    );
    let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
    let run_dir = folder.path().join("run");
    let anchor = Anchor::start(&run_dir).expect("an anchor");
    anchor.join().expect("in the anchor");
    let (first, networks) = (
        option("STRAIT_AGREE_SEED", 1),
        option("STRAIT_AGREE_NETWORKS", NETWORKS),
    );
    let agree: PathBuf = run_dir.clone();
    let notice: PathBuf = run_dir.clone();
    let trials = vec![
        Trial::test("faults_of_the_kernel_are_noticed", move || {
            spoil::faults_are_noticed(&notice)
        }),
        Trial::test(
            format!("the_kernel_agrees_with_the_model_on_{networks}_networks"),
            move || all(&agree, first, networks),
        ),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    anchor.stop().expect("the end");
    folder.close().expect("the folder is gone");
    conclusion.exit_code()
}

fn option(name: &str, default: u64) -> u64 {
    let Ok(value) = env::var(name) else {
        return default;
    };
    value
        .parse()
        .unwrap_or_else(|_| panic!("{name} is '{value}': it is a number"))
}

/// Plays all of them, and tells of each that goes wrong.
fn all(run_dir: &Path, first: u64, networks: u64) -> Result<(), Failed> {
    let begun = Instant::now();
    let mut tally = Tally::default();
    let (mut calls, mut refused) = (0, 0);
    let mut failed = Vec::new();
    for seed in first..first + networks {
        let script = draft::script(seed);
        let played = play(run_dir, seed, &script, &|_| {});
        tally.add(played.tally);
        calls += played.calls;
        refused += played.refused;
        if let Some(wrong) = &played.wrong {
            eprintln!(
                "seed {seed}: the model and the kernel disagree at step ${}:\n{}",
                wrong.step, wrong.what
            );
            tell_smallest(run_dir, seed, script);
            failed.push(seed);
        }
        if (seed - first + 1).is_multiple_of(100) {
            eprintln!(
                "{} networks, {:?}, {tally:?}, disagreeing: {failed:?}",
                seed - first + 1,
                begun.elapsed()
            );
        }
    }
    eprintln!(
        "{networks} networks from seed {first} in {:.1?}: {calls} calls ({refused} more refused by AWS's rules), {} \
         questions, {} of them of packets that pass, {} answered at the second try",
        begun.elapsed(),
        tally.questions,
        tally.passing,
        tally.slow
    );
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("the model and the kernel disagree in the networks of seeds {failed:?}; again: STRAIT_AGREE_SEED=… STRAIT_AGREE_NETWORKS=1").into())
}

fn tell_smallest(run_dir: &Path, seed: u64, script: Vec<script::Step>) {
    let smallest = shrink::shrink(script, SHRINKING, |script| {
        play(run_dir, seed, script, &|_| {}).wrong.is_some()
    });
    let Played { wrong, .. } = play(run_dir, seed, &smallest, &|_| {});
    eprintln!("seed {seed}, made smaller:");
    for step in &smallest {
        eprintln!("  {step}");
    }
    match wrong {
        Some(wrong) => eprintln!("{}", wrong.what),
        None => eprintln!("  it agrees now: the fault comes and goes"),
    }
}
