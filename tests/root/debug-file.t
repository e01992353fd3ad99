#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What a stripped program lacks is had from its debug file under /usr/lib/debug, by build ID or by
# the name that it gives; from nowhere else.
. "${0%/*}/../lib.sh"
needs root gcc objcopy readelf unshare
unshare -m true 2>/dev/null || skip_all 'may not mount'
rows=$B/tests/tool/unwind_rows
cd "$T" || exit 1

echo 'int f(char *p) { char b[64]; b[0] = *p; return b[0] ? f(b) + 1 : 1; }
int main(void) { return f(""); }' >p.c
gcc -O1 -g -fno-asynchronous-unwind-tables -fno-unwind-tables -nostartfiles -Wl,-emain,--build-id p.c -o whole
objcopy --only-keep-debug whole right.debug
id=$(readelf -n whole | sed -n 's/.*Build ID: //p')
# Stripped, with the name of its debug file; with one that leads elsewhere.
cp right.debug p.debug
objcopy -S --add-gnu-debuglink=p.debug whole p
cp right.debug x@p.debug
objcopy -S --add-gnu-debuglink=x@p.debug whole slash
sed -i 's,x@p\.debug,x/p.debug,' slash
"$rows" whole | grep -v ' none ' >wanted
ok 'a whole program has rows' grep -q ' rsp+' wanted

# from PLACE PROGRAM: its rows where the debug file is at this place under /usr/lib/debug.
from() {
	# shellcheck disable=SC2016 # the inner shell expands
	unshare -m sh -c 'mount -t tmpfs none /usr/lib/debug && mkdir -p "$(dirname "/usr/lib/debug/$1")" &&
		cp right.debug "/usr/lib/debug/$1" && "$2" "$3"' sh "$1" "$rows" "$2" 2>&1 | grep -v ' none ' >got
}
from ".build-id/$(echo "$id" | cut -c 1-2)/$(echo "$id" | cut -c 3-).debug" p
same 'by its build ID' wanted got
from "$T/p.debug" p
same 'by its name, below its folder' wanted got
from p.debug p
like 'not elsewhere' "$(cat got)" 'nothing in it says how to unwind'
from "$T/x/p.debug" slash
like 'nor by a name with a slash' "$(cat got)" 'nothing in it says how to unwind'
done_testing
