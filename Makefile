# make run    builds Spate and starts it with config.toml: http://127.0.0.1:8080
# make test   the whole suite; installs missing test tools when it may
# make demo   a simulated provider with floods on loopback; no hardware is needed
# make bench | bench-store | bench-detect | bench-origin | test-long | fuzz | lint | race | build | release | victoria-metrics | clean

GO       ?= go
BENCH    ?= .
FUZZTIME ?= 10s
VERSION  ?=

export PATH := $(PATH):/usr/sbin:/sbin

ldflags  = -s -w$(if $(VERSION), -X main.version=$(VERSION))
# Go asks git for the revision, which git refuses in another user's clone.
vcs      = $(shell git rev-parse HEAD >/dev/null 2>&1 && echo auto || echo false)
have_cc  = $(shell command -v "$$($(GO) env CC | cut -d' ' -f1)" >/dev/null 2>&1 && echo yes)
race     = $(if $(have_cc),-race)
go_files = find . -name '*.go' -not -path '*/node_modules/*' -print0
bundle   = web/assets/bundle
vm       = github.com/VictoriaMetrics/VictoriaMetrics

.PHONY: run demo build bundle test race bench bench-store bench-detect bench-origin test-long fuzz lint tools victoria-metrics release nfpm clean

run: build
	@exec bin/spate serve -config config.toml

demo: build
	@exec bin/spate demo

build: bundle
	@CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=$(vcs) -ldflags '$(ldflags)' -o bin/spate ./cmd/spate

# The charts that zoom. Spate works without them: pages show the server's pictures.
bundle: $(bundle)/chart.js

$(bundle)/chart.js: $(wildcard web/js/*.js web/package.json web/package-lock.json)
	@if [ ! -f web/package.json ]; then echo 'zoom is off: no web/package.json'; \
	elif ! command -v npm >/dev/null 2>&1; then echo 'zoom is off: npm not found'; \
	elif npm ci --prefix web --ignore-scripts --no-audit --no-fund --silent \
	        --fetch-retries 1 --fetch-timeout 20000 </dev/null \
	  && $(GO) tool esbuild web/js/chart.js --bundle --minify --format=esm --log-level=warning --outfile=$(bundle)/chart.js \
	  && $(GO) tool esbuild web/node_modules/uplot/dist/uPlot.min.css --minify --log-level=warning --outfile=$(bundle)/chart.css; \
	then :; else rm -rf $(bundle); echo 'zoom is off: npm ci or esbuild failed'; fi

test: tools victoria-metrics bundle lint
	@[ -n '$(race)' ] || echo 'no C compiler: the race detector is off'
	@$(if $(race),CGO_ENABLED=1) $(GO) test $(race) -vet=off -timeout 20m ./...
	@[ -z '$(race)' ] || $(GO) test -vet=off -timeout 10m -run 'TestOrigins|TestOnRecordedTraffic|TestHostedMachines' ./lab ./detect

race:
	@CGO_ENABLED=1 $(GO) test -race -vet=off -timeout 20m ./...

bench:
	@$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 60m ./...

# The store beside rrdtool, and 10,000 ports for two hours at sixty times the clock.
bench-store:
	@SPATE_LONG=1 GOGC=50 $(GO) test -run '^$$' -bench 'Rrdtool|TwoHours|Top$$|Ingest$$|PortMemory' -benchtime 1x -timeout 30m ./storage

# The detector beside its rivals on recorded traffic, which SPATE_TRAFFIC names.
bench-detect:
	@[ -n "$$SPATE_TRAFFIC" ] || echo 'SPATE_TRAFFIC names no folder of recorded traffic: there is nothing to look at'
	@$(GO) test -run '^$$' -bench 'Detectors|Update' -benchtime 1x ./detect

# 400 floods of each kind in a simulated network, by the share of silent links.
bench-origin:
	@SPATE_TRIALS=$${SPATE_TRIALS:-400} $(GO) test -v -timeout 60m -run 'TestOrigins' ./lab

# What takes minutes: a store killed a hundred times, one on a full disk (as root),
# the links of five hundred simulated switches, a notifier killed a hundred
# times, a thousand machines that push, a storm over thirty switches that is told to
# five targets, a wall that runs for a day, ten thousand who watch it, and crowds who want
# nothing good: idle, slow and guessing ones.
test-long:
	@SPATE_LONG=1 SPATE_KILLS=100 $(GO) test -v -timeout 30m -run 'KilledAtAnyMoment|FillsItsDisk' ./storage
	@SPATE_LARGE=1 $(GO) test -v -timeout 30m -run 'SimulatedTrees' ./lab
	@SPATE_KILLS=100 $(GO) test -v -timeout 10m -run 'KilledBetween' ./cmd/spate
	@SPATE_LONG=1 $(GO) test -v -timeout 40m -run 'WhatPushesCost|WhatAnAgentTakes|StormIsOneThread|UserBehindAFlood|WallSaysWhoFloods' ./cmd/spate
	@SPATE_LONG=1 $(GO) test -v -timeout 20m -run 'RunsForADay|TenThousandViewers' ./web
	@SPATE_LONG=1 $(GO) test -v -timeout 15m -run 'IdleConnections|SlowCallers|SlowReaders|TableOfGuessers|GuessesAMinute' ./web

# Every Fuzz function in turn, FUZZTIME each.
fuzz:
	@grep -rnoE --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]*' . | sort | \
	while IFS=: read -r file _ func; do \
	    name=$${func#func }; dir=$$(dirname "$$file"); echo "$$dir $$name"; \
	    out=$$($(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime '$(FUZZTIME)' "$$dir" 2>&1 </dev/null) || { echo "$$out"; exit 1; }; \
	done

lint:
	@out=$$($(go_files) | xargs -0 "$$($(GO) env GOROOT)/bin/gofmt" -l); [ -z "$$out" ] || { echo "not gofmt'ed:"; echo "$$out"; exit 1; }
	@$(if $(race),CGO_ENABLED=1) $(GO) vet $(race) ./... # as the tests are built: nothing is compiled twice

tools:
	@sh .ci/tools

# The server that tests of the store in VictoriaMetrics start: the release whose
# engine is linked in. Without it they are skipped.
victoria-metrics: bin/victoria-metrics

bin/victoria-metrics: go.mod
	@version=$$($(GO) list -m -f '{{.Version}}' $(vm)) && echo "building VictoriaMetrics $$version" \
	  && CGO_ENABLED=0 GOBIN='$(CURDIR)/bin' $(GO) install -ldflags '-s -w' $(vm)/app/victoria-metrics@$$version && touch $@ \
	  || echo 'VictoriaMetrics cannot be built: tests that need it are skipped'

# Packages in dist/: the same commit gives the same octets. Without the chart bundle
# it refuses.
release: bundle nfpm
	@[ -n '$(VERSION)' ] || { echo 'make release VERSION=1.2.3'; exit 1; }
	@[ -s $(bundle)/chart.js ] || { echo 'no chart bundle: npm is needed for a release'; exit 1; }
	@rm -rf dist && mkdir -p dist/root
	@export SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct); \
	for arch in amd64 arm64; do \
	    CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GO) build -trimpath -buildvcs=$(vcs) -ldflags '$(ldflags)' -o dist/root/spate ./cmd/spate || exit 1; \
	    [ $$arch != amd64 ] || { $(GO) run ./packaging/licences "$$($(GO) env GOMODCACHE)" dist/root/spate web/node_modules/uplot/LICENSE >dist/root/THIRD-PARTY.txt || exit 1; \
	        $(GO) run ./cmd/spate completion bash >dist/root/spate.bash || exit 1; \
	        $(GO) run -ldflags '$(ldflags)' ./cmd/spate man dist/root/man && gzip -9n dist/root/man/*.1 || exit 1; }; \
	    sed 's|^path = "data" |path = "/var/lib/spate" |' config.toml >dist/root/config.toml; \
	    for kind in deb rpm; do ARCH=$$arch VERSION='$(VERSION)' bin/nfpm package -f packaging/nfpm.yaml -p $$kind -t dist/ >/dev/null || exit 1; done; \
	    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$$SOURCE_DATE_EPOCH -C dist/root -cf - spate config.toml THIRD-PARTY.txt | gzip -n >dist/spate_$(VERSION)_linux_$$arch.tar.gz; \
	    box=dist/container/$$arch; mkdir -p $$box/var/lib/spate && cp dist/root/spate dist/root/config.toml dist/root/THIRD-PARTY.txt $$box \
	      && tar --no-recursion --mode=0750 --owner=65532 --group=65532 --numeric-owner --mtime=@$$SOURCE_DATE_EPOCH -C $$box -cf $$box/state.tar var/lib/spate && rm -r $$box/var || exit 1; \
	done
	@cd dist && sha256sum *.deb *.rpm *.tar.gz >SHA256SUMS && cat SHA256SUMS

nfpm: bin/nfpm

# The newest release that builds with this toolchain.
bin/nfpm:
	@GOBIN='$(CURDIR)/bin' $(GO) install github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.0

clean:
	@rm -rf dist bin $(bundle) web/node_modules
