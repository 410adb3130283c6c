//! AWS's rules: one function a call, grouped by object. A call changes a copy of the network, which takes its place only if
//! the call succeeds: so a rule may look at what it has changed, and refuse it.

mod account;
mod acl;
mod address;
mod balancer;
mod block;
mod check;
mod endpoint;
mod filter;
mod gateway;
mod group;
mod group_call;
mod group_description;
mod group_reference;
mod group_rule;
mod instance;
mod instance_view;
mod interface;
mod ipv6;
mod launch;
mod peering;
mod peering_block;
mod peering_option;
mod peering_view;
mod permission;
mod prefix_change;
mod prefix_list;
mod prefix_use;
mod quota;
mod region;
mod reset;
mod resource;
mod route;
mod routing;
mod session;
mod subnet;
mod tag;
mod tenant;
mod traffic;
mod vpc;
mod zone;

use jiff::Timestamp;

use crate::api::*;
use crate::error::{AwsError, Fault};
use crate::id::{AccountId, Region};
use crate::state::Network;

pub(crate) use balancer::LOAD_BALANCER_ZONE;
pub(crate) use endpoint::{ENDPOINT_ZONE, endpoint_zone_id, private_name, private_zone};
pub use quota::{QuotaSetting, quotas, set_quota};
pub use reset::reset_customers;
pub(crate) use route::is_active;
pub use tenant::new_account;
pub(crate) use zone::{record_value, records_of};

/// Who calls, and in which Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account that signed the call.
    pub account: AccountId,
    /// The Region that the call was signed for.
    pub region: Region,
    /// The access key id of the temporary credentials that signed it; `None` for the account's own key.
    pub session: Option<String>,
}

impl Caller {
    /// The account itself, with its own key.
    #[must_use]
    pub const fn new(account: AccountId, region: Region) -> Self {
        Self {
            account,
            region,
            session: None,
        }
    }
}

/// What a pure function may not take for itself: time and randomness.
pub struct Context<'a> {
    /// Now.
    pub now: Timestamp,
    /// Random bits; each call gives new ones.
    pub random: &'a mut dyn FnMut() -> u128,
}

/// Makes a call. If it fails, nothing has changed.
///
/// At an account's first call in a Region it gets its default VPC there, see [`new_account`].
pub fn apply(
    network: &mut Network,
    caller: &Caller,
    action: Action,
    context: &mut Context<'_>,
) -> Result<Response, AwsError> {
    let (changed, response) = attempt(network, caller, action, context)?;
    *network = changed;
    Ok(response)
}

/// Answers a call that changes nothing, without changing the network. `None` for any other call: [`apply`] makes it.
#[must_use]
pub fn read(
    network: &Network,
    caller: &Caller,
    action: &Action,
    context: &mut Context<'_>,
) -> Option<Result<Response, AwsError>> {
    let changes_nothing = action.is_read() || action.is_dry_run();
    if !changes_nothing || tenant::is_new_here(network, caller) {
        return None;
    }
    let attempted = attempt(network, caller, action.clone(), context);
    Some(attempted.map(|(_, response)| response))
}

/// Time passes: requests for peering connections expire after 7 days, ended ones, terminated instances and deleted
/// prefix lists go when nobody is shown them any more; private DNS names are verified, or not in time; ended credentials
/// are forgotten.
pub fn tick(network: &mut Network, now: Timestamp) {
    peering::pass(network, now);
    instance::pass(network, now);
    balancer::pass(network, now);
    prefix_list::pass(network, now);
    endpoint::pass(network, now);
    session::pass(network, now);
    zone::pass(network, now);
}

/// The network as a call makes it, and the answer. The call is made on a copy, which costs next to nothing.
fn attempt(
    network: &Network,
    caller: &Caller,
    action: Action,
    context: &mut Context<'_>,
) -> Result<(Network, Response), AwsError> {
    let mut draft = network.clone();
    if tenant::is_new_here(&draft, caller) {
        tenant::settle(&mut draft, caller, context)?;
    }
    let is_dry_run = action.is_dry_run();
    let response = run(&mut draft, caller, action, context)?;
    if is_dry_run {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(AwsError::with_fault(
            "DryRunOperation",
            message,
            Fault::DryRun,
        ));
    }
    Ok((draft, response))
}

/// Matches a call to its rule.
macro_rules! dispatch {
    (
        $action:ident, $request:ident;
        $($name:ident => $answer:expr,)*
    ) => {
        match $action {
            $(Action::$name($request) => {
                // Some requests say nothing.
                let _ = &$request;
                $answer.map(Response::$name)
            })*
        }
    };
}

fn run(
    network: &mut Network,
    caller: &Caller,
    action: Action,
    context: &mut Context<'_>,
) -> Result<Response, AwsError> {
    dispatch! {
        action, request;
        CreateVpc => vpc::create(network, caller, &request, context),
        CreateDefaultVpc => vpc::create_default(network, caller, context),
        DescribeVpcs => vpc::describe(network, caller, &request),
        DeleteVpc => vpc::delete(network, caller, &request, context),
        ModifyVpcAttribute => vpc::modify_attribute(network, caller, &request),
        DescribeVpcAttribute => vpc::describe_attribute(network, caller, &request),
        AssociateSubnetCidrBlock => ipv6::associate_subnet(network, caller, &request, context),
        DisassociateSubnetCidrBlock => ipv6::disassociate_subnet(network, caller, &request),
        AssociateVpcCidrBlock => block::associate(network, caller, &request, context),
        DisassociateVpcCidrBlock => block::disassociate(network, caller, &request, context),
        CreateSubnet => subnet::create(network, caller, &request, context),
        DescribeSubnets => subnet::describe(network, caller, &request),
        DeleteSubnet => subnet::delete(network, caller, &request),
        ModifySubnetAttribute => subnet::modify(network, caller, &request),
        CreateRouteTable => route::create(network, caller, &request, context),
        DescribeRouteTables => route::describe(network, caller, &request),
        DeleteRouteTable => route::delete(network, caller, &request),
        AssociateRouteTable => route::associate(network, caller, &request, context),
        DisassociateRouteTable => route::disassociate(network, caller, &request),
        ReplaceRouteTableAssociation => route::replace_association(network, caller, &request, context),
        CreateRoute => routing::create(network, caller, &request, context),
        ReplaceRoute => routing::replace(network, caller, &request, context),
        DeleteRoute => routing::delete(network, caller, &request),
        CreateInternetGateway => gateway::create(network, caller, &request, context),
        DescribeInternetGateways => gateway::describe(network, caller, &request),
        AttachInternetGateway => gateway::attach(network, caller, &request),
        DetachInternetGateway => gateway::detach(network, caller, &request),
        DeleteInternetGateway => gateway::delete(network, caller, &request),
        CreateSecurityGroup => group::create(network, caller, &request, context),
        DescribeSecurityGroups => group::describe(network, caller, &request),
        DeleteSecurityGroup => group::delete(network, caller, &request),
        AuthorizeSecurityGroupIngress => group_call::authorize_ingress(network, caller, &request, context),
        AuthorizeSecurityGroupEgress => group_call::authorize_egress(network, caller, &request, context),
        RevokeSecurityGroupIngress => group_call::revoke_ingress(network, caller, &request),
        RevokeSecurityGroupEgress => group_call::revoke_egress(network, caller, &request),
        DescribeSecurityGroupRules => group_rule::describe(network, caller, &request),
        ModifySecurityGroupRules => group_rule::modify(network, caller, &request),
        UpdateSecurityGroupRuleDescriptionsIngress => group_description::ingress(network, caller, &request),
        UpdateSecurityGroupRuleDescriptionsEgress => group_description::egress(network, caller, &request),
        DescribeSecurityGroupReferences => group_reference::describe(network, caller, &request),
        DescribeStaleSecurityGroups => group_reference::describe_stale(network, caller, &request),
        CreateManagedPrefixList => prefix_list::create(network, caller, &request, context),
        DescribeManagedPrefixLists => prefix_list::describe(network, caller, &request),
        GetManagedPrefixListEntries => prefix_list::entries(network, caller, &request),
        GetManagedPrefixListAssociations => prefix_list::associations(network, caller, &request),
        ModifyManagedPrefixList => prefix_change::modify(network, caller, &request),
        RestoreManagedPrefixListVersion => prefix_change::restore(network, caller, &request),
        DeleteManagedPrefixList => prefix_list::delete(network, caller, &request, context),
        DescribePrefixLists => prefix_list::describe_aws(caller, &request),
        CreateNetworkAcl => acl::create(network, caller, &request, context),
        DescribeNetworkAcls => acl::describe(network, caller, &request),
        DeleteNetworkAcl => acl::delete(network, caller, &request),
        CreateNetworkAclEntry => acl::create_entry(network, caller, &request),
        ReplaceNetworkAclEntry => acl::replace_entry(network, caller, &request),
        DeleteNetworkAclEntry => acl::delete_entry(network, caller, &request),
        ReplaceNetworkAclAssociation => acl::replace_association(network, caller, &request, context),
        CreateVpcPeeringConnection => peering::create(network, caller, &request, context),
        DescribeVpcPeeringConnections => peering::describe(network, caller, &request, context),
        AcceptVpcPeeringConnection => peering::accept(network, caller, &request, context),
        RejectVpcPeeringConnection => peering::reject(network, caller, &request, context),
        DeleteVpcPeeringConnection => peering::delete(network, caller, &request, context),
        ModifyVpcPeeringConnectionOptions => peering_option::modify(network, caller, &request, context),
        AllocateAddress => address::allocate(network, caller, &request, context),
        DescribeAddresses => address::describe(network, caller, &request),
        DescribeAddressesAttribute => address::describe_attribute(network, caller, &request),
        AssociateAddress => address::associate(network, caller, &request, context),
        DisassociateAddress => address::disassociate(network, caller, &request),
        ReleaseAddress => address::release(network, caller, &request),
        RunInstances => instance::run(network, caller, &request, context),
        DescribeInstances => instance::describe(network, caller, &request),
        TerminateInstances => instance::terminate(network, caller, &request, context),
        DescribeInstanceStatus => instance::describe_status(network, caller, &request),
        DescribeImages => instance::describe_images(&request),
        CreateNetworkInterface => interface::create(network, caller, &request, context),
        DescribeNetworkInterfaces => interface::describe(network, caller, &request),
        DeleteNetworkInterface => interface::delete(network, caller, &request),
        ModifyNetworkInterfaceAttribute => interface::modify(network, caller, &request),
        CreateTags => tag::create(network, caller, &request, context),
        DeleteTags => tag::delete(network, caller, &request, context),
        DescribeTags => tag::describe(network, caller, &request, context),
        DescribeRegions => region::describe_regions(&request),
        DescribeAvailabilityZones => region::describe_zones(caller, &request),
        DescribeAccountAttributes => region::describe_account_attributes(network, caller, &request),
        DescribeDhcpOptions => region::describe_dhcp_options(caller, &request),
        AssumeRole => session::assume_role(network, caller, &request, context),
        GetSessionToken => session::get_session_token(network, caller, &request, context),
        CreateVpcEndpointServiceConfiguration => endpoint::create_service(network, caller, &request, context),
        DescribeVpcEndpointServiceConfigurations => endpoint::describe_configurations(network, caller, &request),
        ModifyVpcEndpointServiceConfiguration => endpoint::modify_service(network, caller, &request, context),
        StartVpcEndpointServicePrivateDnsVerification => endpoint::verify(network, caller, &request, context),
        DeleteVpcEndpointServiceConfigurations => endpoint::delete_services(network, caller, &request),
        ModifyVpcEndpointServicePermissions => endpoint::modify_permissions(network, caller, &request),
        DescribeVpcEndpointServicePermissions => endpoint::describe_permissions(network, caller, &request),
        DescribeVpcEndpointServices => endpoint::describe_services(network, caller, &request),
        CreateVpcEndpoint => endpoint::create(network, caller, &request, context),
        DescribeVpcEndpoints => endpoint::describe(network, caller, &request),
        ModifyVpcEndpoint => endpoint::modify(network, caller, &request, context),
        DeleteVpcEndpoints => endpoint::delete(network, caller, &request),
        DescribeVpcEndpointConnections => endpoint::describe_connections(network, caller, &request),
        AcceptVpcEndpointConnections => endpoint::accept(network, caller, &request),
        RejectVpcEndpointConnections => endpoint::reject(network, caller, &request),
        CreateLoadBalancer => balancer::create_balancer(network, caller, &request, context),
        DescribeLoadBalancers => balancer::describe_balancers(network, caller, &request),
        DeleteLoadBalancer => balancer::delete_balancer(network, caller, &request),
        ModifyLoadBalancerAttributes => balancer::modify_balancer_attributes(network, caller, &request),
        DescribeLoadBalancerAttributes => balancer::describe_balancer_attributes(network, caller, &request),
        SetSecurityGroups => balancer::set_groups(network, caller, &request),
        SetSubnets => balancer::set_subnets(network, caller, &request, context),
        SetIpAddressType => balancer::set_address_type(network, caller, &request),
        DescribeAccountLimits => balancer::describe_limits(network, caller, &request),
        DescribeSSLPolicies => balancer::describe_policies(&request),
        CreateTargetGroup => balancer::create_target_group(network, caller, &request, context),
        DescribeTargetGroups => balancer::describe_target_groups(network, caller, &request),
        ModifyTargetGroup => balancer::modify_target_group(network, caller, &request),
        DeleteTargetGroup => balancer::delete_target_group(network, caller, &request),
        ModifyTargetGroupAttributes => balancer::modify_group_attributes(network, caller, &request),
        DescribeTargetGroupAttributes => balancer::describe_group_attributes(network, caller, &request),
        RegisterTargets => balancer::register_targets(network, caller, &request),
        DeregisterTargets => balancer::deregister_targets(network, caller, &request, context),
        DescribeTargetHealth => balancer::describe_health(network, caller, &request),
        CreateListener => balancer::create_listener(network, caller, &request, context),
        DescribeListeners => balancer::describe_listeners(network, caller, &request),
        ModifyListener => balancer::modify_listener(network, caller, &request),
        DeleteListener => balancer::delete_listener(network, caller, &request),
        ModifyListenerAttributes => balancer::modify_listener_attributes(network, caller, &request),
        DescribeListenerAttributes => balancer::describe_listener_attributes(network, caller, &request),
        DescribeListenerCertificates => balancer::describe_certificates(network, caller, &request),
        AddTags => balancer::add_tags(network, caller, &request),
        RemoveTags => balancer::remove_tags(network, caller, &request),
        DescribeBalancerTags => balancer::describe_tags(network, caller, &request),
        CreateHostedZone => zone::create(network, caller, &request, context),
        ListHostedZones => zone::list(network, caller, &request),
        ChangeResourceRecordSets => zone::change(network, caller, &request, context).map(ChangeResourceRecordSetsResponse),
        ListResourceRecordSets => zone::list_records(network, caller, &request),
        GetHostedZone => zone::get(network, caller, &request),
        GetHostedZoneCount => zone::count(network, caller, &request),
        DeleteHostedZone => zone::delete(network, caller, &request, context).map(DeleteHostedZoneResponse),
        UpdateHostedZoneComment => zone::update_comment(network, caller, &request),
        ListHostedZonesByName => zone::by_name(network, caller, &request),
        ListHostedZonesByVpc => zone::by_vpc(network, caller, &request),
        AssociateVpcWithHostedZone => zone::associate(network, caller, &request, context).map(AssociateVpcWithHostedZoneResponse),
        DisassociateVpcFromHostedZone => zone::disassociate(network, caller, &request, context).map(DisassociateVpcFromHostedZoneResponse),
        CreateVpcAssociationAuthorization => zone::authorize(network, caller, &request),
        DeleteVpcAssociationAuthorization => zone::deauthorize(network, caller, &request).map(DeleteVpcAssociationAuthorizationResponse),
        ListVpcAssociationAuthorizations => zone::list_authorizations(network, caller, &request),
        GetChange => zone::get_change(network, caller, &request).map(GetChangeResponse),
        ChangeTagsForResource => zone::change_tags(network, caller, &request).map(ChangeTagsForResourceResponse),
        ListTagsForResource => zone::list_tags(network, caller, &request),
        ListTagsForResources => zone::list_tags_of_several(network, caller, &request),
        GetAccessKeyInfo => account::get_access_key_info(network, &request),
        GetCallerIdentity => account::get_caller_identity(network, caller, &request),
    }
}
