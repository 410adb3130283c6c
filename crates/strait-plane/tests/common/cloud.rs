//! A cloud that only pretends, and notices what must never happen.

mod customers;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use ipnet::Ipv4Net;
use jiff::Timestamp;
use strait_plane::cloud::{
    Allowed, Cloud, CloudError, CutOff, NameTarget, PeerState, PeeringObserved, PeeringSpec, Place,
    Sources, VpcObserved, VpcSpec, WayKind, WayObserved, WaySpec, may_change,
};
use strait_plane::model::{FoundBy, SessionsByClient};
use tokio::sync::Notify;

use super::script::{Ordered, Script};

pub(crate) const PUBLIC_SOURCE: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 1);
pub(crate) const PRIVATE_SOURCE: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 2);

pub(crate) struct FakeCloud {
    script: Arc<Script>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    made: u32,
    vpcs: BTreeMap<String, String>,
    peerings: BTreeMap<String, FakePeering>,
    ways: BTreeMap<WaySpec, FakeWay>,
    names: BTreeMap<String, Ipv4Addr>,
    /// How often a new way is looked at before it is ready.
    slowness: u32,
    knows_no_clients: bool,
    /// The ways that are to follow their services.
    followed: BTreeSet<WaySpec>,
    /// Regions where somebody else asked a customer.
    stirred: Vec<String>,
    /// Services that came to be elsewhere, and that were followed there.
    elsewhere: u32,
    found_again: u32,
}

pub(crate) struct FakePeering {
    pub(crate) observed: PeeringObserved,
    pub(crate) admitted: BTreeSet<Ipv4Net>,
    pub(crate) attempt: u32,
    /// The Peering VPC, the customer's account and VPC.
    pair: [String; 3],
}

struct FakeWay {
    allowed: Allowed,
    sessions: SessionsByClient,
    address: Ipv4Addr,
    id: String,
    /// By which id it was asked for last.
    known: Option<String>,
    refuses: bool,
    looks_left: u32,
}

impl FakeCloud {
    pub(crate) fn new(script: Arc<Script>) -> Arc<Self> {
        Arc::new(Self {
            script,
            state: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// Whether a service that came to be elsewhere is still to be followed; it is no more then.
    fn leaves(&self) -> bool {
        let mut state = self.state();
        let leaves = state.elsewhere > 0;
        state.elsewhere = state.elsewhere.saturating_sub(1);
        leaves
    }

    /// Of a call that changes something. Who has lost its lease changes nothing.
    async fn begin_change(&self, call: String) -> Result<(), CloudError> {
        self.begin(call.clone()).await?;
        self.may(&call)
    }

    fn may(&self, call: &str) -> Result<(), CloudError> {
        if may_change() {
            return Ok(());
        }
        self.script.note(format!("held back: {call}"));
        Err(CloudError::InProgress("the lease is lost".to_owned()))
    }

    async fn begin(&self, call: String) -> Result<(), CloudError> {
        match self.script.begin(call).await {
            Ordered::Success => Ok(()),
            Ordered::Temporary => Err(CloudError::Temporary("the cloud is busy".to_owned())),
            Ordered::Refused => Err(CloudError::Refused {
                code: "VpcLimitExceeded".to_owned(),
                message: "the cloud has no room".to_owned(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no test panics while it holds this")
    }
}

impl State {
    fn make(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    /// The connection between these that has not ended.
    fn peered(&self, pair: &[String; 3]) -> Option<String> {
        let mut all = self.peerings.iter();
        let found = all.find(|(_, peering)| {
            let is_alive = match peering.observed.state {
                PeerState::PendingAcceptance | PeerState::Active => true,
                PeerState::Failed
                | PeerState::Expired
                | PeerState::Rejected
                | PeerState::Deleted => false,
            };
            is_alive && peering.pair == *pair
        });
        found.map(|(id, _)| id.clone())
    }
}

#[async_trait]
impl Cloud for FakeCloud {
    fn supported_regions(&self) -> Vec<String> {
        vec!["eu-central-1".to_owned(), "us-east-1".to_owned()]
    }

    fn known_regions(&self) -> Vec<String> {
        ["ap-south-1", "eu-central-1", "us-east-1"]
            .map(str::to_owned)
            .to_vec()
    }

    fn account(&self) -> String {
        "999999999999".to_owned()
    }

    async fn ensure_vpc(&self, vpc: &VpcSpec) -> Result<VpcObserved, CloudError> {
        self.begin_change(format!("ensure_vpc {}", vpc.id)).await?;
        let provisioned_id = {
            let mut state = self.state();
            match state.vpcs.get(&vpc.id) {
                Some(id) => id.clone(),
                None => {
                    let id = format!("vpc-{:017x}", state.make());
                    state.vpcs.insert(vpc.id.clone(), id.clone());
                    id
                }
            }
        };
        self.script.end().await;
        Ok(VpcObserved { provisioned_id })
    }

    async fn delete_vpc(&self, vpc: &VpcSpec) -> Result<(), CloudError> {
        self.begin_change(format!("delete_vpc {}", vpc.id)).await?;
        self.state().vpcs.remove(&vpc.id);
        self.script.end().await;
        Ok(())
    }

    async fn ensure_peering(&self, peering: &PeeringSpec) -> Result<PeeringObserved, CloudError> {
        let call = format!("ensure_peering {}", peering.id);
        self.begin(call.clone()).await?;
        let observed = {
            let mut state = self.state();
            let known = state.peerings.get(&peering.id);
            if known.is_none_or(|known| known.attempt < peering.attempt) {
                self.may(&call)?;
                if !state.vpcs.contains_key(&peering.vpc.id) {
                    self.script.wrong(format!(
                        "a peering on {} before it is there",
                        peering.vpc.id
                    ));
                }
                let pair = [&peering.vpc.id, &peering.peer_account, &peering.peer_vpc];
                let pair = pair.map(Clone::clone);
                let known = state.peerings.get(&peering.id);
                if known.is_some_and(|known| !known.admitted.is_empty()) {
                    self.script
                        .wrong(format!("the former {} still lets in", peering.id));
                }
                if let Some(other) = state.peered(&pair) {
                    self.script.wrong(format!(
                        "{} was asked for before {other} was gone",
                        peering.id
                    ));
                }
                let number = state.make();
                let observed = PeeringObserved {
                    provisioned_id: format!("pcx-{number:017x}"),
                    accepter_provisioned_id: format!("pcx-{number:017x}"),
                    state: PeerState::PendingAcceptance,
                    message: format!("Pending Acceptance by {}", peering.peer_account),
                    expires_at: Some(Timestamp::from_second(1_800_000_000).expect("a time")),
                    peer_ranges: BTreeSet::new(),
                };
                let made = FakePeering {
                    observed,
                    admitted: BTreeSet::new(),
                    attempt: peering.attempt,
                    pair,
                };
                state.peerings.insert(peering.id.clone(), made);
            }
            state.peerings[&peering.id].observed.clone()
        };
        self.script.end().await;
        Ok(observed)
    }

    async fn admit_peer(
        &self,
        peering: &PeeringSpec,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Result<(), CloudError> {
        let list: Vec<String> = ranges.iter().map(ToString::to_string).collect();
        self.begin_change(format!("admit_peer {} {}", peering.id, list.join(",")))
            .await?;
        {
            let mut state = self.state();
            for (id, other) in &state.peerings {
                let clash = other
                    .admitted
                    .iter()
                    .any(|a| ranges.iter().any(|b| a.contains(b) || b.contains(a)));
                if *id != peering.id && clash {
                    self.script.wrong(format!(
                        "{} and {id} were let in with the same range",
                        peering.id
                    ));
                }
            }
            match state.peerings.get_mut(&peering.id) {
                Some(known) if known.attempt != peering.attempt => self
                    .script
                    .wrong(format!("another request for {} was let in", peering.id)),
                Some(known) => known.admitted.clone_from(ranges),
                None => self
                    .script
                    .wrong(format!("{} was let in before it was there", peering.id)),
            }
        }
        self.script.end().await;
        Ok(())
    }

    async fn delete_peering(&self, peering: &PeeringSpec) -> Result<(), CloudError> {
        self.begin_change(format!("delete_peering {}", peering.id))
            .await?;
        self.state().peerings.remove(&peering.id);
        self.script.end().await;
        Ok(())
    }

    async fn sessions(&self, way: &WaySpec) -> Result<Option<SessionsByClient>, CloudError> {
        let state = self.state();
        let sessions = state.ways.get(way).map(|way| way.sessions.clone());
        Ok(sessions.filter(|_| !state.knows_no_clients))
    }

    async fn cut_off(&self, way: &WaySpec, allowed: &Allowed) -> Result<CutOff, CloudError> {
        self.begin_change(format!("cut_off {}", word(way))).await?;
        let cut = {
            let mut state = self.state();
            let knows_no_clients = state.knows_no_clients;
            match state.ways.get_mut(way) {
                _ if knows_no_clients => CutOff::GoOn,
                None => CutOff::Ended(0),
                Some(fake) => {
                    if fake.allowed != *allowed {
                        self.script
                            .wrong(format!("{} is cut before its list is applied", word(way)));
                    }
                    let before: u32 = fake.sessions.values().sum();
                    fake.sessions.retain(|client, _| allowed.allows(*client));
                    CutOff::Ended(before - fake.sessions.values().sum::<u32>())
                }
            }
        };
        self.script.end().await;
        Ok(cut)
    }

    async fn ensure_way(
        &self,
        way: &WaySpec,
        allowed: &Allowed,
        known: Option<&str>,
    ) -> Result<WayObserved, CloudError> {
        self.begin_change(format!("ensure_way {}", word(way)))
            .await?;
        let observed = {
            let mut state = self.state();
            if let WayKind::Private { vpc } = &way.kind
                && !state.vpcs.contains_key(vpc)
            {
                self.script
                    .wrong(format!("a way through {vpc} before it is there"));
            }
            if !state.ways.contains_key(way) {
                let number = state.make();
                let byte = u8::try_from(number % 200 + 10).expect("a byte");
                let fake = FakeWay {
                    allowed: allowed.clone(),
                    sessions: SessionsByClient::new(),
                    address: match way.kind {
                        WayKind::Public => Ipv4Addr::new(198, 51, 100, byte),
                        WayKind::Private { .. } => Ipv4Addr::new(10, 0, 0, byte),
                    },
                    id: format!("vpce-{number:017x}"),
                    known: None,
                    refuses: false,
                    looks_left: state.slowness,
                };
                state.ways.insert(way.clone(), fake);
            }
            let fake = state.ways.get_mut(way).expect("made above");
            fake.allowed = allowed.clone();
            fake.known = known.map(str::to_owned);
            if fake.refuses {
                self.script.wrong(format!(
                    "{} is wanted again without having been removed",
                    word(way)
                ));
            }
            let ready = fake.looks_left == 0;
            fake.looks_left = fake.looks_left.saturating_sub(1);
            WayObserved {
                ready,
                address: fake.address,
                port: 5432,
                provisioned_id: fake.id.clone(),
                host: None,
                sources: match (&way.kind, &way.registration) {
                    (WayKind::Public, Some(_)) => Sources::Internet,
                    (WayKind::Public, None) => Sources::These(BTreeSet::from([PUBLIC_SOURCE])),
                    (WayKind::Private { .. }, _) => {
                        Sources::These(BTreeSet::from([PRIVATE_SOURCE]))
                    }
                },
                loopback_port: (way.kind == WayKind::Public).then_some(40_001),
            }
        };
        self.script.end().await;
        Ok(observed)
    }

    async fn find_service(
        &self,
        _region: &str,
        by: &FoundBy,
        _port: Option<u16>,
    ) -> Result<Place, CloudError> {
        self.begin("find_service".to_owned()).await?;
        self.script.end().await;
        let name = match by {
            FoundBy::RdsInstance { id } => id,
            FoundBy::LoadBalancer { arn } => arn.rsplit('/').next().unwrap_or_default(),
        };
        if name == "missing" {
            return Err(CloudError::Refused {
                code: "DBInstanceNotFound".to_owned(),
                message: "there is none".to_owned(),
            });
        }
        Ok(Place {
            host: format!("{name}.example.com"),
            port: 5432,
            vpc_id: "vpc-0123456789abcdef0".to_owned(),
            subnet_ids: BTreeSet::from(["subnet-0123456789abcdef0".to_owned()]),
        })
    }

    async fn check_registration(&self, way: &WaySpec) -> Result<(), CloudError> {
        self.begin(format!("check_registration {}", way.service))
            .await?;
        self.script.end().await;
        Ok(())
    }

    async fn reopen_way(&self, way: &WaySpec) -> Result<(), CloudError> {
        self.begin_change(format!("reopen_way {}", way.service))
            .await?;
        self.script.end().await;
        Ok(())
    }

    async fn probe_way(&self, way: &WaySpec) -> Result<(), CloudError> {
        self.begin(format!("probe_way {}", word(way))).await?;
        if self
            .state()
            .ways
            .get(way)
            .is_none_or(|way| way.looks_left > 0)
        {
            self.script
                .wrong(format!("{} was probed before it was ready", word(way)));
        }
        self.script.end().await;
        Ok(())
    }

    async fn refuse_way(&self, way: &WaySpec) -> Result<(), CloudError> {
        self.begin_change(format!("refuse_way {}", word(way)))
            .await?;
        {
            let mut state = self.state();
            let state = &mut *state;
            if let Some(fake) = state.ways.get_mut(way) {
                fake.refuses = true;
            }
        }
        self.script.pass(&format!("refused {}", word(way)));
        self.script.end().await;
        Ok(())
    }

    async fn remove_way(&self, way: &WaySpec) -> Result<(), CloudError> {
        self.begin_change(format!("remove_way {}", word(way)))
            .await?;
        {
            let mut state = self.state();
            let removed = state.ways.remove(way);
            let named = removed
                .is_some_and(|fake| state.names.values().any(|address| *address == fake.address));
            let others = state.ways.keys().any(|other| other.service == way.service);
            if named && others {
                self.script.wrong(format!(
                    "{} was removed while names still led there",
                    word(way)
                ));
            }
        }
        self.script.end().await;
        Ok(())
    }

    async fn publish_names(&self, names: &BTreeMap<String, NameTarget>) -> Result<(), CloudError> {
        self.begin_change("publish_names".to_owned()).await?;
        {
            let mut state = self.state();
            for (name, NameTarget { address, .. }) in names {
                let good = state
                    .ways
                    .values()
                    .any(|way| way.address == *address && !way.refuses && way.looks_left == 0);
                if !good {
                    self.script
                        .wrong(format!("{name} was led to {address}, where nothing is"));
                }
            }
            state.names = names
                .iter()
                .map(|(name, target)| (name.clone(), target.address))
                .collect();
        }
        self.script.end().await;
        Ok(())
    }

    fn forget(&self, region: &str) {
        self.script.note(format!("forget {region}"));
    }

    fn follow(&self, ways: &BTreeSet<WaySpec>) {
        self.state().followed.clone_from(ways);
    }

    fn stir(&self, region: &str) {
        self.state().stirred.push(region.to_owned());
    }

    async fn changed(&self) {
        // An error means that nothing changed in this time.
        drop(tokio::time::timeout(Duration::from_secs(2), self.changed.notified()).await);
        while self.leaves() {
            if self
                .begin_change("register_targets".to_owned())
                .await
                .is_ok()
            {
                self.state().found_again += 1;
            }
        }
    }
}

fn word(way: &WaySpec) -> String {
    match &way.kind {
        WayKind::Public => format!("{} public", way.service),
        WayKind::Private { vpc } => format!("{} vpc:{vpc}", way.service),
    }
}
