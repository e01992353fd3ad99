#!/bin/sh
# The helpers themselves: what is wrong must come out as `not ok`.
. "${0%/*}/lib.sh"

mkdir "$T/tests"
cp tests/lib.sh "$T/tests/"
cat >"$T/tests/inner.t" <<'EOT'
#!/bin/sh
. "${0%/*}/lib.sh"
ok 1 false
no 2 true
is 3 a b
like 4 abc '^b'
unlike 5 abc b
same 6 /dev/null "$0"
status 7 2 false
refused 8 . sh -c 'echo out; echo err >&2; exit 2'
refused 9 nothing sh -c 'echo err >&2; exit 2'
ok 10 waits 1 false
ok 11 true
skip 12 'not root'
done_testing
EOT
chmod +x "$T/tests/inner.t"

mkdir "$T/tmp"
TMPDIR=$T/tmp; export TMPDIR
status 'a failed check fails the file' 1 "$T/tests/inner.t"
is 'every wrong check is seen' "$(grep -c '^not ok' "$T/out")" 10
is 'right and skipped ones pass' "$(grep '^ok' "$T/out")" 'ok 11 - 11
ok 12 - 12 # SKIP not root'
is 'the plan counts all' "$(tail -n 1 "$T/out")" 1..12
is 'its folder is gone' "$(ls "$T/tmp")" ''

(cd "$T" && "$TOP/scripts/tap" -t 5 tests/inner.t) >"$T/sum" 2>&1
is 'scripts/tap counts an unexpected skip as failed' "$(tail -n 1 "$T/sum")" '1 passed, 11 failed, 1 skipped'
(cd "$T" && "$TOP/scripts/tap" -t 5 -a 'not root' tests/inner.t) >"$T/sum" 2>&1
is 'and an allowed one as skipped' "$(tail -n 1 "$T/sum")" '1 passed, 10 failed, 1 skipped'

printf '#!/bin/sh\necho ok 1\nsleep 60\n' >"$T/tests/hang.t"
printf '#!/bin/sh\necho ok 1\nkill -SEGV $$\n' >"$T/tests/dies.t"
printf '#!/bin/sh\necho ok 1\n' >"$T/tests/noplan.t"
chmod +x "$T"/tests/*.t
for t in hang dies noplan; do
	(cd "$T" && "$TOP/scripts/tap" -t 1 tests/$t.t) >"$T/sum" 2>&1
	is "a test that fails by itself: $t" "$(tail -n 1 "$T/sum")" '1 passed, 1 failed, 0 skipped'
done
done_testing
