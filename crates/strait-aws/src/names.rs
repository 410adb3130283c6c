//! The names of services, in a Route 53 zone.

mod difference;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_route53::Client;
use aws_sdk_route53::types::{Change, ChangeBatch, ChangeStatus, HostedZone, ResourceRecordSet};
use strait_plane::cloud::{CloudError, NameTarget};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Instant, sleep};

use crate::Aws;
use crate::error::Error;
use crate::fence;
use difference::{batches, is_in, zone_of};

/// How long a publication waits for Route 53's servers to answer it; the next one goes on waiting. They take 60 seconds
/// at most, as a rule (<https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetChange.html>).
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two questions whether they do.
const PAUSE: Duration = Duration::from_secs(1);

/// The zone that names of services go to.
#[derive(Debug)]
pub(crate) struct Zone {
    route53: Client,
    domain: String,
    id: OnceCell<String>,
    /// Changes that not all of Route 53's servers answer yet. Held by the one publication at a time.
    pending: Mutex<Vec<String>>,
}

impl Aws {
    /// The names that the public DNS answers, whole: what is not in it is gone. Returns when all of Route 53's servers
    /// answer it. Touches nothing in the zone but names of the form SERVICE.PROJECT.{db,vpc,public}.DOMAIN.
    ///
    /// # Errors
    /// There is no such zone, AWS refuses the change, or Route 53's servers need longer.
    pub async fn publish_names(
        &self,
        names: &BTreeMap<String, NameTarget>,
    ) -> Result<(), CloudError> {
        Ok(self.zone.publish(names).await?)
    }
}

impl Zone {
    pub(crate) fn new(route53: Client, domain: &str, id: Option<&str>) -> Self {
        let id = id.map(str::to_owned);
        Self {
            route53,
            domain: domain.trim_end_matches('.').to_ascii_lowercase(),
            id: OnceCell::new_with(id),
            pending: Mutex::default(),
        }
    }

    async fn publish(&self, wanted: &BTreeMap<String, NameTarget>) -> Result<(), Error> {
        let mut pending = self.pending.lock().await;
        let id = match self.id.get_or_try_init(|| self.find()).await {
            // Without services nobody needs a zone.
            Err(Error::Refused { .. }) if wanted.is_empty() => return Ok(()),
            found => found?,
        };
        let present = self.records(id).await?;
        for changes in batches(&self.domain, &present, wanted)? {
            pending.push(self.change(id, changes).await?);
        }
        self.wait(&mut pending).await
    }

    /// The public zone of the domain, or of its nearest parent that has one.
    async fn find(&self) -> Result<String, Error> {
        let pages = self.route53.list_hosted_zones().into_paginator();
        let zones: Vec<HostedZone> = pages.items().send().try_collect().await?;
        zone_of(&self.domain, &zones)
    }

    /// The zone's records of the domain and below it, which Route 53 lists together
    /// (<https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html>). The SDK has no
    /// paginator for them.
    async fn records(&self, id: &str) -> Result<Vec<ResourceRecordSet>, Error> {
        let mut records = Vec::new();
        let list = || self.route53.list_resource_record_sets().hosted_zone_id(id);
        let mut page = list().start_record_name(&self.domain);
        loop {
            let answer = page.send().await?;
            records.extend(answer.resource_record_sets);
            let next = answer
                .next_record_name
                .filter(|next| is_in(&self.domain, next));
            if !answer.is_truncated || next.is_none() {
                return Ok(records);
            }
            page = list()
                .set_start_record_name(next)
                .set_start_record_type(answer.next_record_type)
                .set_start_record_identifier(answer.next_record_identifier);
        }
    }

    async fn change(&self, id: &str, changes: Vec<Change>) -> Result<String, Error> {
        let count = changes.len();
        let batch = ChangeBatch::builder()
            .comment("Strait: names of services")
            .set_changes(Some(changes));
        let call = self
            .route53
            .change_resource_record_sets()
            .hosted_zone_id(id);
        let call = Box::pin(call.change_batch(batch.build()?).send());
        let answer = fence::change(async {
            tracing::info!(zone = id, changes = count, "changing the names of services");
            call.await
        });
        let answer = answer.await?;
        let info = answer
            .change_info
            .ok_or_else(|| Error::silent("route53:ChangeResourceRecordSets"))?;
        Ok(info.id)
    }

    /// Waits until all of Route 53's servers answer all changes.
    async fn wait(&self, pending: &mut Vec<String>) -> Result<(), Error> {
        let patience = Instant::now() + PATIENCE;
        while let Some(change) = pending.last() {
            let answer = self.route53.get_change().id(change).send().await?;
            if answer
                .change_info
                .is_some_and(|info| info.status == ChangeStatus::Insync)
            {
                pending.pop();
            } else if Instant::now() < patience {
                sleep(PAUSE).await;
            } else {
                return Err(Error::NotYet(
                    "not all of Route 53's servers answer the new names yet".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_route53::types::{ChangeAction, RrType};
    use strait_plane::cloud::fenced;

    use super::*;
    use crate::fake::{Answer, Fake};

    const CHANGE: &str = "ChangeResourceRecordSets";

    #[tokio::test]
    async fn a_change_of_names_is_not_repeated_once_the_lease_is_lost() {
        for (stays, attempts) in [(false, 1), (true, 3)] {
            let route53 = Fake::default().answer(CHANGE, [Answer::Lost]);
            let client = Client::new(&route53.sdk());
            let zone = Zone::new(client, "strait.example.com", Some("Z1"));
            let seen = route53.clone();
            let held = move || stays || seen.asked(CHANGE) == 0;
            let outcome = fenced(held, zone.change("Z1", vec![change()])).await;
            assert!(
                outcome.as_ref().is_err_and(Error::is_doubtful),
                "the first one was sent: {outcome:?}"
            );
            assert_eq!(route53.asked(CHANGE), attempts);
        }
    }

    fn change() -> Change {
        let record = ResourceRecordSet::builder()
            .name("s1.p1.db.strait.example.com")
            .r#type(RrType::A)
            .build();
        Change::builder()
            .action(ChangeAction::Delete)
            .resource_record_set(record.expect("a record"))
            .build()
            .expect("a change")
    }
}
