//! How a security group's rules for some ranges become those for others, though it has room for a few only: whoever both
//! the former and the wanted ranges name is let in at every moment, and nobody whom neither names.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

/// AWS's code for a group that has room for no more rules.
pub const GROUP_IS_FULL: &str = "RulesPerSecurityGroupLimitExceeded";

/// A group's ranges on their way from what they are to what is wanted. How many have room is found out by trying, because
/// the quota is the account's.
#[derive(Debug, Clone)]
pub struct Passage {
    present: BTreeSet<Ipv4Net>,
    wanted: BTreeSet<Ipv4Net>,
    /// Those that somebody who stays lacks, for want of room.
    owed: BTreeSet<Ipv4Net>,
    /// So many more are tried at once.
    at_once: usize,
}

/// What is to be done to the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Rules for these come, all or none.
    Admit(BTreeSet<Ipv4Net>),
    /// The rules for these go.
    Refuse(BTreeSet<Ipv4Net>),
}

/// All that is left in the group is wanted, and there is no room for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom {
    /// How many ranges are wanted.
    pub wanted: usize,
    /// How many of them have room.
    pub fit: usize,
}

impl Passage {
    /// From the ranges that a group lets in now to those that it is to let in.
    pub fn new(present: BTreeSet<Ipv4Net>, wanted: BTreeSet<Ipv4Net>) -> Self {
        Self {
            present,
            wanted,
            owed: BTreeSet::new(),
            at_once: usize::MAX,
        }
    }

    /// What is to be done next; nothing when the ranges are those that are wanted.
    ///
    /// # Errors
    /// There is no room for all of them.
    pub fn change(&mut self) -> Result<Option<Change>, NoRoom> {
        let unneeded = self.unneeded();
        if !unneeded.is_empty() {
            return Ok(Some(Change::Refuse(unneeded)));
        }
        let missing = self.missing();
        if missing.is_empty() {
            return Ok(None);
        }
        if self.at_once > 0 {
            let some = missing.into_iter().take(self.at_once).collect();
            return Ok(Some(Change::Admit(some)));
        }
        // Not even one more has room: somebody who stays is shut out until the next change.
        let Some((range, needs)) = self.stale().into_iter().next() else {
            return Err(NoRoom {
                wanted: self.wanted.len(),
                fit: self.present.len(),
            });
        };
        self.owed.extend(needs);
        Ok(Some(Change::Refuse(BTreeSet::from([range]))))
    }

    /// The change was made.
    pub fn made(&mut self, change: Change) {
        match change {
            Change::Admit(ranges) => self.present.extend(ranges),
            Change::Refuse(ranges) => {
                self.present.retain(|range| !ranges.contains(range));
                self.at_once = self.at_once.max(ranges.len());
            }
        }
    }

    /// The change was not made, because the group has no room for so many.
    pub fn had_no_room(&mut self, change: &Change) {
        self.at_once = match change {
            Change::Admit(ranges) => ranges.len() / 2,
            Change::Refuse(_) => self.at_once,
        };
    }

    /// Those that are not wanted, and without which everybody who stays is let in all the same.
    fn unneeded(&self) -> BTreeSet<Ipv4Net> {
        let mut left = self.present.clone();
        let mut unneeded = BTreeSet::new();
        for range in self.present.difference(&self.wanted) {
            left.remove(range);
            if needs(*range, &self.wanted, &left).is_empty() {
                unneeded.insert(*range);
            } else {
                left.insert(*range);
            }
        }
        unneeded
    }

    /// Those that are to come, in the order in which they make room for others soonest.
    fn missing(&self) -> Vec<Ipv4Net> {
        let useful = self.stale().into_iter().flat_map(|(_, needs)| needs);
        let all = (self.owed.iter().copied())
            .chain(useful)
            .chain(self.wanted.iter().copied());
        let mut seen = self.present.clone();
        all.filter(|range| seen.insert(*range)).collect()
    }

    /// Those that are to go, each with what must come before; those that wait for the least first.
    fn stale(&self) -> Vec<(Ipv4Net, BTreeSet<Ipv4Net>)> {
        let stale = self.present.difference(&self.wanted).map(|range| {
            let mut left = self.present.clone();
            left.remove(range);
            (*range, needs(*range, &self.wanted, &left))
        });
        let mut stale: Vec<_> = stale.collect();
        stale.sort_by_key(|(_, needs)| needs.len());
        stale
    }
}

/// The wanted ranges of which somebody is let in by this range and by none that is left.
fn needs(
    range: Ipv4Net,
    wanted: &BTreeSet<Ipv4Net>,
    left: &BTreeSet<Ipv4Net>,
) -> BTreeSet<Ipv4Net> {
    let lacks = |wanted: &&Ipv4Net| {
        common(range, **wanted)
            .is_some_and(|common| !left.iter().any(|other| other.contains(&common)))
    };
    wanted.iter().filter(lacks).copied().collect()
}

/// What two ranges have in common: the smaller one, if anything.
fn common(one: Ipv4Net, other: Ipv4Net) -> Option<Ipv4Net> {
    if one.contains(&other) {
        return Some(other);
    }
    other.contains(&one).then_some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_named_no_more_goes_first_and_who_stays_by_another_range_goes_last() {
        let changes = pass(&["10.1.0.0/16", "10.2.0.0/16"], &["10.2.7.0/24"], 60).expect("room");
        assert_eq!(
            changes,
            [
                Change::Refuse(nets(&["10.1.0.0/16"])),
                Change::Admit(nets(&["10.2.7.0/24"])),
                Change::Refuse(nets(&["10.2.0.0/16"])),
            ]
        );
        assert_eq!(pass(&["10.1.0.0/16"], &["10.1.0.0/16"], 60), Ok(Vec::new()));
    }

    #[test]
    fn a_full_group_takes_other_ranges() {
        let of = |third: u8| -> BTreeSet<Ipv4Net> {
            (0..50)
                .map(|last| net(&format!("10.0.{third}.{last}/32")))
                .collect()
        };
        let changes = walk(&of(1), &of(2), 50, Gap::Never).expect("room");
        assert_eq!(changes.len(), 2, "{changes:?}");
        let all_stay = walk(&of(1), &of(1), 50, Gap::Never).expect("room");
        assert_eq!(all_stay, []);
    }

    #[test]
    fn those_who_stay_are_let_in_at_every_moment_where_there_is_room_for_one_more() {
        let (outer, inner): (BTreeSet<_>, BTreeSet<_>) = (0..50)
            .map(|number| {
                let outer = net(&format!("10.{number}.0.0/16"));
                (outer, net(&format!("10.{number}.7.0/24")))
            })
            .unzip();
        for room in [51, 59, 200] {
            walk(&outer, &inner, room, Gap::Never).expect("room");
            walk(&inner, &outer, room, Gap::Never).expect("room");
        }
        // Without any room that cannot be; all come in nevertheless.
        walk(&outer, &inner, 50, Gap::MayBe).expect("room");
    }

    #[test]
    fn what_has_no_room_is_said_and_those_who_stay_are_let_in() {
        let wanted: Vec<String> = (0..61).map(|last| format!("10.0.0.{last}/32")).collect();
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let full = pass(&["10.0.0.60/32", "192.0.2.0/24"], &wanted, 60);
        assert_eq!(
            full,
            Err(NoRoom {
                wanted: 61,
                fit: 60
            })
        );
        assert!(pass(&["10.0.0.60/32", "192.0.2.0/24"], &wanted[..60], 60).is_ok());
    }

    /// Every list of up to three of these ranges becomes every other.
    #[test]
    fn any_list_becomes_any_other() {
        let all = [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.0.0.0/9",
            "10.1.0.0/16",
            "10.1.2.3/32",
            "10.128.0.0/9",
            "192.0.2.0/24",
        ]
        .map(net);
        let lists: Vec<BTreeSet<Ipv4Net>> = (0_u32..1 << all.len())
            .filter(|bits| bits.count_ones() <= 3)
            .map(|bits| {
                let chosen = all
                    .iter()
                    .enumerate()
                    .filter(|(bit, _)| (bits >> bit) & 1 == 1);
                chosen.map(|(_, range)| *range).collect()
            })
            .collect();
        for (former, wanted) in lists
            .iter()
            .flat_map(|former| lists.iter().map(move |wanted| (former, wanted)))
        {
            walk(former, wanted, 6, Gap::Never).expect("room for both");
            walk(former, wanted, 3, Gap::MayBe).expect("room for each");
            if former.len() < 3 && wanted.len() == 3 {
                walk(former, wanted, 2, Gap::MayBe).expect_err("no room");
            }
        }
    }

    /// Whether somebody who stays may be shut out for a moment.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Gap {
        Never,
        MayBe,
    }

    fn pass(former: &[&str], wanted: &[&str], room: usize) -> Result<Vec<Change>, NoRoom> {
        walk(&nets(former), &nets(wanted), room, Gap::Never)
    }

    /// Makes all changes in a group with so much room, and looks after each one whether the group is as it may be.
    fn walk(
        former: &BTreeSet<Ipv4Net>,
        wanted: &BTreeSet<Ipv4Net>,
        room: usize,
        gap: Gap,
    ) -> Result<Vec<Change>, NoRoom> {
        let (mut group, mut changes) = (former.clone(), Vec::new());
        let mut passage = Passage::new(former.clone(), wanted.clone());
        let stays: Vec<Ipv4Net> = (former.iter())
            .flat_map(|one| wanted.iter().filter_map(|other| common(*one, *other)))
            .collect();
        for _ in 0..500 {
            let change = match passage.change() {
                Ok(Some(change)) => change,
                Ok(None) => {
                    assert_eq!(group, *wanted);
                    return Ok(changes);
                }
                Err(no_room) => {
                    assert!(group.is_subset(wanted));
                    let is_new =
                        |range: &Ipv4Net| !former.iter().any(|one| common(*one, *range).is_some());
                    let waits =
                        (stays.iter()).find(|one| !group.iter().any(|rule| rule.contains(*one)));
                    assert!(
                        waits.is_none() || !group.iter().any(is_new),
                        "{waits:?} waits for newcomers: {group:?} from {former:?} to {wanted:?}"
                    );
                    return Err(no_room);
                }
            };
            match &change {
                Change::Admit(ranges) if group.len() + ranges.len() > room => {
                    passage.had_no_room(&change);
                    continue;
                }
                Change::Admit(ranges) => {
                    assert!(ranges.is_subset(wanted) && ranges.is_disjoint(&group));
                    group.extend(ranges);
                }
                Change::Refuse(ranges) => {
                    assert!(ranges.is_subset(&group) && ranges.is_disjoint(wanted));
                    group.retain(|range| !ranges.contains(range));
                }
            }
            let shut_out =
                (stays.iter()).find(|range| !group.iter().any(|rule| rule.contains(*range)));
            assert!(
                gap == Gap::MayBe || shut_out.is_none(),
                "{shut_out:?} by {change:?} from {former:?} to {wanted:?}"
            );
            changes.push(change.clone());
            passage.made(change);
        }
        panic!("no end from {former:?} to {wanted:?}: {changes:?}");
    }

    fn nets(texts: &[&str]) -> BTreeSet<Ipv4Net> {
        texts.iter().map(|text| net(text)).collect()
    }

    fn net(text: &str) -> Ipv4Net {
        text.parse().expect("a range")
    }
}
