//! The audit, and the transactions that say in it who asks.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sqlx::{Postgres, Transaction};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Plane;
use crate::error::PlaneError;
use crate::model::{Asked, AuditFilter, AuditPage, Audited, Caller};
use crate::store::audit::{self, Span};
use crate::trail;

/// How many entries are gone through at a time by who reads all of it, and how many of them are told at once.
const WINDOW: i64 = 20_000;
const STRIDE: u32 = 500;
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

/// Reads the audit from the oldest on, bit by bit, up to what is certain to be all there was when it began: who goes on from there
/// misses nothing.
pub struct AuditReader {
    plane: Plane,
    filter: AuditFilter,
    left: Left,
}

/// What is still to be read.
enum Left {
    /// What there is after this one: it has not begun.
    After(i64),
    Span(Span),
}

impl Plane {
    /// What was changed and what was refused, as far as it is looked for.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        page: AuditPage,
    ) -> Result<Vec<Audited>, PlaneError> {
        within("since", filter.since)?;
        within("until", filter.until)?;
        let _turn = self.searches.turn().await?;
        audit::newest(self.pool(), filter, page.before, page.limit.get()).await
    }

    /// Reads all that is looked for after this one.
    pub fn read_audit(&self, filter: AuditFilter, after: i64) -> Result<AuditReader, PlaneError> {
        within("since", filter.since)?;
        within("until", filter.until)?;
        Ok(AuditReader {
            plane: self.clone(),
            filter,
            left: Left::After(after),
        })
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

impl AuditReader {
    /// The next ones; none while there are none like that among those that were gone through, and nothing at the end. Only the first
    /// time is it refused for too many others: who has begun waits for as long as it takes.
    pub async fn next(&mut self) -> Result<Option<Vec<Audited>>, PlaneError> {
        let pool = self.plane.pool();
        let (_turn, span) = match self.left {
            Left::After(after) => {
                let turn = self.plane.searches.turn().await?;
                (turn, audit::extent(pool, &self.filter, after).await?)
            }
            Left::Span(span) => (self.plane.searches.wait().await?, span),
        };
        self.left = Left::Span(span);
        if span.after >= span.upto {
            return Ok(None);
        }
        let window = Span {
            upto: span.upto.min(span.after.saturating_add(WINDOW)),
            ..span
        };
        let found = audit::oldest(pool, &self.filter, window, STRIDE).await?;
        let after = match found.last() {
            Some(last) if found.len() == STRIDE as usize => last.id,
            Some(_) | None => window.upto,
        };
        self.left = Left::Span(Span { after, ..span });
        Ok(Some(found))
    }
}

impl Default for Searches {
    fn default() -> Self {
        Self(Semaphore::new(SEARCHES))
    }
}

impl Searches {
    async fn turn(&self) -> Result<SemaphorePermit<'_>, PlaneError> {
        let turn = tokio::time::timeout(PATIENCE, self.wait()).await;
        turn.unwrap_or_else(|_| Err(too_many()))
    }

    async fn wait(&self) -> Result<SemaphorePermit<'_>, PlaneError> {
        self.0.acquire().await.map_err(|_| too_many())
    }
}

fn too_many() -> PlaneError {
    PlaneError::TooMany {
        message: format!(
            "{SEARCHES} searches of the audit are under way here, and no more may be at once; try again in {LATER} s"
        ),
        retry_after: LATER,
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
