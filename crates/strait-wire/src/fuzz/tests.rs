//! The targets under the fuzzer without coverage. `STRAIT_FUZZ_SECONDS`: how long for each, 5 unless set.
//! `STRAIT_FUZZ_SEED`: where it begins, 1 unless set.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use strait_vpc::api::Service;

use super::calls::Story;
use super::mutate::Mutator;

/// More inputs are not kept: new ones take the place of old ones.
const KEPT: usize = 4096;

#[test]
fn queries() {
    let lines = seeds("calls").concat();
    let forms = lines
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.get(2..));
    fuzz("query", super::query, forms.map(<[u8]>::to_vec).collect());
}

#[test]
fn signatures() {
    fuzz("signature", super::signature, seeds("signature"));
}

#[test]
fn xml() {
    fuzz("xml", super::xml, seeds("xml"));
}

#[test]
fn rest() {
    fuzz("rest", super::rest, seeds("rest"));
}

#[test]
fn calls() {
    let story = seeds("calls").concat();
    let lines: Vec<_> = story.split_inclusive(|byte| *byte == b'\n').collect();
    // What a story begins with is a story too, and a faster one.
    let beginnings = (1..=lines.len())
        .step_by(12)
        .map(|end| lines[..end].concat());
    fuzz("calls", super::calls, beginnings.collect());
}

/// Seeds that no longer do anything would test nothing.
#[test]
fn most_calls_of_the_seeds_succeed() {
    let asked = lines_of_the_seeds().len();
    let answered = answers_of_the_seeds().len();
    assert!(
        answered * 10 > asked * 9,
        "{answered} of {asked} succeed: record them again (see fuzz/README.md)"
    );
}

/// What the calls of the seeds are answered, of those that succeed.
pub(crate) fn answers_of_the_seeds() -> Vec<(Service, &'static str, String)> {
    let mut story = Story::new();
    for line in lines_of_the_seeds() {
        story.call(&line);
    }
    story.answered
}

fn lines_of_the_seeds() -> Vec<Vec<u8>> {
    let seeds = seeds("calls").concat();
    let lines = seeds.split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

fn fuzz(name: &str, target: fn(&[u8]) -> u64, seeds: Vec<Vec<u8>>) {
    let end = Instant::now() + Duration::from_secs(number("STRAIT_FUZZ_SECONDS", 5));
    let seed = number("STRAIT_FUZZ_SEED", 1);
    let mut mutator = Mutator::new(seed, &seeds);
    let (mut inputs, mut outcomes, mut runs) = (seeds, BTreeSet::new(), 0_usize);
    for input in &inputs {
        outcomes.insert(run(name, target, input));
    }
    assert!(outcomes.len() > 1, "{name}: the seeds all end the same way");
    while Instant::now() < end {
        let input = mutator.next(&inputs);
        runs += 1;
        if outcomes.insert(run(name, target, &input)) {
            if inputs.len() < KEPT {
                inputs.push(input);
            } else {
                inputs[runs % KEPT] = input;
            }
        }
    }
    println!(
        "{name}: {runs} inputs, {} outcomes, no finding",
        outcomes.len()
    );
}

fn run(name: &str, target: fn(&[u8]) -> u64, input: &[u8]) -> u64 {
    catch_unwind(AssertUnwindSafe(|| target(input))).unwrap_or_else(|_| {
        panic!(
            "{name}: a finding (its panic is above). The input: b\"{}\"",
            input.escape_ascii()
        )
    })
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let files = std::fs::read_dir(&folder).expect("there are seeds");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).expect("a seed"))
        .collect()
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}
