//! Which of the customers on one Peering VPC are let in: the way back has one target for each destination, so their
//! ranges must be disjoint. Pure.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use jiff::Timestamp;

use crate::model::Reason;

/// An active peering connection.
pub(crate) struct Candidate<'a> {
    pub(crate) id: &'a str,
    pub(crate) peer_vpc: &'a str,
    pub(crate) since: Timestamp,
    pub(crate) ranges: &'a BTreeSet<Ipv4Net>,
    /// Those of its ranges that are let in already.
    pub(crate) admitted: &'a BTreeSet<Ipv4Net>,
}

/// What is let in of one, and why not all.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) ranges: BTreeSet<Ipv4Net>,
    pub(crate) reason: Option<Reason>,
}

/// Decides for all that are active on one Peering VPC. Who is in stays in: first come those that ask for nothing new, then those
/// with a new range, then those that are new, each in the order of their age. On overlap nothing new of that one is let in.
pub(crate) fn admit(mut candidates: Vec<Candidate<'_>>) -> BTreeMap<&str, Verdict> {
    candidates.sort_by_key(|candidate| {
        let rank = match (
            candidate.admitted.is_empty(),
            candidate.ranges.is_subset(candidate.admitted),
        ) {
            (false, true) => 0,
            (false, false) => 1,
            (true, _) => 2,
        };
        (rank, candidate.since, candidate.id)
    });
    // Nobody takes a range that somebody has and keeps.
    let mut taken: Vec<(Ipv4Net, &str, &str)> = Vec::new();
    for candidate in &candidates {
        for range in candidate.ranges.intersection(candidate.admitted) {
            if overlap(&taken, range, candidate.id).is_none() {
                taken.push((*range, candidate.id, candidate.peer_vpc));
            }
        }
    }
    let mut verdicts = BTreeMap::new();
    for candidate in &candidates {
        let clash = candidate
            .ranges
            .iter()
            .find_map(|range| Some((range, overlap(&taken, range, candidate.id)?)));
        let Some((range, (other_range, other, other_vpc))) = clash else {
            taken.extend(
                candidate
                    .ranges
                    .iter()
                    .map(|range| (*range, candidate.id, candidate.peer_vpc)),
            );
            verdicts.insert(
                candidate.id,
                Verdict {
                    ranges: candidate.ranges.clone(),
                    reason: None,
                },
            );
            continue;
        };
        let kept: BTreeSet<Ipv4Net> = candidate
            .ranges
            .intersection(candidate.admitted)
            .filter(|range| overlap(&taken, range, candidate.id).is_none())
            .copied()
            .collect();
        let outcome = if kept.is_empty() {
            "it is not let in"
        } else {
            "nothing new of it is let in"
        };
        verdicts.insert(
            candidate.id,
            Verdict {
                ranges: kept,
                reason: Some(Reason {
                    code: "peer_range_overlaps".to_owned(),
                    message: format!(
                        "the customer's range {range} overlaps {other_range} of {other_vpc} (peering connection {other}) on the \
                         same Peering VPC, so {outcome}; use another Peering VPC for it"
                    ),
                }),
            },
        );
    }
    verdicts
}

fn overlap<'a>(
    taken: &[(Ipv4Net, &'a str, &'a str)],
    range: &Ipv4Net,
    id: &str,
) -> Option<(Ipv4Net, &'a str, &'a str)> {
    taken
        .iter()
        .find(|(other, owner, _)| *owner != id && (other.contains(range) || range.contains(other)))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disjoint_customers_are_all_let_in() {
        let (a, b, none) = (
            set(&["10.1.0.0/16", "10.3.0.0/16"]),
            set(&["10.2.0.0/16"]),
            set(&[]),
        );
        let verdicts = admit(vec![
            candidate("1", 1, &a, &none),
            candidate("2", 2, &b, &none),
        ]);

        assert_eq!(
            verdicts["1"],
            Verdict {
                ranges: a.clone(),
                reason: None
            }
        );
        assert_eq!(
            verdicts["2"],
            Verdict {
                ranges: b.clone(),
                reason: None
            }
        );
    }

    #[test]
    fn who_is_in_stays_in_even_if_younger() {
        let (wide, narrow, none) = (set(&["10.1.0.0/16"]), set(&["10.1.7.0/24"]), set(&[]));
        let verdicts = admit(vec![
            candidate("old", 1, &wide, &none),
            candidate("young", 2, &narrow, &narrow),
        ]);

        assert_eq!(
            verdicts["young"],
            Verdict {
                ranges: narrow.clone(),
                reason: None
            }
        );
        assert!(verdicts["old"].ranges.is_empty());
        let reason = verdicts["old"].reason.as_ref().expect("a reason");
        assert_eq!(reason.code, "peer_range_overlaps");
        for part in [
            "10.1.0.0/16",
            "10.1.7.0/24",
            "vpc-young",
            "another Peering VPC",
        ] {
            assert!(reason.message.contains(part), "{part}: {}", reason.message);
        }
    }

    #[test]
    fn a_new_range_that_clashes_leaves_what_was_in() {
        let (before, after) = (set(&["10.1.0.0/16"]), set(&["10.1.0.0/16", "10.2.0.0/16"]));
        let other = set(&["10.2.0.0/24"]);
        let verdicts = admit(vec![
            candidate("1", 1, &after, &before),
            candidate("2", 2, &other, &other),
        ]);

        assert_eq!(verdicts["1"].ranges, before);
        assert!(verdicts["1"].reason.is_some());
        assert_eq!(
            verdicts["2"],
            Verdict {
                ranges: other.clone(),
                reason: None
            }
        );
    }

    #[test]
    fn a_newcomer_gets_nothing_that_another_one_keeps() {
        // The grown one keeps 10.9/16 although its new range clashes; the newcomer wants the same 10.9/16.
        let (before, after) = (set(&["10.9.0.0/16"]), set(&["10.2.0.0/16", "10.9.0.0/16"]));
        let (other, none) = (set(&["10.2.0.0/24"]), set(&[]));
        let verdicts = admit(vec![
            candidate("grown", 3, &after, &before),
            candidate("in", 2, &other, &other),
            candidate("new", 1, &before, &none),
        ]);

        assert_eq!(verdicts["grown"].ranges, before);
        assert!(verdicts["new"].ranges.is_empty());
        assert!(verdicts["new"].reason.is_some());
    }

    #[test]
    fn when_one_goes_the_other_is_let_in() {
        let (ranges, none) = (set(&["10.1.0.0/16"]), set(&[]));
        let verdicts = admit(vec![candidate("2", 2, &ranges, &none)]);

        assert_eq!(
            verdicts["2"],
            Verdict {
                ranges: ranges.clone(),
                reason: None
            }
        );
    }

    fn candidate<'a>(
        id: &'a str,
        since: i64,
        ranges: &'a BTreeSet<Ipv4Net>,
        admitted: &'a BTreeSet<Ipv4Net>,
    ) -> Candidate<'a> {
        Candidate {
            id,
            peer_vpc: match id {
                "young" => "vpc-young",
                _ => "vpc-other",
            },
            since: Timestamp::from_second(since).expect("a time"),
            ranges,
            admitted,
        }
    }

    fn set(ranges: &[&str]) -> BTreeSet<Ipv4Net> {
        ranges
            .iter()
            .map(|range| range.parse().expect("a range"))
            .collect()
    }
}
