//! The audit: who did what, in the change's own transaction, and nothing changes it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use strait_plane::model::{
    AuditFilter, AuditOutcome, AuditPage, Audited, Caller, NewKey, NewUser, Quota, Role,
};
use strait_plane::{ErrorKind, Part};

use crate::world::World;

#[tokio::test]
async fn each_change_is_noted_with_what_was_and_what_is() {
    let world = World::new().await;
    let plane = world.plane.by(caller("user:ada@example.com"));
    let project = plane.create_project("shop").await.expect("a project").id;
    plane
        .rename_project(&project, "store")
        .await
        .expect("renamed");
    let limit = plane.set_quota(&project, Quota::Vpcs, 7).await;
    limit.expect("set");
    let new = NewUser {
        email: "bob@example.com".to_owned(),
        name: None,
        password: Some("correct horse battery staple".to_owned()),
    };
    let bob = plane.create_user(new).await.expect("a user");
    let member = plane.add_member(&project, &bob.id, Role::Viewer).await;
    member.expect("a member");
    let role = plane.set_member_role(&project, &bob.id, Role::Owner).await;
    role.expect("another role");
    // There is no ada who could make one.
    let key = world.plane.create_key(&project, NewKey::of(Role::Admin));
    let key = key.await.expect("a key").key.public_key;
    plane.revoke_key(&project, &key).await.expect("revoked");
    let link = plane.login_link(&bob.id).await.expect("a link");
    let session = plane.login_by_link(&link.token, None).await.expect("in");
    let changed = plane.set_password(&bob.id, Some("another long password".to_owned()));
    changed.await.expect("changed");
    plane.set_user_disabled(&bob.id, true).await.expect("out");
    plane.delete_project(&project).await.expect("gone");
    plane.delete_user(&bob.id).await.expect("gone");

    let all = world.audit(&AuditFilter::default()).await;
    let mut lines = all
        .iter()
        .filter(|entry| entry.actor == "user:ada@example.com");
    let mut next =
        |action: &str, object: &str, before: serde_json::Value, after: serde_json::Value| {
            let entry = lines.next().unwrap_or_else(|| panic!("no {action}"));
            assert_eq!(
                (entry.action.as_str(), entry.object_id.as_deref()),
                (action, Some(object)),
                "{entry:?}"
            );
            assert_eq!(
                (&entry.before, &entry.after),
                (&before, &after),
                "{entry:?}"
            );
            assert_eq!(entry.outcome, AuditOutcome::Done);
        };
    use serde_json::json;
    let none = || json!({});
    next(
        "project.create",
        &project,
        none(),
        json!({ "name": "shop" }),
    );
    next(
        "project.change",
        &project,
        json!({ "name": "shop" }),
        json!({ "name": "store" }),
    );
    next("quota.create", "vpcs", none(), json!({ "most": 7 }));
    let made = json!({ "email": "bob@example.com", "name": "bob", "disabled": false });
    next("user.create", &bob.id, none(), made.clone());
    next(
        "member.create",
        &bob.id,
        none(),
        json!({ "role": "viewer" }),
    );
    next(
        "member.change",
        &bob.id,
        json!({ "role": "viewer" }),
        json!({ "role": "owner" }),
    );
    drop(lines);
    let of = |action: &str| {
        let mut found = all.iter().filter(|entry| entry.action == action);
        let entry = found
            .next()
            .unwrap_or_else(|| panic!("no {action} in {all:?}"));
        (entry, found.count() + 1)
    };
    let (made, _) = of("key.create");
    assert_eq!(
        (made.object_id.as_deref(), &made.after["role"]),
        (Some(key.as_str()), &json!("admin"))
    );
    let (revoked, times) = of("key.revoke");
    assert_eq!(
        (
            times,
            revoked.before["revoked"].is_null(),
            revoked.after["revoked"].is_null()
        ),
        (1, true, false)
    );
    let (begun, _) = of("session.create");
    assert_eq!(
        begun.object_id.as_deref(),
        Some(session.session.id.as_str())
    );
    assert_eq!(begun.object_name.as_deref(), Some("bob@example.com"));
    let changes: Vec<_> = (all.iter().filter(|entry| entry.action == "user.change"))
        .map(|entry| (entry.before.clone(), entry.after.clone()))
        .collect();
    let password = (
        json!({ "password_hash": "one" }),
        json!({ "password_hash": "another" }),
    );
    let disabled = (json!({ "disabled": false }), json!({ "disabled": true }));
    assert_eq!(changes, [password, disabled]);
    assert_eq!(of("session.delete").1, 1, "a new password ends sessions");
    // With the project its keys and members go.
    for action in [
        "project.delete",
        "key.delete",
        "member.delete",
        "quota.delete",
        "user.delete",
    ] {
        let (entry, times) = of(action);
        assert_eq!(
            (times, entry.actor.as_str()),
            (1, "user:ada@example.com"),
            "{action}"
        );
    }
    let text = serde_json::to_string(&all).expect("JSON");
    for secret in [
        &link.token,
        &session.token,
        "correct horse",
        "another long",
        "$argon2",
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn an_operation_is_noted_when_it_is_asked_for_and_when_it_ends() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let about = AuditFilter {
        object: Some(vpc.id.clone()),
        ..AuditFilter::default()
    };
    let told = world.audit(&about).await;
    let outcomes: Vec<_> = told
        .iter()
        .map(|entry| (entry.action.as_str(), entry.outcome))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("vpc.create", AuditOutcome::Accepted),
            ("vpc.create", AuditOutcome::Done)
        ]
    );
    assert!(
        told.iter().all(|entry| entry.operation_id.is_some()),
        "{told:?}"
    );
    assert_eq!(told[0].after["cidr"], "10.0.0.0/24", "{told:?}");
    let of_operation = AuditFilter {
        operation: told[0].operation_id.clone(),
        ..AuditFilter::default()
    };
    assert_eq!(world.audit(&of_operation).await.len(), 2);
}

#[tokio::test]
async fn a_change_and_its_note_are_one_transaction() {
    let world = World::new().await;
    let key = world
        .plane
        .create_key(&world.project, NewKey::of(Role::Viewer));
    let key = key.await.expect("a key").key.public_key;
    let vpc = world.vpc("10.0.0.0/24").await.id;
    let same = |table: &str, id: &str, action: &str| {
        format!(
            "SELECT count(*) FROM strait.audit a, strait.{table} o
             WHERE a.object_id = $1 AND o.{id} = $1 AND a.action = '{action}' AND a.xmin = o.xmin"
        )
    };
    for (sql, object) in [
        (same("api_key", "public_key", "key.create"), &key),
        (same("event", "object_id", "vpc.create"), &vpc),
    ] {
        let count: i64 = sqlx::query_scalar(&sql)
            .bind(object)
            .fetch_one(&world.pool)
            .await
            .expect("a count");
        assert!(count >= 1, "{sql}");
    }

    // What is not made leaves nothing.
    let before = world.audit(&AuditFilter::default()).await.len();
    let refused = world
        .plane
        .add_member(&world.project, "nobody@example.com", Role::Viewer);
    refused.await.expect_err("nobody");
    let twice = world.plane.create_user(user("a@example.com")).await;
    twice.expect("a user");
    let twice = world.plane.create_user(user("a@example.com")).await;
    twice.expect_err("there is one");
    assert_eq!(world.audit(&AuditFilter::default()).await.len(), before + 1);
}

#[tokio::test]
async fn what_is_changed_past_strait_is_noted_too() {
    let world = World::new().await;
    sqlx::query("UPDATE strait.project SET name = 'mine' WHERE id = $1")
        .bind(&world.project)
        .execute(&world.pool)
        .await
        .expect("renamed");
    let filter = AuditFilter {
        action: Some("project.change".to_owned()),
        ..AuditFilter::default()
    };
    let found = world.audit(&filter).await;
    assert_eq!(
        (found.len(), found[0].actor.as_str()),
        (1, "database:strait")
    );
}

#[tokio::test]
async fn it_is_only_added_to() {
    let world = World::new().await;
    let count = async || world.audit(&AuditFilter::default()).await.len();
    let before = count().await;
    assert!(before > 0);
    for sql in [
        "UPDATE strait.audit SET actor = 'nobody'",
        "UPDATE strait.audit SET actor = 'nobody' WHERE false",
        "DELETE FROM strait.audit",
        "TRUNCATE strait.audit",
    ] {
        let refused = sqlx::raw_sql(sql).execute(&world.pool).await;
        let error = refused.expect_err(sql).to_string();
        assert!(error.contains("only added to"), "{sql}: {error}");
    }
    let added = "INSERT INTO strait.audit (at, actor, action, outcome) VALUES ($1::timestamptz, 'x', 'x', 'done')";
    for age in ["now() - interval '40 days'", "now()"] {
        let sql = added.replace("$1::timestamptz", age);
        sqlx::raw_sql(&sql)
            .execute(&world.pool)
            .await
            .expect("added");
    }
    assert_eq!(count().await, before + 2);

    let young = Timestamp::now() - SignedDuration::from_hours(29 * 24);
    let refused = world
        .plane
        .forget_audit(young)
        .await
        .expect_err("too young");
    assert_eq!(
        (refused.kind(), refused.field()),
        (ErrorKind::Invalid, Some("until"))
    );
    let past = sqlx::query("SELECT strait.audit_forget(now() - interval '1 day')");
    past.execute(&world.pool).await.expect_err("too young");
    let old = Timestamp::now() - SignedDuration::from_hours(31 * 24);
    let operator = world.plane.by(caller("admin"));
    assert_eq!(operator.forget_audit(old).await.expect("forgotten"), 1);
    let filter = AuditFilter {
        action: Some("audit".to_owned()),
        ..AuditFilter::default()
    };
    let told = world.audit(&filter).await;
    assert_eq!(
        (told.len(), told[0].actor.as_str(), &told[0].after["rows"]),
        (1, "admin", &1.into())
    );
    let refused = sqlx::raw_sql("DELETE FROM strait.audit")
        .execute(&world.pool)
        .await;
    refused.expect_err("still");
    assert_eq!(count().await, before + 2);
}

#[tokio::test]
async fn what_is_measured_is_what_is_there_and_soon_told() {
    let world = World::new().await;
    let empty = world.plane.measure().await.expect("measured");
    assert_eq!(empty.operations.values().sum::<i64>(), 0, "{empty:?}");
    assert_eq!((empty.due, empty.lag), (0, 0.0), "{empty:?}");
    world.vpc("10.0.0.0/24").await;
    let service = world.service().await;
    let measured = world.plane.measure().await.expect("measured");
    assert_eq!(measured.operations["succeeded"], 2, "{measured:?}");
    assert_eq!(measured.services, BTreeMap::from([("READY".to_owned(), 1)]));
    assert_eq!(measured.vpcs, BTreeMap::from([("CREATED".to_owned(), 1)]));
    assert_eq!(measured.passed, None, "this cloud tells nothing");

    // A thousand services, a history of twenty thousand operations, and one that waits for long.
    let sql = format!(
        "INSERT INTO strait.service (id, project_id, name, region_code, password_verifier, status, reconciled, current_network)
             SELECT 's' || n, '{0}', 's' || n, 'eu-central-1', 'x', 'READY', 1, 'public' FROM generate_series(1, 1000) n;
         INSERT INTO strait.way (service_id, network, closing) SELECT 's' || n, 'public', false FROM generate_series(1, 1000) n;
         INSERT INTO strait.operation (id, project_id, action, object_kind, object_id, object_name, actor, state, ended)
             SELECT 'op-' || n, '{0}', 'service.rename', 'service', 's' || n % 1000, 's', 'strait', 'succeeded', now()
             FROM generate_series(1, 20000) n;
         INSERT INTO strait.operation (id, project_id, action, object_kind, object_id, object_name, actor, state, created)
             VALUES ('op-x', '{0}', 'peering.create', 'peering', 'x', 'x', 'strait', 'running', now() - interval '100 seconds');
         ANALYZE;",
        world.project
    );
    sqlx::raw_sql(&sql)
        .execute(&world.pool)
        .await
        .expect("many");
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let measured = world.plane.measure().await.expect("measured");
        fastest = fastest.min(begun.elapsed());
        assert_eq!(measured.services.values().sum::<i64>(), 1001);
        assert!((100.0..160.0).contains(&measured.lag), "{measured:?}");
    }
    println!("measured in {fastest:?}, with {}", service.service_id);
    assert!(fastest < Duration::from_millis(300), "{fastest:?}");
}

#[tokio::test]
async fn a_server_says_which_part_of_it_is_missing() {
    let world = World::new().await;
    let missing = async || {
        let parts = world.plane.readiness().await.into_iter();
        let missing: Vec<Part> = parts.filter_map(|(part, why)| why.map(|_| part)).collect();
        missing
    };
    assert_eq!(missing().await, []);
    let newer = "INSERT INTO strait._sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'newer', true, '', 0)";
    sqlx::raw_sql(newer)
        .execute(&world.pool)
        .await
        .expect("newer");
    assert_eq!(missing().await, [Part::Tables]);
    let older = "DELETE FROM strait._sqlx_migrations WHERE version = 9999";
    sqlx::raw_sql(older)
        .execute(&world.pool)
        .await
        .expect("as it was");
    assert_eq!(missing().await, []);
    world.plane.shutdown().await;
    assert_eq!(missing().await, [Part::Reconcilers]);
}

impl World {
    /// All that is found, the oldest first.
    pub(crate) async fn audit(&self, filter: &AuditFilter) -> Vec<Audited> {
        let page = AuditPage::Oldest {
            after: 0,
            limit: 1000,
        };
        self.plane.audit(filter, page).await.expect("the audit")
    }
}

fn caller(actor: &str) -> Caller {
    Caller {
        actor: actor.to_owned(),
        ..Caller::strait()
    }
}

fn user(email: &str) -> NewUser {
    NewUser {
        email: email.to_owned(),
        name: None,
        password: None,
    }
}
