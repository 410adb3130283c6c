"""What becomes of peering connections when customers grow, refuse, leave or never answer: seen in the cloud, done, and told."""

import datetime

from cloud import IMAGE
from stories import Customer


class Lives:
    """A part of the tests of a world with packets."""

    def test_a_range_that_a_customer_adds_is_let_in_and_shut_out_when_it_is_taken_away(self):
        customer = Customer(self.cloud, "grower", "10.60.0.0/16")
        before, after = {"10.60.0.0/16"}, {"10.60.0.0/16", "10.61.0.0/16"}
        vpc, ec2 = self.peered("10.85.0.0/24", customer), customer.ec2
        name = self.attached(vpc)
        self.reaches("the customer reaches it", customer.host, name)
        self.assertEqual(self.ways_of("10.85.0.0/24"), (before, before))
        last = self.last_event()

        made = ec2.associate_vpc_cidr_block(VpcId=customer.network.id, CidrBlock="10.61.0.0/16")["CidrBlockAssociation"]
        there = ec2.create_subnet(VpcId=customer.network.id, CidrBlock="10.61.0.0/24")["Subnet"]["SubnetId"]
        [instance] = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, SubnetId=there)["Instances"]
        host = instance["InstanceId"]
        self.eventually("a route back and a rule", lambda: self.ways_of("10.85.0.0/24"), (after, after))
        self.reaches("the customer reaches it from there too", host, name)
        self.reaches("and from where it did", customer.host, name)
        self.eventually("it is told", lambda: self.told(last, "peering.ranges"), [after])
        self.eventually("so is that it is let in", lambda: self.told(last, "peering.admitted"), [after])

        ec2.terminate_instances(InstanceIds=[host])
        ec2.delete_subnet(SubnetId=there)
        ec2.disassociate_vpc_cidr_block(AssociationId=made["AssociationId"])
        self.eventually("neither is left", lambda: self.ways_of("10.85.0.0/24"), (before, before))
        self.reaches("the customer reaches it still", customer.host, name)
        self.eventually("that is told", lambda: self.told(last, "peering.ranges"), [after, before])
        self.eventually("and that it is shut out", lambda: self.told(last, "peering.admitted"), [after, before])
        self.take_all_away()

    def test_one_that_a_customer_refused_or_took_away_is_asked_for_again_as_the_same(self):
        customer = Customer(self.cloud, "fickle", "10.62.0.0/16")
        vpc = self.front.json("vpc", "create", "--cidr", "10.86.0.0/24", "--region", self.REGION, "--wait")
        name, last, ec2 = self.attached(vpc["id"]), self.last_event(), customer.ec2
        first = self.asked(vpc, customer)
        ec2.reject_vpc_peering_connection(VpcPeeringConnectionId=first["provisioned_id"])
        self.ends_as("rejected", first)

        second = self.asked_again(first)
        customer.accept(second, vpc["cidr"])
        self.is_active(second)
        self.reaches("the customer reaches it", customer.host, name)
        ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=second["provisioned_id"])
        self.ends_as("deleted", second)
        self.eventually("nobody is let in", lambda: self.ways_of("10.86.0.0/24"), (set(), set()))
        self.reaches_not("the customer is gone", customer.host, name)

        third = self.asked_again(second)
        ec2.delete_route(RouteTableId=customer.network.table, DestinationCidrBlock=vpc["cidr"])
        customer.accept(third, vpc["cidr"])
        self.is_active(third)
        self.reaches("the customer reaches it again", customer.host, name)
        self.assertEqual(len({row["provisioned_id"] for row in (first, second, third)}), 3)
        waits = "pending-acceptance"
        self.assertEqual(self.states(last, first), [waits, "rejected", waits, "active", "deleted", waits, "active"])
        self.take_all_away()

    def test_one_that_nobody_answers_in_a_week_expires_and_is_asked_for_again(self):
        customer = Customer(self.cloud, "sleeper", "10.63.0.0/16")
        vpc = self.front.json("vpc", "create", "--cidr", "10.87.0.0/24", "--region", self.REGION, "--wait")
        last = self.last_event()
        first, other = self.asked(vpc, customer), self.asked(vpc, Customer(self.cloud, "waker", "10.64.0.0/16"))
        now = datetime.datetime.now(datetime.timezone.utc)
        left = datetime.datetime.fromisoformat(first["expires_at"]) - now
        self.assertLess(datetime.timedelta(days=6, hours=23), left, first)
        self.assertLess(left, datetime.timedelta(days=7), first)
        self.a_week_passes_for(first)
        self.ends_as("expired", first)
        self.assertEqual(self.shown(other)["state"], "pending-acceptance", "another one is not concerned")

        second = self.asked_again(first)
        customer.accept(second, vpc["cidr"])
        self.is_active(second)
        self.assertEqual(self.states(last, first), ["pending-acceptance", "expired", "pending-acceptance", "active"])
        self.take_all_away()

    def attached(self, vpc):
        """The name of a service in that Peering VPC."""
        service = self.new_service()
        self.front.run("service", "attach", service["service_id"], vpc, "--wait")
        return service["endpoint"]["host"]

    def asked(self, vpc, customer):
        peer = ("--account", customer.account, "--vpc-id", customer.network.id, "--region", customer.region)
        return self.waiting(self.front.json("peering", "create", vpc["id"], *peer, "--wait"))

    def asked_again(self, former):
        """The same one, as another connection of the cloud's."""
        again = self.waiting(self.front.json("peering", "request", former["id"], "--wait"))
        self.assertEqual(again["id"], former["id"])
        self.assertNotEqual(again["provisioned_id"], former["provisioned_id"])
        return again

    def waiting(self, asked):
        self.assertEqual((asked["state"], asked["waiting_on"]), ("pending-acceptance", "customer"), asked)
        return asked

    def ends_as(self, state, peering):
        """It says how it ended, and whose turn it is."""
        self.eventually("it has ended", lambda: self.shown(peering)["state"], state)
        shown = self.shown(peering)
        self.assertEqual((shown["waiting_on"], shown["provisioned_id"]), ("provider", peering["provisioned_id"]), shown)
        self.assertIn("request", shown["next_action"])

    def is_active(self, peering):
        self.eventually("it is active", lambda: self.shown(peering)["state"], "active")

    def shown(self, peering):
        [row] = [row for row in self.front.json("peering", "list", "--vpc", peering["vpc_id"]) if row["id"] == peering["id"]]
        return row

    def ways_of(self, cidr):
        """The ranges that a Peering VPC has routes back to, and those that its groups let in."""
        ec2, vpc = self.provider(), self.vpc_of(cidr)
        groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
        ranges = {row["CidrIp"] for group in groups for rule in group["IpPermissions"] for row in rule["IpRanges"]}
        return {route for route in self.routes(cidr) if route != cidr}, ranges

    def last_event(self):
        return self.front.json("events")[-1]["id"]

    def told(self, since, kind):
        """What events of this kind say that it came to, as sets."""
        return [set(event["data"]["to"]) for event in self.front.json("events", "--since", since) if event["kind"] == kind]

    def states(self, since, peering):
        """The states that were told of, but for that of being asked for."""
        events = self.front.json("events", "--since", since)
        told = [event["data"]["to"] for event in events if event["kind"] == "peering.state" and event["object_id"] == peering["id"]]
        return [state for state in told if state != "initiating-request"]

    def a_week_passes_for(self, peering):
        """Of one request, while the cloud is down."""
        self.cloud.kill_server()
        aged = ", ".join(
            f"'{field}', to_char((body->>'{field}')::timestamptz AT TIME ZONE 'UTC' - interval '7 days', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
            for field in ("created_at", "expires_at")
        )
        which = f"kind = 'peering' AND id = '{peering['provisioned_id']}'"
        told = self.cloud.sql(f"UPDATE cloud.object SET body = body || jsonb_build_object({aged}) WHERE {which}")
        self.assertEqual(told, "UPDATE 1")
        self.cloud.strait("up", "--detach", *self.cloud.ports)
