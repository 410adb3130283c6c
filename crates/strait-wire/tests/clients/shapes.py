#!/usr/bin/env python3
"""Compares strait-vpc's response types with botocore's model of the same calls.

Reads the types from crates/strait-vpc/src/api and reports every tag that AWS does not have there and every type that
differs. Ends non-zero if there is any. With --missing it also lists what AWS has and we do not (no mistake by itself).
Requests are compared by a unit test, see crates/strait-wire/src/shapes/tests.rs.

Needs botocore: python3 -m pip install botocore.
"""

import collections
import pathlib
import re
import sys

import botocore.session

API = pathlib.Path(__file__).resolve().parents[3] / "strait-vpc" / "src" / "api"
CLIENTS = {"Ec2": "ec2", "Elb": "elbv2", "Sts": "sts", "Route53": "route53"}
INTEGERS = {"u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "usize"}
TEXTS = {"String", "str", "Timestamp", "Ipv4Addr", "Ipv4Net", "IpAddr", "IpNet", "char", "Region", "AccountId"}
MODEL_SCALARS = {"string", "integer", "long", "boolean", "timestamp", "double", "float", "blob", "character"}


def main():
    sources = Sources(API)
    findings, missing, calls = [], [], 0
    session = botocore.session.get_session()
    models = {service: session.get_service_model(name) for service, name in CLIENTS.items()}
    for service, name, _, response in sources.calls():
        calls += 1
        model = models[service]
        if name not in model.operation_names:
            findings.append(f"{service} {name}: AWS has no such call")
            continue
        operation = model.operation_model(name)
        check = Check(sources, service, findings, missing)
        check.response(sources.find(response, API), operation.output_shape, f"{name} answer")
    for line in missing if "--missing" in sys.argv else []:
        print("missing:", line)
    for line in findings:
        print("wrong:", line)
    print(f"{calls} calls compared, {len(findings)} findings")
    if not calls:
        sys.exit("no call was found: this script no longer understands api/mod.rs")
    sys.exit(1 if findings else 0)


Field = collections.namedtuple("Field", "tag kind required aliases skips_nothing")


class Struct:
    """A Rust struct: its fields, or the type that it is transparent for."""

    def __init__(self, name, file, fields=None, inner=None):
        self.name, self.file, self.fields, self.inner = name, file, fields, inner


class Sources:
    """All structs and enums of the api folder."""

    def __init__(self, folder):
        self.structs, self.enums, self.opaque, self.calls_text = {}, {}, set(), ""
        ids = (folder.parent / "id.rs").read_text()
        self.scalars = TEXTS | set(re.findall(r"^    (\w+) = \"", ids, re.M))
        for file in sorted(folder.rglob("*.rs")):
            text = strip_comments(file.read_text())
            self.read_structs(text, file)
            for enum in re.findall(r"pub enum (\w+)", text):
                self.enums[enum] = file
            self.opaque.update(re.findall(r"impl<'de> (?:serde::)?Deserialize<'de> for (\w+)", text))
            self.read_answers(text, file)
            self.read_lists(text, file)
            if found := re.search(r"^calls! \{(.*?)^\}", text, re.M | re.S):
                self.calls_text = found.group(1)

    def calls(self):
        for service, body in re.findall(r"(\w+) \{(.*?)\n    \}", self.calls_text, re.S):
            entry = r"(\w+)(?: as (\w+))?\s*\((\w+)\)\s*->\s*(\w+)"
            for name, wire, request, response in re.findall(entry, body):
                yield service, wire or name, request, response

    def find(self, name, near):
        """The struct of this name; of several, the one in the same file or folder."""
        candidates = self.structs.get(name, [])
        nearness = lambda struct: (struct.file != near, struct.file.parent != getattr(near, "parent", None))
        return min(candidates, key=nearness, default=None)

    def read_structs(self, text, file):
        for found in re.finditer(r"^\s*pub struct (\w+)(?:<[^>]*>)?\s*(\{|\()", text, re.M):
            name, opening = found.groups()
            attributes = re.split(r"[};]", text[: found.start()])[-1]
            if "Serialize" not in attributes and "Deserialize" not in attributes:
                continue
            body = text[found.end() : closing(text, found.end() - 1)]
            if opening == "(":
                inner = re.sub(r"^\s*pub(\([^)]*\))?\s+", "", body.strip().rstrip(","))
                self.add(Struct(name, file, inner=inner))
                continue
            style = re.search(r'rename_all = "(\w+)"', attributes)
            all_default = re.search(r"serde\([^)]*\bdefault\b", attributes) is not None
            self.add(Struct(name, file, fields=list(fields(body, style.group(1) if style else None, all_default))))

    def read_answers(self, text, file):
        for found in re.finditer(r"^answers! \{", text, re.M):
            body = text[found.end() : closing(text, found.end() - 1)]
            for content, names in re.findall(r"([\w<>]+)\s*\{([^}]*)\}", body):
                for name in re.findall(r"\w+", names):
                    self.add(Struct(name, file, inner=content))

    def read_lists(self, text, file):
        for found in re.finditer(r"^lists! \{", text, re.M):
            body = text[found.end() : closing(text, found.end() - 1)]
            for name, tag, item in re.findall(r'(\w+)\(\w+: "(\w+)" of (\w+)\);', body):
                self.add(Struct(name, file, fields=[Field(tag, f"Vec<{item}>", True, [], False)]))

    def add(self, struct):
        self.structs.setdefault(struct.name, []).append(struct)


class Check:
    """One call's comparison."""

    def __init__(self, sources, service, findings, missing):
        self.sources, self.service, self.findings, self.missing = sources, service, findings, missing

    def response(self, struct, shape, path):
        if struct is None:
            return self.findings.append(f"{path}: the response type was not found")
        known = {}
        for name, member in (shape.members if shape else {}).items():
            known[member.serialization.get("name", name)] = member
        seen = set()
        for tag, kind, _, _, skips_nothing in self.fields(struct):
            if kind.startswith("Option<") and not skips_nothing:
                self.findings.append(f"{path}.{tag}: nothing is written as an empty element; skip_serializing_if")
            if tag not in known:
                # botocore's model leaves out the `return` of calls that only say that they did it.
                just_done = tag == "return" and kind == "bool"
                # A type shared with a call that lists; it is never written where there is no next page.
                next_page = tag in ("NextMarker", "nextToken") and kind.startswith("Option<")
                if not (just_done or next_page):
                    self.findings.append(f"{path}.{tag}: no such tag; there are {', '.join(sorted(known))}")
                continue
            seen.add(tag)
            self.value(kind, known[tag], f"{path}.{tag}", struct.file)
        self.missing.extend(f"{path}.{tag}: not written" for tag in known if tag not in seen)

    def value(self, kind, shape, path, near):
        kind = unwrap(kind, "Option", "Box")
        if inner := generic(kind, "Items", "Members"):
            wrapper = kind.split("<")[0]
            tag = {"Items": "item", "Members": "member"}[wrapper]
            if shape.type_name != "list":
                return self.findings.append(f"{path}: a list here, {shape.type_name} at AWS")
            wanted = shape.member.serialization.get("name", "member")
            if wanted != tag:
                self.findings.append(f"{path}: its members are <{tag}> here, <{wanted}> at AWS")
            return self.value(inner, shape.member, f"{path}[]", near)
        if inner := generic(kind, "Vec"):
            if shape.type_name != "list":
                return self.findings.append(f"{path}: a list here, {shape.type_name} at AWS")
            if not shape.serialization.get("flattened"):
                self.findings.append(f"{path}: a bare Vec writes no list element; use Items or Members")
            return self.value(inner, shape.member, f"{path}[]", near)
        if kind in self.sources.opaque:
            return None  # It reads itself, whatever it is.
        scalar = self.scalar(kind, near)
        if scalar:
            if shape.type_name not in MODEL_SCALARS:
                return self.findings.append(f"{path}: {kind} here, {shape.type_name} at AWS")
            wrong_bool = (scalar == "boolean") != (shape.type_name == "boolean")
            wrong_number = scalar == "integer" and shape.type_name not in ("integer", "long")
            text_for_number = scalar == "string" and shape.type_name in ("integer", "long", "boolean")
            if wrong_bool or wrong_number or text_for_number:
                self.findings.append(f"{path}: {kind} here, {shape.type_name} at AWS")
            return None
        struct = self.sources.find(kind, near)
        if struct is None:
            return self.findings.append(f"{path}: the type {kind} was not found")
        if struct.inner is not None:
            return self.value(struct.inner, shape, path, struct.file)
        if shape.type_name == "list":
            # A list spelt out: one field that is the repeated element.
            return self.spelt_out(struct, shape, path)
        if shape.type_name != "structure":
            return self.findings.append(f"{path}: {kind} here, {shape.type_name} at AWS")
        return self.response(struct, shape, path)

    def spelt_out(self, struct, shape, path):
        wanted = shape.member.serialization.get("name", "member")
        for tag, kind, *_ in self.fields(struct):
            inner = generic(kind, "Vec")
            if tag != wanted or not inner:
                self.findings.append(f"{path}.{tag}: AWS has a list of <{wanted}> there")
                continue
            self.value(inner, shape.member, f"{path}[]", struct.file)

    def scalar(self, kind, near):
        if kind == "bool":
            return "boolean"
        if kind in INTEGERS:
            return "integer"
        name = re.sub(r"^&(?:'\w+\s+)?", "", kind)
        if name in self.sources.scalars:
            return "string"
        if self.sources.find(name, near) is None and name in self.sources.enums:
            return "string"
        return None

    def fields(self, struct):
        while struct.inner is not None:
            inner = self.sources.find(struct.inner, struct.file)
            if inner is None:
                self.findings.append(f"{struct.name}: the type {struct.inner} was not found")
                return []
            struct = inner
        return struct.fields


def fields(body, style, all_default):
    """The fields of a struct: tag, type, whether it must be there, other names."""
    for attributes, name, kind in re.findall(r"((?:#\[[^\]]*\]\s*)*)pub (?:r#)?(\w+):\s*([^\n]*),", body):
        if re.search(r"\bskip\b", attributes):
            continue
        renamed = re.search(r'\brename = "([^"]*)"', attributes)
        aliases = re.findall(r'\balias = "([^"]*)"', attributes)
        required = not (all_default or re.search(r"\bdefault\b", attributes) or kind.startswith("Option<"))
        tag = renamed.group(1) if renamed else restyle(name, style)
        yield Field(tag, re.sub(r"\b\w+::", "", kind), required, aliases, "skip_serializing_if" in attributes)


def restyle(name, style):
    pascal = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return {"PascalCase": pascal, "camelCase": pascal[:1].lower() + pascal[1:], None: name}[style]


def unwrap(kind, *wrappers):
    while inner := generic(kind, *wrappers):
        kind = inner
    return kind


def generic(kind, *wrappers):
    for wrapper in wrappers:
        if kind.startswith(wrapper + "<") and kind.endswith(">"):
            return kind[len(wrapper) + 1 : -1]
    return None


def closing(text, opening):
    """Where the bracket at this place closes."""
    pairs = {"{": "}", "(": ")"}
    opens, closes, depth = text[opening], pairs[text[opening]], 0
    for at in range(opening, len(text)):
        depth += (text[at] == opens) - (text[at] == closes)
        if depth == 0:
            return at
    raise ValueError("a bracket does not close")


def strip_comments(text):
    return re.sub(r"^\s*//[^\n]*\n", "", text, flags=re.M)


if __name__ == "__main__":
    main()
