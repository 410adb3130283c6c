//! Prefix lists in rules and routes, walked.

use super::*;
use crate::id::PrefixListId;

#[test]
fn a_route_to_a_list_leads_where_its_entries_are() {
    let mut sample = story();
    clear_routes(&mut sample, |sample| &sample.app.table);
    let table = sample.app.table.clone();
    sample.list(1, &["10.1.0.0/16"]);
    let target = RouteTarget::Peering(sample.peering.clone());
    sample.route_list(&table, PrefixListId::from_random(1), target);
    let asked = flow(&sample);
    let verdict = reach(&sample.network, &asked);
    assert!(verdict.reached, "{verdict:#?}");
    let said = verdict.steps.iter().any(|step| {
        step.what
            .contains("10.1.0.0/16 (an entry of pl-00000000000000001)")
    });
    assert!(said, "{verdict:#?}");
    sample.list(1, &["10.2.0.0/16"]);
    assert!(
        !reach(&sample.network, &asked).reached,
        "the entry has gone"
    );
}

#[test]
fn the_way_back_is_mended_with_the_lists_own_command() {
    let mut sample = story();
    clear_routes(&mut sample, |sample| &sample.peering_vpc.table);
    let table = sample.peering_vpc.table.clone();
    sample.list(1, &["10.0.0.0/16"]);
    let nowhere = RouteTarget::Interface(sample.app_interface.clone());
    sample.route_list(&table, PrefixListId::from_random(1), nowhere);
    let asked = flow(&sample);
    let stop = only_stop(&sample, &asked);
    let fix = stop.fix.expect("a command");
    assert!(
        fix.contains("replace-route") && fix.contains("--destination-prefix-list-id pl-"),
        "{fix}"
    );
}

#[test]
fn a_rule_that_names_a_list_allows_its_entries() {
    let mut sample = story();
    let group = sample.app.group.clone();
    sample.revoke_all(&group, Direction::Egress);
    let list = RulePeer::PrefixList(PrefixListId::from_random(1));
    sample.allow(&group, Direction::Egress, tcp(5432), list);
    sample.list(1, &["10.1.0.0/16"]);
    let asked = flow(&sample);
    assert!(reach(&sample.network, &asked).reached);
    sample.list(1, &["10.1.0.5/32"]);
    assert!(!reach(&sample.network, &asked).reached);
}
