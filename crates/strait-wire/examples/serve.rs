//! The wire over a network in memory, without packets: `cargo run -p strait-wire --example serve`.
//!
//! Prints one JSON line, the endpoint and two accounts with their keys, and serves until it is ended.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use strait_vpc::state::Account;
use strait_vpc::{AccountId, Action, AwsError, Caller, Context, Network, Response};
use strait_wire::{Backend, Credentials};
use tokio::net::TcpListener;

const ACCOUNTS: [(&str, &str); 2] = [("provider", "111111111111"), ("customer", "222222222222")];

struct Memory {
    network: Mutex<Network>,
}

#[async_trait]
impl Backend for Memory {
    async fn secret(&self, access_key_id: &str) -> Option<Credentials> {
        let network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        Credentials::find(&network, access_key_id)
    }

    async fn call(&self, caller: Caller, action: Action) -> Result<Response, AwsError> {
        let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        let mut context = Context {
            now: self.now(),
            random: &mut rand::random::<u128>,
        };
        strait_vpc::apply(&mut network, &caller, action, &mut context)
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let mut network = Network::default();
    let mut printed = Vec::new();
    for (name, id) in ACCOUNTS {
        let account = account(name, id)?;
        printed.push(format!(
            "\"{name}\": {{\"account\": \"{}\", \"access_key_id\": \"{}\", \"secret_access_key\": \"{}\"}}",
            account.id, account.access_key_id, account.secret_access_key
        ));
        network.accounts.insert(account.id.clone(), account);
    }
    println!(
        "{{\"endpoint\": \"http://{}\", {}}}",
        listener.local_addr()?,
        printed.join(", ")
    );

    let backend = Arc::new(Memory {
        network: Mutex::new(network),
    });
    axum::serve(listener, strait_wire::router(backend)).await?;
    Ok(())
}

fn account(name: &str, id: &str) -> Result<Account, strait_vpc::MalformedId> {
    Ok(Account {
        id: id.parse::<AccountId>()?,
        name: name.to_owned(),
        access_key_id: format!("AKIA{:016X}", rand::random::<u64>()),
        secret_access_key: format!("{:032x}", rand::random::<u128>()),
        created_at: Timestamp::now(),
    })
}
