#!/bin/sh
# The dispatcher.
. "${0%/*}/lib.sh"

status 'evp alone lists the programs' 0 evp
listed=$(sed -n 's/^  \([a-z]*\) .*/\1/p' "$T/out" | sort)
built=$(cd "$BIN" && find . -name 'evp-*' | sed 's/.*evp-//' | sort)
is 'every one of them' "$listed" "$built"
no 'each with what it does' grep -qE '^  [a-z]+ *$' "$T/out"
ok 'in one screen' test "$(wc -l <"$T/out")" -le 24
no 'and 80 columns' grep -qE '.{81}' "$T/out"

mkdir "$T/bin" "$T/path"
cp "$BIN/evp" "$T/bin/"
for dir in bin path; do
	printf '#!/bin/sh\necho usage\necho what it does\necho %s "$@"\nexit 7\n' $dir >"$T/$dir/evp-both"
	chmod +x "$T/$dir/evp-both"
done
mv "$T/path/evp-both" "$T/path/evp-other"
cp "$T/bin/evp-both" "$T/path/"
PATH=$T/path:$PATH
status 'evp NAME is evp-NAME, with its status' 7 "$T/bin/evp" both -a --x ''
is 'its own folder comes first; arguments pass through' "$(tail -n 1 "$T/out")" 'bin -a --x '
status 'then PATH' 7 "$T/bin/evp" other
refused 'an unknown name, with the nearest' "no program 'evp-bth' \(did you mean 'both'\?\)" "$T/bin/evp" bth
refused 'an unknown name, with none near' 'evp alone lists' "$T/bin/evp" zzzzzzz
refused 'a path is no name' 'no program' "$T/bin/evp" ../bin/evp-both
refused 'an unknown option' "unknown option '-Z'" evp -Z
chmod -x "$T/bin/evp-both"
refused 'a program that may not be run' 'cannot run' "$T/bin/evp" both

status 'evp help NAME shows the page' 0 env MANPAGER=cat PAGER=cat evp help fold
like 'of that program' "$(cat "$T/out")" 'evp-fold -a'
status 'evp help shows the tour' 0 env MANPAGER=cat PAGER=cat evp help
done_testing
