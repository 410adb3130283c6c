#!/usr/bin/env bash
# What applications notice of moves, with the release build: how long there is no way in, asked a thousand times a second by the name
# that follows the service; and what becomes of transactions of pooled connections, without and with a drain.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
: "${STRAIT_BIN:=${CARGO_TARGET_DIR:-$HOME/.cache/strait-target}/release/strait}"
export STRAIT_BIN
tests/clients/run.sh test_moves 2>&1 | grep -E '^(test_[a-z_]+: |OK|FAILED|Ran)'
