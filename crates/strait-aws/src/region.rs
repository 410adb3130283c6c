//! One Region: its clients, and how verbs write with them.
//!
//! ```text
//! let region = self.region(&spec.region)?;
//! let vpcs = region.vpcs().await?;                                  // a look, most often one from memory
//! let Some(vpc) = vpcs.made_for(&key).next() else { … };
//! let call = region.ec2().delete_vpc().vpc_id(vpc.id());
//! gone(region.change(&[Kind::Vpcs], call.send()).await)?;          // a write, after which no look at VPCs is fresh
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_ec2::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::client::Clients;
use crate::error::Error;
use crate::fence;
use crate::look::{Kind, Looks};
use crate::seen::lock;
use crate::tag::{Key, Tags};

/// For how long something that was written is followed closely.
const HURRY: Duration = Duration::from_secs(10);

/// One Region.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) name: String,
    pub(crate) tags: Tags,
    pub(crate) looks: Looks,
    clients: Clients,
    hurried_until: Mutex<Option<Instant>>,
    stirred: Arc<Notify>,
    missed: Mutex<BTreeMap<Key, Instant>>,
    service_vpcs: Mutex<BTreeSet<String>>,
}

impl Region {
    /// A Region that tells `stirred` when it is hurried.
    pub(crate) fn new(name: &str, clients: Clients, tags: Tags, stirred: Arc<Notify>) -> Self {
        Self {
            name: name.to_owned(),
            tags,
            looks: Looks::default(),
            clients,
            hurried_until: Mutex::default(),
            stirred,
            missed: Mutex::default(),
            service_vpcs: Mutex::default(),
        }
    }

    /// EC2, for calls that are safe to repeat.
    pub(crate) fn ec2(&self) -> &aws_sdk_ec2::Client {
        &self.clients.ec2
    }

    /// EC2, for calls that are not.
    pub(crate) fn ec2_once(&self) -> &aws_sdk_ec2::Client {
        &self.clients.ec2_once
    }

    /// Elastic Load Balancing.
    pub(crate) fn elb(&self) -> &aws_sdk_elasticloadbalancingv2::Client {
        &self.clients.elb
    }

    /// RDS.
    pub(crate) fn rds(&self) -> &aws_sdk_rds::Client {
        &self.clients.rds
    }

    /// Has the security groups of a service's VPC looked at too.
    pub(crate) fn know_service_vpc(&self, id: &str) {
        if lock(&self.service_vpcs).insert(id.to_owned()) {
            self.looks.groups.forget();
        }
    }

    /// VPCs of services.
    pub(crate) fn service_vpcs(&self) -> BTreeSet<String> {
        lock(&self.service_vpcs).clone()
    }

    /// Sends a call that changes something of these kinds, as long as this server may. Whatever comes of it, and if nobody
    /// waits for its answer any more, they are looked at anew.
    pub(crate) async fn change<T, E>(
        &self,
        kinds: &[Kind<'_>],
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Error>
    where
        Error: From<SdkError<E, HttpResponse>>,
    {
        // The SDK's futures are large, and stacks of threads are not.
        let call = Box::pin(call);
        fence::change(async {
            let _forgets = Forgets {
                region: self,
                kinds,
            };
            call.await
        })
        .await
    }

    /// For how long what was made for this key has not been listed, as far as this process knows.
    pub(crate) fn missed(&self, key: &Key, now: Instant) -> Duration {
        let mut missed = lock(&self.missed);
        now.saturating_duration_since(*missed.entry(key.clone()).or_insert(now))
    }

    /// What was made for this key is listed.
    pub(crate) fn found(&self, key: &Key) {
        lock(&self.missed).remove(key);
    }

    /// Looks are fresh for a short time only from now on, because something is in progress.
    pub(crate) fn hurry(&self) {
        *lock(&self.hurried_until) = Some(Instant::now() + HURRY);
        self.stirred.notify_one();
    }

    /// Whether something is in progress.
    pub(crate) fn is_hurried(&self) -> bool {
        lock(&self.hurried_until).is_some_and(|until| Instant::now() < until)
    }
}

/// Forgets looks when it goes.
struct Forgets<'a> {
    region: &'a Region,
    kinds: &'a [Kind<'a>],
}

impl Drop for Forgets<'_> {
    fn drop(&mut self) {
        self.region.looks.forget(self.kinds);
        self.region.hurry();
    }
}
