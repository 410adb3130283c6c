//! The network verbs against moto's server, which the one test that cargo runs by itself starts; it then runs this
//! program's other tests against it. Each works in accounts of its own, so that they run at the same time. They do so
//! against Strait's own local cloud as well: with `STRAIT_AWS_ENDPOINT` and credentials, run this program with
//! `--ignored`, after `strait env --account ID` has made the accounts (1000000000NN and 2000000000NN).
//!
//! What moto 5.2 gets wrong or lacks, so that nothing is proved of it here:
//! - `DescribeVpcPeeringConnections` heeds no filter. Strait keeps only what carries its own tag in any case.
//! - A peering connection is one object with one set of tags for both accounts; on AWS each side has its own tags.
//! - A peering connection has no `ExpirationTime` and never expires, and none fails for overlapping ranges.
//! - `CidrBlockSet` is missing: of the customer's ranges only the VPC's first is told, in `CidrBlock`, and it is told
//!   before the customer accepts, as AWS does not.
//! - `ModifyVpcPeeringConnectionOptions` succeeds on connections that are not active, and without DNS hostnames.
//! - A request to a VPC that another account does not have is refused; on AWS it is made, and fails.
//! - Routes by a peering connection that ended stay `active`; on AWS they become black holes.
//! - An ended peering connection is listed for ever; on AWS for 2 hours to 2 days.
//! - Nothing is `pending` when it is listed, nothing is listed late, and nobody is throttled.
//! - `GetChange` of Route 53 says `INSYNC` at once.

mod faults;
mod find;
mod names;
mod peerings;
mod proxy;
mod public;
mod server;
mod vpcs;
mod world;

use std::io::Write;
use std::process::Command;

#[test]
fn against_moto() {
    let server = match server::start() {
        Ok(server) => server,
        Err(why) => {
            // Straight to the terminal: cargo keeps what tests print to itself.
            let said = writeln!(
                std::io::stderr(),
                "NOT PROVED: the network verbs against moto's server: {why}"
            );
            said.expect("a standard error");
            return;
        }
    };
    let program = std::env::current_exe().expect("the path of this program");
    let mut tests = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        tests.env_remove(name);
    }
    let status = tests
        .arg("--ignored")
        .env(world::ENDPOINT, server.url())
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .status();
    assert!(
        status.expect("this program runs").success(),
        "tests against moto failed"
    );
}
