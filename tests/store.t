#!/bin/sh
# evp-store add, ls, stat, verify: what goes in is there once, whole, whatever happens on the way.
. "${0%/*}/lib.sh"

# A stream of 300 windows of 10 s from 2025-10-09T00:00:00Z, several services, some stacks.
awk 'BEGIN {
	print "ts\tnode\tunit\tcomm\tpid\track\tsamples\tstack"
	for (i = 0; i < 6000; i++)
		printf "%d\tn%d\tweb@%d.service\tc%d\t%d\tr%d\t%d\tmain;f%d;g%d\n", 1759968000 + int(i / 20) * 10,
			i % 2, i % 3, i % 5, 100 + i % 7, i % 2, i % 4 + 1, i * i % 61, i % 11
}' >"$T/rows.tsv"
evp-import -q -f tsv "$T/rows.tsv" >"$T/a.evp"
tsv() { evp-store "$@" --tsv | tail -n +2; }
names() { (cd "$1" && find . -name '*.parquet' | sort); }
samples() { tsv ls "$1" | awk -F '\t' '{ n += $6 } END { print n + 0 }'; }

status 'add makes a store' 0 evp-store add "$T/s" "$T/a.evp"
is 'a segment a minute' "$(names "$T/s" | wc -l)" 50
is 'every sample is there' "$(samples "$T/s")" 15000
like 'the layout' "$(names "$T/s" | head -n 1)" \
	'^\./type=cpu/date=2025-10-09/0-20251009T000000Z-20251009T000100Z-[0-9a-f]{16}\.parquet$'
is 'files are 0640' "$(find "$T/s" -type f ! -perm 640)" ''
names "$T/s" >"$T/first"
status 'adding it again adds nothing' 0 sh -c "evp-store add '$T/s' <'$T/a.evp'"
names "$T/s" >"$T/second"
same 'the same segments' "$T/first" "$T/second"
status 'verify finds nothing' 0 evp-store verify "$T/s"
status 'another store' 0 evp-store add -s "$T/s2" "$T/a.evp"
ok 'has the same bytes' sh -c "diff -r -x _evp_store.json '$T/s' '$T/s2'"
status '--again' 0 evp-store add --again "$T/s2" "$T/a.evp"
is 'adds it again' "$(samples "$T/s2")" 30000

status '--every 1d' 0 evp-store add --every 1d "$T/day" "$T/a.evp"
is 'is one segment' "$(names "$T/day" | wc -l)" 1
is 'stat sums up' "$(tsv stat "$T/day" | cut -f 1,2,6)" "$(printf 'cpu\t1\t15000')"
is 'ls --type' "$(tsv ls "$T/day" --type offcpu)" ''
is 'ls --from, --to' "$(tsv ls "$T/s" --from 2025-10-09T00:10:00Z --to 2025-10-09T00:12:00Z | wc -l)" 2
like 'stat --labels knows all labels' "$(evp-store stat --labels "$T/day" | sort)" '^rack  *2  '
like 'ls --json' "$(evp-store ls --json "$T/day")" '"samples": *15000'

# What is left over at a cut is a part; the whole stream replaces it.
size=$(wc -c <"$T/a.evp")
for i in 1 2 3 4 5 6 7; do
	head -c $((size * i / 8)) "$T/a.evp" >"$T/cut.evp"
	rm -rf "$T/c"
	evp-store add --every 10m "$T/c" "$T/cut.evp" 2>"$T/err" && echo "cut $i: status 0"
	evp-store add --every 10m "$T/c" "$T/cut.evp" 2>"$T/err" && echo "cut $i: status 0"
	evp-store verify "$T/c" || echo "cut $i: damaged"
	evp-store add --every 10m "$T/c" "$T/a.evp" || echo "cut $i: failed"
	[ "$(samples "$T/c")" = 15000 ] || echo "cut $i: $(samples "$T/c") samples"
	names "$T/c" | grep part
done >"$T/cuts"
is 'cut, added twice, then whole: every sample once' "$(cat "$T/cuts")" ''
status 'an empty input' 3 sh -c "evp-store add '$T/c' </dev/null"

# Killed at any time, a store has whole segments only, and no other files.
for i in 1 2 3 4 5 6 7 8 9; do
	evp-store add -q "$T/k" "$T/a.evp" &
	sleep "0.0$i"
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
done 2>/dev/null
status 'killed nine times, verify finds nothing' 0 evp-store verify "$T/k"
is 'nothing is left lying about' "$(find "$T/k" -type f ! -name '*.parquet' ! -name _evp_store.json)" ''
for i in 1 2 3 4; do evp-store add "$T/k" "$T/a.evp" & done
wait
is 'four at once: every sample once' "$(samples "$T/k")" 15000
names "$T/k" >"$T/second"
same 'the segments are the same as ever' "$T/first" "$T/second"

# A pipe that stays open: published by the minute, the rest on SIGTERM.
mkfifo "$T/pipe"
bg sh -c "exec evp-store add '$T/p' <'$T/pipe'"
exec 9>"$T/pipe"
cat "$T/a.evp" >&9
ok 'minutes are published while the pipe is open' waits 5 sh -c "[ \$(find '$T/p' -name '*.parquet' | wc -l) = 50 ]"
kill -TERM "$pid"
wait "$pid"
is 'SIGTERM ends it well' $? 0
exec 9>&-
is 'with everything stored' "$(samples "$T/p")" 15000

# Damage: the page is named, the rest is answered.
file=$T/s/$(sed -n 25p "$T/first")
printf 'X' | dd of="$file" bs=1 seek=2000 conv=notrunc 2>/dev/null
status 'a flipped byte' 3 evp-store verify "$T/s"
said 'the segment, column and place are named' "^evp-store: '.*$(basename "$file")': .*at offset"
head -c 3000 "$file" >"$T/x" && cp "$T/x" "$file"
status 'a cut segment' 3 evp-store ls "$T/s"
said 'is named' 'no Parquet footer: cut'
is 'the others are listed' "$(tsv ls "$T/s" 2>/dev/null | wc -l)" 49

refused 'a file' 'not a directory' evp-store add "$T/a.evp" "$T/a.evp"
refused 'a foreign directory' 'no store and not empty' evp-store add /etc "$T/a.evp"
refused 'no store to list' 'it has no _evp_store.json' evp-store ls "$T"
refused 'none at all' 'No such file' evp-store ls "$T/none"
refused 'text' 'evp stream' evp-store add "$T/t" "$T/rows.tsv"
refused 'a verb it has not' 'unknown verb' evp-store frob "$T/s"
refused 'both formats' 'exclude' evp-store ls --json --tsv "$T/s"
echo '{"format": 2}' >"$T/s/_evp_store.json"
refused 'a later format is not written to' 'format 2, this program knows 1' evp-store add "$T/s" "$T/a.evp"
status 'but read' 3 evp-store ls "$T/s"
done_testing
