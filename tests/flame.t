#!/bin/sh
# evp-flame: the page as text. What a browser makes of it: flame_browser.t.
. "${0%/*}/lib.sh"
G=tests/golden/stream

printf '%s\n' 'sh;main;a;b 30' 'sh;main;a 10' 'py;f 4' >"$T/x.folded"
status 'folded text' 0 evp-flame -o "$T/x.html" "$T/x.folded"
evp-import -q -f folded --by comm "$T/x.folded" >"$T/x.evp"
evp-flame "$T/x.evp" >"$T/y.html"
is 'a stream gives the same graph' "$(grep 'id="data"' "$T/y.html")" "$(grep 'id="data"' "$T/x.html")"
evp-flame "$T/x.folded" >"$T/z.html"
same 'the same bytes every time' "$T/x.html" "$T/z.html"
like 'what it is of' "$(evp-flame $G/good/plain.evp)" 'class="about">cpu · [0-9]+ samples'
like 'a table for those without script' "$(cat "$T/x.html")" '^<tr><td>30<td>68.18 %<td>30<td>68.18 %<td>b<td>'
unlike 'nothing is loaded' "$(cat "$T/x.html")" '(src|href)=|@import|url\(|fetch\(|XMLHttp'

# Names that would leave their place in markup, in script, or in text.
printf 'sh;</script><script>alert(1)</script>;"><img src=x onerror=alert(1)>;{{DATA}};\\xff\\x00\342\200\256 5\n' >"$T/bad.folded"
evp-flame --title '</title><b>&' "$T/bad.folded" >"$T/bad.html"
is 'one script, one end of it' "$(grep -c '</script>' "$T/bad.html")" 2
unlike 'no tag from a name' "$(cat "$T/bad.html")" '<img|<b>&|alert\(1\)<'
like 'a name is text' "$(cat "$T/bad.html")" '&lt;/script&gt;&lt;script&gt;alert'
ok 'the page is UTF-8' iconv -f utf-8 -t utf-8 -o /dev/null "$T/bad.html"
no 'and has no control characters' grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$T/bad.html"

# 1 MB for 175,000 frames: here 60,000 different ones within a third of that.
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "sh;f%d;g%d;h%d %d\n", i % 997, i % 7919, i, i % 13 + 1 }' >"$T/big.folded"
evp-flame "$T/big.folded" >"$T/big.html"
ok 'packed' test "$(stat -c %s "$T/big.html")" -lt 350000

status 'an empty input' 3 evp-flame -o "$T/none.html" /dev/null
status 'neither of the two' 2 sh -c "gzip <$T/x.folded | evp-flame -o $T/never"
no 'leaves nothing' test -e "$T/never"
refused 'text with a bad line' "line 2" sh -c 'printf "a;b 1\nnot folded\n" | evp-flame'
refused 'a value it has not' "no value 'x'" evp-flame --value x "$T/x.evp"
done_testing
