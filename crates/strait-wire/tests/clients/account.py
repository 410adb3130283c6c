"""An account's clients, which compare every answer with botocore's model, and what was found."""

import xml.etree.ElementTree as ElementTree

import boto3
import botocore.config
import botocore.exceptions

REGION = "eu-central-1"
SERVICES = {"ec2": "Ec2", "elasticloadbalancing": "Elb", "sts": "Sts", "route53": "Route53"}
# What was called, and what is not as it should be: this list is all that a run has to say.
made, wrong = set(), []


class Account:
    def __init__(self, endpoint, keys, region=REGION, token=None):
        self.id = keys["account"]
        session = boto3.Session(
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
            aws_session_token=token,
            region_name=region,
        )
        config = botocore.config.Config(retries={"max_attempts": 1}, read_timeout=20)
        self.clients = [session.client(name, endpoint_url=endpoint, config=config) for name in ("ec2", "elbv2", "sts", "route53")]
        for client in self.clients:
            client.meta.events.register("before-parse.*.*", check_answer)
        self.ec2, self.elb, self.sts, self.route53 = self.clients


def check_answer(operation_model, response_dict, **_):
    service = SERVICES[operation_model.service_model.signing_name]
    made.add((service, operation_model.name))
    if response_dict["status_code"] >= 300:
        return
    root = ElementTree.fromstring(response_dict["body"])
    path = f"{operation_model.name}Response"
    if bare(root) != path:
        wrong.append(f"{path}: the root is {bare(root)}")
    shape = operation_model.output_shape
    if service == "Ec2":
        same("requestId", bare(root[0]), f"first in {path}")
        check_structure(root, shape, path, {"requestId", "return"})
        return
    if service == "Route53":
        same(201 if operation_model.name == "CreateHostedZone" else 200, response_dict["status_code"], f"the status of {path}")
        check_structure(root, shape, path, set())
        return
    same([f"{operation_model.name}Result", "ResponseMetadata"], [bare(part) for part in root], path)
    check_structure(root[0], shape, path, set())


def check_structure(element, shape, path, allowed):
    known = {member.serialization.get("name", name): member for name, member in (shape.members if shape else {}).items()}
    seen = set()
    for part in element:
        tag = bare(part)
        if tag in allowed:
            continue
        if tag not in known:
            wrong.append(f"{path}.{tag}: no such tag")
        elif tag in seen:
            wrong.append(f"{path}.{tag}: comes twice")
        else:
            check_value(part, known[tag], f"{path}.{tag}")
        seen.add(tag)


def check_value(element, shape, path):
    if shape.type_name == "structure":
        return check_structure(element, shape, path, set())
    if shape.type_name == "list":
        wanted = shape.member.serialization.get("name", "member")
        for part in element:
            same(wanted, bare(part), f"members of {path}")
            check_value(part, shape.member, f"{path}[]")
        return None
    text = element.text or ""
    if len(element):
        wrong.append(f"{path}: parts in a {shape.type_name}")
    elif shape.type_name == "boolean" and text not in ("true", "false"):
        wrong.append(f"{path}: '{text}' is no boolean")
    elif shape.type_name in ("integer", "long") and not text.lstrip("-").isdigit():
        wrong.append(f"{path}: '{text}' is no number")
    elif shape.type_name == "timestamp" and not (text.endswith("Z") and "T" in text):
        wrong.append(f"{path}: '{text}' is no timestamp")
    return None


def bare(element):
    return element.tag.rsplit("}", 1)[-1]


def same(expected, found, what):
    if expected != found:
        wrong.append(f"{what}: {found!r} instead of {expected!r}")


def refused(code, call, *arguments, status=None, **parameters):
    try:
        call(*arguments, **parameters)
    except botocore.exceptions.ClientError as error:
        same(code, error.response["Error"]["Code"], f"error of {error.operation_name} ({error})")
        if status:
            same(status, error.response["ResponseMetadata"]["HTTPStatusCode"], f"status of {code}")
        if not error.response["ResponseMetadata"].get("RequestId"):
            wrong.append(f"the error {code} has no request id")
    else:
        wrong.append(f"{call.__name__} succeeded instead of {code}")


def default_group(account, side):
    filters = [{"Name": "vpc-id", "Values": [side.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    return account.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
