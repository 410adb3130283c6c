//! What tests do to the cloud from outside, as customers and as what happens, and what they see of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use strait_plane::cloud::{Allowed, PeerState, PeeringObserved, WayKind, WaySpec};
use strait_plane::model::SessionsByClient;

use super::FakeCloud;

impl FakeCloud {
    /// What the customer does: accepts, adds a range, rejects.
    pub(crate) fn customer(&self, peering: &str, change: impl FnOnce(&mut PeeringObserved)) {
        let mut state = self.state();
        change(&mut state.peerings.get_mut(peering).expect("a peering").observed);
        drop(state);
        self.changed.notify_one();
    }

    pub(crate) fn accept(&self, peering: &str, ranges: &[&str]) {
        self.customer(peering, |observed| {
            observed.state = PeerState::Active;
            observed.message = "Active".to_owned();
            observed.expires_at = None;
            observed.peer_ranges = ranges
                .iter()
                .map(|range| range.parse().expect("a range"))
                .collect();
        });
    }

    pub(crate) fn admitted(&self, peering: &str) -> Option<BTreeSet<Ipv4Net>> {
        self.state()
            .peerings
            .get(peering)
            .map(|peering| peering.admitted.clone())
    }

    pub(crate) fn slow_ways(&self, looks: u32) {
        self.state().slowness = looks;
    }

    pub(crate) fn names(&self) -> BTreeMap<String, Ipv4Addr> {
        self.state().names.clone()
    }

    /// The ways of a service that are there, and whether they refuse.
    pub(crate) fn ways(&self, service: &str) -> Vec<(WayKind, bool)> {
        self.state()
            .ways
            .iter()
            .filter(|(spec, _)| spec.service == service)
            .map(|(spec, way)| (spec.kind.clone(), way.refuses))
            .collect()
    }

    /// The id of each way of a service, and by which one it was asked for last.
    pub(crate) fn known(&self, service: &str) -> Vec<(String, Option<String>)> {
        (self.state().ways.iter())
            .filter(|(spec, _)| spec.service == service)
            .map(|(_, way)| (way.id.clone(), way.known.clone()))
            .collect()
    }

    /// Who may come by each way of a service.
    pub(crate) fn allowed(&self, service: &str) -> Vec<(WayKind, Allowed)> {
        (self.state().ways.iter())
            .filter(|(spec, _)| spec.service == service)
            .map(|(spec, way)| (spec.kind.clone(), way.allowed.clone()))
            .collect()
    }

    /// As if somebody had changed the rules of a service's ways behind Strait's back.
    pub(crate) fn let_everybody_in(&self, service: &str) {
        let mut state = self.state();
        for (_, way) in state
            .ways
            .iter_mut()
            .filter(|(spec, _)| spec.service == service)
        {
            way.allowed = Allowed::Everybody;
        }
    }

    /// Clients connect to a service, by whichever way is open.
    pub(crate) fn connect(&self, service: &str, client: Ipv4Addr, sessions: u32) {
        let mut state = self.state();
        let mut ways = state.ways.iter_mut();
        let way = ways.find(|(spec, way)| spec.service == service && way.allowed.allows(client));
        let (_, way) = way.expect("a way that lets this client in");
        *way.sessions.entry(client).or_default() += sessions;
    }

    /// The sessions of a service by its clients' addresses.
    pub(crate) fn clients(&self, service: &str) -> SessionsByClient {
        let state = self.state();
        let ways = state
            .ways
            .iter()
            .filter(|(spec, _)| spec.service == service);
        ways.flat_map(|(_, way)| way.sessions.clone()).collect()
    }

    /// From now on it neither knows nor ends sessions by their clients' addresses.
    pub(crate) fn know_no_clients(&self) {
        self.state().knows_no_clients = true;
    }

    /// The ways that follow their services.
    pub(crate) fn followed(&self) -> BTreeSet<WaySpec> {
        self.state().followed.clone()
    }

    /// How often it was told that a customer was asked.
    pub(crate) fn stirred(&self) -> usize {
        self.state().stirred.len()
    }

    /// A service comes to be elsewhere: who watches follows it there.
    pub(crate) fn go_elsewhere(&self) {
        self.state().elsewhere += 1;
        self.changed.notify_one();
    }

    /// How often a service was followed to where it came to be.
    pub(crate) fn found_again(&self) -> u32 {
        self.state().found_again
    }

    pub(crate) fn vpcs(&self) -> usize {
        self.state().vpcs.len()
    }

    pub(crate) fn peerings(&self) -> usize {
        self.state().peerings.len()
    }

    /// How many things were ever made.
    pub(crate) fn made(&self) -> u32 {
        self.state().made
    }

    /// Whether nothing is left of anything.
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state();
        let things = state.vpcs.len() + state.peerings.len() + state.ways.len() + state.names.len();
        things == 0
    }
}
