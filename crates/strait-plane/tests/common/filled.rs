//! Stores that are full of objects, all of them as they were asked to be, and changes in them.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use strait_plane::model::{NewPeering, NewVpc, Object, OperationFilter, Quota, Settled};
use strait_plane::{Keeper, Options, Plane};

use super::steady::Steady;

const REGION: &str = "us-east-1";
const PATIENCE: Duration = Duration::from_secs(60);

/// How many of everything, the operations that are over included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) projects: i32,
    pub(crate) vpcs: i32,
    pub(crate) peerings: i32,
    pub(crate) services: i32,
    pub(crate) operations: i32,
}

impl Size {
    /// So many times as much of everything; each project has as much as before.
    pub(crate) const fn times(self, number: i32) -> Self {
        Self {
            projects: self.projects * number,
            vpcs: self.vpcs * number,
            peerings: self.peerings * number,
            services: self.services * number,
            operations: self.operations * number,
        }
    }
}

/// A plane that has looked at all of such a store once, in an empty database.
pub(crate) async fn plane(pool: PgPool, size: Size, cloud: Steady) -> Plane {
    drop(Keeper::open(pool.clone()).await.expect("tables"));
    fill(&pool, size).await.expect("rows");
    let cloud = Arc::new(cloud);
    let options = Options {
        alone: true,
        ..Options::new("strait.internal".to_owned())
    };
    let plane = Plane::start(pool, cloud.clone(), cloud.clone(), options).await;
    let plane = plane.expect("a plane");
    for quota in [Quota::Vpcs, Quota::PeeringsPerVpc] {
        let set = plane.set_quota("p0", quota, 100).await;
        set.expect("room for changes");
    }
    let all = u64::try_from(size.services + size.vpcs).unwrap_or_default();
    while cloud.looks() < all {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    plane
}

/// What somebody does in the first project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A service goes out of its VPC and into it again.
    Move,
    /// A VPC is made and deleted.
    Vpc,
    /// A customer is asked, and the peering connection deleted.
    Peering,
    /// A VPC gets another name.
    Rename,
    /// A page of everything is listed.
    Pages,
}

impl Deed {
    pub(crate) const ALL: [Self; 5] = [
        Self::Move,
        Self::Vpc,
        Self::Peering,
        Self::Rename,
        Self::Pages,
    ];

    /// Does it, until all is as it was asked to be. The number tells this time from others.
    pub(crate) async fn done(self, plane: &Plane, number: u32) {
        match self {
            Self::Move => moved(plane).await,
            Self::Vpc => vpc(plane).await,
            Self::Peering => peering(plane).await,
            Self::Rename => {
                let name = format!("renamed {number}");
                let renamed = plane.rename_vpc("p0", "1000000", &name).await;
                renamed.expect("renamed");
            }
            Self::Pages => pages(plane).await,
        }
    }
}

async fn moved(plane: &Plane) {
    let service = Object::Service("s0".to_owned());
    let out = plane.detach_service("p0", "s0", None, 0).await;
    out.expect("asked for");
    settled(plane, &service, Settled::Yes).await;
    let back = plane.attach_service("p0", "s0", "1000000", 0).await;
    back.expect("asked for");
    settled(plane, &service, Settled::Yes).await;
}

async fn vpc(plane: &Plane) {
    let new = NewVpc {
        name: None,
        cidr: "10.255.0.0/24".to_owned(),
        region_code: REGION.to_owned(),
    };
    let made = plane.create_vpc("p0", new).await.expect("asked for");
    let object = Object::Vpc(made.id.clone());
    settled(plane, &object, Settled::Yes).await;
    let deleted = plane.delete_vpc("p0", &made.id, false).await;
    deleted.expect("asked for");
    settled(plane, &object, Settled::Gone).await;
}

async fn peering(plane: &Plane) {
    let new = NewPeering {
        peer_account_id: "123456789012".to_owned(),
        peer_vpc_id: "vpc-00000000000000250".to_owned(),
        peer_region_code: REGION.to_owned(),
        ..NewPeering::default()
    };
    let asked = plane.create_peering("p0", "1000000", new).await;
    let id = asked.expect("asked for").id;
    let object = Object::Peering(id.clone());
    settled(plane, &object, Settled::Yes).await;
    let deleted = plane.delete_peering("p0", "1000000", &id).await;
    deleted.expect("asked for");
    settled(plane, &object, Settled::Gone).await;
}

async fn pages(plane: &Plane) {
    let services = plane.list_services("p0").await.expect("services");
    let vpcs = plane.list_vpcs("p0").await.expect("VPCs");
    let peerings = plane.list_peerings("p0", "1000000").await;
    let filter = OperationFilter::default();
    let operations = plane.list_operations("p0", &filter).await;
    let operations = operations.expect("operations");
    let lists = [
        services.len(),
        vpcs.len(),
        peerings.expect("peering connections").len(),
        operations.len(),
    ];
    assert!(lists.iter().all(|length| *length > 0), "{lists:?}");
}

async fn settled(plane: &Plane, object: &Object, wanted: Settled) {
    let settled = plane.settled(object, PATIENCE).await.expect("a wait");
    assert_eq!(settled, wanted, "{object:?}");
}

/// Rows as they are when all is as it was asked to be.
async fn fill(pool: &PgPool, size: Size) -> Result<(), sqlx::Error> {
    let sql = format!(
        "INSERT INTO strait.project (id, name) SELECT 'p' || n, 'project ' || n FROM generate_series(0, {projects} - 1) n;
         INSERT INTO strait.vpc (id, project_id, name, cidr, region_code, provisioned_id, status)
             SELECT 1000000 + n, 'p' || n % {projects}, 'vpc ' || n, ('10.' || n % 250 || '.' || n / 250 || '.0/24')::cidr,
                 '{REGION}', 'vpc-' || 1000000 + n, 'CREATED' FROM generate_series(0, {vpcs} - 1) n;
         INSERT INTO strait.peering (id, vpc_id, peer_account_id, peer_vpc_id, peer_region_code, provisioned_id,
                 accepter_provisioned_id, state, cloud_message, peer_cidrs, admitted_cidrs)
             SELECT 2000000 + n, 1000000 + n % {vpcs}, '123456789012', 'vpc-' || lpad(n::text, 14, '0') || lpad(second::text, 3, '0'),
                 '{REGION}', 'pcx-' || 2000000 + n, 'pcx-' || 2000000 + n, 'active', 'Active', r, r
             FROM generate_series(0, {peerings} - 1) n,
                 LATERAL (SELECT 16 + (n / {vpcs}) % 200 AS second) AS s,
                 LATERAL (SELECT ARRAY['172.' || second || '.0.0/16'] AS r) AS r;
         INSERT INTO strait.service (id, project_id, name, region_code, password_verifier, wanted_vpc, status,
                 current_network, reconciled)
             SELECT 's' || n, 'p' || n % {projects}, 'service ' || n, '{REGION}', 'SCRAM', 1000000 + n % {projects}, 'READY',
                 'vpc:' || 1000000 + n % {projects}, 1
             FROM generate_series(0, {services} - 1) n;
         INSERT INTO strait.way (service_id, network, vpc_id, address, port, provisioned_id)
             SELECT id, current_network, wanted_vpc, '10.0.0.1', 5432, 'vpce-1' FROM strait.service;
         INSERT INTO strait.operation (id, project_id, action, object_kind, object_id, object_name, actor, state, started, ended)
             SELECT 'op-' || n, 'p' || n % {projects}, 'service.rename', 'service', 's' || n % {services}, 'service', 'operator',
                 'succeeded', clock_timestamp(), clock_timestamp()
             FROM generate_series(0, {operations} - 1) n;
         ANALYZE;",
        projects = size.projects, vpcs = size.vpcs, peerings = size.peerings, services = size.services,
        operations = size.operations,
    );
    sqlx::raw_sql(&sql).execute(pool).await.map(drop)
}
