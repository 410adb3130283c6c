//! A server that is frozen in the midst of its work, as SIGSTOP does it, and thaws when others have gone on without it.

use std::sync::mpsc::{self, TryRecvError};
use std::time::{Duration, Instant};

use strait_plane::cloud::WayKind;
use strait_plane::model::{NewPeering, OperationFilter, OperationState, PageSize};
use tokio::time::sleep;

use crate::common::cloud::PUBLIC_SOURCE;
use crate::leases::{TAKE_OVER, written};
use crate::watching::watcher;
use crate::world::{Place, REGION, World};

#[test]
fn who_thaws_after_its_work_was_done_writes_nothing() {
    let (place, _frozen) = frozen(Work::Attach, "probe_way", " vpc:");
    in_this_thread(async {
        let start = Instant::now();
        let awake = place.start().await;

        all_is_done(&awake).await;

        let spent = start.elapsed();
        assert!(spent < TAKE_OVER, "{spent:?}");
        let id = &awake
            .plane
            .list_services(&awake.project)
            .await
            .expect("a list")[0]
            .service_id;
        awake.settle_service(id).await;
        let before = written(&awake.pool).await;
        awake.script.forget();
        awake.script.thaw();
        sleep(Duration::from_secs(2)).await;
        assert_eq!(written(&awake.pool).await, before);
        let vpcs = awake.plane.list_vpcs(&awake.project).await.expect("a list");
        let vpc = vpcs[0].id.clone();
        assert_eq!(
            awake.cloud.ways(id),
            [(WayKind::Private { vpc }, false)],
            "{:#?}",
            awake.script.log()
        );
        assert_eq!(awake.calls(id), Vec::<String>::new());
        awake.script.assert_nothing_wrong();
    });
}

#[test]
fn a_vpc_is_not_made_by_who_thaws_after_its_end() {
    thaws_after_the_end(Work::Vpc, "ensure_vpc", "");
}

#[test]
fn a_peering_connection_is_not_asked_for_by_who_thaws_after_its_end() {
    thaws_after_the_end(Work::Peering, "ensure_peering", "");
}

#[test]
fn nobody_is_let_in_by_who_thaws_after_the_end() {
    thaws_after_the_end(Work::Accept, "admit_peer", "");
}

#[test]
fn a_way_is_not_made_by_who_thaws_after_its_end() {
    thaws_after_the_end(Work::Attach, "ensure_way", " vpc:");
}

#[test]
fn names_are_not_published_by_who_thaws_after_their_end() {
    thaws_after_the_end(Work::Attach, "publish_names", "");
}

#[test]
fn nobody_is_followed_by_a_watcher_who_thaws_when_another_one_watches() {
    let (place, frozen) = frozen(Work::Watch, "register_targets", "");
    in_this_thread(async {
        let awake = place.start().await;
        let is_another = async || watcher(&awake).await != frozen.watcher;
        awake.eventually("another one watches", is_another).await;
        awake.cloud.go_elsewhere();
        let is_followed = async || awake.cloud.found_again() == 1;
        awake.eventually("it is followed", is_followed).await;

        awake.script.thaw();

        is_held_back(&awake, "register_targets").await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(awake.cloud.found_again(), 1, "{:#?}", awake.script.log());
    });
}

#[test]
fn no_session_is_ended_by_who_thaws_when_the_way_is_open_again() {
    let (place, _frozen) = frozen(Work::Attach, "refused", " public");
    in_this_thread(async {
        let awake = place.start().await;
        all_is_done(&awake).await;
        let (plane, project) = (&awake.plane, &awake.project);
        let services = plane.list_services(project).await.expect("a list");
        let id = &services[0].service_id;
        let detached = plane.detach_service(project, id, None, 0).await;
        awake.ended(detached.expect("asked for").operation_id).await;
        awake.settle_service(id).await;
        awake.postgres.connect(id, PUBLIC_SOURCE, 3);
        awake.script.forget();

        awake.script.thaw();

        sleep(Duration::from_secs(2)).await;
        let left = awake.postgres.sessions(id, PUBLIC_SOURCE);
        assert_eq!(left, 3, "{:#?}", awake.script.log());
        // The control: who may close the way ends them.
        let vpcs = plane.list_vpcs(project).await.expect("a list");
        let attached = plane.attach_service(project, id, &vpcs[0].id, 0).await;
        awake.ended(attached.expect("asked for").operation_id).await;
        assert_eq!(awake.postgres.sessions(id, PUBLIC_SOURCE), 0);
        awake.script.assert_nothing_wrong();
    });
}

/// What a server is at when it is frozen.
#[derive(Debug, Clone, Copy)]
enum Work {
    Vpc,
    Peering,
    Accept,
    Attach,
    Watch,
}

/// Freezes a server where it begins such a call. Another one goes on and then takes all away that there is. What the first one was
/// about to do comes to nothing.
fn thaws_after_the_end(work: Work, call: &str, on: &str) {
    let (place, _frozen) = frozen(work, call, on);
    in_this_thread(async {
        let awake = place.start().await;
        all_is_done(&awake).await;
        take_all_away(&awake).await;
        let made = awake.cloud.made();
        awake.script.forget();

        awake.script.thaw();

        is_held_back(&awake, call).await;
        sleep(Duration::from_secs(1)).await;
        assert!(awake.cloud.is_empty(), "{:#?}", awake.script.log());
        assert_eq!(awake.cloud.made(), made);
        awake.script.assert_nothing_wrong();
    });
}

/// A server that is frozen in this call, and a thread that ends with what is returned.
fn frozen(work: Work, call: &str, on: &str) -> (Place, Frozen) {
    let (tell, told) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let (call, on) = (call.to_owned(), on.to_owned());
    let thread = std::thread::spawn(move || {
        in_this_thread(async {
            let world = World::new().await;
            let is_watched = async || watcher(&world).await.is_some();
            world.eventually("it watches", is_watched).await;
            let begun = prepare(&world, work).await;
            let id = if on.is_empty() { "" } else { &begun.service };
            let gap = if on.is_empty() { "" } else { " " };
            world.script.freeze(&format!("{call}{gap}{id}{on}"));
            let known = (world.place(), watcher(&world).await);
            tell.send(known).expect("somebody listens");
            begin(&world, work, &begun).await;
            while ended.try_recv() != Err(TryRecvError::Disconnected) {
                sleep(Duration::from_millis(10)).await;
            }
        });
    });
    let (place, watcher) = told.recv().expect("it began");
    let patience = Instant::now() + Duration::from_secs(20);
    while !place.script.is_frozen() {
        assert!(Instant::now() < patience, "{:#?}", place.script.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    let thread = Some((end, thread));
    (place, Frozen { watcher, thread })
}

/// What there is before.
#[derive(Default)]
struct Begun {
    vpc: String,
    service: String,
    peering: String,
}

async fn prepare(world: &World, work: Work) -> Begun {
    let mut begun = Begun::default();
    match work {
        Work::Vpc | Work::Watch => return begun,
        Work::Peering | Work::Accept => {}
        Work::Attach => begun.service = world.service().await.service_id,
    }
    begun.vpc = world.vpc("10.0.0.0/24").await.id;
    if matches!(work, Work::Accept) {
        let peering = world.peering(&begun.vpc, "vpc-0123456789abcdef0").await;
        begun.peering = peering.id;
    }
    begun
}

async fn begin(world: &World, work: Work, begun: &Begun) {
    let (plane, project) = (&world.plane, &world.project);
    match work {
        Work::Vpc => drop(world.try_vpc("10.0.0.0/24").await.expect("asked for")),
        Work::Peering => {
            let new = NewPeering {
                peer_account_id: "123456789012".to_owned(),
                peer_vpc_id: "vpc-0123456789abcdef0".to_owned(),
                peer_region_code: REGION.to_owned(),
                ..NewPeering::default()
            };
            // Its answer may come when the VPC is gone.
            drop(plane.create_peering(project, &begun.vpc, new).await);
        }
        Work::Accept => world.cloud.accept(&begun.peering, &["10.1.0.0/16"]),
        Work::Attach => {
            let asked = plane.attach_service(project, &begun.service, &begun.vpc, 0);
            asked.await.expect("asked for");
        }
        Work::Watch => world.cloud.go_elsewhere(),
    }
}

/// Waits until the call of a server that has thawed came to nothing.
async fn is_held_back(world: &World, call: &str) {
    let held_back = format!("held back: {call}");
    let look = async || {
        let log = world.script.log();
        log.iter().any(|line| line.starts_with(&held_back))
    };
    world.eventually("the call ends", look).await;
}

async fn all_is_done(world: &World) {
    let filter = OperationFilter {
        limit: PageSize::of::<10>(),
        ..OperationFilter::default()
    };
    let is_done = async || {
        let all = world.plane.list_operations(&world.project, &filter).await;
        let all = all.expect("a list");
        !all.is_empty() && all.iter().all(|one| one.state == OperationState::Succeeded)
    };
    world.eventually("all is done", is_done).await;
}

async fn take_all_away(world: &World) {
    let (plane, project) = (&world.plane, &world.project);
    for service in plane.list_services(project).await.expect("a list") {
        let deleted = plane.delete_service(project, &service.service_id).await;
        world.ended(deleted.expect("asked for").operation_id).await;
    }
    for vpc in plane.list_vpcs(project).await.expect("a list") {
        let deleted = plane.delete_vpc(project, &vpc.id, true).await;
        world.ended(deleted.expect("asked for").operation_id).await;
    }
    let is_empty = async || world.cloud.is_empty();
    world.eventually("all is gone", is_empty).await;
}

/// Keeps the thread of a server until it goes.
struct Frozen {
    /// Who watched the cloud before.
    watcher: Option<String>,
    thread: Option<(mpsc::Sender<()>, std::thread::JoinHandle<()>)>,
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let Some((end, thread)) = self.thread.take() else {
            return;
        };
        drop(end);
        let ended = thread.join();
        if !std::thread::panicking() {
            ended.expect("it did not panic");
        }
    }
}

/// With a server that has this thread only.
fn in_this_thread(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work);
}
