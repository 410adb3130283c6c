//! `strait env`, `strait reach`, and finding a service: calls to the running server.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use reqwest::{Client, RequestBuilder, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::args::{Connect, Env, EnvFormat, Format, Reach};
use crate::data::{Credentials, DataDir, ServerRecord};
use crate::local_api::{AccountKeys, AccountName};
use crate::tls;

/// Prints the variables with which clients reach Strait.
pub(crate) async fn env(data: &DataDir, options: &Env) -> Result<()> {
    let (server, credentials) = running(data)?;
    let asked = AccountName {
        name: options.account.clone(),
    };
    let url = format!("{}/local/v1/accounts", credentials.url);
    let request = client(&credentials)?
        .post(url)
        .bearer_auth(&credentials.admin_key)
        .json(&asked);
    let account: AccountKeys = answer(request).await?;
    let endpoint = server.aws_url();
    let ca_file = (credentials.ca_file.as_ref()).map(|path| path.display().to_string());
    let tigers = format!("{}/public/api/v1", credentials.url);
    let graphql = format!("{}/api/query", credentials.url);
    let mut variables = vec![
        ("STRAIT_URL", credentials.url.as_str()),
        ("STRAIT_PROJECT_ID", &credentials.project_id),
        ("STRAIT_PUBLIC_KEY", &credentials.public_key),
        ("STRAIT_SECRET_KEY", &credentials.secret_key),
        ("TIGER_API_URL", &tigers),
        ("TIGER_PUBLIC_KEY", &credentials.public_key),
        ("TIGER_SECRET_KEY", &credentials.secret_key),
        ("TIMESCALE_DEV_URL", &graphql),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_ACCESS_KEY_ID", &account.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &account.secret_access_key),
        ("AWS_DEFAULT_REGION", &options.region),
        ("AWS_REGION", &options.region),
        ("STRAIT_ACCOUNT_ID", &account.id),
    ];
    if let Some(ca_file) = &ca_file {
        variables.extend([
            ("STRAIT_CA_FILE", ca_file.as_str()),
            ("AWS_CA_BUNDLE", ca_file),
        ]);
    }
    match options.format {
        EnvFormat::Json => {
            let object: Map<String, Value> = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect();
            println!("{}", serde_json::to_string_pretty(&object)?);
        }
        EnvFormat::Sh => {
            println!(
                "# Account {} ({}). A profile or a session token of yours would win over these: unset.",
                account.name, account.id
            );
            println!("unset AWS_PROFILE AWS_SESSION_TOKEN");
            for (name, value) in variables {
                println!("export {name}='{}'", value.replace('\'', r"'\''"));
            }
            // Programs that read JSON use SDKs, and to ask the AWS CLI takes a second.
            if let Some(warning) = deaf_cli() {
                eprintln!("Warning: {warning}");
            }
        }
    }
    Ok(())
}

/// Prints the walk of a packet; whether it arrives.
pub(crate) async fn reach(data: &DataDir, options: &Reach) -> Result<bool> {
    let (_, credentials) = running(data)?;
    let project =
        std::env::var("STRAIT_PROJECT_ID").unwrap_or_else(|_| credentials.project_id.clone());
    let port = options.port.to_string();
    let query = [
        ("from", options.from.as_str()),
        ("service", &options.service),
        ("port", &port),
        ("project", &project),
    ];
    let url = format!("{}/local/v1/reach", credentials.url);
    let request = client(&credentials)?
        .get(url)
        .query(&query)
        .bearer_auth(&credentials.admin_key);
    let verdict: Value = answer(request).await?;
    let walk: Walk = serde_json::from_value(verdict.clone())
        .context("the server's answer is of another version")?;
    match options.output.output {
        Format::Json => println!("{}", serde_json::to_string_pretty(&verdict)?),
        Format::Table => walk.print(),
    }
    Ok(walk.reached)
}

/// The connection string of a service, from a host or from this machine.
pub(crate) async fn find_connection(data: &DataDir, options: &Connect) -> Result<String> {
    let (_, credentials) = running(data)?;
    let project =
        std::env::var("STRAIT_PROJECT_ID").unwrap_or_else(|_| credentials.project_id.clone());
    let mut url =
        Url::parse(&credentials.url).context("the data folder's credentials.json is damaged")?;
    let parts = [
        "public",
        "api",
        "v1",
        "projects",
        &project,
        "services",
        &options.service,
    ];
    url.path_segments_mut()
        .map_err(|()| anyhow!("the data folder's credentials.json is damaged"))?
        .extend(parts);
    let service: Value = answer(
        client(&credentials)?
            .get(url)
            .bearer_auth(&credentials.admin_key),
    )
    .await?;
    let line = if options.from.is_some() {
        "connection"
    } else {
        "local_connection"
    };
    find_text(&service, line).ok_or_else(|| {
        anyhow!(
            "the service {} has no way in from this machine now (it is attached to a VPC, or does not run): \
             name an instance of a peered VPC with --from",
            options.service
        )
    })
}

#[derive(Debug, Deserialize)]
struct Walk {
    reached: bool,
    steps: Vec<WalkStep>,
}

#[derive(Debug, Deserialize)]
struct WalkStep {
    #[serde(rename = "where")]
    place: String,
    what: String,
    ok: bool,
    fix: Option<String>,
}

impl Walk {
    fn print(&self) {
        for step in &self.steps {
            println!(
                "{} {:<24} {}",
                if step.ok { "ok  " } else { "STOP" },
                step.place,
                step.what
            );
            if let Some(fix) = &step.fix {
                println!("     {:<24} to mend it: {fix}", "");
            }
        }
        println!(
            "{}",
            if self.reached {
                "The packet arrives, and its answer comes back."
            } else {
                "The packet does not arrive."
            }
        );
    }
}

/// The server that runs on the data folder, and the keys of the CLI.
pub(crate) fn running(data: &DataDir) -> Result<(ServerRecord, Credentials)> {
    let server = data.server().ok_or_else(|| {
        anyhow!(
            "Strait does not run in {}: start it with `strait up --detach`",
            data.root().display()
        )
    })?;
    Ok((server, data.credentials()?))
}

/// A proxy has no business between the CLI and a server of this machine, nor with its keys.
pub(crate) fn client(credentials: &Credentials) -> Result<Client> {
    let builder = Client::builder().no_proxy();
    tls::trusting(builder, credentials.ca_file.as_deref())?
        .build()
        .context("cannot start an HTTP client")
}

/// What the server answers, or what it says is wrong.
pub(crate) async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T> {
    let response = request
        .send()
        .await
        .context("the server does not answer: `strait status` tells whether it runs")?;
    let status = response.status();
    let text = response
        .text()
        .await
        .context("the server's answer broke off; try again")?;
    if status.is_success() {
        return serde_json::from_str(&text).context("the server's answer is of another version");
    }
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    bail!(
        "{}",
        body.get("message").and_then(Value::as_str).unwrap_or(&text)
    )
}

/// The text with this key, however deep it is.
fn find_text(value: &Value, key: &str) -> Option<String> {
    let object = value.as_object()?;
    let here = object.get(key).and_then(Value::as_str).map(str::to_owned);
    here.or_else(|| object.values().find_map(|inner| find_text(inner, key)))
}

/// Why the AWS CLI on the PATH would not heed `AWS_ENDPOINT_URL`, if it would not.
fn deaf_cli() -> Option<String> {
    let output = Command::new("timeout")
        .args(["10", "aws", "--version"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    is_deaf(&text).then(|| {
        format!(
            "the AWS CLI on your PATH ({}) is too old to heed AWS_ENDPOINT_URL: its calls would go to AWS itself. \
             Install a current one (python3 -m venv v && v/bin/pip install awscli) or pass --endpoint-url to every command.",
            text.split_whitespace().next().unwrap_or("aws")
        )
    })
}

/// The variable is heeded since 1.29 and 2.13: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>.
fn is_deaf(version: &str) -> bool {
    let Some(number) = version
        .strip_prefix("aws-cli/")
        .and_then(|rest| rest.split_whitespace().next())
    else {
        return false;
    };
    let mut parts = number.split('.').map_while(|part| part.parse::<u32>().ok());
    match (parts.next(), parts.next()) {
        (Some(1), Some(minor)) => minor < 29,
        (Some(2), Some(minor)) => minor < 13,
        (_, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_own_cli_is_deaf() {
        for (version, deaf) in [
            (
                "aws-cli/2.9.19 Python/3.11.2 Linux/6.1.0 source/x86_64.debian.12 prompt/off",
                true,
            ),
            ("aws-cli/2.13.0 Python/3.11.4 Linux/6.1.0", false),
            ("aws-cli/1.45.11 md/Botocore#1.43.11", false),
            ("aws-cli/1.28.0 Python/3.9", true),
            ("command not found", false),
        ] {
            assert_eq!(is_deaf(version), deaf, "{version}");
        }
    }
}
