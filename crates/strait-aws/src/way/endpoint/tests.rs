//! The endpoint service and the endpoint.

use crate::fake::{self, Answer, Fake};
use crate::way::sample::{spec, tags};

use super::*;

#[test]
fn states_are_known_in_either_spelling() {
    let of = |word: &str| progress(&VpcEndpoint::builder().state(State::from(word)).build());
    for (word, expected) in [
        ("pendingAcceptance", Progress::Waiting),
        ("PendingAcceptance", Progress::Waiting),
        ("available", Progress::Available),
        ("Available", Progress::Available),
        ("pending", Progress::Under),
        ("partial", Progress::Under),
        ("rejected", Progress::Ended),
        ("Failed", Progress::Ended),
        ("deleting", Progress::Leaving),
        ("Deleted", Progress::Leaving),
    ] {
        assert_eq!(of(word), expected, "{word}");
    }
}

#[tokio::test]
async fn a_list_counts_before_all_else_and_whatever_becomes_of_that() {
    let listed = || Allowed::Only(BTreeSet::new());
    for (state, allowed, regrouped, deleted) in [
        ("available", listed(), 1, 0),
        ("available", Allowed::Everybody, 0, 0),
        ("pending", listed(), 1, 0),
        // What nobody has accepted may not be changed, and lets nobody in.
        ("pendingAcceptance", listed(), 0, 1),
        ("pendingAcceptance", Allowed::Everybody, 0, 0),
        ("failed", listed(), 0, 0),
    ] {
        let aws = with_open_endpoint(state);
        let made = aws.aws().ensure_way(&spec(5432), &allowed).await;
        assert!(made.is_err(), "its load balancer cannot be made");
        let asked = (
            aws.asked("ModifyVpcEndpoint"),
            aws.asked("DeleteVpcEndpoints"),
        );
        assert_eq!(asked, (regrouped, deleted), "{state}, {allowed:?}");
        for body in aws.bodies("ModifyVpcEndpoint") {
            assert!(
                body.contains("AddSecurityGroupId.1=sg-allow")
                    && body.contains("RemoveSecurityGroupId.1=sg-all"),
                "{body}"
            );
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_aws_did_not_delete_is_not_taken_for_gone() {
    let item = "<item><resourceId>vpce-1</resourceId><error><code>Unavailable</code><message>Later.</message></error></item>";
    for (unsuccessful, is_gone) in [(item, false), ("", true)] {
        let aws = with_endpoint(unsuccessful);
        let removed = aws.aws().remove_way(&spec(5432)).await;
        assert_eq!(removed.is_ok(), is_gone, "{removed:?}");
        let told = removed.err().map(|error| error.to_string());
        assert!(
            told.is_none_or(|told| told.contains("vpce-1 is not deleted yet: Later.")),
            "it says why"
        );
        assert_eq!(aws.asked("DeleteVpcEndpoints"), 1);
    }
}

#[tokio::test]
async fn an_endpoint_service_that_is_going_is_none() {
    let found = async |state: &str| {
        let service = format!(
            "<item><serviceId>vpce-svc-1</serviceId><serviceState>{state}</serviceState>{}</item>",
            tags(&spec(5432))
        );
        let aws = Fake::default().answer(
            "DescribeVpcEndpointServiceConfigurations",
            [Answer::Xml(format!(
                "<serviceConfigurationSet>{service}</serviceConfigurationSet>"
            ))],
        );
        let (aws, spec) = (aws.aws(), spec(5432));
        let way = aws.way(&spec).expect("it is registered");
        let found = way.find_endpoint_service().await.expect("it is looked at");
        let used = way.endpoint_service(&LoadBalancer::builder().build()).await;
        (found.is_some(), used.is_ok())
    };
    assert_eq!(found("Available").await, (true, true));
    assert_eq!(found("Pending").await, (true, true));
    assert_eq!(found("Failed").await, (true, false), "it is to be deleted");
    assert!(!found("Deleting").await.0);
    assert!(!found("Deleted").await.0);
}

/// AWS with the endpoint of a way, which lets in all peers; it makes nothing.
fn with_open_endpoint(state: &str) -> Fake {
    let endpoint = format!(
        "<vpcEndpointId>vpce-1</vpcEndpointId><vpcId>vpc-1</vpcId><state>{state}</state><groupSet><item><groupId>sg-all</groupId></item></groupSet>{}",
        tags(&spec(5432))
    );
    let group = |id: &str, name: &str, key: &str| {
        format!(
            "<groupId>{id}</groupId><groupName>{name}</groupName><vpcId>vpc-1</vpcId>{}",
            fake::tags(key)
        )
    };
    let groups = [
        group("sg-all", "strait-endpoints", "vpc/rp1pz7uyae"),
        group(
            "sg-allow",
            "list",
            Key::way(&spec(5432)).of_allow_list().as_str(),
        ),
    ];
    let done = || [Answer::Xml("<return>true</return>".to_owned())];
    Fake::default()
        .answer(
            "DescribeVpcEndpoints",
            [fake::list("vpcEndpointSet", &[&endpoint])],
        )
        .answer(
            "DescribeSecurityGroups",
            [fake::list(
                "securityGroupInfo",
                &groups.each_ref().map(String::as_str),
            )],
        )
        .answer("DescribeVpcs", [Answer::Xml("<vpcSet/>".to_owned())])
        .answer("ModifyVpcEndpoint", done())
        .answer("DeleteVpcEndpoints", done())
}

/// AWS with the endpoint of a way, and this list for its deletion.
fn with_endpoint(unsuccessful: &str) -> Fake {
    let endpoint = format!(
        "<item><vpcEndpointId>vpce-1</vpcEndpointId><state>available</state>{}</item>",
        tags(&spec(5432))
    );
    let balancers = "<DescribeLoadBalancersResult><LoadBalancers/></DescribeLoadBalancersResult>";
    let groups = "<DescribeTargetGroupsResult><TargetGroups/></DescribeTargetGroupsResult>";
    let answers = [
        (
            "DescribeVpcEndpoints",
            format!("<vpcEndpointSet>{endpoint}</vpcEndpointSet>"),
        ),
        (
            "DeleteVpcEndpoints",
            format!("<unsuccessful>{unsuccessful}</unsuccessful>"),
        ),
        (
            "DescribeVpcEndpointServiceConfigurations",
            "<serviceConfigurationSet/>".to_owned(),
        ),
        ("DescribeLoadBalancers", balancers.to_owned()),
        ("DescribeTargetGroups", groups.to_owned()),
        ("DescribeVpcs", "<vpcSet/>".to_owned()),
        ("DescribeSecurityGroups", "<securityGroupInfo/>".to_owned()),
    ];
    answers
        .into_iter()
        .fold(Fake::default(), |aws, (action, xml)| {
            aws.answer(action, [Answer::Xml(xml)])
        })
}

#[test]
fn nodes_are_found_by_the_end_of_the_arn() {
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/strait-a-1/0123456789abcdef";
    let balancer = LoadBalancer::builder().load_balancer_arn(arn).build();
    assert_eq!(
        description(&balancer),
        "ELB net/strait-a-1/0123456789abcdef"
    );
}
