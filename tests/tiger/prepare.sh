#!/usr/bin/env bash
# Tiger Cloud's own clients, unmodified and at fixed versions, into a cache: its command line and its Terraform provider, built
# by Go, and schemathesis, by pip. `prepare.sh PART` prepares one of them: tiger, provider or schemathesis.
# Status: 0 it is there, 77 not proved (it cannot be had on this machine).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

: "${STRAIT_TIGER:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-tiger}"
PROVIDER=github.com/timescale/terraform-provider-timescale
PROVIDER_VERSION=v2.13.3
# As the process that runs the tests sees it: other flags of the user's would change what is built.
export GOFLAGS=-buildvcs=false

main() {
    mkdir -p "$STRAIT_TIGER"
    case "${1:-}" in
    tiger) tiger ;;
    provider) provider ;;
    schemathesis) schemathesis ;;
    *)
        echo "usage: prepare.sh tiger|provider|schemathesis" >&2
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

# From STRAIT_TIMESCALE_PROVIDER, a checkout of that version, or from the Go module proxy.
provider() {
    local built=$STRAIT_TIGER/provider
    if [ -x "$built/terraform-provider-timescale" ] && [ "$(cat "$STRAIT_TIGER/provider.version" 2>/dev/null)" = "$PROVIDER_VERSION" ]; then
        return
    fi
    has_go
    echo "terraform: building the provider $PROVIDER_VERSION into $built"
    mkdir -p "$built"
    if [ -n "${STRAIT_TIMESCALE_PROVIDER:-}" ]; then
        (cd "$STRAIT_TIMESCALE_PROVIDER" && timeout 900 go build -trimpath -o "$built/terraform-provider-timescale" .)
    else
        GOBIN="$built" timeout 900 go install -trimpath "$PROVIDER@$PROVIDER_VERSION" ||
            not_proved "$PROVIDER $PROVIDER_VERSION cannot be had from the Go module proxy; name a checkout of it in STRAIT_TIMESCALE_PROVIDER"
    fi
    echo "$PROVIDER_VERSION" >"$STRAIT_TIGER/provider.version"
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

not_proved() {
    echo "NOT PROVED: $1"
    exit 77
}

main "$@"
