//! Routes and peerings.

use super::*;

#[test]
fn stops_at_a_missing_route_and_names_the_peering_that_would_lead_there() {
    let mut sample = story();
    clear_routes(&mut sample, |sample| &sample.app.table);
    let step = only_stop(&sample, &flow(&sample));
    assert_eq!(step.place, sample.app.table.as_str());
    let command = format!(
        "aws ec2 create-route --region us-east-1 --route-table-id {} --destination-cidr-block 10.1.0.0/24 \
         --vpc-peering-connection-id {}",
        sample.app.table, sample.peering
    );
    assert_eq!(step.fix, Some(command));
}

#[test]
fn without_route_and_rule_both_are_named() {
    let mut sample = story();
    clear_routes(&mut sample, |sample| &sample.app.table);
    let group = sample.app.group.clone();
    sample.revoke_all(&group, Direction::Egress);
    let verdict = reach(&sample.network, &flow(&sample));
    let stops: Vec<&str> = verdict
        .steps
        .iter()
        .filter(|step| !step.ok)
        .map(|step| step.place.as_str())
        .collect();
    assert_eq!(stops, [group.as_str(), sample.app.table.as_str()]);
}

#[test]
fn stops_at_a_peering_that_is_not_accepted() {
    let mut sample = story();
    set_state(&mut sample, PeeringState::PendingAcceptance);
    for routed in [true, false] {
        if !routed {
            clear_routes(&mut sample, |sample| &sample.app.table);
        }
        let step = only_stop(&sample, &flow(&sample));
        assert_eq!(step.place, sample.app.table.as_str());
        let fix = step.fix.expect("a fix");
        assert!(
            fix.starts_with("aws ec2 accept-vpc-peering-connection --region us-east-1"),
            "{fix}"
        );
        assert!(fix.contains("111122223333"), "the accepter does it: {fix}");
    }
}

#[test]
fn stops_at_a_peering_that_ended() {
    let by = "111122223333".parse().expect("an account");
    for state in [
        PeeringState::Rejected,
        PeeringState::Expired,
        PeeringState::Deleted(by),
        PeeringState::Failed("overlap".to_owned()),
    ] {
        let mut sample = story();
        set_state(&mut sample, state);
        let step = only_stop(&sample, &flow(&sample));
        assert!(step.what.contains("blackhole"), "{}", step.what);
    }
}

#[test]
fn the_longest_prefix_wins_even_when_it_leads_nowhere() {
    let mut sample = story();
    let table = sample.app.table.clone();
    sample.route(
        &table,
        "10.1.0.4/32",
        RouteTarget::Peering(PeeringId::from_random(77)),
    );
    let step = only_stop(&sample, &flow(&sample));
    assert!(
        step.what.contains("10.1.0.4/32") && step.what.contains("blackhole"),
        "{}",
        step.what
    );
}

#[test]
fn a_peering_is_no_way_through() {
    let mut sample = story();
    let table = sample.app.table.clone();
    sample.route(
        &table,
        "10.7.0.0/16",
        RouteTarget::Peering(sample.peering.clone()),
    );
    let group = sample.app.group.clone();
    sample.allow(&group, Direction::Egress, Traffic::All, cidr("0.0.0.0/0"));
    let step = only_stop(
        &sample,
        &Flow {
            to: Ipv4Addr::new(10, 7, 0, 4),
            ..flow(&sample)
        },
    );
    assert_eq!(step.place, sample.peering.as_str());
    assert!(step.what.contains("never through it"));
}

#[test]
fn stops_where_answers_find_no_way_back() {
    let mut sample = story();
    let table = sample.peering_vpc.table.clone();
    clear_routes(&mut sample, |sample| &sample.peering_vpc.table);
    let step = only_stop(&sample, &flow(&sample));
    assert_eq!(step.place, table.as_str());
    let fix = step.fix.expect("a fix");
    assert!(
        fix.starts_with("aws ec2 create-route") && fix.contains("10.0.0.0/16"),
        "{fix}"
    );
}

#[test]
fn two_peers_with_one_range_have_one_way_back() {
    let mut sample = story();
    let mut random = 500;
    let other = side(
        &mut sample.network,
        &mut random,
        "222233334444",
        "10.0.0.0/16",
        "10.0.1.0/24",
    );
    let mut peering = sample
        .network
        .peerings
        .get(&sample.peering)
        .expect("the peering")
        .clone();
    peering.id = PeeringId::from_random(2);
    peering.index = sample.network.next_link();
    (peering.accepter.vpc, peering.accepter.owner) = (other.vpc.clone(), other.owner.clone());
    let second = sample.instance(&other, "10.0.1.4");
    sample.allow(
        &other.group,
        Direction::Egress,
        tcp(5432),
        cidr("10.1.0.0/24"),
    );
    sample.route(
        &other.table,
        "10.1.0.0/24",
        RouteTarget::Peering(peering.id.clone()),
    );
    sample.network.peerings.insert(peering.id.clone(), peering);
    assert!(
        reach(&sample.network, &flow(&sample)).reached,
        "the first is untouched"
    );
    let step = only_stop(
        &sample,
        &Flow {
            from: Source::Interface(second),
            ..flow(&sample)
        },
    );
    assert_eq!(step.place, sample.peering_vpc.table.as_str());
    assert!(step.what.contains("overlapping ranges"), "{}", step.what);
}
