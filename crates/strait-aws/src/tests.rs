//! How verbs look, write and bear failures, on an EC2 that answers what the test says.

use std::collections::BTreeSet;
use std::time::Duration;

use strait_plane::cloud::{CloudError, PeerState, fenced};

use tokio::time::Instant;

use crate::fake::{Answer, Fake, REGION, list, tags};
use crate::sample::{peering, vpc};
use crate::tag::Key;

#[tokio::test]
async fn however_many_verbs_look_aws_is_asked_once_a_kind() {
    let both = [pcx("pcx-1", "p1", "active"), pcx("pcx-2", "p2", "active")];
    let ec2 = Fake::default().answer(
        "DescribeVpcPeeringConnections",
        [list(PEERINGS, &[&both[0], &both[1]])],
    );
    let aws = ec2.aws();
    let (one, other) = (peering("p1"), peering("p2"));
    for _look in 0..20 {
        let (one, other) = tokio::join!(aws.ensure_peering(&one), aws.ensure_peering(&other));
        assert_eq!(one.expect("it is there").provisioned_id, "pcx-1");
        assert_eq!(other.expect("it is there").provisioned_id, "pcx-2");
    }
    assert_eq!(ec2.asked("DescribeVpcPeeringConnections"), 1);
}

#[tokio::test]
async fn all_pages_are_read() {
    let page = |item: &str, next: &str| {
        let Answer::Xml(list) = list(PEERINGS, &[item]) else {
            unreachable!("a list is XML");
        };
        Answer::Xml(format!("{list}{next}"))
    };
    let pages = [
        page(&pcx("pcx-1", "p1", "active"), "<nextToken>more</nextToken>"),
        page(&pcx("pcx-2", "p2", "active"), ""),
    ];
    let ec2 = Fake::default().answer("DescribeVpcPeeringConnections", pages);
    let observed = ec2.aws().ensure_peering(&peering("p2")).await;
    assert_eq!(
        observed.expect("it is on the second page").provisioned_id,
        "pcx-2"
    );
    let bodies = ec2.bodies("DescribeVpcPeeringConnections");
    assert!(
        matches!(bodies.as_slice(), [_, second] if second.contains("NextToken=more")),
        "{bodies:?}"
    );
    assert!(
        bodies
            .iter()
            .all(|body| body.contains("Filter.1.Name=tag%3Astrait%3Aplane")),
        "{bodies:?}"
    );
}

#[tokio::test]
async fn what_has_no_client_token_is_not_repeated_while_an_answer_is_missing() {
    for failure in [Answer::Lost, Answer::Error(500, "InternalError")] {
        let ec2 = Fake::default()
            .answer("DescribeVpcs", [list(VPCS, &[])])
            .answer("CreateVpc", [failure]);
        let aws = ec2.aws();
        let first = aws.ensure_vpc(&vpc()).await;
        assert!(matches!(first, Err(CloudError::Temporary(_))), "{first:?}");
        for _attempt in 0..3 {
            let again = aws.ensure_vpc(&vpc()).await;
            assert!(matches!(again, Err(CloudError::InProgress(_))), "{again:?}");
        }
        assert_eq!(
            ec2.asked("CreateVpc"),
            1,
            "the SDK does not repeat it, and neither do we"
        );
    }
}

#[tokio::test]
async fn what_may_have_been_made_is_not_deleted_before_it_is_seen() {
    let ec2 = Fake::default()
        .answer("DescribeVpcs", [list(VPCS, &[])])
        .answer("CreateVpc", [Answer::Lost]);
    let aws = ec2.aws();
    aws.delete_vpc(&vpc()).await.expect("there is none");
    aws.ensure_vpc(&vpc())
        .await
        .expect_err("its answer is lost");
    let deleted = aws.delete_vpc(&vpc()).await;
    assert!(
        matches!(deleted, Err(CloudError::InProgress(_))),
        "{deleted:?}"
    );
}

#[tokio::test]
async fn who_has_lost_its_lease_looks_and_changes_nothing() {
    let table = "<routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId>";
    for verb in ["ensure_vpc", "ensure_peering", "admit_peer"] {
        for held in [true, false] {
            let mut ec2 = world_with_table(table);
            if verb == "ensure_vpc" {
                ec2 = ec2.answer("DescribeVpcs", [list(VPCS, &[])]);
            }
            let aws = ec2.aws();
            let work = async {
                match verb {
                    "ensure_vpc" => aws.ensure_vpc(&vpc()).await.map(drop),
                    "ensure_peering" => aws.ensure_peering(&peering("new")).await.map(drop),
                    _ => aws.admit_peer(&peering("p1"), &ranges()).await,
                }
            };
            let outcome = fenced(move || held, work).await;
            let actions = ec2.actions();
            let changed = actions.iter().any(|one| !one.starts_with("Describe"));
            assert_eq!(changed, held, "{verb}: {actions:?}");
            let waits = matches!(outcome, Err(CloudError::InProgress(_)));
            assert!(held || waits, "{verb}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn what_aws_refused_or_did_not_begin_is_asked_for_again() {
    for code in ["VpcLimitExceeded", "RequestLimitExceeded"] {
        let ec2 = Fake::default()
            .answer("DescribeVpcs", [list(VPCS, &[])])
            .answer("CreateVpc", [Answer::Error(400, code)]);
        let aws = ec2.aws();
        for _attempt in 0..3 {
            aws.ensure_vpc(&vpc()).await.expect_err("it cannot be made");
        }
        assert_eq!(ec2.asked("CreateVpc"), 3);
    }
}

#[tokio::test]
async fn what_was_made_is_believed_before_it_is_listed() {
    let made = Answer::Xml(format!(
        "<vpcPeeringConnection>{}</vpcPeeringConnection>",
        pcx("pcx-1", "p1", "initiating-request")
    ));
    let ec2 = Fake::default()
        .answer("DescribeVpcs", [list(VPCS, &[&ours()])])
        .answer("DescribeVpcPeeringConnections", [list(PEERINGS, &[])])
        .answer("CreateVpcPeeringConnection", [made]);
    let aws = ec2.aws();
    for _look in 0..3 {
        let observed = aws
            .ensure_peering(&peering("p1"))
            .await
            .expect("it was made");
        assert_eq!(
            (observed.provisioned_id.as_str(), observed.state),
            ("pcx-1", PeerState::PendingAcceptance)
        );
    }
    assert_eq!(ec2.asked("CreateVpcPeeringConnection"), 1);
}

#[tokio::test]
async fn a_peering_that_aws_has_not_listed_for_long_has_ended() {
    let ec2 = Fake::default().answer("DescribeVpcPeeringConnections", [list(PEERINGS, &[])]);
    let (aws, mut spec) = (ec2.aws(), peering("p1"));
    spec.provisioned_id = Some("pcx-1".to_owned());
    let unlisted = aws.ensure_peering(&spec).await;
    assert!(
        matches!(unlisted, Err(CloudError::InProgress(_))),
        "AWS's lists may be behind: {unlisted:?}"
    );
    let long_ago = Instant::now() - Duration::from_secs(61);
    let (region, key) = (&aws.regions[REGION], Key::peering(&spec));
    region.found(&key);
    region.missed(&key, long_ago);
    let ended = aws.ensure_peering(&spec).await.expect("it ended");
    assert_eq!(
        (ended.provisioned_id.as_str(), ended.state),
        ("pcx-1", PeerState::Deleted)
    );
    assert_eq!(ec2.asked("CreateVpcPeeringConnection"), 0);
}

#[tokio::test]
async fn of_two_requests_the_one_that_is_known_stays_unless_the_other_got_further() {
    let pending = "pending-acceptance";
    for (known, states, kept, taken) in [
        (Some("pcx-2"), [pending, pending], "pcx-2", "pcx-1"),
        (None, [pending, pending], "pcx-1", "pcx-2"),
        (Some("pcx-2"), ["active", pending], "pcx-1", "pcx-2"),
    ] {
        let both = [pcx("pcx-1", "p1", states[0]), pcx("pcx-2", "p1", states[1])];
        let done = Answer::Xml("<return>true</return>".to_owned());
        let ec2 = Fake::default()
            .answer(
                "DescribeVpcPeeringConnections",
                [list(PEERINGS, &[&both[0], &both[1]])],
            )
            .answer("DeleteVpcPeeringConnection", [done]);
        let mut spec = peering("p1");
        spec.provisioned_id = known.map(str::to_owned);
        let observed = ec2.aws().ensure_peering(&spec).await.expect("it is there");
        assert_eq!(observed.provisioned_id, kept, "{known:?}, {states:?}");
        let [body] = &ec2.bodies("DeleteVpcPeeringConnection")[..] else {
            panic!("one is taken away");
        };
        assert!(body.contains(taken), "{body}");
    }
}

#[tokio::test]
async fn a_second_peering_of_the_same_two_vpcs_is_refused() {
    let made = Answer::Xml(format!(
        "<vpcPeeringConnection>{}</vpcPeeringConnection>",
        pcx("pcx-1", "p1", "active")
    ));
    let ec2 = Fake::default()
        .answer("DescribeVpcs", [list(VPCS, &[&ours()])])
        .answer(
            "DescribeVpcPeeringConnections",
            [list(PEERINGS, &[&pcx("pcx-1", "p1", "active")])],
        )
        .answer("CreateVpcPeeringConnection", [made]);
    let Err(CloudError::Refused { code, .. }) = ec2.aws().ensure_peering(&peering("p2")).await
    else {
        panic!("AWS gives the connection that exists, and that is another's");
    };
    assert_eq!(code, "VpcPeeringConnectionAlreadyExists");
}

#[tokio::test]
async fn a_route_that_leads_nowhere_is_turned_and_another_is_not() {
    for (state, replaced) in [("blackhole", true), ("active", false)] {
        let route = format!(
            "<routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId><routeSet><item><destinationCidrBlock>10.2.0.0/16</destinationCidrBlock>\
             <vpcPeeringConnectionId>pcx-0</vpcPeeringConnectionId><state>{state}</state></item></routeSet>"
        );
        let ec2 = world_with_table(&route);
        let admitted = ec2.aws().admit_peer(&peering("p1"), &ranges()).await;
        assert_eq!(admitted.is_ok(), replaced, "{admitted:?}");
        assert_eq!(
            (ec2.asked("ReplaceRoute"), ec2.asked("CreateRoute")),
            (usize::from(replaced), 0)
        );
    }
}

#[tokio::test]
async fn a_customer_without_dns_hostnames_is_let_in_all_the_same() {
    let ec2 = world_with_table("<routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId>").answer(
        "ModifyVpcPeeringConnectionOptions",
        [Answer::Error(
            400,
            "InvalidVpcPeeringConnectionState.DnsHostnamesDisabled",
        )],
    );
    ec2.aws()
        .admit_peer(&peering("p1"), &ranges())
        .await
        .expect("it is let in");
    assert_eq!(
        (
            ec2.asked("CreateRoute"),
            ec2.asked("AuthorizeSecurityGroupIngress")
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_missing_right_is_told_with_its_name() {
    let ec2 = Fake::default().answer(
        "DescribeVpcs",
        [Answer::Error(403, "UnauthorizedOperation")],
    );
    let Err(CloudError::Refused { message, .. }) = ec2.aws().ensure_vpc(&vpc()).await else {
        panic!("a missing right is not temporary");
    };
    assert!(message.contains("ec2:DescribeVpcs"), "{message}");
}

const VPCS: &str = "vpcSet";
const PEERINGS: &str = "vpcPeeringConnectionSet";

/// A Peering VPC with an active peer, `pcx-1`, one that ended, `pcx-0`, and this main route table.
fn world_with_table(table: &str) -> Fake {
    let group = format!(
        "<groupId>sg-1</groupId><groupName>strait-endpoints</groupName><vpcId>vpc-1</vpcId>{}",
        tags("vpc/v1")
    );
    let done = || [Answer::Xml("<return>true</return>".to_owned())];
    let (ended, active) = (pcx("pcx-0", "p0", "deleted"), pcx("pcx-1", "p1", "active"));
    Fake::default()
        .answer("DescribeVpcs", [list(VPCS, &[&ours()])])
        .answer(
            "DescribeVpcPeeringConnections",
            [list(PEERINGS, &[&ended, &active])],
        )
        .answer("DescribeRouteTables", [list("routeTableSet", &[table])])
        .answer(
            "DescribeSecurityGroups",
            [list("securityGroupInfo", &[&group])],
        )
        .answer("ModifyVpcPeeringConnectionOptions", done())
        .answer("CreateRoute", done())
        .answer("ReplaceRoute", done())
        .answer("AuthorizeSecurityGroupIngress", done())
}

fn ours() -> String {
    format!(
        "<vpcId>vpc-1</vpcId><state>available</state>{}",
        tags("vpc/v1")
    )
}

fn pcx(id: &str, key: &str, code: &str) -> String {
    format!(
        "<vpcPeeringConnectionId>{id}</vpcPeeringConnectionId><status><code>{code}</code></status>\
         <accepterVpcInfo><cidrBlock>10.2.0.0/16</cidrBlock></accepterVpcInfo>{}",
        tags(&format!("peering/{key}"))
    )
}

fn ranges() -> BTreeSet<ipnet::Ipv4Net> {
    BTreeSet::from(["10.2.0.0/16".parse().expect("a range")])
}
