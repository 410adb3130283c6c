//! What changes cost, and what doing nothing costs, in a store with one project and in one with a hundred like it: 300 VPCs, 5,000
//! peering connections, 1,000 services. The cloud and the services only pretend. Fails where thousands cost more than they may.

#[path = "../tests/common/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
mod common;

use std::ops::Range;
use std::time::{Duration, Instant};

use common::database;
use common::filled::{self, Deed, Size};
use common::steady::Steady;
use strait_plane::Plane;

const FEW: Size = Size {
    projects: 1,
    vpcs: 3,
    peerings: 50,
    services: 10,
    operations: 200,
};
const TIMES: i32 = 100;
/// How often each deed is timed in each store, in turns, so that whatever else the machine does is between both; and in how many
/// parts.
const TURNS: u32 = 125;
const PARTS: usize = 5;
/// How long each is watched doing nothing: a round at least.
const IDLE: [Duration; 2] = [Duration::from_secs(125), Duration::from_secs(540)];
/// How many times as long a deed may take among thousands, and what doing nothing may cost, in percent of a core.
const SLOWER: f64 = 1.25;
const IDLY: f64 = 1.0;

#[tokio::main]
async fn main() {
    let few = start("few", FEW).await;
    let mut faults = idle("few", IDLE[0]).await;
    let thousands = start("thousands", FEW.times(TIMES)).await;
    for deed in Deed::ALL {
        faults.extend(compared(deed, &few, &thousands).await);
    }
    few.shutdown().await;
    faults.extend(idle("thousands", IDLE[1]).await);
    thousands.shutdown().await;
    assert!(faults.is_empty(), "{}", faults.join("; "));
}

async fn start(name: &str, size: Size) -> Plane {
    let started = Instant::now();
    let plane = filled::plane(database::database().await, size, Steady::default()).await;
    println!(
        "{name}: filled, and looked at everything, in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    plane
}

async fn idle(name: &str, time: Duration) -> Vec<String> {
    let before = cpu();
    tokio::time::sleep(time).await;
    let spent = (cpu() - before).as_secs_f64() / time.as_secs_f64() * 100.0;
    let told = format!("{name}: doing nothing costs {spent:.2} % of a core, PostgreSQL included");
    println!("{told}");
    (spent > IDLY).then_some(told).into_iter().collect()
}

async fn compared(deed: Deed, few: &Plane, thousands: &Plane) -> Vec<String> {
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..TURNS {
        for (plane, times) in [few, thousands].into_iter().zip(&mut times) {
            let start = Instant::now();
            deed.done(plane, number).await;
            times.push(start.elapsed());
        }
    }
    let ratio = |part: Range<usize>| {
        let [few, many] = [&times[0], &times[1]].map(|times| median(&times[part.clone()]));
        many / few
    };
    let all = times[0].len();
    let size = all / PARTS;
    let mut parts: Vec<f64> = (0..PARTS)
        .map(|part| ratio(part * size..(part + 1) * size))
        .collect();
    parts.sort_by(f64::total_cmp);
    let whole = ratio(0..all);
    let told = format!(
        "{deed:?}: {:.2} ms with few and {:.2} ms with thousands (medians of {TURNS}): {whole:.2} times, {:.2} to {:.2} in {PARTS} parts",
        median(&times[0]) * 1e3,
        median(&times[1]) * 1e3,
        parts[0],
        parts[PARTS - 1],
    );
    println!("{told}");
    (whole > SLOWER).then_some(told).into_iter().collect()
}

/// In seconds.
fn median(times: &[Duration]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2].as_secs_f64()
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
