# EvProfiler. Everything built goes under $(B). `make help` lists what there is.
#
#   make            every program, under build/bin
#   make demo       record, symbolize, store and query this machine for a few seconds
#   make check      every test
#   make lint asan bench
#
# Variables: CC, CLANG, BPFTOOL, CFLAGS, B (build folder), V=1 (show commands), SAN=1 (sanitizers)

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

CPPFLAGS_ALL := -Ilib -Icmd -I$(B)/gen -D_FILE_OFFSET_BITS=64 -DEVP_VERSION='"$(VERSION)"' \
	$(if $(HAVE_BPF),-DEVP_HAVE_BPF=1) $(CPPFLAGS)
CFLAGS_ALL := -std=gnu17 $(WARN) $(SANFLAGS) $(CFLAGS) -pthread
# --as-needed: a program loads only the libraries it calls; each one costs start-up time.
LIBS := -Wl,--as-needed $(if $(HAVE_BPF),-lbpf) -ldw -lelf -ldebuginfod -liberty -lzstd -lz -llzma -ljansson -lpcre2-8 -lxxhash \
	-lgsl -lgslcblas -lisal -lcap -lm

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

LIB_SRC := $(sort $(wildcard lib/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/obj/%.o)
CMD_SRC := $(sort $(wildcard cmd/evp*.c))
PROGS := $(CMD_SRC:cmd/%.c=$(B)/bin/%)
CMD_COMMON := $(patsubst %.c,$(B)/obj/%.o,$(filter-out $(CMD_SRC),$(sort $(wildcard cmd/*.c))))
UNIT_SRC := $(sort $(wildcard tests/unit/*.c))
UNITS := $(UNIT_SRC:tests/unit/%.c=$(B)/tests/unit/%)
BPF_SRC := $(if $(HAVE_BPF),$(sort $(wildcard bpf/*.bpf.c)))
SKELS := $(BPF_SRC:bpf/%.bpf.c=$(B)/gen/%.skel.h)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help clean units

all: $(PROGS)

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | sed '/^$$/q'

$(B)/obj/%.o: %.c | $(SKELS)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(B)/libevp.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/bin/%: $(B)/obj/cmd/%.o $(CMD_COMMON) $(B)/libevp.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/unit/%: tests/unit/%.c $(B)/libevp.a
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) -Itests $(CFLAGS_ALL) -MMD -MP -o $@ $< $(B)/libevp.a $(LDFLAGS) $(LIBS)

units: $(UNITS)

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

clean:
	rm -rf $(B)

-include $(wildcard scripts/*.mk)
-include $(LIB_OBJ:.o=.d) $(CMD_SRC:cmd/%.c=$(B)/obj/cmd/%.d) $(CMD_COMMON:.o=.d) $(UNITS:=.d)
