# Thin front to CMake and CTest: the commands that people type. `make demo` and `make test` do all set-up.
BUILD  := build
PREFIX ?= /usr/local

PROVE  ?= all

.PHONY: all setup setup-test build demo test sanitize fuzz prove bench install clean
all: build

setup:
	@bash tools/setup.sh

setup-test:
	@bash tools/setup.sh test

build: setup
	@cmake --preset release >/dev/null
	@cmake --build $(BUILD)

demo: build
	@$(BUILD)/eadem train examples/lenet5-mnist.yaml

test: setup-test build
	@ctest --test-dir $(BUILD) --output-on-failure -j2

# Ten minutes a target: make fuzz; shorter: make fuzz FUZZ_SECONDS=30
FUZZ_SECONDS ?= 600
fuzz: setup-test
	@bash tests/fuzz/run.sh seconds $(FUZZ_SECONDS)

# Every float of every elementary function against MPFR: minutes a function. `make prove PROVE=exp` for one.
prove: build
	@bash tools/setup.sh prove
	@cmake --preset release >/dev/null
	@cmake --build $(BUILD) --target eadem-exhaustive
	@$(BUILD)/eadem-exhaustive $(PROVE)

# The C tests under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer.
sanitize: setup-test
	@bash tools/sanitize.sh

bench: build
	@bash tools/setup.sh bench
	@bash bench/run.sh

install: build
	@cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	@rm -rf build build-*
