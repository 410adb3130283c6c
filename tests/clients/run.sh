#!/usr/bin/env bash
# boto3 and the AWS CLI, unmodified, against a Strait of their own. `run.sh MODULE…` runs some of the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
: "${CARGO_TARGET_DIR:=$HOME/.cache/strait-target}"
: "${STRAIT_CLIENTS:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-clients}"
export STRAIT_BIN="${STRAIT_BIN:-$CARGO_TARGET_DIR/debug/strait}" PATH="$STRAIT_CLIENTS/bin:$PATH"
[ "$#" -gt 0 ] || set -- test_aws test_aws_errors test_balancers test_children test_internet test_load test_moves test_names test_route53 test_sts test_users test_rules_{vpc,ipv6,routes,peering,groups,endpoints,generic}
exec timeout "${STRAIT_CLIENTS_SECONDS:-1200}" "$STRAIT_CLIENTS/bin/python3" -B -m unittest -v "$@"
