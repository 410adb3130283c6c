"""Compares a run of moto's tests with what is expected: judge.py REPORT.xml NODES EXPECTED-FAILURES.

Good is: every node ran, and exactly those failed that are expected to.
"""

import sys
import xml.etree.ElementTree as ElementTree


def main(report, nodes, expected):
    nodes, expected = read_list(nodes), read_list(expected)
    outcomes = read_report(report)
    complaints = [("expected to fail, but not among the nodes", node, "") for node in sorted(expected - nodes)]
    for node in sorted(nodes):
        outcome, why = outcomes.get(node, ("missing", ""))
        if outcome == "passed" and node in expected:
            complaints.append(("expected to fail, but passes: take it off the list", node, ""))
        elif outcome in ("missing", "skipped") or (outcome == "failed" and node not in expected):
            complaints.append((outcome, node, why))
    for what, node, why in complaints:
        print(f"{what}: {node}")
        if why:
            print(f"    {why}")
    passed = sum(outcomes.get(node, ("",))[0] == "passed" for node in nodes)
    print(f"moto: {passed} of {len(nodes)} passed, {len(nodes) - passed} did not ({len(expected)} are expected to fail)")
    return 1 if complaints else 0


def read_list(path):
    with open(path, encoding="utf-8") as file:
        return {line.strip() for line in file if line.strip() and not line.startswith("#")}


def read_report(path):
    """Outcome and the first line of the reason, by node."""
    outcomes = {}
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        node = f"{case.get('file')}::{case.get('name')}"
        outcomes[node] = ("passed", "")
        for tag, outcome in (("skipped", "skipped"), ("failure", "failed"), ("error", "failed")):
            found = case.find(tag)
            if found is not None:
                outcomes[node] = (outcome, (found.get("message") or "").strip().split("\n")[0][:300])
    return outcomes


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
