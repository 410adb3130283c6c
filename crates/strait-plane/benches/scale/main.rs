//! What a change costs, and what doing nothing costs, in a store with ten objects and in one with thousands: 100 projects,
//! 300 VPCs, 5,000 peering connections, 1,000 services. The cloud and the services only pretend.

#[path = "../../tests/common/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
mod common;
mod steady;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::database;
use sqlx::PgPool;
use strait_plane::model::{Object, Settled};
use strait_plane::{Options, Plane};

use steady::Steady;

/// How many of everything.
#[derive(Clone, Copy)]
struct Size {
    projects: i32,
    vpcs: i32,
    peerings: i32,
    services: i32,
}

const SMALL: Size = Size {
    projects: 1,
    vpcs: 3,
    peerings: 10,
    services: 10,
};
const LARGE: Size = Size {
    projects: 100,
    vpcs: 300,
    peerings: 5000,
    services: 1000,
};
/// How many moves of each are timed, in turns, so that whatever else the machine does is between both; and in how many parts.
const MOVES: usize = 250;
const PARTS: usize = 5;
/// How long each is watched doing nothing: a round at least.
const IDLE: [Duration; 2] = [Duration::from_secs(125), Duration::from_secs(530)];

#[tokio::main]
async fn main() {
    let ten = Watched::start("ten", SMALL).await;
    ten.idle(IDLE[0]).await;
    let thousands = Watched::start("thousands", LARGE).await;
    compare_moves(&ten.plane, &thousands.plane).await;
    ten.plane.shutdown().await;
    thousands.idle(IDLE[1]).await;
    thousands.plane.shutdown().await;
}

/// A plane that has looked at all of a store.
struct Watched {
    name: &'static str,
    plane: Plane,
}

impl Watched {
    async fn start(name: &'static str, size: Size) -> Self {
        let pool = database::database().await;
        drop(
            strait_plane::Keeper::open(pool.clone())
                .await
                .expect("tables"),
        );
        fill(&pool, size).await.expect("rows");
        let cloud = Arc::new(Steady::default());
        let options = Options {
            alone: true,
            ..Options::new("strait.internal".to_owned())
        };
        let started = Instant::now();
        let plane = Plane::start(pool, cloud.clone(), cloud.clone(), options)
            .await
            .expect("a plane");
        settle_all(&plane, &cloud, size).await;
        println!(
            "{name}: looked at everything in {:.1} s after its start",
            started.elapsed().as_secs_f64()
        );
        Self { name, plane }
    }

    async fn idle(&self, time: Duration) {
        let before = cpu();
        tokio::time::sleep(time).await;
        let spent = cpu() - before;
        println!(
            "{}: doing nothing costs {:.2} % of a core, PostgreSQL included",
            self.name,
            spent.as_secs_f64() / time.as_secs_f64() * 100.0
        );
    }
}

async fn compare_moves(ten: &Plane, thousands: &Plane) {
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..MOVES {
        times[0].push(a_move(ten, number).await);
        times[1].push(a_move(thousands, number).await);
    }
    let ratio = |times: &[Vec<Duration>], part: std::ops::Range<usize>| {
        let [few, many] = [&times[0], &times[1]].map(|times| median(&times[part.clone()]));
        many.as_secs_f64() / few.as_secs_f64()
    };
    let size = MOVES / PARTS;
    let mut parts: Vec<f64> = (0..PARTS)
        .map(|part| ratio(&times, part * size..(part + 1) * size))
        .collect();
    parts.sort_by(f64::total_cmp);
    println!(
        "a move takes {:.2} ms with ten and {:.2} ms with thousands (medians of {MOVES}): {:.2} times, {:.2} to {:.2} in {PARTS} parts",
        median(&times[0]).as_secs_f64() * 1e3,
        median(&times[1]).as_secs_f64() * 1e3,
        ratio(&times, 0..MOVES),
        parts[0],
        parts[PARTS - 1],
    );
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

/// Rows as they are when all is as it was asked to be.
async fn fill(pool: &PgPool, size: Size) -> Result<(), sqlx::Error> {
    let sql = format!(
        "INSERT INTO strait.project (id, name) SELECT 'p' || n, 'project ' || n FROM generate_series(0, {projects} - 1) n;
         INSERT INTO strait.vpc (id, project_id, name, cidr, region_code, provisioned_id, status)
             SELECT 1000000 + n, 'p' || n % {projects}, 'vpc ' || n, ('10.' || n % 250 || '.' || n / 250 || '.0/24')::cidr,
                 'us-east-1', 'vpc-' || 1000000 + n, 'CREATED' FROM generate_series(0, {vpcs} - 1) n;
         INSERT INTO strait.peering (id, vpc_id, peer_account_id, peer_vpc_id, peer_region_code, provisioned_id,
                 accepter_provisioned_id, state, cloud_message, peer_cidrs, admitted_cidrs)
             SELECT 2000000 + n, 1000000 + n % {vpcs}, '123456789012', 'vpc-' || n || '-' || second, 'us-east-1',
                 'pcx-' || 2000000 + n,
                 'pcx-' || 2000000 + n, 'active', 'Active', r, r
             FROM generate_series(0, {peerings} - 1) n,
                 LATERAL (SELECT 16 + (n / {vpcs}) % 200 AS second) AS s,
                 LATERAL (SELECT ARRAY['172.' || second || '.0.0/16'] AS r) AS r;
         INSERT INTO strait.service (id, project_id, name, region_code, password_verifier, wanted_vpc, status,
                 current_network, reconciled)
             SELECT 's' || n, 'p' || n % {projects}, 'service ' || n, 'us-east-1', 'SCRAM', 1000000 + n % {projects}, 'READY',
                 'vpc:' || 1000000 + n % {projects}, 1
             FROM generate_series(0, {services} - 1) n;
         INSERT INTO strait.way (service_id, network, vpc_id, address, port, provisioned_id)
             SELECT id, current_network, wanted_vpc, '10.0.0.1', 5432, 'vpce-1' FROM strait.service;
         ANALYZE;",
        projects = size.projects, vpcs = size.vpcs, peerings = size.peerings, services = size.services,
    );
    sqlx::raw_sql(&sql).execute(pool).await.map(drop)
}

/// Returns when each object was looked at once.
async fn settle_all(plane: &Plane, cloud: &Steady, size: Size) {
    let all = u64::try_from(size.services + size.vpcs).unwrap_or_default();
    while cloud.looks() < all {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(plane.list_services("p0").await);
}

/// Out of its VPC and into it, in turns.
async fn a_move(plane: &Plane, number: usize) -> Duration {
    let start = Instant::now();
    let asked = match number % 2 {
        0 => plane.detach_service("p0", "s0", None, 0).await,
        _ => plane.attach_service("p0", "s0", "1000000", 0).await,
    };
    let id = asked.expect("asked for").service_id;
    let settled = plane
        .settled(&Object::Service(id), Duration::from_secs(30))
        .await;
    assert_eq!(settled.expect("a wait"), Settled::Yes);
    start.elapsed()
}

/// What this process and its PostgreSQL have used.
fn cpu() -> Duration {
    let own = std::process::id();
    let mut ticks = 0;
    for entry in std::fs::read_dir("/proc").expect("Linux").flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let Some((head, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let is_ours = head.starts_with(&format!("{own} ")) || is_below(own, fields[1]);
        if is_ours {
            // User, system, and those of children that have ended.
            ticks += fields[11..15]
                .iter()
                .filter_map(|text| text.parse::<u64>().ok())
                .sum::<u64>();
        }
    }
    Duration::from_millis(ticks * 10)
}

/// Whether the process with this parent is a descendant.
fn is_below(own: u32, parent: &str) -> bool {
    let mut parent = parent.to_owned();
    for _ in 0..16 {
        if parent == own.to_string() {
            return true;
        }
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{parent}/stat")) else {
            return false;
        };
        let Some((_, rest)) = stat.rsplit_once(')') else {
            return false;
        };
        parent = rest.split_whitespace().nth(1).unwrap_or("0").to_owned();
    }
    false
}
