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
PKGS    := yaml-0.1 libseccomp sqlite3 libsystemd libcrypto jansson
HARDEN  := -fstack-protector-strong -fstack-clash-protection -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=3)
PROBED  := -fcf-protection -fstrict-flex-arrays=3 -ftrivial-auto-var-init=zero -fzero-call-used-regs=used
probe    = $(shell echo 'int main(void){return 0;}' | $(CC) -Werror $(1) -x c -o /dev/null - 2>/dev/null && echo $(1))
WARN    := -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wimplicit-fallthrough $(if $(CI),-Werror)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
ifeq ($(filter clean help deps dist,$(MAKECMDGOALS)),)
PROBED  := $(foreach f,$(PROBED),$(call probe,$(f)))
endif
CPPFLAGS += -I. -D_GNU_SOURCE -DPROSCRIBE_VERSION='"$(VERSION)"' -DLIBEXECDIR='"$(LIBEXECDIR)"'
CFLAGS  ?= -O2 -g
ALL_CFLAGS = -std=gnu17 $(WARN) -fno-common $(HARDEN) $(PROBED) $(SANFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(SANFLAGS) $(LDFLAGS)

# ---- what each program is made of; the lists of the sandboxed ones are their security boundary ----
base_SRCS      := $(addprefix policy/base/,clock.c fd.c ids.c log.c queue.c spawn.c text.c)
identity_SRCS  := $(addprefix policy/identity/,facts.c npm.c purl.c semver.c vers.c)
reader_SRCS    := $(addprefix policy/image/,policy.c format.c match.c)
compiler_SRCS  := agent/compiler/main.c agent/sandbox/sandbox.c $(base_SRCS) $(identity_SRCS) $(reader_SRCS) \
	policy/image/builder.c $(addprefix policy/source/,tree.c schema.c software.c rules.c settings.c message.c compile.c)
inspector_SRCS := agent/inspector/main.c agent/sandbox/sandbox.c policy/base/fd.c policy/base/text.c policy/identity/facts.c \
	$(addprefix agent/inspector/,class.c digest.c elf.c script.c js.c npm.c inspect.c)
event_SRCS     := agent/ledger/event.c agent/verdict/verdict.c
agent_SRCS     := agent/main.c agent/agent.c agent/options.c agent/reload.c $(event_SRCS) agent/verdict/cache.c \
	$(addprefix agent/gate/,gate.c launch.c fanotify.c marks.c mounts.c subject.c) \
	$(addprefix agent/pool/,pool.c client.c metadata.c) \
	$(addprefix agent/ledger/,ledger.c reader.c recorder.c journal.c) \
	$(addprefix agent/notice/,format.c terminal.c notifier.c) $(addprefix agent/bus/,bus.c methods.c records.c) \
	policy/source/compiler.c $(base_SRCS) $(identity_SRCS) $(reader_SRCS)
ctl_SRCS       := $(wildcard ctl/*.c) agent/ledger/reader.c agent/ledger/export.c agent/ledger/ocsf.c \
	policy/source/compiler.c $(base_SRCS) $(identity_SRCS) $(reader_SRCS)
proscribed_LIBS           := -lsystemd -lsqlite3 -lcrypto -lpthread
proscribectl_LIBS         := -lsystemd -lsqlite3 -lcrypto -ljansson -lpthread
proscribe-inspector_LIBS  := -lseccomp -lcrypto -ljansson
proscribe-compiler_LIBS   := -lseccomp -lcrypto -lyaml -lpthread
test_LIBS      := -lcmocka -lsystemd -lsqlite3 -lcrypto -lseccomp -lyaml -ljansson -lpthread

PROGRAMS := proscribed proscribectl proscribe-inspector proscribe-compiler
objs      = $(patsubst %.c,$(B)/%.o,$(1))

all: $(addprefix $(B)/,$(PROGRAMS))
$(B)/proscribed: $(call objs,$(agent_SRCS))
$(B)/proscribectl: $(call objs,$(ctl_SRCS))
$(B)/proscribe-inspector: $(call objs,$(inspector_SRCS))
$(B)/proscribe-compiler: $(call objs,$(compiler_SRCS))
$(addprefix $(B)/,$(PROGRAMS)):
	$(if $(V),,@echo '  LINK  $@')
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $($(@F)_LIBS)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(if $(V),,@echo '  CC    $<')
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# ---- tests: each links the modules themselves, none of the main files ----
MODULES   := $(wildcard $(filter-out %/main.c,$(sort $(compiler_SRCS) $(inspector_SRCS) $(agent_SRCS) $(ctl_SRCS))))
TESTS     := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c tests/component/test_*.c))
TEST_TOOLS := $(patsubst %.c,$(B)/%,$(wildcard tests/component/tool_*.c tests/bench/bench_*.c))
FUZZERS   := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
$(B)/tests/modules.a: $(call objs,$(MODULES))
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(TESTS) $(TEST_TOOLS): $(B)/%: $(B)/%.o $(B)/tests/modules.a
	$(if $(V),,@echo '  LINK  $@')
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(test_LIBS)
$(FUZZERS): $(B)/%: $(B)/%.o $(B)/tests/fuzz/driver.o $(B)/tests/modules.a
	$(if $(V),,@echo '  LINK  $@')
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(test_LIBS)
tests: all $(TESTS) $(TEST_TOOLS) $(FUZZERS)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all
.PHONY: all tests
