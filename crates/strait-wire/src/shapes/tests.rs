//! Every name that we read or write is one of AWS's, and every parameter of AWS's that we do not read is refused.

use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::events::Event;
use strait_vpc::Action;
use strait_vpc::api::Service;

use super::probe::{Asked, Probe};
use super::{Member, Place, REQUESTS, Shapes, Structure, has};
use crate::error::WireError;
use crate::fuzz::answers_of_the_seeds;
use crate::tree::Node;

#[test]
fn names_lead_through_lists_and_structures() {
    for known in [
        "VpcId.1",
        "Filter.12.Value.3",
        "TagSpecification.1.Tag.2.Key",
        "CidrBlock",
    ] {
        let call = if known == "CidrBlock" || known.starts_with("Tag") {
            "CreateVpc"
        } else {
            "DescribeVpcs"
        };
        assert!(has(Service::Ec2, call, known), "{known}");
    }
    for unknown in ["Colour", "Filter.1.Colour", "VpcId.1.Colour", "CidrBlock"] {
        assert!(!has(Service::Ec2, "DescribeVpcs", unknown), "{unknown}");
    }
    assert!(has(Service::Elb, "AddTags", "Tags.member.1.Key"));
    assert!(!has(Service::Elb, "MakeCoffee", "Tags"));
}

/// AWS's models say nothing of EC2's dry runs in these, and EC2's documentation neither; every call of ours has it.
const DRY_RUN: &str = "DryRun";

#[test]
fn every_parameter_that_we_read_is_one_of_awss() {
    let mut wrong = BTreeSet::new();
    for (service, call) in Action::ALL {
        let structure = REQUESTS.of(*service, call);
        check_request(*service, call, &mut Vec::new(), structure, &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_parameter_that_we_do_not_read_is_unsupported() {
    let mut seen = 0;
    for (service, call) in Action::ALL {
        let Asked::Fields(ours) = asked(*service, call, &[]) else {
            panic!("{call} reads no fields");
        };
        let awss = REQUESTS
            .of(*service, call)
            .into_iter()
            .flat_map(Structure::keys);
        for name in awss.filter(|name| !ours.contains(*name)) {
            let error = read(*service, call, name, "x");
            assert!(
                matches!(&error, WireError::UnsupportedParameter { name: refused } if refused == name),
                "{call} {name}: {error}"
            );
            seen += 1;
        }
    }
    assert!(seen > 0, "nothing of AWS's is missing here");
}

#[test]
fn what_can_only_be_off_may_be_off() {
    let (call, switch) = ("CreateNetworkInterface", "EnablePrimaryIpv6");
    let on = read(Service::Ec2, call, switch, "true");
    assert!(
        matches!(&on, WireError::UnsupportedParameter { name } if name == switch),
        "{on}"
    );
    let off = [(switch, "false"), ("SubnetId", "subnet-1")];
    let off = off.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let off = Node::from_pairs(off.to_vec()).expect("a tree");
    Action::read(Service::Ec2, call, off)
        .expect("it is a call of ours")
        .expect("off is what it is");
}

/// The error that a parameter alone leads to.
fn read(service: Service, call: &str, name: &str, value: &str) -> WireError {
    let tree = Node::from_pairs(vec![(name.to_owned(), value.to_owned())]).expect("a tree");
    let read = Action::read(service, call, tree).expect("it is a call of ours");
    read.expect_err("it is refused").of_call(service, call)
}

/// Compares what a request reads at a path with AWS's structure there, and what lies below.
fn check_request(
    service: Service,
    call: &str,
    path: &mut Vec<String>,
    structure: Option<&Structure>,
    wrong: &mut BTreeSet<String>,
) {
    let Asked::Fields(fields) = asked(service, call, path) else {
        return;
    };
    let named = format!("{service:?} {call} {}", path.join("."));
    path.push("Colour".to_owned());
    if !matches!(asked(service, call, path), Asked::Unknown(_)) {
        wrong.insert(format!("{named}: what is unknown there is ignored"));
    }
    path.pop();
    for (required, _) in structure
        .into_iter()
        .flatten()
        .filter(|(_, member)| member.is_required)
    {
        if !fields.contains(required) {
            wrong.insert(format!(
                "{named} {required} is required at AWS and not read"
            ));
        }
    }
    for field in fields {
        let Some(member) = structure.and_then(|structure| structure.get(field)) else {
            if *field != DRY_RUN {
                wrong.insert(format!("{named} {field} is none of AWS's"));
            }
            continue;
        };
        path.push((*field).to_owned());
        check_member(service, call, path, member, wrong);
        path.pop();
    }
}

fn check_member(
    service: Service,
    call: &str,
    path: &mut Vec<String>,
    member: &Member,
    wrong: &mut BTreeSet<String>,
) {
    let below = match REQUESTS.below(service, member) {
        Place::In(structure) => Some(structure),
        Place::Value => None,
    };
    let found = asked(service, call, path);
    let fits = match &found {
        Asked::Anything => true,
        Asked::List => member.is_list,
        Asked::Fields(_) => below.is_some() && !member.is_list,
        Asked::Value => below.is_none() && !member.is_list,
        Asked::Unknown(_) | Asked::Other(_) => false,
    };
    if !fits {
        wrong.insert(format!(
            "{service:?} {call} {}: {found} here, {member:?} at AWS",
            path.join(".")
        ));
    }
    if found == Asked::List {
        path.push("1".to_owned());
    }
    check_request(service, call, path, below, wrong);
    if found == Asked::List {
        path.pop();
    }
}

fn asked(service: Service, call: &str, path: &[String]) -> Asked {
    let read = Action::read(service, call, Probe(path)).expect("it is a call of ours");
    read.expect_err("a probe never ends well")
}

/// Those that the seeds of the fuzzer make, which is most; `tests/clients/shapes.py` compares them all.
#[test]
fn every_tag_that_we_write_is_one_of_awss() {
    let shapes = Shapes::parse(include_str!("responses.txt"));
    let mut wrong = BTreeSet::new();
    let answers = answers_of_the_seeds();
    let calls: BTreeSet<_> = answers
        .iter()
        .map(|(service, call, _)| (service, call))
        .collect();
    assert!(
        calls.len() * 10 > Action::ALL.len() * 7,
        "the seeds make {} calls",
        calls.len()
    );
    for (service, call, document) in &answers {
        check_answer(&shapes, *service, call, document, &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn check_answer(
    shapes: &Shapes,
    service: Service,
    call: &str,
    document: &str,
    wrong: &mut BTreeSet<String>,
) {
    let skipped = match service {
        Service::Ec2 | Service::Route53 => 1,
        Service::Elb | Service::Sts => 2,
    };
    let mut reader = Reader::from_str(document);
    // The structure that each open element is; `None` below what was wrong already.
    let mut open: Vec<(String, Option<Inside<'_>>)> = Vec::new();
    loop {
        let (tag, closes) = match reader.read_event().expect("it is well formed") {
            Event::Start(tag) => (tag, false),
            Event::Empty(tag) => (tag, true),
            Event::End(_) => {
                open.pop();
                continue;
            }
            Event::Eof => return,
            Event::Text(_) | Event::GeneralRef(_) | Event::Decl(_) => continue,
            other @ (Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_)) => {
                panic!("the envelope never writes {other:?}")
            }
        };
        let name = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
        let inside = if open.len() + 1 < skipped {
            None
        } else if open.len() + 1 == skipped {
            shapes
                .of(service, call)
                .map(Inside::Structure)
                .filter(|_| !name.ends_with("Metadata"))
        } else {
            let place = open.last().and_then(|(_, inside)| *inside);
            let found = place.and_then(|place| inner(shapes, service, place, &name));
            if place.is_some()
                && found.is_none()
                && !is_of_the_protocol(&name, open.len() == skipped)
            {
                let path: Vec<_> = open.iter().map(|(name, _)| name.as_str()).collect();
                wrong.insert(format!("{service:?} {} > {name}", path.join(" > ")));
            }
            found
        };
        if !closes {
            open.push((name, inside));
        }
    }
}

#[derive(Clone, Copy)]
enum Inside<'a> {
    Structure(&'a Structure),
    List(Option<&'a Structure>),
    Value,
}

fn inner<'a>(
    shapes: &'a Shapes,
    service: Service,
    place: Inside<'a>,
    name: &str,
) -> Option<Inside<'a>> {
    let structure = match place {
        Inside::Value => return None,
        Inside::List(of) => {
            let is_item = match service {
                Service::Ec2 => name == "item",
                Service::Elb | Service::Sts => name == "member",
                Service::Route53 => ITEMS.contains(&name),
            };
            return is_item.then(|| of.map_or(Inside::Value, Inside::Structure));
        }
        Inside::Structure(structure) => structure,
    };
    let member = structure.get(name)?;
    let below = match shapes.below(service, member) {
        Place::In(structure) => Some(structure),
        Place::Value => None,
    };
    Some(match (member.is_list, below) {
        (true, of) => Inside::List(of),
        (false, Some(structure)) => Inside::Structure(structure),
        (false, None) => Inside::Value,
    })
}

/// What Route 53 calls the members of its lists.
const ITEMS: [&str; 8] = [
    "HostedZone",
    "HostedZoneSummary",
    "NameServer",
    "ResourceRecord",
    "ResourceRecordSet",
    "ResourceTagSet",
    "Tag",
    "VPC",
];

/// EC2's envelope, and its word for calls that only say that they did it.
fn is_of_the_protocol(name: &str, at_the_top: bool) -> bool {
    at_the_top && matches!(name, "requestId" | "return")
}
