# EvProfiler. Everything built goes under $(B). `make help` lists what there is.
#
#   make            every program, under build/bin
#   make demo       record, symbolize, store and query this machine for a few seconds
#   make check      every test; one: make && tests/NAME.t
#   make asan       every test under the address and undefined behaviour sanitizers
#   make lint       format, layering, man pages, scripts
#   make bench      our figures beside the peers'
#   make vm         evp-record under Debian's own kernel, in qemu
#   make accept     rewrite the tests' expected files, for review with git diff
#   make fuzz F=x   run tests/fuzz/x.c under libFuzzer, for SECONDS=60
#   make install    programs and man pages, under $(DESTDIR)$(PREFIX)
#
# Variables: CC, CLANG, BPFTOOL, CFLAGS, B (build folder), V=1 (show commands), SAN=1 (sanitizers),
# WERROR=1. demo, check, lint, asan and bench install what is missing (scripts/deps: apt).

VERSION := 0.1.0
B ?= build
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
LLVM_STRIP ?= llvm-strip
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wvla -Wmissing-prototypes -Wold-style-definition -Wstrict-prototypes \
	-Wshadow -Wpointer-arith -Wwrite-strings -Wundef -Wno-unused-parameter \
	-Wno-missing-field-initializers
ifdef WERROR
WARN += -Werror
endif
ifdef SAN
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif

HAVE_BPF := $(shell command -v $(CLANG) >/dev/null 2>&1 && command -v $(BPFTOOL) >/dev/null 2>&1 && \
	pkg-config --exists libbpf 2>/dev/null && echo yes)

CPPFLAGS_ALL := -Ilib -I. -I$(B)/gen -D_FILE_OFFSET_BITS=64 -DEVP_VERSION='"$(VERSION)"' \
	$(if $(HAVE_BPF),-DEVP_HAVE_BPF=1) $(CPPFLAGS)
CFLAGS_ALL := -std=gnu17 $(WARN) $(SANFLAGS) $(CFLAGS) -pthread
# --as-needed: a program loads only the libraries it calls; each one costs start-up time.
LIBS := -Wl,--as-needed $(if $(HAVE_BPF),-lbpf) -ldw -lelf -liberty -lzstd -lz -llzma -ljansson -lpcre2-8 -lyaml -lxxhash \
	-lgsl -lgslcblas -lisal -lcap -lm

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

LIB_SRC := $(sort $(wildcard lib/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/obj/%.o)
CMD_SRC := $(sort $(wildcard cmd/evp*.c))
PROGS := $(CMD_SRC:cmd/%.c=$(B)/bin/%)
# The rooms of cmd/, as an archive: a program has in it, and loads, only what it calls.
CMD_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard cmd/*/*.c)))
UNIT_SRC := $(sort $(wildcard tests/unit/*.c))
UNITS := $(UNIT_SRC:tests/unit/%.c=$(B)/tests/unit/%)
# Programs that tests and benches run.
TOOLS := $(patsubst tests/tool/%.c,$(B)/tests/tool/%,$(sort $(wildcard tests/tool/*.c)))
FUZZ_SRC := $(filter-out tests/fuzz/main.c,$(sort $(wildcard tests/fuzz/*.c)))
FUZZERS := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/tests/fuzz/%)
BPF_SRC := $(if $(HAVE_BPF),$(sort $(wildcard bpf/*.bpf.c)))
SKELS := $(BPF_SRC:bpf/%.bpf.c=$(B)/gen/%.skel.h)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help clean units fuzzers fuzz demo check asan lint bench vm accept install

all: $(PROGS)

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | sed '/^$$/q'

$(B)/obj/%.o: %.c | $(SKELS)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(B)/libevp.a: $(LIB_OBJ)
$(B)/libcmd.a: $(CMD_OBJ)
$(B)/lib%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/bin/%: $(B)/obj/cmd/%.o $(B)/libcmd.a $(B)/libevp.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/unit/%: tests/unit/%.c $(B)/libevp.a
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) -Itests $(CFLAGS_ALL) -MMD -MP -o $@ $< $(B)/libevp.a $(LDFLAGS) $(LIBS)

$(B)/tests/tool/%: tests/tool/%.c $(B)/libevp.a
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -o $@ $< $(B)/libevp.a $(LDFLAGS) $(LIBS)

# A harness includes the .c that it tries; main.c replays its corpus.
$(B)/tests/fuzz/%: tests/fuzz/%.c tests/fuzz/main.c $(B)/libevp.a
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Wno-missing-prototypes -o $@ $^ $(LDFLAGS) $(LIBS)

units: $(UNITS) $(TOOLS)
fuzzers: $(FUZZERS)

# The BPF side: own minimal kernel declarations, so the build needs no running kernel's BTF.
$(B)/gen/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h)
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) -g -O2 -target bpf -D__TARGET_ARCH_x86 -mcpu=v3 -Wall -Wno-compare-distinct-pointer-types \
		-Ibpf -fdebug-prefix-map=$(CURDIR)=. -c $< -o $@.tmp
	$(Q)$(LLVM_STRIP) -g $@.tmp && $(BPFTOOL) gen object $@ $@.tmp && rm -f $@.tmp

$(B)/gen/%.skel.h: $(B)/gen/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf > $@

# The page of evp-flame becomes part of it: flame.js as the array flame_js, flame.html alike.
$(B)/gen/flame_%.h: lib/view/flame.%
	@mkdir -p $(@D)
	$(call say,EMBED,$<)
	$(Q){ echo 'static const unsigned char flame_$*[] = {'; \
		od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g'; echo '};'; } > $@

$(B)/obj/lib/view/flame.o: $(B)/gen/flame_html.h $(B)/gen/flame_js.h

demo check lint bench vm:
	@B=$(B) scripts/$@

asan:
	@$(MAKE) --no-print-directory check SAN=1 B=build-asan

accept: all
	@for t in tests/*.t; do grep -q '^expect ' $$t && B=$(B) ACCEPT=1 $$t; done; git diff --stat

SECONDS ?= 60
fuzz:
	@CLANG=$(CLANG) B=$(B) scripts/fuzz $(F) $(SECONDS)

PREFIX ?= /usr/local
install: all
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin share/man/man1 share/man/man5 share/man/man7)
	install -m 755 $(PROGS) $(DESTDIR)$(PREFIX)/bin
	for s in 1 5 7; do install -m 644 man/*.$$s $(DESTDIR)$(PREFIX)/share/man/man$$s; done

clean:
	rm -rf $(B)

print-%:
	@echo '$($*)'

-include $(LIB_OBJ:.o=.d) $(CMD_SRC:cmd/%.c=$(B)/obj/cmd/%.d) $(CMD_OBJ:.o=.d) $(UNITS:=.d) $(TOOLS:=.d)
