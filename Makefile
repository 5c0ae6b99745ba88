# What one does with this repository; `make` alone lists it.

CARGO ?= cargo
# In CI nothing is skipped, and Cargo.lock is what is committed.
LOCKED := $(if $(CI),--locked)

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Three services, a front door over them, and a page that shows the difference
	$(CARGO) run $(LOCKED) --release -- demo

.PHONY: test
test: browser ## Every test: unit, property, golden, sockets, binary, browser, documentation
	$(CARGO) test $(LOCKED) --workspace --no-fail-fast

# Without a browser its tests are skipped, but not in CI.
.PHONY: browser
browser:
	@test -n "$$CHROMIUM" || scripts/need chromium chromium chromium-browser google-chrome \
		|| { test -z "$(CI)" && echo "make: the browser tests will be skipped"; }

.PHONY: lint
lint: ## Formatting, clippy, and what may be linked (licences, bans, sources)
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings
	@command -v cargo-deny >/dev/null || { echo "make: cargo-deny is missing: cargo install --locked cargo-deny" >&2; exit 1; }
	$(CARGO) deny check --hide-inclusion-graph --allow unused-wrapper bans licenses sources

.PHONY: bench
bench: ## Criterion's benchmarks, then CPU per request and memory next to nginx as a proxy
	@scripts/need nginx nginx
	@scripts/need wrk wrk
	$(CARGO) bench $(LOCKED) --workspace --bench '*'
	$(CARGO) build $(LOCKED) --release --workspace --bins
	$(CARGO) run $(LOCKED) --release -p portico-tests --bin bench

.PHONY: clean
clean: ## Remove everything that was built
	$(CARGO) clean
