//! The operator's policy allows every call that the code makes, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What AWS asks for beside the calls themselves: for tags in them, and for the first load balancer of an account.
const BESIDE: [&str; 3] = [
    "ec2:CreateTags",
    "elasticloadbalancing:AddTags",
    "iam:CreateServiceLinkedRole",
];
/// What a customer's administrator needs beside the commands, to choose subnets, groups and rules. `strait-plane` says the same of
/// the policy for one peering connection (`tests/plane/guide.rs`).
const TO_CHOOSE: [&str; 4] = [
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
];
/// How the code calls its clients, and how policies call their services.
const CLIENTS: [(&str, &str); 6] = [
    ("ec2", "ec2"),
    ("ec2_once", "ec2"),
    ("elb", "elasticloadbalancing"),
    ("rds", "rds"),
    ("route53", "route53"),
    ("sts", "sts"),
];

#[test]
fn the_operators_policy_is_what_the_code_calls() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut called = BTreeSet::new();
    collect(&crate_folder.join("src"), &mut called);
    assert!(
        called.len() > 30,
        "calls are found as the code writes them: {called:?}"
    );
    let beside = BESIDE.map(str::to_owned);
    let wanted: BTreeSet<String> = called.into_iter().chain(beside).collect();
    let policy =
        fs::read_to_string(crate_folder.join("policies/operator.json")).expect("the policy");
    let allowed = actions(&policy);
    assert_eq!(
        (
            wanted.difference(&allowed).collect::<Vec<_>>(),
            allowed.difference(&wanted).collect::<Vec<_>>()
        ),
        (vec![], vec![]),
        "(called and not allowed, allowed and not called)"
    );
}

/// AWS asks for this action on the endpoint and on each group that is named
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html>).
#[test]
fn endpoints_of_straits_may_be_given_groups_and_others_may_not() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let policy =
        fs::read_to_string(crate_folder.join("policies/operator.json")).expect("the policy");
    let statements = policy.split("\"Sid\"");
    let (of_groups, others): (Vec<&str>, Vec<&str>) = statements
        .filter(|statement| statement.contains("\"ec2:ModifyVpcEndpoint\""))
        .partition(|statement| statement.contains("\"arn:*:ec2:*:*:security-group/*\""));
    assert_eq!((of_groups.len(), others.len()), (1, 1), "{policy}");
    assert!(
        others[0].contains("aws:ResourceTag/strait:plane"),
        "{others:?}"
    );
}

#[test]
fn the_customers_policy_is_what_the_guide_tells_them_to_do() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = crate_folder.join("../strait-plane/src/plane/guide.rs");
    let guide = fs::read_to_string(guide).expect("the guide");
    let commands = guide.split("aws(\"").skip(1);
    let told: BTreeSet<String> = commands
        .filter_map(|rest| rest.split_once('"'))
        .map(|(command, _)| format!("ec2:{}", pascal(command, '-')))
        .collect();
    assert!(
        told.len() > 5,
        "commands are found as the guide writes them: {told:?}"
    );
    let policy =
        fs::read_to_string(crate_folder.join("policies/customer.json")).expect("the policy");
    let wanted: BTreeSet<String> = told
        .into_iter()
        .chain(TO_CHOOSE.map(str::to_owned))
        .collect();
    assert_eq!(actions(&policy), wanted);
}

#[test]
fn policies_hold_in_all_partitions() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut named = 0;
    for entry in fs::read_dir(policies).expect("policies") {
        let path = entry.expect("a policy").path();
        let policy = fs::read_to_string(&path).expect("text");
        let mut arns = policy.split('"').filter(|text| text.starts_with("arn:"));
        named += arns.clone().count();
        let of_one = arns.find(|arn| !arn.starts_with("arn:*:"));
        assert_eq!(of_one, None, "{}", path.display());
    }
    assert!(named > 0, "ARNs are found as policies write them");
}

#[test]
fn any_call_of_a_client_is_an_action_whatever_its_verb() {
    let of = |rest| action("ec2", rest);
    assert_eq!(
        of("enable_vgw_route_propagation().send()").as_deref(),
        Some("ec2:EnableVgwRoutePropagation")
    );
    assert_eq!(
        of("describe_vpcs().send()").as_deref(),
        Some("ec2:DescribeVpcs")
    );
    // As in `name.elb.eu-west-1.amazonaws.com`, and a method of ours.
    assert_eq!(of("eu-west-1.amazonaws.com\".to_owned()"), None);
    assert_eq!(of("answer(\"DescribeVpcs\")"), None);
}

/// The actions that the code in this folder calls, without tests.
fn collect(folder: &Path, called: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("sources") {
        let path = entry.expect("a source").path();
        if path.is_dir() {
            collect(&path, called);
            continue;
        }
        if path.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("text");
        // A chain of calls may stand on several lines.
        let text: String = text.split_whitespace().collect();
        let tests = text.find("#[cfg(test)]modtests{");
        let text = &text[..tests.unwrap_or(text.len())];
        for (client, service) in CLIENTS {
            for opener in [
                format!(".{client}()."),
                format!(".{client}."),
                format!("={client}."),
            ] {
                let calls = text.split(opener.as_str()).skip(1);
                called.extend(calls.filter_map(|rest| action(service, rest)));
            }
        }
    }
}

/// The action that begins here: `describe_vpcs()` is `DescribeVpcs`.
fn action(service: &str, rest: &str) -> Option<String> {
    let (operation, _) = rest.split_once("()")?;
    let is_name =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if operation.is_empty() || !operation.chars().all(is_name) {
        return None;
    }
    Some(format!("{service}:{}", pascal(operation, '_')))
}

fn pascal(operation: &str, between: char) -> String {
    let words = operation.split(between).map(|word| match word {
        "db" => "DB".to_owned(),
        _ => word[..1].to_uppercase() + &word[1..],
    });
    words.collect()
}

/// What a policy allows: its quoted words with a service before the colon.
fn actions(policy: &str) -> BTreeSet<String> {
    let services = [
        "ec2",
        "elasticloadbalancing",
        "rds",
        "route53",
        "sts",
        "iam",
    ];
    let keys = [
        "ec2:CreateAction",
        "elasticloadbalancing:CreateAction",
        "iam:AWSServiceName",
    ];
    let quoted = policy.split('"').skip(1).step_by(2);
    quoted
        .filter(|text| {
            text.split_once(':')
                .is_some_and(|(service, _)| services.contains(&service))
        })
        .filter(|text| !keys.contains(text))
        .map(str::to_owned)
        .collect()
}
