#!/bin/sh
# evp-flame in a browser: the page unpacks, draws and searches, without an error.
. "${0%/*}/lib.sh"
needs chromium

# page FILE#HASH: what the page became; what it printed to its console is in $T/log.
page() {
	chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
		--disable-component-update --disable-sync --user-data-dir="$T/browser" --enable-logging=stderr \
		--virtual-time-budget=5000 --dump-dom "file://$T/$1" 2>"$T/log"
}
data() { sed -n "s/.*<html[^>]* data-$1=\"\([^\"]*\)\".*/\1/p" "$T/dom" | head -n 1; }

printf '%s\n' 'sh;main;a;b 30' 'sh;main;a;a;a 10' 'py;f 4' 'py;</script><script>document.title="got you"</script> 2' |
	evp-flame --title 'a title' >"$T/x.html"
page 'x.html#q=^a$' >"$T/dom"
is 'it came up' "$(data ready)" 1
is 'every frame is there' "$(data frames)" 9
is 'and every sample' "$(data total)" 46
is 'search counts a sample once' "$(data matched)" 40
is 'no name became code' "$(sed -n 's/.*<title>\(.*\)<\/title>.*/\1/p' "$T/dom")" 'a title'
is 'no word on the console' "$(grep -E 'CONSOLE' "$T/log")" ''

awk 'BEGIN { for (i = 0; i < 30000; i++) printf "sh;f%d;g%d;h%d %d\n", i % 97, i % 1919, i, i % 13 + 1 }' |
	evp-flame >"$T/big.html"
page 'big.html#o=icicle&c=kind&z=5' >"$T/dom"
is 'a big one too' "$(data ready) $(data total)" "1 $(awk 'BEGIN { for (i = 0; i < 30000; i++) n += i % 13 + 1; print n }')"
is 'without a word' "$(grep -E 'CONSOLE' "$T/log")" ''
done_testing
