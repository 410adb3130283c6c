//! Public addresses: Elastic IPs, and those that come with a launch.

use std::net::Ipv4Addr;

use strait_vpc::Caller;
use strait_vpc::api::*;

use crate::world::*;

/// A customer's subnet in a VPC with an internet gateway.
struct Ground {
    world: World,
    me: Caller,
    vpc: String,
    subnet: String,
    gateway: String,
}

#[test]
fn an_address_is_kept_used_and_given_back() {
    let mut on = ground();
    let one = on.allocate();
    assert_eq!(one.public_ip, "203.0.113.1");
    assert_eq!(
        (one.domain.as_str(), one.network_border_group.as_str()),
        ("vpc", "us-east-1")
    );
    let instance = on.world.instance(&on.me, &on.subnet).instance_id;
    let association = on.associate(&one.allocation_id, &instance);
    assert_eq!(
        on.associate(&one.allocation_id, &instance),
        association,
        "twice is once"
    );
    let shown = on.address(&one.allocation_id);
    assert_eq!(
        (shown.association_id, shown.instance_id.as_deref()),
        (Some(association.clone()), Some(instance.as_str()))
    );
    let of_instance = on.show(&instance);
    assert_eq!(
        of_instance.public_ip_address.as_deref(),
        Some("203.0.113.1")
    );
    let interface = on.interface(&shown.network_interface_id.expect("an interface"));
    let shown = interface.association.expect("an association");
    assert_eq!(shown.association_id, Some(association.clone()));
    assert_eq!(shown.allocation_id, Some(one.allocation_id.clone()));
    assert_eq!(shown.ip_owner_id, on.me.account.to_string());
    assert_eq!(
        on.world.code(&on.me, release(&one.allocation_id)),
        "InvalidIPAddress.InUse"
    );
    on.world
        .ok::<DisassociateAddressResponse>(&on.me, disassociate(&association));
    assert_eq!(on.show(&instance).public_ip_address, None);
    assert_eq!(
        on.world.code(&on.me, disassociate(&association)),
        "InvalidAssociationID.NotFound"
    );
    on.world
        .ok::<ReleaseAddressResponse>(&on.me, release(&one.allocation_id));
    assert_eq!(
        on.world.code(&on.me, release(&one.allocation_id)),
        "InvalidAllocationID.NotFound"
    );
    assert_eq!(on.allocate().public_ip, "203.0.113.1", "free again");
}

#[test]
fn an_address_moves_unless_told_not_to_and_replaces_another() {
    let mut on = ground();
    let (one, two) = (on.allocate(), on.allocate());
    let [a, b] = [(); 2].map(|()| on.world.instance(&on.me, &on.subnet).instance_id);
    on.associate(&one.allocation_id, &a);
    let stay = AssociateAddressRequest {
        allow_reassociation: Some(false),
        ..associate(&one.allocation_id, &b)
    };
    assert_eq!(
        on.world.code(&on.me, stay.clone()),
        "Resource.AlreadyAssociated"
    );
    on.associate(&one.allocation_id, &b);
    assert_eq!(on.show(&a).public_ip_address, None);
    assert_eq!(on.show(&b).public_ip_address, Some(one.public_ip.clone()));
    on.associate(&two.allocation_id, &b);
    assert_eq!(on.show(&b).public_ip_address, Some(two.public_ip.clone()));
    assert_eq!(
        on.address(&one.allocation_id).association_id,
        None,
        "still the account's"
    );
    on.world
        .ok::<AssociateAddressResponse>(&on.me, stay.clone());
    on.world.ok::<TerminateInstancesResponse>(
        &on.me,
        TerminateInstancesRequest {
            instance_ids: vec![b],
            ..Default::default()
        },
    );
    assert_eq!(on.address(&one.allocation_id).association_id, None);
}

#[test]
fn what_an_address_is_associated_with_is_checked() {
    let mut on = ground();
    let one = on.allocate();
    let id = one.allocation_id.as_str();
    let instance = on.world.instance(&on.me, &on.subnet).instance_id;
    let closed_vpc = on.world.vpc(&on.me, "10.9.0.0/16");
    let closed = on.world.subnet(&on.me, &closed_vpc, "10.9.0.0/24");
    let closed = on.world.instance(&on.me, &closed).instance_id;
    let good = associate(id, &instance);
    let cases = [
        (associate(id, &closed), "Gateway.NotAttached"),
        (associate(id, "i-00000000"), "InvalidInstanceID.NotFound"),
        (
            associate("eipalloc-x", &instance),
            "InvalidAllocationID.Malformed",
        ),
        (
            associate("eipalloc-00000000", &instance),
            "InvalidAllocationID.NotFound",
        ),
        (
            AssociateAddressRequest {
                allocation_id: None,
                ..good.clone()
            },
            "MissingParameter",
        ),
        (
            AssociateAddressRequest {
                public_ip: Some(one.public_ip.clone()),
                ..good.clone()
            },
            "InvalidParameterCombination",
        ),
        (
            AssociateAddressRequest {
                instance_id: None,
                ..good.clone()
            },
            "MissingParameter",
        ),
        (
            AssociateAddressRequest {
                private_ip_address: Some("10.0.0.99".to_owned()),
                ..good.clone()
            },
            "InvalidParameterValue",
        ),
        (
            AssociateAddressRequest {
                allocation_id: None,
                public_ip: Some("203.0.113.99".to_owned()),
                ..good.clone()
            },
            "AuthFailure",
        ),
        (
            AssociateAddressRequest {
                allocation_id: None,
                public_ip: Some("here".to_owned()),
                ..good.clone()
            },
            "InvalidAddress.Malformed",
        ),
        (
            AssociateAddressRequest {
                allocation_id: None,
                public_ip: Some(one.public_ip.clone()),
                private_ip_address: Some("10.0.0.4".to_owned()),
                ..good
            },
            "ok",
        ),
    ];
    for (request, expected) in cases {
        let what = format!("{request:?}");
        assert_eq!(on.world.outcome(&on.me, request), expected, "{what}");
    }
    assert_eq!(
        on.world.code(&provider(), release(id)),
        "InvalidAllocationID.NotFound",
        "another account's"
    );
}

#[test]
fn five_addresses_a_region_unless_the_quota_is_raised() {
    let mut on = ground();
    for _ in 0..5 {
        on.allocate();
    }
    let more = AllocateAddressRequest::default();
    assert_eq!(on.world.code(&on.me, more.clone()), "AddressLimitExceeded");
    assert_eq!(
        on.world
            .outcome(&caller("111122223333", "eu-west-1"), more.clone()),
        "ok"
    );
    on.world
        .network
        .quotas
        .insert("addresses-per-region".to_owned(), 6);
    assert_eq!(on.world.outcome(&on.me, more.clone()), "ok");
    let elsewhere = AllocateAddressRequest {
        network_border_group: Some("us-east-1-wl1".to_owned()),
        ..more
    };
    assert_eq!(on.world.code(&on.me, elsewhere), "InvalidParameterValue");
}

#[test]
fn when_all_addresses_are_taken_the_error_says_so() {
    let mut on = ground();
    let instance = on.world.instance(&on.me, &on.subnet);
    let id = instance.network_interfaces.items[0]
        .network_interface_id
        .parse()
        .expect("an id");
    let row = on.world.network.interfaces.get(&id).expect("it").clone();
    for (number, address) in (1_u128 << 40..).zip(
        strait_vpc::state::INSTANCE_ADDRESSES
            .iter()
            .flat_map(ipnet::Ipv4Net::hosts),
    ) {
        let mut other = row.clone();
        other.id = strait_vpc::InterfaceId::from_random(number);
        other.public_ip = Some(address);
        on.world.network.interfaces.insert(other.id.clone(), other);
    }
    let allocate = AllocateAddressRequest::default();
    assert_eq!(
        on.world.network.free_instance_addresses().next(),
        None::<Ipv4Addr>
    );
    let error = on.world.call(&on.me, allocate).expect_err("none is free");
    assert_eq!(error.code, "InsufficientAddressCapacity");
    let public = RunInstancesRequest {
        network_interfaces: vec![InterfaceSpecification {
            device_index: Some(0),
            subnet_id: Some(on.subnet.clone()),
            associate_public_ip_address: Some(true),
            ..Default::default()
        }],
        ..one_instance()
    };
    let error = on.world.call(&on.me, public).expect_err("none is free");
    assert_eq!(error.code, "InsufficientAddressCapacity");
}

#[test]
fn an_address_from_the_launch_comes_back_when_an_elastic_one_leaves() {
    let mut on = ground();
    let automatic = InterfaceSpecification {
        device_index: Some(0),
        subnet_id: Some(on.subnet.clone()),
        associate_public_ip_address: Some(true),
        ..Default::default()
    };
    let run = RunInstancesRequest {
        network_interfaces: vec![automatic.clone()],
        ..one_instance()
    };
    let made = on.world.ok::<RunInstancesResponse>(&on.me, run.clone());
    let instance = made.instances.items[0].instance_id.clone();
    let first = on.show(&instance);
    assert_eq!(first.public_ip_address.as_deref(), Some("203.0.113.1"));
    let association = &first.network_interfaces.items[0].association;
    assert_eq!(
        association.as_ref().map(|shown| shown.ip_owner_id.as_str()),
        Some("amazon")
    );
    let elastic = on.allocate();
    let association = on.associate(&elastic.allocation_id, &instance);
    assert_eq!(
        on.allocate().public_ip,
        "203.0.113.1",
        "what the launch gave is free"
    );
    on.world
        .ok::<DisassociateAddressResponse>(&on.me, disassociate(&association));
    let again = on.show(&instance).public_ip_address;
    assert_eq!(again.as_deref(), Some("203.0.113.3"), "another one");
    let two = RunInstancesRequest {
        network_interfaces: vec![
            automatic.clone(),
            InterfaceSpecification {
                device_index: Some(1),
                associate_public_ip_address: None,
                ..automatic
            },
        ],
        ..run
    };
    assert_eq!(
        on.world.code(&on.me, two),
        "InvalidParameterCombination",
        "with several interfaces none is automatic"
    );
}

#[test]
fn public_names_are_there_when_the_vpc_has_dns_names() {
    let mut on = ground();
    let elastic = on.allocate();
    let instance = on.world.instance(&on.me, &on.subnet).instance_id;
    on.associate(&elastic.allocation_id, &instance);
    assert_eq!(on.show(&instance).public_dns_name, "");
    let names = ModifyVpcAttributeRequest {
        vpc_id: on.vpc.clone(),
        enable_dns_hostnames: Some(AttributeBooleanValue { value: Some(true) }),
        ..Default::default()
    };
    on.world.ok::<ModifyVpcAttributeResponse>(&on.me, names);
    let name = "ec2-203-0-113-1.compute-1.amazonaws.com";
    assert_eq!(on.show(&instance).public_dns_name, name);
    let request = DescribeInstancesRequest {
        filters: vec![filter("dns-name", name)],
        ..Default::default()
    };
    let found = on.world.ok::<DescribeInstancesResponse>(&on.me, request);
    assert_eq!(found.reservations.items.len(), 1);
}

#[test]
fn a_gateway_stays_while_addresses_are_mapped() {
    let mut on = ground();
    let elastic = on.allocate();
    let instance = on.world.instance(&on.me, &on.subnet).instance_id;
    let association = on.associate(&elastic.allocation_id, &instance);
    let detach = DetachInternetGatewayRequest {
        internet_gateway_id: on.gateway.clone(),
        vpc_id: on.vpc.clone(),
        ..Default::default()
    };
    assert_eq!(on.world.code(&on.me, detach.clone()), "DependencyViolation");
    on.world
        .ok::<DisassociateAddressResponse>(&on.me, disassociate(&association));
    on.world.ok::<DetachInternetGatewayResponse>(&on.me, detach);
}

#[test]
fn addresses_are_found_by_filters_ids_and_tags() {
    let mut on = ground();
    let tagged = AllocateAddressRequest {
        tag_specifications: tags("elastic-ip", &[("Name", "web")]),
        ..Default::default()
    };
    let one = on.world.ok::<AllocateAddressResponse>(&on.me, tagged);
    let two = on.allocate();
    let instance = on.world.instance(&on.me, &on.subnet).instance_id;
    on.associate(&two.allocation_id, &instance);
    let cases = [
        (vec![], vec![&one, &two]),
        (vec![filter("tag:Name", "web")], vec![&one]),
        (vec![filter("instance-id", &instance)], vec![&two]),
        (vec![filter("public-ip", "203.0.113.*")], vec![&one, &two]),
        (vec![filter("private-ip-address", "10.0.0.4")], vec![&two]),
        (vec![filter("domain", "standard")], vec![]),
    ];
    for (filters, wanted) in cases {
        let what = format!("{filters:?}");
        let request = DescribeAddressesRequest {
            filters,
            ..Default::default()
        };
        let shown = on.world.ok::<DescribeAddressesResponse>(&on.me, request);
        let mut shown: Vec<_> = shown
            .addresses
            .items
            .into_iter()
            .map(|item| item.allocation_id)
            .collect();
        let mut wanted: Vec<_> = wanted
            .into_iter()
            .map(|made| made.allocation_id.clone())
            .collect();
        shown.sort();
        wanted.sort();
        assert_eq!(shown, wanted, "{what}");
    }
    let unknown = DescribeAddressesRequest {
        public_ips: vec!["203.0.113.200".to_owned()],
        ..Default::default()
    };
    assert_eq!(on.world.code(&on.me, unknown), "InvalidAddress.NotFound");
    let bad = DescribeAddressesRequest {
        filters: vec![filter("colour", "red")],
        ..Default::default()
    };
    assert_eq!(on.world.code(&on.me, bad), "InvalidParameterValue");
    let attributes = DescribeAddressesAttributeRequest {
        allocation_ids: vec![one.allocation_id.clone()],
        attribute: Some("domain-name".to_owned()),
        ..Default::default()
    };
    let shown = on
        .world
        .ok::<DescribeAddressesAttributeResponse>(&on.me, attributes);
    assert_eq!(shown.addresses.items[0].public_ip, one.public_ip);
    on.world.ok::<CreateTagsResponse>(
        &on.me,
        CreateTagsRequest {
            resources: vec![two.allocation_id.clone()],
            tags: tag_inputs(&[("Name", "db")]),
            ..Default::default()
        },
    );
    assert_eq!(on.address(&two.allocation_id).tags.items[0].value, "db");
}

#[test]
fn the_default_vpc_lets_go_of_an_address_by_itself() {
    let mut world = World::new();
    let me = world.account("customer");
    let made = world.ok::<RunInstancesResponse>(&me, one_instance());
    let instance = made.instances.items[0].instance_id.clone();
    let elastic = world.ok::<AllocateAddressResponse>(&me, AllocateAddressRequest::default());
    world.ok::<AssociateAddressResponse>(&me, associate(&elastic.allocation_id, &instance));
    world.ok::<ReleaseAddressResponse>(&me, release(&elastic.allocation_id));
    let held = world.network.interfaces.values().next().expect("its own");
    assert!(
        held.public_ip
            .is_some_and(|address| address.to_string() != elastic.public_ip)
    );
}

impl Ground {
    fn allocate(&mut self) -> AllocateAddressResponse {
        self.world
            .ok::<AllocateAddressResponse>(&self.me, AllocateAddressRequest::default())
    }

    fn associate(&mut self, allocation: &str, instance: &str) -> String {
        self.world
            .ok::<AssociateAddressResponse>(&self.me, associate(allocation, instance))
            .association_id
    }

    fn address(&mut self, allocation: &str) -> AddressItem {
        let request = DescribeAddressesRequest {
            allocation_ids: vec![allocation.to_owned()],
            ..Default::default()
        };
        let shown = self
            .world
            .ok::<DescribeAddressesResponse>(&self.me, request);
        shown
            .addresses
            .items
            .into_iter()
            .next()
            .expect("it is there")
    }

    fn show(&mut self, instance: &str) -> InstanceItem {
        let request = DescribeInstancesRequest {
            instance_ids: vec![instance.to_owned()],
            ..Default::default()
        };
        let shown = self
            .world
            .ok::<DescribeInstancesResponse>(&self.me, request);
        shown.reservations.items[0].instances.items[0].clone()
    }

    fn interface(&mut self, id: &str) -> NetworkInterfaceItem {
        let request = DescribeNetworkInterfacesRequest {
            network_interface_ids: vec![id.to_owned()],
            ..Default::default()
        };
        let shown = self
            .world
            .ok::<DescribeNetworkInterfacesResponse>(&self.me, request);
        shown.network_interfaces.items[0].clone()
    }
}

fn ground() -> Ground {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let gateway = world
        .ok::<CreateInternetGatewayResponse>(&me, CreateInternetGatewayRequest::default())
        .internet_gateway
        .internet_gateway_id;
    let attach = AttachInternetGatewayRequest {
        internet_gateway_id: gateway.clone(),
        vpc_id: vpc.clone(),
        ..Default::default()
    };
    world.ok::<AttachInternetGatewayResponse>(&me, attach);
    Ground {
        world,
        me,
        vpc,
        subnet,
        gateway,
    }
}

fn associate(allocation: &str, instance: &str) -> AssociateAddressRequest {
    AssociateAddressRequest {
        allocation_id: Some(allocation.to_owned()),
        instance_id: Some(instance.to_owned()),
        ..Default::default()
    }
}

fn disassociate(association: &str) -> DisassociateAddressRequest {
    DisassociateAddressRequest {
        association_id: Some(association.to_owned()),
        ..Default::default()
    }
}

fn release(allocation: &str) -> ReleaseAddressRequest {
    ReleaseAddressRequest {
        allocation_id: Some(allocation.to_owned()),
        ..Default::default()
    }
}
