# "make help" lists the targets.

GO       ?= go
FUZZTIME ?= 20s

# The race detector needs cgo, and therefore a C compiler.
RACE := $(if $(shell command -v $$($(GO) env CC) 2>/dev/null),-race)

TOOLS := $(CURDIR)/.bin
SAMPLE := leioci/testdata/lei-0.9.1

# Code with more dependencies than the library is in separate modules, which ./... at the root does
# not include.
MODULES := . examples/watch
# Those that bring hundreds of packages, and have targets of their own. Nothing in them depends on the
# processor, so they are vetted for one.
LARGE := leioci/sigstore examples/keyless

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-17s %s\n", $$1, $$2}'

.PHONY: demo
demo: ## push a sample snapshot to an in-memory registry, pull it back, verify it, and print a summary
	@$(GO) run ./examples/quickstart $(SAMPLE)

.PHONY: test
test: ## run all tests
	@set -e; for module in $(MODULES); do (set -x; cd $$module; $(GO) test -shuffle=on -timeout 20m ./...); done

.PHONY: race
race: ## run all tests with the race detector, which takes a C compiler and twice the time
	@set -e; for module in $(MODULES); do \
		(set -x; cd $$module; CGO_ENABLED=1 $(GO) test -race -shuffle=on -timeout 20m ./...); \
	done

.PHONY: keyless
keyless: ## run the tests of keyless verification, which take minutes to compile the first time
	@set -e; for module in $(LARGE); do (set -x; cd $$module; $(GO) test -shuffle=on -timeout 20m ./...); done

# What a program that embeds the library may be built with: at the one end exactly the Go version
# that go.mod names, at the other a go-containerregistry that is newer than the one in go.mod.
oldest = $(shell sed -n 's/^go //p' $(1)/go.mod)
GGCR   := github.com/google/go-containerregistry

.PHONY: oldest
oldest: ## build and vet the libraries and the command with exactly the Go version that go.mod names
	GOTOOLCHAIN=go$(call oldest,.) $(GO) vet ./leioci/...
	GOTOOLCHAIN=go$(call oldest,.) $(GO) build -o /dev/null ./leioci/cmd/leioci
	cd leioci/sigstore && GOTOOLCHAIN=go$(call oldest,leioci/sigstore) $(GO) vet ./...

.PHONY: newest
newest: ## run the library's tests with the newest release of go-containerregistry
	@mkdir -p $(TOOLS) && cp go.mod $(TOOLS)/newest.mod && cp go.sum $(TOOLS)/newest.sum
	@$(GO) get -modfile=$(TOOLS)/newest.mod $(GGCR)@latest
	@if cmp -s go.mod $(TOOLS)/newest.mod; then echo "go.mod has the newest release of $(GGCR): make test is the run with it"; else \
		set -x; $(GO) test -modfile=$(TOOLS)/newest.mod -skip 'Crash|Memory|Kills' ./leioci/...; fi

.PHONY: faults
faults: ## print the outcome of every network and registry fault at every step of a push and a pull
	@echo 'ok+N: succeeds with N more requests than without the fault. KIND@N: fails with KIND after N faults.'
	@$(GO) test -count=1 -v -run '^TestEveryFaultAtEveryStep$$' ./leioci | sed -nE 's/^ {8}//p; /^(FAIL|ok)/p' | cut -c-160

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## run the linters, check go.mod, and vet for every platform
	@set -e; for module in $(MODULES) $(LARGE); do \
		echo "lint $$module"; (cd $$module; $(TOOLS)/golangci-lint run ./...; $(GO) mod tidy -diff); \
		case " $(LARGE) " in *" $$module "*) arches=amd64 ;; *) arches="amd64 arm64" ;; esac; \
		for os in linux darwin windows; do for arch in $$arches; do \
			echo "vet $$module $$os/$$arch"; (cd $$module; GOOS=$$os GOARCH=$$arch CGO_ENABLED=0 $(GO) vet ./...); \
		done; done; \
	done

.PHONY: cross
cross: ## compile and link the tests for macOS and Windows, where they cannot be run here
	@set -e; for platform in darwin/arm64 windows/amd64; do \
		echo "test -c $$platform"; GOOS=$${platform%/*} GOARCH=$${platform#*/} CGO_ENABLED=0 $(GO) test -c -o /dev/null ./...; \
	done

.PHONY: fmt
fmt: $(TOOLS)/gofumpt ## format the code
	$(TOOLS)/gofumpt -w .

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (default 20s) each
	@set -e; for dir in leioci leioci/sigstore; do cd $(CURDIR)/$$dir; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$pkg; \
		done; \
	done; done

.PHONY: microbench
microbench: ## run the Go benchmarks of the packages
	$(GO) test -run '^$$' -bench . -benchmem ./leioci/...

# BENCH takes flags, such as BENCH="-run '^pull'". See hack/bench/README.md.
.PHONY: bench bench-full
bench: bench-tools ## compare the command and the library with other clients, and with the targets, in five minutes
	cd hack/bench && $(GO) run . $(BENCH)

bench-full: bench-tools ## the same with all sizes and more rounds
	cd hack/bench && $(GO) run . -full $(BENCH)

.PHONY: bench-tools
bench-tools: $(TOOLS)/registry $(TOOLS)/crane

.PHONY: lint-bench
lint-bench: $(TOOLS)/golangci-lint ## lint the comparison, and test its parts
	cd hack/bench && $(GO) vet ./... && $(TOOLS)/golangci-lint run ./... && $(GO) mod tidy -diff && $(GO) test ./...

.PHONY: examples
examples: ## run the documentation examples, and build the example programs
	$(GO) test -run '^Example' ./leioci/...
	cd leioci/sigstore && $(GO) test -run '^Example' ./...
	$(GO) build -o /dev/null ./examples/...
	cd examples/watch && $(GO) build -o /dev/null .
	cd examples/keyless && $(GO) build -o /dev/null .

# Results of the integration tests: the matrix of servers and clients, and the counts of the
# concurrency test.
REPORT := $(TOOLS)/integration.md

.PHONY: man
man: ## write the manual pages of the command into .bin/man
	$(GO) vet -tags man ./leioci/cmd/leioci
	$(GO) test -tags man -run '^TestEveryCommandHasAManualPage$$' ./leioci/cmd/leioci
	$(GO) run -tags man ./leioci/cmd/leioci man $(TOOLS)/man

.PHONY: integration
integration: $(TOOLS)/registry $(TOOLS)/crane $(TOOLS)/cosign ## test against real registries and third-party clients (run hack/registry.sh install first)
	@rm -f $(REPORT)
	@status=0; (cd integration && LEIOCI_TEST_REPORT=$(REPORT) $(if $(RACE),CGO_ENABLED=1) $(GO) test $(RACE) -count=1 -timeout 15m ./...) \
		|| status=$$?; [ ! -f $(REPORT) ] || cat $(REPORT); hack/registry.sh versions; exit $$status

.PHONY: lint-integration
lint-integration: $(TOOLS)/golangci-lint ## lint the integration tests
	cd integration && $(GO) vet ./... && $(TOOLS)/golangci-lint run ./... && $(GO) mod tidy -diff

.PHONY: lint-repository
lint-repository: $(TOOLS)/golangci-lint ## lint the workflows and scripts, and test the action and the files of the examples
	cd hack/repository && $(GO) vet ./... && $(TOOLS)/golangci-lint run ./... && $(GO) mod tidy -diff && $(GO) test -count=1 ./...

.PHONY: release
release: ## make the archives, SBOMs and the image of a release of the checked-out commit, in dist
	hack/release.sh

.PHONY: release-check
release-check: $(TOOLS)/golangci-lint gorelease ## make a release for one platform twice, compare the two, and look at what is in them
	cd hack/release && $(GO) vet ./... && $(TOOLS)/golangci-lint run ./... && $(GO) mod tidy -diff && $(GO) test -count=1 ./...

# The tag before this commit, and the one of this commit if it has one.
.PHONY: gorelease
gorelease: $(TOOLS)/gorelease ## compare the library's API with that of the last tag
	@if base=$$(git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD^ 2>/dev/null); then \
		version=$$(git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null || true); \
		set -x; $(TOOLS)/gorelease -base="$$base" $${version:+-version="$$version"}; \
	else echo 'gorelease: there is no earlier tag, and so no API to compare with'; fi

.PHONY: vulnerabilities
vulnerabilities: $(TOOLS)/govulncheck ## look for known vulnerabilities in what the code calls (needs vuln.go.dev)
	@set -e; for module in $(MODULES); do (set -x; cd $$module; $(TOOLS)/govulncheck ./...); done

.PHONY: ci
ci: lint lint-repository oldest examples man demo test keyless race ## run everything that must pass before a change is merged

# The tools are pinned in hack/tools, the registries to test against in hack/servers, and the other
# clients in hack/clients and hack/cosign. All are built into .bin.
CHECKERS := $(addprefix $(TOOLS)/,golangci-lint gofumpt gorelease govulncheck)
$(CHECKERS) &: hack/tools/go.mod hack/tools/go.sum
	cd hack/tools && GOBIN=$(TOOLS) $(GO) install tool
	@touch $(CHECKERS)

$(TOOLS)/registry $(TOOLS)/olareg &: hack/servers/go.mod hack/servers/go.sum
	cd hack/servers && GOBIN=$(TOOLS) $(GO) install tool
	@touch $(TOOLS)/registry $(TOOLS)/olareg

$(TOOLS)/crane $(TOOLS)/oras $(TOOLS)/regctl &: hack/clients/go.mod hack/clients/go.sum
	cd hack/clients && GOBIN=$(TOOLS) $(GO) install tool
	@touch $(TOOLS)/crane $(TOOLS)/oras $(TOOLS)/regctl

# It takes five minutes of CPU time, once.
$(TOOLS)/cosign: hack/cosign/go.mod hack/cosign/go.sum
	cd hack/cosign && GOBIN=$(TOOLS) $(GO) install tool
	@touch $(TOOLS)/cosign
