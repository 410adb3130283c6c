//! Writes in their order, each exactly once: a connection that is lost while PostgreSQL commits leaves open whether it did, and a
//! write of a server that was killed may still be on its way when the next one reads.

use std::time::Duration;

use sqlx::postgres::{PgDatabaseError, PgSeverity};
use sqlx::{PgConnection, PgPool};
use tokio::sync::watch;

use super::Change;
use crate::LocalError;

/// How long the store is left alone after a write whose outcome it could not say.
const PAUSE: Duration = Duration::from_millis(200);

/// The number of the last write, which every write counts up: one that comes too late finds another number and does nothing.
#[derive(Debug)]
pub(crate) struct Head {
    change: i64,
    in_doubt: watch::Sender<bool>,
}

impl Head {
    /// Takes over from whoever wrote before, in the transaction in which the rows are read: what they sent and is not there yet
    /// never will be.
    pub(super) async fn take(connection: &mut PgConnection) -> Result<Self, LocalError> {
        // By two, so that nobody takes this for a write of their own.
        let taken = sqlx::query_scalar(
            "insert into cloud.head (change) values (0) on conflict (the_only) do update set change = head.change + 2
             returning change",
        );
        Ok(Self {
            change: taken.fetch_one(connection).await?,
            in_doubt: watch::Sender::new(false),
        })
    }

    /// Whether it is not known what became of the last write.
    pub(crate) fn doubts(&self) -> watch::Receiver<bool> {
        self.in_doubt.subscribe()
    }

    /// Writes changed rows: one statement, which is committed when this returns. If the store does not tell what became of it,
    /// this waits until it does, however long that takes: the network in memory must be what is written.
    ///
    /// # Errors
    /// When nothing was written, and nothing will be.
    pub(crate) async fn write(
        &mut self,
        pool: &PgPool,
        changes: &[Change],
    ) -> Result<(), LocalError> {
        let written = self.write_until_known(pool, changes).await;
        self.in_doubt.send_replace(false);
        written
    }

    async fn write_until_known(
        &mut self,
        pool: &PgPool,
        changes: &[Change],
    ) -> Result<(), LocalError> {
        let mut is_known = true;
        loop {
            match self.try_write(pool, changes).await {
                Ok(()) => {
                    self.change += 1;
                    return Ok(());
                }
                Err(Failure::Superseded(now)) if !is_known && now == self.change + 1 => {
                    self.change = now;
                    return Ok(());
                }
                Err(Failure::Superseded(_)) => return Err(LocalError::OtherServer),
                Err(Failure::NotWritten(error)) if is_known || closed(&error) => {
                    return Err(error.into());
                }
                Err(Failure::NotWritten(error) | Failure::Unknown(error)) => {
                    if is_known {
                        tracing::warn!(%error, "it is not known whether the store has the last change; asking until it tells");
                    }
                    is_known = false;
                    self.in_doubt.send_replace(true);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn try_write(&self, pool: &PgPool, changes: &[Change]) -> Result<(), Failure> {
        let mut gone = (Vec::new(), Vec::new());
        let mut rows = (Vec::new(), Vec::new(), Vec::new());
        for change in changes {
            let Some(body) = &change.body else {
                gone.0.push(change.kind);
                gone.1.push(change.id.as_str());
                continue;
            };
            rows.0.push(change.kind);
            rows.1.push(change.id.as_str());
            rows.2.push(body);
        }
        let mut connection = pool.acquire().await.map_err(Failure::NotWritten)?;
        let turns: i64 = sqlx::query_scalar(
            "with turn as (
                 update cloud.head set change = change + 1 where change = $6 returning change
             ), gone as (
                 delete from cloud.object using unnest($1::text[], $2::text[]) as old (kind, id)
                 where object.kind = old.kind and object.id = old.id and exists (select from turn)
             ), fresh as (
                 insert into cloud.object (kind, id, body)
                 select * from unnest($3::text[], $4::text[], $5::jsonb[]) where exists (select from turn)
                 on conflict (kind, id) do update set body = excluded.body
             )
             select count(*) from turn",
        )
        .bind(gone.0)
        .bind(gone.1)
        .bind(rows.0)
        .bind(rows.1)
        .bind(rows.2)
        .bind(self.change)
        .fetch_one(&mut *connection)
        .await
        .map_err(Failure::of_statement)?;
        if turns == 1 {
            return Ok(());
        }
        let now = sqlx::query_scalar("select max(change) from cloud.head");
        let now: Option<i64> = now
            .fetch_one(&mut *connection)
            .await
            .map_err(Failure::Unknown)?;
        Err(Failure::Superseded(now.unwrap_or_default()))
    }
}

/// Why a write did not succeed.
#[derive(Debug)]
enum Failure {
    /// Nothing was written.
    NotWritten(sqlx::Error),
    /// It may have been written, or be yet.
    Unknown(sqlx::Error),
    /// Another write was before it: this one.
    Superseded(i64),
}

impl Failure {
    /// PostgreSQL says why it refuses a statement; what it says of its own end, with whatever code, may come after a commit.
    fn of_statement(error: sqlx::Error) -> Self {
        let said = error.as_database_error();
        let said = said.and_then(|said| said.try_downcast_ref::<PgDatabaseError>());
        if said.is_some_and(|said| said.severity() == PgSeverity::Error) {
            return Self::NotWritten(error);
        }
        Self::Unknown(error)
    }
}

/// Whether there will never be an answer, since this process gave up its connections.
fn closed(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::PoolClosed)
}

#[cfg(test)]
mod tests;
