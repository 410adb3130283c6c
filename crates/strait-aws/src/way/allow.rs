//! Who may come by a private way: a security group of the endpoint's own with one rule a range, in place of the group of all
//! endpoints of the Peering VPC, which lets in all peers.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    IpPermission, ResourceType, SecurityGroup, SecurityGroupIdentifier, VpcEndpoint,
};
use ipnet::Ipv4Net;
use strait_plane::cloud::{Allowed, Change, GROUP_IS_FULL, NoRoom, Passage};

use super::rules::{Rules, cidrs, is_exact};
use super::{PRIVATE_PORT, Way};
use crate::error::{Error, gone};
use crate::look::Kind;
use crate::seen::Resource;

/// How the rules are described.
const DESCRIPTION: &str = "Strait: allow list";

/// How an endpoint comes to its group.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Regrouping {
    add: Option<String>,
    remove: Vec<String>,
}

impl Way<'_> {
    /// The group for the endpoint in this VPC. Its rules are true before an endpoint has it.
    pub(super) async fn endpoint_group(
        &self,
        vpc_id: &str,
        allowed: &Allowed,
    ) -> Result<String, Error> {
        match allowed {
            Allowed::Everybody => {
                let group = self.region.endpoints_group(vpc_id).await?;
                let group = group.ok_or_else(|| self.not_listed("Peering VPC's security group"))?;
                Ok(group.id().to_owned())
            }
            Allowed::Only(ranges) => {
                let group = match self.find_allow_group().await? {
                    Some(group) => group,
                    None => self.create_allow_group(vpc_id).await?,
                };
                self.allow_exactly(&group, ranges).await?;
                Ok(group.id().to_owned())
            }
        }
    }

    /// What gives the endpoint this group in place of Strait's other one; those that others put there stay. Nothing where it
    /// has it.
    pub(super) async fn regrouping(
        &self,
        endpoint: &VpcEndpoint,
        group: &str,
    ) -> Result<Option<Regrouping>, Error> {
        let home = endpoint.vpc_id().unwrap_or_default();
        let ours = [
            self.region.endpoints_group(home).await?,
            self.find_allow_group().await?,
        ];
        let is_former = |id: &str| {
            let mut ours = ours.iter().flatten();
            id != group && ours.any(|ours| ours.id() == id)
        };
        let groups = endpoint.groups().iter();
        let now: BTreeSet<&str> = groups
            .filter_map(SecurityGroupIdentifier::group_id)
            .collect();
        let remove = now.iter().filter(|id| is_former(id));
        let regrouping = Regrouping {
            add: (!now.contains(group)).then(|| group.to_owned()),
            remove: remove.map(|id| (*id).to_owned()).collect(),
        };
        let is_needed = regrouping.add.is_some() || !regrouping.remove.is_empty();
        Ok(is_needed.then_some(regrouping))
    }

    pub(super) async fn regroup(
        &self,
        endpoint: &VpcEndpoint,
        regrouping: Regrouping,
    ) -> Result<(), Error> {
        let Regrouping { add, remove } = regrouping;
        let call = self
            .region
            .ec2()
            .modify_vpc_endpoint()
            .vpc_endpoint_id(endpoint.id())
            .set_add_security_group_ids(add.map(|group| vec![group]))
            .set_remove_security_group_ids((!remove.is_empty()).then_some(remove));
        self.region
            .change(&[Kind::Endpoints], call.send())
            .await
            .map(drop)
    }

    /// Takes the group away. Its endpoint must be gone.
    pub(super) async fn remove_allow_group(&self) -> Result<(), Error> {
        let Some(group) = self.find_allow_group().await? else {
            return Ok(());
        };
        let call = self
            .region
            .ec2()
            .delete_security_group()
            .group_id(group.id());
        gone(self.region.change(&[Kind::Groups], call.send()).await)
    }

    /// Makes the group's rules those for these ranges, and shuts out nobody meanwhile who stays.
    async fn allow_exactly(
        &self,
        group: &SecurityGroup,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Result<(), Error> {
        let rules = Rules {
            region: self.region,
            group_id: group.id(),
            port: PRIVATE_PORT,
        };
        let exact = (group.ip_permissions().iter()).filter(|rule| is_exact(rule, PRIVATE_PORT));
        let mut passage = Passage::new(exact.flat_map(cidrs).collect(), ranges.clone());
        // What others added: another port, another kind of source.
        let mut foreign: Vec<IpPermission> =
            group.ip_permissions().iter().filter_map(foreign).collect();
        while let Some(change) = passage
            .change()
            .map_err(|no_room| too_long(group, no_room))?
        {
            match &change {
                Change::Refuse(ranges) => rules.refuse(ranges).await?,
                Change::Admit(ranges) => match rules.admit(ranges, DESCRIPTION).await {
                    Err(error) if error.is(GROUP_IS_FULL) => {
                        if foreign.is_empty() {
                            passage.had_no_room(&change);
                        }
                        self.revoke_rules(group, std::mem::take(&mut foreign))
                            .await?;
                        continue;
                    }
                    outcome => outcome?,
                },
            }
            passage.made(change);
        }
        self.revoke_rules(group, foreign).await
    }

    async fn revoke_rules(
        &self,
        group: &SecurityGroup,
        rules: Vec<IpPermission>,
    ) -> Result<(), Error> {
        for rule in rules {
            let call = self.region.ec2().revoke_security_group_ingress();
            let call = call.group_id(group.id()).ip_permissions(rule);
            gone(self.region.change(&[Kind::Groups], call.send()).await)?;
        }
        Ok(())
    }

    async fn find_allow_group(&self) -> Result<Option<SecurityGroup>, Error> {
        let groups = self.region.groups().await?;
        Ok(groups.made_for(&self.key.of_allow_list()).next().cloned())
    }

    async fn create_allow_group(&self, vpc_id: &str) -> Result<SecurityGroup, Error> {
        let key = self.key.of_allow_list();
        let name = format!("{}-allow", self.name);
        let tags = self
            .region
            .tags
            .for_ec2(ResourceType::SecurityGroup, &name, &key);
        let call = self
            .region
            .ec2_once()
            .create_security_group()
            .group_name(&name)
            .description(format!("Made by Strait for {key}: who may come"))
            .vpc_id(vpc_id)
            .tag_specifications(tags);
        self.region.change(&[Kind::Groups], call.send()).await?;
        self.find_allow_group()
            .await?
            .ok_or_else(|| self.not_listed("security group"))
    }
}

/// That part of a rule that no list makes.
fn foreign(rule: &IpPermission) -> Option<IpPermission> {
    let mut foreign = rule.clone();
    if is_exact(rule, PRIVATE_PORT) {
        foreign.ip_ranges = None;
    }
    let is_empty = foreign.ip_ranges().is_empty()
        && foreign.ipv6_ranges().is_empty()
        && foreign.prefix_list_ids().is_empty()
        && foreign.user_id_group_pairs().is_empty();
    (!is_empty).then_some(foreign)
}

fn too_long(group: &SecurityGroup, no_room: NoRoom) -> Error {
    let NoRoom { wanted, fit } = no_room;
    Error::Refused {
        code: "allow_list_too_long".to_owned(),
        message: format!(
            "The allow list is {wanted} ranges long, as far as they are those of peered networks, and the security group {} has room for {fit}. Unite ranges, or have AWS raise the quota \"Inbound or outbound rules per security group\". Until then those of it who were let in before still are, and nobody else instead; a way that had no list before lets in everybody, as before",
            group.id()
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_sdk_ec2::types::{Ipv6Range, UserIdGroupPair};

    use super::*;
    use crate::fake::{Answer, Fake, list, tags};
    use crate::tag::Key;
    use crate::way::rules::permission;
    use crate::way::sample::spec;

    const ADMIT: &str = "AuthorizeSecurityGroupIngress";
    const REFUSE: &str = "RevokeSecurityGroupIngress";

    #[tokio::test]
    async fn the_groups_rules_become_those_of_the_list() {
        let aws = with_rules(&["10.1.0.0/16", "10.2.0.0/16", "10.4.0.0/16"]);
        let wanted = only(&["10.2.0.0/16", "10.3.0.0/24", "10.4.7.0/24"]);
        let group = group_of(&aws, &wanted).await.expect("a group");
        assert_eq!(group, "sg-allow");
        let changes = changes(&aws);
        assert_eq!(
            changes,
            [
                (REFUSE, vec!["10.1.0.0/16"]),
                (ADMIT, vec!["10.3.0.0/24", "10.4.7.0/24"]),
                (REFUSE, vec!["10.4.0.0/16"]),
            ]
            .map(|(action, ranges)| (action.to_owned(), owned(&ranges))),
            "whom the list names, somebody always lets in"
        );
    }

    #[tokio::test]
    async fn a_list_that_has_no_room_beside_the_former_one_takes_its_place() {
        let of = |second: u8| -> Vec<String> {
            (0..40)
                .map(|third| format!("10.{second}.{third}.0/24"))
                .collect()
        };
        let (former, wanted) = (of(1), of(2));
        let aws = with_rules(&borrowed(&former));
        group_of(&aws, &only(&borrowed(&wanted)))
            .await
            .expect("a group");
        let made = changes(&aws);
        assert_eq!(
            made,
            [(REFUSE.to_owned(), former), (ADMIT.to_owned(), wanted)]
        );
    }

    #[tokio::test]
    async fn what_has_no_room_is_told_and_a_rule_of_others_makes_room() {
        let full = || Answer::Error(400, GROUP_IS_FULL);
        let wanted = only(&["10.1.0.0/16", "10.2.0.0/16"]);
        let aws = with_rules(&["10.1.0.0/16"]).answer(ADMIT, [full()]);
        let refused = group_of(&aws, &wanted).await.expect_err("there is no room");
        assert!(
            matches!(&refused, Error::Refused { code, message }
                if code == "allow_list_too_long" && message.contains("2 ranges") && message.contains("room for 1")),
            "{refused:?}"
        );
        assert_eq!(aws.asked(REFUSE), 0, "10.1.0.0/16 stays");

        let foreign = "<item><ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item>";
        let done = Answer::Xml("<return>true</return>".to_owned());
        let aws = with_rules_and(&["10.1.0.0/16"], foreign).answer(ADMIT, [full(), done]);
        group_of(&aws, &wanted).await.expect("a group");
        let taken = changes(&aws);
        let taken: Vec<&str> = taken.iter().map(|(action, _)| action.as_str()).collect();
        assert_eq!(taken, [ADMIT, REFUSE, ADMIT]);
    }

    #[tokio::test]
    async fn nothing_is_asked_for_when_the_rules_are_right() {
        let aws = with_rules(&["10.1.0.0/16"]);
        let same = group_of(&aws, &only(&["10.1.0.0/16"])).await;
        same.expect("a group");
        assert_eq!(aws.asked(ADMIT), 0);
        assert_eq!(aws.asked(REFUSE), 0);
        group_of(&aws, &only(&[])).await.expect("a group");
        assert_eq!(aws.asked(REFUSE), 1, "and an empty list takes all");
    }

    #[tokio::test]
    async fn an_endpoint_has_one_group_of_straits_and_keeps_those_of_others() {
        for (now, wanted, added, removed) in [
            (&["sg-allow"][..], "sg-allow", None, None),
            (&["sg-allow", "sg-theirs"], "sg-allow", None, None),
            (&["sg-all"], "sg-allow", Some("sg-allow"), Some("sg-all")),
            (
                &["sg-all", "sg-theirs"],
                "sg-allow",
                Some("sg-allow"),
                Some("sg-all"),
            ),
            (&["sg-all", "sg-allow"], "sg-allow", None, Some("sg-all")),
            (&["sg-allow"], "sg-all", Some("sg-all"), Some("sg-allow")),
            (&["sg-theirs"], "sg-all", Some("sg-all"), None),
        ] {
            let aws = with_rules(&[]);
            let groups = now
                .iter()
                .map(|id| SecurityGroupIdentifier::builder().group_id(*id).build());
            let endpoint = VpcEndpoint::builder()
                .vpc_endpoint_id("vpce-1")
                .vpc_id("vpc-1")
                .set_groups(Some(groups.collect()))
                .build();
            let (all, spec) = (aws.aws(), spec(5432));
            let way = all.way(&spec).expect("it is registered");
            let found = way.regrouping(&endpoint, wanted).await.expect("looked at");
            let expected = Regrouping {
                add: added.map(str::to_owned),
                remove: removed.into_iter().map(str::to_owned).collect(),
            };
            let is_needed = added.is_some() || removed.is_some();
            assert_eq!(found, is_needed.then_some(expected), "{now:?} to {wanted}");
        }
    }

    #[test]
    fn what_no_list_made_is_told_apart() {
        let ranges = BTreeSet::from([net("10.0.0.0/8")]);
        let own = permission(PRIVATE_PORT, &ranges, Some(DESCRIPTION));
        assert_eq!(foreign(&own), None);
        let mut wider = own.clone();
        wider.to_port = Some(6000);
        assert_eq!(foreign(&wider), Some(wider.clone()));
        let mut over_ipv6 = own.clone();
        over_ipv6.ipv6_ranges = Some(vec![Ipv6Range::builder().cidr_ipv6("::/0").build()]);
        let found = foreign(&over_ipv6).expect("IPv6 is foreign");
        assert!(found.ip_ranges().is_empty() && found.ipv6_ranges().len() == 1);
        let mut of_group = own;
        of_group.user_id_group_pairs =
            Some(vec![UserIdGroupPair::builder().group_id("sg-1").build()]);
        assert!(foreign(&of_group).is_some());
    }

    async fn group_of(aws: &Fake, allowed: &Allowed) -> Result<String, Error> {
        let (aws, spec) = (aws.aws(), spec(5432));
        let way = aws.way(&spec).expect("it is registered");
        way.endpoint_group("vpc-1", allowed).await
    }

    /// What was asked for of the group's rules, in this order, with the ranges.
    fn changes(aws: &Fake) -> Vec<(String, Vec<String>)> {
        let mut left = BTreeMap::from([ADMIT, REFUSE].map(|action| {
            let bodies = aws.bodies(action).into_iter();
            (action.to_owned(), bodies)
        }));
        let next = |action: String| {
            let body = left.get_mut(&action)?.next()?;
            let mut ranges: Vec<String> = body
                .split('&')
                .filter(|pair| pair.contains(".CidrIp="))
                .filter_map(|pair| pair.split_once('='))
                .map(|(_, range)| range.replace("%2F", "/"))
                .collect();
            ranges.sort_by_key(|range| net(range));
            Some((action, ranges))
        };
        aws.actions().into_iter().filter_map(next).collect()
    }

    fn borrowed(texts: &[String]) -> Vec<&str> {
        texts.iter().map(String::as_str).collect()
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    /// AWS with the group of all endpoints, and the group of the way's list, which has these rules.
    fn with_rules(ranges: &[&str]) -> Fake {
        with_rules_and(ranges, "")
    }

    /// And this rule beside them.
    fn with_rules_and(ranges: &[&str], foreign: &str) -> Fake {
        let ranges = ranges.iter().map(|range| {
            format!("<item><cidrIp>{range}</cidrIp><description>{DESCRIPTION}</description></item>")
        });
        let ranges: String = ranges.collect();
        let own = tags(Key::way(&spec(5432)).of_allow_list().as_str());
        let all = tags("vpc/rp1pz7uyae");
        let groups = [
            format!(
                "<groupId>sg-allow</groupId><vpcId>vpc-1</vpcId><ipPermissions><item><ipProtocol>tcp</ipProtocol><fromPort>5432</fromPort><toPort>5432</toPort><ipRanges>{ranges}</ipRanges></item>{foreign}</ipPermissions>{own}"
            ),
            format!(
                "<groupId>sg-all</groupId><groupName>strait-endpoints</groupName><vpcId>vpc-1</vpcId>{all}"
            ),
        ];
        let done = || [Answer::Xml("<return>true</return>".to_owned())];
        Fake::default()
            .answer(
                "DescribeSecurityGroups",
                [list(
                    "securityGroupInfo",
                    &groups.each_ref().map(String::as_str),
                )],
            )
            .answer(ADMIT, done())
            .answer(REFUSE, done())
            .answer("DescribeVpcs", [Answer::Xml("<vpcSet/>".to_owned())])
    }

    fn only(ranges: &[&str]) -> Allowed {
        Allowed::Only(ranges.iter().map(|range| net(range)).collect())
    }

    fn net(text: &str) -> Ipv4Net {
        text.parse().expect("a range")
    }
}
