#!/usr/bin/env bash
# What applications notice of moves, with the release build: how long there is no way in, asked a thousand times a second by the name
# that follows the service (more than `STRAIT_MOVES_LONGEST`, 0.1 s, fails); and what becomes of transactions of pooled connections, without and with
# a drain.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
: "${STRAIT_BIN:=${CARGO_TARGET_DIR:-$HOME/.cache/strait-target}/release/strait}"
: "${STRAIT_MOVES_LONGEST:=0.1}"
export STRAIT_BIN STRAIT_MOVES_LONGEST
tests/clients/run.sh test_moves 2>&1 | grep -E '^(test_[a-z_]+: |AssertionError|OK|FAILED|Ran)'
