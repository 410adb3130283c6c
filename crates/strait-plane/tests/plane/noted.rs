//! What is noted of a change is what was when it was made, whatever others do at that moment.

use serde_json::{Value, json};
use strait_plane::cloud::PeerState;
use strait_plane::model::{Action, Environment, Quota};
use strait_plane::{ErrorKind, PlaneError};
use tokio::task::JoinHandle;

use crate::world::World;

/// What is changed.
#[derive(Debug, Clone, Copy)]
enum Change {
    ServiceName,
    ServiceEnvironment,
    VpcName,
    PeeringRanges,
    PeeringRequest,
    PeeringEnd,
}

impl Change {
    const ALL: [Self; 6] = [
        Self::ServiceName,
        Self::ServiceEnvironment,
        Self::VpcName,
        Self::PeeringRanges,
        Self::PeeringRequest,
        Self::PeeringEnd,
    ];

    fn action(self) -> Action {
        match self {
            Self::ServiceName => Action::ServiceRename,
            Self::ServiceEnvironment => Action::ServiceEnvironment,
            Self::VpcName => Action::VpcRename,
            Self::PeeringRanges => Action::PeeringRanges,
            Self::PeeringRequest => Action::PeeringRequest,
            Self::PeeringEnd => Action::PeeringDelete,
        }
    }

    fn table(self) -> &'static str {
        match self {
            Self::ServiceName | Self::ServiceEnvironment => "service",
            Self::VpcName => "vpc",
            Self::PeeringRanges | Self::PeeringRequest | Self::PeeringEnd => "peering",
        }
    }

    /// What another one changes meanwhile, and what is noted as it was then.
    fn meanwhile(self) -> (&'static str, Value) {
        let pcx = "provisioned_id = 'pcx-meanwhile'";
        let was = |state: &str| json!({ "state": state, "provisioned_id": "pcx-meanwhile" });
        match self {
            Self::ServiceName | Self::VpcName => {
                ("name = 'meanwhile'", json!({ "name": "meanwhile" }))
            }
            Self::ServiceEnvironment => ("environment = 'PROD'", json!({ "environment": "PROD" })),
            Self::PeeringRanges => (
                "asked_cidrs = '{10.9.0.0/16}'",
                json!({ "peer_cidr_blocks": ["10.9.0.0/16"] }),
            ),
            Self::PeeringRequest => (pcx, was("rejected")),
            Self::PeeringEnd => (pcx, was("pending-acceptance")),
        }
    }
}

#[tokio::test]
async fn what_was_is_what_others_just_made_of_it() {
    let world = World::new().await;
    for change in Change::ALL {
        let (vpc, id) = prepare(&world, change).await;
        let (meanwhile, before) = change.meanwhile();
        let table = change.table();
        let hold = format!("UPDATE strait.{table} SET {meanwhile} WHERE id = $1");
        let held = world.holding(&hold, &id).await;
        let asked = spawn(&world, change, &vpc, &id);
        world.wait_at_locks(1).await;
        held.commit().await.expect("changed");
        asked.await.expect("no panic").expect("done");
        assert_eq!(noted(&world, change, &id).await, [before], "{change:?}");
    }
}

#[tokio::test]
async fn nothing_is_noted_of_what_is_just_gone() {
    let world = World::new().await;
    for change in Change::ALL {
        let (vpc, id) = prepare(&world, change).await;
        let hold = format!("DELETE FROM strait.{} WHERE id = $1", change.table());
        let held = world.holding(&hold, &id).await;
        let asked = spawn(&world, change, &vpc, &id);
        world.wait_at_locks(1).await;
        held.commit().await.expect("gone");
        let refused = asked.await.expect("no panic").expect_err("it is gone");
        assert_eq!(refused.kind(), ErrorKind::NotFound, "{change:?}: {refused}");
        let none: [Value; 0] = [];
        assert_eq!(noted(&world, change, &id).await, none, "{change:?}");
    }
}

#[tokio::test]
async fn ranges_that_others_just_asked_for_are_no_change() {
    let world = World::new().await;
    for (meanwhile, times) in [("10.1.0.0/16", 0), ("10.2.0.0/16", 1)] {
        let (vpc, id) = prepare(&world, Change::PeeringRanges).await;
        let hold =
            format!("UPDATE strait.peering SET asked_cidrs = '{{{meanwhile}}}' WHERE id = $1");
        let held = world.holding(&hold, &id).await;
        let asked = spawn(&world, Change::PeeringRanges, &vpc, &id);
        world.wait_at_locks(1).await;
        held.commit().await.expect("changed");
        asked.await.expect("no panic").expect("done");
        let noted = noted(&world, Change::PeeringRanges, &id).await;
        assert_eq!(noted.len(), times, "{noted:?}");
    }
}

/// Something that can be changed so: a Peering VPC, and the id of what is changed.
async fn prepare(world: &World, change: Change) -> (String, String) {
    let (id, vpc) = match change {
        Change::ServiceName | Change::ServiceEnvironment => {
            return (String::new(), world.service().await.service_id);
        }
        Change::VpcName => {
            let vpc = another_vpc(world).await;
            (vpc.clone(), vpc)
        }
        Change::PeeringRanges | Change::PeeringRequest | Change::PeeringEnd => {
            let vpc = another_vpc(world).await;
            let peering = world.peering(&vpc, "vpc-0123456789abcdef0").await;
            (peering.id, vpc)
        }
    };
    if matches!(change, Change::PeeringRequest) {
        world.cloud.customer(&id, |observed| {
            observed.state = PeerState::Rejected;
        });
        let is_over = async || world.peering_state(&vpc, &id).await.has_ended();
        world.eventually("it is rejected", is_over).await;
    }
    (vpc, id)
}

async fn another_vpc(world: &World) -> String {
    let limit = world.plane.set_quota(&world.project, Quota::Vpcs, 20).await;
    limit.expect("set");
    let number = world.cloud.made() % 200;
    world.vpc(&format!("10.{number}.0.0/24")).await.id
}

fn spawn(world: &World, change: Change, vpc: &str, id: &str) -> JoinHandle<Result<(), PlaneError>> {
    let plane = world.plane.clone();
    let (project, vpc, id) = (world.project.clone(), vpc.to_owned(), id.to_owned());
    tokio::spawn(async move {
        let (project, vpc, id) = (project.as_str(), vpc.as_str(), id.as_str());
        match change {
            Change::ServiceName => plane.rename_service(project, id, "asked").await.map(drop),
            Change::ServiceEnvironment => {
                let asked = plane.set_service_environment(project, id, Environment::Dev);
                asked.await.map(drop)
            }
            Change::VpcName => plane.rename_vpc(project, id, "asked").await.map(drop),
            Change::PeeringRanges => {
                let ranges = ["10.1.0.0/16".to_owned()];
                let asked = plane.set_peering_ranges(project, vpc, id, &ranges);
                asked.await.map(drop)
            }
            Change::PeeringRequest => plane.request_peering(project, vpc, id).await.map(drop),
            Change::PeeringEnd => plane.delete_peering(project, vpc, id).await.map(drop),
        }
    })
}

/// What was before each such change of this object, as it is noted.
async fn noted(world: &World, change: Change, id: &str) -> Vec<Value> {
    sqlx::query_scalar(
        "SELECT before FROM strait.operation WHERE object_id = $1 AND action = $2 ORDER BY number",
    )
    .bind(id)
    .bind(change.action().as_str())
    .fetch_all(&world.pool)
    .await
    .expect("operations")
}
