# One verb per task. `make` without a verb lists them. Everything that a fresh Debian host with Node and npm lacks is
# installed on the way; nothing is installed or built twice.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := node_modules/.bin
CACHE := node_modules/.cache
FOLDERS := crds compiler controller dataplane cli settings
# Folders appear while the product grows; tools that refuse an absent one are given those that exist.
PRESENT := $(wildcard $(FOLDERS))
SECONDS := 600

.DEFAULT_GOAL := help
.PHONY: help install deps kubernetes build generate format lint types boundaries dead-code check test e2e e2e-node e2e-kind bench bench-limits bench-cluster fuzz image run demo clean dashboards-picture

help: ## List the verbs
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

install: deps node_modules/.package-lock.json ## Install what the lock file names, if it is not there yet

# npm writes its own copy of the lock file when it has finished; older than ours means that ours has changed since.
node_modules/.package-lock.json: package-lock.json
	@echo "install: npm ci"
	@npm ci --no-audit --no-fund
	@touch $@

deps: ## Install redis-server and prometheus (needed by tests only) where that is possible
	@scripts/system-packages.sh

kubernetes: ## Build the Kubernetes programs that tests run, ahead of the first test (minutes, once; needs Go)
	@scripts/control-plane.sh

build: install ## Compile to dist/ (only what changed)
	@scripts/build.sh

generate: build ## Write the files that are generated from the schemas and tables
	@if [ -f dist/crds/generate.js ]; then echo "generate: CRDs"; node dist/crds/generate.js; fi
	@echo "generate: docs/settings.md"
	@node scripts/generate-settings.mjs
	@echo "generate: controller/rbac.yaml"
	@node scripts/generate-rbac.mjs
	@echo "generate: docs/compatibility.md"
	@node scripts/generate-compatibility.mjs
	@echo "generate: charts/ai-rate-limit"
	@node scripts/generate-chart.mjs
	@echo "generate: dashboards"
	@node scripts/generate-dashboards.mjs
	@echo "generate: dataplane/contract/time-zone-table.ts"
	@node scripts/generate-time-zones.mjs

format: install ## Format the sources and sort their imports
	@echo "format: biome"
	@$(BIN)/biome check --write --log-level=warn --colors=off .

lint: install
	@echo "lint: eslint"
	@$(BIN)/eslint --max-warnings 0 .

types: install
	@echo "types: tsc"
	@$(BIN)/tsc -p .

boundaries: install
	@echo "boundaries: dependency-cruiser"
	@$(BIN)/depcruise --config .dependency-cruiser.mjs --output-type err-long $(PRESENT) test vitest.config.ts

dead-code: install
	@echo "dead code: knip"
	@$(BIN)/knip --no-progress
	@$(BIN)/knip --no-progress --production --strict

check: install ## Generate, format, lint, types, boundaries, dead code; fails if that changed a file
	@scripts/check.sh

test: build ## Run all tests; the last line is "N passed, N failed" (ARGS="test/reporter" for some)
	@scripts/test.sh --project '!cluster' $(ARGS)

e2e: build ## Install the chart on the cluster of KUBECONFIG and test it there (AIRL_E2E_VALUES="FILE..." for helm)
	@scripts/e2e.sh $(ARGS)

e2e-node: build ## The same on a real node that is made here for it; root and Debian, no container engine
	@scripts/e2e-node.sh $(ARGS)

e2e-kind: ## The same on a kind cluster that is made for it; needs Docker and kind
	@scripts/e2e-kind.sh $(ARGS)

bench: build ## Measure against a bare pass-through and nginx (needs redis-server, nginx, wrk; ARGS="--only json --write")
	@node test/bench/main.mjs $(ARGS)

bench-limits: build ## Measure what a request costs with 1, 4 and 16 limits (needs what bench needs; ARGS="--rounds 9 --write")
	@node test/bench/limits.mjs $(ARGS)

bench-cluster: build ## Measure from kubectl apply to enforced, 10 and 100,000 consumers (half an hour; ARGS="--consumers 5000")
	@scripts/bench-cluster.sh $(ARGS)

dashboards-picture: build ## Draw docs/images/overview.png from real data (minutes; needs rsvg-convert; SECONDS=180)
	@scripts/dashboards-picture.sh $(if $(filter command line,$(origin SECONDS)),$(SECONDS),180)

fuzz: install ## Fuzz every parser (SECONDS=600 for all together; ARGS="--target json-scanner --seed 7")
	@scripts/fuzz.sh --seconds $(SECONDS) $(ARGS)

image: ## Build the image (needs Docker with buildx; ARGS="--platform linux/amd64,linux/arm64 --push --tag NAME")
	@docker buildx build --build-arg VERSION="$$(node -p 'require("./package.json").version')" \
	  --build-arg REVISION="$$(git rev-parse HEAD)" --build-arg CREATED="$$(git show -s --format=%cI HEAD)" \
	  $(or $(ARGS),--load --tag ai-rate-limit:$$(node -p 'require("./package.json").version')) .

run: build ## Start a fake provider and the gateway on examples/quickstart
	@node dist/cli/main.js demo -f examples/quickstart

demo: build ## Start the fake provider alone
	@node dist/cli/main.js demo

clean: ## Remove what build and test made
	@rm -rf dist coverage $(CACHE)
