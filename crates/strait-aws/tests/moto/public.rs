//! The public way of a service that exists: by its security group, and by RDS.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{IpPermission, IpRange, SecurityGroup};
use aws_sdk_rds::types::DbInstance;
use strait_plane::cloud::{Allowed, CloudError, WayKind, WaySpec};
use strait_plane::model::{PublicWay, Registration};

use crate::world::{REGION, World, eventually, net};

const PORT: i32 = 5432;

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn a_group_that_is_not_open_is_refused_and_not_opened() {
    let world = World::new(60);
    let service = Service::new(&world).await;
    service.allow("10.0.0.0/8").await;
    let (strait, way) = (world.strait().await, service.way(service.group_way()));
    let refused = strait.check_registration(&way).await;
    assert!(
        matches!(&refused, Err(CloudError::Refused { code, .. }) if code == "public_way_not_open"),
        "{refused:?}"
    );
    strait
        .ensure_way(&way, &Allowed::Everybody, None)
        .await
        .expect("it is looked at");
    assert_eq!(service.rules().await, ["10.0.0.0/8"], "nothing was opened");
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn a_close_keeps_private_hosts_let_in_and_a_reopening_brings_back_what_was() {
    let world = World::new(61);
    let service = Service::new(&world).await;
    for range in ["0.0.0.0/0", "172.16.0.0/12"] {
        service.allow(range).await;
    }
    let (strait, way) = (world.strait().await, service.way(service.group_way()));
    strait.check_registration(&way).await.expect("it is open");
    for _again in 0..2 {
        eventually(async || strait.refuse_way(&way).await).await;
        eventually(async || strait.remove_way(&way).await).await;
        let private = [
            "10.0.0.0/8",
            "100.64.0.0/10",
            "172.16.0.0/12",
            "192.168.0.0/16",
        ];
        assert_eq!(service.rules().await, private);
    }
    // Somebody else opens it again, and a server that remembers nothing closes it.
    service.allow("0.0.0.0/0").await;
    let strait = world.strait().await;
    eventually(async || strait.refuse_way(&way).await).await;
    assert!(!service.rules().await.contains(&"0.0.0.0/0".to_owned()));

    for _again in 0..2 {
        eventually(async || strait.reopen_way(&way).await).await;
        assert_eq!(service.rules().await, ["0.0.0.0/0", "172.16.0.0/12"]);
    }
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn a_wider_rule_is_refused_and_left_alone() {
    let world = World::new(62);
    let service = Service::new(&world).await;
    service.allow("0.0.0.0/0").await;
    service.allow("203.0.113.0/24").await;
    let (strait, way) = (world.strait().await, service.way(service.group_way()));
    let checked = strait.check_registration(&way).await;
    assert!(
        matches!(&checked, Err(CloudError::Refused { code, .. }) if code == "public_way_stays_open"),
        "{checked:?}"
    );
    let closed = strait.refuse_way(&way).await;
    assert!(
        matches!(closed, Err(CloudError::Refused { .. })),
        "{closed:?}"
    );
    assert!(service.rules().await.contains(&"203.0.113.0/24".to_owned()));
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn listed_ranges_are_closed_and_come_back_as_they_were() {
    let world = World::new(64);
    let service = Service::new(&world).await;
    let listed = ["198.51.100.0/24", "203.0.113.0/24"];
    service.allow("10.0.0.0/8").await;
    service.allow(listed[0]).await;
    let (strait, way) = (
        world.strait().await,
        service.way(service.group_way_of(&listed)),
    );
    let checked = strait.check_registration(&way).await;
    assert!(
        matches!(&checked, Err(CloudError::Refused { code, .. }) if code == "public_way_not_open"),
        "one of them is not there: {checked:?}"
    );
    service.allow(listed[1]).await;
    let strait = world.strait().await;
    strait.check_registration(&way).await.expect("it is open");
    for _again in 0..2 {
        eventually(async || strait.refuse_way(&way).await).await;
        eventually(async || strait.remove_way(&way).await).await;
        assert_eq!(
            service.rules().await,
            ["10.0.0.0/8"],
            "no private host is let in anew"
        );
    }
    for _again in 0..2 {
        eventually(async || strait.reopen_way(&way).await).await;
        assert_eq!(service.rules().await, ["10.0.0.0/8", listed[0], listed[1]]);
    }
    // What is not listed would stay open.
    service.allow("192.0.2.0/24").await;
    let strait = world.strait().await;
    let checked = strait.check_registration(&way).await;
    assert!(
        matches!(&checked, Err(CloudError::Refused { code, .. }) if code == "public_way_stays_open"),
        "{checked:?}"
    );
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn an_rds_instance_is_made_private_and_public_again() {
    let world = World::new(63);
    let service = Service::new(&world).await;
    let rds = world.provider_rds().await;
    let create = rds
        .create_db_instance()
        .db_instance_identifier("orders")
        .db_instance_class("db.t3.micro")
        .engine("postgres")
        .allocated_storage(20)
        .master_username("postgres")
        .master_user_password("not-a-secret")
        .publicly_accessible(true);
    create.send().await.expect("an instance");
    let is_public = async || {
        let call = rds.describe_db_instances().db_instance_identifier("orders");
        let found = call.send().await.expect("it is listed").db_instances;
        found
            .unwrap_or_default()
            .first()
            .and_then(DbInstance::publicly_accessible)
    };
    let way = service.way(PublicWay::RdsInstance {
        id: "orders".to_owned(),
    });
    let strait = world.strait().await;
    strait.check_registration(&way).await.expect("it is public");
    eventually(async || strait.refuse_way(&way).await).await;
    eventually(async || strait.remove_way(&way).await).await;
    assert_eq!(is_public().await, Some(false));
    let refused = world.strait().await.check_registration(&way).await;
    assert!(
        matches!(&refused, Err(CloudError::Refused { code, .. }) if code == "public_way_not_open"),
        "{refused:?}"
    );
    strait
        .ensure_way(&way, &Allowed::Everybody, None)
        .await
        .expect("it is looked at");
    assert_eq!(is_public().await, Some(false), "nothing was opened");
    eventually(async || strait.reopen_way(&way).await).await;
    assert_eq!(is_public().await, Some(true));
}

/// A VPC with a security group, as an operator has them.
struct Service {
    ec2: Client,
    vpc: String,
    subnet: String,
    group: String,
}

impl Service {
    async fn new(world: &World) -> Self {
        let ec2 = world.provider_ec2().await;
        let made = ec2.create_vpc().cidr_block("172.30.0.0/16").send().await;
        let vpc = made
            .expect("a VPC")
            .vpc
            .and_then(|vpc| vpc.vpc_id)
            .expect("its id");
        let call = ec2.create_subnet().vpc_id(&vpc).cidr_block("172.30.0.0/24");
        let made = call.send().await.expect("a subnet").subnet;
        let subnet = made.and_then(|subnet| subnet.subnet_id).expect("its id");
        let call = ec2
            .create_security_group()
            .vpc_id(&vpc)
            .group_name("postgres");
        let made = call.description("postgres").send().await.expect("a group");
        let group = made.group_id.expect("its id");
        Self {
            ec2,
            vpc,
            subnet,
            group,
        }
    }

    async fn allow(&self, range: &str) {
        let rule = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(PORT)
            .to_port(PORT)
            .ip_ranges(IpRange::builder().cidr_ip(range).build());
        let call = self
            .ec2
            .authorize_security_group_ingress()
            .group_id(&self.group);
        call.ip_permissions(rule.build())
            .send()
            .await
            .expect("a rule");
    }

    /// Whom the group lets in.
    async fn rules(&self) -> Vec<String> {
        let call = self.ec2.describe_security_groups().group_ids(&self.group);
        let groups = call.send().await.expect("the group").security_groups;
        let groups = groups.unwrap_or_default();
        let rules = groups.iter().flat_map(SecurityGroup::ip_permissions);
        let mut ranges: Vec<String> = rules
            .flat_map(IpPermission::ip_ranges)
            .filter_map(|range| range.cidr_ip().map(str::to_owned))
            .collect();
        ranges.sort();
        ranges
    }

    fn group_way(&self) -> PublicWay {
        self.group_way_of(&["0.0.0.0/0"])
    }

    fn group_way_of(&self, ranges: &[&str]) -> PublicWay {
        PublicWay::SecurityGroup {
            group_id: self.group.clone(),
            ranges: ranges.iter().map(|range| net(range)).collect(),
        }
    }

    fn way(&self, public_way: PublicWay) -> WaySpec {
        WaySpec {
            service: "s1".to_owned(),
            region: REGION.to_owned(),
            kind: WayKind::Public,
            registration: Some(Registration {
                host: "172.30.0.10".to_owned(),
                port: 5432,
                found_by: None,
                vpc_id: self.vpc.clone(),
                subnet_ids: BTreeSet::from([self.subnet.clone()]),
                public_way,
                sessions_file: None,
            }),
        }
    }
}
