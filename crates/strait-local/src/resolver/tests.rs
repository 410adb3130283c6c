//! What networks are answered: zones, AWS's own names, and who wins.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use hickory_proto::rr::{Name, RecordType};
use strait_vpc::names::{NamedRecords, Names, NetworkNames, Says, ZoneNames};
use strait_vpc::state::{DomainName, HostedZoneId, RecordData, RecordKind};

use super::ResolverState;
use super::view::{Answer, View, Walk};

/// A VPC with private zones, and one with none.
const WITH: &str = "vpc-1";
const WITHOUT: &str = "vpc-2";

#[test]
fn split_horizon_the_private_zone_hides_the_public_one() {
    let view = view();
    for (from, name, expected) in [
        (WITH, "www.example.com", "10.0.0.1"),
        (WITHOUT, "www.example.com", "203.0.113.1"),
        ("internet", "www.example.com", "203.0.113.1"),
        // Not in the private zone: it does not exist, whatever the public one has.
        (WITH, "public.example.com", "no name"),
        (WITHOUT, "public.example.com", "203.0.113.2"),
        // The most specific private zone wins, and is alone.
        (WITH, "db.a.example.com", "10.0.0.3"),
        (WITH, "outer.a.example.com", "no name"),
        (WITHOUT, "db.a.example.com", "no name"),
        (WITH, "WWW.Example.Com", "10.0.0.1"),
        (WITH, "example.com", "no data"),
        (WITH, "example.org", "elsewhere"),
        // Services are under a private zone's name only for those who have that zone.
        (WITH, "orders.strait.internal", "198.51.100.9"),
    ] {
        assert_eq!(a(&view, from, name), expected, "{name} from {from}");
    }
}

#[test]
fn records_of_a_zone_are_answered_as_dns_has_it() {
    let view = view();
    for (name, kind, expected) in [
        ("x.wild.example.com", RecordType::A, "10.0.0.4"),
        ("x.y.wild.example.com", RecordType::A, "10.0.0.4"),
        ("there.wild.example.com", RecordType::A, "no data"),
        ("wild.example.com", RecordType::A, "no data"),
        ("text.example.com", RecordType::TXT, "ab"),
        ("text.example.com", RecordType::A, "no data"),
        ("www.example.com", RecordType::AAAA, "no data"),
        ("alias.example.com", RecordType::A, "10.0.0.1"),
        (
            "to-www.example.com",
            RecordType::A,
            "to-www.example.com. CNAME www.example.com. > 10.0.0.1",
        ),
        ("to-www.example.com", RecordType::CNAME, "www.example.com."),
        (
            "away.example.com",
            RecordType::A,
            "away.example.com. CNAME example.org. > elsewhere",
        ),
        (
            "nowhere.example.com",
            RecordType::A,
            "nowhere.example.com. CNAME none.example.com. > no name",
        ),
        ("lb.example.com", RecordType::A, "10.0.1.5, 10.0.1.6"),
        ("lb.example.com", RecordType::AAAA, "no data"),
        // A private zone leaves nothing to others.
        ("www.cut.example.com", RecordType::A, "10.0.0.6"),
        ("loop.example.com", RecordType::A, "endless"),
    ] {
        assert_eq!(said(&view, WITH, name, kind), expected, "{name} {kind}");
    }
}

#[test]
fn of_public_zones_the_one_with_the_longest_name_answers() {
    let view = view();
    for (name, expected) in [
        ("www.sub.example.com", "203.0.113.5"),
        ("public.sub.example.com", "no name"),
        ("www.example.com", "203.0.113.1"),
        // Not among those that the internet finds.
        ("www.lost.example.com", "no name"),
        // Left to servers that are not in the cloud.
        ("cut.example.com", "elsewhere"),
        ("www.cut.example.com", "elsewhere"),
        ("uncut.example.com", "no name"),
    ] {
        assert_eq!(a(&view, WITHOUT, name), expected, "{name}");
    }
}

#[test]
fn instances_have_names_both_ways_in_their_own_network() {
    let view = view();
    for (from, name, expected) in [
        (WITH, "ip-10-0-0-5.ec2.internal", "10.0.0.5"),
        (WITH, "IP-10-0-0-5.EC2.internal", "10.0.0.5"),
        (WITH, "ip-10-9-0-5.ec2.internal", "no name"),
        (WITH, "other.ec2.internal", "no name"),
        (WITH, "x.ip-10-0-0-5.ec2.internal", "no name"),
        (WITH, "ec2.internal", "no data"),
        (WITHOUT, "ip-10-0-0-5.ec2.internal", "no name"),
    ] {
        assert_eq!(a(&view, from, name), expected, "{name} from {from}");
    }
    let pointer = |from, name| said(&view, from, name, RecordType::PTR);
    assert_eq!(
        pointer(WITH, "5.0.0.10.in-addr.arpa"),
        "ip-10-0-0-5.ec2.internal."
    );
    assert_eq!(pointer(WITH, "5.0.9.10.in-addr.arpa"), "no name");
    assert_eq!(pointer(WITHOUT, "5.0.0.10.in-addr.arpa"), "no name");
    assert_eq!(a(&view, WITH, "5.0.0.10.in-addr.arpa"), "no data");
}

#[test]
fn a_public_name_stands_for_the_private_address_inside() {
    let view = view();
    let name = "ec2-198-51-100-10.compute-1.amazonaws.com";
    assert_eq!(a(&view, WITH, name), "10.0.0.5");
    assert_eq!(a(&view, WITHOUT, name), "198.51.100.10");
    assert_eq!(a(&view, "internet", name), "198.51.100.10");
    let pointer = said(
        &view,
        "internet",
        "10.100.51.198.in-addr.arpa",
        RecordType::PTR,
    );
    assert_eq!(pointer, format!("{name}."));
}

#[test]
fn names_of_awss_form_that_nobody_has_do_not_exist() {
    let view = view();
    for name in [
        "db-1.elb.us-east-1.amazonaws.com",
        "us-east-1a.db-1.elb.us-east-1.amazonaws.com",
    ] {
        assert_eq!(a(&view, WITHOUT, name), "10.0.1.5, 10.0.1.6", "{name}");
    }
    for name in [
        "other-1.elb.us-east-1.amazonaws.com",
        "vpce-1.vpce-svc-1.us-east-1.vpce.amazonaws.com",
        "ec2-198-51-100-99.compute-1.amazonaws.com",
        "ec2-198-51-100-99.eu-west-1.compute.amazonaws.com",
    ] {
        assert_eq!(a(&view, WITHOUT, name), "no name", "{name}");
    }
    assert_eq!(a(&view, WITHOUT, "s3.amazonaws.com"), "elsewhere");
}

#[test]
fn only_a_network_with_a_way_out_asks_others() {
    let view = view();
    assert!(view.may_pass_on(WITHOUT) && view.may_pass_on("internet"));
    assert!(!view.may_pass_on(WITH) && !view.may_pass_on("vpc-3"));
}

#[test]
fn private_names_that_nobody_has_do_not_exist() {
    let view = view();
    for name in [
        "ip-10-0-0-5.ec2.internal",
        "a.eu-west-1.compute.internal",
        "253.169.254.169.in-addr.arpa",
    ] {
        assert_eq!(a(&view, WITHOUT, name), "no name", "{name}");
    }
    assert_eq!(a(&view, WITHOUT, "1.113.0.203.in-addr.arpa"), "elsewhere");
    assert_eq!(a(&view, WITHOUT, "internal.example.org"), "elsewhere");
}

#[test]
fn private_names_of_services_are_zones_among_the_others() {
    let mut state = state();
    for (endpoint, origin, name, last) in [
        ("ZENDPOINT1", "www.example.com", "www.example.com", 8),
        ("ZENDPOINT2", "db.test", "*.db.test", 9),
        ("ZENDPOINT3", "a.example.com.test", "a.example.com.test", 10),
    ] {
        let zone = ZoneNames {
            name: domain(origin),
            records: vec![records(name, address([10, 0, 0, last]))],
        };
        state.names.zones.insert(id(endpoint), zone);
        let own = state.names.networks.get_mut(WITH).expect("a network");
        own.zones.push(id(endpoint));
    }
    let view = View::new(&state).expect("a good state");
    for (from, name, expected) in [
        (WITH, "www.example.com", "10.0.0.8"),
        (WITH, "x.www.example.com", "no name"),
        (WITH, "any.db.test", "10.0.0.9"),
        (WITH, "other.any.db.test", "10.0.0.9"),
        // What the zone does not have is asked nowhere else.
        (WITH, "db.test", "no data"),
        (WITH, "x.a.example.com.test", "no name"),
        (WITHOUT, "www.example.com", "203.0.113.1"),
        (WITHOUT, "any.db.test", "elsewhere"),
    ] {
        assert_eq!(a(&view, from, name), expected, "{name} from {from}");
    }
    let text = said(&view, WITH, "any.db.test", RecordType::TXT);
    assert_eq!(text, "no data");
}

fn a(view: &View, from: &str, asked: &str) -> String {
    said(view, from, asked, RecordType::A)
}

fn said(view: &View, from: &str, asked: &str, kind: RecordType) -> String {
    let Walk { chain, end, .. } = view.walk(from, &name(asked), kind);
    let Some(end) = end else {
        return "endless".to_owned();
    };
    let mut steps: Vec<String> = chain
        .iter()
        .map(|record| format!("{} {} {}", record.name, record.record_type(), record.data))
        .collect();
    steps.push(match end {
        Answer::Records(records) => {
            let data = records.iter().map(|record| record.data.to_string());
            data.collect::<Vec<_>>().join(", ")
        }
        Answer::NoData(_) => "no data".to_owned(),
        Answer::NoName(_) => "no name".to_owned(),
        Answer::Instead(..) => "instead".to_owned(),
        Answer::Elsewhere => "elsewhere".to_owned(),
    });
    steps.join(" > ")
}

fn view() -> View {
    View::new(&state()).expect("a good state")
}

fn state() -> ResolverState {
    let balancer = BTreeSet::from([Ipv4Addr::new(10, 0, 1, 5), Ipv4Addr::new(10, 0, 1, 6)]);
    let balancer_name = "db-1.elb.us-east-1.amazonaws.com";
    let public = Ipv4Addr::new(198, 51, 100, 10);
    let with = NetworkNames {
        zones: vec![id("ZPRIVATE"), id("ZINNER")],
        internal: Some(domain("ec2.internal")),
        ranges: BTreeSet::from(["10.0.0.0/16".parse().expect("a range")]),
        inside: BTreeMap::from([(public, Ipv4Addr::new(10, 0, 0, 5))]),
        ..NetworkNames::default()
    };
    let without = NetworkNames {
        internet: true,
        ..NetworkNames::default()
    };
    let names = Names {
        addresses: BTreeMap::from([
            (domain(balancer_name), balancer.clone()),
            (domain(&format!("us-east-1a.{balancer_name}")), balancer),
        ]),
        hosts: BTreeMap::from([(public, domain("ec2-198-51-100-10.compute-1.amazonaws.com"))]),
        zones: zones(),
        public: ["ZPUBLIC", "ZSUB"].map(id).into(),
        networks: BTreeMap::from([(WITH.to_owned(), with), (WITHOUT.to_owned(), without)]),
    };
    let service = BTreeSet::from([Ipv4Addr::new(198, 51, 100, 9)]);
    ResolverState {
        domain: "strait.internal".to_owned(),
        records: BTreeMap::from([("orders.strait.internal".to_owned(), service)]),
        names,
        ..ResolverState::default()
    }
}

fn zones() -> BTreeMap<HostedZoneId, ZoneNames> {
    let loop_name = "loop.example.com";
    let private = [
        records("www.example.com", address([10, 0, 0, 1])),
        records("*.wild.example.com", address([10, 0, 0, 4])),
        records("below.there.wild.example.com", address([10, 0, 0, 4])),
        records("outer.example.com", address([10, 0, 0, 2])),
        records(
            "text.example.com",
            RecordData::Txt(vec![b"a".to_vec(), b"b".to_vec()]),
        ),
        records(
            "to-www.example.com",
            RecordData::Cname(domain("www.example.com")),
        ),
        records("away.example.com", RecordData::Cname(domain("example.org"))),
        records(
            "nowhere.example.com",
            RecordData::Cname(domain("none.example.com")),
        ),
        records(loop_name, RecordData::Cname(domain(loop_name))),
        alias(
            "alias.example.com",
            Says::OwnAlias(domain("www.example.com")),
        ),
        alias(
            "lb.example.com",
            Says::AwsAlias(domain("db-1.elb.us-east-1.amazonaws.com")),
        ),
        records("cut.example.com", RecordData::Ns(domain("ns.example.org"))),
        records("www.cut.example.com", address([10, 0, 0, 6])),
    ];
    let public = [
        records("www.example.com", address([203, 0, 113, 1])),
        records("public.example.com", address([203, 0, 113, 2])),
        records(
            "sub.example.com",
            RecordData::Ns(domain("ns-1.awsdns-01.com")),
        ),
        records("cut.example.com", RecordData::Ns(domain("ns.example.org"))),
        records("www.cut.example.com", address([203, 0, 113, 7])),
    ];
    let all = [
        ("ZPRIVATE", "example.com", private.into()),
        (
            "ZINNER",
            "a.example.com",
            vec![records("db.a.example.com", address([10, 0, 0, 3]))],
        ),
        ("ZPUBLIC", "example.com", public.into()),
        (
            "ZSUB",
            "sub.example.com",
            vec![records("www.sub.example.com", address([203, 0, 113, 5]))],
        ),
        (
            "ZLOST",
            "lost.example.com",
            vec![records("www.lost.example.com", address([203, 0, 113, 6]))],
        ),
    ];
    let zone = |(zone, origin, records): (&str, &str, Vec<NamedRecords>)| {
        let names = ZoneNames {
            name: domain(origin),
            records,
        };
        (id(zone), names)
    };
    all.map(zone).into()
}

fn address(address: [u8; 4]) -> RecordData {
    RecordData::A(address.into())
}

fn records(name: &str, data: RecordData) -> NamedRecords {
    let kind = match data {
        RecordData::A(_) => RecordKind::A,
        RecordData::Cname(_) => RecordKind::Cname,
        RecordData::Ns(_) => RecordKind::Ns,
        RecordData::Txt(_) => RecordKind::Txt,
        RecordData::Aaaa(_)
        | RecordData::Caa { .. }
        | RecordData::Mx { .. }
        | RecordData::Ptr(_)
        | RecordData::Soa { .. }
        | RecordData::Srv { .. } => panic!("no such record in these tests: {data:?}"),
    };
    let says = Says::Data {
        ttl: 60,
        data: vec![data],
    };
    NamedRecords {
        name: domain(name),
        kind,
        says,
    }
}

fn alias(name: &str, says: Says) -> NamedRecords {
    NamedRecords {
        name: domain(name),
        kind: RecordKind::A,
        says,
    }
}

fn id(text: &str) -> HostedZoneId {
    text.parse().expect("an id")
}

fn domain(text: &str) -> DomainName {
    text.parse().expect("a name")
}

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).expect("a name");
    name.set_fqdn(true);
    name
}
