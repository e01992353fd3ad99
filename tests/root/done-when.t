#!/bin/sh
# The pipelines that the tour promises, recorded on this machine as they are written there.
. "${0%/*}/../lib.sh"
needs root
cd "$T" || exit 1

PATH=$BIN:/usr/bin:$PATH # Debian's python3: stripped, but for what it exports
python='while True: sum(i * i for i in range(10**6))'
bg timeout 60 python3 -c "$python"

status 'the whole machine, folded' 0 sh -c \
	'evp-record -a -F 99 --duration 5 | evp-symbolize | evp-fold >out.folded'
like 'has the workload' "$(cat out.folded)" '^python3?[^;]*;.*[1-9][0-9]* *$'
no 'and nothing but stacks and counts' grep -qvE '^[^ ].* [0-9]+$' out.folded
run "$FLAMEGRAPH" out.folded
ok 'feeds flamegraph.pl' grep -q '</svg>' "$T/out"
is 'unchanged' "$(cat "$T/err")" ''
if command -v inferno-flamegraph >/dev/null; then
	status 'feeds inferno' 0 inferno-flamegraph out.folded
else
	skip 'feeds inferno' 'no inferno-flamegraph'
fi

evp-record -F 99 -o - -- python3 -c 'print(sum(i*i for i in range(3*10**7)))' 2>cmd.err |
	evp-symbolize | evp-top >top
is 'the workload keeps its output, beside the stream' "$(cat cmd.err)" 8999999550000005000000
is 'the eval loop leads what has a name' \
	"$(awk '/^ *[0-9]+ / && $NF !~ /^\[/ { print $NF; exit }' top)" _PyEval_EvalFrameDefault
status 'and its status' 7 evp-record -o cmd.evp -- python3 -c 'raise SystemExit(7)'

status 'into a store' 0 sh -c 'evp-record -a --duration 10 -i 2 | evp-symbolize | evp-store add prof.d'
status 'and out of it' 0 sh -c \
	"evp-query -s prof.d 'cpu{comm=~\"python.*\"}' --from -1h | evp-flame -o f.html"
ok 'a flame graph' grep -q '</html>' f.html
status 'pprof' 0 sh -c 'evp-query -s prof.d cpu | evp-export -f pprof -o p.pb.gz'
if command -v go >/dev/null; then
	like 'reads it' "$(go tool pprof -top p.pb.gz 2>&1)" 'flat%'
else
	skip 'reads it' 'no go'
fi
"$TOP/build/peers/bin/python" -c 'import duckdb' 2>/dev/null || { skip 'DuckDB' 'no duckdb'; done_testing; }
status 'DuckDB reads it' 0 "$TOP/build/peers/bin/python" -c "import duckdb; print(duckdb.sql(\"select stack, sum(samples) n from 'prof.d/type=cpu/**/*.parquet' group by 1 order by n desc limit 5\"))"
done_testing
