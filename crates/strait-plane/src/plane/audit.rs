//! The audit, and the transactions that say in it who asks.

use jiff::{SignedDuration, Timestamp};
use sqlx::{Postgres, Transaction};

use super::Plane;
use crate::error::PlaneError;
use crate::model::{Asked, AuditFilter, AuditPage, Audited, Caller};
use crate::store::audit;
use crate::trail;

/// How many of its rows one answer has at most.
const PAGE: u32 = 1000;
/// What is younger nobody takes away.
const KEPT_AT_LEAST: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Plane {
    /// What was changed and what was refused, as far as it is looked for.
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
        audit::find(self.pool(), filter, page).await
    }

    /// Writes down what was asked for and refused, or done where no change notes itself.
    pub async fn note_asked(&self, asked: &Asked) -> Result<(), PlaneError> {
        audit::note(self.pool(), asked).await
    }

    /// Takes away what is older than this, and notes that; returns how much it was.
    pub async fn forget_audit(&self, until: Timestamp) -> Result<i64, PlaneError> {
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
