//! Records of hosted zones.

use strait_vpc::api::*;
use strait_vpc::state::{HostedZoneId, RecordContent, RecordKey, RecordKind, RecordSet};

use crate::world::*;
use crate::zones::{batch, change, list, made, set};

#[test]
fn a_batch_is_made_whole_or_not_at_all() {
    let (mut world, me) = (World::new(), customer());
    let id = made(&mut world, &me);
    let a = |name: &str, value: &str| set(name, "A", &[value]);
    let good = change("CREATE", a("a.example.com", "10.0.0.1"));
    let bad = change("CREATE", a("a.other.com", "10.0.0.1"));
    let (code, message) = world.refused(&me, batch(&id, vec![good.clone(), bad]));
    assert_eq!(code, "InvalidChangeBatch");
    assert_eq!(
        message,
        "[RRSet with DNS name a.other.com. is not permitted in zone example.com.]"
    );
    assert_eq!(list(&mut world, &me, &id).len(), 2);
    let kept = batch(&id, vec![good]);
    world.ok::<ChangeResourceRecordSetsResponse>(&me, kept.clone());
    let (_, message) = world.refused(&me, kept);
    assert_eq!(
        message,
        "[Tried to create resource record set [name='a.example.com.', type='A'] but it already exists]"
    );
    let replaced = vec![
        change("DELETE", a("a.example.com", "10.0.0.1")),
        change("CREATE", a("a.example.com", "10.0.0.2")),
        change("UPSERT", a("*.example.com", "10.0.0.3")),
    ];
    world.ok::<ChangeResourceRecordSetsResponse>(&me, batch(&id, replaced));
    let shown = list(&mut world, &me, &id);
    let names: Vec<&str> = shown.iter().map(|set| set.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "example.com.",
            "example.com.",
            r"\052.example.com.",
            "a.example.com."
        ]
    );
    let not_empty = DeleteHostedZoneRequest { id: id.clone() };
    assert_eq!(world.code(&me, not_empty.clone()), "HostedZoneNotEmpty");
    let emptied = vec![
        change("DELETE", a("a.example.com", "10.0.0.2")),
        change("DELETE", a("*.example.com", "10.0.0.3")),
    ];
    world.ok::<ChangeResourceRecordSetsResponse>(&me, batch(&id, emptied));
    world.ok::<DeleteHostedZoneResponse>(&me, not_empty);
    assert!(world.network.records.is_empty() && world.network.hosted_zones.is_empty());
}

#[test]
fn what_route_53_does_not_let_be_is_refused() {
    let (mut world, me) = (World::new(), customer());
    let id = made(&mut world, &me);
    let first = change(
        "CREATE",
        set("alias.example.com", "CNAME", &["a.example.com"]),
    );
    world.ok::<ChangeResourceRecordSetsResponse>(&me, batch(&id, vec![first]));
    for (action, asked, said) in [
        (
            "CREATE",
            set("example.com", "CNAME", &["b.com"]),
            "not permitted at apex",
        ),
        (
            "CREATE",
            set("alias.example.com", "A", &["10.0.0.1"]),
            "a conflicting RRSet of type CNAME",
        ),
        (
            "CREATE",
            set("x.example.com", "CNAME", &["a.com", "b.com"]),
            "exactly one resource record",
        ),
        (
            "CREATE",
            set("x.example.com", "A", &["10.0.0"]),
            "ARRDATAIllegalIPv4Address",
        ),
        (
            "CREATE",
            set("x.example.com", "A", &["10.0.0.1", "10.0.0.1"]),
            "Duplicate Resource Record",
        ),
        (
            "CREATE",
            set("x.example.com", "TXT", &["bare"]),
            "InvalidCharacterString",
        ),
        (
            "DELETE",
            set("x.example.com", "A", &["10.0.0.1"]),
            "but it was not found",
        ),
        (
            "DELETE",
            set("alias.example.com", "CNAME", &["b.com"]),
            "do not match the current values",
        ),
        (
            "CREATE",
            set("x.example.com", "SOA", &["a. b. 1 2 3 4 5"]),
            "its SOA is at example.com.",
        ),
    ] {
        let (code, message) = world.refused(&me, batch(&id, vec![change(action, asked)]));
        assert_eq!(code, "InvalidChangeBatch", "{message}");
        assert!(message.contains(said), "{message}");
    }
    let both = vec![
        change("CREATE", set("y.example.com", "A", &["10.0.0.1"])),
        change("CREATE", set("y.example.com", "CNAME", &["b.com"])),
    ];
    let (_, message) = world.refused(&me, batch(&id, both));
    assert!(
        message.contains("conflicts with other records"),
        "{message}"
    );
    let shown = list(&mut world, &me, &id);
    let servers = shown[0].resource_records.clone().expect("values").records;
    let values: Vec<&str> = servers.iter().map(|record| record.value.as_str()).collect();
    let own = RecordSetInput {
        ttl: Some(172_800),
        ..set("example.com", "NS", &values)
    };
    let (_, message) = world.refused(&me, batch(&id, vec![change("DELETE", own)]));
    assert!(message.contains("at least one NS record"), "{message}");

    let naptr = set("n.example.com", "NAPTR", &["x"]);
    assert_eq!(
        world.code(&me, batch(&id, vec![change("CREATE", naptr)])),
        "UnsupportedOperation"
    );
    let odd = set("n.example.com", "COFFEE", &["x"]);
    assert_eq!(
        world.code(&me, batch(&id, vec![change("CREATE", odd)])),
        "InvalidInput"
    );
    let empty = RecordSetInput {
        ttl: None,
        ..set("n.example.com", "A", &["10.0.0.1"])
    };
    assert_eq!(
        world.code(&me, batch(&id, vec![change("CREATE", empty)])),
        "InvalidInput"
    );
    assert_eq!(world.code(&me, batch(&id, Vec::new())), "InvalidInput");
}

#[test]
fn an_alias_means_what_is_there() {
    let (mut world, me) = (World::new(), customer());
    let id = made(&mut world, &me);
    let bare = id.trim_start_matches("/hostedzone/").to_owned();
    let alias = |name: &str, zone: &str, target: &str| RecordSetInput {
        name: name.to_owned(),
        kind: "A".to_owned(),
        alias_target: Some(AliasTargetInput {
            hosted_zone_id: zone.to_owned(),
            dns_name: target.to_owned(),
            evaluate_target_health: true,
        }),
        ..Default::default()
    };
    let lonely = alias("example.com", &bare, "www.example.com");
    let (_, message) = world.refused(&me, batch(&id, vec![change("CREATE", lonely.clone())]));
    assert!(
        message.contains("but that target was not found"),
        "{message}"
    );
    let www = set("www.example.com", "A", &["10.0.0.1"]);
    let together = vec![change("CREATE", lonely), change("CREATE", www.clone())];
    world.ok::<ChangeResourceRecordSetsResponse>(&me, batch(&id, together));
    let (_, message) = world.refused(&me, batch(&id, vec![change("DELETE", www)]));
    assert!(message.contains("targets www.example.com."), "{message}");
    let nowhere = alias(
        "lb.example.com",
        "Z26RNL4JYFTOTI",
        "x.elb.us-east-1.amazonaws.com",
    );
    let (code, _) = world.refused(&me, batch(&id, vec![change("CREATE", nowhere)]));
    assert_eq!(code, "InvalidChangeBatch");
}

#[test]
fn a_batch_does_not_answer_for_older_aliases_to_what_has_gone() {
    let (mut world, me) = (World::new(), customer());
    let id = made(&mut world, &me);
    let www = set("www.example.com", "A", &["10.0.0.1"]);
    let there = batch(&id, vec![change("CREATE", www.clone())]);
    world.ok::<ChangeResourceRecordSetsResponse>(&me, there);
    let zone: HostedZoneId = id
        .trim_start_matches("/hostedzone/")
        .parse()
        .expect("an id");
    // As a load balancer leaves it that was deleted since.
    let left = RecordSet {
        name: "lb.example.com".parse().expect("a name"),
        kind: RecordKind::A,
        content: RecordContent::Alias {
            zone: "Z26RNL4JYFTOTI".to_owned(),
            name: "x.elb.us-east-1.amazonaws.com".parse().expect("a name"),
            evaluate_health: false,
        },
    };
    let key = RecordKey::new(&zone, &left.name, left.kind);
    world.network.records.insert(key, left);
    world.ok::<ChangeResourceRecordSetsResponse>(&me, batch(&id, vec![change("DELETE", www)]));
}
