"""Users, roles, keys and TLS, with the command and with curl, against `strait up`."""

import base64
import http.client
import json
import os
import ssl
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from cloud import STRAIT, Cloud, free_port

API = "/public/api/v1"
PASSWORD = "correct horse battery"


def run(cloud, *arguments, given=None, **variables):
    """Status, output and errors of the command."""
    done = subprocess.run(
        [STRAIT, *arguments],
        env=cloud.environment | variables,
        capture_output=True,
        text=True,
        timeout=90,
        input=given if given is not None else "",
    )
    return done.returncode, done.stdout, done.stderr


def call(url, method="GET", body=None, authority=None, **headers):
    """Status and JSON of an answer."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data=data, method=method)
    for name, value in headers.items():
        request.add_header(name, value)
    if data is not None:
        request.add_header("Content-Type", "application/json")
    context = ssl.create_default_context(cafile=authority) if url.startswith("https:") else None
    try:
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            text = answer.read().decode()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read().decode())


class Users(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud()
        cls.url = cls.cloud.account("customer")["STRAIT_URL"]

    @classmethod
    def tearDownClass(cls):
        cls.cloud.close()

    def login(self, email, password):
        return call(f"{self.url}{API}/auth/login", "POST", {"email": email, "password": password})

    def project(self):
        return self.cloud.account("customer")["STRAIT_PROJECT_ID"]

    def test_a_user_is_made_and_logs_in_with_what_is_printed(self):
        made = self.cloud.strait_json(
            "admin", "user", "create", "--email", "Ada@example.com", "--role", "developer", "--project", self.project()
        )
        self.assertEqual(made["email"], "ada@example.com")
        status, begun = self.login("ada@example.com", made["password"])
        self.assertEqual(status, 200, begun)
        token = {"Authorization": f"Bearer {begun['token']}"}
        services = f"{self.url}{API}/projects/{self.project()}/services"
        self.assertEqual(call(services, **token)[0], 200)
        keys = f"{self.url}{API}/projects/{self.project()}/keys"
        status, refusal = call(keys, **token)
        self.assertEqual((status, refusal["code"]), (403, "FORBIDDEN"))
        self.assertIn("admin", refusal["message"])

        members = self.cloud.strait_json("member", "list")
        self.assertIn(("ada@example.com", "developer"), [(one["email"], one["role"]) for one in members])
        self.cloud.strait("member", "role", "ada@example.com", "admin")
        self.assertEqual(call(keys, **token)[0], 200)
        self.cloud.strait("member", "remove", "ada@example.com", "--yes")
        self.assertEqual(call(services, **token)[0], 404)
        self.assertNotIn("ada@example.com", self.cloud.strait("member", "list"))

    def test_a_password_may_be_given_and_the_operator_changes_it(self):
        create = ("admin", "user", "create", "--email", "bob@example.com", "--password-stdin", "--output", "json")
        status, out, err = run(self.cloud, *create, given=f"{PASSWORD}\n")
        self.assertEqual(status, 0, err)
        self.assertNotIn(PASSWORD, out + err)
        self.assertEqual(self.login("bob@example.com", PASSWORD)[0], 200)
        short = ("admin", "user", "create", "--email", "eve@example.com", "--password-stdin")
        status, out, err = run(self.cloud, *short, given="hunter2\n")
        self.assertEqual(status, 1)
        self.assertIn("12 to 256", err)
        self.assertNotIn("hunter2", out + err)

        other = self.cloud.strait_json("admin", "user", "password", "bob@example.com")["password"]
        self.assertEqual(self.login("bob@example.com", PASSWORD)[0], 401)
        self.assertEqual(self.login("bob@example.com", other)[0], 200)
        for _ in range(5):
            self.assertEqual(self.login("bob@example.com", "wrong password")[0], 401)
        self.assertEqual(self.login("bob@example.com", other)[0], 429)
        # Whose address it is, is another matter: this one is nobody's.
        self.cloud.strait("admin", "user", "unlock", "--address", "192.0.2.7")
        self.assertEqual(self.login("bob@example.com", other)[0], 429)
        self.cloud.strait("admin", "user", "unlock", "bob@example.com")
        self.assertEqual(self.login("bob@example.com", other)[0], 200)
        self.cloud.strait("admin", "user", "disable", "bob@example.com")
        self.assertEqual(self.login("bob@example.com", other)[0], 401)
        self.cloud.strait("admin", "user", "enable", "bob@example.com")
        self.assertEqual(self.login("bob@example.com", other)[0], 200)
        self.cloud.strait("admin", "user", "delete", "bob@example.com", "--yes")
        self.assertNotIn("bob@example.com", self.cloud.strait("admin", "user", "list"))

    def test_the_consoles_link_opens_once(self):
        link = self.cloud.strait("console").strip()
        self.assertTrue(link.startswith(f"{self.url}/login#stl_"), link)
        token = link.split("#")[1]
        enter = (f"{self.url}{API}/auth/login-link", "POST", {"token": token})
        status, begun = call(*enter)
        self.assertEqual(status, 200, begun)
        self.assertEqual(begun["user"]["email"], "operator@strait.internal")
        bearer = {"Authorization": f"Bearer {begun['token']}"}
        self.assertEqual(call(f"{self.url}{API}/projects/{self.project()}/keys", **bearer)[0], 200)
        self.assertEqual(call(*enter)[0], 401)
        with open(os.path.join(self.cloud.data, "log", "server.log"), encoding="utf-8", errors="replace") as log:
            self.assertNotIn(token, log.read())

    def test_a_key_does_what_its_role_may_and_nothing_once_it_is_revoked(self):
        made = self.cloud.strait_json("key", "create", "--name", "deploy", "--role", "viewer", "--expires", "1d")
        keys = {"STRAIT_URL": self.url, "STRAIT_PROJECT_ID": self.project()}
        keys |= {"STRAIT_PUBLIC_KEY": made["public_key"], "STRAIT_SECRET_KEY": made["secret_key"]}
        self.assertEqual(run(self.cloud, "service", "list", **keys)[0], 0)
        status, _, err = run(self.cloud, "vpc", "create", "--cidr", "10.9.0.0/16", "--region", "us-east-1", **keys)
        self.assertEqual(status, 1)
        self.assertIn("takes the role admin", err)
        listed = {one["public_key"]: one for one in self.cloud.strait_json("key", "list")}
        self.assertIn("last_used", listed[made["public_key"]])
        self.assertNotIn(made["secret_key"], json.dumps(listed))
        self.cloud.strait("key", "revoke", made["public_key"], "--yes")
        status, _, err = run(self.cloud, "service", "list", **keys)
        self.assertEqual(status, 1)
        self.assertIn("wrong", err)
        # The folder's own key goes on.
        self.cloud.strait("service", "list")

    def test_the_local_clouds_own_paths_are_for_the_operator_alone(self):
        with open(os.path.join(self.cloud.data, "credentials.json"), encoding="utf-8") as file:
            admin = {"Authorization": f"Bearer {json.load(file)['admin_key']}"}
        account = self.cloud.account("customer")
        pair = f"{account['STRAIT_PUBLIC_KEY']}:{account['STRAIT_SECRET_KEY']}".encode()
        link = self.cloud.strait("console").strip().split("#")[1]
        status, begun = call(f"{self.url}{API}/auth/login-link", "POST", {"token": link})
        self.assertEqual(status, 200, begun)
        local = f"{self.url}/local/v1"
        requests = [
            ("POST", "/accounts", {"name": "intruder"}, 200),
            ("GET", "/quotas?account=customer", None, 200),
            ("PUT", "/quotas", {"account": "customer", "quota": "network-acls-per-vpc", "limit": 7}, 200),
            ("GET", f"/reach?from=internet&service=nonesuch&port=5432&project={self.project()}", None, 404),
        ]
        quotas = lambda name: call(f"{local}/quotas?account={name}", **admin)
        before = quotas("customer")
        self.assertEqual(before[0], 200, before)
        for who, headers, wanted in [
            ("nobody", {}, (401, "UNAUTHORIZED")),
            ("a wrong key", {"Authorization": admin["Authorization"] + "x"}, (401, "UNAUTHORIZED")),
            ("an owner's key", {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}, (403, "FORBIDDEN")),
            ("a session", {"Authorization": f"Bearer {begun['token']}"}, (403, "FORBIDDEN")),
        ]:
            for method, path, body, _ in requests:
                status, refusal = call(local + path, method, body, **headers)
                self.assertEqual((status, refusal["code"]), wanted, f"{method} {path} by {who}: {refusal}")
                self.assertIn("request_id", refusal)
        self.assertEqual(quotas("customer"), before)
        status, refusal = quotas("intruder")
        self.assertEqual((status, refusal["code"]), (404, "NOT_FOUND"), "no account was made")

        for method, path, body, wanted in requests:
            status, answer = call(local + path, method, body, **admin)
            self.assertEqual(status, wanted, f"{method} {path}: {answer}")
        self.assertNotEqual(quotas("customer"), before)
        self.assertEqual(quotas("intruder")[0], 200)
        for method, path, body, wanted in [
            ("POST", "/accounts", {"nome": "intruder"}, (400, "INVALID_ARGUMENT")),
            ("POST", "/accounts", {"name": "a b"}, (400, "INVALID_ARGUMENT")),
            ("GET", "/quotas", None, (400, "INVALID_ARGUMENT")),
            ("DELETE", "/accounts", None, (405, "METHOD_NOT_ALLOWED")),
        ]:
            status, refusal = call(local + path, method, body, **admin)
            self.assertEqual((status, refusal["code"]), wanted, f"{method} {path}: {refusal}")

    def test_a_project_gets_another_name_and_goes_with_its_keys(self):
        made = self.cloud.strait_json("project", "create", "shop")
        keys = {"STRAIT_URL": self.url, "STRAIT_PROJECT_ID": made["id"]}
        keys |= {"STRAIT_PUBLIC_KEY": made["public_key"], "STRAIT_SECRET_KEY": made["secret_key"]}
        named = lambda: {one["name"]: one["id"] for one in self.cloud.strait_json("project", "list")}
        renamed = self.cloud.strait_json("project", "rename", "shop", "store")
        self.assertEqual((renamed["id"], renamed["name"]), (made["id"], "store"))
        self.assertEqual(named().get("store"), made["id"])
        self.assertNotIn("shop", named())
        # It goes when nothing is in it any more.
        self.assertEqual(run(self.cloud, "vpc", "create", "--cidr", "10.9.0.0/16", "--name", "in", "--region", "us-east-1", "--wait", **keys)[0], 0)
        status, _, err = run(self.cloud, "project", "delete", "store", "--yes")
        self.assertEqual(status, 1)
        self.assertIn("VPC", err)
        self.assertEqual(named().get("store"), made["id"])
        status, _, err = run(self.cloud, "vpc", "delete", "in", "--yes", "--wait", **keys)
        self.assertEqual(status, 0, err)
        self.assertIn("is deleted", self.cloud.strait("project", "delete", "store", "--yes"))
        self.assertNotIn("store", named())
        status, _, err = run(self.cloud, "vpc", "list", **keys)
        self.assertEqual(status, 1)
        self.assertIn("wrong", err)


class Tls(unittest.TestCase):
    def test_with_tls_the_command_the_aws_cli_and_others_reach_it_and_plain_http_does_not(self):
        cloud = Cloud("--tls")
        try:
            account = cloud.account("customer")
            self.assertTrue(account["STRAIT_URL"].startswith("https://"), account)
            authority = account["AWS_CA_BUNDLE"]
            cloud.strait("service", "list")
            cloud.strait("aws-quota")
            status, out, err = cloud.aws("customer", "ec2", "describe-vpcs", "--query", "length(Vpcs)")
            self.assertEqual(status, 0, err)
            self.assertGreaterEqual(int(out), 1)
            pair = f"{account['STRAIT_PUBLIC_KEY']}:{account['STRAIT_SECRET_KEY']}".encode()
            basic = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
            url = f"{account['STRAIT_URL']}{API}/projects"
            self.assertEqual(call(url, authority=authority, **basic)[0], 200)
            with self.assertRaises(urllib.error.URLError):
                call(url, **basic)
            with self.assertRaises((urllib.error.URLError, ConnectionError, http.client.HTTPException)):
                call(url.replace("https:", "http:"), **basic)

            port = account["STRAIT_URL"].rsplit(":", 1)[1]
            shown = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", authority, "-verify_return_error"],
                capture_output=True,
                text=True,
                timeout=30,
                stdin=subprocess.DEVNULL,
            )
            self.assertEqual(shown.returncode, 0, shown.stderr)
            made = subprocess.run(
                ["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=shown.stdout, capture_output=True, text=True, timeout=30
            )
            fingerprint = made.stdout.strip().split("=")[1]
            self.assertEqual(cloud.strait_json("status")["server"]["fingerprint"], fingerprint)
        finally:
            cloud.close()

    def test_a_given_certificate_is_shown_and_trusted_by_its_own_authority(self):
        with tempfile.TemporaryDirectory(prefix="strait-clients.") as folder:
            authority, files = certificates(folder)
            options = ("--certificate-file", files["ours.crt"], "--certificate-key-file", files["ours.key"], "--ca-file", authority)
            cloud = Cloud(*options)
            try:
                account = cloud.account("customer")
                # It is for that name, and not for the address.
                self.assertTrue(account["STRAIT_URL"].startswith("https://localhost:"), account)
                self.assertTrue(account["AWS_ENDPOINT_URL"].startswith("https://localhost:"), account)
                self.assertEqual((account["STRAIT_CA_FILE"], account["AWS_CA_BUNDLE"]), (authority, authority))
                cloud.strait("service", "list")
                cloud.strait("aws-quota")
                status, out, err = cloud.aws("customer", "ec2", "describe-vpcs", "--query", "length(Vpcs)")
                self.assertEqual(status, 0, err)
                health = f"{account['STRAIT_URL']}/health"
                self.assertEqual(call(health, authority=authority)[0], 200)
                with open(os.path.join(folder, "strait.crt"), "w", encoding="utf-8") as file:
                    file.write(cloud.authority())
                with self.assertRaises(urllib.error.URLError):
                    call(health, authority=file.name)
                shown = openssl("x509", "-in", files["ours.crt"], "-noout", "-fingerprint", "-sha256").strip().split("=")[1]
                self.assertEqual(cloud.strait_json("status")["server"]["fingerprint"], shown)

                cloud.strait("down")
                # The keys of this machine's clients go to no other host.
                others = ("--certificate-file", files["other.crt"], "--certificate-key-file", files["other.key"], "--ca-file", authority)
                status, _, err = run(cloud, "up", "--detach", *cloud.ports[:4], *others)
                self.assertEqual(status, 0, err)
                self.assertIn("/etc/hosts", err)
                self.assertTrue(self.credentials(cloud)["url"].startswith("https://127.0.0.1:"), self.credentials(cloud)["url"])
                cloud.strait("down")
                for wrong, said in (
                    (("--certificate-file", files["ours.crt"]), "--certificate-key-file"),
                    (("--certificate-file", files["ours.crt"], "--certificate-key-file", files["other.key"]), "do not work together"),
                    (("--certificate-file", files["missing.crt"], "--certificate-key-file", files["ours.key"]), "no certificate"),
                    ((*options[:4], "--ca-file", files["missing.crt"]), "missing.crt"),
                    ((*options[:4], "--ca-file", files["ours.key"]), "no authorities"),
                ):
                    status, _, err = run(cloud, "up", "--detach", *cloud.ports[:4], *wrong)
                    self.assertNotEqual(status, 0, err)
                    self.assertIn(said, err)
                # By variables, as for `strait server`; and wider than loopback. What this shell's clients trust is not meant.
                wide = f"0.0.0.0:{free_port()}"
                given = {
                    "STRAIT_HTTP_CERTIFICATE_FILE": files["ours.crt"], "STRAIT_HTTP_CERTIFICATE_KEY_FILE": files["ours.key"],
                    "STRAIT_CA_FILE": authority,
                }
                status, _, err = run(cloud, "up", "--detach", "--http", wide, "--aws", "127.0.0.1:0", **given)
                self.assertEqual(status, 0, err)
                self.assertEqual(cloud.strait_json("status")["server"]["fingerprint"], shown)
                self.assertNotIn("ca_file", self.credentials(cloud))
                cloud.environment |= {"STRAIT_CA_FILE": authority}
                cloud.strait("service", "list")
            finally:
                cloud.close()

    def test_it_listens_wider_with_tls_only(self):
        cloud = Cloud()
        try:
            cloud.strait("down")
            wide = f"0.0.0.0:{free_port()}"
            for options in (("--http", wide, "--aws", "127.0.0.1:0"), ("--http", "127.0.0.1:0", "--aws", wide)):
                status, _, err = run(cloud, "up", "--detach", *options)
                self.assertEqual(status, 1, err)
                self.assertIn("--tls", err)
            cloud.strait("up", "--detach", "--http", wide, "--aws", "127.0.0.1:0", "--tls")
            authority = cloud.account("customer")["AWS_CA_BUNDLE"]
            address = own_address()
            status, health = call(f"https://{address}:{wide.split(':')[1]}/health", authority=authority)
            self.assertEqual((status, health["status"]), (200, "ok"))
        finally:
            cloud.close()

    def credentials(self, cloud):
        with open(os.path.join(cloud.data, "credentials.json"), encoding="utf-8") as file:
            return json.load(file)


def certificates(folder):
    """An authority, and two certificates of its own, one for `localhost`, no address, and one for elsewhere; where they are."""
    files = {name: os.path.join(folder, name) for name in ("ours.crt", "ours.key", "other.crt", "other.key", "missing.crt", "names", "asked")}
    authority, authority_key = os.path.join(folder, "authority.crt"), os.path.join(folder, "authority.key")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *key, "-keyout", authority_key, "-out", authority, "-days", "2", "-subj", "/CN=an authority of theirs",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    for name, what_for in (("ours", "DNS:localhost"), ("other", "DNS:*.example.com,IP:192.0.2.1")):
        with open(files["names"], "w", encoding="utf-8") as file:
            file.write(f"subjectAltName={what_for}\nbasicConstraints=CA:FALSE\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
        openssl("req", *key, "-keyout", files[f"{name}.key"], "-out", files["asked"], "-subj", "/CN=localhost")
        openssl("x509", "-req", "-in", files["asked"], "-CA", authority, "-CAkey", authority_key, "-CAcreateserial",
                "-days", "2", "-extfile", files["names"], "-out", files[f"{name}.crt"])
    return authority, files


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def own_address():
    """An address of this machine's that is not on loopback, or loopback where there is none."""
    shown = subprocess.run(["ip", "-4", "-o", "addr", "show", "scope", "global"], capture_output=True, text=True, timeout=30)
    words = shown.stdout.split()
    return words[3].split("/")[0] if len(words) > 3 else "127.0.0.1"


if __name__ == "__main__":
    unittest.main()
