//! A plane with a project in it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Postgres, Transaction};
use strait_plane::model::{
    NewPeering, NewService, NewVpc, Object, Operation, Peering, PeeringState, Service, Settled, Vpc,
};
use strait_plane::postgres::Origin;
use strait_plane::{Options, Plane, PlaneError};

use crate::common::cloud::FakeCloud;
use crate::common::database;
use crate::common::postgres::FakePostgres;
use crate::common::script::Script;

pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const DOMAIN: &str = "strait.internal";
/// Longer than anything here takes, even on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) script: Arc<Script>,
    pub(crate) cloud: Arc<FakeCloud>,
    pub(crate) postgres: Arc<FakePostgres>,
    pub(crate) plane: Plane,
    pub(crate) project: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Origin::Made).await
    }

    /// One whose services exist already.
    pub(crate) async fn with_registered() -> Self {
        Self::with(Origin::Registered).await
    }

    async fn with(origin: Origin) -> Self {
        let pool = database::database().await;
        let script = Script::new();
        let cloud = FakeCloud::new(Arc::clone(&script));
        let postgres = FakePostgres::new(Arc::clone(&script), origin);
        let plane = start(&pool, &cloud, &postgres, alone()).await;
        let project = plane.create_project("test").await.expect("a project").id;
        Self {
            pool,
            script,
            cloud,
            postgres,
            plane,
            project,
        }
    }

    /// Another server on the same store, in front of the same cloud.
    pub(crate) async fn new_on(other: &Self) -> Self {
        other.place().start().await
    }

    /// Where another server can be started, in another runtime for instance.
    pub(crate) fn place(&self) -> Place {
        Place {
            store: self.pool.connect_options().as_ref().clone(),
            script: Arc::clone(&self.script),
            cloud: Arc::clone(&self.cloud),
            postgres: Arc::clone(&self.postgres),
            project: self.project.clone(),
        }
    }

    /// Kills the plane where it is and starts another one.
    pub(crate) async fn restart(self) -> Self {
        drop(self.plane);
        let pool = another_pool(&self.pool).await;
        let plane = start(&pool, &self.cloud, &self.postgres, alone()).await;
        Self {
            pool,
            plane,
            ..self
        }
    }

    pub(crate) async fn vpc(&self, cidr: &str) -> Vpc {
        let vpc = self.try_vpc(cidr).await.expect("a VPC");
        self.settle(Object::Vpc(vpc.id.clone()), Settled::Yes).await;
        self.plane
            .vpc(&self.project, &vpc.id)
            .await
            .expect("the VPC")
    }

    pub(crate) async fn try_vpc(&self, cidr: &str) -> Result<Vpc, PlaneError> {
        let new = NewVpc {
            name: None,
            cidr: cidr.to_owned(),
            region_code: REGION.to_owned(),
        };
        self.plane.create_vpc(&self.project, new).await
    }

    pub(crate) async fn service(&self) -> Service {
        let new = NewService {
            name: None,
            region_code: REGION.to_owned(),
            vpc: None,
            ..NewService::default()
        };
        let service = self
            .plane
            .create_service(&self.project, new)
            .await
            .expect("a service")
            .service;
        self.settle_service(&service.service_id).await
    }

    pub(crate) async fn settle_service(&self, id: &str) -> Service {
        self.settle(Object::Service(id.to_owned()), Settled::Yes)
            .await;
        self.get(id).await
    }

    pub(crate) async fn get(&self, service: &str) -> Service {
        self.plane
            .service(&self.project, service)
            .await
            .expect("the service")
    }

    pub(crate) async fn settle(&self, object: Object, expected: Settled) {
        let settled = self.plane.settled(&object, PATIENCE).await.expect("a wait");
        assert_eq!(
            settled,
            expected,
            "{object:?}\nafter {:#?}",
            self.script.log()
        );
    }

    /// A peering connection that waits for its customer.
    pub(crate) async fn peering(&self, vpc: &str, peer_vpc: &str) -> Peering {
        let new = NewPeering {
            peer_account_id: "123456789012".to_owned(),
            peer_vpc_id: peer_vpc.to_owned(),
            peer_region_code: REGION.to_owned(),
            ..NewPeering::default()
        };
        let asked = self.plane.create_peering(&self.project, vpc, new).await;
        self.settled_peering(vpc, &asked.expect("asked for").id)
            .await
    }

    /// A peering connection once it is as it was wished: the answer to a wish waits two seconds for that, and a loaded machine may
    /// take longer.
    pub(crate) async fn settled_peering(&self, vpc: &str, id: &str) -> Peering {
        let object = Object::Peering(id.to_owned());
        self.settle(object, Settled::Yes).await;
        let found = self.plane.peering(&self.project, vpc, id).await;
        found.expect("the peering connection")
    }

    pub(crate) async fn peering_state(&self, vpc: &str, peering: &str) -> PeeringState {
        let found = self.plane.peering(&self.project, vpc, peering).await;
        found.expect("the peering connection").state
    }

    /// The operation when it is over.
    pub(crate) async fn ended(&self, id: Option<String>) -> Operation {
        let id = id.expect("an operation");
        let operation = self
            .plane
            .operation_ended(&self.project, &id, PATIENCE)
            .await
            .expect("it is kept");
        assert!(
            operation.state.has_ended(),
            "{operation:#?}\nafter {:#?}",
            self.script.log()
        );
        operation
    }

    /// The calls that name this, in order, shortened to their first word and what follows the id.
    pub(crate) fn calls(&self, id: &str) -> Vec<String> {
        self.script
            .log()
            .into_iter()
            .filter(|call| call.contains(id) || call == "publish_names")
            .map(|call| call.replace(&format!(" {id}"), ""))
            .collect()
    }

    /// A transaction that did this to the row of that id, and has its lock.
    pub(crate) async fn holding(&self, sql: &str, id: &str) -> Transaction<'static, Postgres> {
        let mut tx = self.pool.begin().await.expect("a transaction");
        sqlx::query(sql)
            .bind(id)
            .execute(&mut *tx)
            .await
            .expect("the lock");
        tx
    }

    /// Waits until so many changes wait for others' locks.
    pub(crate) async fn wait_at_locks(&self, changes: i64) {
        let waiting = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        self.eventually(&format!("{changes} wait"), async || {
            let waiting: i64 = sqlx::query_scalar(waiting)
                .fetch_one(&self.pool)
                .await
                .expect("a count");
            waiting >= changes
        })
        .await;
    }

    /// Waits for something that nobody tells of.
    pub(crate) async fn eventually(&self, what: &str, mut look: impl AsyncFnMut() -> bool) {
        let end = tokio::time::Instant::now() + PATIENCE;
        while !look().await {
            assert!(
                tokio::time::Instant::now() < end,
                "never: {what}\nafter {:#?}",
                self.script.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A store, and what is in front of it.
pub(crate) struct Place {
    store: PgConnectOptions,
    pub(crate) script: Arc<Script>,
    cloud: Arc<FakeCloud>,
    postgres: Arc<FakePostgres>,
    project: String,
}

impl Place {
    /// Another server, among others.
    pub(crate) async fn start(self) -> World {
        let pool = PgPoolOptions::new().max_connections(10);
        let pool = pool.connect_with(self.store).await.expect("a pool");
        let plane = start(&pool, &self.cloud, &self.postgres, among_others()).await;
        World {
            pool,
            script: self.script,
            cloud: self.cloud,
            postgres: self.postgres,
            plane,
            project: self.project,
        }
    }
}

/// A server among others: a killed one's leases pass on by themselves.
pub(crate) fn among_others() -> Options {
    Options::new(DOMAIN.to_owned())
}

/// The only server, which need not wait for the leases of one that was killed.
fn alone() -> Options {
    Options {
        alone: true,
        ..among_others()
    }
}

async fn start(
    pool: &PgPool,
    cloud: &Arc<FakeCloud>,
    postgres: &Arc<FakePostgres>,
    options: Options,
) -> Plane {
    Plane::start(
        pool.clone(),
        Arc::clone(cloud) as _,
        Arc::clone(postgres) as _,
        options,
    )
    .await
    .expect("a plane")
}

/// Another pool on the same database, as another server has.
pub(crate) async fn another_pool(pool: &PgPool) -> PgPool {
    PgPoolOptions::new()
        .max_connections(10)
        .connect_with(pool.connect_options().as_ref().clone())
        .await
        .expect("a pool")
}
