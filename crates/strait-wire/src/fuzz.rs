//! What fuzzers run: each target reads bytes that nobody vouches for, and panics if a promise is broken. They are built
//! for tests, and for cargo-fuzz (see `fuzz/`) alone.
//!
//! A target returns a digest of what came of its input: the fuzzer without coverage that `cargo test` runs keeps inputs
//! that lead somewhere new.

mod calls;
mod document;
mod rest;
mod signature;

#[cfg(test)]
mod mutate;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::answers_of_the_seeds;

use std::hash::{DefaultHasher, Hash, Hasher};

use strait_vpc::Action;
use strait_vpc::api::Service;

pub use calls::calls;
pub use rest::rest;
pub use signature::signature;

use crate::de::parameters;
use crate::envelope;
use crate::error::WireError;
use crate::form::{self, Pair};
use crate::tree::Node;

/// Reads a form, its names as a tree, and the tree as the call that it names; as some calls, if it names none.
pub fn query(input: &[u8]) -> u64 {
    let pairs = match form::parse(input) {
        Ok(pairs) => pairs,
        Err(error) => return refused(Service::Ec2, &error),
    };
    assert_eq!(
        form::parse(encode(&pairs).as_bytes()).ok(),
        Some(pairs.clone()),
        "encoding loses something"
    );
    let named = pairs
        .iter()
        .find(|(name, _)| name == "Action")
        .map_or("", |(_, value)| value);
    let is_named = |(_, name): &&(Service, &str)| *name == named;
    let mut wanted: Vec<_> = Action::ALL.iter().filter(is_named).collect();
    if wanted.is_empty() {
        let some = usize::from(input.last().copied().unwrap_or_default());
        wanted.extend(Action::ALL.iter().cycle().skip(some).step_by(7).take(4));
    }
    let tree = match Node::from_pairs(pairs) {
        Ok(tree) => parameters(tree),
        Err(error) => return refused(Service::Ec2, &error),
    };
    wanted
        .into_iter()
        .map(|(service, name)| {
            match Action::read(*service, name, tree.clone()).expect("it is a call of ours") {
                Ok(action) => digest(&("read", action.name())),
                Err(error) => refused(*service, &error),
            }
        })
        .fold(0, |all, one| digest(&(all, one)))
}

/// Writes any text as an error of each service: a parser finds that text in it, and nothing besides.
pub fn xml(input: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(input);
    for service in [Service::Ec2, Service::Elb, Service::Sts, Service::Route53] {
        let written = envelope::error(service, "Code", &text, true, "id").expect("it is written");
        let said: String = text.chars().map(document::sayable).collect();
        assert_eq!(document::message(&written), said, "{written:?}");
    }
    digest(&text.len().checked_ilog2())
}

/// An error is the client's fault, has a code, and its document says its message.
fn refused(service: Service, error: &WireError) -> u64 {
    let (status, code) = error.status_and_code(service);
    assert!(status.is_client_error(), "{status} {code}: {error}");
    assert!(!code.is_empty(), "no code: {error}");
    let message = error.message(service);
    let written = envelope::error(service, code, &message, true, "id").expect("it is written");
    let said: String = message.chars().map(document::sayable).collect();
    assert_eq!(document::message(&written), said, "{written:?}");
    // Messages quote the input: their kind is what is new, not their text.
    digest(&(std::mem::discriminant(error), message.len().min(60), code))
}

fn encode(pairs: &[Pair]) -> String {
    let piece = |(name, value): &Pair| format!("{}={}", form::encode(name), form::encode(value));
    pairs.iter().map(piece).collect::<Vec<_>>().join("&")
}

fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
