//! Aggregates, for metrics: one question, answered from indexes where there are many rows.

use sqlx::PgExecutor;

use crate::error::PlaneError;
use crate::model::OperationState;
use crate::plane::Measured;

/// All of them; `holder` is whose leases are this server's.
pub(crate) async fn all(db: impl PgExecutor<'_>, holder: &str) -> Result<Measured, PlaneError> {
    let rows: Vec<(String, String, f64)> = sqlx::query_as(
        "SELECT 'operations', state, count(*)::float8 FROM strait.operation GROUP BY state
         UNION ALL SELECT 'services', status, count(*) FROM strait.service GROUP BY status
         UNION ALL SELECT 'vpcs', status, count(*) FROM strait.vpc GROUP BY status
         UNION ALL SELECT 'peerings', state, count(*) FROM strait.peering GROUP BY state
         UNION ALL SELECT 'lag', '', coalesce(extract(epoch FROM clock_timestamp() - min(created)), 0)
             FROM strait.operation WHERE ended IS NULL
         UNION ALL SELECT 'due', '', count(*) FROM (
             SELECT id FROM strait.vpc WHERE status IN ('CREATING', 'DELETING')
             UNION SELECT vpc_id FROM strait.peering WHERE state IN ('initiating-request', 'deleting')
             UNION SELECT id FROM strait.service WHERE revision <> reconciled
             UNION SELECT object_id FROM strait.operation WHERE object_kind = 'service' AND ended IS NULL) due
         UNION ALL SELECT CASE holder WHEN $1 THEN 'leases' ELSE 'others_leases' END, '', count(*)
             FROM strait.lease WHERE until > clock_timestamp() GROUP BY 1
         UNION ALL SELECT 'sessions', '', count(*) FROM strait.session WHERE expires > clock_timestamp()
         UNION ALL SELECT 'keys', '', count(*) FROM strait.api_key
             WHERE revoked IS NULL AND (expires IS NULL OR expires > clock_timestamp())
         UNION ALL SELECT 'audited', '', greatest(reltuples, 0) FROM pg_class WHERE oid = 'strait.audit'::regclass",
    )
    .bind(holder)
    .fetch_all(db)
    .await?;
    let mut measured = Measured::default();
    for state in OperationState::ALL {
        measured.operations.insert(state.to_string(), 0);
    }
    for (what, word, number) in rows {
        let count = number as i64;
        match what.as_str() {
            "operations" => drop(measured.operations.insert(word, count)),
            "services" => drop(measured.services.insert(word, count)),
            "vpcs" => drop(measured.vpcs.insert(word, count)),
            "peerings" => drop(measured.peerings.insert(word, count)),
            "lag" => measured.lag = number.max(0.0),
            "due" => measured.due = count,
            "leases" => measured.leases = count,
            "others_leases" => measured.others_leases += count,
            "sessions" => measured.sessions = count,
            "keys" => measured.keys = count,
            "audited" => measured.audited = count,
            other => return Err(PlaneError::Corrupt(format!("the measure {other:?}"))),
        }
    }
    Ok(measured)
}

/// All ways that there are: project, service, network.
pub(crate) async fn ways(
    db: impl PgExecutor<'_>,
) -> Result<Vec<(String, String, String)>, PlaneError> {
    Ok(sqlx::query_as(
        "SELECT s.project_id, w.service_id, w.network FROM strait.way w JOIN strait.service s ON s.id = w.service_id
         ORDER BY 1, 2, 3",
    )
    .fetch_all(db)
    .await?)
}
