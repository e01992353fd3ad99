#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# evp-symbolize: one program in every form that debug info comes in, answered alike.
. "${0%/*}/lib.sh"
needs gcc objcopy nm

cat >"$T/a.h" <<'EOH'
static inline __attribute__((always_inline)) int inner(int x)
{
	__asm__ volatile("nop");
	return x * 3;
}
EOH
cat >"$T/a.c" <<'EOC'
#include <stdio.h>
#include "a.h"
static inline __attribute__((always_inline)) int middle(int x)
{
	return inner(x) + 1;
}
__attribute__((noinline)) int outer(int x)
{
	int sum = 0;
	for (int i = 0; i < x; i++)
		sum += middle(i);
	return sum;
}
int main(int argc, char **argv)
{
	return printf("%d\n", outer(argc)) < 0;
}
EOC
cd "$T" || exit 1
gcc -O1 -g -o plain a.c
# Every address of the two functions.
addresses() {
	nm -S "$1" | awk '$4 == "outer" || $4 == "main" { print $1, $2 }' | while read -r at size; do
		end=$((0x$at + 0x$size)) at=$((0x$at))
		while [ $at -lt $end ]; do printf '%x\n' $at; at=$((at + 1)); done
	done
}
addresses plain >list
evp-symbolize --addresses plain <list >want
like 'an inline chain, innermost first' "$(paste -d' ' - - - - - - <want)" \
	"^inner .*/a.h:[0-9]+ middle .*/a.c:5 outer .*/a.c:11$"
if command -v addr2line >/dev/null; then
	addr2line -f -i -e plain <list | sed 's/ (discriminator .*//; s/:?$/:0/' >got
	same 'what addr2line -f -i says' got want
else
	skip 'what addr2line -f -i says' 'no addr2line'
fi

# answers NAME FILE [OPTION...]: the same functions and lines for the same code at other addresses.
answers() {
	name=$1 file=$2 list=${list_of:-$2}
	shift 2
	addresses "$list" | evp-symbolize "$@" --addresses "$file" >got
	same "$name" got want
}
gcc -O1 -g -gz=zlib -o zlib a.c && answers 'zlib sections' zlib
gcc -O1 -gdwarf-4 -no-pie -o four a.c && answers 'DWARF 4, not PIE' four
gcc -O1 -g -static -o static a.c && answers 'static' static
gcc -O1 -g -gsplit-dwarf -o split a.c && answers 'split DWARF' split

cp plain linked && objcopy --only-keep-debug linked linked.debug
strip linked && objcopy --add-gnu-debuglink=linked.debug linked
list_of=plain answers '.gnu_debuglink' linked
mkdir .debug && mv linked.debug .debug/
list_of=plain answers '.gnu_debuglink in .debug/' linked
id=$(readelf -n plain | sed -n 's/.*Build ID: //p')
rest=${id#??}
mkdir -p "dbg/.build-id/${id%"$rest"}"
mv .debug/linked.debug "dbg/.build-id/${id%"$rest"}/$rest.debug"
list_of=plain answers 'by build ID in --debug-dir' linked --debug-dir dbg
list_of=plain answers 'and in --debuginfo' linked --debuginfo dbg
evp-symbolize --addresses linked <list >got
is 'without it nothing is made up' "$(sort -u got | head -3)" "$(printf '??\n??:0')"

gcc -O1 -g -Wl,--build-id=none -o noid a.c
cp noid crc && objcopy --only-keep-debug noid crc.debug && strip crc
objcopy --add-gnu-debuglink=crc.debug crc
list_of=noid answers 'by checksum where there is no build ID' crc
printf x >>crc.debug
addresses noid | evp-symbolize --addresses crc >got
unlike 'not with a wrong checksum' "$(cat got)" 'inner|outer'

if command -v xz >/dev/null; then
	nm -D plain --format=posix --defined-only | awk '{ print $1 }' | sort >dynsyms
	objcopy -S --remove-section .gnu_debuglink plain mini
	objcopy --only-keep-debug plain mini.debug
	objcopy -S --keep-symbol outer --keep-symbol main mini.debug mini.small && xz -f mini.small
	objcopy --add-section .gnu_debugdata=mini.small.xz mini
	is 'MiniDebugInfo names functions' \
		"$(nm plain | awk '$3 == "outer" { print $1 }' | evp-symbolize --addresses mini)" \
		"$(printf 'outer\n??:0')"
else
	skip 'MiniDebugInfo names functions' 'no xz'
fi
if command -v dwz >/dev/null; then
	gcc -O1 -g -DSECOND -o second a.c && cp plain one && cp second two
	if dwz -m shared.dwz one two 2>/dev/null && [ -s shared.dwz ]; then
		list_of=plain answers 'dwz, one file shared by two' one
		mkdir sub && mv shared.dwz sub/
		addresses plain | evp-symbolize --addresses one >got
		ok 'without the shared file it still answers' test -s got
	else
		skip 'dwz, one file shared by two' 'no dwz'
	fi
else
	skip 'dwz, one file shared by two' 'no dwz'
fi

cat >v.c <<'EOC'
__asm__(".symver f_1,f@V1,remove");
int f_1(int x)
{
	return x + 1;
}
EOC
echo 'V1 { };' >v.map
gcc -O1 -shared -fPIC -Wl,--version-script=v.map -o versioned.so v.c
at=$(nm versioned.so | awk '$3 ~ /^f@/ { print $1 }')
is 'a name without its version' "$(nm versioned.so | grep -c 'f@V1') $(echo "$at" | evp-symbolize --addresses versioned.so)" \
	"$(printf '1 f\n??:0')"

is '0x and blanks are fine, rubbish is unknown' \
	"$(printf ' 0x%s \nzz\n\n-1\n' "$(tail -1 list)" | evp-symbolize --no-inlines --addresses plain | paste - - | cut -f1)" \
	"$(printf 'outer\n??\n??\n??')"
refused 'no such file' "cannot open 'nowhere'" evp-symbolize --addresses nowhere
refused 'a directory' 'not a regular file' evp-symbolize --addresses /tmp
mkfifo fifo
refused 'a FIFO, without waiting' 'not a regular file' evp-symbolize --addresses fifo
refused 'text' 'no ELF file' evp-symbolize --addresses a.c
refused 'a relocatable file' 'neither a program' sh -c 'gcc -c a.c -o a.o; evp-symbolize --addresses a.o'
refused 'a bad --demangle' "not 'loud'" evp-symbolize --demangle loud
refused 'a --root that is not there' "'nowhere': No such file" evp-symbolize --root nowhere
refused 'a --debug-dir that is none' "'a.c' is no directory" evp-symbolize --debug-dir a.c
done_testing
