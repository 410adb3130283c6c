//! Who may come by a private way: a security group of the endpoint's own with one rule a range, in place of the group of all
//! endpoints of the Peering VPC, which lets in all peers.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    IpPermission, IpRange, ResourceType, SecurityGroup, SecurityGroupIdentifier, VpcEndpoint,
};
use ipnet::Ipv4Net;
use strait_plane::cloud::Allowed;

use super::group::already_there;
use super::{PRIVATE_PORT, Way};
use crate::error::{Error, gone};
use crate::look::Kind;
use crate::seen::Resource;

/// How the rules are described.
const DESCRIPTION: &str = "Strait: allow list";

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

    /// Gives the endpoint this group and no other.
    pub(super) async fn regroup(&self, endpoint: &VpcEndpoint, group: &str) -> Result<(), Error> {
        let groups = endpoint.groups().iter();
        let now: BTreeSet<&str> = groups
            .filter_map(SecurityGroupIdentifier::group_id)
            .collect();
        if now == BTreeSet::from([group]) {
            return Ok(());
        }
        let others = now.iter().filter(|other| **other != group);
        let others: Vec<String> = others.map(|other| (*other).to_owned()).collect();
        let call = self
            .region
            .ec2()
            .modify_vpc_endpoint()
            .vpc_endpoint_id(endpoint.id())
            .set_add_security_group_ids((!now.contains(group)).then(|| vec![group.to_owned()]))
            .set_remove_security_group_ids((!others.is_empty()).then_some(others));
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

    /// Makes the group's rules those for these ranges. What is new comes first, so that nobody who stays is shut out.
    async fn allow_exactly(
        &self,
        group: &SecurityGroup,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Result<(), Error> {
        let present: BTreeSet<Ipv4Net> = (group.ip_permissions().iter())
            .filter(|rule| is_to_postgres(rule))
            .flat_map(IpPermission::ip_ranges)
            .filter_map(|range| range.cidr_ip()?.parse().ok())
            .collect();
        let missing: BTreeSet<Ipv4Net> = ranges.difference(&present).copied().collect();
        if !missing.is_empty() {
            let call = self
                .region
                .ec2()
                .authorize_security_group_ingress()
                .group_id(group.id())
                .ip_permissions(permission(&missing, Some(DESCRIPTION)));
            already_there(self.region.change(&[Kind::Groups], call.send()).await)?;
        }
        for range in present.difference(ranges) {
            self.revoke_rule(group, permission(&BTreeSet::from([*range]), None))
                .await?;
        }
        // What others added: another port, another kind of source.
        for rule in group.ip_permissions() {
            if let Some(rule) = foreign(rule) {
                self.revoke_rule(group, rule).await?;
            }
        }
        Ok(())
    }

    async fn revoke_rule(&self, group: &SecurityGroup, rule: IpPermission) -> Result<(), Error> {
        let call = self
            .region
            .ec2()
            .revoke_security_group_ingress()
            .group_id(group.id())
            .ip_permissions(rule);
        gone(self.region.change(&[Kind::Groups], call.send()).await)
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

fn is_to_postgres(rule: &IpPermission) -> bool {
    rule.ip_protocol() == Some("tcp")
        && rule.from_port() == Some(PRIVATE_PORT)
        && rule.to_port() == Some(PRIVATE_PORT)
}

/// That part of a rule that no list makes.
fn foreign(rule: &IpPermission) -> Option<IpPermission> {
    let mut foreign = rule.clone();
    if is_to_postgres(rule) {
        foreign.ip_ranges = None;
    }
    let is_empty = foreign.ip_ranges().is_empty()
        && foreign.ipv6_ranges().is_empty()
        && foreign.prefix_list_ids().is_empty()
        && foreign.user_id_group_pairs().is_empty();
    (!is_empty).then_some(foreign)
}

fn permission(ranges: &BTreeSet<Ipv4Net>, description: Option<&str>) -> IpPermission {
    let ranges = ranges.iter().map(|range| {
        IpRange::builder()
            .cidr_ip(range.to_string())
            .set_description(description.map(str::to_owned))
            .build()
    });
    IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(PRIVATE_PORT)
        .to_port(PRIVATE_PORT)
        .set_ip_ranges(Some(ranges.collect()))
        .build()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{Ipv6Range, UserIdGroupPair};

    use super::*;
    use crate::fake::{Answer, Fake};
    use crate::tag::{ID, Key, PLANE};
    use crate::way::sample::spec;

    #[tokio::test]
    async fn the_groups_rules_become_those_of_the_list() {
        let aws = with_rules(&["10.1.0.0/16", "10.2.0.0/16"]);
        let wanted = only(&["10.2.0.0/16", "10.3.0.0/24"]);
        let group = group_of(&aws, &wanted).await;
        assert_eq!(group, "sg-allow");
        let asked = |action: &str| aws.bodies(action).concat();
        let added = asked("AuthorizeSecurityGroupIngress");
        assert!(
            added.contains("10.3.0.0%2F24") && !added.contains("10.2.0.0"),
            "{added}"
        );
        let taken = asked("RevokeSecurityGroupIngress");
        assert!(
            taken.contains("10.1.0.0%2F16") && !taken.contains("10.2.0.0"),
            "{taken}"
        );
        let order = aws.actions();
        let at = |action: &str| order.iter().position(|asked| asked == action);
        assert!(
            at("AuthorizeSecurityGroupIngress") < at("RevokeSecurityGroupIngress"),
            "{order:?}"
        );
    }

    #[tokio::test]
    async fn nothing_is_asked_for_when_the_rules_are_right() {
        let aws = with_rules(&["10.1.0.0/16"]);
        group_of(&aws, &only(&["10.1.0.0/16"])).await;
        assert_eq!(aws.asked("AuthorizeSecurityGroupIngress"), 0);
        assert_eq!(aws.asked("RevokeSecurityGroupIngress"), 0);
        group_of(&aws, &only(&[])).await;
        assert_eq!(
            aws.asked("RevokeSecurityGroupIngress"),
            1,
            "and an empty list takes all"
        );
    }

    #[tokio::test]
    async fn an_endpoint_has_one_group() {
        for (now, added, removed) in [
            (&["sg-allow"][..], false, false),
            (&["sg-all"], true, true),
            (&["sg-all", "sg-allow"], false, true),
        ] {
            let aws = with_rules(&[]).answer(
                "ModifyVpcEndpoint",
                [Answer::Xml("<return>true</return>".to_owned())],
            );
            let groups = now
                .iter()
                .map(|id| SecurityGroupIdentifier::builder().group_id(*id).build());
            let endpoint = VpcEndpoint::builder()
                .vpc_endpoint_id("vpce-1")
                .set_groups(Some(groups.collect()))
                .build();
            let (all, spec) = (aws.aws(), spec(5432));
            let way = all.way(&spec).expect("it is registered");
            way.regroup(&endpoint, "sg-allow").await.expect("regrouped");
            let body = aws.bodies("ModifyVpcEndpoint").concat();
            assert_eq!(
                body.contains("AddSecurityGroupId.1=sg-allow"),
                added,
                "{body}"
            );
            assert_eq!(
                body.contains("RemoveSecurityGroupId.1=sg-all"),
                removed,
                "{body}"
            );
        }
    }

    #[test]
    fn what_no_list_made_is_told_apart() {
        let ranges = BTreeSet::from([net("10.0.0.0/8")]);
        let own = permission(&ranges, Some(DESCRIPTION));
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

    async fn group_of(aws: &Fake, allowed: &Allowed) -> String {
        let (aws, spec) = (aws.aws(), spec(5432));
        let way = aws.way(&spec).expect("it is registered");
        way.endpoint_group("vpc-1", allowed).await.expect("a group")
    }

    /// AWS with the group of the way's list, which has these rules.
    fn with_rules(ranges: &[&str]) -> Fake {
        let ranges = ranges.iter().map(|range| {
            format!("<item><cidrIp>{range}</cidrIp><description>{DESCRIPTION}</description></item>")
        });
        let ranges: String = ranges.collect();
        let id = Key::way(&spec(5432)).of_allow_list();
        let tags = [(ID, id.as_str()), (PLANE, "plane-1")];
        let tags =
            tags.map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"));
        let group = format!(
            "<item><groupId>sg-allow</groupId><vpcId>vpc-1</vpcId><ipPermissions><item><ipProtocol>tcp</ipProtocol><fromPort>5432</fromPort><toPort>5432</toPort><ipRanges>{ranges}</ipRanges></item></ipPermissions><tagSet>{}</tagSet></item>",
            tags.concat()
        );
        let done = || [Answer::Xml("<return>true</return>".to_owned())];
        Fake::default()
            .answer(
                "DescribeSecurityGroups",
                [Answer::Xml(format!(
                    "<securityGroupInfo>{group}</securityGroupInfo>"
                ))],
            )
            .answer("AuthorizeSecurityGroupIngress", done())
            .answer("RevokeSecurityGroupIngress", done())
            .answer("DescribeVpcs", [Answer::Xml("<vpcSet/>".to_owned())])
    }

    fn only(ranges: &[&str]) -> Allowed {
        Allowed::Only(ranges.iter().map(|range| net(range)).collect())
    }

    fn net(text: &str) -> Ipv4Net {
        text.parse().expect("a range")
    }
}
