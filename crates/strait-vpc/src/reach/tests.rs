mod endpoints;
mod internet;
mod prefix_lists;
mod routes;

use super::sample::{ENDPOINT, Sample, cidr, net, side, story, tcp};
use super::*;
use crate::state::*;

#[test]
fn the_story_reaches_the_database() {
    let sample = story();
    let verdict = reach(&sample.network, &flow(&sample));
    assert!(verdict.reached, "{verdict:#?}");
    let places: Vec<&str> = verdict
        .steps
        .iter()
        .map(|step| step.place.as_str())
        .collect();
    for id in [
        sample.app.group.as_str(),
        sample.app.table.as_str(),
        sample.peering.as_str(),
        sample.peering_vpc.group.as_str(),
        sample.peering_vpc.table.as_str(),
        sample.endpoint.as_str(),
        sample.balancer.as_str(),
        sample.service_vpc.group.as_str(),
    ] {
        assert!(places.contains(&id), "{id} is passed: {places:?}");
    }
}

#[test]
fn stops_where_no_outbound_rule_allows_it() {
    let mut sample = story();
    let group = sample.app.group.clone();
    sample.revoke_all(&group, Direction::Egress);
    let step = only_stop(&sample, &flow(&sample));
    assert_eq!(step.place, group.as_str());
    let command = format!(
        "aws ec2 authorize-security-group-egress --region us-east-1 --group-id {group} --protocol tcp --port 5432 \
         --cidr 10.1.0.0/24"
    );
    assert_eq!(step.fix, Some(command));
}

#[test]
fn stops_where_no_inbound_rule_allows_it() {
    let mut sample = story();
    let group = sample.peering_vpc.group.clone();
    sample.revoke_all(&group, Direction::Ingress);
    let step = only_stop(&sample, &flow(&sample));
    assert_eq!(step.place, group.as_str());
    let command = format!(
        "aws ec2 authorize-security-group-ingress --region us-east-1 --group-id {group} --protocol tcp --port 5432 \
         --cidr 10.0.1.4/32"
    );
    assert_eq!(step.fix, Some(command));
}

#[test]
fn another_port_stops_at_the_groups_and_at_the_balancer() {
    let sample = story();
    let verdict = reach(
        &sample.network,
        &Flow {
            protocol: Protocol::Tcp(22),
            ..flow(&sample)
        },
    );
    let stops: Vec<&str> = verdict
        .steps
        .iter()
        .filter(|step| !step.ok)
        .map(|step| step.place.as_str())
        .collect();
    assert_eq!(
        stops,
        [
            sample.app.group.as_str(),
            sample.peering_vpc.group.as_str(),
            sample.balancer.as_str()
        ]
    );
    assert!(!verdict.reached);
}

#[test]
fn a_rule_may_name_a_group_of_the_peer() {
    let mut sample = story();
    let (app, far) = (sample.app.clone(), sample.peering_vpc.group.clone());
    sample.revoke_all(&far, Direction::Ingress);
    let peer = RulePeer::Group {
        id: app.group,
        owner: app.owner,
        peering: Some(sample.peering.clone()),
    };
    sample.allow(&far, Direction::Ingress, tcp(5432), peer);
    assert!(reach(&sample.network, &flow(&sample)).reached);
    let interface = sample
        .network
        .interfaces
        .get_mut(&sample.app_interface)
        .expect("the interface");
    interface.groups.clear();
    assert_eq!(only_stop(&sample, &flow(&sample)).place, far.as_str());
}

#[test]
fn a_peers_resolver_is_not_to_be_asked() {
    let mut sample = story();
    let group = sample.app.group.clone();
    sample.allow(&group, Direction::Egress, Traffic::All, cidr("0.0.0.0/0"));
    let ask = |to: [u8; 4]| Flow {
        to: to.into(),
        protocol: Protocol::Udp(53),
        ..flow(&sample)
    };
    assert_eq!(
        only_stop(&sample, &ask([10, 1, 0, 2])).place,
        sample.peering_vpc.vpc.as_str()
    );
    for own in [[10, 0, 1, 2], [10, 0, 0, 2], [169, 254, 169, 253]] {
        assert!(reach(&sample.network, &ask(own)).reached, "{own:?}");
    }
}

#[test]
fn the_router_answers_echo_and_the_resolver_dns_only() {
    let mut sample = story();
    let to = |to: [u8; 4], protocol| Flow {
        to: to.into(),
        protocol,
        ..flow(&sample)
    };
    assert!(reach(&sample.network, &to([10, 0, 1, 1], Protocol::Echo)).reached);
    for refused in [
        to([10, 0, 1, 1], Protocol::Tcp(53)),
        to([10, 0, 1, 2], Protocol::Echo),
    ] {
        assert_eq!(only_stop(&sample, &refused).place, sample.app.vpc.as_str());
    }
    let ask = to([10, 0, 1, 2], Protocol::Udp(53));
    sample
        .network
        .vpcs
        .get_mut(&sample.app.vpc)
        .expect("the VPC")
        .dns_support = false;
    let fix = only_stop(&sample, &ask).fix.expect("a fix");
    assert!(fix.contains("--enable-dns-support Value=true"));
}

#[test]
fn acls_decide_by_the_first_entry_that_matches() {
    let mut sample = story();
    let acl = sample.app.acl.clone();
    entry(&mut sample, &acl, Direction::Egress, 50, false, tcp(5432));
    let step = only_stop(&sample, &flow(&sample));
    assert_eq!(step.place, acl.as_str());
    assert!(
        step.what
            .starts_with("entry 50 denies TCP 5432 out of the subnet"),
        "{}",
        step.what
    );
    let fix = step.fix.expect("a fix");
    assert!(
        fix.contains("--egress --rule-number 49 --protocol 6 --port-range From=5432,To=5432"),
        "{fix}"
    );
    entry(&mut sample, &acl, Direction::Egress, 49, true, tcp(5432));
    assert!(reach(&sample.network, &flow(&sample)).reached);
}

#[test]
fn acls_judge_the_way_back_too() {
    let mut sample = story();
    let acl = sample.app.acl.clone();
    let some = Traffic::Tcp(PortRange {
        from: 40000,
        to: 40000,
    });
    entry(&mut sample, &acl, Direction::Ingress, 10, false, some);
    let step = only_stop(&sample, &flow(&sample));
    assert!(
        step.what
            .starts_with("entry 10 denies TCP 32768 to 60999 into the subnet, on the way back"),
        "{}",
        step.what
    );
    let row = sample.network.network_acls.get_mut(&acl).expect("the ACL");
    row.entries
        .retain(|entry| entry.direction == Direction::Egress);
    assert!(
        only_stop(&sample, &flow(&sample))
            .what
            .starts_with("no entry allows")
    );
    for (number, from, to) in [(1, 1024, 50000), (2, 50001, 65535)] {
        entry(
            &mut sample,
            &acl,
            Direction::Ingress,
            number,
            true,
            Traffic::Tcp(PortRange { from, to }),
        );
    }
    assert!(
        reach(&sample.network, &flow(&sample)).reached,
        "two entries together allow all answers"
    );
}

#[test]
fn no_acl_is_between_two_interfaces_of_one_subnet() {
    let mut sample = story();
    let side = sample.app.clone();
    sample
        .network
        .network_acls
        .get_mut(&side.acl)
        .expect("the ACL")
        .entries
        .clear();
    let other = sample.instance(&side, "10.0.1.5");
    let ping = Flow {
        to: Ipv4Addr::new(10, 0, 1, 5),
        protocol: Protocol::Echo,
        ..flow(&sample)
    };
    let itself = RulePeer::Group {
        id: side.group.clone(),
        owner: side.owner.clone(),
        peering: None,
    };
    sample.allow(
        &side.group,
        Direction::Ingress,
        Traffic::Icmp(Some(8), Some(0)),
        itself.clone(),
    );
    assert_eq!(
        only_stop(&sample, &ping)
            .fix
            .expect("a fix")
            .split(' ')
            .nth(2),
        Some("authorize-security-group-egress")
    );
    sample.allow(&side.group, Direction::Egress, Traffic::All, itself);
    assert!(reach(&sample.network, &ping).reached);
    let own = Flow {
        from: Source::Interface(other),
        ..ping
    };
    assert!(reach(&sample.network, &own).reached, "its own address");
}

#[test]
fn nothing_filters_between_two_addresses_of_one_instance() {
    let mut sample = story();
    let app = sample.app.clone();
    let second = sample.instance(&app, "10.0.1.9");
    let to_second = Flow {
        to: "10.0.1.9".parse().expect("an address"),
        ..flow(&sample)
    };
    assert!(
        !reach(&sample.network, &to_second).reached,
        "it is another instance's"
    );
    let first = sample.network.interfaces.get(&sample.app_interface);
    let holder = first.expect("the interface").holder.clone();
    let interface = sample.network.interfaces.get_mut(&second);
    interface.expect("the interface").holder = holder;
    assert!(reach(&sample.network, &to_second).reached);
}

#[test]
fn nobody_is_at_an_address_without_a_running_holder() {
    let mut sample = story();
    let side = sample.app.clone();
    sample.allow(
        &side.group,
        Direction::Egress,
        Traffic::All,
        cidr("0.0.0.0/0"),
    );
    let to = |last| Flow {
        to: Ipv4Addr::new(10, 0, 1, last),
        ..flow(&sample)
    };
    assert!(
        only_stop(&sample, &to(77))
            .what
            .contains("no interface in the VPC")
    );
    let to_idle = to(78);
    let idle = sample.interface(
        &side,
        "10.0.1.78",
        [side.group.clone()].into(),
        Holder::None,
    );
    assert_eq!(only_stop(&sample, &to_idle).place, idle.as_str());
    let from_idle = Flow {
        from: Source::Interface(idle),
        ..flow(&sample)
    };
    assert!(!reach(&sample.network, &from_idle).reached);
    let unknown = Flow {
        from: Source::Interface(InterfaceId::from_random(999)),
        ..flow(&sample)
    };
    assert!(
        only_stop(&sample, &unknown)
            .what
            .contains("no such interface")
    );
}

#[test]
fn the_service_cannot_reach_the_customer() {
    let sample = story();
    let back = |to| Flow {
        from: Source::Interface(sample.target_interface.clone()),
        to,
        ..flow(&sample)
    };
    for to in [Ipv4Addr::new(10, 1, 0, 4), Ipv4Addr::new(10, 0, 1, 4)] {
        assert!(!reach(&sample.network, &back(to)).reached, "{to}");
    }
}

#[test]
fn verdicts_are_written_with_where() {
    let step = Step {
        place: "rtb-1".to_owned(),
        what: "no".to_owned(),
        ok: false,
        fix: None,
    };
    let text = serde_json::to_string(&step).expect("JSON");
    assert_eq!(text, r#"{"where":"rtb-1","what":"no","ok":false}"#);
}

fn flow(sample: &Sample) -> Flow {
    Flow {
        from: Source::Interface(sample.app_interface.clone()),
        to: ENDPOINT,
        protocol: Protocol::Tcp(5432),
    }
}

/// The one step at which the packet stops.
fn only_stop(sample: &Sample, flow: &Flow) -> Step {
    let verdict = reach(&sample.network, flow);
    let mut stops = verdict.steps.iter().filter(|step| !step.ok);
    let stop = stops
        .next()
        .unwrap_or_else(|| panic!("it stops: {verdict:#?}"))
        .clone();
    assert_eq!(stops.next(), None, "it stops once");
    assert!(!verdict.reached);
    stop
}

fn clear_routes(sample: &mut Sample, table: fn(&Sample) -> &RouteTableId) {
    let id = table(sample).clone();
    sample
        .network
        .route_tables
        .get_mut(&id)
        .expect("the table")
        .routes
        .clear();
}

fn set_state(sample: &mut Sample, state: PeeringState) {
    sample
        .network
        .peerings
        .get_mut(&sample.peering)
        .expect("the peering")
        .state = state;
}

fn entry(
    sample: &mut Sample,
    acl: &NetworkAclId,
    direction: Direction,
    number: u16,
    allow: bool,
    traffic: Traffic,
) {
    let row = AclEntry {
        direction,
        number,
        allow,
        traffic,
        cidr: AclRange::ALL,
    };
    sample
        .network
        .network_acls
        .get_mut(acl)
        .expect("the ACL")
        .entries
        .push(row);
}
