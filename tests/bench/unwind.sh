#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Unwind tables: rows compiled a second (reading the file and building its table included) beside
# libdw asked for the same rows; rows that are exactly readelf's, of some 18 system files.
. "${0%/*}/lib.sh"

make -s -j2 --no-print-directory B="$B" units >&2
tool=$B/tests/tool
lib=/usr/lib/x86_64-linux-gnu

# first OF PATHS: those that are there.
there() { for f; do [ -f "$f" ] && realpath "$f"; done; }
figure() { sed -n 's/.*\t\([0-9.]*\) Mrows\/s.*/\1/p'; }

mapfile -t fast < <(there $lib/libc.so.6 $lib/libcrypto.so.3 $lib/libLLVM-1?.so.1 /usr/bin/node \
	/usr/lib/jvm/*/lib/server/libjvm.so)
for file in "${fast[@]}"; do
	cost "$tool/unwind_rows -t 1 $file" 1
	# shellcheck disable=SC2154 # set by cost
	row "unwind rows, ${file##*/}" "$("$tool/unwind_rows" -t 9 "$file" | figure)" 'M rows/s' "$peak" \
		libdw "$("$tool/unwind_libdw" 3 "$file" | figure)" - 20
done

mapfile -t files < <(there $lib/libc.so.6 /lib64/ld-linux-x86-64.so.2 $lib/libcrypto.so.3 \
	$lib/libstdc++.so.6 $lib/libm.so.6 $lib/libssl.so.3 $lib/libbpf.so.1 $lib/libdw.so.1 \
	$lib/libsystemd.so.0 $lib/libsqlite3.so.0 /bin/bash /usr/bin/perl /usr/bin/python3.11 /usr/bin/git \
	/usr/bin/perf "$(gcc -print-prog-name=cc1)" /usr/lib/jvm/*/lib/server/libjvm.so /usr/bin/node)
[ -z "${EVP_BENCH_SHORT-}" ] || files=("${files[@]:0:6}")
tests/tool/unwind_compare.py "$tool/unwind_rows" "${files[@]}" >"$W/unwind.tsv" || :
awk -F '\t' '$1 == "all" { print $2 + 0, $3 + 0, $5 + 0 }' "$W/unwind.tsv" | {
	read -r rows exact differ
	row "unwind rows exact, ${#files[@]} files, $rows rows" \
		"$(awk -v a="$exact" -v b="$rows" 'BEGIN { printf "%.3f", 100 * a / b }')" '%' - \
		'readelf (the reference)' 100 - 99.8
	row 'unwind rows not exact and not marked' "$differ" rows - 'readelf (the reference)' 0 - 0
}
