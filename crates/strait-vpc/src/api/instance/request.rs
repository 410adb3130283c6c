//! What is asked about: instances, and what they are made of.

use serde::Deserialize;

use crate::api::Off;
use crate::api::requests::requests;

requests! {
    /// Launches instances.
    tagged RunInstancesRequest {
        /// The image.
        #[serde(default)]
        pub image_id: Option<String>,
        /// How many at least.
        pub min_count: u32,
        /// How many at most.
        pub max_count: u32,
        /// The type.
        #[serde(default)]
        pub instance_type: Option<String>,
        /// The name of a key pair.
        #[serde(default)]
        pub key_name: Option<String>,
        /// The subnet.
        #[serde(default)]
        pub subnet_id: Option<String>,
        /// Security groups by id.
        #[serde(default, rename = "SecurityGroupId")]
        pub security_group_ids: Vec<String>,
        /// Security groups by name, in the default VPC.
        #[serde(default, rename = "SecurityGroup")]
        pub security_groups: Vec<String>,
        /// The address in the subnet.
        #[serde(default)]
        pub private_ip_address: Option<String>,
        /// The interfaces.
        #[serde(default, rename = "NetworkInterface")]
        pub network_interfaces: Vec<InterfaceSpecification>,
        /// Where it runs.
        #[serde(default)]
        pub placement: Option<Placement>,
        /// Detailed monitoring; there is none here.
        #[serde(default)]
        pub monitoring: Option<RunInstancesMonitoringEnabled>,
        /// Makes repeating the call safe.
        #[serde(default)]
        pub client_token: Option<String>,
        /// `terminate` or `stop`: what happens when an instance shuts itself down, which none does here.
        #[serde(default)]
        pub instance_initiated_shutdown_behavior: Option<String>,
        /// Not supported, but that it is off.
        #[serde(default)]
        pub disable_api_stop: Off,
        /// Not supported, but that it is off.
        #[serde(default)]
        pub enable_primary_ipv6: Off,
        /// Not supported, but that it is off.
        #[serde(default)]
        pub disable_api_termination: Off,
        /// Not supported, but that it is off.
        #[serde(default)]
        pub ebs_optimized: Off,
    }

    /// Shows instances.
    paged DescribeInstancesRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "InstanceId")]
        pub instance_ids: Vec<String>,
        /// Nothing is managed by others here: makes no difference.
        #[serde(default)]
        pub include_managed_resources: Option<bool>,
    }

    /// Ends instances for good.
    TerminateInstancesRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "InstanceId")]
        pub instance_ids: Vec<String>,
        /// Not supported, but that it is off.
        #[serde(default)]
        pub force: Off,
        /// Not supported, but that it is off.
        #[serde(default)]
        pub skip_os_shutdown: Off,
    }

    /// Shows how instances are.
    paged DescribeInstanceStatusRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "InstanceId")]
        pub instance_ids: Vec<String>,
        /// Whether ended instances are shown too.
        #[serde(default)]
        pub include_all_instances: Option<bool>,
        /// Not supported, but that it is off.
        #[serde(default)]
        pub include_managed_resources: Off,
    }

    /// Shows machine images.
    paged DescribeImagesRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "ImageId")]
        pub image_ids: Vec<String>,
        /// Whose images.
        #[serde(default, rename = "Owner")]
        pub owners: Vec<String>,
        /// Who may launch them: everybody may.
        #[serde(default, rename = "ExecutableBy")]
        pub executable_users: Vec<String>,
        /// No image is deprecated: makes no difference.
        #[serde(default)]
        pub include_deprecated: Option<bool>,
        /// No image is disabled: makes no difference.
        #[serde(default)]
        pub include_disabled: Option<bool>,
    }
}

/// An interface of an instance to launch.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct InterfaceSpecification {
    /// Which of the instance's interfaces it is; 0 is the primary one.
    #[serde(default)]
    pub device_index: Option<i32>,
    /// The subnet.
    #[serde(default)]
    pub subnet_id: Option<String>,
    /// The security groups.
    #[serde(default, rename = "SecurityGroupId")]
    pub groups: Vec<String>,
    /// The address in the subnet.
    #[serde(default)]
    pub private_ip_address: Option<String>,
    /// A description.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether it gets a public address.
    #[serde(default)]
    pub associate_public_ip_address: Option<bool>,
    /// Whether it goes with the instance.
    #[serde(default)]
    pub delete_on_termination: Option<bool>,
    /// The interface.
    #[serde(default)]
    pub network_interface_id: Option<String>,
}

/// Where to launch.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Placement {
    /// The zone's name.
    #[serde(default)]
    pub availability_zone: Option<String>,
    /// `default`.
    #[serde(default)]
    pub tenancy: Option<String>,
}

/// Whether detailed monitoring is wanted.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RunInstancesMonitoringEnabled {
    /// Whether it is on.
    #[serde(default)]
    pub enabled: Option<bool>,
}
