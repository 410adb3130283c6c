//! STS: roles, sessions, and how long they are good.

use strait_vpc::Caller;
use strait_vpc::api::*;

use crate::world::*;

#[test]
fn a_role_of_another_account_acts_in_that_account() {
    let mut world = World::new();
    let (me, other) = (world.account("me"), world.account("other"));
    let arn = format!("arn:aws:iam::{}:role/teams/network/admin", other.account);
    let answer: AssumeRoleResponse = world.ok(&me, assume(&arn));
    let user = &answer.assumed_role_user;
    assert_eq!(
        user.arn,
        format!("arn:aws:sts::{}:assumed-role/admin/test", other.account)
    );
    let (id, session) = user.assumed_role_id.split_once(':').expect("two parts");
    assert!(id.starts_with("AROA") && id.len() == 21, "{id}");
    assert_eq!(session, "test");
    assert!(answer.credentials.access_key_id.starts_with("ASIA"));
    assert_eq!(
        answer.credentials.expiration.duration_since(world.now),
        jiff::SignedDuration::from_hours(1)
    );

    let key = answer.credentials.access_key_id;
    let acting = with_session(&other, &key);
    let identity: GetCallerIdentityResponse =
        world.ok(&acting, GetCallerIdentityRequest::default());
    assert_eq!(identity.arn, user.arn);
    assert_eq!(identity.user_id, user.assumed_role_id);
    assert_eq!(identity.account, other.account.to_string());
    let own: GetCallerIdentityResponse = world.ok(&other, GetCallerIdentityRequest::default());
    assert_eq!(own.arn, format!("arn:aws:iam::{}:root", other.account));
    let info: GetAccessKeyInfoResponse =
        world.ok(&me, GetAccessKeyInfoRequest { access_key_id: key });
    assert_eq!(info.account, other.account.to_string());

    let again: AssumeRoleResponse = world.ok(&me, assume(&arn));
    assert_eq!(again.assumed_role_user, *user, "one role has one id");
}

#[test]
fn nobody_becomes_the_provider_or_an_account_that_is_not() {
    let mut world = World::new();
    let (me, provider) = (world.account("me"), world.account("provider"));
    let role = |account: &str| assume(&format!("arn:aws:iam::{account}:role/admin"));
    let services = role(provider.account.as_str());
    let (code, message) = world.refused(&me, services.clone());
    assert_eq!(code, "AccessDenied");
    assert_eq!(
        message,
        format!(
            "User: arn:aws:iam::{}:root is not authorized to perform: sts:AssumeRole on resource: {}",
            me.account, services.role_arn
        )
    );
    assert_eq!(world.code(&me, role("999999999999")), "AccessDenied");
    world.ok::<AssumeRoleResponse>(&provider, services);
    world.ok::<AssumeRoleResponse>(&provider, role(me.account.as_str()));
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut world = World::new();
    let me = world.account("me");
    let good = format!("arn:aws:iam::{}:role/admin", me.account);
    let lasting = |seconds| AssumeRoleRequest {
        duration_seconds: Some(seconds),
        ..assume(&good)
    };
    let called = |name: &str| AssumeRoleRequest {
        role_session_name: name.to_owned(),
        ..assume(&good)
    };
    for request in [
        assume("arn:aws:iam::1:role"),
        assume("arn:aws:iam::123456789012:user/admin"),
        assume(&format!("{good}/")),
        called("x"),
        called("two words"),
        called(&"x".repeat(65)),
        lasting(899),
        lasting(43_201),
    ] {
        assert_eq!(
            world.code(&me, request.clone()),
            "ValidationError",
            "{request:?}"
        );
    }
    for request in [
        lasting(900),
        lasting(43_200),
        called("me@example.com"),
        called(&"x".repeat(64)),
    ] {
        world.ok::<AssumeRoleResponse>(&me, request);
    }
}

#[test]
fn a_session_of_ones_own_is_kept_although_its_call_is_a_get() {
    let mut world = World::new();
    let me = world.account("me");
    // An account's first call in a Region is no mere read, whatever it is.
    world.ok::<DescribeVpcsResponse>(&me, DescribeVpcsRequest::default());
    let answer: GetSessionTokenResponse = world.ok(&me, GetSessionTokenRequest::default());
    let info = GetAccessKeyInfoRequest {
        access_key_id: answer.credentials.access_key_id,
    };
    let info: GetAccessKeyInfoResponse = world.ok(&me, info);
    assert_eq!(info.account, me.account.to_string());
}

#[test]
fn a_chained_role_lasts_an_hour_at_most() {
    let mut world = World::new();
    let me = world.account("me");
    let arn = format!("arn:aws:iam::{}:role/admin", me.account);
    let first: AssumeRoleResponse = world.ok(&me, assume(&arn));
    let acting = with_session(&me, &first.credentials.access_key_id);
    let lasting = |seconds| AssumeRoleRequest {
        duration_seconds: Some(seconds),
        ..assume(&arn)
    };
    assert_eq!(world.code(&acting, lasting(3601)), "ValidationError");
    world.ok::<AssumeRoleResponse>(&acting, lasting(3600));
}

#[test]
fn an_accounts_own_session_is_its_root_for_an_hour() {
    let mut world = World::new();
    let me = world.account("me");
    let long = GetSessionTokenRequest {
        duration_seconds: Some(129_600),
    };
    let answer: GetSessionTokenResponse = world.ok(&me, long.clone());
    let left = answer.credentials.expiration.duration_since(world.now);
    assert_eq!(left, jiff::SignedDuration::from_hours(1));
    let acting = with_session(&me, &answer.credentials.access_key_id);
    let identity: GetCallerIdentityResponse =
        world.ok(&acting, GetCallerIdentityRequest::default());
    assert_eq!(identity.arn, format!("arn:aws:iam::{}:root", me.account));
    assert_eq!(world.code(&acting, long), "AccessDenied");
    let short = GetSessionTokenRequest {
        duration_seconds: Some(60),
    };
    assert_eq!(world.code(&me, short), "ValidationError");
}

#[test]
fn ended_sessions_are_forgotten_after_a_day() {
    let mut world = World::new();
    let me = world.account("me");
    world.ok::<GetSessionTokenResponse>(&me, GetSessionTokenRequest::default());
    world.wait(25);
    assert_eq!(world.network.sessions.len(), 1, "a day is not over");
    world.wait(1);
    assert!(world.network.sessions.is_empty());
}

fn assume(role_arn: &str) -> AssumeRoleRequest {
    AssumeRoleRequest {
        role_arn: role_arn.to_owned(),
        role_session_name: "test".to_owned(),
        ..Default::default()
    }
}

fn with_session(account: &Caller, key: &str) -> Caller {
    Caller {
        session: Some(key.to_owned()),
        ..account.clone()
    }
}
