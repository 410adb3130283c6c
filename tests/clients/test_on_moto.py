"""Strait on AWS, in front of moto's server: another hand's idea of the AWS APIs, without packets. What moto lacks or gets wrong, so that it
is not asked of it here, is said in docs/aws.md, "Proved without AWS"."""

import os
import shutil
import subprocess
import tempfile
import time
import unittest

import boto3

from databases import free_port
from on_aws import Operator
from stories import Stories

HOME = os.environ.get("STRAIT_MOTO") or os.path.expanduser("~/.cache/strait-moto")


def setUpModule():
    Story.cloud = Moto()


def tearDownModule():
    if Story.cloud:
        Story.cloud.close()


class Moto:
    """moto's server, as far as tests use a cloud."""

    packets = False
    private_ways = False

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="strait-moto.")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STRAIT_"))
        } | {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"}
        self.process = subprocess.Popen(
            [f"{HOME}/venv/bin/python3", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            env=self.environment | {"PYTHONPATH": f"{HOME}/moto", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while True:
            try:
                boto3.client("sts", **self.keys("any"), region_name="us-east-1").get_caller_identity()
                return
            except Exception:  # whatever it is, it does not answer yet
                if self.process.poll() is not None or time.monotonic() > until:
                    self.close()
                    raise
                time.sleep(0.2)

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        shutil.rmtree(self.folder)

    def keys(self, key, secret="secret", token=None):
        return {
            "endpoint_url": self.url, "aws_access_key_id": key, "aws_secret_access_key": secret, "aws_session_token": token,
        }

    def account(self, account):
        sts = boto3.client("sts", **self.keys("any"), region_name="us-east-1")
        role = f"arn:aws:iam::{account}:role/test"
        made = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
            "AWS_SESSION_TOKEN": made["SessionToken"],
            "STRAIT_ACCOUNT_ID": account,
        }

    def client(self, account, service="ec2", region="us-east-1"):
        keys = self.account(account)
        keys = self.keys(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"])
        return boto3.client(service, region_name=region, **keys)

    def authority(self):
        with open(os.path.join(os.path.dirname(__file__), "authority.pem"), encoding="ascii") as file:
            return file.read()


class Story(Stories, Operator):
    """Without packets."""

    ACCOUNT = "111111111111"
    CUSTOMERS = ("222222222222", "333333333333", "444444444444", "555555555555", "666666666666")


if __name__ == "__main__":
    unittest.main()
