#!/usr/bin/env bash
# schemathesis against the REST API, over a real plane with a cloud that only pretends: `schemathesis.sh PRETEND`, the built
# example of strait-http. It makes requests from the generated OpenAPI document, right and wrong ones, and holds every answer
# against it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
: "${STRAIT_TIGER:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-tiger}"
: "${STRAIT_SCHEMATHESIS_EXAMPLES:=25}"
: "${STRAIT_SCHEMATHESIS_SEED:=1}"
PRETEND=$1
WORK=$(mktemp -d)
trap clean EXIT

main() {
    mkfifo "$WORK/input"
    "$PRETEND" <"$WORK/input" >"$WORK/told" &
    exec 3>"$WORK/input"
    until [ -s "$WORK/told" ]; do
        kill -0 $! || die "the pretended Strait did not start"
        sleep 0.1
    done
    local url project keys admin
    url=$(jq -r .url "$WORK/told")
    project=$(jq -r .project "$WORK/told")
    keys=$(jq -r '.public_key + ":" + .secret_key' "$WORK/told")
    admin=$(jq -r .admin_key "$WORK/told")
    cat >"$WORK/schemathesis.toml" <<TOML
[parameters]
"path.project_id" = "$project"
"query.wait" = 0

[[operations]]
include-path-regex = "/admin/"
headers = { Authorization = "Bearer $admin" }
TOML
    cd "$WORK"
    # What the description cannot say of a value (a range that is free, a Region that there is) is refused with 400, so that
    # not all that fits it is taken; what is deleted is there until the cloud has taken it away. An operation that is
    # followed lasts; the project and its keys are needed to the end.
    timeout 300 "$STRAIT_TIGER/venv/bin/python3" -m schemathesis.cli --config-file "$WORK/schemathesis.toml" \
        run "$url/public/api/v1/openapi.json" --auth "$keys" --max-examples "$STRAIT_SCHEMATHESIS_EXAMPLES" \
        --seed "$STRAIT_SCHEMATHESIS_SEED" --request-timeout 20 --workers 2 --no-color --continue-on-failure \
        --exclude-checks positive_data_acceptance,use_after_free --warnings off \
        --exclude-operation-id watchOperation --exclude-operation-id deleteProject --exclude-operation-id revokeKey "${@:2}"
}

clean() {
    exec 3>&- || true
    wait || true
    rm -rf "$WORK"
}

die() {
    echo "schemathesis: $*" >&2
    exit 1
}

main "$@"
