use std::net::Ipv4Addr;

use super::*;
use crate::picture::{Listen, Transport};
use crate::reach::sample::{Sample, net, story};
use crate::{picture, state};

#[test]
fn only_healthy_targets_get_connections_unless_none_is() {
    let mut sample = two_targets();
    assert_eq!(sent_to(&sample), [6, 7], "none is known: all");
    find(&mut sample, 6, Health::Healthy);
    assert_eq!(sent_to(&sample), [6], "one has passed its check");
    find(&mut sample, 7, Health::Healthy);
    assert_eq!(sent_to(&sample), [6, 7]);
    find(&mut sample, 6, Health::Unhealthy);
    assert_eq!(sent_to(&sample), [7]);
    find(&mut sample, 7, Health::Unhealthy);
    assert_eq!(sent_to(&sample), [6, 7], "all are unhealthy: all");
}

#[test]
fn a_group_says_how_many_healthy_targets_are_enough() {
    let mut sample = two_targets();
    find(&mut sample, 6, Health::Healthy);
    set(&mut sample, target::FEWEST_HEALTHY, "2");
    assert_eq!(sent_to(&sample), [6, 7]);
    set(&mut sample, target::FEWEST_HEALTHY, "1");
    set(&mut sample, target::FEWEST_HEALTHY_PERCENT, "51");
    assert_eq!(sent_to(&sample), [6, 7]);
    set(&mut sample, target::FEWEST_HEALTHY_PERCENT, "50");
    assert_eq!(sent_to(&sample), [6]);
}

#[test]
fn each_node_asks_the_targets_that_it_sends_to_at_the_port_that_is_named() {
    let mut sample = two_targets();
    let checks = health_checks(&sample.network);
    assert_eq!(checks.len(), 2);
    assert!(checks.iter().all(|check| check.key.node == sample.node));
    assert_eq!(checks[0].address, "10.0.1.6:5432".parse().expect("it"));
    group(&mut sample).health_check.port = Some(8080);
    assert_eq!(health_checks(&sample.network)[0].address.port(), 8080);
    sample.network.listeners.remove(&"arn:listener".to_owned());
    assert!(health_checks(&sample.network).is_empty());
}

#[test]
fn what_is_no_longer_asked_is_not_written_down() {
    let mut sample = two_targets();
    let gone = health_checks(&sample.network).remove(1).key;
    group(&mut sample).targets.remove(&gone.target);
    record_health(&mut sample.network, &[(gone, Health::Healthy)]);
    assert!(group(&mut sample).checked.is_empty());
}

#[test]
fn connections_end_when_a_target_falls_ill_unless_the_group_says_no() {
    let mut sample = two_targets();
    find(&mut sample, 6, Health::Healthy);
    let before = sample.network.clone();
    find(&mut sample, 6, Health::Unhealthy);
    let wanted = Ended {
        node: sample.node.clone(),
        target: "10.0.1.6:5432".parse().expect("it"),
    };
    assert_eq!(ended(&before, &sample.network), BTreeSet::from([wanted]));
    assert!(ended(&sample.network, &sample.network).is_empty());
    set(&mut sample, target::TERMINATE_UNHEALTHY, "false");
    assert!(ended(&before, &sample.network).is_empty());
}

#[test]
fn connections_end_when_a_target_has_drained_if_the_group_says_so() {
    let mut sample = two_targets();
    let gone = health_checks(&sample.network).remove(0).key.target;
    let row = group(&mut sample);
    row.targets.remove(&gone);
    row.draining.insert(Draining {
        target: gone,
        until: Timestamp::UNIX_EPOCH,
    });
    assert_eq!(next_drained(&sample.network), Some(Timestamp::UNIX_EPOCH));
    let before = sample.network.clone();
    crate::tick(&mut sample.network, Timestamp::UNIX_EPOCH);
    assert_eq!(next_drained(&sample.network), None);
    assert!(ended(&before, &sample.network).is_empty(), "they go on");
    set(&mut sample, target::TERMINATE_DRAINED, "true");
    let ended = ended(&before, &sample.network);
    assert_eq!(ended.len(), 1, "{ended:?}");
    let protocol = &mut group(&mut sample).protocol;
    *protocol = state::BalancerProtocol::Udp;
    set(&mut sample, target::TERMINATE_DRAINED, "unset");
    assert!(!target::terminates_drained(group(&mut sample)));
    group(&mut sample).attributes.clear();
    assert!(
        target::terminates_drained(group(&mut sample)),
        "UDP's default"
    );
}

#[test]
fn status_codes_are_codes_and_ranges() {
    assert_eq!(status_codes("200"), Some(vec![200..=200]));
    assert_eq!(
        status_codes("200,301-399"),
        Some(vec![200..=200, 301..=399])
    );
    for wrong in ["", "199", "600", "300-200", "2xx", "200,"] {
        assert_eq!(status_codes(wrong), None, "{wrong}");
    }
}

/// The story with a second target, 10.0.1.7.
fn two_targets() -> Sample {
    let mut sample = story();
    let side = sample.service_vpc.clone();
    sample.instance(&side, "10.0.1.7");
    assert!(net("10.0.1.0/24").contains(&Ipv4Addr::new(10, 0, 1, 7)));
    group(&mut sample).targets.insert(Target {
        id: "10.0.1.7".to_owned(),
        port: 5432,
    });
    sample
}

fn group(sample: &mut Sample) -> &mut TargetGroup {
    let groups = &mut sample.network.target_groups;
    groups.get_mut(&"arn:target".to_owned()).expect("the group")
}

fn set(sample: &mut Sample, attribute: &str, value: &str) {
    let attributes = &mut group(sample).attributes;
    attributes.insert(attribute.to_owned(), value.to_owned());
}

fn find(sample: &mut Sample, last: u8, health: Health) {
    let is_it = |check: &Check| check.address.ip().octets()[3] == last;
    let check = health_checks(&sample.network).into_iter().find(is_it);
    let key = check.expect("it is asked").key;
    record_health(&mut sample.network, &[(key, health)]);
}

/// The last numbers of the addresses that the node sends new connections to.
fn sent_to(sample: &Sample) -> Vec<u8> {
    let listen = Listen {
        link: "eth0".to_owned(),
        transport: Transport::Tcp,
        port: 5432,
    };
    let picture = picture(&sample.network);
    let targets = &picture.hosts[sample.node.as_str()].forwards[&listen];
    targets.iter().map(|to| to.to.ip().octets()[3]).collect()
}
