"""RDS as the public way. The local cloud has no RDS, so that calls for it go to moto's server, and all others to the local cloud, with packets."""

import unittest

import boto3

import local_aws
from fault_proxy import BROKEN, THROTTLED
from local_aws import Local
from stories import LONG, Customer
from test_on_moto import Moto


def setUpModule():
    Rds.moto = Moto()
    local_aws.setUpModule()


def tearDownModule():
    local_aws.tearDownModule()
    if Rds.moto:
        Rds.moto.close()


class Rds(Local):
    """moto's instance has no packets: what of the service is public is a word of RDS's here."""

    ACCOUNT = "managed"
    moto = None

    @classmethod
    def other_endpoints(cls):
        return {"rds": cls.moto.url}

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.rds = boto3.client("rds", **cls.moto.keys("any"), region_name="us-east-1")

    def test_an_attachment_closes_it_and_a_detachment_opens_it(self):
        self.there_and_back("orders", reopened=LONG)

    def test_a_change_that_fails_is_tried_again(self):
        for mode in (BROKEN, THROTTLED):
            with self.subTest(mode):
                self.proxy.fail(mode, 4, which=lambda action: action == "ModifyDBInstance")
                self.addCleanup(self.proxy.fail, None)
                self.there_and_back(f"orders-{mode}")
                self.assertEqual(self.proxy.failed, 8, "4 times each way")

    def there_and_back(self, name, reopened=False):
        self.rds.create_db_instance(
            DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.t4g.micro", AllocatedStorage=20,
            MasterUsername="strait", MasterUserPassword="not a secret", PubliclyAccessible=True,
        )
        customer = Customer(self.cloud, f"customer-{name}", "10.20.0.0/16")
        vpc = self.peered("10.80.0.0/24", customer)
        service = self.register(public_security_group=None, public_rds_instance=name)
        self.assertTrue(self.is_public(name), "to register it changes nothing")
        self.front.run("service", "attach", service["service_id"], vpc, "--wait")
        self.assertFalse(self.is_public(name))
        self.reaches("the customer reaches it", customer.host, service["endpoint"]["host"])

        # A look at each RDS instance may take minutes to come: make test-long.
        if reopened:
            self.rds.modify_db_instance(DBInstanceIdentifier=name, PubliclyAccessible=True)
            self.eventually("it is closed again, whoever opened it", lambda: self.is_public(name), False, seconds=300)
        self.front.run("service", "detach", service["service_id"], "--wait")
        self.assertTrue(self.is_public(name))
        self.take_all_away()

    def is_public(self, name):
        return self.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["PubliclyAccessible"]


if __name__ == "__main__":
    unittest.main()
