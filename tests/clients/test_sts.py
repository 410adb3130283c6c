"""Roles and sessions through real HTTP."""

import unittest

from botocore.exceptions import ClientError

from cloud import Cloud, Network

CLOUD = None


def setUpModule():
    global CLOUD
    CLOUD = Cloud()


def tearDownModule():
    if CLOUD:
        CLOUD.close()


def acting(credentials, service="ec2", **overrides):
    """A client with temporary credentials."""
    keys = {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }
    return CLOUD.client("customer", service, **(keys | overrides))


class Roles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sts = CLOUD.client("customer", "sts")
        cls.other = CLOUD.client("other", "sts").get_caller_identity()["Account"]

    def assume(self, **more):
        arguments = {"RoleArn": f"arn:aws:iam::{self.other}:role/operator", "RoleSessionName": "tests"}
        return self.sts.assume_role(**(arguments | more))

    def code(self, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        answer = caught.exception.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]

    def test_a_role_acts_in_its_account(self):
        answer = self.assume()
        identity = acting(answer["Credentials"], "sts").get_caller_identity()
        self.assertEqual(identity["Account"], self.other)
        self.assertEqual(identity["Arn"], f"arn:aws:sts::{self.other}:assumed-role/operator/tests")
        self.assertEqual(identity["UserId"], answer["AssumedRoleUser"]["AssumedRoleId"])
        made = Network(acting(answer["Credentials"]), "10.90.0.0/16")
        owner = CLOUD.client("other").describe_vpcs(VpcIds=[made.id])["Vpcs"][0]["OwnerId"]
        self.assertEqual(owner, self.other)
        self.assertEqual(self.code(CLOUD.client("customer").describe_vpcs, VpcIds=[made.id]), ("InvalidVpcID.NotFound", 400))

    def test_the_token_is_part_of_the_key(self):
        credentials = self.assume()["Credentials"]
        for token in (None, credentials["SessionToken"][:-4] + "AAAA"):
            with self.subTest(token=token):
                client = acting(credentials, aws_session_token=token)
                self.assertEqual(self.code(client.describe_vpcs), ("AuthFailure", 401))
        self.assertTrue(acting(credentials).describe_vpcs()["Vpcs"])

    def test_what_is_refused(self):
        provider = CLOUD.client("provider", "sts").get_caller_identity()["Account"]
        self.assertEqual(self.code(self.assume, RoleArn=f"arn:aws:iam::{provider}:role/admin"), ("AccessDenied", 403))
        self.assertEqual(self.code(self.assume, RoleArn="arn:aws:iam::999999999999:role/admin"), ("AccessDenied", 403))
        self.assertEqual(self.code(self.assume, RoleArn="arn:aws:iam::123:user/me"), ("ValidationError", 400))
        self.assertEqual(self.code(self.assume, DurationSeconds=43201), ("ValidationError", 400))
        self.assertEqual(self.code(self.assume, Policy="{}"), ("UnsupportedOperation", 400))
        chained = acting(self.assume()["Credentials"], "sts")
        arguments = {"RoleArn": f"arn:aws:iam::{self.other}:role/x", "RoleSessionName": "chained", "DurationSeconds": 3601}
        self.assertEqual(self.code(chained.assume_role, **arguments), ("ValidationError", 400))
        self.assertEqual(self.code(chained.get_session_token), ("AccessDenied", 403))

    def test_the_cli_assumes_a_role(self):
        status, output, errors = CLOUD.aws(
            "customer", "sts", "assume-role", "--role-arn", f"arn:aws:iam::{self.other}:role/cli",
            "--role-session-name", "tests", "--query", "AssumedRoleUser.Arn", "--output", "text",
        )
        self.assertEqual((status, output.strip()), (0, f"arn:aws:sts::{self.other}:assumed-role/cli/tests"), errors)

    def test_a_session_of_ones_own(self):
        credentials = self.sts.get_session_token()["Credentials"]
        arn = acting(credentials, "sts").get_caller_identity()["Arn"]
        self.assertEqual(arn, self.sts.get_caller_identity()["Arn"])
        self.assertTrue(acting(credentials).describe_vpcs()["Vpcs"])
