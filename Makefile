# SPDX-License-Identifier: Apache-2.0
# What people call. The building itself is meson's and ninja's; everything here installs what is missing first.
SHELL := /bin/bash
BUILD ?= build
DIR ?= ./demo
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 20
MINUTES ?= 10

.PHONY: all setup build demo demo-stop test ci install uninstall bench tidy soak fuzz clean help

all: build

help:
	@echo 'make demo [DIR=./demo] [SRC=/usr/include/linux]   a store, a pool, a container, a mount, real files, a crash'
	@echo 'make demo-stop [DIR=./demo]                       stops and unmounts it; the data stays'
	@echo 'make test                                         unit, simulator and end-to-end tests'
	@echo 'make install PREFIX=/usr/local, make uninstall    programs, libraries, headers'
	@echo 'make bench, make tidy, make soak, make fuzz       figures; style and structure; long runs; fuzzing'
	@echo '  soak: MINUTES=10; fuzz: FUZZ_SECONDS=20 for each target; make ci: all that a change must pass (docs/TESTING.md)'

setup:
	@tools/setup.sh build

build: setup
	@tools/build.sh $(BUILD)

demo: build
	@tools/demo.sh start "$(DIR)" $(BUILD) "$(SRC)"

demo-stop:
	@tools/demo.sh stop "$(DIR)" $(BUILD)

test:
	@tools/setup.sh build test
	@tools/build.sh $(BUILD)
	@tools/test.sh $(BUILD)

ci:
	@.ci/run

install: build
	@DESTDIR="$(DESTDIR)" tools/install.sh install $(BUILD) "$(PREFIX)"

uninstall:
	@DESTDIR="$(DESTDIR)" tools/install.sh uninstall $(BUILD) "$(PREFIX)"

bench:
	@tools/setup.sh build test bench
	@tools/build.sh $(BUILD)-bench -Dbuildtype=release -Dbench=true
	@tools/bench.sh $(BUILD)-bench

tidy:
	@tools/setup.sh build test tidy
	@tools/build.sh $(BUILD)
	@tools/tidy.sh $(BUILD)

soak:
	@tools/setup.sh build test
	@tools/build.sh $(BUILD)
	@tools/soak.sh $(BUILD) $(MINUTES)

fuzz:
	@tools/setup.sh build test
	@tools/fuzz.sh $(BUILD)-asan $(FUZZ_SECONDS)

clean:
	rm -rf $(BUILD) $(BUILD)-*
