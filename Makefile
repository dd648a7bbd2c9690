# SPDX-License-Identifier: GPL-2.0-only
#
# What a person types. What the kernel's build reads is in Kbuild.

VERSION := $(shell cat VERSION)

KERNELRELEASE ?= $(shell uname -r)
KERNELDIR ?= /lib/modules/$(KERNELRELEASE)/build
# A kernel that clang has built takes modules that clang has built, of that version if it is here
# by its name. DKMS comes here too.
clang_version = $(shell sed -n 's/^CONFIG_CLANG_VERSION=\([0-9]*\)[0-9]\{4\}$$/\1/p' $(KERNELDIR)/.config)
LLVM ?= $(if $(shell grep -sx CONFIG_CC_IS_CLANG=y $(KERNELDIR)/.config),$(if \
	$(shell command -v clang-$(clang_version)),-$(clang_version),1))

all: modules

modules: | headers
	$(MAKE) -C $(KERNELDIR) M=$(CURDIR) $(if $(LLVM),LLVM=$(LLVM)) modules

# What scripts/qualify builds the test modules with.
show-llvm:
	@echo $(LLVM)

headers:
	@test -e $(KERNELDIR)/Makefile || { \
		echo "No kernel headers in $(KERNELDIR)." >&2; \
		echo "Install them: apt install linux-headers-$(KERNELRELEASE)" >&2; \
		exit 1; }

# By DKMS, for the running kernel or KERNELRELEASE; kernels that have an older
# version get this one as well.
install:
	scripts/install $(KERNELRELEASE)

uninstall:
	scripts/install --remove

# dualbmctl, into build/tools; needs libkmod-dev libelf-dev libbpf-dev liblzma-dev
# libzstd-dev liblz4-dev zlib1g-dev, and for pictures pkg-config and libcairo2-dev.
tools:
	$(MAKE) -C tools

# DESTDIR and PREFIX (/usr/local) are taken.
install-tools:
	$(MAKE) -C tools install

# Debian packages, into build/deb.
deb:
	packaging/deb

# RPM packages, into build/rpm; on Debian too.
rpm:
	packaging/rpm/build

# Not the kernel's own "clean": it descends into every directory, and would
# take the libraries and modules of the Debian root in build/ with it.
clean:
	rm -f *.o *.ko *.mod *.mod.c .*.cmd .*.d dualbm_probes.h Module.symvers modules.order
	rm -rf .tmp_versions

# The cache too: the Debian root, VM images, logs.
distclean: clean
	rm -rf --one-file-system build

check:
	scripts/check

# K=7.3-amd64: one row of it.
check-matrix:
	scripts/check-matrix $(K)

# K=6.12-debug: one of them.
check-debug:
	scripts/check-debug $(K)

# K=none, K=isolate-renamed: one of them.
check-foreign:
	scripts/check-foreign $(K)

# The planes in userspace: seconds, and no root.
unit:
	test/20-unit.t

# Lines and branches of the planes' logic that the unit tests pass: seconds, and no root.
coverage:
	@$(MAKE) -s -C test/unit coverage

# After a change: what two minutes can tell. K=6.1: on that kernel.
quick:
	scripts/quick $(K)

check-mutants:
	scripts/check-mutants

# For all values, and not for those that a test tries: docs/proof.md. P=row-alloc: one proof.
check-proof:
	scripts/check-proof $(P)

# Writes docs/performance.md. K=6.1: on that kernel.
bench:
	scripts/bench $(if $(K),--kernel $(K))

# Writes docs/fault-study.md and its figure.
fault-study:
	scripts/fault-study

demo:
	scripts/demo

help:
	@echo 'make                build dualbm.ko for the running kernel (KERNELRELEASE=, KERNELDIR=)'
	@echo 'make install        install it with DKMS'
	@echo 'make uninstall      remove every version from DKMS'
	@echo 'make tools          build dualbmctl; install-tools: install it (PREFIX=, DESTDIR=)'
	@echo 'make deb            build the Debian packages dualbm-dkms, dualbm-qualify and dualbm-tools'
	@echo 'make rpm            build the same as RPM packages'
	@echo 'make demo           see it work in a VM (as root; installs what it needs)'
	@echo 'make unit           the tests of the planes, in userspace (needs libcmocka-dev)'
	@echo 'make coverage       lines and branches of the planes that those pass'
	@echo 'make quick          what two minutes can tell after a change (as root; K=6.1)'
	@echo 'make check          all tests (as root; installs what it needs)'
	@echo 'make check-matrix   the tests that boot, on every kernel (K=7.3-amd64: on one)'
	@echo 'make check-debug    the same on kernels that watch the module (K=6.12-debug: on one)'
	@echo 'make check-foreign  qualify kernels of other configurations, and refuse broken ones (K=none: one)'
	@echo 'make check-mutants  prove that the tests notice what they guard'
	@echo 'make check-proof    prove the rules for all values there can be, by CBMC (as root; P=row-alloc: one)'
	@echo 'make bench          measure what it costs, and write docs/performance.md (K=6.1)'
	@echo 'make fault-study    try faults of memory on the record and on others, and write docs/fault-study.md'
	@echo 'make clean          remove what the build left; distclean: the cache in build/ too'

.PHONY: all unit coverage quick modules show-llvm headers install uninstall tools install-tools deb rpm clean distclean check check-matrix check-debug check-foreign check-mutants check-proof bench fault-study demo help
