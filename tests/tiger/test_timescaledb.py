"""TIMESCALEDB services: PostgreSQL with its extension, loaded when the server starts, where the PostgreSQL that makes services has it."""

import base64
import json
import os
import subprocess
import time
import unittest
import urllib.request

from cloud import STRAIT, Cloud

REGION = "us-east-1"
# A setting that the library has from when the server starts; which libraries it loads is for superusers to see.
IS_LOADED = "SELECT current_setting('timescaledb.max_background_workers', true) IS NOT NULL"
HYPERTABLE = """
CREATE TABLE metric (at timestamptz NOT NULL, value double precision);
SELECT create_hypertable('metric', 'at');
INSERT INTO metric SELECT at, 1 FROM generate_series('2026-01-01'::timestamptz, '2026-03-01', '1 hour') at;
"""


class TimescaleDb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud(STRAIT_PG_BIN=os.environ.get("STRAIT_PG_BIN", ""))
        cls.addClassCleanup(cls.cloud.close)

    def test_it_has_hypertables_and_keeps_them(self):
        made = self.create("metrics", ["time-series"])
        self.assertEqual(made["service_type"], "TIMESCALEDB")
        service, password = made["service_id"], made["initial_password"]
        ask = lambda sql: self.psql(service, password, sql)
        self.assertEqual(ask(IS_LOADED).strip(), "t")
        ask(HYPERTABLE)
        self.chunked(ask)
        # Those that come from the extension's own library: 59 days of 24 values, and the last midnight.
        by_month = "SELECT time_bucket('1 month', at)::date, count(*) FROM metric GROUP BY 1 ORDER BY 1"
        self.assertEqual(ask(by_month).split(), ["2026-01-01|744", "2026-02-01|672", "2026-03-01|1"])
        self.cloud.strait("service", "stop", service, "--wait")
        self.cloud.strait("service", "start", service, "--wait")
        self.chunked(ask)
        ask("INSERT INTO metric VALUES ('2026-05-01', 2)")
        self.assertEqual(ask("SELECT count(*), sum(value) FROM metric").strip(), "1418|1419")

    def test_another_service_is_plain_postgresql(self):
        """The control."""
        made = self.create("plain", [])
        self.assertEqual(made["service_type"], "POSTGRES")
        ask = lambda sql: self.psql(made["service_id"], made["initial_password"], sql)
        self.assertEqual(ask(IS_LOADED).strip(), "f")
        self.assertEqual(ask("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'").strip(), "0")

    def chunked(self, ask):
        """By weeks, which is the extension's default."""
        count = int(ask("SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'metric'"))
        self.assertGreaterEqual(count, 9)

    def create(self, name, addons):
        keys = self.cloud.account("provider")
        pair = base64.b64encode(f"{keys['STRAIT_PUBLIC_KEY']}:{keys['STRAIT_SECRET_KEY']}".encode()).decode()
        asked = urllib.request.Request(
            f"{keys['STRAIT_URL']}/public/api/v1/projects/{keys['STRAIT_PROJECT_ID']}/services",
            json.dumps({"name": name, "region_code": REGION, "addons": addons}).encode(),
            {"Authorization": f"Basic {pair}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            made = json.load(answer)
        found = self.cloud.strait_json("service", "get", made["service_id"], "--wait")
        self.assertEqual(found["status"], "READY", found)
        return made

    def psql(self, service, password, sql):
        host = self.cloud.strait_json("service", "get", service)["endpoint"]["host"]
        line = f"host={host} user=tsdbadmin dbname=tsdb sslmode=require connect_timeout=15"
        until = time.monotonic() + 60
        while True:
            done = subprocess.run(
                [STRAIT, "exec", "internet", "--", "psql", line, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql],
                env=self.cloud.environment | {"PGPASSWORD": password},
                capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
            )
            if done.returncode != 2 or time.monotonic() > until:
                self.assertEqual(done.returncode, 0, done.stderr)
                return done.stdout
            time.sleep(0.2)


if __name__ == "__main__":
    unittest.main()
