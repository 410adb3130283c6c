//! The walk of a packet to a service, by the model.

use std::net::Ipv4Addr;

use strait_vpc::state::Holder;
use strait_vpc::{Flow, Network, Protocol, Source, Step, Verdict};

use super::{INTERNET, Local, allow, hosts};

/// Why there is no walk to tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReachError {
    /// The starting point is unknown.
    #[error(
        "there is no running instance {0}, and it is not `internet`; `aws ec2 describe-instances` lists them"
    )]
    NoSuchHost(String),
    /// The service has no address.
    #[error(
        "the service has no address now: it does not run, or it is just being made; try again in a moment"
    )]
    NoWay,
}

impl Local {
    /// Walks a packet from a host to the service with this id, at its current address.
    ///
    /// # Errors
    /// When the host is unknown or the service has no address.
    pub async fn reach(&self, from: &str, service: &str, port: u16) -> Result<Verdict, ReachError> {
        let network = self.network().await;
        let to = self
            .address_of_service(service)
            .await
            .ok_or(ReachError::NoWay)?;
        let from = source(&network, from).ok_or_else(|| ReachError::NoSuchHost(from.to_owned()))?;
        let flow = Flow {
            from,
            to,
            protocol: Protocol::Tcp(port),
        };
        let mut verdict = strait_vpc::reach(&network, &flow);
        for step in verdict.steps.iter_mut().filter(|step| !step.ok) {
            name_the_list(&network, service, step);
        }
        Ok(verdict)
    }

    /// The address that the service's stable name answers.
    async fn address_of_service(&self, service: &str) -> Option<Ipv4Addr> {
        let (prefix, middle) = (format!("{service}."), ".db.");
        let names = self.inner.names.lock().await;
        let mut stable = names
            .iter()
            .filter(|(name, _)| name.starts_with(&prefix) && name.contains(middle));
        stable.next().map(|(_, address)| *address)
    }
}

/// Says of a group that it is the service's allow list, and mends that instead: by hand it would be taken back.
fn name_the_list(network: &Network, service: &str, step: &mut Step) {
    let Some((rest, far)) = step
        .fix
        .as_deref()
        .and_then(|fix| fix.rsplit_once(" --cidr "))
    else {
        return;
    };
    let names_it = |id: &str| rest.contains(&format!("--group-id {id} "));
    let mut groups = network.security_groups.values();
    let group = groups.find(|group| names_it(group.id.as_str()));
    let Some((group, side)) =
        group.and_then(|group| Some((group, allow::side_of(group, service)?)))
    else {
        return;
    };
    let fix = format!("strait service allow add {service} --{side} {far}");
    step.what = format!(
        "{}: {} is the {side} allow list of the service",
        step.what, group.id
    );
    step.fix = Some(fix);
}

fn source(network: &Network, from: &str) -> Option<Source> {
    let entry = hosts(network)
        .into_iter()
        .find(|entry| entry.is_called(from))?;
    if entry.host == INTERNET {
        return Some(Source::Internet);
    }
    let mut interfaces = network.interfaces.values();
    let first = interfaces.find(|interface| {
        matches!(&interface.holder, Holder::Instance { id, device_index: 0, .. } if id.as_str() == entry.host)
    });
    first.map(|interface| Source::Interface(interface.id.clone()))
}
