//! The plane's store, wherever an operator has put it.

use std::time::Duration;

use anyhow::{Result, anyhow};
use sqlx::error::DatabaseError;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection as _, PgConnection, PgPool};

use crate::config::Database;

/// How long a connection may take to open.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that one server opens at most.
const CONNECTIONS: u32 = 8;

/// Connects to the store.
///
/// # Errors
/// When it cannot be reached or lets nobody in; what is wrong and what to do, without the password.
pub(crate) async fn connect(database: &Database) -> Result<PgPool> {
    // One by itself: a pool would try until its time is over, and say nothing but that.
    let options = database.options();
    let first = PgConnection::connect_with(&options);
    match tokio::time::timeout(PATIENCE, first).await {
        Ok(Ok(connection)) => connection.close().await?,
        Ok(Err(error)) => return Err(refused(database, &error)),
        Err(_) => {
            return Err(anyhow!(
                "the store ({database}) did not answer within {} s: see that this machine may reach it (security groups, routes)",
                PATIENCE.as_secs()
            ));
        }
    }
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .connect_with(options)
        .await
        .map_err(|error| refused(database, &error))
}

fn refused(database: &Database, error: &sqlx::Error) -> anyhow::Error {
    let code = error.as_database_error().and_then(DatabaseError::code);
    let advice = match (error, code.as_deref()) {
        (_, Some("28P01" | "28000")) => {
            "see that user and password in database_url are right, and pg_hba.conf lets them in"
        }
        (_, Some("3D000")) => "make the database first: CREATE DATABASE",
        (error, _) if is_of_certificates(error) => {
            "see that sslrootcert in database_url names the authority that signed its certificate, and the host is the \
             certificate's"
        }
        (_, _) => "see that it runs, and that this machine may reach it",
    };
    anyhow!("cannot connect to the store ({database}): {error}; {advice}")
}

/// Whether it is about TLS: rustls's refusals arrive as malformed input.
fn is_of_certificates(error: &sqlx::Error) -> bool {
    if let sqlx::Error::Io(error) = error {
        return error.kind() == std::io::ErrorKind::InvalidData;
    }
    matches!(error, sqlx::Error::Tls(_))
}
