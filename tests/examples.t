#!/bin/sh
# The lines of EXAMPLES in every page are run, in order, among files made here: none may fail, but
# the answer of a query or a diff may be no. Recordings last a second here.
. "${0%/*}/lib.sh"

# The lines: .Dl ones, and those in displays that begin with a prompt.
examples() {
	awk '/^\.Sh / { on = $2 == "EXAMPLES" }
		!on { next }
		sub(/^\.Dl (\$ |# )?/, "") || sub(/^(\$|#) /, "") {
			gsub(/\\e/, "\\"); gsub(/\\&/, ""); gsub(/\\\(dq/, "\""); gsub(/\\\(aq/, "\047"); gsub(/\\-/, "-"); print }' "$1"
}

mkdir "$T/bin" "$T/files"
ln -s "$FLAMEGRAPH" "$T/bin/flamegraph.pl"
peer=$(command -v inferno-collapse-perf) && ln -s "$peer" "$T/bin/stackcollapse-perf.pl"
PATH=$T/bin:$PATH
cd "$T/files" || exit 1
export EVP_STORE=prof.d
now=$(($(date +%s) / 10 * 10 - 60))
for f in a b c out old profile base new before after; do
	printf 'app;main;parse %d\napp;main;malloc 500\n' 300 >$f.folded
	evp-import -q -f folded --by comm --time @$now -o $f.evp $f.folded
	evp-export -f pprof -o $f.pb.gz $f.evp
	gzip -k $f.folded
done
printf 'ts\tcomm\tsamples\tstack\n%d\tapp\t7\tmain;parse\n' $now >rows.tsv
printf '#!/bin/sh\nawk "BEGIN { for (i = 0; i < 3000000; i++) x += i }"\n' >bench
chmod +x bench
evp-store add prof.d a.evp

for page in "$TOP"/man/*.[1-8]; do
	examples "$page" | while IFS= read -r line; do
		printf '%s\t%s\n' "${page##*/}" "$line"
	done
done >"$T/lines"
ok 'there are examples' test -s "$T/lines"

tab=$(printf '\t')
while IFS="$tab" read -r page line; do
	name="$page: $line"
	case $line in
	*ssh* | *git\ bisect*) continue ;; # needs another host, a repository
	*evp-record* | *'evp record'*) [ "$(id -u)" = 0 ] || { skip "$name" 'not root'; continue; } ;;
	esac
	case $line in
	*stackcollapse*) needed=stackcollapse-perf.pl absent='no inferno-collapse-perf' ;;
	go\ *) needed=go absent='no go' ;;
	*) needed="sh" ;;
	esac
	command -v $needed >/dev/null || { skip "$name" "$absent"; continue; }
	[ -d "$T/$page" ] || cp -r "$T/files" "$T/$page"
	cd "$T/$page" || exit 1
	short=$(printf '%s' "$line" | sed -E 's/--duration [0-9]+/--duration 1/g
		/--duration| -- /!s/evp-record /evp-record --duration 1 /')
	run timeout 20 bash -c -o pipefail "$short" </dev/null
	case "$rc $line" in "1 "*evp-diff* | "125 "*evp-diff* | "1 "*evp-query*) rc=0 ;; esac
	if [ "$rc" = 0 ]; then ok "$name" true; else is "$name" "status $rc: $(tail -n 3 "$T/err")" 'status 0'; fi
done <"$T/lines"
done_testing
