//! The endpoint service and the endpoint.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::AvailabilityZone;
use strait_plane::cloud::{CloudError, WaySpec};

use crate::Aws;
use crate::fake::{self, Answer, Fake};
use crate::way::sample::{spec, tags};

use super::*;

/// That AWS does not delete the second endpoint.
const LATER: &str = "<item><resourceId>vpce-2</resourceId><error><code>Unavailable</code><message>Later.</message></error></item>";

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
        let made = aws.aws().ensure_way(&spec(5432), &allowed, None).await;
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

#[tokio::test]
async fn an_endpoint_that_aws_does_not_list_yet_is_not_made_again() {
    let made = format!("<vpcEndpoint>{}</vpcEndpoint>", new_endpoint());
    let (aws, ec2) = with_home(Answer::Xml(made));
    for _look in 0..3 {
        aws.looks_are_old();
        let endpoint = aws.made().await.expect("it was made");
        assert_eq!(endpoint.id(), "vpce-1");
    }
    let [body] = &ec2.bodies("CreateVpcEndpoint")[..] else {
        panic!("it is made once");
    };
    assert!(body.contains("PrivateDnsEnabled=false"), "{body}");
    assert_eq!(ec2.asked("DescribeVpcEndpoints"), 3);
}

#[tokio::test]
async fn an_endpoint_whose_answer_was_lost_is_neither_made_again_nor_taken_for_none() {
    let (aws, ec2) = with_home(Answer::Lost);
    let lost = aws.made().await.expect_err("its answer is lost");
    assert!(lost.is_doubtful(), "{lost}");
    for _look in 0..2 {
        aws.looks_are_old();
        let again = aws.made().await;
        assert!(matches!(again, Err(Error::NotYet(_))), "{again:?}");
    }
    // The SDK repeats the call, which AWS knows by its token.
    let tokens = ec2.bodies("CreateVpcEndpoint").into_iter();
    let tokens: BTreeSet<String> = tokens
        .filter_map(|body| {
            let mut pairs = body.split('&').map(str::to_owned);
            pairs.find(|pair| pair.starts_with("ClientToken="))
        })
        .collect();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    let removed = aws.aws.remove_way(&aws.spec).await;
    assert!(
        matches!(removed, Err(CloudError::InProgress(_))),
        "{removed:?}"
    );
    assert_eq!(
        ec2.asked("DescribeLoadBalancers"),
        0,
        "nothing is taken away"
    );
}

#[tokio::test]
async fn an_endpoint_whose_answer_never_came_is_neither_made_again_nor_taken_for_none() {
    let (aws, ec2) = with_home(Answer::Silence);
    let endpoints = &aws.aws.regions[fake::REGION].looks.endpoints;
    let waits_for_long = async {
        while ec2.asked("CreateVpcEndpoint") == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // A doubt from its beginning would be over by now.
        endpoints.age_doubts();
    };
    tokio::select! {
        made = aws.made() => panic!("nobody answers: {made:?}"),
        // Here it is given up.
        () = waits_for_long => {}
    }
    aws.looks_are_old();
    let again = aws.made().await;
    assert!(matches!(again, Err(Error::NotYet(_))), "{again:?}");
    let removed = aws.aws.remove_way(&aws.spec).await;
    assert!(
        matches!(removed, Err(CloudError::InProgress(_))),
        "{removed:?}"
    );
    assert_eq!(ec2.asked("CreateVpcEndpoint"), 1);
}

#[tokio::test]
async fn of_several_endpoints_the_one_that_got_furthest_stays_and_of_equals_the_known_one() {
    for (known, states, kept, taken) in [
        (None, &["available"][..], "vpce-1", vec![]),
        (
            Some("vpce-1"),
            &["pendingAcceptance", "available"],
            "vpce-2",
            vec!["vpce-1"],
        ),
        (
            None,
            &["pendingAcceptance", "pending"],
            "vpce-2",
            vec!["vpce-1"],
        ),
        (
            None,
            &["failed", "pendingAcceptance"],
            "vpce-2",
            vec!["vpce-1"],
        ),
        (
            None,
            &["available", "available", "rejected"],
            "vpce-1",
            vec!["vpce-2", "vpce-3"],
        ),
        (
            Some("vpce-2"),
            &["available", "available", "rejected"],
            "vpce-2",
            vec!["vpce-1", "vpce-3"],
        ),
        (None, &["deleting", "available"], "vpce-2", vec![]),
    ] {
        let ec2 = with_endpoints(states, "");
        let (aws, spec) = (ec2.aws(), spec(5432));
        let way = Way {
            known,
            ..aws.way(&spec).expect("it is registered")
        };
        let found = way.restricted_endpoint(&Allowed::Everybody).await;
        let found = found.expect("looked at").expect("there is one");
        assert_eq!(found.id(), kept, "{known:?}, {states:?}");
        assert_eq!(deleted(&ec2), taken, "{known:?}, {states:?}");
    }
}

#[tokio::test]
async fn a_way_goes_on_beside_a_second_endpoint_that_does_not_go() {
    let ec2 = with_endpoints(&["available", "available"], LATER);
    let (aws, spec) = (ec2.aws(), spec(5432));
    let way = aws.way(&spec).expect("it is registered");
    for attempt in 1..3 {
        let found = way.restricted_endpoint(&Allowed::Everybody).await;
        let found = found.expect("it is there").expect("there is one");
        assert_eq!(found.id(), "vpce-1");
        assert_eq!(ec2.asked("DeleteVpcEndpoints"), attempt, "and once more");
    }
}

#[tokio::test]
async fn a_list_counts_for_a_second_endpoint_that_does_not_go() {
    let listed = || Allowed::Only(BTreeSet::new());
    let done = || Answer::Xml("<return>true</return>".to_owned());
    let refused = || Answer::Error(400, "OperationNotPermitted");
    for (second, allowed, answers, goes_on, regrouped) in [
        (
            "available",
            listed(),
            vec![done()],
            true,
            &["vpce-1", "vpce-2"][..],
        ),
        (
            "available",
            listed(),
            vec![done(), refused()],
            false,
            &["vpce-1", "vpce-2"],
        ),
        // It lets nobody in.
        (
            "pendingAcceptance",
            listed(),
            vec![done()],
            true,
            &["vpce-1"],
        ),
        ("available", Allowed::Everybody, vec![refused()], true, &[]),
    ] {
        let unsuccessful = format!("<unsuccessful>{LATER}</unsuccessful>");
        let ec2 = with_open_endpoint("available")
            .answer("DescribeVpcEndpoints", [endpoints(&["available", second])])
            .answer("DeleteVpcEndpoints", [Answer::Xml(unsuccessful)])
            .answer("ModifyVpcEndpoint", answers);
        let (aws, spec) = (ec2.aws(), spec(5432));
        let way = aws.way(&spec).expect("it is registered");
        let found = way.restricted_endpoint(&allowed).await;
        assert_eq!(found.is_ok(), goes_on, "{second}, {allowed:?}: {found:?}");
        let bodies = ec2.bodies("ModifyVpcEndpoint");
        let ids: Vec<&str> = (bodies.iter().flat_map(|body| body.split('&')))
            .filter_map(|pair| pair.strip_prefix("VpcEndpointId="))
            .collect();
        assert_eq!(ids, regrouped, "{second}, {allowed:?}");
        assert_eq!(deleted(&ec2), ["vpce-2"], "{second}, {allowed:?}");
    }
}

#[tokio::test]
async fn all_endpoints_of_a_way_go_with_it_at_once() {
    let gone = "<item><resourceId>vpce-1</resourceId><error><code>InvalidVpcEndpoint.NotFound</code></error></item>";
    for (unsuccessful, is_gone) in [(gone.to_owned() + LATER, false), (gone.to_owned(), true)] {
        let ec2 = with_endpoints(&["available", "pendingAcceptance"], &unsuccessful);
        let removed = ec2.aws().remove_way(&spec(5432)).await;
        assert_eq!(removed.is_ok(), is_gone, "{removed:?}");
        assert_eq!(deleted(&ec2), ["vpce-1", "vpce-2"]);
        assert_eq!(ec2.asked("DeleteVpcEndpoints"), 1);
    }
}

#[tokio::test]
async fn a_way_has_no_sources_before_aws_lists_them() {
    let of_endpoint = "<networkInterfaceId>eni-1</networkInterfaceId><privateIpAddress>10.1.0.4</privateIpAddress>";
    let of_node = "<networkInterfaceId>eni-2</networkInterfaceId><description>ELB net/strait-a/1</description><privateIpAddress>172.31.0.9</privateIpAddress>";
    let endpoint = VpcEndpoint::builder()
        .vpc_endpoint_id("vpce-1")
        .state(State::Available)
        .network_interface_ids("eni-1")
        .build();
    let balancer = LoadBalancer::builder()
        .load_balancer_arn(
            "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/strait-a/1",
        )
        .build();
    for (listed, known) in [
        (&[of_endpoint][..], false),
        (&[of_node], false),
        (&[of_endpoint, of_node], true),
    ] {
        let interfaces = fake::list("networkInterfaceSet", listed);
        let ec2 = Fake::default().answer("DescribeNetworkInterfaces", [interfaces]);
        let (aws, spec) = (ec2.aws(), spec(5432));
        let way = aws.way(&spec).expect("it is registered");
        let observed = way.observed(&endpoint, &balancer).await;
        if known {
            let sources = observed.expect("all is listed").sources;
            let node = "172.31.0.9".parse().expect("an address");
            assert_eq!(sources, Sources::These(BTreeSet::from([node])));
        } else {
            assert!(matches!(observed, Err(Error::NotYet(_))), "{observed:?}");
        }
    }
}

/// What makes the endpoint of a way.
struct Home {
    aws: Aws,
    spec: WaySpec,
}

impl Home {
    async fn made(&self) -> Result<VpcEndpoint, Error> {
        let way = self.aws.way(&self.spec).expect("it is registered");
        let zone = AvailabilityZone::builder().zone_name("eu-west-1a").build();
        let balancer = LoadBalancer::builder().availability_zones(zone).build();
        let service = ServiceConfiguration::builder().build();
        way.endpoint("rp1pz7uyae", &service, &balancer, &Allowed::Everybody)
            .await
    }

    fn looks_are_old(&self) {
        self.aws.regions[fake::REGION].looks.forget_all();
    }
}

/// AWS with a Peering VPC and no endpoint, and this answer to who makes one.
fn with_home(made: Answer) -> (Home, Fake) {
    let of_vpc = fake::tags("vpc/rp1pz7uyae");
    let vpc = format!("<vpcId>vpc-1</vpcId><cidrBlock>10.1.0.0/24</cidrBlock>{of_vpc}");
    let subnet = format!(
        "<subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><availabilityZoneId>euw1-az1</availabilityZoneId>{of_vpc}"
    );
    let group = format!(
        "<groupId>sg-all</groupId><groupName>strait-endpoints</groupName><vpcId>vpc-1</vpcId>{of_vpc}"
    );
    let zone = "<zoneName>eu-west-1a</zoneName><zoneId>euw1-az1</zoneId>";
    let ec2 = Fake::default()
        .answer("DescribeVpcEndpoints", [fake::list("vpcEndpointSet", &[])])
        .answer("DescribeVpcs", [fake::list("vpcSet", &[&vpc])])
        .answer("DescribeSubnets", [fake::list("subnetSet", &[&subnet])])
        .answer(
            "DescribeAvailabilityZones",
            [fake::list("availabilityZoneInfo", &[zone])],
        )
        .answer(
            "DescribeSecurityGroups",
            [fake::list("securityGroupInfo", &[&group])],
        )
        .answer(
            "ModifyVpcEndpointServicePermissions",
            [Answer::Xml("<return>true</return>".to_owned())],
        )
        .answer("CreateVpcEndpoint", [made]);
    let home = Home {
        aws: ec2.aws(),
        spec: spec(5432),
    };
    (home, ec2)
}

fn new_endpoint() -> String {
    endpoint(1, "pendingAcceptance")
}

fn endpoint(number: usize, state: &str) -> String {
    format!(
        "<vpcEndpointId>vpce-{number}</vpcEndpointId><vpcId>vpc-1</vpcId><state>{state}</state><groupSet><item><groupId>sg-all</groupId></item></groupSet>{}",
        tags(&spec(5432))
    )
}

/// Endpoints of one way in these states: `vpce-1` and so on.
fn endpoints(states: &[&str]) -> Answer {
    let numbered = states.iter().enumerate();
    let endpoints: Vec<String> = numbered
        .map(|(index, state)| endpoint(index + 1, state))
        .collect();
    let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
    fake::list("vpcEndpointSet", &endpoints)
}

/// AWS with these endpoints, and this list for their deletion.
fn with_endpoints(states: &[&str], unsuccessful: &str) -> Fake {
    let group = format!(
        "<groupId>sg-all</groupId><groupName>strait-endpoints</groupName><vpcId>vpc-1</vpcId>{}",
        fake::tags("vpc/rp1pz7uyae")
    );
    with_endpoint(unsuccessful)
        .answer("DescribeVpcEndpoints", [endpoints(states)])
        .answer(
            "DescribeSecurityGroups",
            [fake::list("securityGroupInfo", &[&group])],
        )
}

/// The endpoints that were to be deleted.
fn deleted(ec2: &Fake) -> Vec<String> {
    let bodies = ec2.bodies("DeleteVpcEndpoints");
    let pairs = bodies.iter().flat_map(|body| body.split('&'));
    pairs
        .filter_map(|pair| pair.strip_prefix("VpcEndpointId.")?.split_once('='))
        .map(|(_, id)| id.to_owned())
        .collect()
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
