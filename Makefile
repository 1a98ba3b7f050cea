# Everything a contributor runs. `make help` lists it.
.PHONY: help demo page build test test-rust test-page lint bench artillery fuzz clean
.DEFAULT_GOAL := help

CARGO ?= cargo
PAGE_SOURCES := $(shell find dashboard/src dashboard/index.html dashboard/package.json dashboard/vite.config.ts 2>/dev/null)

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | while IFS="$$(printf '\t')" read -r name text; do printf '  %-10s %s\n' "$$name" "$$text"; done

demo: build ## Build it and show the main job: traffic, attacks, a live page
	target/release/vigil demo

build: page ## Build the release binary: target/release/vigil
	$(CARGO) build --release --package vigil

page: dashboard/dist/index.html ## Build the page that the binary embeds

dashboard/node_modules: dashboard/package.json dashboard/package-lock.json
	@scripts/need node npm
	cd dashboard && npm ci --no-audit --no-fund
	@touch $@

dashboard/dist/index.html: dashboard/node_modules $(PAGE_SOURCES)
	cd dashboard && npm run build

test: test-rust test-page ## Run every test: units, real servers, a real browser

NODE_CLIENTS := crates/vigil/tests/node

$(NODE_CLIENTS)/node_modules: $(NODE_CLIENTS)/package.json $(NODE_CLIENTS)/package-lock.json
	@scripts/need node npm
	cd $(NODE_CLIENTS) && npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

test-rust: page $(NODE_CLIENTS)/node_modules
	@scripts/need nginx promtool openssl python3-websockets libmodsecurity-dev modsecurity-crs
	$(CARGO) test --workspace --no-fail-fast

test-page: page
	@scripts/need chromium
	cd dashboard && npm test
	$(CARGO) build --package vigil
	cd dashboard && VIGIL_BIN=$(CURDIR)/target/debug/vigil npm run e2e

lint: page ## Check format, lints, licences, the tree's rules and the page
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@scripts/need cargo-deny
	$(CARGO) deny check --hide-inclusion-graph licenses bans sources
	$(CARGO) run --quiet --package xtask -- tidy
	cd dashboard && npm run lint

bench: page ## Measure speed against a ceiling of the same run
	$(CARGO) build --release --package vigil --package vigil-bench
	target/release/vigil-bench --vigil target/release/vigil
	target/release/vigil bench

# What `make test` runs as it is, here as a load and by the newest Artillery, whose tree has 590 MB.
artillery: ## Load a running server by Artillery: VIGIL_URL=ws://…/ws VIGIL_TOKEN=…
	@scripts/need node npm
	cd bench/artillery && npm install --omit=optional --no-audit --no-fund --no-package-lock --ignore-scripts
	cd bench/artillery && ARTILLERY_DISABLE_TELEMETRY=1 npx artillery run --environment load sockets.yml

fuzz: ## Fuzz each parser for a minute (needs cargo-fuzz)
	@scripts/need cargo-fuzz
	fuzz/run 60

clean: ## Remove what was built
	$(CARGO) clean
	rm -rf dashboard/dist dashboard/node_modules artifacts
