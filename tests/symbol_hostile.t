#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# evp-symbolize on ELF files that are cut or damaged anywhere: an answer or a refusal, in time.
. "${0%/*}/lib.sh"
needs gcc

cd "$T" || exit 1
cat >a.c <<'EOC'
static inline __attribute__((always_inline)) int inner(int x)
{
	__asm__ volatile("nop");
	return x * 3;
}
int main(int argc, char **argv)
{
	return inner(argc);
}
EOC
gcc -O1 -g -Wl,-z,noseparate-code -o prog a.c
size=$(stat -c %s prog)
i=0
while [ $i -lt 4096 ]; do printf '%x\n' $i; i=$((i + 16)); done >list

# survives FILE: status 0 or 2, one answer an address where it is 0.
survives() {
	timeout 10 evp-symbolize --addresses "$1" <list >out 2>err
	case $? in
	0) [ "$(wc -l <out)" -ge 512 ] ;;
	2) [ -s err ] ;;
	*) false ;;
	esac
}

bad='' at=0
while [ $at -lt "$size" ]; do
	head -c $at prog >short
	survives short || bad="$bad $at"
	at=$((at + size / 60))
done
is 'cut anywhere' "$bad" ''

# Bytes all over the file set to what hurts: 0, 0x80 (an endless varint), 0xff.
bad='' seed=1
while [ $seed -le 120 ]; do
	cp prog flipped
	awk -v seed=$seed -v size="$size" 'BEGIN { srand(seed)
		for (i = 0; i < 1 + seed % 7 * 4; i++) print int(rand() * size) }' |
		while read -r at; do
			case $((seed % 3)) in
			0) printf '\000' ;;
			1) printf '\200' ;;
			2) printf '\377' ;;
			esac | dd of=flipped bs=1 seek="$at" conv=notrunc status=none
		done
	survives flipped || bad="$bad $seed"
	seed=$((seed + 1))
done
is 'damaged anywhere' "$bad" ''

gcc -O1 -g -gz=zlib -o zlib a.c
is 'compressed sections, cut' "$(for at in 40 60 80 90; do
	head -c $(($(stat -c %s zlib) * at / 100)) zlib >short
	survives short || echo $at
done)" ''
: >empty
refused 'an empty file' 'no ELF file' evp-symbolize --addresses empty
done_testing
