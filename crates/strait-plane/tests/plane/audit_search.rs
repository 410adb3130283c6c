//! The audit searched, paged, and read on: nothing is missed, and nobody is in others' way.

use std::time::{Duration, Instant};

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use strait_plane::ErrorKind;
use strait_plane::model::{AuditFilter, AuditOutcome, AuditPage, Audited, PageSize};

use crate::world::World;

#[tokio::test]
async fn it_is_searched_and_paged() {
    let world = World::new().await;
    let sql = "INSERT INTO strait.audit (actor, actor_name, action, project_id, object_id, object_name, outcome, at, message)
        SELECT 'user:u' || n % 2, 'U' || n % 2, CASE n % 2 WHEN 0 THEN 'key.create' ELSE 'keys' END, 'p' || n % 5, 'o' || n, 'name' || n,
            CASE n % 3 WHEN 0 THEN 'refused' ELSE 'done' END, '2026-01-01'::timestamptz + n * interval '1 hour', 'Word-' || n
        FROM generate_series(1, 30) n";
    sqlx::raw_sql(sql).execute(&world.pool).await.expect("rows");
    let some = |text: &str| Some(text.to_owned());
    let at = |hour: i64| {
        "2026-01-01T00:00:00Z"
            .parse()
            .ok()
            .map(|from: Timestamp| from + SignedDuration::from_hours(hour))
    };
    let none = AuditFilter {
        since: at(0),
        until: at(100),
        ..AuditFilter::default()
    };
    for (filter, count) in [
        (none.clone(), 30),
        (
            AuditFilter {
                actor: some("u1"),
                ..none.clone()
            },
            15,
        ),
        (
            AuditFilter {
                actor: some("user:u1"),
                ..none.clone()
            },
            15,
        ),
        (
            AuditFilter {
                actor: some("U1"),
                ..none.clone()
            },
            15,
        ),
        (
            AuditFilter {
                actor: some("u"),
                ..none.clone()
            },
            0,
        ),
        (
            AuditFilter {
                action: some("key"),
                ..none.clone()
            },
            15,
        ),
        (
            AuditFilter {
                action: some("key.create"),
                ..none.clone()
            },
            15,
        ),
        (
            AuditFilter {
                project: some("p3"),
                ..none.clone()
            },
            6,
        ),
        (
            AuditFilter {
                object: some("o7"),
                ..none.clone()
            },
            1,
        ),
        (
            AuditFilter {
                object: some("name7"),
                ..none.clone()
            },
            1,
        ),
        (
            AuditFilter {
                outcomes: vec![AuditOutcome::Refused],
                ..none.clone()
            },
            10,
        ),
        (
            AuditFilter {
                outcomes: vec![AuditOutcome::Refused, AuditOutcome::Done],
                ..none.clone()
            },
            30,
        ),
        (
            AuditFilter {
                since: at(10),
                until: at(20),
                ..none.clone()
            },
            10,
        ),
        (
            AuditFilter {
                text: some("wORD-1"),
                ..none.clone()
            },
            11,
        ),
        (
            AuditFilter {
                text: some("50%"),
                ..none.clone()
            },
            0,
        ),
        (
            AuditFilter {
                project: some("p3"),
                actor: some("u1"),
                text: some("word-3"),
                ..none.clone()
            },
            1,
        ),
    ] {
        assert_eq!(world.audit(&filter).await.len(), count, "{filter:?}");
    }

    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = AuditPage {
            before,
            limit: PageSize::of::<7>(),
        };
        let found = world.plane.audit(&none, page).await.expect("a page");
        let Some(last) = found.last() else { break };
        before = Some(last.id);
        assert!(found.len() <= 7);
        seen.extend(found.into_iter().map(|entry| entry.id));
    }
    let mut sorted = seen.clone();
    sorted.sort_by(|a, b| b.cmp(a));
    sorted.dedup();
    assert_eq!((seen.len(), &seen), (30, &sorted));
}

#[tokio::test]
async fn who_reads_on_misses_nothing_that_is_committed_late() {
    let world = World::new().await;
    let newest = AuditPage {
        before: None,
        limit: PageSize::of::<1>(),
    };
    let all = AuditFilter::default();
    let last = world.plane.audit(&all, newest).await.expect("the audit");
    let from = last.first().expect("one").id;
    // Somebody's long batch in the same PostgreSQL, and a change that is committed late.
    let mut batch = world.pool.begin().await.expect("begun");
    let number = sqlx::query("SELECT pg_current_xact_id()");
    number.execute(&mut *batch).await.expect("it writes");
    let mut late = world.pool.begin().await.expect("begun");
    let change = format!(
        "UPDATE strait.project SET name = 'late' WHERE id = '{}'",
        world.project
    );
    let twice = format!("SAVEPOINT a; {change}; ROLLBACK TO a; {change}");
    sqlx::raw_sql(&twice)
        .execute(&mut *late)
        .await
        .expect("changed");
    world.plane.create_project("soon").await.expect("made");

    let read = world.read_on(from).await;
    assert_eq!(
        actions(&read),
        Vec::<&str>::new(),
        "others may come before it"
    );
    let seen = world.plane.audit(&all, newest).await.expect("the audit");
    assert_eq!(actions(&seen), ["project.create"], "a list shows it");
    late.commit().await.expect("committed");
    let read = world.read_on(from).await;
    assert_eq!(actions(&read), ["project.change", "project.create"]);
    // Of the batch, which writes nothing here, nothing is waited for.
    let to = read.last().expect("one").id;
    world.plane.create_project("later").await.expect("made");
    assert_eq!(actions(&world.read_on(to).await), ["project.create"]);
    batch.rollback().await.expect("rolled back");
}

#[tokio::test]
async fn searches_leave_connections_to_others() {
    let world = World::new().await;
    let mut lock = world.pool.begin().await.expect("begun");
    let locked = sqlx::query("LOCK TABLE strait.audit IN ACCESS EXCLUSIVE MODE");
    locked.execute(&mut *lock).await.expect("locked");
    let filter = AuditFilter {
        text: Some("orders".to_owned()),
        ..AuditFilter::default()
    };
    let page = AuditPage {
        before: None,
        limit: PageSize::of::<10>(),
    };
    let searches = join_all((0..20).map(|_| world.plane.audit(&filter, page)));
    let others = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let asked = world.plane.list_projects();
        let answered = tokio::time::timeout(Duration::from_secs(2), asked).await;
        let projects = answered.expect("there is a connection").expect("projects");
        assert_eq!(projects.len(), 1);
    };
    let (found, ()) = tokio::join!(searches, others);
    lock.rollback().await.expect("given back");
    // Those that had a turn were given up, the others had none.
    let kinds = found
        .iter()
        .map(|found| found.as_ref().map_err(strait_plane::PlaneError::kind).err());
    let mut kinds: Vec<Option<ErrorKind>> = kinds.collect();
    kinds.sort_by_key(|kind| *kind != Some(ErrorKind::Invalid));
    assert_eq!(kinds[0], Some(ErrorKind::Invalid), "{found:?}");
    assert_eq!(kinds[19], Some(ErrorKind::TooMany), "{found:?}");
    let again = world.plane.audit(&filter, page).await;
    again.expect("there are turns again");
}

#[tokio::test]
async fn what_is_rare_is_read_bit_by_bit_however_long_the_audit_is() {
    let world = World::new().await;
    let gap = async || {
        let sql = "SELECT setval('strait.audit_id_seq', strait.audit_last() + 70000)";
        let set = sqlx::raw_sql(sql).execute(&world.pool).await;
        set.expect("set");
    };
    gap().await;
    world.lengthen(600, "rare", 0).await;
    gap().await;
    world.lengthen(1, "rare", 0).await;
    let rare = AuditFilter {
        action: Some("rare".to_owned()),
        ..AuditFilter::default()
    };
    let mut reader = world.plane.read_audit(rare, 0).expect("a reader");
    let mut bits = Vec::new();
    let mut ids = Vec::new();
    while let Some(found) = reader.next().await.expect("the audit") {
        bits.push(found.len());
        ids.extend(found.iter().map(|entry| entry.id));
        // What comes after it has begun is for the next time.
        world.plane.create_project("later").await.ok();
    }
    assert_eq!((ids.len(), ids.is_sorted_by(|a, b| a < b)), (601, true));
    let empty = bits.iter().filter(|found| **found == 0).count();
    assert!(empty >= 5, "each look has an end: {bits:?}");
    bits.retain(|found| *found > 0);
    assert_eq!(bits.iter().sum::<usize>(), 601);
    assert!(bits.iter().all(|found| *found <= 500), "{bits:?}");
}

#[tokio::test]
async fn who_has_begun_to_read_waits_for_a_turn() {
    let world = World::new().await;
    world.lengthen(600, "x", 0).await;
    let all = AuditFilter::default();
    let mut reader = world.plane.read_audit(all.clone(), 0).expect("a reader");
    let first = reader.next().await.expect("the audit");
    assert_eq!(first.map(|found| found.len()), Some(500));
    let mut lock = world.pool.begin().await.expect("begun");
    let locked = sqlx::query("LOCK TABLE strait.audit IN ACCESS EXCLUSIVE MODE");
    locked.execute(&mut *lock).await.expect("locked");
    let page = AuditPage {
        before: None,
        limit: PageSize::of::<10>(),
    };
    // Three have a turn, three get one after them, and the others are told after 6 s that they get none.
    let searches = join_all((0..7).map(|_| world.plane.audit(&all, page)));
    let rest = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        reader.next().await
    };
    let unlock = async {
        tokio::time::sleep(Duration::from_secs(8)).await;
        lock.rollback().await.expect("given back");
    };
    let (found, rest, ()) = tokio::join!(searches, rest, unlock);
    let refused = found[6].as_ref().map_err(strait_plane::PlaneError::kind);
    assert_eq!(refused.err(), Some(ErrorKind::TooMany), "{found:?}");
    let rest = rest.expect("it had its turn").expect("there is more");
    assert!(rest.len() >= 100, "{rest:?}");
}

#[tokio::test]
async fn a_time_makes_searches_shorter_whatever_the_clock_did() {
    let world = World::new().await;
    // Of a clock that was ahead when the oldest was written, and behind at the newest.
    world.lengthen(1, "ahead", 0).await;
    world.lengthen(150_000, "old", 10).await;
    world.lengthen(8000, "young", 2).await;
    world.lengthen(1, "behind", 10).await;
    sqlx::raw_sql("ANALYZE strait.audit")
        .execute(&world.pool)
        .await
        .expect("analysed");
    let ago = |hours| Some(Timestamp::now() - SignedDuration::from_hours(hours));
    let nowhere = AuditFilter {
        text: Some("nowhere".to_owned()),
        ..AuditFilter::default()
    };
    let young = AuditFilter {
        since: ago(3),
        until: ago(1),
        ..nowhere.clone()
    };
    let (whole, short) = (world.time_of(&nowhere).await, world.time_of(&young).await);
    println!("all in {whole:?}, what is young in {short:?}");
    assert!(short * 2 < whole, "{short:?} of {whole:?}");
    for (action, since, until, count) in [
        ("ahead", ago(3), ago(0), 1),
        ("ahead", ago(3), None, 1),
        ("ahead", None, ago(3), 0),
        ("behind", ago(11), ago(9), 1),
        ("behind", None, ago(9), 1),
        ("behind", ago(9), None, 0),
        ("young", ago(3), ago(1), 8000),
        ("young", ago(1), None, 0),
    ] {
        let filter = AuditFilter {
            action: Some(action.to_owned()),
            since,
            until,
            ..AuditFilter::default()
        };
        let page = AuditPage {
            before: None,
            limit: PageSize::of::<10>(),
        };
        let listed = world.plane.audit(&filter, page).await.expect("a list");
        assert_eq!(listed.len(), count.min(10), "{filter:?}");
        assert_eq!(world.audit(&filter).await.len(), count, "{filter:?}");
    }
}

impl World {
    /// All that came after this one.
    async fn read_on(&self, after: i64) -> Vec<Audited> {
        let reader = self.plane.read_audit(AuditFilter::default(), after);
        let read = reader.expect("a reader").next().await;
        read.expect("the audit").unwrap_or_default()
    }

    /// Makes the audit so much longer, with entries of this action and text, so many hours old.
    async fn lengthen(&self, rows: u32, action: &str, hours: u32) {
        let sql = format!(
            "INSERT INTO strait.audit (actor, action, outcome, message, at)
             SELECT 'x', '{action}', 'done', repeat('words ', 50), now() - interval '{hours} hours' FROM generate_series(1, {rows})"
        );
        let added = sqlx::raw_sql(&sql).execute(&self.pool).await;
        added.expect("added");
    }

    /// How long a search takes that finds nothing.
    async fn time_of(&self, filter: &AuditFilter) -> Duration {
        let page = AuditPage {
            before: None,
            limit: PageSize::of::<10>(),
        };
        let mut fastest = Duration::MAX;
        for _ in 0..3 {
            let begun = Instant::now();
            let found = self.plane.audit(filter, page).await.expect("searched");
            assert_eq!(found, []);
            fastest = fastest.min(begun.elapsed());
        }
        fastest
    }
}

fn actions(read: &[Audited]) -> Vec<&str> {
    read.iter().map(|entry| entry.action.as_str()).collect()
}
