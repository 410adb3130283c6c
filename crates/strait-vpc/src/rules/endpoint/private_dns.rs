//! Private DNS names of endpoint services: who has proved to own which, and in which VPCs they resolve.
//! <https://docs.aws.amazon.com/vpc/latest/privatelink/manage-dns-names.html>

use jiff::{SignedDuration, Timestamp};

use super::derived_id;
use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::names::texts;
use crate::rules::resource::find;
use crate::rules::{Caller, Context};
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
        record_name: format!("_{}", letters(LOWER, (context.random)())),
        record_value: format!("vpce:{}", letters(MIXED, (context.random)())),
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
    let ready = network
        .vpcs
        .get(vpc)
        .is_some_and(|vpc| vpc.dns_support && vpc.dns_hostnames);
    if !ready {
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
        .filter(|other| other.vpc == *vpc && other.private_dns && Some(&other.id) != endpoint);
    let mut zones = network.hosted_zones.values();
    let conflict = others.any(|other| private_name(network, other) == Some(private.name.as_str()))
        || zones.any(|zone| zone.has_vpc(vpc) && is_zones(&private.name, &zone.name));
    if conflict {
        return refused(format!(
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {} in the VPC {vpc}",
            private.name
        ));
    }
    Ok(())
}

/// The private DNS name that resolves to an endpoint in its VPC, if one does.
pub(super) fn private_name<'n>(network: &'n Network, endpoint: &Endpoint) -> Option<&'n str> {
    let service = network.endpoint_services.get(&endpoint.service)?;
    service.private_name().filter(|_| endpoint.private_dns)
}

/// The id of the hosted zone that AWS makes for an endpoint's private name.
pub(super) fn zone_id(endpoint: &Endpoint) -> String {
    let id = derived_id("Z", endpoint.id.as_str());
    id.replace('-', "").to_uppercase()
}

/// The id of the hosted zone with this name that was made for an endpoint in a VPC.
pub(in crate::rules) fn zone_made(
    network: &Network,
    vpc: &VpcId,
    zone: &DomainName,
) -> Option<String> {
    let mut endpoints = network.endpoints.values().filter(|row| row.vpc == *vpc);
    let made =
        endpoints.find(|row| private_name(network, row).is_some_and(|name| is_zones(name, zone)));
    made.map(zone_id)
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

/// Whether a private name is that of a hosted zone.
fn is_zones(name: &str, zone: &DomainName) -> bool {
    name.trim_start_matches("*.")
        .parse::<DomainName>()
        .is_ok_and(|name| name == *zone)
}

fn set_state(network: &mut Network, id: &EndpointServiceId, state: DnsNameState) {
    let service = network.endpoint_services.get_mut(id);
    if let Some(private) = service.and_then(|service| service.private_dns.as_mut()) {
        private.proved |= state == DnsNameState::Verified;
        private.state = state;
    }
}

/// Labels of 1 to 63 letters, digits, hyphens and underscores, 255 characters in all, at least two; the first may be `*`.
fn check_name(asked: &str) -> Result<String, AwsError> {
    let name = asked.trim_end_matches('.').to_ascii_lowercase();
    let plain = name.strip_prefix("*.").unwrap_or(&name);
    let fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if name.len() <= 255 && plain.contains('.') && plain.split('.').all(fits) {
        return Ok(name);
    }
    let message = format!("The private DNS name '{asked}' is not a domain name.");
    Err(AwsError::new("InvalidParameter", message))
}

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const MIXED: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Twenty of these characters.
fn letters(of: &[u8], random: u128) -> String {
    let base = of.len() as u128;
    let digit = |place: u32| char::from(of[(random / base.pow(place) % base) as usize]);
    (0..20).map(digit).collect()
}

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
        for bad in [
            "",
            "com",
            "a..b",
            "-",
            "a b.com",
            "*.com",
            long.as_str(),
            "a.*.com",
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        for good in ["db.example.com", "*.example.com", "_x.Example.com."] {
            assert!(check_name(good).is_ok(), "{good}");
        }
    }
}
