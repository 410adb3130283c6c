"""The lines of docs/aws.md that are to be typed, by their steps and sections."""

import os
import re
import subprocess
import textwrap

from cloud import STRAIT

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "aws.md")
# What a person fills in.
GAP = "…"


def steps():
    """The blocks of each step from an empty account to the first private psql, by its number."""
    found = re.split(r"^(\d+)\. \*\*", section("From an empty account to the first private psql"), flags=re.MULTILINE)
    return {int(number): blocks(text) for number, text in zip(found[1::2], found[2::2])}


def section(title):
    with open(PATH, encoding="utf-8") as file:
        [text] = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", file.read(), flags=re.MULTILINE | re.DOTALL)
    return text


def blocks(text):
    """Those for a shell."""
    found = re.findall(r"^( *)```sh\n(.*?)^\1```", text, flags=re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for _, block in found]


def run(script, folder, environment):
    """Runs lines in this folder as a person does who may do everything; returns what they print."""
    programs = os.path.join(folder, "bin")
    if not os.path.isdir(programs):
        os.mkdir(programs)
        os.symlink(STRAIT, os.path.join(programs, "strait"))
    if GAP in script:
        raise AssertionError(f"something is to be filled in:\n{script}")
    done = subprocess.run(
        ["bash", "-c", 'set -euo pipefail\nsudo() { "$@"; }\n' + script],
        cwd=folder, env=environment | {"PATH": f"{programs}:{os.environ['PATH']}"}, capture_output=True, text=True, timeout=300,
        stdin=subprocess.DEVNULL, check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"status {done.returncode}:\n{script}\n{done.stdout}{done.stderr}")
    return done.stdout
