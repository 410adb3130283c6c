"""What clients of a registered service see of its certificate: a real PostgreSQL with one of its own, on a port of its own."""

import os
import subprocess
import tempfile

from cloud import STRAIT, tcp
from local_aws import Local, setUpModule, tearDownModule
from stories import PORT, Customer

# Where PostgreSQL listens. On 5432 of the same host another program answers.
OWN_PORT = 6432

# Runs PostgreSQL as a user that is not root, as it wants, and says when it takes connections.
POSTGRES = """
set -eu
umask 077
cd /tmp
programs=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
printf '%s' "$1" >server.crt
printf '%s' "$2" >server.key
"$programs/initdb" -D data -A trust -U postgres -E UTF8 --no-sync >initdb.log 2>&1
echo 'hostssl all all 0.0.0.0/0 trust' >data/pg_hba.conf
"$programs/postgres" -D data -p "$3" -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off \\
    -c ssl=on -c ssl_cert_file=/tmp/server.crt -c ssl_key_file=/tmp/server.key >postgres.log 2>&1 &
trap 'kill -INT $!; wait' EXIT
until "$programs/pg_isready" -q -h 127.0.0.1 -p "$3"; do
    kill -0 $!
    sleep 0.1
done
echo ready
wait $!
"""

# psql, with a bundle that only it has.
PSQL = """
printf '%s' "$2" >/tmp/ca.pem
exec psql -X -A -t -w -c 'SELECT inet_server_port()' "user=postgres dbname=postgres connect_timeout=$3 sslrootcert=/tmp/ca.pem $1"
"""


class Certificates(Local):
    """An operator who gave their PostgreSQL a certificate for a name in a domain of their own."""

    ACCOUNT = "certified"
    OWN_DOMAIN = "shop.example.org"
    OWN_NAME = f"orders.{OWN_DOMAIN}"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="strait-certificates.")
        cls.addClassCleanup(folder.cleanup)
        cls.bundle, certificate, key = issued(folder.name, "ours", cls.OWN_NAME)
        cls.wrong_bundle, _, _ = issued(folder.name, "others", cls.OWN_NAME)
        service = cls.service
        service.ec2.authorize_security_group_ingress(GroupId=service.group, IpPermissions=tcp(OWN_PORT, "0.0.0.0/0"))
        cls.postgres = subprocess.Popen(
            [
                STRAIT, "exec", service.host, "--", "unshare", "--user", "--map-user=postgres",
                "sh", "-c", POSTGRES, "sh", certificate, key, str(OWN_PORT),
            ],
            env=cls.cloud.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        cls.addClassCleanup(cls.end)
        assert cls.postgres.stdout.readline() == "ready\n", "PostgreSQL does not start"

    @classmethod
    def end(cls):
        cls.postgres.terminate()
        cls.postgres.wait(timeout=30)
        cls.postgres.stdout.close()

    def test_its_own_name_stays_valid_and_the_bundle_is_enough_for_straits(self):
        customer = Customer(self.cloud, "certified-customer", "10.20.0.0/16")
        vpc = self.peered("10.80.0.0/24", customer)
        service = self.front.json(
            "service", "register", "--host", self.service.address, "--port", str(OWN_PORT),
            "--vpc", self.service.network.id, "--subnets", ",".join(self.service.subnets), "--region", "us-east-1",
            "--public-security-group", self.service.group, "--wait",
        )
        self.assertEqual(service["endpoint"]["port"], OWN_PORT, "the public way has the service's own port")
        self.front.run("service", "attach", service["service_id"], vpc, "--wait")
        shown = self.front.json("service", "get", service["service_id"])
        self.assertEqual(shown["endpoint"]["port"], PORT, "customers' rules are for PostgreSQL's")
        stable = shown["endpoint"]["host"]
        self.cname(self.OWN_NAME, stable)

        own, given = f"host={self.OWN_NAME} port={PORT}", f"host={stable} port={PORT}"
        reached = lambda: self.psql(customer.host, f"{own} sslmode=verify-full", self.bundle)
        self.eventually("its own name, through the CNAME", reached, str(OWN_PORT))
        self.assertEqual(self.psql(customer.host, f"{given} sslmode=verify-ca", self.bundle), str(OWN_PORT))
        for line in (f"{own} sslmode=verify-full", f"{given} sslmode=verify-ca"):
            self.assertIn("certificate verify failed", self.psql(customer.host, line, self.wrong_bundle))
        misnamed = self.psql(customer.host, f"{given} sslmode=verify-full", self.bundle)
        self.assertIn("does not match host name", misnamed)

        self.keeps_neighbours_out()
        self.assertIn(OWN_PORT, {rule["FromPort"] for rule in self.rules()}, "the nodes, and private hosts, are let in")
        public = [rule for rule in self.rules() if rule["FromPort"] == OWN_PORT and opens(rule)]
        self.assertEqual(public, [], "the rule of the service's own port is closed")
        self.assertTrue([rule for rule in self.rules() if rule["FromPort"] == PORT and opens(rule)], "and no other")
        self.take_all_away()

    def keeps_neighbours_out(self):
        """A host of the service's own VPC reaches the service, and not the load balancer before it."""
        neighbour = self.service.neighbour
        direct = f"host={self.service.address} port={OWN_PORT} sslmode=require"
        self.assertEqual(self.psql(neighbour, direct, self.bundle), str(OWN_PORT))
        of_nodes = [{"Name": "interface-type", "Values": ["network_load_balancer"]}]
        nodes = self.service.ec2.describe_network_interfaces(Filters=of_nodes)["NetworkInterfaces"]
        self.assertEqual(len(nodes), 2, "one in each zone")
        for node in nodes:
            line = f"host={node['PrivateIpAddress']} port={PORT} sslmode=require"
            self.assertIn("timeout expired", self.psql(neighbour, line, self.bundle, seconds=4))

    def rules(self):
        return self.service.ec2.describe_security_groups(GroupIds=[self.service.group])["SecurityGroups"][0]["IpPermissions"]

    def cname(self, name, target):
        """In a public zone of the operator's own domain."""
        zone = self.route53.create_hosted_zone(Name=self.OWN_DOMAIN, CallerReference="own")["HostedZone"]["Id"]
        record = {"Name": name, "Type": "CNAME", "TTL": 30, "ResourceRecords": [{"Value": target}]}
        change = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        self.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)

    def psql(self, host, line, bundle, seconds=20):
        """What psql prints on that host, or why it does not."""
        done = subprocess.run(
            [STRAIT, "exec", host, "--", "sh", "-c", PSQL, "psql", line, bundle, str(seconds)],
            env=self.cloud.environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        )
        return (done.stdout or done.stderr).strip()


def opens(rule):
    return any(row["CidrIp"] == "0.0.0.0/0" for row in rule["IpRanges"])


def issued(folder, authority, name):
    """An authority's certificate, and one that it signed for this name, with its key; all in PEM."""
    path = lambda end: os.path.join(folder, f"{authority}.{end}")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl = lambda *arguments: subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)
    openssl("req", "-x509", *new_key, "-subj", f"/CN={authority}", "-days", "2", "-keyout", path("ca.key"), "-out", path("ca"))
    openssl("req", *new_key, "-subj", f"/CN={name}", "-keyout", path("key"), "-out", path("csr"))
    with open(path("ext"), "w", encoding="ascii") as file:
        file.write(f"subjectAltName=DNS:{name}\n")
    openssl(
        "x509", "-req", "-in", path("csr"), "-CA", path("ca"), "-CAkey", path("ca.key"), "-CAcreateserial", "-days", "2",
        "-extfile", path("ext"), "-out", path("crt"),
    )
    texts = []
    for end in ("ca", "crt", "key"):
        with open(path(end), encoding="ascii") as file:
            texts.append(file.read())
    return tuple(texts)
