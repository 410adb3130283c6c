//! Allow lists: from which addresses a service is reached.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Plane;
use crate::cloud::Allowed;
use crate::error::PlaneError;
use crate::model::{
    ALLOW_RULES, Action, AllowChange, AllowEntry, AllowLists, ListChange, Network, OperationState,
    SessionsByClient, ShownAllowLists, Side, Wanted,
};
use crate::reconcile::way_spec;
use crate::store::services::{self, Kept, Origin};
use crate::store::{allow, operations, tell_work, ways};
use crate::wish::{Asked, deleted};
use crate::{allow_list, secret};

/// How long the answer waits until packets obey.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many characters of a digest name a state of the lists.
const VERSION_LENGTH: usize = 16;

impl Plane {
    /// From which addresses a service is reached.
    pub async fn allow_lists(
        &self,
        project: &str,
        service: &str,
    ) -> Result<ShownAllowLists, PlaneError> {
        let kept = self.find_service(project, service).await?;
        self.shown_lists(&kept).await
    }

    /// Changes who may come, by the public way or by the private one, and waits for a moment until packets obey.
    pub async fn set_allow_lists(
        &self,
        project: &str,
        service: &str,
        change: &AllowChange,
    ) -> Result<ShownAllowLists, PlaneError> {
        let kept = self.find_service(project, service).await?;
        let asked = |before: &AllowLists| {
            as_seen(&kept, before, change)?;
            changed(&kept, before, change)
        };
        if !change.force {
            self.cuts_nobody_off(&kept, &asked(&kept.allow)?).await?;
        }
        let mut tx = self.begin().await?;
        let Some((wanted, network)) = services::lock(&mut tx, &kept.id).await? else {
            return Err(PlaneError::not_found("service", service));
        };
        if wanted == Wanted::Deleted {
            return Err(deleted(&kept));
        }
        let before = allow::get(&mut *tx, &kept.id).await?;
        let after = asked(&before)?;
        let last = operations::last_of(&mut *tx, &kept.id, Action::ServiceAllow).await?;
        if before == after && !last.is_some_and(|last| came_to_nothing(last.state)) {
            tx.commit().await?;
            return self.shown_lists(&kept).await;
        }
        allow::set(&mut *tx, &kept.id, &after).await?;
        services::want(&mut *tx, &kept.id, wanted, &network).await?;
        let (was, is) = difference(&before, &after);
        let asked = Asked::of(Action::ServiceAllow, &kept).becomes(wanted, None);
        let operation = self.note(&mut tx, asked, was, is).await?;
        tell_work(&mut *tx, "service", &kept.id).await?;
        tx.commit().await?;
        self.operation_ended(&kept.project_id, &operation, PATIENCE)
            .await?;
        let kept = self.find_service(&kept.project_id, &kept.id).await?;
        self.shown_lists(&kept).await
    }

    /// Refuses what would end sessions that are open now, and says whose.
    async fn cuts_nobody_off(&self, kept: &Kept, after: &AllowLists) -> Result<(), PlaneError> {
        for way in ways::list(self.pool(), &kept.id).await? {
            let side = Side::of(&way.network);
            let is_its_own = matches!(kept.origin, Origin::Registered(_)) && side == Side::Public;
            if way.open.is_none()
                || way.closing
                || is_its_own
                || kept.allow.of(side) == after.of(side)
            {
                continue;
            }
            let allowed = allow::allowed(self.pool(), after, &way.network).await?;
            let spec = way_spec(kept, &way.network);
            let sessions = self.context.cloud.sessions(&spec).await;
            let sessions = sessions.map_err(|error| PlaneError::Unavailable {
                message: format!(
                    "whose sessions this would end could not be looked at ({error}); try again, or ask for it whatever it ends (`force`, on the command line `--yes`)"
                ),
            })?;
            let cut: SessionsByClient = (sessions.into_iter().flatten())
                .filter(|(client, _)| !allowed.allows(*client))
                .collect();
            if !cut.is_empty() {
                return Err(PlaneError::CutsSessions {
                    message: cuts(kept, side, &cut),
                });
            }
        }
        Ok(())
    }

    async fn shown_lists(&self, kept: &Kept) -> Result<ShownAllowLists, PlaneError> {
        let last = operations::last_of(self.pool(), &kept.id, Action::ServiceAllow).await?;
        let in_effect =
            (last.as_ref()).is_none_or(|operation| operation.state == OperationState::Succeeded);
        Ok(ShownAllowLists {
            service_id: kept.id.clone(),
            version: version(&kept.allow),
            warnings: self.warnings(kept).await?,
            lists: kept.allow.clone(),
            operation_id: last.map(|operation| operation.id),
            in_effect,
        })
    }

    /// What one may not have meant.
    async fn warnings(&self, kept: &Kept) -> Result<Vec<String>, PlaneError> {
        let mut warnings = Vec::new();
        for side in Side::ALL {
            let Some(list) = kept.allow.of(*side) else {
                continue;
            };
            if list.is_empty() {
                warnings.push(format!(
                    "the {side} list is empty: nobody gets in by that way"
                ));
            }
            if let Some(entry) = list.iter().find(|entry| entry.cidr.prefix_len() == 0) {
                warnings.push(format!(
                    "the {side} list has {}: everybody gets in, as without a list",
                    entry.cidr
                ));
            }
        }
        if let (Some(current), Some(list)) = (&kept.current, &kept.allow.private)
            && let network @ Network::Vpc(vpc) = &current.network
            && let Allowed::Only(ranges) = allow::allowed(self.pool(), &kept.allow, network).await?
        {
            if ranges.is_empty() && !list.is_empty() {
                warnings.push(format!(
                    "no network that is peered with VPC {vpc} has an address of the private list: nobody gets in by that way"
                ));
            }
            if ranges.len() > ALLOW_RULES {
                warnings.push(format!(
                    "with the networks that are peered with VPC {vpc} the private list becomes {} ranges, and a security group has room for {ALLOW_RULES} unless its quota was raised; unite ranges if it is not in effect",
                    ranges.len()
                ));
            }
        }
        Ok(warnings)
    }
}

/// Refuses a change of lists that are others than those that whoever asks has seen.
fn as_seen(kept: &Kept, before: &AllowLists, change: &AllowChange) -> Result<(), PlaneError> {
    match &change.version {
        Some(seen) if *seen != version(before) => Err(PlaneError::conflict(format!(
            "the allow lists of service {} ({:?}) were changed meanwhile; look at them again, then ask once more",
            kept.id, kept.name
        ))),
        Some(_) | None => Ok(()),
    }
}

/// The lists after the change, if it makes sense.
fn changed(
    kept: &Kept,
    before: &AllowLists,
    change: &AllowChange,
) -> Result<AllowLists, PlaneError> {
    if let (Origin::Registered(registration), ListChange::Only(_)) = (&kept.origin, &change.public)
    {
        return Err(PlaneError::conflict(format!(
            "service {} ({:?}) is a PostgreSQL that Strait did not make, and its public way is its own: who comes by it, the rules of its security group decide; change them where it is ({}). The list of the private way is Strait's",
            kept.id, kept.name, registration.host
        )));
    }
    Ok(AllowLists {
        public: list("public", before.public.as_ref(), &change.public)?,
        private: list("private", before.private.as_ref(), &change.private)?,
    })
}

fn list(
    field: &'static str,
    before: Option<&Vec<AllowEntry>>,
    change: &ListChange,
) -> Result<Option<Vec<AllowEntry>>, PlaneError> {
    match change {
        ListChange::Keep => Ok(before.cloned()),
        ListChange::Open => Ok(None),
        ListChange::Only(entries) => allow_list::checked(field, entries).map(Some),
    }
}

/// Whether what was asked for was given up, so that it has to be asked for again.
fn came_to_nothing(state: OperationState) -> bool {
    match state {
        OperationState::Failed | OperationState::Cancelled => true,
        OperationState::Queued | OperationState::Running | OperationState::Succeeded => false,
    }
}

/// Those lists that change, as they were and as they are to be; both where the same ones are asked for again.
fn difference(before: &AllowLists, after: &AllowLists) -> (Value, Value) {
    if before == after {
        return (json!(before), json!(after));
    }
    let (mut was, mut is) = (Map::new(), Map::new());
    for side in Side::ALL {
        if before.of(*side) != after.of(*side) {
            was.insert(side.to_string(), json!(before.of(*side)));
            is.insert(side.to_string(), json!(after.of(*side)));
        }
    }
    (was.into(), is.into())
}

fn version(lists: &AllowLists) -> String {
    let digest = secret::digest(&json!(lists).to_string());
    digest.chars().take(VERSION_LENGTH).collect()
}

fn cuts(kept: &Kept, side: Side, cut: &SessionsByClient) -> String {
    let count: u32 = cut.values().sum();
    let whose: Vec<String> = (cut.iter().take(10))
        .map(|(client, count)| format!("{client} ({count})"))
        .collect();
    let more = match cut.len().saturating_sub(10) {
        0 => String::new(),
        more => format!(" and {more} other addresses"),
    };
    format!(
        "this would end {count} sessions that are open by the {side} way of service {} ({:?}), from addresses that the list does not name: {}{more}. Add them to the list, or ask for it whatever it ends (`force`, on the command line `--yes`)",
        kept.id,
        kept.name,
        whose.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lists_that_change_are_told_of() {
        let entry = AllowEntry {
            cidr: "10.0.0.0/8".parse().expect("a range"),
            description: "ours".to_owned(),
        };
        let before = AllowLists {
            public: None,
            private: Some(vec![entry.clone()]),
        };
        let after = AllowLists {
            public: Some(Vec::new()),
            ..before.clone()
        };
        assert_eq!(
            difference(&before, &after),
            (json!({ "public": null }), json!({ "public": [] }))
        );
        assert_eq!(
            difference(&before, &before),
            (json!(before), json!(before)),
            "asked for again"
        );
        assert_ne!(version(&before), version(&after));
        assert_eq!(version(&before), version(&before.clone()));
    }
}
