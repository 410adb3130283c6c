//! What a customer needs for one peering connection: generated for its very ids.

use serde_json::json;

use crate::error::PlaneError;
use crate::model::{CustomerGuide, CustomerStep, POSTGRES_PORT, Requester, Vpc};
use crate::store::peerings::Kept;

pub(super) fn for_customer(
    account: String,
    vpc: &Vpc,
    kept: &Kept,
) -> Result<CustomerGuide, PlaneError> {
    let (Some(pcx), Some(vpc_id)) = (&kept.accepter_provisioned_id, &vpc.provisioned_id) else {
        return Err(PlaneError::conflict(format!(
            "peering connection {} has no pcx id yet, so that there is nothing to accept; ask again when its status is PENDING",
            kept.id
        )));
    };
    let requester = Requester {
        account_id: account,
        vpc_id: vpc_id.clone(),
        region_code: vpc.region_code.clone(),
        cidr: vpc.cidr,
        peering_connection_id: pcx.clone(),
    };
    Ok(CustomerGuide {
        steps: steps(&requester, kept),
        undo: undo(&requester, kept),
        iam_policy: iam_policy(&requester, kept),
        requester,
        peer_account_id: kept.peer_account_id.clone(),
        peer_region_code: kept.peer_region_code.clone(),
        peer_vpc_id: kept.peer_vpc_id.clone(),
    })
}

fn steps(requester: &Requester, kept: &Kept) -> Vec<CustomerStep> {
    let Requester {
        account_id,
        vpc_id: provider_vpc,
        region_code: provider_region,
        cidr,
        peering_connection_id: pcx,
    } = requester;
    let (account, vpc) = (&kept.peer_account_id, &kept.peer_vpc_id);
    let aws = |command: &str| format!("aws ec2 {command} --region {}", kept.peer_region_code);
    let to_provider = permission(requester);
    vec![
        CustomerStep {
            id: "check",
            title: "See who asks".to_owned(),
            explanation: format!(
                "In account {account}. The requester must be account {account_id} with {provider_vpc} ({cidr}) in {provider_region}; \
                 accept no other."
            ),
            command: format!(
                "{} --vpc-peering-connection-ids {pcx}",
                aws("describe-vpc-peering-connections")
            ),
            optional: true,
        },
        CustomerStep {
            id: "accept",
            title: "Accept the peering connection".to_owned(),
            explanation: format!(
                "In account {account} and in Region {}: AWS accepts it nowhere else.",
                kept.peer_region_code
            ),
            command: format!("{} --vpc-peering-connection-id {pcx}", aws("accept-vpc-peering-connection")),
            optional: false,
        },
        CustomerStep {
            id: "find-route-table",
            title: "Find the route tables of the subnets that your applications are in".to_owned(),
            explanation: "A subnet without a table of its own uses the main one. Put the id in for ROUTE_TABLE_ID; repeat \
                          the next step for each of several."
                .to_owned(),
            command: format!(
                "{} --filters Name=vpc-id,Values={vpc} --query 'RouteTables[].{{Table:RouteTableId,Subnets:Associations[].SubnetId,Main:Associations[].Main}}'",
                aws("describe-route-tables")
            ),
            optional: true,
        },
        CustomerStep {
            id: "route",
            title: "Add the route to the Peering VPC".to_owned(),
            explanation: format!("Packets to {cidr} take the peering connection. Only the way out is needed: the provider adds the way back."),
            command: format!(
                "{} --route-table-id ROUTE_TABLE_ID --destination-cidr-block {cidr} --vpc-peering-connection-id {pcx}",
                aws("create-route")
            ),
            optional: false,
        },
        CustomerStep {
            id: "create-security-group",
            title: "Make a security group for it, or take one that you have".to_owned(),
            explanation: "Its answer holds the id for SECURITY_GROUP_ID. With a group that your instances have already (the \
                          VPC's default group does), leave this out and put that group's id in. It needs no inbound rule."
                .to_owned(),
            command: format!(
                "{} --group-name strait-{} --description \"PostgreSQL through {pcx}\" --vpc-id {vpc}",
                aws("create-security-group"),
                kept.id
            ),
            optional: true,
        },
        CustomerStep {
            id: "allow",
            title: format!("Allow TCP {POSTGRES_PORT} out to the Peering VPC"),
            explanation: "Give the group to the instances that your applications run on. A group that still has AWS's first \
                          rule (everything out) allows it already; the rule does no harm there."
                .to_owned(),
            command: format!(
                "{} --group-id SECURITY_GROUP_ID --ip-permissions '{to_provider}'",
                aws("authorize-security-group-egress")
            ),
            optional: false,
        },
        CustomerStep {
            id: "narrow",
            title: "Let the new group allow nothing else out".to_owned(),
            explanation: "A new group allows everything out. This takes that rule away; leave it out for a group that other \
                          traffic needs."
                .to_owned(),
            command: format!(
                "{} --group-id SECURITY_GROUP_ID --ip-permissions 'IpProtocol=-1,IpRanges=[{{CidrIp=0.0.0.0/0}}]'",
                aws("revoke-security-group-egress")
            ),
            optional: true,
        },
    ]
}

fn undo(requester: &Requester, kept: &Kept) -> Vec<CustomerStep> {
    let (cidr, pcx) = (requester.cidr, &requester.peering_connection_id);
    let aws = |command: &str| format!("aws ec2 {command} --region {}", kept.peer_region_code);
    vec![
        CustomerStep {
            id: "disallow",
            title: "Take the rule back".to_owned(),
            explanation: "From a group that stays.".to_owned(),
            command: format!(
                "{} --group-id SECURITY_GROUP_ID --ip-permissions '{}'",
                aws("revoke-security-group-egress"),
                permission(requester)
            ),
            optional: true,
        },
        CustomerStep {
            id: "delete-security-group",
            title: "Delete the group that was made for it".to_owned(),
            explanation: "Instances must not have it any more.".to_owned(),
            command: format!("{} --group-id SECURITY_GROUP_ID", aws("delete-security-group")),
            optional: true,
        },
        CustomerStep {
            id: "delete-route",
            title: "Take the route back".to_owned(),
            explanation: "From each table that got it.".to_owned(),
            command: format!(
                "{} --route-table-id ROUTE_TABLE_ID --destination-cidr-block {cidr}",
                aws("delete-route")
            ),
            optional: false,
        },
        CustomerStep {
            id: "delete-peering",
            title: "Delete the peering connection".to_owned(),
            explanation: "Open connections through it end. It cannot be brought back: the provider asks for a new one.".to_owned(),
            command: format!("{} --vpc-peering-connection-id {pcx}", aws("delete-vpc-peering-connection")),
            optional: false,
        },
    ]
}

/// Least privilege for the steps and for taking them back.
fn iam_policy(requester: &Requester, kept: &Kept) -> serde_json::Value {
    let (region, account, vpc) = (
        &kept.peer_region_code,
        &kept.peer_account_id,
        &kept.peer_vpc_id,
    );
    let pcx = &requester.peering_connection_id;
    let arn = |resource: &str| format!("arn:aws:ec2:{region}:{account}:{resource}");
    let in_this_vpc = json!({ "ArnEquals": { "ec2:Vpc": arn(&format!("vpc/{vpc}")) } });
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Look",
                "Effect": "Allow",
                "Action": [
                    "ec2:DescribeRouteTables",
                    "ec2:DescribeSecurityGroupRules",
                    "ec2:DescribeSecurityGroups",
                    "ec2:DescribeSubnets",
                    "ec2:DescribeVpcPeeringConnections",
                    "ec2:DescribeVpcs"
                ],
                "Resource": "*"
            },
            {
                "Sid": "Peer",
                "Effect": "Allow",
                "Action": ["ec2:AcceptVpcPeeringConnection", "ec2:DeleteVpcPeeringConnection"],
                "Resource": [format!("arn:aws:ec2:{region}:*:vpc-peering-connection/{pcx}"), arn(&format!("vpc/{vpc}"))]
            },
            {
                "Sid": "Route",
                "Effect": "Allow",
                "Action": ["ec2:CreateRoute", "ec2:DeleteRoute"],
                "Resource": arn("route-table/*"),
                "Condition": in_this_vpc
            },
            {
                "Sid": "MakeGroup",
                "Effect": "Allow",
                "Action": "ec2:CreateSecurityGroup",
                "Resource": [arn("security-group/*"), arn(&format!("vpc/{vpc}"))]
            },
            {
                "Sid": "ChangeGroup",
                "Effect": "Allow",
                "Action": [
                    "ec2:AuthorizeSecurityGroupEgress",
                    "ec2:DeleteSecurityGroup",
                    "ec2:RevokeSecurityGroupEgress"
                ],
                "Resource": arn("security-group/*"),
                "Condition": in_this_vpc
            }
        ]
    })
}

/// TCP 5432 to the Peering VPC, in the AWS CLI's shorthand.
fn permission(requester: &Requester) -> String {
    format!(
        "IpProtocol=tcp,FromPort={POSTGRES_PORT},ToPort={POSTGRES_PORT},IpRanges=[{{CidrIp={}}}]",
        requester.cidr
    )
}
