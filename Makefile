# Two commands do all the set-up: make demo, make test.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CLUSTER := go run -C e2e/cluster .
OWN_KUBECONFIG := $(CURDIR)/.cluster/kubeconfig
KUBECONFIG ?= $(OWN_KUBECONFIG)
# Packages of the program itself; the cluster and its tools are modules of
# their own.
PACKAGES := ./...
MODULES := e2e/cluster e2e/tools/csi e2e/tools/longhorn e2e/tools/treetool e2e/tools/pause e2e/tools/coredns

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The console: app/ is built by npm, and what comes out is packed for Go to embed.
# Go builds without it, too. npm keeps what it fetches in the user's cache folder.
CONSOLE := internal/console/app
CONSOLE_BUILT := internal/console/dist/index.html
CONSOLE_SOURCES = $(shell find $(CONSOLE) \( -name node_modules -o -name dist \) -prune -o -type f -print)

.PHONY: build
build: $(CONSOLE_BUILT) ## Build bin/soteria, with its console
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/soteria ./cmd/soteria

%/node_modules/.package-lock.json: %/package-lock.json
	npm ci --prefix $* --no-audit --no-fund
	touch $@

$(CONSOLE_BUILT): internal/console/pack.mjs $(CONSOLE)/node_modules/.package-lock.json $(CONSOLE_SOURCES)
	npm run --prefix $(CONSOLE) build
	node internal/console/pack.mjs

.PHONY: console-build
console-build: $(CONSOLE_BUILT) ## Build the console alone, for Go to embed

.PHONY: console
console: $(CONSOLE_BUILT) ## Check the console: types, lint, unit tests, size
	npm run --prefix $(CONSOLE) types
	git diff --exit-code -- $(CONSOLE)/src/api
	npm run --prefix $(CONSOLE) lint
	npm run --prefix $(CONSOLE) test
	node $(CONSOLE)/dev/budget.mjs

.PHONY: generate
generate: ## Regenerate deep copies and the CRD from the Go types
	"$$(go -C e2e/tools/controller-gen tool -n controller-gen)" object crd:crdVersions=v1 paths=./internal/apis/... output:crd:dir=deploy/crd

.PHONY: verify
verify: generate ## Check that generated files and formatting are what the sources make
	@# Only files of Git's: npm's packages have Go files that are none of ours.
	unformatted="$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l)"; test -z "$$unformatted" || { echo "$$unformatted"; exit 1; }
	git diff --exit-code -- deploy/crd internal/apis

.PHONY: lint
lint: ## Run the linters
	"$$($(CLUSTER) tool golangci-lint)" run $(PACKAGES)

# Tests that the race detector's run leaves out, by their build tag.
WITHOUT_RACES = $(shell grep -rl --include '*_test.go' --exclude-dir node_modules '^//go:build !race$$' cmd internal webhook)

.PHONY: unit
unit: ## Unit, conformance and integration tests, with the race detector
	@# Building these takes longer than a test may.
	$(CLUSTER) tool kubectl-kyverno >/dev/null
	$(CLUSTER) tool kubectl >/dev/null
	go vet $(PACKAGES)
	@# Many of the tests wait more than they work. What waits longest begins first.
	go test -race -p 3 -timeout 30m ./internal/mover $(PACKAGES)
	@# These try out so much in one goroutine that watching them for races took minutes.
	go test -timeout 30m -run "^($$(grep -oh '^func Test[A-Za-z0-9]*' $(WITHOUT_RACES) | cut -d ' ' -f 2 | paste -sd '|'))$$" $(sort $(dir $(WITHOUT_RACES:%=./%)))
	$(MAKE) -j 2 --output-sync=target $(MODULES:%=unit/%)

.PHONY: $(MODULES:%=unit/%)
$(MODULES:%=unit/%): unit/%:
	cd $* && CGO_ENABLED=0 go vet ./... && CGO_ENABLED=0 go test ./...

FUZZ_COUNT ?= 2000
FUZZED = $(shell grep -rl '^func Fuzz' --include '*_test.go' --exclude-dir node_modules cmd internal webhook | xargs -n 1 dirname | sort -u)
.PHONY: fuzz
fuzz: $(FUZZED:%=fuzz/%) ## Fuzz everything that parses, FUZZ_COUNT inputs each

# A package is built once for all of its targets. What they find is kept where go test
# keeps it.
.PHONY: $(FUZZED:%=fuzz/%)
$(FUZZED:%=fuzz/%): fuzz/%:
	@built="$$(mktemp -d)"; trap 'rm -r "$$built"' EXIT; \
	go test -c -fuzz . -o "$$built/fuzz" ./$*; \
	kept="$$(go env GOCACHE)/fuzz/$$(go list ./$*)"; cd $*; \
	for target in $$(grep -oh '^func Fuzz[A-Za-z0-9]*' *_test.go | cut -d ' ' -f 2); do \
		echo "$* $$target"; \
		"$$built/fuzz" -test.timeout 10m -test.run '^$$' -test.fuzz "^$$target\$$" -test.fuzztime $(FUZZ_COUNT)x -test.fuzzcachedir "$$kept"; \
	done

.PHONY: bench
bench: ## Benchmarks: print figures and what they are to be, assert nothing
	@# Packages at once would measure each other.
	go test -run '^$$' -bench . -benchmem -p 1 -timeout 60m $(PACKAGES) | go run ./e2e/bench/rows

.PHONY: bench-cluster
bench-cluster: cluster-up ## The same for what needs the demo's cluster, beside raw restic: about an hour
	KUBECONFIG=$(OWN_KUBECONFIG) go run ./e2e/bench

.PHONY: cluster-up
cluster-up: ## Start the real Kubernetes for tests and demo
	$(CLUSTER) up

.PHONY: cluster-down
cluster-down: ## Stop it and remove all it made
	$(CLUSTER) down

BROWSER := e2e/console
.PHONY: console-browser
console-browser: $(BROWSER)/node_modules/.package-lock.json ## Install what tests the console in a browser
	npm run --silent --prefix $(BROWSER) check
	$(BROWSER)/chromium.sh

.PHONY: console-bench
console-bench: console-build console-browser ## Measure the console with thousands of claims: print figures, assert nothing
	npm run --silent --prefix $(BROWSER) bench

.PHONY: console-rehearsal
console-rehearsal: console-build console-browser ## Run the console's browser tests against a made-up Soteria, without a cluster
	npm run --silent --prefix $(BROWSER) rehearse

.PHONY: screenshots
screenshots: console-browser ## Take the README's pictures, of the demo's cluster (make demo)
	KUBECONFIG=$(OWN_KUBECONFIG) go run ./e2e/console/screenshots

.PHONY: e2e
e2e: console-browser ## Scenarios on the real cluster; KUBECONFIG=... uses another one
	KUBECONFIG=$(KUBECONFIG) go test -tags e2e -count 1 -timeout 100m -v ./e2e/scenarios/...

.PHONY: demo
demo: ## Boot, install, lose everything and get it back, step by step
	KUBECONFIG=$(OWN_KUBECONFIG) go run ./e2e/demo

.PHONY: demo-down
demo-down: cluster-down ## Remove what the demo left running

.PHONY: test
test: verify unit ## Everything: the one command that must pass
	@# Two of these at a time: most of them use one core, or wait for the cluster to start.
	@# What is built of the console is a part of what Go compiles.
	$(MAKE) console-build
	$(MAKE) -j 2 --output-sync=target console fuzz lint cluster-up
	@# Never another cluster, whatever KUBECONFIG the user's shell has.
	$(MAKE) e2e KUBECONFIG=$(OWN_KUBECONFIG)
