//! The target of whole calls: from the form to the document of the answer, over a network in memory.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use strait_vpc::api::Service;
use strait_vpc::state::Account;
use strait_vpc::{AccountId, Action, AwsError, Caller, Context, Network, Region};

use super::{digest, document, refused, rest};
use crate::de::parameters;
use crate::envelope;
use crate::error::WireError;
use crate::form;
use crate::service;
use crate::tree::Node;

/// Makes the calls of an input, a line each: who calls (`1`, the provider, or `2`, a customer), a space, the form, or Route
/// 53's method, path and body. `@vpc.0` stands for the first VPC id that an answer showed, `@arn.2` for the third ARN.
pub fn calls(input: &[u8]) -> u64 {
    let mut story = Story::new();
    let lines = input.split(|byte| *byte == b'\n');
    // In any order: a story is new if it has an outcome that none had together with its others.
    digest(&lines.map(|line| story.call(line)).collect::<BTreeSet<_>>())
}

/// A network, and the ids that its answers have shown, by what they begin with.
pub(super) struct Story {
    network: Network,
    seen: BTreeMap<String, Vec<String>>,
    drawn: u128,
    /// What was answered with success, and the documents.
    pub(super) answered: Vec<(Service, &'static str, String)>,
}

impl Story {
    pub(super) fn new() -> Self {
        let mut network = Network::default();
        for (name, id) in [("provider", PROVIDER), ("customer", CUSTOMER)] {
            let account = account(name, id);
            network.accounts.insert(account.id.clone(), account);
        }
        Self {
            network,
            seen: BTreeMap::new(),
            drawn: 0,
            answered: Vec::new(),
        }
    }

    /// Makes the call of one line; a digest of what came of it.
    pub(super) fn call(&mut self, line: &[u8]) -> u64 {
        let (account, form) = match line {
            [b'1', b' ', form @ ..] => (PROVIDER, form),
            [b'2', b' ', form @ ..] => (CUSTOMER, form),
            _ => return 0,
        };
        let caller = Caller::new(account_id(account), Region::new("eu-central-1"));
        match self.answer(&caller, form) {
            Ok((service, name, document)) => {
                self.remember(&document);
                self.answered.push((service, name, document));
                digest(&name)
            }
            Err((service, error)) => refused(service, &error),
        }
    }

    fn answer(
        &mut self,
        caller: &Caller,
        line: &[u8],
    ) -> Result<(Service, &'static str, String), (Service, WireError)> {
        let (service, action) = if rest::is_rest(line) {
            (Service::Route53, self.rest_action(line))
        } else {
            self.form_action(line)
        };
        let action = action.map_err(|error| (service, error))?;
        let name = action.name();
        let response = self.apply(caller, action);
        let response = response.map_err(|error| (service, error.into()))?;
        let document = envelope::answer(service, name, &response, "id").expect("it is written");
        Ok((service, name, document))
    }

    fn form_action(&self, form: &[u8]) -> (Service, Result<Action, WireError>) {
        let mut pairs = match form::parse(form) {
            Ok(pairs) => pairs,
            Err(error) => return (Service::Ec2, Err(error)),
        };
        for (_, value) in &mut pairs {
            *value = self.resolve(value);
        }
        let given = |wanted: &str| {
            let found = pairs.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let service = service::by_version(&given("Version")).unwrap_or(Service::Ec2);
        let name = given("Action");
        let action = Node::from_pairs(pairs).and_then(|tree| {
            Action::read(service, &name, parameters(tree))
                .unwrap_or(Err(WireError::UnknownAction(name)))
        });
        (service, action)
    }

    fn rest_action(&self, line: &[u8]) -> Result<Action, WireError> {
        let Ok(text) = std::str::from_utf8(line) else {
            return rest::action(line);
        };
        let words = text.split_inclusive(['/', '<', ' ', '=']);
        let line: String = words.map(|word| self.resolve(word)).collect();
        rest::action(line.as_bytes())
    }

    fn apply(&mut self, caller: &Caller, action: Action) -> Result<strait_vpc::Response, AwsError> {
        let drawn = &mut self.drawn;
        // Ids take their first bits: every one differs there.
        let mut random = || {
            *drawn += 1;
            drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        };
        let mut context = Context {
            now: now(),
            random: &mut random,
        };
        strait_vpc::apply(&mut self.network, caller, action, &mut context)
    }

    fn remember(&mut self, document: &str) {
        for (_, text) in document::texts(document) {
            if text.starts_with("arn:") {
                self.note("arn", &text);
                continue;
            }
            if let Some((kind, id)) = text.strip_prefix('/').and_then(|it| it.split_once('/')) {
                self.note(kind, id);
                continue;
            }
            let tokens = text.split(|c: char| !matches!(c, 'a'..='z' | '0'..='9' | '-'));
            for (kind, token) in tokens.filter_map(id) {
                self.note(kind, token);
            }
        }
    }

    fn note(&mut self, kind: &str, text: &str) {
        let known = self.seen.entry(kind.to_owned()).or_default();
        if !known.iter().any(|one| one == text) {
            known.push(text.to_owned());
        }
    }

    /// A value with what its `@kind.number` stands for, if it has one that stands for something.
    fn resolve(&self, value: &str) -> String {
        let found = value.split_once('@').and_then(|(before, reference)| {
            let (kind, rest) = reference.split_once('.')?;
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let meant = self
                .seen
                .get(kind)?
                .get(rest[..digits].parse::<usize>().ok()?)?;
            Some(format!("{before}{meant}{}", &rest[digits..]))
        });
        found.unwrap_or_else(|| value.to_owned())
    }
}

const PROVIDER: &str = "111111111111";

const CUSTOMER: &str = "222222222222";

/// Of a token like `vpc-0123456789abcdef0`: what it begins with, and itself.
fn id(token: &str) -> Option<(&str, &str)> {
    let (kind, number) = token.rsplit_once('-')?;
    let is_number =
        matches!(number.len(), 8 | 17) && number.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then_some((kind, token))
}

fn account(name: &str, id: &str) -> Account {
    Account {
        id: account_id(id),
        name: name.to_owned(),
        access_key_id: format!("AKIA{id}"),
        secret_access_key: "secret".to_owned(),
        created_at: now(),
    }
}

fn account_id(id: &str) -> AccountId {
    id.parse().expect("12 digits")
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).expect("a time")
}
