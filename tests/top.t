#!/bin/sh
# evp-top: flat and cumulative, callers, callees, the tree, formats, hostile names.
. "${0%/*}/lib.sh"
G=tests/golden/stream

printf '%s\n' 'a;b;c 5' 'a;b 3' 'a;b;a;b 2' 'a;d 10' 'e 1' | evp-import -q -f folded >"$T/x.evp"
top() { evp-top --tsv "$@" "$T/x.evp"; }
row() { awk -F '\t' -v f="$1" '$NF == f { print $1, $4 }'; }

is 'flat and cumulative' "$(top | row b)" '5 10'
is 'a recursive function counts once' "$(top | row a)" '0 20'
is 'sorted by flat' "$(top | cut -f 7 | tr '\n' ' ')" 'function d b c e a '
is 'sorted by cum' "$(top --sort cum -n 2 | cut -f 7 | tr '\n' ' ')" 'function a d '
is 'shares add up' "$(top | awk -F '\t' 'NR > 1 { n += $2; s = $3 } END { print (n - 1) ^ 2 < 1e-9, s }')" '1 1'
is 'callers' "$(top --callers b | cut -f 1,5 | tr '\t\n' '  ')" 'value caller 10 a '
is 'callees' "$(top --callees b | cut -f 1,5 | tr '\t\n' '  ')" 'value callee 5 c 5 [itself] '
is 'callers of a root' "$(top --callers e | tail -n 1 | cut -f 5)" '[root]'
is 'the tree' "$(top --tree -n 3 | cut -f 1,5,7 | tr '\t\n' ' /')" 'cum depth function/20 0 a/10 1 b/10 1 d/'
status 'a function that is not there' 1 evp-top --callers nix "$T/x.evp"
said 'is said' "no function 'nix'"

run evp-top -n 2 "$T/x.evp"
like 'text: event and samples' "$(cat "$T/out")" '^cpu: 21 samples'
like 'text: what was left out' "$(cat "$T/out")" '2 of 5 rows shown'
is 'JSON is JSON' "$(evp-top --json "$T/x.evp" | python3 -c 'import json, sys; j = json.load(sys.stdin); print(j["total"], j["rows"][0]["function"])')" '21 d'
is 'labels lead' "$(evp-top --by comm,pid --tsv $G/good/plain.evp | cut -f 1,2 | head -n 2 | tr '\t\n' '  ')" 'comm pid busy 42 '
like 'another value' "$(evp-top --value cpu $G/good/plain.evp)" '^cpu: .*s cpu in'
is 'two inputs add up' "$(evp-top --tsv "$T/x.evp" "$T/x.evp" | row b)" '10 20'

printf 'x\\x1b[31m\\xff\\n;\302\233q \342\200\256 7\n' | evp-import -q -f folded >"$T/bad.evp"
evp-top "$T/bad.evp" >"$T/out"
no 'no name can steer a terminal' grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae' "$T/out"
is 'and a line is a line' "$(evp-top --tsv "$T/bad.evp" | awk -F '\t' 'NF != 7' | wc -l)" 0

status 'an empty input' 3 evp-top /dev/null
head -c 300 "$T/x.evp" >"$T/cut.evp"
status 'a cut one' 3 evp-top "$T/cut.evp"
refused 'a bad label' "'a,' is no list" evp-top --by a, "$T/x.evp"
refused 'a bad order' "neither flat nor cum" evp-top --sort x "$T/x.evp"
refused 'a value it has not' "no value 'x'" evp-top --value x "$T/x.evp"
refused 'text is no stream' '.' evp-top tests/lib.sh
done_testing
