//! `strait service register`: a PostgreSQL that exists.

use clap::{ArgGroup, Args, ValueEnum};
use serde_json::{Value, json};

use super::objects::{FoundBy, PublicWay, Registration};
use super::output::Fields;
use super::{Common, Wait};

/// What the operator says of it.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("where it is").required(true).args(["host", "rds_instance", "load_balancer"])))]
#[command(group(ArgGroup::new("how the internet reaches it").required(true).args(["public_way", "public_security_group", "public_rds_instance"])))]
pub(crate) struct Register {
    /// Its address or DNS name, as it is reached inside its VPC
    #[arg(long, requires = "vpc", requires = "subnets")]
    host: Option<String>,
    /// It is this RDS instance: address, port, VPC and subnets are found
    #[arg(long, value_name = "ID")]
    rds_instance: Option<String>,
    /// It is behind this network load balancer, internal and with a TCP listener: address, port, VPC and subnets are found
    #[arg(long, value_name = "ARN")]
    load_balancer: Option<String>,
    /// Its port [default: 5432, or the one that is found]
    #[arg(long)]
    port: Option<u16>,
    /// The VPC where it is; needed with --host
    #[arg(long, value_name = "vpc-…")]
    vpc: Option<String>,
    /// Subnets of that VPC for its load balancer, one a zone: customers can use it from these zones' Peering VPC subnets.
    /// Needed with --host
    #[arg(long, value_name = "subnet-…,…", value_delimiter = ',')]
    subnets: Vec<String>,
    /// The Region where it is [default: the server's, if it has one only]
    #[arg(long)]
    region: Option<String>,
    /// Its name, for people [default: one is made up]
    #[arg(long)]
    name: Option<String>,
    /// Nobody on the internet reaches it: there is nothing to close
    #[arg(long, value_enum, value_name = "none", hide_possible_values = true)]
    public_way: Option<Nothing>,
    /// A rule of this security group lets the internet in on its port: an attachment takes the rule away, its end brings
    /// it back
    #[arg(long, value_name = "sg-…")]
    public_security_group: Option<String>,
    /// A range that this rule lets in; may be given several times [default: 0.0.0.0/0]
    #[arg(long, value_name = "CIDR", requires = "public_security_group", conflicts_with_all = ["public_way", "public_rds_instance"])]
    public_range: Vec<String>,
    /// It is this RDS instance, and publicly accessible: an attachment ends that, its end brings it back
    #[arg(long, value_name = "ID")]
    public_rds_instance: Option<String>,
    /// A file on Strait's servers with a connection string, by which open public sessions are ended
    #[arg(long, value_name = "/PATH")]
    sessions_file: Option<String>,
    #[command(flatten)]
    pub(super) wait: Wait,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What `--public-way` can say.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Nothing {
    /// Nobody on the internet reaches it
    None,
}

impl Register {
    /// The API's body.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({ "public_way": self.closing() });
        if let Some(port) = self.port {
            body["port"] = port.into();
        }
        if !self.subnets.is_empty() {
            body["subnet_ids"] = json!(self.subnets);
        }
        let rest = [
            ("host", &self.host),
            ("rds_instance", &self.rds_instance),
            ("load_balancer", &self.load_balancer),
            ("vpc_id", &self.vpc),
            ("name", &self.name),
            ("region_code", &self.region),
            ("sessions_file", &self.sessions_file),
        ];
        for (field, value) in rest {
            if let Some(value) = value {
                body[field] = value.as_str().into();
            }
        }
        body
    }

    fn closing(&self) -> Value {
        if let Some(group) = &self.public_security_group {
            let mut way = json!({ "kind": "security-group", "group_id": group });
            if !self.public_range.is_empty() {
                way["ranges"] = json!(self.public_range);
            }
            return way;
        }
        if let Some(id) = &self.public_rds_instance {
            return json!({ "kind": "rds-instance", "id": id });
        }
        json!({ "kind": "none" })
    }
}

/// Adds where the service is, and how its public way is closed.
pub(super) fn describe(fields: &mut Fields, registration: &Registration) {
    fields
        .add(
            "registered",
            format!("{}:{}", registration.host, registration.port),
        )
        .maybe(
            "found by",
            registration.found_by.as_ref().map(found_by).as_deref(),
        )
        .add(
            "in",
            format!(
                "{} ({})",
                registration.vpc_id,
                registration.subnet_ids.join(", ")
            ),
        )
        .add("an attachment closes", closes(&registration.public_way))
        .maybe("sessions file", registration.sessions_file.as_deref());
}

/// What those who connect to a registered service must know.
pub(super) fn advice(registration: &Registration, stable: Option<&str>) -> String {
    let stable = stable.unwrap_or("the name that Strait gives it");
    let own = &registration.host;
    let looked = match &registration.sessions_file {
        Some(_) => "",
        None => "\n\x20 Strait did not look whether it is, since there is no sessions file.",
    };
    format!(
        "\nTell those who connect to it:\n\
         - By a private way AWS ends connections that were idle for 350 s, and says nothing. Let PostgreSQL's tcp_keepalives_idle be\n\
        \x20 under 300: ALTER DATABASE … SET tcp_keepalives_idle = 240, or keepalives_idle=240 in a client's connection string.{looked}\n\
         - Its certificate holds its own name ({own}) and not {stable}:\n\
        \x20 use sslmode=verify-ca with its authority's bundle (`strait ca`). Where it holds a name in a domain of yours, make that\n\
        \x20 name a CNAME to {stable}, and sslmode=verify-full works."
    )
}

fn found_by(by: &FoundBy) -> String {
    match by {
        FoundBy::RdsInstance { id } => format!("the RDS instance {id}"),
        FoundBy::LoadBalancer { arn } => format!("the load balancer {arn}"),
    }
}

fn closes(way: &PublicWay) -> String {
    match way {
        PublicWay::None => "nothing: nobody on the internet reaches it".to_owned(),
        PublicWay::SecurityGroup { group_id, ranges } => {
            format!("the rule of {group_id} for {}", ranges.join(", "))
        }
        PublicWay::RdsInstance { id } => format!("public access to the RDS instance {id}"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const PLACE: &str = "--host db.example.com --vpc vpc-1 --subnets subnet-a,subnet-b";

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        register: Register,
    }

    #[test]
    fn what_is_said_is_what_is_asked() {
        let asked = body(&format!(
            "{PLACE} --region eu-west-1 --name orders --public-security-group sg-1 --public-range 203.0.113.0/24 \
             --public-range 198.51.100.0/24 --sessions-file /etc/strait/orders"
        ));
        let expected = json!({
            "host": "db.example.com",
            "vpc_id": "vpc-1",
            "subnet_ids": ["subnet-a", "subnet-b"],
            "public_way": {"kind": "security-group", "group_id": "sg-1", "ranges": ["203.0.113.0/24", "198.51.100.0/24"]},
            "name": "orders",
            "region_code": "eu-west-1",
            "sessions_file": "/etc/strait/orders"
        });
        assert_eq!(asked, expected);
    }

    #[test]
    fn defaults_of_the_server_are_left_to_the_server() {
        let asked = body(&format!("{PLACE} --public-security-group sg-1"));
        assert_eq!(
            asked["public_way"],
            json!({"kind": "security-group", "group_id": "sg-1"})
        );
        for field in ["region_code", "name", "port"] {
            assert!(asked.get(field).is_none(), "{field}");
        }
        let asked = body(&format!("{PLACE} --port 6432 --public-rds-instance orders"));
        assert_eq!(asked["port"], 6432);
        assert_eq!(
            asked["public_way"],
            json!({"kind": "rds-instance", "id": "orders"})
        );
        assert_eq!(
            body(&format!("{PLACE} --public-way none"))["public_way"],
            json!({"kind": "none"})
        );
    }

    #[test]
    fn where_it_is_is_said_once_and_what_is_found_need_not_be_said() {
        let none = "--public-way none";
        let asked = body(&format!("--rds-instance orders {none}"));
        let expected = json!({"rds_instance": "orders", "public_way": {"kind": "none"}});
        assert_eq!(asked, expected);
        let asked = body(&format!(
            "--load-balancer arn:1 --port 6432 --subnets subnet-a {none}"
        ));
        let expected = json!({
            "load_balancer": "arn:1",
            "port": 6432,
            "subnet_ids": ["subnet-a"],
            "public_way": {"kind": "none"}
        });
        assert_eq!(asked, expected);
        for place in [
            "",
            "--host db.example.com",
            "--host db.example.com --vpc vpc-1",
            "--host db.example.com --subnets subnet-a",
            "--host db.example.com --vpc vpc-1 --subnets subnet-a --rds-instance orders",
            "--rds-instance orders --load-balancer arn:1",
        ] {
            let refused = parse(&format!("{place} {none}")).expect_err(place);
            assert_eq!(refused.exit_code(), 2, "{place}");
        }
    }

    #[test]
    fn how_the_internet_reaches_it_is_said_once_and_never_guessed() {
        for rest in [
            "",
            "--public-way open",
            "--public-range 0.0.0.0/0",
            "--public-way none --public-range 0.0.0.0/0",
            "--public-way none --public-security-group sg-1",
            "--public-rds-instance a --public-security-group sg-1",
        ] {
            let refused = parse(&format!("{PLACE} {rest}")).expect_err(rest);
            assert_eq!(refused.exit_code(), 2, "{rest}");
            assert!(refused.to_string().contains("--public-"), "{refused}");
        }
    }

    #[test]
    fn the_advice_names_both_names() {
        let registration = Registration {
            host: "db.example.com".to_owned(),
            port: 5432,
            found_by: None,
            vpc_id: "vpc-1".to_owned(),
            subnet_ids: vec!["subnet-a".to_owned()],
            public_way: PublicWay::None,
            sessions_file: None,
        };
        let advice = advice(&registration, Some("x.y.db.strait.internal"));
        for part in [
            "350 s",
            "tcp_keepalives_idle",
            "verify-ca",
            "CNAME to x.y.db.strait.internal",
            "(db.example.com)",
        ] {
            assert!(advice.contains(part), "{part} is not in {advice}");
        }
    }

    fn body(line: &str) -> Value {
        parse(line).expect(line).register.body()
    }

    fn parse(line: &str) -> Result<Program, clap::Error> {
        Program::try_parse_from(std::iter::once("register").chain(line.split_whitespace()))
    }
}
