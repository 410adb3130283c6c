//! Quotas: kept when many ask at once, asked for, granted and refused.

use futures::future::join_all;
use strait_plane::model::{
    Caller, Cursor, Identity, NewPeering, NewQuotaRequest, NewService, NewVpc, Quota, QuotaRequest,
    QuotaRequestState, Role, Ruling,
};
use strait_plane::{ErrorKind, Plane, PlaneError};

use crate::world::{REGION, World};

/// How many ask at once, of each of two servers.
const AT_ONCE: usize = 6;

#[tokio::test]
async fn many_at_once_by_two_servers_end_at_exactly_the_limit() {
    let one = World::new().await;
    let two = World::new_on(&one).await;
    let project = &one.project;
    let vpcs = (0..AT_ONCE * 2).map(|number| {
        let new = NewVpc {
            name: None,
            cidr: format!("10.{number}.0.0/16"),
            region_code: REGION.to_owned(),
        };
        let plane = [&one.plane, &two.plane][number % 2];
        async move { plane.create_vpc(project, new).await.map(|vpc| vpc.id) }
    });
    let made = only_so_many(join_all(vpcs).await, 3);
    let listed = one.plane.list_vpcs(project).await.expect("VPCs");
    assert_eq!(listed.len(), 3);

    one.plane
        .set_quota(project, Quota::Services, 2)
        .await
        .expect("lowered");
    let services = (0..AT_ONCE * 2).map(|number| {
        let plane = [&one.plane, &two.plane][number % 2];
        async move {
            let made = plane.create_service(project, service()).await;
            made.map(|made| made.service.service_id)
        }
    });
    only_so_many(join_all(services).await, 2);

    one.plane
        .set_quota(project, Quota::PeeringsPerVpc, 4)
        .await
        .expect("lowered");
    for vpc in &made[..2] {
        let peerings = (0..AT_ONCE * 2).map(|number| {
            let plane = [&one.plane, &two.plane][number % 2];
            let new = peer(number);
            async move {
                plane
                    .create_peering(project, vpc, new)
                    .await
                    .map(|it| it.id)
            }
        });
        // Each VPC for itself.
        only_so_many(join_all(peerings).await, 4);
    }
}

#[tokio::test]
async fn what_is_there_stays_when_the_limit_is_lowered() {
    let world = World::new().await;
    for number in 0..3 {
        world.vpc(&format!("10.{number}.0.0/16")).await;
    }
    let set = async |limit| {
        world
            .plane
            .set_quota(&world.project, Quota::Vpcs, limit)
            .await
    };
    let lowered = set(1).await.expect("lowered");
    assert_eq!((lowered.limit, lowered.used), (1, 3));
    let all = world.plane.list_vpcs(&world.project).await.expect("VPCs");
    assert_eq!(all.len(), 3);
    let refused = world.try_vpc("10.9.0.0/16").await.expect_err("too many");
    for part in ["3 of at most 1 VPCs", "vpcs 4", "strait quota request"] {
        assert!(refused.to_string().contains(part), "{part}: {refused}");
    }
    set(4).await.expect("raised");
    world.vpc("10.9.0.0/16").await;
}

#[tokio::test]
async fn who_asks_for_more_gets_it_when_the_operator_grants_it() {
    let world = World::new().await;
    for number in 0..3 {
        world.vpc(&format!("10.{number}.0.0/16")).await;
    }
    let refused = world.try_vpc("10.3.0.0/16").await.expect_err("the fourth");
    assert_eq!(refused.kind(), ErrorKind::QuotaExceeded);
    let line = format!(
        "strait quota request --project {} vpcs 4 --reason WHY",
        world.project
    );
    assert!(refused.to_string().contains(&line), "{refused}");

    let ada = by(&world.plane, "ada", Role::Developer);
    let request = ask(&ada, &world, Quota::Vpcs, 4).await.expect("asked");
    assert_eq!(
        (request.state, request.present, request.wanted),
        (QuotaRequestState::Open, 3, 4)
    );
    assert_eq!(
        (request.actor.as_str(), request.actor_name.as_deref()),
        ("key:skada", Some("ada"))
    );
    let twice = ask(&ada, &world, Quota::Vpcs, 5).await.expect_err("open");
    assert_eq!(twice.kind(), ErrorKind::Conflict);
    assert!(twice.to_string().contains(&request.id), "{twice}");
    // Asking changes nothing.
    world.try_vpc("10.3.0.0/16").await.expect_err("not yet");
    ask(&ada, &world, Quota::Services, 30)
        .await
        .expect("another quota");
    let open = world.plane.quota_requests(QuotaRequestState::Open).await;
    assert_eq!(open.expect("requests").len(), 2);

    let operator = world
        .plane
        .by(Caller::new(&Identity::Operator, Role::Owner, None));
    let granted = operator
        .rule_on_quota_request(&request.id, &grant(None, Some("for the new customer")))
        .await
        .expect("granted");
    assert_eq!(
        (granted.state, granted.granted, granted.word.as_deref()),
        (
            QuotaRequestState::Granted,
            Some(4),
            Some("for the new customer")
        )
    );
    assert_eq!(granted.decided_by.as_deref(), Some("admin"));
    assert!(granted.decided.is_some_and(|at| at >= granted.created));
    world.vpc("10.3.0.0/16").await;
    world.try_vpc("10.4.0.0/16").await.expect_err("the fifth");

    let told = world
        .plane
        .events(&world.project, Cursor::default(), std::time::Duration::ZERO)
        .await
        .expect("events");
    let told: Vec<(&str, &str)> = told
        .iter()
        .filter(|event| event.kind.starts_with("quota."))
        .map(|event| {
            (
                event.kind.as_str(),
                event.data["name"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("quota.requested", "vpcs"),
            ("quota.requested", "services"),
            ("quota.limit", "vpcs"),
            ("quota.granted", "vpcs")
        ]
    );
}

#[tokio::test]
async fn a_request_is_refused_with_a_word_and_may_be_made_anew() {
    let world = World::new().await;
    let ada = by(&world.plane, "ada", Role::Developer);
    let request = ask(&ada, &world, Quota::Vpcs, 9).await.expect("asked");
    let refusal = |word: &str| Ruling::Refuse {
        word: word.to_owned(),
    };
    let wordless = world
        .plane
        .rule_on_quota_request(&request.id, &refusal("  "))
        .await
        .expect_err("no word");
    assert_eq!(wordless.field(), Some("word"));
    let refused = world
        .plane
        .rule_on_quota_request(&request.id, &refusal("share one"))
        .await
        .expect("refused");
    assert_eq!(refused.state, QuotaRequestState::Refused);
    assert_eq!(
        (refused.word.as_deref(), refused.granted),
        (Some("share one"), None)
    );
    assert_eq!(limit(&world, Quota::Vpcs).await, 3);
    for late in [refusal("again"), grant(None, None)] {
        let decided = world.plane.rule_on_quota_request(&request.id, &late).await;
        let decided = decided.expect_err("is decided");
        assert_eq!(decided.kind(), ErrorKind::Conflict, "{decided}");
    }
    assert_eq!(limit(&world, Quota::Vpcs).await, 3);

    let anew = ask(&ada, &world, Quota::Vpcs, 5).await.expect("asked anew");
    let less = world
        .plane
        .rule_on_quota_request(&anew.id, &grant(Some(2), None))
        .await
        .expect_err("less than there is");
    assert_eq!(less.field(), Some("limit"));
    let granted = world
        .plane
        .rule_on_quota_request(&anew.id, &grant(Some(4), None))
        .await
        .expect("some of it");
    assert_eq!((granted.wanted, granted.granted), (5, Some(4)));
    assert_eq!(limit(&world, Quota::Vpcs).await, 4);
    let all = world.plane.list_quota_requests(&world.project).await;
    let all: Vec<QuotaRequestState> = all.expect("requests").iter().map(|one| one.state).collect();
    assert_eq!(
        all,
        [QuotaRequestState::Granted, QuotaRequestState::Refused]
    );
}

#[tokio::test]
async fn one_of_two_rulings_at_once_counts() {
    let world = World::new().await;
    for round in 0..10 {
        let before = limit(&world, Quota::Services).await;
        let request = ask(&world.plane, &world, Quota::Services, before + 1)
            .await
            .expect("asked");
        let yes = grant(None, None);
        let no = Ruling::Refuse {
            word: "no".to_owned(),
        };
        let (granted, refused) = tokio::join!(
            world.plane.rule_on_quota_request(&request.id, &yes),
            world.plane.rule_on_quota_request(&request.id, &no)
        );
        assert_ne!(granted.is_ok(), refused.is_ok(), "round {round}");
        let after = limit(&world, Quota::Services).await;
        assert_eq!(after, before + u32::from(granted.is_ok()), "round {round}");
    }
}

#[tokio::test]
async fn a_request_is_taken_back_by_who_made_it_or_keeps_the_project() {
    let world = World::new().await;
    let other = world
        .plane
        .create_project("other")
        .await
        .expect("a project");
    let ada = by(&world.plane, "ada", Role::Developer);
    let bob = by(&world.plane, "bob", Role::Developer);
    let eve = by(&world.plane, "eve", Role::Admin);
    for (round, taker) in [&ada, &eve].into_iter().enumerate() {
        let request = ask(&ada, &world, Quota::Vpcs, 4).await.expect("asked");
        let by_bob = bob
            .withdraw_quota_request(&world.project, &request.id)
            .await;
        assert_eq!(by_bob.expect_err("not his").kind(), ErrorKind::Forbidden);
        for (project, id) in [
            (other.id.as_str(), request.id.as_str()),
            (&world.project, "qr-none"),
        ] {
            let nothing = eve.withdraw_quota_request(project, id).await;
            assert_eq!(nothing.expect_err("none").kind(), ErrorKind::NotFound);
        }
        let taken = taker
            .withdraw_quota_request(&world.project, &request.id)
            .await;
        let taken = taken.unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_eq!(taken.state, QuotaRequestState::Withdrawn);
        let late = world
            .plane
            .rule_on_quota_request(&request.id, &grant(None, None))
            .await;
        assert_eq!(late.expect_err("taken back").kind(), ErrorKind::Conflict);
    }
    assert_eq!(limit(&world, Quota::Vpcs).await, 3);
}

#[tokio::test]
async fn what_is_asked_for_is_more_and_has_a_reason() {
    let world = World::new().await;
    let asked = async |wanted: u32, reason: &str| {
        let new = NewQuotaRequest {
            quota: Quota::Vpcs,
            wanted,
            reason: reason.to_owned(),
        };
        world.plane.request_quota(&world.project, &new).await
    };
    let long = "x".repeat(1001);
    for (wanted, reason, field) in [
        (3, "why not", "wanted"),
        (0, "why not", "wanted"),
        (u32::MAX, "why not", "wanted"),
        (4, " ", "reason"),
        (4, "a\u{1b}[2Jb", "reason"),
        (4, &long, "reason"),
    ] {
        let refused = asked(wanted, reason).await.expect_err("wrong");
        assert_eq!(
            refused.field(),
            Some(field),
            "{wanted} {reason:?}: {refused}"
        );
    }
    let fine = asked(4, &long[1..]).await.expect("asked");
    assert_eq!(fine.reason.len(), 1000);
}

/// That these are as many as may be, and the others were refused by the quota; who got through.
fn only_so_many(asked: Vec<Result<String, PlaneError>>, limit: usize) -> Vec<String> {
    let mut made = Vec::new();
    for answer in asked {
        match answer {
            Ok(id) => made.push(id),
            Err(error) => assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}"),
        }
    }
    assert_eq!(made.len(), limit);
    made
}

async fn ask(
    plane: &Plane,
    world: &World,
    quota: Quota,
    wanted: u32,
) -> Result<QuotaRequest, PlaneError> {
    let new = NewQuotaRequest {
        quota,
        wanted,
        reason: "there are more customers".to_owned(),
    };
    plane.request_quota(&world.project, &new).await
}

async fn limit(world: &World, quota: Quota) -> u32 {
    let all = world.plane.quotas(&world.project).await.expect("quotas");
    let found = all.iter().find(|setting| setting.quota == quota);
    found.expect("all are listed").limit
}

fn grant(limit: Option<u32>, word: Option<&str>) -> Ruling {
    Ruling::Grant {
        limit,
        word: word.map(str::to_owned),
    }
}

fn by(plane: &Plane, name: &str, role: Role) -> Plane {
    let identity = Identity::Key {
        public_key: format!("sk{name}"),
        name: name.to_owned(),
        project_id: String::new(),
        role,
    };
    plane.by(Caller::new(&identity, role, None))
}

fn service() -> NewService {
    NewService {
        region_code: REGION.to_owned(),
        ..NewService::default()
    }
}

fn peer(number: usize) -> NewPeering {
    NewPeering {
        peer_account_id: "123456789012".to_owned(),
        peer_vpc_id: format!("vpc-{number:017x}"),
        peer_region_code: REGION.to_owned(),
        ..NewPeering::default()
    }
}
