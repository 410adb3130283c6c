//! What is asked about: instances, and what they are made of.

use serde::Deserialize;

use crate::api::{Filter, Refused, TagSpecification, Unsupported, given};

/// Launches instances.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RunInstancesRequest {
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
    /// Tags for what it makes.
    #[serde(default, rename = "TagSpecification")]
    pub tag_specifications: Vec<TagSpecification>,
    /// Not supported.
    #[serde(default, rename = "BlockDeviceMapping")]
    pub block_device_mappings: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv6_address_count: Option<Unsupported>,
    /// Not supported.
    #[serde(default, rename = "Ipv6Address")]
    pub ipv6_addresses: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub kernel_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ramdisk_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub user_data: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub elastic_gpu_specification: Option<Unsupported>,
    /// Not supported.
    #[serde(default, rename = "ElasticInferenceAccelerator")]
    pub elastic_inference_accelerators: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub launch_template: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub instance_market_options: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub credit_specification: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub cpu_options: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub capacity_reservation_specification: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub hibernation_options: Option<Unsupported>,
    /// Not supported.
    #[serde(default, rename = "LicenseSpecification")]
    pub license_specifications: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub metadata_options: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub enclave_options: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub private_dns_name_options: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub maintenance_options: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub disable_api_stop: Option<bool>,
    /// Not supported.
    #[serde(default)]
    pub enable_primary_ipv6: Option<bool>,
    /// Not supported.
    #[serde(default)]
    pub network_performance_options: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub operator: Option<Unsupported>,
    /// Not supported.
    #[serde(default, rename = "SecondaryInterface")]
    pub secondary_interfaces: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub disable_api_termination: Option<bool>,
    /// Not supported.
    #[serde(default)]
    pub additional_info: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub iam_instance_profile: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ebs_optimized: Option<bool>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for RunInstancesRequest {
    fn refused(&self) -> Option<&'static str> {
        given(&[
            ("BlockDeviceMapping", self.block_device_mappings.is_some()),
            ("Ipv6AddressCount", self.ipv6_address_count.is_some()),
            ("Ipv6Address", self.ipv6_addresses.is_some()),
            ("KernelId", self.kernel_id.is_some()),
            ("RamdiskId", self.ramdisk_id.is_some()),
            ("UserData", self.user_data.is_some()),
            (
                "ElasticGpuSpecification",
                self.elastic_gpu_specification.is_some(),
            ),
            (
                "ElasticInferenceAccelerator",
                self.elastic_inference_accelerators.is_some(),
            ),
            ("LaunchTemplate", self.launch_template.is_some()),
            (
                "InstanceMarketOptions",
                self.instance_market_options.is_some(),
            ),
            ("CreditSpecification", self.credit_specification.is_some()),
            ("CpuOptions", self.cpu_options.is_some()),
            (
                "CapacityReservationSpecification",
                self.capacity_reservation_specification.is_some(),
            ),
            ("HibernationOptions", self.hibernation_options.is_some()),
            (
                "LicenseSpecification",
                self.license_specifications.is_some(),
            ),
            ("MetadataOptions", self.metadata_options.is_some()),
            ("EnclaveOptions", self.enclave_options.is_some()),
            (
                "PrivateDnsNameOptions",
                self.private_dns_name_options.is_some(),
            ),
            ("MaintenanceOptions", self.maintenance_options.is_some()),
            ("DisableApiStop", self.disable_api_stop == Some(true)),
            ("EnablePrimaryIpv6", self.enable_primary_ipv6 == Some(true)),
            (
                "NetworkPerformanceOptions",
                self.network_performance_options.is_some(),
            ),
            ("Operator", self.operator.is_some()),
            ("SecondaryInterface", self.secondary_interfaces.is_some()),
            (
                "DisableApiTermination",
                self.disable_api_termination == Some(true),
            ),
            ("AdditionalInfo", self.additional_info.is_some()),
            ("IamInstanceProfile", self.iam_instance_profile.is_some()),
            ("EbsOptimized", self.ebs_optimized == Some(true)),
        ])
    }
}

/// Shows instances.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeInstancesRequest {
    /// Which ones; all if none is named.
    #[serde(default, rename = "InstanceId")]
    pub instance_ids: Vec<String>,
    /// What to show.
    #[serde(default, rename = "Filter")]
    pub filters: Vec<Filter>,
    /// How many at most.
    #[serde(default)]
    pub max_results: Option<u32>,
    /// Where the last page ended.
    #[serde(default)]
    pub next_token: Option<String>,
    /// Nothing is managed by others here: makes no difference.
    #[serde(default)]
    pub include_managed_resources: Option<bool>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DescribeInstancesRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Ends instances for good.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TerminateInstancesRequest {
    /// Which ones; all if none is named.
    #[serde(default, rename = "InstanceId")]
    pub instance_ids: Vec<String>,
    /// Not supported.
    #[serde(default)]
    pub force: Option<bool>,
    /// Not supported.
    #[serde(default)]
    pub skip_os_shutdown: Option<bool>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for TerminateInstancesRequest {
    fn refused(&self) -> Option<&'static str> {
        given(&[
            ("Force", self.force == Some(true)),
            ("SkipOsShutdown", self.skip_os_shutdown == Some(true)),
        ])
    }
}

/// Shows how instances are.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeInstanceStatusRequest {
    /// Which ones; all if none is named.
    #[serde(default, rename = "InstanceId")]
    pub instance_ids: Vec<String>,
    /// What to show.
    #[serde(default, rename = "Filter")]
    pub filters: Vec<Filter>,
    /// How many at most.
    #[serde(default)]
    pub max_results: Option<u32>,
    /// Where the last page ended.
    #[serde(default)]
    pub next_token: Option<String>,
    /// Whether ended instances are shown too.
    #[serde(default)]
    pub include_all_instances: Option<bool>,
    /// Not supported.
    #[serde(default)]
    pub include_managed_resources: Option<bool>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DescribeInstanceStatusRequest {
    fn refused(&self) -> Option<&'static str> {
        given(&[(
            "IncludeManagedResources",
            self.include_managed_resources == Some(true),
        )])
    }
}

/// Shows machine images.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeImagesRequest {
    /// Which ones; all if none is named.
    #[serde(default, rename = "ImageId")]
    pub image_ids: Vec<String>,
    /// Whose images.
    #[serde(default, rename = "Owner")]
    pub owners: Vec<String>,
    /// Who may launch them: everybody may.
    #[serde(default, rename = "ExecutableBy")]
    pub executable_users: Vec<String>,
    /// What to show.
    #[serde(default, rename = "Filter")]
    pub filters: Vec<Filter>,
    /// How many at most.
    #[serde(default)]
    pub max_results: Option<u32>,
    /// Where the last page ended.
    #[serde(default)]
    pub next_token: Option<String>,
    /// No image is deprecated: makes no difference.
    #[serde(default)]
    pub include_deprecated: Option<bool>,
    /// No image is disabled: makes no difference.
    #[serde(default)]
    pub include_disabled: Option<bool>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DescribeImagesRequest {
    fn refused(&self) -> Option<&'static str> {
        None
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
