//! PostgreSQL's configuration files: pure functions.

use std::collections::BTreeSet;
use std::path::Path;

use strait_plane::model::Addon;

/// The superuser: Strait's own.
pub(super) const ADMIN: &str = "strait";

/// `postgresql.conf` of a service: TLS and TCP only, in its own network namespace.
pub(super) fn service_conf(addons: &BTreeSet<Addon>) -> String {
    let preloaded: Vec<&str> = addons
        .iter()
        .filter_map(|addon| addon.preloaded())
        .collect();
    format!(
        "{COMMON}\
         listen_addresses = '*'\n\
         port = 5432\n\
         unix_socket_directories = ''\n\
         max_connections = 100\n\
         ssl = on\n\
         ssl_cert_file = 'server.crt'\n\
         ssl_key_file = 'server.key'\n\
         ssl_min_protocol_version = 'TLSv1.2'\n\
         password_encryption = 'scram-sha-256'\n\
         authentication_timeout = '15s'\n\
         tcp_keepalives_idle = 60\n\
         tcp_keepalives_interval = 10\n\
         tcp_keepalives_count = 6\n\
         shared_preload_libraries = '{}'\n",
        preloaded.join(",")
    )
}

/// `pg_hba.conf` of a service. The superuser comes from within the namespace only, where no customer's program runs; it
/// has a password all the same, because a session could try to connect to its own server.
pub(super) fn service_hba() -> String {
    format!(
        "host    all {ADMIN} 127.0.0.1/32 scram-sha-256\n\
         host    all {ADMIN} all          reject\n\
         hostssl all all     0.0.0.0/0    scram-sha-256\n"
    )
}

/// `postgresql.conf` of Strait's own store: one Unix socket, no TCP, small.
pub(super) fn store_conf(socket_folder: &Path) -> String {
    format!(
        "{COMMON}\
         listen_addresses = ''\n\
         unix_socket_directories = '{}'\n\
         unix_socket_permissions = 0700\n\
         max_connections = 40\n\
         max_worker_processes = 2\n\
         max_parallel_workers = 0\n\
         max_parallel_workers_per_gather = 0\n\
         autovacuum_max_workers = 1\n\
         max_wal_senders = 0\n",
        quoted(&socket_folder.display().to_string())
    )
}

/// `pg_hba.conf` of the store: whoever can open the socket's folder is Strait.
pub(super) fn store_hba() -> String {
    format!("local all {ADMIN} trust\n")
}

/// Shared memory in files of the data folder: what is elsewhere would stay behind when the anchor ends.
const COMMON: &str = "\
    # Written by Strait at each start: changes here are lost.\n\
    shared_buffers = '16MB'\n\
    dynamic_shared_memory_type = mmap\n\
    min_wal_size = '16MB'\n\
    max_wal_size = '256MB'\n\
    jit = off\n\
    logging_collector = off\n\
    log_destination = 'stderr'\n\
    log_line_prefix = '%m [%p] %q%u@%d %r '\n\
    log_timezone = 'UTC'\n\
    timezone = 'UTC'\n";

fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_no_unix_socket_and_takes_tls_only() {
        let conf = service_conf(&BTreeSet::new());
        assert!(conf.contains("unix_socket_directories = ''\n"));
        assert!(conf.contains("ssl = on\n"));
        assert!(conf.contains("shared_preload_libraries = ''\n"));
        let hba = service_hba();
        assert!(!hba.contains("trust"), "{hba}");
        let order: Vec<&str> = hba.lines().collect();
        assert!(order[1].ends_with("reject"), "{hba}");
        assert!(order[2].starts_with("hostssl all all"), "{hba}");
    }

    #[test]
    fn the_store_is_on_its_socket_only_even_in_a_folder_with_a_quote() {
        let conf = store_conf(Path::new("/tmp/it's"));
        assert!(conf.contains("listen_addresses = ''\n"));
        assert!(conf.contains("unix_socket_directories = '/tmp/it''s'\n"));
    }
}
