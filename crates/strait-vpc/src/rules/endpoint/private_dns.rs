//! Private DNS names of endpoint services: who has proved to own which, and in which VPCs they resolve.
//! <https://docs.aws.amazon.com/vpc/latest/privatelink/manage-dns-names.html>

use jiff::{SignedDuration, Timestamp};

use super::derived_id;
use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::names::{names_instances, texts};
use crate::rules::resource::find;
use crate::rules::{Caller, Context, tenant};
use crate::state::*;

/// How long the record is looked for after that was asked for.
const PATIENCE: SignedDuration = SignedDuration::from_hours(72);

/// Looks for the TXT record at once; if it is not there, [`pass`] looks again for 72 hours.
pub(in crate::rules) fn verify(
    network: &mut Network,
    caller: &Caller,
    request: &StartVpcEndpointServicePrivateDnsVerificationRequest,
    context: &Context<'_>,
) -> Result<StartVpcEndpointServicePrivateDnsVerificationResponse, AwsError> {
    let service = find::<EndpointService>(network, caller, &request.service_id)?;
    let Some(private) = &service.private_dns else {
        let message = format!(
            "{} has no private DNS name: give it one with ModifyVpcEndpointServiceConfiguration first.",
            service.id
        );
        return Err(AwsError::new("InvalidParameter", message));
    };
    let state = if is_proved(private, |name| txt_records(network, name)) {
        DnsNameState::Verified
    } else {
        DnsNameState::Pending(Some(context.now + PATIENCE))
    };
    let id = service.id.clone();
    set_state(network, &id, state);
    Ok(StartVpcEndpointServicePrivateDnsVerificationResponse(
        Done::YES,
    ))
}

/// Time passes: records that are looked for are found, or are not in time.
pub(in crate::rules) fn pass(network: &mut Network, now: Timestamp) {
    let decide = |service: &EndpointService| {
        let private = service.private_dns.as_ref()?;
        let DnsNameState::Pending(Some(until)) = private.state else {
            return None;
        };
        if is_proved(private, |name| txt_records(network, name)) {
            return Some((service.id.clone(), DnsNameState::Verified));
        }
        (until <= now).then(|| (service.id.clone(), DnsNameState::Failed))
    };
    let decided: Vec<_> = network
        .endpoint_services
        .values()
        .filter_map(decide)
        .collect();
    for (id, state) in decided {
        set_state(network, &id, state);
    }
}

/// A name that is asked for, with what proves it. The name of before keeps its proof.
pub(super) fn wanted(
    asked: &str,
    before: Option<&PrivateDns>,
    context: &mut Context<'_>,
) -> Result<PrivateDns, AwsError> {
    let name = check_name(asked)?;
    if let Some(before) = before.filter(|before| before.name == name) {
        return Ok(before.clone());
    }
    Ok(PrivateDns {
        name,
        record_name: format!("_{}", tenant::letters(context, LOWER, LETTERS)),
        record_value: format!("vpce:{}", tenant::letters(context, MIXED, LETTERS)),
        state: DnsNameState::Pending(None),
        proved: false,
    })
}

/// Whether an endpoint may have private DNS: what AWS asks for, or why not.
pub(super) fn check(
    network: &Network,
    service: &EndpointService,
    vpc: &VpcId,
    (endpoint, state): (Option<&EndpointId>, EndpointState),
) -> Result<(), AwsError> {
    let refused = |message: String| Err(AwsError::new("InvalidParameter", message));
    let private = service.private_dns.as_ref();
    let Some(private) = private.filter(|private| private.state == DnsNameState::Verified) else {
        return refused(format!(
            "Private DNS can't be enabled because the service {} does not provide a verified private DNS name.",
            service.service_name()
        ));
    };
    if !network.vpcs.get(vpc).is_some_and(names_instances) {
        return refused(format!(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {vpc}"
        ));
    }
    match state {
        EndpointState::Available => {}
        EndpointState::PendingAcceptance | EndpointState::Rejected => {
            return refused(format!(
                "Private DNS can only be enabled after the endpoint connection is accepted by the owner of {}.",
                service.service_name()
            ));
        }
    }
    let mut others = network
        .endpoints
        .values()
        .filter(|other| other.vpc == *vpc && Some(&other.id) != endpoint);
    let mut zones = network.hosted_zones.values();
    let conflict = private_zone(&private.name).is_some_and(|name| {
        others.any(|other| has_zone(network, other, &name))
            || zones.any(|zone| zone.name == name && zone.has_vpc(vpc))
    });
    if conflict {
        return refused(format!(
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {} in the VPC {vpc}",
            private.name
        ));
    }
    Ok(())
}

/// The private DNS name that resolves to an endpoint in its VPC, if one does.
pub(crate) fn private_name<'n>(network: &'n Network, endpoint: &Endpoint) -> Option<&'n str> {
    let service = network.endpoint_services.get(&endpoint.service)?;
    let answers = endpoint.private_dns && endpoint.state == EndpointState::Available;
    service.private_name().filter(|_| answers)
}

/// The name of the hosted zone that AWS makes for a private name.
pub(crate) fn private_zone(name: &str) -> Option<DomainName> {
    name.strip_prefix("*.").unwrap_or(name).parse().ok()
}

/// The id of the hosted zone that AWS makes for an endpoint's private name.
pub(crate) fn endpoint_zone_id(endpoint: &EndpointId) -> HostedZoneId {
    let id = derived_id("Z", endpoint.as_str()).replace('-', "");
    let id = id.to_uppercase();
    id.parse().expect("capital letters and digits are an id")
}

/// The id of the hosted zone with this name that was made for an endpoint in a VPC.
pub(in crate::rules) fn zone_made(
    network: &Network,
    vpc: &VpcId,
    zone: &DomainName,
) -> Option<HostedZoneId> {
    let mut endpoints = network.endpoints.values().filter(|row| row.vpc == *vpc);
    let made = endpoints.find(|row| has_zone(network, row, zone))?;
    Some(endpoint_zone_id(&made.id))
}

/// Refuses a name that is not the service's while endpoints have private DNS: nobody would ask whether it is free in their
/// VPCs.
pub(super) fn check_unused(
    network: &Network,
    service: &EndpointService,
    wanted: &PrivateDns,
) -> Result<(), AwsError> {
    let before = service.private_dns.as_ref();
    let mut endpoints = network.endpoints.values();
    let user = endpoints.find(|endpoint| endpoint.service == service.id && endpoint.private_dns);
    let Some(user) = user.filter(|_| before.is_some_and(|before| before.name != wanted.name))
    else {
        return Ok(());
    };
    let message = format!(
        "The private DNS name of {} cannot be changed while endpoints resolve it, such as {}: reject them, or have their owners turn private DNS off first",
        service.id, user.id
    );
    Err(AwsError::new("ExistingVpcEndpointConnections", message))
}

/// How a private DNS name is shown to the service's owner.
pub(super) fn configuration(private: &PrivateDns) -> PrivateDnsNameConfigurationItem {
    PrivateDnsNameConfigurationItem {
        state: state_name(private.state),
        kind: "TXT",
        value: private.record_value.clone(),
        name: private.record_name.clone(),
    }
}

/// The state of a private DNS name, as it is called.
pub(super) fn state_name(state: DnsNameState) -> &'static str {
    match state {
        DnsNameState::Pending(_) => "pendingVerification",
        DnsNameState::Verified => "verified",
        DnsNameState::Failed => "failed",
    }
}

/// Whether a TXT record that proves a name is there: of the name's own domain or of one above it, under the record's own
/// name or, for providers that know no underscores, without it.
fn is_proved(private: &PrivateDns, records: impl Fn(&str) -> Vec<String>) -> bool {
    let proves = |name: &str| records(name).contains(&private.record_value);
    let mut domain = Some(private.name.trim_start_matches("*."));
    while let Some(name) = domain.filter(|name| name.contains('.')) {
        if proves(&format!("{}.{name}", private.record_name)) || proves(name) {
            return true;
        }
        domain = name.split_once('.').map(|(_, above)| above);
    }
    false
}

/// The TXT records of a name in public zones.
fn txt_records(network: &Network, name: &str) -> Vec<String> {
    name.parse()
        .map_or_else(|_| Vec::new(), |name| texts(network, &name))
}

/// Whether this zone was made for an endpoint.
fn has_zone(network: &Network, endpoint: &Endpoint, zone: &DomainName) -> bool {
    private_name(network, endpoint)
        .and_then(private_zone)
        .is_some_and(|name| name == *zone)
}

fn set_state(network: &mut Network, id: &EndpointServiceId, state: DnsNameState) {
    let service = network.endpoint_services.get_mut(id);
    if let Some(private) = service.and_then(|service| service.private_dns.as_mut()) {
        private.proved |= state == DnsNameState::Verified;
        private.state = state;
    }
}

/// A domain name with a dot in it, of letters, digits, hyphens and underscores; all labels of it that are escaped elsewhere
/// are refused, but for a first `*`.
fn check_name(asked: &str) -> Result<String, AwsError> {
    let parsed = asked.parse::<DomainName>();
    let name = parsed.as_ref().map_or("", DomainName::as_str);
    let name = name.trim_end_matches('.');
    let (wildcard, plain) = match name.strip_prefix(r"\052.") {
        Some(plain) => ("*.", plain),
        None => ("", name),
    };
    if plain.contains('.') && !plain.contains('\\') {
        return Ok(format!("{wildcard}{plain}"));
    }
    let message = format!("The private DNS name '{asked}' is not a domain name.");
    Err(AwsError::new("InvalidParameter", message))
}

/// How many letters of chance a record's name and value have.
const LETTERS: usize = 20;

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const MIXED: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_the_domain_or_of_one_above_it_proves_a_name() {
        let at = |place: &str, value: &str, name: &str| {
            let private = PrivateDns {
                name: name.to_owned(),
                record_name: "_abc".to_owned(),
                record_value: "vpce:xYz".to_owned(),
                state: DnsNameState::Pending(None),
                proved: false,
            };
            is_proved(&private, |asked| match asked == place {
                true => vec!["other".to_owned(), value.to_owned()],
                false => Vec::new(),
            })
        };
        assert!(at("_abc.db.example.com", "vpce:xYz", "db.example.com"));
        assert!(at("_abc.example.com", "vpce:xYz", "db.example.com"));
        assert!(at("_abc.example.com", "vpce:xYz", "*.example.com"));
        assert!(at("example.com", "vpce:xYz", "db.example.com"));
        assert!(
            !at("_abc.com", "vpce:xYz", "db.example.com"),
            "a whole top-level domain"
        );
        assert!(!at("_abc.example.com", "vpce:other", "db.example.com"));
        assert!(
            !at("_abc.example.com", "vpce:xyz", "db.example.com"),
            "another case"
        );
        assert!(!at("_abc.x.db.example.com", "vpce:xYz", "db.example.com"));
    }

    #[test]
    fn names_are_domain_names() {
        let long = format!("{}.com", "x".repeat(64));
        // 253 characters fit into the 255 bytes that a name has in a message; 254 do not.
        let most = ["x".repeat(61), vec!["x".repeat(63); 3].join(".")].join(".");
        let whole = format!("x{most}");
        for bad in [
            "",
            "com",
            "a..b",
            "-",
            "a b.com",
            "*.com",
            long.as_str(),
            whole.as_str(),
            "a.*.com",
            "*.*.com",
            "a@b.com",
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        for (good, name) in [
            ("db.example.com", "db.example.com"),
            ("*.example.com", "*.example.com"),
            ("_x.Example.com.", "_x.example.com"),
            (most.as_str(), most.as_str()),
        ] {
            assert_eq!(check_name(good).as_deref(), Ok(name), "{good}");
        }
    }
}
