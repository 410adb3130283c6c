# Daily commands. `make` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo build test test-clients test-long bench fmt lint setup clean-up

export CARGO_TARGET_DIR ?= $(HOME)/.cache/strait-target
export STRAIT_DEMO_DIR ?= $(or $(XDG_DATA_HOME),$(HOME)/.local/share)/strait-demo

# One set for lints, tests and the program that they try: cargo would compile the AWS SDK anew for each.
FEATURES := --features strait/aws,strait/failpoints

help: ## Lists the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: ## Builds Strait and walks the whole story with real packets; leaves it running
	scripts/setup.sh
	timeout 1800 cargo build --release --locked -p strait
	STRAIT_BIN="$$CARGO_TARGET_DIR/release/strait" demo/story.sh

build: ## Builds the program for daily use ($CARGO_TARGET_DIR/release/strait)
	timeout 1800 cargo build --release --locked -p strait

test: setup lint ## Everything that a change must pass: about three quarters of an hour from nothing on 2 cores
	timeout 2400 cargo test --workspace $(FEATURES) --locked --no-run
	STRAIT_BIN="$$CARGO_TARGET_DIR/debug/strait" tests/run.sh

test-clients: ## Tiger Cloud's own command line and Terraform provider, unmodified, against Strait; needs `make test` before it
	STRAIT_BIN="$$CARGO_TARGET_DIR/debug/strait" tests/run.sh tiger terraform schemathesis timescaledb

test-long: test ## The same, 10 minutes of bad input for the parsers, 2,000 random networks, the story five times over, and the benches
	STRAIT_FUZZ_SECONDS=600 STRAIT_FUZZ_SEED=$$(date +%s) timeout 900 cargo test --locked -p strait-wire --lib fuzz -- --test-threads=4 --nocapture
	STRAIT_AGREE_NETWORKS=2000 STRAIT_AGREE_SEED=1 timeout 3600 cargo test --locked -p strait-kernel --test agreement -- --nocapture agrees
	for turn in 1 2 3 4 5; do STRAIT_BIN="$$CARGO_TARGET_DIR/debug/strait" tests/run.sh story crash; done
	STRAIT_LONG=1 STRAIT_BIN="$$CARGO_TARGET_DIR/debug/strait" tests/run.sh aws kills faults console
	STRAIT_SOAK_SECONDS=1800 STRAIT_BIN="$$CARGO_TARGET_DIR/debug/strait" tests/run.sh soak
	$(MAKE) bench

bench: setup build ## Prints how long things take, what the private path costs, and what a large network costs
	STRAIT_BIN="$$CARGO_TARGET_DIR/release/strait" benches/latency.sh
	STRAIT_BIN="$$CARGO_TARGET_DIR/release/strait" benches/pgbench.sh
	STRAIT_BIN="$$CARGO_TARGET_DIR/release/strait" benches/moto.sh
	STRAIT_BIN="$$CARGO_TARGET_DIR/release/strait" benches/scale.sh
	STRAIT_BIN="$$CARGO_TARGET_DIR/release/strait" benches/moves.sh
	timeout 1200 cargo bench --locked -p strait-plane --bench scale

fmt: ## Formats the code
	cargo fmt --all

lint: ## Format, lints and shell syntax, without changing anything
	cargo fmt --all --check
	timeout 1800 cargo clippy --workspace $(FEATURES) --all-targets --locked -- -D warnings
	timeout 600 cargo clippy -p strait --locked -- -D warnings
	# A build without the feature never sees the SDK; one with it does.
	cargo tree -p strait $(FEATURES) --edges normal,build --locked --prefix none | grep '^aws-sdk-ec2 '
	! cargo tree -p strait --edges normal,build --locked --prefix none | grep '^aws-'
	for script in .ci/run scripts/*.sh demo/*.sh demo/steps/*.sh tests/*.sh tests/clients/*.sh tests/tiger/*.sh tests/systemd/*.sh benches/*.sh; do bash -n "$$script"; done

setup: ## Installs what is missing on Debian 12+ or Ubuntu 24.04+, and fetches moto's tests and Chromium's driver if it can
	scripts/setup.sh --with-browser
	tests/clients/console.sh --prepare || [ $$? -eq 77 ]
	tests/clients/moto.sh --prepare || [ $$? -eq 77 ]

clean-up: ## Ends the demo's Strait; its data stays in $STRAIT_DEMO_DIR
	demo/down.sh
