"""Operators in front of Strait's own local cloud, which `strait server` knows by the AWS APIs only. Each module of tests has a cloud."""

from cloud import Cloud
from on_aws import Operator


class Local(Operator):
    """With packets."""


def setUpModule():
    Local.cloud = Cloud()


def tearDownModule():
    if Local.cloud:
        Local.cloud.close()
        Local.cloud = None
