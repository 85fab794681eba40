# make            builds every program into build/            make help   explains the rest
# V=1 shows commands; SAN=address,undefined (or thread) builds with sanitizers in a folder of its own
COMMA   := ,
SAN     ?=
B       := build$(if $(SAN),-$(subst $(COMMA),-,$(SAN)))$(if $(filter clang%,$(CC)),-clang)
VERSION := 0.1.0
PREFIX  ?= /usr
DESTDIR ?=
LIBEXECDIR := $(PREFIX)/libexec/proscribe
Q       := $(if $(V),,@)

ifeq ($(origin CC),default)
CC      := gcc
endif
PKGS    := yaml-0.1 libseccomp sqlite3 libsystemd libcrypto jansson zlib libsquashfs1 yara libcurl
HARDEN  := -fstack-protector-strong -fstack-clash-protection -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=3)
PROBED  := -fcf-protection -fstrict-flex-arrays=3 -ftrivial-auto-var-init=zero -fzero-call-used-regs=used
probe    = $(shell echo 'int main(void){return 0;}' | $(CC) -Werror $(1) -x c -o /dev/null - 2>/dev/null && echo $(1))
WARN    := -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wimplicit-fallthrough $(if $(CI),-Werror)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
ifneq ($(filter-out clean help deps dist,$(or $(MAKECMDGOALS),all)),)
PROBED  := $(foreach f,$(PROBED),$(call probe,$(f)))
endif
CPPFLAGS += -I. -D_GNU_SOURCE -DPROSCRIBE_VERSION='"$(VERSION)"' -DLIBEXECDIR='"$(LIBEXECDIR)"' -DSBINDIR='"$(PREFIX)/sbin"'
CFLAGS  ?= -O2 -g
ALL_CFLAGS = -std=gnu17 $(WARN) -fno-common $(HARDEN) $(PROBED) $(SANFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(SANFLAGS) $(LDFLAGS)

# ---- what each program is made of; the lists of the sandboxed ones are their security boundary ----
base_SRCS      := $(addprefix policy/base/,clock.c fd.c idle.c ids.c log.c queue.c spawn.c text.c)
identity_SRCS  := $(addprefix policy/identity/,facts.c npm.c pypi.c purl.c purl_package.c purl_types.c semver.c vers.c version.c \
	version_schemes.c $(patsubst %,version_%.c,semver deb rpm pypi apk maven gem golang intdot datetime lexicographic))
reader_SRCS    := $(addprefix policy/image/,policy.c lookup.c format.c match.c signature.c)
source_SRCS    := $(addprefix policy/source/,compiler.c folder.c process.c settings.c wire.c)
# the client of the signed policy; what makes one (repository) and what reaches the network (http) apart
trust_SRCS     := $(addprefix policy/trust/,error.c canonical.c key.c metadata.c digest.c trusted.c search.c client.c store.c bundle.c transport.c summary.c summary_valid.c \
	member.c metadata_delegations.c metadata_files.c metadata_root.c metadata_time.c)
publisher_SRCS := $(addprefix policy/trust/,signer.c signer_pkcs11.c repository.c repository_edit.c repository_folder.c repository_output.c repository_publish.c repository_stage.c repository_state.c \
	repository_verify.c)
http_SRCS      := policy/trust/http.c
compiler_SRCS  := $(addprefix agent/compiler/,main.c serve.c signed.c warm_up.c) agent/sandbox/sandbox.c $(base_SRCS) $(identity_SRCS) $(reader_SRCS) \
	policy/image/builder.c policy/image/hash_sort.c $(addprefix policy/source/,tree.c schema.c essential.c evidence.c list.c outline.c pattern.c \
	signatures.c yara.c software.c range.c rules.c settings.c settings_file.c message.c compile.c wire.c) $(trust_SRCS)
inspector_SRCS := agent/inspector/main.c agent/sandbox/sandbox.c $(addprefix policy/base/,clock.c fd.c idle.c log.c text.c) \
	$(addprefix policy/,identity/facts.c identity/npm.c identity/pypi.c image/signature.c) \
	$(addprefix agent/inspector/,allowlist.c message.c inspect.c view.c class.c digest.c script.c js.c) \
	$(addprefix agent/inspector/,elf.c elf_dynamic.c elf_section.c notes.c runtime.c bun.c sea.c gobuild.c cargo_audit.c) \
	$(addprefix agent/inspector/,container.c zip.c meter.c archive.c squash.c archive_package.c appimage.c embedded.c) \
	$(addprefix agent/inspector/,evidence.c field.c lines.c json.c npm.c python.c product.c crates.c snap.c flatpak.c plugin_xml.c plugin_jar.c layout.c) \
	$(addprefix agent/inspector/,packages.c textfile.c dpkg.c rpmdb.c rpm_header.c) \
	$(addprefix agent/inspector/,payload.c matcher.c sieve.c versions.c scanner.c)
walker_SRCS    := agent/walker/main.c agent/sandbox/sandbox.c $(addprefix agent/walker/,allowlist.c message.c names.c place.c wanted.c walk.c) \
	$(addprefix policy/base/,clock.c fd.c idle.c log.c text.c) $(identity_SRCS) $(reader_SRCS)
event_SRCS     := agent/ledger/event.c agent/ledger/id.c agent/verdict/verdict.c
agent_SRCS     := agent/main.c agent/agent.c $(addprefix agent/,homes.c judge.c kept.c loop.c mountinfo.c options.c policy.c reload.c scanning.c) $(event_SRCS) agent/verdict/cache.c \
	$(addprefix agent/,delivery.c enrolment.c enrolment_text.c trust_state.c update/report.c) policy/source/signed.c policy/image/intact.c policy/trust/summary_valid.c \
	$(addprefix agent/gate/,gate.c hold.c launch.c inspection.c finding.c fanotify.c mounts.c subject.c) \
	$(addprefix agent/scan/,scan.c child.c found.c resume.c) agent/walker/message.c \
	$(addprefix agent/pool/,pool.c client.c directory.c metadata.c metadata_python.c) agent/inspector/message.c \
	agent/packages.c $(addprefix agent/installed/,table.c path.c ask.c build.c dpkg.c rpm.c apps.c watch.c) \
	$(addprefix agent/ledger/,ledger.c database.c reader.c fields.c inventory.c recorder.c journal.c users.c thread.c) \
	$(addprefix agent/notice/,format.c limit.c terminal.c notifier.c) \
	$(addprefix agent/bus/,answer.c bus.c call.c closing.c dict.c errors.c frame.c methods.c pump.c records.c stranger.c scans.c updates.c) \
	$(source_SRCS) $(base_SRCS) $(identity_SRCS) $(reader_SRCS)
update_SRCS    := $(addprefix agent/update/,main.c accepted.c allowlist.c describe.c digest.c durable.c mirror.c options.c outcome.c plan.c remote.c \
	report.c run.c settings.c state.c) agent/sandbox/sandbox.c agent/sandbox/landlock.c $(trust_SRCS) $(http_SRCS) \
	$(base_SRCS) $(addprefix policy/source/,tree.c schema.c message.c)
ctl_SRCS       := $(wildcard ctl/*.c ctl/repo/*.c) $(trust_SRCS) $(publisher_SRCS) $(http_SRCS) $(addprefix agent/ledger/,database.c id.c reader.c fields.c inventory.c export.c plain.c ocsf.c) \
	policy/image/content.c $(source_SRCS) $(base_SRCS) $(identity_SRCS) $(reader_SRCS)
proscribed_LIBS           := -lsystemd -lsqlite3 -lcrypto -lpthread
proscribectl_LIBS         := -lsystemd -lsqlite3 -lcrypto -ljansson -lcurl -lpthread
proscribe-inspector_LIBS  := -lsqlite3 -lseccomp -lcrypto -ljansson -lyara -lz -lsquashfs -lyaml
proscribe-walker_LIBS     := -lseccomp -lcrypto
proscribe-compiler_LIBS   := -lseccomp -lcrypto -ljansson -lyaml -lyara -lpthread
proscribe-update_LIBS     := -lseccomp -lcrypto -ljansson -lyaml -lcurl -lpthread
test_LIBS      := -lcmocka -lcurl -lsystemd -lsqlite3 -lcrypto -lseccomp -lyaml -ljansson -lyara -lpthread -lz -lsquashfs

PROGRAMS := proscribed proscribectl proscribe-inspector proscribe-compiler proscribe-walker proscribe-update
objs      = $(patsubst %.c,$(B)/%.o,$(1))

all: $(addprefix $(B)/,$(PROGRAMS)) ## build every program into $(B)/
$(B)/proscribed: $(call objs,$(agent_SRCS))
$(B)/proscribectl: $(call objs,$(ctl_SRCS))
$(B)/proscribe-inspector: $(call objs,$(inspector_SRCS))
$(B)/proscribe-compiler: $(call objs,$(compiler_SRCS))
$(B)/proscribe-walker: $(call objs,$(walker_SRCS))
$(B)/proscribe-update: $(call objs,$(update_SRCS))
$(addprefix $(B)/,$(PROGRAMS)):
	$(if $(V),,@echo '  LINK  $@')
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $($(@F)_LIBS)

$(B)/%.o: %.c Makefile | $(B)/libraries
	@mkdir -p $(@D)
	$(if $(V),,@echo '  CC    $<')
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/agent/ledger/ledger.o: agent/ledger/schema.sql

$(B)/libraries:
	@mkdir -p $(@D)
	@pkg-config --exists --print-errors $(PKGS) || { \
		echo >&2 'The compiler or libraries are missing. `sudo make deps` installs them.'; exit 1; }
	@touch $@

# ---- tests: each links the modules themselves, none of the main files ----
MODULES   := $(wildcard $(filter-out %/main.c,$(sort $(compiler_SRCS) $(inspector_SRCS) $(walker_SRCS) $(agent_SRCS) $(update_SRCS) $(ctl_SRCS))))
TESTS     := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c tests/component/test_*.c))
TEST_TOOLS := $(patsubst %.c,$(B)/%,$(wildcard tests/component/tool_*.c tests/bench/bench_*.c))
FUZZERS   := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
$(B)/tests/modules.a: $(call objs,$(MODULES))
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(TESTS) $(TEST_TOOLS): $(B)/%: $(B)/%.o $(B)/tests/modules.a
	$(if $(V),,@echo '  LINK  $@')
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(test_LIBS)
# with clang and SAN=fuzzer-no-link,... libFuzzer drives them, else driver.c
FUZZ_DRIVER = $(if $(findstring fuzzer,$(SAN)),,$(B)/tests/fuzz/driver.o)
$(FUZZERS): $(B)/%: $(B)/%.o $(FUZZ_DRIVER) $(B)/tests/modules.a
	$(if $(V),,@echo '  LINK  $@')
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(if $(FUZZ_DRIVER),,-fsanitize=fuzzer) -o $@ $^ $(test_LIBS)
# the client under test of a public conformance suite
$(B)/tests/tuf-client: $(B)/tests/conformance/tuf_client.o $(B)/tests/modules.a
	$(if $(V),,@echo '  LINK  $@')
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(test_LIBS)
$(B)/tests/bench/tiny: tests/bench/tiny.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -static -nostartfiles -o $@ $<
fuzzers: $(FUZZERS)
tests: all $(TESTS) $(TEST_TOOLS) $(FUZZERS) $(B)/tests/tuf-client ## build the test programs as well

# ---- running them; tests/run says what each step is ----
PYTHON  := /usr/bin/python3
JOBS    := $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
ROOT    := $(filter 0,$(shell id -u))
FUZZ_SECONDS ?= 60
BUILD_DEPS := gcc pkg-config libc6-dev libyaml-dev libseccomp-dev libsqlite3-dev libsystemd-dev libssl-dev libjansson-dev zlib1g-dev libsquashfs-dev libyara-dev libcurl4-openssl-dev
DEMO_DEPS  := node:nodejs npm:npm
CHECK_DEPS := libcmocka-dev openssl python3-pytest python3-jsonschema python3-dbusmock python3-apt python3-packaging python3-cryptography rpm ruby clang clang-tidy libclang-rt-14-dev faketime \
	cppcheck valgrind universal-ctags strace mandoc node:nodejs npm:npm qemu-system-x86 mmdebstrap busybox-static cpio lz4 kmod e2fsprogs squashfs-tools yara softhsm2 opensc libengine-pkcs11-openssl

deps: ## install the Debian packages that are missing (as root)
	@tests/support/deps $(BUILD_DEPS) $(CHECK_DEPS) $(DEMO_DEPS)
check: ## run every test; as root it installs what is missing first
	@$(if $(ROOT),tests/support/deps $(BUILD_DEPS) $(CHECK_DEPS))
	@$(PYTHON) tests/run --build $(B) --jobs $(shell nproc)
check-sanitizers: ## unit tests, component tests and fuzz corpora under ASan+UBSan and TSan
	@$(PYTHON) tests/run --build $(B) --jobs $(shell nproc) sanitizers
demo: ## the main job on a scratch filesystem (as root)
	@tests/support/deps $(BUILD_DEPS) $(DEMO_DEPS)
	@$(MAKE) --no-print-directory $(JOBS) all
	@$(PYTHON) tests/demo/run --build $(B)
bench: ## measure what the agent costs (as root)
	@$(MAKE) --no-print-directory $(JOBS) tests $(B)/tests/bench/tiny
	@$(PYTHON) tests/bench/run --build $(B)
fuzz: ## run each fuzz target under libFuzzer for FUZZ_SECONDS (60)
	@$(MAKE) --no-print-directory $(JOBS) CC=clang B=build-fuzz SAN=fuzzer-no-link,address,undefined fuzzers
	@$(PYTHON) tests/run --build build-fuzz --fuzz-seconds $(FUZZ_SECONDS) libfuzzer

# ---- reading the sources without running them ----
C_SOURCES := $(sort $(shell find agent policy ctl tests -name '*.c' 2>/dev/null))
C_HEADERS := $(sort $(shell find agent policy ctl -name '*.h' 2>/dev/null))
check-headers: ## each header compiles alone, with gcc and with clang
	@for h in $(C_HEADERS); do for c in gcc clang; do \
		echo "#include \"$$h\"" | $$c $(CPPFLAGS) -std=gnu17 $(WARN) -Werror -fsyntax-only -x c - || \
			{ echo "$$h does not compile alone with $$c"; exit 1; }; done; done
check-size: ## no function over 100 lines, no file over 1,000, this file not over 250
	@wc -l $(C_SOURCES) $(C_HEADERS) | awk '$$2 != "total" && $$1 > 1000 {print $$2 ": " $$1 " lines"; bad = 1} END {exit bad}'
	@wc -l <Makefile | awk '$$1 > 250 {print "Makefile: " $$1 " lines"; exit 1}'
	@ctags -x --c-kinds=f --_xformat='%{end} %n %N %F' $(C_SOURCES) $(C_HEADERS) | \
		awk '$$1 - $$2 >= 100 {print $$4 ": " $$3 "() has " $$1 - $$2 + 1 " lines"; bad = 1} END {exit bad}'
analyze: $(patsubst %.c,$(B)/%.tidy,$(C_SOURCES)) $(B)/cppcheck ## clang-tidy and cppcheck, no findings allowed
$(B)/%.tidy: %.c .clang-tidy tests/.clang-tidy Makefile | $(B)/libraries
	@mkdir -p $(@D)
	$(if $(V),,@echo '  TIDY  $<')
	$(Q)clang-tidy --quiet $< -- $(CPPFLAGS) -std=gnu17 $(WARN) 2>$@.log || { cat $@.log >&2; exit 1; }
	@$(CC) $(CPPFLAGS) -std=gnu17 -MM -MP -MT $@ -MF $(@:.tidy=.tidy.d) $< && touch $@
# cppcheck does not know cleanup attributes; leaks are for ASan and valgrind to find
$(B)/cppcheck: $(C_SOURCES) $(C_HEADERS) tests/support/cppcheck.cfg
	@mkdir -p $@-cache
	$(if $(V),,@echo '  CPPCHECK')
	$(Q)cppcheck --quiet --library=tests/support/cppcheck.cfg --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=resourceLeak --suppress=memleak --cppcheck-build-dir=$@-cache -I. -D_GNU_SOURCE $(C_SOURCES)
	@touch $@

dist: ## the committed sources as $(B)/proscribe-VERSION.tar.gz
	@mkdir -p $(B)
	git archive --prefix=proscribe-$(VERSION)/ -o $(B)/proscribe-$(VERSION).tar.gz HEAD
clean: ## remove everything that was built
	rm -rf build build-*
help: ## this list
	@echo 'proscribe $(VERSION)   V=1 shows commands, SAN=address,undefined or SAN=thread builds with sanitizers'
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | sed 's/$$(B)/$(B)/' | \
		awk -F'|' '{printf "  make %-18s %s\n", $$1, $$2}'

-include packaging/install.mk
-include $(shell find $(B) -name '*.d' -type f 2>/dev/null)
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all
.PHONY: all tests fuzzers deps check check-sanitizers demo bench fuzz check-headers check-size analyze dist clean help
