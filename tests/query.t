#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Store to stream: matchers, times, groups, windows, filters; and the same back with --raw.
. "${0%/*}/lib.sh"
cd "$T" || exit 1

# Six hours of four services; the second half of the rows comes as a second segment set.
awk 'BEGIN { print "ts\tnode\tservice\tcomm\tpid\ttier\tsamples\tstack"
	for (i = 0; i < 2160; i++) for (k = 0; k < 4; k++)
		printf "%d\tn%d\ts%d\tc%d\t%d\t%s\t%d\tmain;f%d;g%d%s\n", 1760054400 + 10 * i, k % 2, k, k % 3,
			100 + k, k == 3 ? "gold" : "", 1 + (i + k) % 3, i % 5, (i * k) % 7, i % 11 ? "" : ";a\\;b" }' >rows.tsv
evp-import -q -f tsv --period 10000000 rows.tsv -o rows.evp
export EVP_STORE="$T/s"
evp-store add --every 1h <rows.evp >add.out 2>&1 || sed 's/^/# /' add.out
ok 'several segments' [ "$(find s -name '*.parquet' | wc -l)" -ge 6 ]

# by NAME WANTED-FILTER(awk condition on the table) LABELS QUERY...: folds like the table itself.
by() {
	name=$1 cond=$2 labels=$3
	shift 3
	awk -F '\t' -v labels="$labels" 'BEGIN { n = split(labels, l, ",") }
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		{ ts = $1; node = $2; service = $3; comm = $4; pid = $5; tier = $6; stack = $8 }
		'"$cond"' { key = ""
			for (i = 1; i <= n; i++) { v = $(at[l[i]]); key = key (v == "" ? "[none]" : v) ";" }
			sum[key stack] += $7 }
		END { for (k in sum) print k, sum[k] }' rows.tsv | LC_ALL=C sort >want
	evp-query --by "$labels" "$@" >got.evp 2>err
	evp-fold --by "$labels" got.evp | LC_ALL=C sort >got
	same "$name" got want
}
by 'everything' 1 comm
by 'two labels' 1 service,node
by 'no label' 1 ''
by 'equal' 'service == "s1"' comm 'cpu{service="s1"}'
by 'not, regex' 'comm != "c0" && service ~ /^s[12]$/' comm '{comm!="c0",service=~"s[12]"}'
by 'a number' 'pid == 102' pid 'cpu{pid="102"}'
by 'a label without a column' 'tier == "gold"' tier,comm 'cpu{tier="gold"}'
by 'an absent one' 'tier == ""' comm 'cpu{tier=""}'
by 'times, the end excluded' 'ts >= 1760056205 && ts < 1760063400' comm --from @1760056205 --to @1760063400
by '--function' 'stack ~ /(^|;)g3(;|$)/' comm --function '^g3$'
by '--not --function' 'stack !~ /(^|;)g3(;|$)/' comm --not --function '^g3$'
by 'an escaped name' 'stack ~ /;b$/ && stack !~ /f1;g/' comm --function '^a;b$' --not --stack 'f1;g'

evp-query --by service --step 1h >step.evp
is 'windows of an hour' "$(evp-stream dump step.evp | sed -n 's/.* \([0-9]*\)\.000000:.*/\1/p' | sort -u | tr '\n' ' ')" \
	"$(seq 1760054400 3600 1760072400 | tr '\n' ' ')"
evp-fold step.evp -L '' >one
evp-query --by '' | evp-fold -L '' >two
same 'windows add up to the whole' one two
evp-query >a.evp && evp-query >b.evp
same 'the same bytes each time' a.evp b.evp
status 'whole' 0 evp-stream check a.evp

evp-query --raw >raw.evp
evp-fold --by service,pid,tier,node,comm raw.evp >one
evp-fold --by service,pid,tier,node,comm rows.evp >two
same '--raw has all labels' one two
is 'and every window' "$(evp-stream dump raw.evp | sed -n 's/.* \([0-9]*\.[0-9]*\):.*/\1/p' | sort -u | wc -l)" 2160
status 'and can be stored again' 0 sh -c 'evp-store add again <raw.evp'
is 'as the same rows' "$(evp-query -s again | evp-fold | md5sum)" "$(evp-query | evp-fold | md5sum)"

status 'nothing matches' 1 sh -c 'evp-query "cpu{comm=\"no\"}" >none.evp'
status 'an empty, valid stream' 0 evp-stream check none.evp
status 'a type that is not there' 1 sh -c 'evp-query alloc >none.evp'
status 'to a file' 0 evp-query -o out.evp
is 'what a pipe gets' "$(evp-fold out.evp | md5sum)" "$(evp-query | evp-fold | md5sum)"

is 'types' "$(evp-query types)" cpu
is 'labels' "$(evp-query labels | tr '\n' ' ')" 'comm node pid service tier '
is 'labels of some' "$(evp-query labels '{service="s0"}' | tr '\n' ' ')" 'comm node pid service '
is 'values' "$(evp-query values service | tr '\n' ' ')" 's0 s1 s2 s3 '
is 'values of some' "$(evp-query values service --from @1760054400 --to @1760054410 '{comm="c0"}' | tr '\n' ' ')" 's0 s3 '
is 'series' "$(evp-query series '{tier!=""}')" 'cpu{comm="c0",node="n1",pid="103",service="s3",tier="gold"}'
is 'a series selects itself' "$(evp-query series "$(evp-query series '{pid="101"}')")" "$(evp-query series '{pid="101"}')"
is 'TSV' "$(evp-query --tsv values comm | tr '\n' ' ')" 'value c0 c1 c2 '
is 'JSON' "$(evp-query --json types | tr -d ' \n')" '[{"type":"cpu"}]'
status 'no such value' 1 evp-query values nope
like 'top' "$(evp-query top -n 3)" '^ *[0-9]+ .* g0$'

# A stack whose root was not reached stays one.
printf 'ts\tsamples\tstack\n1760054400\t1\t[cut:too-deep];x\n1760054400\t3\tmain;x\n' | evp-import -q -f tsv | evp-store add cut 2>/dev/null
like 'cut, in the table' "$(evp-query -s cut top)" 'cut stacks 25'
like 'and in the stream' "$(evp-query -s cut | evp-top)" 'cut stacks 25'

# Code without symbols is a row a module in both tables.
printf 'a;libx.so+0x10 3\na;libx.so+0x20 2\na 1\n' | evp-import -q -f folded | evp-store add nameless 2>/dev/null
run evp-query -s nameless top
is 'as evp-top has it' "$(cat "$T/out")" "$(evp-query -s nameless | evp-top)"
like 'one row' "$(cat "$T/out")" '^ *5 .* \[libx.so\]$'
unlike 'a store knows no modules: there is no such column' "$(printf 'a;f 3\na;libx.so+0x10 3\n' | evp-import -q | evp-top)" 'MODULE'
unlike 'a store has no addresses to name' "$(cat "$T/out")" 'may help'
like 'a stream has' "$(printf 'a;libx.so+0x10 3\n' | evp-import -q | evp-top)" 'evp-symbolize may help'
unlike 'unless they were looked for' "$(printf 'a;libx.so+0x10 3\n' | evp-import -q | evp-symbolize | evp-top)" 'may help'
done_testing
