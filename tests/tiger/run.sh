#!/usr/bin/env bash
# Tiger Cloud's own clients against a Strait of their own: `run.sh MODULE…`. What they take is in STRAIT_TIGER (prepare.sh).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
: "${CARGO_TARGET_DIR:=$HOME/.cache/strait-target}"
: "${STRAIT_CLIENTS:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-clients}"
export STRAIT_TIGER="${STRAIT_TIGER:-${XDG_CACHE_HOME:-$HOME/.cache}/strait-tiger}"
export STRAIT_BIN="${STRAIT_BIN:-$CARGO_TARGET_DIR/debug/strait}" PATH="$STRAIT_CLIENTS/bin:$PATH"
export PYTHONPATH="$PWD/../clients"
exec timeout "${STRAIT_CLIENTS_SECONDS:-600}" "$STRAIT_CLIENTS/bin/python3" -B -m unittest -v "$@"
