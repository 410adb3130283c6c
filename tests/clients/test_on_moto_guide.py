"""What docs/aws.md has one make before Strait is there, as it is printed: in front of moto's server, since the local cloud has no IAM and no RDS."""

import json
import subprocess
import tempfile
import unittest

import guide
from cloud import STRAIT
from test_on_moto import Moto

ACCOUNT = "111111111111"
REGION = "eu-west-1"


def setUpModule():
    Guide.moto = Moto()


def tearDownModule():
    if Guide.moto:
        Guide.moto.close()


class Guide(unittest.TestCase):
    """Steps 1 to 4, by the AWS CLI."""

    moto = None

    def test_what_there_must_be_is_made_as_it_is_printed(self):
        steps = guide.steps()
        script = "\n".join(block for step in range(1, 5) for block in steps[step])
        self.assertIn("aws iam put-role-policy", script)
        environment = self.moto.environment | self.moto.account(ACCOUNT)
        with tempfile.TemporaryDirectory(prefix="strait-guide.") as folder:
            told = guide.run(f"{script}\nprintf '%s\\n' \"$VPC $SUBNET_A $SUBNET_B $HOST\"", folder, environment)
        vpc, subnet_a, subnet_b, host = told.splitlines()[-1].split(" ")

        iam, ec2, rds = (self.moto.client(ACCOUNT, kind, REGION) for kind in ("iam", "ec2", "rds"))
        policy = subprocess.run([STRAIT, "iam-policy", "operator"], capture_output=True, text=True, timeout=30, check=True).stdout
        given = iam.get_role_policy(RoleName="strait", PolicyName="strait")["PolicyDocument"]
        self.assertEqual(given, json.loads(policy))
        [trusted] = iam.get_role(RoleName="strait")["Role"]["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual(trusted["Principal"], {"Service": "ec2.amazonaws.com"})
        [reservation] = ec2.describe_instances()["Reservations"]
        [machine] = reservation["Instances"]
        profile = iam.get_instance_profile(InstanceProfileName="strait")["InstanceProfile"]
        self.assertEqual(machine["IamInstanceProfile"]["Arn"], profile["Arn"])
        self.assertEqual([role["RoleName"] for role in profile["Roles"]], ["strait"])
        self.assertEqual((machine["VpcId"], machine["SubnetId"]), (vpc, subnet_a))
        [database] = rds.describe_db_instances()["DBInstances"]
        self.assertEqual(database["Endpoint"]["Address"], host)
        self.assertTrue(database["PubliclyAccessible"])
        subnets = {row["SubnetIdentifier"] for row in database["DBSubnetGroup"]["Subnets"]}
        self.assertEqual(subnets, {subnet_a, subnet_b})
        zones = self.moto.client(ACCOUNT, "route53").list_hosted_zones()["HostedZones"]
        self.assertEqual([zone["Name"] for zone in zones], ["example.com."])


if __name__ == "__main__":
    unittest.main()
