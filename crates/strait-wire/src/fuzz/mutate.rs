//! Changes to inputs: a fuzzer for stable Rust, seeded, without coverage.

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// What breaks parsers, besides words of the seeds.
const WORDS: [&[u8]; 28] = [
    b"",
    b" ",
    b"&",
    b"=",
    b".",
    b".1",
    b".member.1",
    b"%",
    b"%00",
    b"%ff",
    b"%EF%BF%BF",
    b"+",
    b"\n",
    b"\r",
    b"\t",
    b"<",
    b"]]>",
    b"-1",
    b"0",
    b"65536",
    b"4294967296",
    b"99999999999999999999",
    b"0.0.0.0/0",
    b"10.0.0.0/33",
    b"::/0",
    b"@vpc.0",
    b"*?",
    b"\xf0\x9f\x90\x8d",
];

/// The longest input made.
const LONGEST: usize = 64 * 1024;

/// Makes new inputs of old ones.
pub(super) struct Mutator {
    random: SmallRng,
    words: Vec<Vec<u8>>,
}

impl Mutator {
    pub(super) fn new(seed: u64, seeds: &[Vec<u8>]) -> Self {
        let mut words: Vec<Vec<u8>> = WORDS.iter().map(|word| word.to_vec()).collect();
        for input in seeds {
            let parts = input.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'@');
            words.extend(parts.filter(|part| part.len() > 1).map(<[u8]>::to_vec));
        }
        words.sort();
        words.dedup();
        Self {
            random: SmallRng::seed_from_u64(seed),
            words,
        }
    }

    /// One of the inputs, changed a few times.
    pub(super) fn next(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut made = self.one_of(inputs);
        for _ in 0..self.random.random_range(1..=4) {
            self.change(&mut made, inputs);
        }
        made.truncate(LONGEST);
        made
    }

    fn change(&mut self, made: &mut Vec<u8>, inputs: &[Vec<u8>]) {
        let (from, to) = self.stretch(made.len());
        match self.random.random_range(0..10) {
            0 => drop(made.splice(from..to, [])),
            1 => {
                let byte = self.random.random();
                made.insert(from, byte);
            }
            2 => {
                if let Some(byte) = made.get_mut(from) {
                    *byte ^= 1 << self.random.random_range(0..8);
                }
            }
            3..=5 => {
                let word = self.words.choose(&mut self.random).cloned();
                drop(made.splice(from..to, word.unwrap_or_default()));
            }
            6 => {
                let piece = made[from..to].repeat(self.random.random_range(2..9));
                drop(made.splice(from..to, piece));
            }
            7 => {
                let other = self.one_of(inputs);
                let (start, end) = self.stretch(other.len());
                drop(made.splice(from..to, other[start..end].iter().copied()));
            }
            8 => self.swap_lines(made),
            _ => self.change_a_value(made),
        }
    }

    /// Gives a parameter another value and leaves the rest as it is: rules are reached by calls that are well formed.
    fn change_a_value(&mut self, made: &mut Vec<u8>) {
        let starts: Vec<usize> = (0..made.len()).filter(|at| made[*at] == b'=').collect();
        let Some(start) = starts.choose(&mut self.random) else {
            return;
        };
        let rest = &made[start + 1..];
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b'&' | b'\n'))
            .unwrap_or(rest.len());
        let word = self.words.choose(&mut self.random).cloned();
        drop(made.splice(start + 1..start + 1 + length, word.unwrap_or_default()));
    }

    fn swap_lines(&mut self, made: &mut Vec<u8>) {
        let mut lines: Vec<&[u8]> = made.split(|byte| *byte == b'\n').collect();
        let (one, other) = (
            self.random.random_range(0..lines.len()),
            self.random.random_range(0..lines.len()),
        );
        lines.swap(one, other);
        *made = lines.join(&b'\n');
    }

    fn one_of(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        inputs.choose(&mut self.random).cloned().unwrap_or_default()
    }

    /// A short stretch of this many bytes.
    fn stretch(&mut self, length: usize) -> (usize, usize) {
        let from = self.random.random_range(0..=length);
        let most = if self.random.random_range(0..20) == 0 {
            length - from
        } else {
            12.min(length - from)
        };
        (from, from + self.random.random_range(0..=most))
    }
}
