#!/usr/bin/env bash
# Ends the demo's Strait. Its data stays.
set -euo pipefail
: "${CARGO_TARGET_DIR:=$HOME/.cache/strait-target}"
export STRAIT_DATA_DIR="${STRAIT_DEMO_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/strait-demo}"
for program in "${STRAIT_BIN:-}" "$CARGO_TARGET_DIR/release/strait" "$CARGO_TARGET_DIR/debug/strait"; do
    if [ -x "$program" ]; then
        exec timeout 60 "$program" down
    fi
done
echo "There is no built program: run \`make build\` first." >&2
exit 1
