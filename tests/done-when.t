#!/bin/sh
# The pipelines that the tour promises, on made streams. tests/root/done-when.t has those that record.
. "${0%/*}/lib.sh"
cd "$T" || exit 1

folded() { # SLOW: 3,000 samples, of which so many in slow
	printf 'app;main;%s %d\n' fast 900 'parse;read' 600 'parse;split' 900 slow "$1"
}
folded 600 | evp-import -q -f folded --by comm --time @1760000000 -o a.evp
folded 1800 | evp-import -q -f folded --by comm --time @1760000100 -o b.evp

status 'a stream differs from itself in nothing' 0 evp-diff a.evp a.evp
status 'one function three times as slow' 1 evp-diff a.evp b.evp
evp-diff --tsv a.evp b.evp >table
is 'is the one that is called a regression, and no other is' \
	"$(awk -F '\t' '$1 == "regression" { print $NF }' table)" slow
status 'and the other way round it is none' 0 evp-diff b.evp a.evp

{ evp-fold a.evp; evp-fold b.evp; } | awk '{ n = $NF; sub(/ [0-9]*$/, ""); sum[$0] += n }
	END { for (s in sum) print s, sum[s] }' | LC_ALL=C sort >sum
status 'cat a b folds' 0 sh -c 'cat a.evp b.evp | evp-fold'
same 'to both folded and summed' "$T/out" sum

awk 'BEGIN { print "ts\tduration\tcomm\tsamples\tstack"
	for (i = 0; i < 20000; i++) printf "%d\t1\tapp\t1\tmain;f%d;g%d\n", 1760000000 + i / 10, i % 7, i * i }' |
	evp-import -q -f tsv -o long.evp
status 'half a stream is read as far as it is whole' 3 sh -c \
	'head -c $(($(stat -c %s long.evp)/2)) long.evp | evp-fold'
said 'and is said to be cut short' 'cut short'
ok 'which is about half' awk '{ n += $NF } END { exit !(n > 5000 && n < 15000) }' "$T/out"
status 'an empty input too' 3 sh -c 'evp-fold </dev/null'
said 'is cut short' 'cut short'

status 'adding' 0 sh -c 'evp-store add prof.d <a.evp'
find prof.d -name '*.parquet' -exec cksum {} + | sort >first
ok 'makes segments' test -s first
status 'adding the same again' 0 sh -c 'evp-store add prof.d <a.evp'
find prof.d -name '*.parquet' -exec cksum {} + | sort >second
same 'adds nothing' first second
status 'a query gives back' 0 sh -c 'evp-query -s prof.d cpu | evp-fold'
evp-fold a.evp >a.folded
same 'what was added' "$T/out" a.folded

status 'a query to pprof' 0 sh -c 'evp-query -s prof.d cpu | evp-export -f pprof -o p.pb.gz'
ok 'is gzip' gzip -t p.pb.gz
if command -v go >/dev/null; then
	like 'that pprof reads' "$(go tool pprof -top p.pb.gz 2>&1)" ' main$'
else
	skip 'that pprof reads' 'no go'
fi

"$TOP/build/peers/bin/python" -c 'import duckdb' 2>/dev/null || { skip 'DuckDB' 'no duckdb'; done_testing; }
status 'DuckDB reads the store as it lies' 0 "$TOP/build/peers/bin/python" -c "import duckdb; print(duckdb.sql(\"select stack, sum(samples) n from 'prof.d/type=cpu/**/*.parquet' group by 1 order by n desc limit 5\"))"
like 'and sums the same' "$(cat "$T/out")" 'main;parse;split .* 900 '
done_testing
