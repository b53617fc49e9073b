# The front door: few verbs, each a thin layer over CMakePresets.json. CI calls the same ones (.ci/run).
#
#   make demo              ships a growing log to an embedded broker and checks every line
#   make test              everything, a real Kafka included
#   make quick [T=filter]  unit, simulation and end-to-end tests on the mock broker, in about a minute
#   make sanitize          units and end-to-end under address+undefined, units under thread; both in builds of clang
#   make build [P=preset]  release (default) | dev | asan | tsan | clang; the binary is build/release/tailrace
#   make fuzz [T=target] [SECONDS=600]   every parser of outside bytes, two at a time; findings in build/fuzz/findings
#   make sim [SEEDS=1000] [FIRST=1]      the whole agent in simulated worlds that try to break it (docs/testing.md)
#   make sim-trace         the same worlds take the same course in builds of GCC and of clang
#   make sim-mutants [M=name]            deliberate bugs, and how many worlds it takes to find each (docs/mutants.md)
#   make bench [B=name]    figures beside their limit; B=help lists them, throughput is the default
#   make fmt | lint        clang-format | clang-format, clang-tidy, tidy test, headers, shellcheck
#   make clean             removes build/
#
# Every verb first brings the Debian packages that it misses (packaging/install-deps.sh).

P ?= release
T ?= .
B ?= throughput
SECONDS ?= 600
SEEDS ?= 1000
FIRST ?= 1
JOBS ?= $(shell nproc)

MAKEFLAGS += --no-print-directory
DEPS := packaging/install-deps.sh
# The timeout is for tests that name none of their own: one that hangs fails, and says which it was.
CTEST_FLAGS := --output-on-failure --no-tests=error --timeout 300

# AddressSanitizer and ThreadSanitizer may fail to map their shadow on kernels with vm.mmap_rnd_bits > 28; without
# address randomisation they can. Where a container forbids personality(2), they run as they are.
NO_RANDOM := $(shell setarch -R true 2>/dev/null && echo setarch -R)
export ASAN_OPTIONS := detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1:abort_on_error=1
export UBSAN_OPTIONS := print_stacktrace=1:halt_on_error=1
export LSAN_OPTIONS := suppressions=$(CURDIR)/tests/tidy/lsan.supp:print_suppressions=0
export TSAN_OPTIONS := suppressions=$(CURDIR)/tests/tidy/tsan.supp:ignore_noninstrumented_modules=1:halt_on_error=1:second_deadlock_stack=1

.PHONY: help demo test quick sanitize sanitize-asan sanitize-tsan build bench fuzz fmt lint clean sim sim-trace sim-mutants package
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

build/%/build.ninja:
	cmake --preset $*

build:
	@$(DEPS) build
	@$(MAKE) build/$(P)/build.ninja
	$(if $(filter asan tsan,$(P)),$(NO_RANDOM)) cmake --build build/$(P) -j $(JOBS)

demo:
	@$(DEPS) build
	@$(MAKE) build/release/build.ninja
	cmake --build build/release -j $(JOBS) --target tailrace
	build/release/tailrace demo $(F)

test:
	@$(DEPS) build test
	@$(MAKE) build P=release
	ctest --test-dir build/release $(CTEST_FLAGS) -j $(JOBS)

quick:
	@$(DEPS) build
	@$(MAKE) build P=release
	ctest --test-dir build/release $(CTEST_FLAGS) -j $(JOBS) -L 'unit|sim|e2e' -LE 'kafka' -R '$(T)'

sanitize: sanitize-asan sanitize-tsan

# sim.trace in it compares the worlds' course with that of the release build, where there is one: clang's with GCC's.
sanitize-asan:
	@$(DEPS) build test fuzz
	@$(MAKE) build P=asan
	$(NO_RANDOM) ctest --test-dir build/asan $(CTEST_FLAGS) -j $(JOBS) -L 'unit|sim|e2e' -LE 'kafka'

sanitize-tsan:
	@$(DEPS) build test fuzz
	@$(MAKE) build/tsan/build.ninja
	$(NO_RANDOM) cmake --build build/tsan -j $(JOBS) --target unit_tests
	# librdkafka is not instrumented: what its threads do looks like races of ours, and those that it starts with
	# thrd_create(3) are none that clang knows: RdKafkaQuestion and RefusedConfigs' binaries crash. FallsSilent counts
	# turns, which instrumented threads outrun. The simulated worlds have no threads.
	$(NO_RANDOM) ctest --test-dir build/tsan $(CTEST_FLAGS) -j $(JOBS) -L 'unit|sim' -E 'OnMockBrokers|RdKafkaQuestion|CheckConnect|RefusedConfigs|FallsSilent|sim.world|sim.trace'

bench:
	@$(DEPS) build test
	@$(MAKE) build P=release
	python3 tests/bench/run.py $(if $(filter help,$(B)),--help,$(B)) $(BENCH_FLAGS)

fuzz:
	@$(DEPS) build fuzz
	@$(MAKE) build/fuzz/build.ninja
	cmake --build build/fuzz -j $(JOBS) --target fuzzers
	python3 tests/fuzz/run.py --build build/fuzz --seconds $(SECONDS) '$(T)'

fmt:
	@$(DEPS) build lint
	python3 tests/tidy/lint.py fmt

lint:
	@$(DEPS) build lint
	@$(MAKE) build/release/build.ninja
	python3 tests/tidy/lint.py --build build/release -j $(JOBS)

clean:
	rm -rf build

sim:
	@$(DEPS) build
	@$(MAKE) build/release/build.ninja
	cmake --build build/release -j $(JOBS) --target tailrace_world
	build/release/tests/sim/tailrace_world --seeds $(SEEDS) --first $(FIRST) --jobs $(JOBS) --table --failed build/failed_seeds

# The same seeds in a build of GCC and in one of clang.
sim-trace:
	@$(DEPS) build lint
	@$(MAKE) build/release/build.ninja build/clang/build.ninja
	cmake --build build/release -j $(JOBS) --target tailrace_world
	cmake --build build/clang -j $(JOBS) --target tailrace_world
	ctest --test-dir build/release $(CTEST_FLAGS) -R '^sim.trace$$'
	ctest --test-dir build/clang $(CTEST_FLAGS) -R '^sim.trace$$'

sim-mutants:
	@$(DEPS) build
	python3 tests/sim/mutants.py -j $(JOBS) --report docs/mutants.md $(M)

package:
	@echo "make $@: not in this version; it comes with a later one (CHANGELOG.md says when it is there)" >&2; exit 2
