#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Unwind tables of real files are what readelf makes of them; what linkers and tools do to a file
# does not change its table.
. "${0%/*}/lib.sh"
needs readelf gcc objcopy strip python3

rows=$B/tests/tool/unwind_rows
lib=/lib/x86_64-linux-gnu
for file in $lib/libc.so.6 /lib64/ld-linux-x86-64.so.2 $lib/libm.so.6 "$(command -v perl)"; do
	ok "${file##*/} as readelf has it" tests/tool/unwind_compare.py -v "$rows" "$file"
done

cat >"$T/p.c" <<'END'
int f(char *p);
int g(int n) { char b[64]; b[0] = (char)n; return f(b) + 1; }
int f(char *p) { return p[0] ? g(p[0]) : 1; }
int puts(const char *);
int main(void) { puts(""); return f(""); }
END
printf '.globl _start\n_start: call f\nhlt\n.section .note.GNU-stack,""\n' >"$T/s.S"
echo 'int f(void) { return 1; }' >"$T/f.c"
gcc -O1 -static -nostdlib -o "$T/s" "$T/s.S" "$T/f.c"
like 'start code at the beginning of .text is a root' "$("$rows" "$T/s" 2>&1)" ' end '

build() { gcc -O1 -fno-inline -Wl,--build-id "$@" -o "$T/p" "$T/p.c"; }
table() { "$rows" "$@" 2>&1 | grep -v ' none '; }


build
table "$T/p" >"$T/whole"
like 'a program: its root' "$(cat "$T/whole")" ' end '
strip "$T/p"
table "$T/p" >"$T/stripped"
same 'strip changes nothing' "$T/stripped" "$T/whole"

# Linkers that write nothing of the PLT: lld, and GNU ld if asked. Without and with CET.
for kind in norelro ibtplt; do
	build -fcf-protection -Wl,-z,lazy,-z,$kind
	table "$T/p" | grep -v -e ' end ' >"$T/said"
	build -fcf-protection -Wl,-z,lazy,-z,$kind -Wl,--no-ld-generated-unwind-info
	table "$T/p" | grep -v -e ' end ' >"$T/silent"
	like "a PLT, -z $kind" "$(cat "$T/said")" ' plt\('
	same 'is known without being told' "$T/silent" "$T/said"
done

# No .eh_frame, but .debug_frame, whatever is done to it.
bare='-fno-asynchronous-unwind-tables -fno-unwind-tables -g -nostartfiles -Wl,-emain'
# shellcheck disable=SC2086 # words
for how in none zlib zstd; do
	build $bare
	objcopy --compress-debug-sections=$how "$T/p"
	table "$T/p" >"$T/$how"
	like ".debug_frame, compression $how" "$(cat "$T/$how")" ' rsp\+(80|96) '
done
same 'as with zlib' "$T/zlib" "$T/none"
same 'as with zstd' "$T/zstd" "$T/none"
objcopy --only-keep-debug "$T/p" "$T/p.debug"
strip "$T/p"
table "$T/p" >"$T/alone"
like 'stripped: nothing' "$(cat "$T/alone")" 'nothing in it says how to unwind'
table -d "$T/p.debug" "$T/p" >"$T/debug"
same 'until the debug file says it' "$T/debug" "$T/none"
# shellcheck disable=SC2086 # words
build $bare -DOTHER=1 -O2
objcopy --only-keep-debug "$T/p" "$T/other.debug"
# shellcheck disable=SC2086 # words
build $bare -s
table -d "$T/other.debug" "$T/p" >"$T/wrong"
like "another build's is not believed" "$(cat "$T/wrong")" 'nothing in it says how to unwind'
done_testing
