#!/usr/bin/env bash
# Tiger Cloud's own clients, unmodified and at fixed versions, into a cache: its command line and its Terraform provider, built
# by Go, and schemathesis, by pip. `prepare.sh PART` prepares one of them: tiger, provider or schemathesis; `timescaledb` only looks whether
# the extension is there. Status: 0 it is there, 77 not proved (it cannot be had on this machine).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

: "${STRAIT_TIGER:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-tiger}"
PROVIDER=github.com/timescale/terraform-provider-timescale
PROVIDER_VERSION=v2.13.3
# What that tag names: by the tag Go does not take it, because its go.mod calls the module by a name without /v2.
PROVIDER_COMMIT=9126e87efb9a912e933c99196020574a6807dec7
TERRAFORM_VERSION=1.11.4
# As the process that runs the tests sees it: other flags of the user's would change what is built.
export GOFLAGS=-buildvcs=false

main() {
    mkdir -p "$STRAIT_TIGER"
    case "${1:-}" in
    tiger) tiger ;;
    provider) provider ;;
    schemathesis) schemathesis ;;
    timescaledb) timescaledb ;;
    *)
        echo "usage: prepare.sh tiger|provider|schemathesis|timescaledb" >&2
        exit 1
        ;;
    esac
}

# Its version is in go.mod, the hashes of it and of all that it needs are in go.sum.
tiger() {
    if [ -x "$STRAIT_TIGER/tiger" ] && cmp -s go.sum "$STRAIT_TIGER/tiger.sum"; then
        return
    fi
    has_go
    echo "tiger: building it into $STRAIT_TIGER"
    timeout 900 go build -mod=readonly -trimpath -o "$STRAIT_TIGER/tiger.new" github.com/timescale/tiger-cli/cmd/tiger ||
        not_proved "the tiger command line cannot be built: the Go module proxy does not give what go.mod names"
    mv "$STRAIT_TIGER/tiger.new" "$STRAIT_TIGER/tiger"
    cp go.sum "$STRAIT_TIGER/tiger.sum"
}

# From STRAIT_TIMESCALE_PROVIDER, a checkout of that commit, or from the Go module proxy.
provider() {
    local built=$STRAIT_TIGER/provider program=$STRAIT_TIGER/provider/terraform-provider-timescale said
    local mark="$PROVIDER_VERSION $PROVIDER_COMMIT"
    has_terraform
    if [ -x "$program" ] && [ "$(cat "$STRAIT_TIGER/provider.version" 2>/dev/null)" = "$mark" ]; then
        return
    fi
    has_go
    echo "terraform: building the provider $PROVIDER_VERSION into $built"
    mkdir -p "$built"
    rm -f "$STRAIT_TIGER/provider.version"
    if [ -n "${STRAIT_TIMESCALE_PROVIDER:-}" ]; then
        is_that_commit "$STRAIT_TIMESCALE_PROVIDER"
        (cd "$STRAIT_TIMESCALE_PROVIDER" && timeout 900 go build -mod=readonly -trimpath -o "$program" .)
    else
        said=$(GOBIN="$built" timeout 900 go install -trimpath "$PROVIDER@$PROVIDER_COMMIT" 2>&1) ||
            not_proved "$PROVIDER $PROVIDER_VERSION ($PROVIDER_COMMIT) cannot be had from the Go module proxy, which says:
$said
Name a checkout of it in STRAIT_TIMESCALE_PROVIDER."
    fi
    echo "$mark" >"$STRAIT_TIGER/provider.version"
}

# is_that_commit CHECKOUT: and nothing beside it.
is_that_commit() {
    local head changed
    head=$(git -c safe.directory='*' -C "$1" rev-parse HEAD) || die "STRAIT_TIMESCALE_PROVIDER: $1 is no checkout of git's"
    [ "$head" = "$PROVIDER_COMMIT" ] ||
        die "STRAIT_TIMESCALE_PROVIDER: $1 is at $head, and $PROVIDER_VERSION is $PROVIDER_COMMIT: git checkout $PROVIDER_COMMIT"
    changed=$(git -c safe.directory='*' -C "$1" status --porcelain)
    [ -z "$changed" ] || die "STRAIT_TIMESCALE_PROVIDER: $1 is not as it was committed:
$changed"
}

# The very program that the tests were written with: it is no Go module of ours, and Terraform's own site has it.
has_terraform() {
    local program sum
    program=$(command -v terraform) || not_proved "there is no Terraform on this machine (it takes $TERRAFORM_VERSION)"
    sum=$(sha256sum <"$program")
    grep -q "^${sum%% *}  " terraform.sha256 ||
        not_proved "$program is another Terraform than those in tests/tiger/terraform.sha256 ($TERRAFORM_VERSION): $("$program" version -json 2>/dev/null | grep -o '"terraform_version": "[^"]*"'), SHA-256 ${sum%% *}"
}

# Where Strait looks for it: crates/strait-local/src/engine/installation.rs.
timescaledb() {
    local programs=${STRAIT_PG_BIN:-} shared
    [ -n "$programs" ] || programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    for shared in "$programs/../../../../share/postgresql/$(basename "$(dirname "$programs")")" "$programs/../share/postgresql" "$programs/../share"; do
        [ ! -f "$shared/extension/timescaledb.control" ] || return 0
    done
    not_proved "the PostgreSQL in $programs has no extension timescaledb, which is not among Debian's packages; install it, or name in STRAIT_PG_BIN the programs of a PostgreSQL that has it"
}

schemathesis() {
    local venv=$STRAIT_TIGER/venv
    if cmp -s requirements.txt "$STRAIT_TIGER/requirements.txt" && "$venv/bin/python3" -c 'import schemathesis' 2>/dev/null; then
        return
    fi
    echo "schemathesis: into $venv"
    system_python -m venv --clear "$venv" || not_proved "there is no Python with venv: make setup"
    timeout 300 "$venv/bin/python3" -m pip install --quiet --requirement requirements.txt ||
        not_proved "schemathesis cannot be installed with pip"
    cp requirements.txt "$STRAIT_TIGER/requirements.txt"
}

has_go() {
    command -v go >/dev/null || not_proved "there is no Go on this machine"
}

# Debian's own: another one first on the PATH may be readable by one user only.
system_python() {
    if [ -x /usr/bin/python3 ]; then
        /usr/bin/python3 "$@"
    else
        python3 "$@"
    fi
}

die() {
    echo "tiger: $1" >&2
    exit 1
}

not_proved() {
    echo "NOT PROVED: $1"
    exit 77
}

main "$@"
