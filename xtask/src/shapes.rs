//! The table of names. A line a call, then a line a structure: `NAME MEMBER…`, where a member is `name` (a scalar),
//! `name=Structure`, `name=[Structure]` (a list) or `name=[]` (a list of scalars); `!` after the name: it is required.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use strait_vpc::Action;
use strait_vpc::api::Service;

use crate::model::{Model, Reference};

/// Writes both tables of the calls that Strait has.
pub(crate) fn write(botocore: &Path) -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/strait-wire/src/shapes");
    for side in [Side::Requests, Side::Responses] {
        let file = folder.join(side.file());
        std::fs::write(&file, table(botocore, side)?)
            .with_context(|| format!("{} is not written", file.display()))?;
        println!("wrote {}", file.display());
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Requests,
    Responses,
}

impl Side {
    const fn file(self) -> &'static str {
        match self {
            Self::Requests => "requests.txt",
            Self::Responses => "responses.txt",
        }
    }
}

fn table(botocore: &Path, side: Side) -> anyhow::Result<String> {
    let mut written =
        "# Written by `cargo xtask shapes` from botocore's models (Apache-2.0).\n".to_owned();
    let services: BTreeSet<Service> = Action::ALL.iter().map(|(service, _)| *service).collect();
    for service in services {
        let (name, version) = source(service);
        let model = Model::read(botocore, name, version)?;
        written.push_str(&one_service(service, &model, side)?);
    }
    Ok(written)
}

/// Where botocore keeps a service's model.
const fn source(service: Service) -> (&'static str, &'static str) {
    match service {
        Service::Ec2 => ("ec2", "2016-11-15"),
        Service::Elb => ("elbv2", "2015-12-01"),
        Service::Sts => ("sts", "2011-06-15"),
        Service::Route53 => ("route53", "2013-04-01"),
    }
}

fn one_service(service: Service, model: &Model, side: Side) -> anyhow::Result<String> {
    let mut written = String::new();
    let mut wanted = Vec::new();
    let ours = Action::ALL.iter().filter(|(of, _)| *of == service);
    for (_, call) in ours {
        let operation = model.operations.get(*call);
        let operation = operation.with_context(|| format!("AWS has no call {call}"))?;
        let shape = match side {
            Side::Requests => &operation.input,
            Side::Responses => &operation.output,
        };
        let shape = shape
            .as_ref()
            .map_or("", |reference| reference.shape.as_str());
        writeln!(written, "{service:?} {call} {shape}")?;
        wanted.extend((!shape.is_empty()).then(|| shape.to_owned()));
    }
    let mut structures = BTreeMap::new();
    while let Some(name) = wanted.pop() {
        if structures.contains_key(&name) {
            continue;
        }
        let (line, below) = structure(service, model, side, &name)?;
        structures.insert(name, line);
        wanted.extend(below);
    }
    for (name, members) in structures {
        writeln!(written, "{service:?}.{name}{members}")?;
    }
    Ok(written)
}

/// A structure's members, and the structures that they are made of.
fn structure(
    service: Service,
    model: &Model,
    side: Side,
    name: &str,
) -> anyhow::Result<(String, Vec<String>)> {
    let shape = model
        .shapes
        .get(name)
        .with_context(|| format!("there is no shape {name}"))?;
    let (mut line, mut below) = (String::new(), Vec::new());
    for (member, reference) in &shape.members {
        let wire = match side {
            Side::Requests => request_name(service, member, reference),
            Side::Responses => reference
                .location_name
                .clone()
                .unwrap_or_else(|| member.clone()),
        };
        let required = if shape.required.contains(member) {
            "!"
        } else {
            ""
        };
        write!(line, " {wire}{required}")?;
        let (is_list, inner) = unwrap(model, reference)?;
        match (is_list, &inner) {
            (true, inner) => write!(line, "=[{}]", inner.as_deref().unwrap_or_default())?,
            (false, Some(inner)) => write!(line, "={inner}")?,
            (false, None) => {}
        }
        below.extend(inner);
    }
    Ok((line, below))
}

/// Whether it is a list, and the structure that it, or each of its members, is.
fn unwrap(model: &Model, reference: &Reference) -> anyhow::Result<(bool, Option<String>)> {
    let name = &reference.shape;
    let shape = model
        .shapes
        .get(name)
        .with_context(|| format!("there is no shape {name}"))?;
    Ok(match (shape.kind.as_str(), &shape.member) {
        ("structure", _) => (false, Some(name.clone())),
        ("list", Some(member)) => (true, unwrap(model, member)?.1),
        _ => (false, None),
    })
}

/// EC2's protocol has names of its own; the others take the members'.
fn request_name(service: Service, member: &str, reference: &Reference) -> String {
    let given = reference
        .location_name
        .clone()
        .unwrap_or_else(|| member.to_owned());
    match (service, &reference.query_name) {
        (Service::Ec2, Some(name)) => name.clone(),
        (Service::Ec2, None) => {
            let mut letters = given.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
                .collect()
        }
        (Service::Elb | Service::Sts | Service::Route53, _) => given,
    }
}
