//! `strait peering steps`: what the customer does, to read or to run.

use std::fmt::Write;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::Value;

use super::client::typed;
use super::objects::{Guide, Peering, Step};
use super::output::{self, Format};

/// What only the customer knows, and what to say where it is missing.
const PLACEHOLDERS: [(&str, &str); 2] = [
    (
        "ROUTE_TABLE_ID",
        "set it to the route table of the subnets that the applications are in (rtb-…)",
    ),
    (
        "SECURITY_GROUP_ID",
        "set it to the security group of the applications (sg-…)",
    ),
];

/// Which part, and in which form.
#[derive(Debug, Args)]
pub(crate) struct What {
    /// Prints a shell script of the steps that must be; ROUTE_TABLE_ID and SECURITY_GROUP_ID are variables
    #[arg(long, conflicts_with = "policy")]
    script: bool,
    /// Prints only the IAM policy
    #[arg(long, conflicts_with = "undo")]
    policy: bool,
    /// Prints how to take the steps back
    #[arg(long)]
    undo: bool,
}

pub(super) fn print(peering: &Value, what: &What, format: Format) -> Result<()> {
    let Some(object) = peering.get("customer_steps") else {
        let peering: Peering = typed(peering)?;
        let why = peering
            .error_message
            .or(peering.next_action)
            .unwrap_or(peering.state);
        bail!(
            "the peering {} has nothing for the customer to do now: {why}",
            peering.id
        );
    };
    let guide: Guide = typed(object)?;
    if what.policy {
        return output::json(&guide.iam_policy);
    }
    if what.script {
        return output::line(script(&guide, what.undo).trim_end());
    }
    match format {
        Format::Json => output::json(object),
        Format::Table => output::line(read(&guide, what.undo)?.trim_end()),
    }
}

/// For people: every step with its why.
fn read(guide: &Guide, undo: bool) -> Result<String> {
    let requester = &guide.requester;
    let mut text = format!(
        "Who asks: account {}, {} ({}) in {}, by {}.\nWho does this: account {}, for {} in {}.\n",
        requester.account_id,
        requester.vpc_id,
        requester.cidr,
        requester.region_code,
        requester.peering_connection_id,
        guide.peer_account_id,
        guide.peer_vpc_id,
        guide.peer_region_code
    );
    for (number, step) in chosen(guide, undo).iter().enumerate() {
        let optional = if step.optional { " (optional)" } else { "" };
        let Step {
            title,
            explanation,
            command,
            ..
        } = step;
        write!(
            text,
            "\n{}. {title}{optional}\n   {explanation}\n\n   {command}\n",
            number + 1
        )?;
    }
    if !undo {
        let policy = serde_json::to_string_pretty(&guide.iam_policy)?;
        write!(
            text,
            "\nThe permissions that these steps take (IAM policy):\n\n{policy}\n"
        )?;
    }
    Ok(text)
}

/// For a shell: what must be, and nothing else.
fn script(guide: &Guide, undo: bool) -> String {
    let steps: Vec<&Step> = chosen(guide, undo)
        .iter()
        .filter(|step| !step.optional)
        .collect();
    let requester = &guide.requester;
    let mut lines = vec![
        "#!/bin/sh".to_owned(),
        comment(&format!(
            "Account {} asks, for {} ({}). Run this in account {}, which owns {}.",
            requester.account_id,
            requester.vpc_id,
            requester.cidr,
            guide.peer_account_id,
            guide.peer_vpc_id
        )),
        "set -eu".to_owned(),
    ];
    for (name, missing) in PLACEHOLDERS {
        if steps.iter().any(|step| step.command.contains(name)) {
            lines.push(format!(": \"${{{name}:?{missing}}}\""));
        }
    }
    for step in steps {
        let command = PLACEHOLDERS
            .iter()
            .fold(step.command.clone(), |command, (name, _)| {
                command.replace(name, &format!("\"${name}\""))
            });
        lines.extend([String::new(), comment(&step.title), command]);
    }
    lines.join("\n")
}

fn chosen(guide: &Guide, undo: bool) -> &[Step] {
    if undo { &guide.undo } else { &guide.steps }
}

fn comment(text: &str) -> String {
    format!("# {}", text.replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_script_has_what_must_be_and_asks_for_what_it_lacks() {
        let script = script(&guide(), false);
        assert!(script.starts_with("#!/bin/sh\n"), "{script}");
        assert!(script.contains("\n: \"${ROUTE_TABLE_ID:?"), "{script}");
        assert!(!script.contains("${SECURITY_GROUP_ID:?"), "{script}");
        assert!(
            script.contains("\naws route --table \"$ROUTE_TABLE_ID\""),
            "{script}"
        );
        assert!(!script.contains("aws look"), "{script}");
    }

    #[test]
    fn a_script_runs_as_far_as_a_shell_can_tell() {
        let mut shell = std::process::Command::new("sh");
        let ended = shell
            .args(["-n", "-c", &script(&guide(), false)])
            .status()
            .expect("sh");
        assert!(ended.success());
        let ran = std::process::Command::new("sh")
            .args(["-c", &script(&guide(), false)])
            .env_remove("ROUTE_TABLE_ID")
            .output()
            .expect("sh");
        assert!(!ran.status.success());
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(said.contains("route table"), "{said}");
    }

    #[test]
    fn people_read_every_step_and_the_policy() {
        let text = read(&guide(), false).expect("text");
        for part in [
            "account 111111111111",
            "aws look",
            "(optional)",
            "ec2:AcceptVpcPeeringConnection",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(read(&guide(), true).expect("text").contains("aws back"));
    }

    fn guide() -> Guide {
        let step = |title: &str, command: &str, optional: bool| json!({"title": title, "explanation": "why", "command": command, "optional": optional});
        let guide = json!({
            "requester": {
                "account_id": "111111111111", "vpc_id": "vpc-p", "region_code": "us-east-1", "cidr": "10.0.0.0/16",
                "peering_connection_id": "pcx-1"
            },
            "peer_account_id": "222222222222", "peer_region_code": "eu-central-1", "peer_vpc_id": "vpc-c",
            "steps": [step("Look", "aws look", true), step("Route", "aws route --table ROUTE_TABLE_ID", false)],
            "undo": [step("Back", "aws back", false)],
            "iam_policy": {"Statement": [{"Action": ["ec2:AcceptVpcPeeringConnection"]}]}
        });
        typed(&guide).expect("a guide")
    }
}
