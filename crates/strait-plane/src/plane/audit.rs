//! The audit, and the transactions that say in it who asks.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sqlx::{Postgres, Transaction};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Plane;
use crate::error::PlaneError;
use crate::model::{Asked, AuditFilter, AuditPage, Audited, Caller};
use crate::store::audit;
use crate::trail;

/// How many of its rows one answer has at most.
const PAGE: u32 = 1000;
/// What is younger nobody takes away.
const KEPT_AT_LEAST: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many look into it at a time: a search may take long, and others want connections of the store too.
const SEARCHES: usize = 3;
/// How long one waits for a turn.
const PATIENCE: Duration = Duration::from_secs(6);
/// After how many seconds a refused one may come again.
const LATER: u64 = 5;
/// The years that times may be in which are looked for. PostgreSQL knows earlier ones, jiff later ones.
const YEARS: (i16, i16) = (1, 9999);

/// Lets so many search at a time.
pub(super) struct Searches(Semaphore);

impl Plane {
    /// What was changed and what was refused, as far as it is looked for. The oldest first: up to what is certain to be all there is,
    /// so that who goes on from there misses nothing.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        page: AuditPage,
    ) -> Result<Vec<Audited>, PlaneError> {
        let page = match page {
            AuditPage::Newest { before, limit } => AuditPage::Newest {
                before,
                limit: limit.clamp(1, PAGE),
            },
            AuditPage::Oldest { after, limit } => AuditPage::Oldest {
                after,
                limit: limit.clamp(1, PAGE),
            },
        };
        within("since", filter.since)?;
        within("until", filter.until)?;
        let _turn = self.searches.turn().await?;
        audit::find(self.pool(), filter, page).await
    }

    /// Writes down what was asked for and refused, or done where no change notes itself.
    pub async fn note_asked(&self, asked: &Asked) -> Result<(), PlaneError> {
        audit::note(self.pool(), asked).await
    }

    /// Takes away what is older than this, and notes that; returns how much it was.
    pub async fn forget_audit(&self, until: Timestamp) -> Result<i64, PlaneError> {
        within("until", Some(until))?;
        let newest = Timestamp::now() - KEPT_AT_LEAST;
        if until > newest {
            return Err(PlaneError::invalid(
                "until",
                format!("the audit of the last 30 days stays; give a time before {newest}"),
            ));
        }
        let mut tx = self.begin().await?;
        let gone = audit::forget(&mut tx, until).await?;
        tx.commit().await?;
        Ok(gone)
    }

    /// Begins a change: what its transaction writes is in the audit as the caller's.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Postgres>, PlaneError> {
        let Caller {
            actor, actor_name, ..
        } = &*self.caller;
        trail::begin(self.pool(), actor, actor_name.as_deref()).await
    }
}

impl Default for Searches {
    fn default() -> Self {
        Self(Semaphore::new(SEARCHES))
    }
}

impl Searches {
    async fn turn(&self) -> Result<SemaphorePermit<'_>, PlaneError> {
        match tokio::time::timeout(PATIENCE, self.0.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(PlaneError::TooMany {
                message: format!(
                    "{SEARCHES} searches of the audit are under way here, and no more may be at once; try again in {LATER} s"
                ),
                retry_after: LATER,
            }),
        }
    }
}

/// Refuses times that the store cannot compare with.
fn within(field: &'static str, at: Option<Timestamp>) -> Result<(), PlaneError> {
    let (first, last) = YEARS;
    let year = |at: Timestamp| TimeZone::UTC.to_datetime(at).year();
    match at {
        Some(at) if !(first..=last).contains(&year(at)) => Err(PlaneError::invalid(
            field,
            format!(
                "{at} is out of what can be looked for; give a time in the years {first:04} to {last}"
            ),
        )),
        Some(_) | None => Ok(()),
    }
}
