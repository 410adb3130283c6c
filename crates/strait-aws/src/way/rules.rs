//! Rules of a security group that let ranges in on one TCP port.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{IpPermission, IpRange};
use ipnet::Ipv4Net;

use super::group::already_there;
use crate::error::{Error, gone};
use crate::look::Kind;
use crate::region::Region;

/// Those of a group for one port.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) region: &'a Region,
    pub(super) group_id: &'a str,
    pub(super) port: i32,
}

impl Rules<'_> {
    /// Lets these ranges in.
    pub(super) async fn admit(
        self,
        ranges: &BTreeSet<Ipv4Net>,
        description: &str,
    ) -> Result<(), Error> {
        match self.authorize(ranges, description).await {
            // AWS adds none of several if one of them is there.
            Err(error) if error.is("InvalidPermission.Duplicate") => {
                for range in ranges {
                    let alone = BTreeSet::from([*range]);
                    already_there(self.authorize(&alone, description).await)?;
                }
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Lets these ranges in no more.
    pub(super) async fn refuse(self, ranges: &BTreeSet<Ipv4Net>) -> Result<(), Error> {
        match self.revoke(ranges).await {
            // AWS takes none of several away if one of them is not there.
            Err(error) if error.is_gone() => {
                for range in ranges {
                    gone(self.revoke(&BTreeSet::from([*range])).await)?;
                }
                Ok(())
            }
            outcome => outcome,
        }
    }

    async fn authorize(self, ranges: &BTreeSet<Ipv4Net>, description: &str) -> Result<(), Error> {
        if ranges.is_empty() {
            return Ok(());
        }
        let rule = permission(self.port, ranges, Some(description));
        let call = self.region.ec2().authorize_security_group_ingress();
        let call = call.group_id(self.group_id).ip_permissions(rule);
        self.region
            .change(&[Kind::Groups], call.send())
            .await
            .map(drop)
    }

    async fn revoke(self, ranges: &BTreeSet<Ipv4Net>) -> Result<(), Error> {
        if ranges.is_empty() {
            return Ok(());
        }
        let rule = permission(self.port, ranges, None);
        let call = self.region.ec2().revoke_security_group_ingress();
        let call = call.group_id(self.group_id).ip_permissions(rule);
        self.region
            .change(&[Kind::Groups], call.send())
            .await
            .map(drop)
    }
}

/// A rule for this port.
pub(super) fn permission(
    port: i32,
    ranges: &BTreeSet<Ipv4Net>,
    description: Option<&str>,
) -> IpPermission {
    let ranges = ranges.iter().map(|range| {
        IpRange::builder()
            .cidr_ip(range.to_string())
            .set_description(description.map(str::to_owned))
            .build()
    });
    IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(port)
        .to_port(port)
        .set_ip_ranges(Some(ranges.collect()))
        .build()
}

/// Whether it is a rule for this TCP port alone.
pub(super) fn is_exact(rule: &IpPermission, port: i32) -> bool {
    rule.ip_protocol() == Some("tcp")
        && rule.from_port() == Some(port)
        && rule.to_port() == Some(port)
}

/// The IPv4 ranges of a rule.
pub(super) fn cidrs(rule: &IpPermission) -> impl Iterator<Item = Ipv4Net> + '_ {
    rule.ip_ranges()
        .iter()
        .filter_map(|range| range.cidr_ip()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Answer, Fake, REGION};

    const ADMIT: &str = "AuthorizeSecurityGroupIngress";
    const REFUSE: &str = "RevokeSecurityGroupIngress";

    #[tokio::test]
    async fn a_rule_that_is_there_keeps_no_other_from_coming() {
        let done = || Answer::Xml("<return>true</return>".to_owned());
        let duplicate = || Answer::Error(400, "InvalidPermission.Duplicate");
        let ranges = nets(&["10.1.0.0/16", "10.2.0.0/16"]);
        for (answers, calls) in [
            (vec![done()], 1),
            (vec![duplicate(), duplicate(), done()], 3),
        ] {
            let fake = Fake::default().answer(ADMIT, answers);
            let aws = fake.aws();
            let admitted = rules(&aws).admit(&ranges, "a test").await;
            assert!(admitted.is_ok(), "{admitted:?}");
            let asked = fake.bodies(ADMIT);
            assert_eq!(asked.len(), calls);
            let last = asked.last().expect("it was asked for");
            assert!(last.contains("10.2.0.0%2F16"), "{last}");
        }
        let fake = Fake::default().answer(ADMIT, [Answer::Error(400, "InvalidParameterValue")]);
        assert!(rules(&fake.aws()).admit(&ranges, "a test").await.is_err());
    }

    #[tokio::test]
    async fn a_rule_that_is_gone_keeps_no_other_from_going() {
        let done = || Answer::Xml("<return>true</return>".to_owned());
        let unknown = || Answer::Error(400, "InvalidPermission.NotFound");
        let ranges = nets(&["10.1.0.0/16", "10.2.0.0/16"]);
        for (answers, calls) in [(vec![done()], 1), (vec![unknown(), unknown(), done()], 3)] {
            let fake = Fake::default().answer(REFUSE, answers);
            let refused = rules(&fake.aws()).refuse(&ranges).await;
            assert!(refused.is_ok(), "{refused:?}");
            let asked = fake.bodies(REFUSE);
            assert_eq!(asked.len(), calls);
            let last = asked.last().expect("it was asked for");
            assert!(last.contains("10.2.0.0%2F16"), "{last}");
        }
    }

    fn rules(aws: &crate::Aws) -> Rules<'_> {
        Rules {
            region: &aws.regions[REGION],
            group_id: "sg-1",
            port: 5432,
        }
    }

    fn nets(texts: &[&str]) -> BTreeSet<Ipv4Net> {
        let net = |text: &&str| text.parse().expect("a range");
        texts.iter().map(net).collect()
    }
}
