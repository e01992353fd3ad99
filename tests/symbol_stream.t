#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# evp-symbolize on streams: build IDs decide, reasons are given, what is named stays.
. "${0%/*}/lib.sh"
needs gcc objcopy nm

cd "$T" || exit 1
make_stream=$B/tests/unit/symbol_stream
cat >a.cc <<'EOC'
namespace ns { __attribute__((noinline)) int work(int x) { return x * 3; } }
int main(int argc, char **) { return ns::work(argc); }
EOC
g++ -O1 -g -o prog a.cc 2>/dev/null || skip_all 'no g++'
# The file offset of a function: its address moved by its segment's.
offset=$(nm prog | awk '/_ZN2ns4workEi/ { print $1 }')
segment() { readelf -lW prog | awk -v n="$1" '$1 == "LOAD" && /R E/ { print $n }'; }
at=$(segment 2) vaddr=$(segment 3)
offset=$(printf '%x' $((0x$offset - vaddr + at)))

# named SPEC [OPTION...]: folded text of a stream with one sample.
named() {
	spec=$1
	shift
	"$make_stream" "$spec" | evp-symbolize "$@" | evp-fold -L ''
}
is 'a C++ name' "$(named "native:prog:$T/prog:$offset")" 'ns::work(int) 1'
is 'short' "$(named "native:prog:$T/prog:$offset" --demangle short)" 'ns::work 1'
is 'raw' "$(named "native:prog:$T/prog:$offset" --demangle=none)" '_ZN2ns4workEi 1'
is 'segments from the file where none were recorded' \
	"$(named "nosegs:prog:$T/prog:$offset")" 'ns::work(int) 1'
like 'the vdso, of this kernel' "$(for at in 700 800 900 a00 b00 c00 d00 e00; do named "vdso:-:-:$at"; done)" '^(__vdso|clock_|get|time)'

# reason SPEC: why it was left without a name.
reason() {
	"$make_stream" "$1" >in.evp
	evp-symbolize -v in.evp 2>err >out.evp || return
	sed -n 's/.*of them: //p' err
}
is 'another build is not used' "$(reason "badid:prog:$T/prog:$offset")" 'build ID differs'
is 'nor one without an ID to compare' "$(reason "noid:prog:$T/prog:$offset")" 'no build ID'
is '--trust-paths uses both' "$(named "badid:prog:$T/prog:$offset" --trust-paths)" 'ns::work(int) 1'
is 'no file' "$(reason "native:prog:/nowhere/prog:$offset")" 'no file'
is 'a relative path is none' "$(reason "native:prog:prog:$offset")" 'no file'
mkfifo fifo
is 'a FIFO does not hang it' "$(reason "native:prog:$T/fifo:$offset")" 'not a regular file'
is 'an address in no segment' "$(reason "native:prog:$T/prog:fffffff0")" 'not covered'
strip -o bare prog
strip --strip-section-headers bare 2>/dev/null
is 'nothing that names this address' "$(reason "native:bare:$T/bare:$offset" | grep -cE 'no symbols|not covered')" 1

mkdir -p root/opt && mv prog root/opt/prog && ln -s /opt/prog root/link
is '--root resolves paths below it' "$(named "native:root/opt/prog:/opt/prog:$offset" --root root)" 'ns::work(int) 1'
is 'and links' "$(named "native:root/opt/prog:/link:$offset" --root root)" 'ns::work(int) 1'
ln -s ../../../../../../../../../.."$T"/root/opt/prog root/out
like 'which cannot lead out of it' "$(named "native:root/opt/prog:/out:$offset" --root root)" '^out\+0x'

# By debug info alone: the program itself is gone.
id=$(readelf -n root/opt/prog | sed -n 's/.*Build ID: //p')
rest=${id#??}
mkdir -p "dbg/.build-id/${id%"$rest"}"
objcopy --only-keep-debug root/opt/prog "dbg/.build-id/${id%"$rest"}/$rest.debug"
is 'debug info without the program' "$(named "native:root/opt/prog:/gone:$offset" --debug-dir dbg)" 'ns::work(int) 1'

"$make_stream" "native:root/opt/prog:/opt/prog:$offset" "native:root/opt/prog:/opt/prog:10" >in.evp
evp-symbolize --root root <in.evp >one.evp
evp-symbolize --no-prov --demangle=none one.evp >again.evp
is 'a named frame stays as it is' "$(evp-fold -L '' again.evp | head -1)" 'ns::work(int) 1'
head -c 60 in.evp >cut.evp
status 'a cut stream: status 3' 3 evp-symbolize cut.evp
status 'an empty one too' 3 evp-symbolize /dev/null
status 'text is no stream' 2 evp-symbolize a.cc
done_testing
