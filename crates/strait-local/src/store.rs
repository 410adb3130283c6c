//! The local cloud's state in PostgreSQL: a row an object, written in the transaction of the call that changed it.

mod head;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{PgPool, Row};
use strait_vpc::Network;
use strait_vpc::state::Table;

use crate::LocalError;
use crate::forwarder::Forwarded;
pub(crate) use head::Head;

/// The schema, safe to repeat.
const SCHEMA: &str = "
    create schema if not exists cloud;
    create table if not exists cloud.object (
        kind text not null,
        id text not null,
        body jsonb not null,
        primary key (kind, id)
    );
    create table if not exists cloud.head (
        the_only boolean primary key default true check (the_only),
        change bigint not null
    );
    create table if not exists cloud.name (
        name text primary key,
        address text not null
    );
    create table if not exists cloud.loopback (
        service text primary key,
        forward jsonb not null
    );
";

/// Lists every table of the network once: its name in the store and its field.
macro_rules! with_tables {
    ($visit:ident) => {
        $visit! {
            "account" accounts, "vpc" vpcs, "subnet" subnets, "route_table" route_tables,
            "internet_gateway" internet_gateways, "security_group" security_groups, "network_acl" network_acls,
            "interface" interfaces, "elastic_ip" elastic_ips, "instance" instances, "peering" peerings,
            "prefix_list" prefix_lists, "endpoint_service" endpoint_services,
            "endpoint" endpoints, "gateway_endpoint" gateway_endpoints, "load_balancer" load_balancers, "target_group" target_groups,
            "listener" listeners, "hosted_zone" hosted_zones, "record" records, "zone_change" zone_changes, "session" sessions, "client_token" client_tokens, "counter" counters, "quota" quotas,
        }
    };
}

/// One changed row: its kind, its id, and what it is now (`None` when it is gone).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    kind: &'static str,
    id: String,
    body: Option<serde_json::Value>,
}

impl Change {
    /// Whether it can change what `strait exec` must know of hosts.
    pub(crate) fn is_of_hosts(&self) -> bool {
        matches!(self.kind, "account" | "instance")
    }
}

/// Makes the schema and reads the whole network. From then on nobody writes it but who has the head.
pub(crate) async fn load(pool: &PgPool) -> Result<(Network, Head), LocalError> {
    sqlx::raw_sql(SCHEMA).execute(pool).await?;
    let mut network = Network::default();
    let mut transaction = pool.begin().await?;
    let head = Head::take(&mut transaction).await?;
    let rows = sqlx::query("select kind, id, body from cloud.object order by kind, id")
        .fetch_all(&mut *transaction)
        .await?;
    transaction.commit().await?;
    for row in rows {
        let (kind, id, body): (String, String, serde_json::Value) =
            (row.get(0), row.get(1), row.get(2));
        load_row(&mut network, &kind, &id, body)?;
    }
    Ok((network, head))
}

/// Names that the public DNS answered last.
pub(crate) async fn load_names(pool: &PgPool) -> Result<BTreeMap<String, Ipv4Addr>, LocalError> {
    let rows = sqlx::query("select name, address from cloud.name")
        .fetch_all(pool)
        .await?;
    let named = rows.iter().map(|row| {
        let (name, address): (String, String) = (row.get(0), row.get(1));
        let parsed = address.parse().map_err(|_| LocalError::UnknownRow {
            kind: "name".to_owned(),
            id: name.clone(),
        })?;
        Ok((name, parsed))
    });
    named.collect()
}

/// Remembers the names that the public DNS answers, where they differ from what it answered before.
pub(crate) async fn write_names(
    pool: &PgPool,
    before: &BTreeMap<String, Ipv4Addr>,
    names: &BTreeMap<String, Ipv4Addr>,
) -> Result<(), LocalError> {
    let gone: Vec<&String> = before
        .keys()
        .filter(|name| !names.contains_key(*name))
        .collect();
    let (new, addresses): (Vec<&String>, Vec<String>) = names
        .iter()
        .filter(|(name, address)| before.get(*name) != Some(*address))
        .map(|(name, address)| (name, address.to_string()))
        .unzip();
    let mut transaction = pool.begin().await?;
    sqlx::query("delete from cloud.name where name = any($1)")
        .bind(gone)
        .execute(&mut *transaction)
        .await?;
    // One that the resolver was not told of is there already.
    sqlx::query(
        "insert into cloud.name (name, address) select * from unnest($1::text[], $2::text[])
         on conflict (name) do update set address = excluded.address",
    )
    .bind(new)
    .bind(addresses)
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Ports of the loopback that led to services last.
pub(crate) async fn load_forwards(
    pool: &PgPool,
) -> Result<BTreeMap<String, Forwarded>, LocalError> {
    let rows = sqlx::query("select service, forward from cloud.loopback")
        .fetch_all(pool)
        .await?;
    let forwards = rows.iter().map(|row| {
        let (service, forward): (String, serde_json::Value) = (row.get(0), row.get(1));
        let forward = serde_json::from_value(forward).map_err(|source| LocalError::BadRow {
            kind: "loopback".to_owned(),
            id: service.clone(),
            source,
        })?;
        Ok((service, forward))
    });
    forwards.collect()
}

/// Remembers the port of a service; `None` forgets it.
pub(crate) async fn write_forward(
    pool: &PgPool,
    service: &str,
    forward: Option<&Forwarded>,
) -> Result<(), LocalError> {
    let Some(forward) = forward else {
        sqlx::query("delete from cloud.loopback where service = $1")
            .bind(service)
            .execute(pool)
            .await?;
        return Ok(());
    };
    let body = serde_json::to_value(forward).map_err(LocalError::Json)?;
    sqlx::query(
        "insert into cloud.loopback (service, forward) values ($1, $2)
         on conflict (service) do update set forward = excluded.forward",
    )
    .bind(service)
    .bind(body)
    .execute(pool)
    .await?;
    Ok(())
}

/// Takes what changed in the network since it was last asked.
pub(crate) fn take_changes(network: &mut Network) -> Result<Vec<Change>, LocalError> {
    let mut changes = Vec::new();
    macro_rules! visit {
        ($($kind:literal $table:ident),* $(,)?) => {
            $(take_table(&mut changes, $kind, &mut network.$table)?;)*
        };
    }
    with_tables!(visit);
    Ok(changes)
}

fn load_row(
    network: &mut Network,
    kind: &str,
    id: &str,
    body: serde_json::Value,
) -> Result<(), LocalError> {
    macro_rules! visit {
        ($($kind:literal $table:ident),* $(,)?) => {
            match kind {
                $($kind => load_into(&mut network.$table, kind, id, body),)*
                _ => Err(LocalError::UnknownRow { kind: kind.to_owned(), id: id.to_owned() }),
            }
        };
    }
    with_tables!(visit)
}

fn load_into<K, V>(
    table: &mut Table<K, V>,
    kind: &str,
    id: &str,
    body: serde_json::Value,
) -> Result<(), LocalError>
where
    K: Ord + Clone + FromStr,
    V: Clone + DeserializeOwned,
{
    let Ok(key) = K::from_str(id) else {
        return Err(LocalError::UnknownRow {
            kind: kind.to_owned(),
            id: id.to_owned(),
        });
    };
    let row = serde_json::from_value(body).map_err(|source| LocalError::BadRow {
        kind: kind.to_owned(),
        id: id.to_owned(),
        source,
    })?;
    table.load(key, row);
    Ok(())
}

fn take_table<K, V>(
    changes: &mut Vec<Change>,
    kind: &'static str,
    table: &mut Table<K, V>,
) -> Result<(), LocalError>
where
    K: Ord + Clone + Display,
    V: Clone + Serialize,
{
    for (key, row) in table.take_changed() {
        let id = key.to_string();
        let body = row
            .map(serde_json::to_value)
            .transpose()
            .map_err(|source| LocalError::BadRow {
                kind: kind.to_owned(),
                id: id.clone(),
                source,
            })?;
        changes.push(Change { kind, id, body });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_can_be_loaded_again() {
        let mut network = Network::default();
        network.next_link();
        network.quotas.insert("vpcs".to_owned(), 7);
        let changes = take_changes(&mut network).expect("rows serialise");
        let mut read = Network::default();
        for change in changes {
            load_row(
                &mut read,
                change.kind,
                &change.id,
                change.body.expect("a row"),
            )
            .expect("rows load");
        }
        assert_eq!(read.quotas.get(&"vpcs".to_owned()), Some(&7));
        assert_eq!(read.counters.get(&"link".to_owned()), Some(&1));
        assert!(
            take_changes(&mut read).expect("rows serialise").is_empty(),
            "loaded rows are not changes"
        );
    }

    #[test]
    fn a_row_of_another_version_is_refused_and_named() {
        let error = load_row(
            &mut Network::default(),
            "wormhole",
            "x-1",
            serde_json::json!({}),
        )
        .expect_err("unknown");
        assert!(error.to_string().contains("wormhole"), "{error}");
    }
}
