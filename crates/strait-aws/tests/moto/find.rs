//! Services that are named by what they are.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, LoadBalancerSchemeEnum, LoadBalancerTypeEnum, ProtocolEnum,
    TargetTypeEnum,
};
use strait_plane::cloud::CloudError;
use strait_plane::model::FoundBy;

use crate::world::{REGION, World};

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn an_rds_instance_is_found_where_its_subnet_group_is() {
    let world = World::new(70);
    let (vpc, subnets) = network(&world).await;
    let rds = world.provider_rds().await;
    let call = rds
        .create_db_subnet_group()
        .db_subnet_group_name("orders")
        .db_subnet_group_description("orders")
        .set_subnet_ids(Some(subnets.iter().cloned().collect()));
    call.send().await.expect("a subnet group");
    let create = rds
        .create_db_instance()
        .db_instance_identifier("orders")
        .db_instance_class("db.t3.micro")
        .engine("postgres")
        .allocated_storage(20)
        .port(6432)
        .master_username("postgres")
        .master_user_password("not-a-secret")
        .db_subnet_group_name("orders");
    create.send().await.expect("an instance");

    let strait = world.strait().await;
    let by = |id: &str| FoundBy::RdsInstance { id: id.to_owned() };
    let found = strait.find_service(REGION, &by("orders"), None).await;
    let found = found.expect("it is there");
    assert!(found.host.starts_with("orders."), "{found:?}");
    assert_eq!((found.port, &found.vpc_id), (6432, &vpc));
    assert_eq!(found.subnet_ids, subnets, "they are in two zones");
    let missing = strait.find_service(REGION, &by("carts"), None).await;
    assert!(
        matches!(&missing, Err(CloudError::Refused { code, .. }) if code == "DBInstanceNotFound"),
        "{missing:?}"
    );
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn a_load_balancer_is_found_with_its_listener() {
    let world = World::new(71);
    let (vpc, subnets) = network(&world).await;
    let elb = world.provider_elb().await;
    let call = elb
        .create_load_balancer()
        .name("orders")
        .r#type(LoadBalancerTypeEnum::Network)
        .scheme(LoadBalancerSchemeEnum::Internal)
        .set_subnets(Some(subnets.iter().cloned().collect()));
    let made = call.send().await.expect("a load balancer").load_balancers;
    let balancer = made.unwrap_or_default().into_iter().next().expect("one");
    let arn = balancer.load_balancer_arn().expect("its ARN").to_owned();
    let call = elb
        .create_target_group()
        .name("orders")
        .protocol(ProtocolEnum::Tcp)
        .port(5432)
        .vpc_id(&vpc)
        .target_type(TargetTypeEnum::Ip);
    let made = call.send().await.expect("a target group").target_groups;
    let group = made.unwrap_or_default().into_iter().next().expect("one");
    let forward = Action::builder()
        .r#type(ActionTypeEnum::Forward)
        .set_target_group_arn(group.target_group_arn().map(str::to_owned))
        .build();

    let strait = world.strait().await;
    let by = FoundBy::LoadBalancer { arn: arn.clone() };
    let early = strait.find_service(REGION, &by, None).await;
    assert!(
        matches!(&early, Err(CloudError::Refused { code, .. }) if code == "no_such_listener"),
        "{early:?}"
    );
    let call = elb
        .create_listener()
        .load_balancer_arn(&arn)
        .protocol(ProtocolEnum::Tcp)
        .port(6432)
        .default_actions(forward);
    call.send().await.expect("a listener");
    let found = strait.find_service(REGION, &by, None).await;
    let found = found.expect("it is there");
    assert_eq!(Some(found.host.as_str()), balancer.dns_name());
    assert_eq!((found.port, &found.vpc_id), (6432, &vpc));
    assert_eq!(found.subnet_ids, subnets);

    let by = FoundBy::LoadBalancer {
        arn: arn.replace("orders", "carts"),
    };
    let missing = strait.find_service(REGION, &by, None).await;
    assert!(
        matches!(&missing, Err(CloudError::Refused { code, .. }) if code == "LoadBalancerNotFound"),
        "{missing:?}"
    );
}

/// A VPC of the provider's with a subnet in each of two zones.
async fn network(world: &World) -> (String, BTreeSet<String>) {
    let ec2 = world.provider_ec2().await;
    let made = ec2.create_vpc().cidr_block("172.30.0.0/16").send().await;
    let vpc = made.expect("a VPC").vpc.and_then(|vpc| vpc.vpc_id);
    let vpc = vpc.expect("its id");
    let mut subnets = BTreeSet::new();
    for (zone, range) in [("a", "172.30.0.0/24"), ("b", "172.30.1.0/24")] {
        let call = ec2
            .create_subnet()
            .vpc_id(&vpc)
            .cidr_block(range)
            .availability_zone(format!("{REGION}{zone}"));
        let made = call.send().await.expect("a subnet").subnet;
        subnets.insert(made.and_then(|subnet| subnet.subnet_id).expect("its id"));
    }
    (vpc, subnets)
}
