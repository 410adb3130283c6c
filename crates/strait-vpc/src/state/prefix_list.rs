//! Managed prefix lists: the customers' own, and AWS's.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::id::*;

/// A customer-managed prefix list: <https://docs.aws.amazon.com/vpc/latest/userguide/managed-prefix-lists.html>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixList {
    /// Its id.
    pub id: PrefixListId,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its name; several may have the same.
    pub name: String,
    /// Of which addresses it is.
    pub family: AddressFamily,
    /// How many entries it may have, and what it counts for wherever it is named.
    pub max_entries: u32,
    /// Its state.
    pub state: PrefixListState,
    /// The current version.
    pub version: u64,
    /// The entries of each version that is kept: blocks (host bits off) with their descriptions.
    pub versions: BTreeMap<u64, BTreeMap<IpNet, Option<String>>>,
    /// Its tags.
    pub tags: Tags,
}

impl PrefixList {
    /// The entries of the current version.
    pub fn entries(&self) -> impl Iterator<Item = (&IpNet, &Option<String>)> {
        self.versions.get(&self.version).into_iter().flatten()
    }
}

/// Of which addresses a prefix list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressFamily {
    /// `IPv4`.
    V4,
    /// `IPv6`.
    V6,
}

/// The state of a prefix list. What is `in-progress` on AWS is done at once here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrefixListState {
    /// `create-complete`.
    Created,
    /// `modify-complete`.
    Modified,
    /// `modify-failed`: nothing changed, and why.
    ModifyFailed(String),
    /// `restore-complete`.
    Restored,
    /// `delete-failed`: it is there as before, and why.
    DeleteFailed(String),
    /// `delete-complete`; it is shown a little longer.
    Deleted(Timestamp),
}

/// A prefix list of AWS's own: the ranges of one of its services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsPrefixList {
    /// The Region that it is shown in.
    pub region: Region,
    /// Its id there.
    pub id: PrefixListId,
    /// Its name, such as `com.amazonaws.us-east-1.s3`.
    pub name: &'static str,
    /// Of which addresses it is.
    pub family: AddressFamily,
    /// What it counts for wherever it is named (AWS: its weight).
    pub weight: u32,
    /// Its blocks.
    pub entries: Vec<IpNet>,
}

/// AWS's own prefix lists in a Region, by name.
pub fn aws_prefix_lists(region: &Region) -> impl Iterator<Item = &'static AwsPrefixList> {
    AWS_LISTS.iter().filter(move |list| list.region == *region)
}

static AWS_LISTS: LazyLock<Vec<AwsPrefixList>> = LazyLock::new(|| {
    include_str!("aws_prefix_lists.txt")
        .lines()
        .filter_map(read_line)
        .collect()
});

/// Region, id, name, family, weight and entries; comments are no lists.
fn read_line(line: &'static str) -> Option<AwsPrefixList> {
    let mut words = line.split_ascii_whitespace();
    let region = words.next().filter(|word| !word.starts_with('#'))?;
    Some(AwsPrefixList {
        region: Region::new(region),
        id: words.next()?.parse().ok()?,
        name: words.next()?,
        family: match words.next()? {
            "IPv6" => AddressFamily::V6,
            _ => AddressFamily::V4,
        },
        weight: words.next()?.parse().ok()?,
        entries: words.map_while(|word| word.parse().ok()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{OptIn, RegionInfo, regions};

    #[test]
    fn every_line_of_the_data_is_a_list_with_all_of_its_entries() {
        let lines: Vec<&str> = include_str!("aws_prefix_lists.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        assert_eq!(AWS_LISTS.len(), lines.len());
        for (list, line) in AWS_LISTS.iter().zip(lines) {
            assert_eq!(list.entries.len(), line.split(' ').count() - 5, "{line}");
            assert!(list.entries.iter().all(|entry| entry.trunc() == *entry));
            let of_family =
                |entry: &IpNet| matches!(entry, IpNet::V4(_)) == (list.family == AddressFamily::V4);
            assert!(list.entries.iter().all(of_family), "{line}");
        }
    }

    #[test]
    fn every_region_without_opt_in_has_the_lists_that_rules_name() {
        let open = |region: &&RegionInfo| region.opt_in == OptIn::NotRequired;
        for region in regions().iter().filter(open) {
            let names: Vec<&str> = aws_prefix_lists(&Region::new(region.code))
                .map(|list| list.name)
                .collect();
            assert_eq!(names.len(), 6, "{}", region.code);
            assert!(names.contains(&format!("com.amazonaws.{}.s3", region.code).as_str()));
        }
    }
}
