//! What a customer is told to do for one peering connection.

use std::collections::BTreeSet;

use crate::world::{REGION, World};

/// What the customer's administrator needs beside the commands, to choose subnets, groups and rules. `strait-aws` says the same of
/// the policy for all peering connections (`tests/policy.rs`).
const TO_CHOOSE: [&str; 4] = [
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
];

#[tokio::test]
async fn the_customer_is_told_the_commands_for_this_very_peering() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let peering = world.peering(&vpc.id, "vpc-0123456789abcdef0").await;
    let pcx = peering.provisioned_id.clone().expect("an id");

    let guide = world
        .plane
        .customer_steps(&world.project, &vpc.id, &peering.id)
        .await
        .expect("a guide");

    assert_eq!(guide.requester.account_id, "999999999999");
    assert_eq!(Some(&guide.requester.vpc_id), vpc.provisioned_id.as_ref());
    assert_eq!(guide.requester.cidr, vpc.cidr);
    assert_eq!(guide.requester.peering_connection_id, pcx);
    let command = |id: &str| {
        let step = guide
            .steps
            .iter()
            .chain(&guide.undo)
            .find(|step| step.id == id);
        step.expect(id).command.clone()
    };
    assert_eq!(
        command("accept"),
        format!(
            "aws ec2 accept-vpc-peering-connection --region {REGION} --vpc-peering-connection-id {pcx}"
        )
    );
    assert_eq!(
        command("route"),
        format!(
            "aws ec2 create-route --region {REGION} --route-table-id ROUTE_TABLE_ID --destination-cidr-block 10.0.0.0/24 --vpc-peering-connection-id {pcx}"
        )
    );
    assert_eq!(
        command("allow"),
        format!(
            "aws ec2 authorize-security-group-egress --region {REGION} --group-id SECURITY_GROUP_ID --ip-permissions 'IpProtocol=tcp,FromPort=5432,ToPort=5432,IpRanges=[{{CidrIp=10.0.0.0/24}}]'"
        )
    );
    let told = guide.steps.iter().chain(&guide.undo).map(|step| {
        let verb = step.command.split(' ').nth(2).expect("aws ec2 VERB");
        format!("ec2:{}", camel(verb))
    });
    let wanted: BTreeSet<String> = told.chain(TO_CHOOSE.map(str::to_owned)).collect();
    assert_eq!(actions(&guide.iam_policy), wanted);
}

/// All actions of an IAM policy.
fn actions(policy: &serde_json::Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().expect("statements");
    statements
        .iter()
        .flat_map(|statement| {
            let action = &statement["Action"];
            action
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![action.clone()])
        })
        .map(|action| action.as_str().expect("a string").to_owned())
        .collect()
}

/// `accept-vpc-peering-connection` as `AcceptVpcPeeringConnection`.
fn camel(verb: &str) -> String {
    verb.split('-')
        .map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]))
        .collect()
}
