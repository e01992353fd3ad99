#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# evp-record(1) beside the sources: whatever a recording may say has its line in the page, and what
# has a line there may be said. (Options: scripts/man-options. Names of --check: root/check-json.t.)
. "${0%/*}/lib.sh"

# section NAME: the lines of the page under that heading.
section() { awk -v name="$1" '/^\.Sh / { on = substr($0, 5) == name } on' man/evp-record.1; }
# words: one a line, each once, sorted.
words() { tr -s ' ,' '\n' | sed '/^$/d' | sort -u; }
# agree NAME PAGE SOURCE: the same words, and there are some.
agree() { is "$1" "$2" "${3:-some}"; }

agree 'reasons of cut marks' "$(section STACKS | sed -n 's/^\.It Cm //p' | words)" \
	"$(sed -n 's/.*\[EVP_WALK_[A-Z0-9_]*\] = "\(.*\)",/\1/p; s/.*push_cut([^"]*"\(.*\)",.*/\1/p' lib/*/*.c | words)"
agree 'reasons of losses' "$(section LOSSES | sed -n 's/^\.It Cm //p' | words)" \
	"$(sed -n 's/.*\(loss\|lose\)(.*"\([a-z-]*\)".*/\2/p' lib/record/*.c | words)"
run evp-record --labels nosuch -o no.evp
agree 'labels' "$(section LABELS | sed -n 's/^\.It \([a-z_]*\) Ta.*/\1/p' | words)" \
	"$(sed 's/.*there are//' "$T/err" | words)"
agree 'the default ones' "$(section LABELS | sed -n 's/^\.It \([a-z_]*\) Ta yes.*/\1/p' | words)" \
	"$(sed -n '/define EVP_LABELS_DEFAULT/,/^$/p' lib/record/labeller.h | grep -o 'EVP_LABEL_[A-Z_]*' |
		sed 's/EVP_LABEL_//' | tr '[:upper:]' '[:lower:]' | words)"
agree 'labels that rules see' "$(section RELABELLING | sed -n 's/^\.It \(__meta_[a-z_]*\).*/\1/p' | words)" \
	"$(cat lib/record/labeller*.c lib/record/process_text.h | grep -o '"__meta_[a-z][a-z_]*' | tr -d '"' | words)"
agree 'actions of rules' "$(section RELABELLING | sed -n 's/^\.It Ql //p' | words)" \
	"$(sed -n 's/.*\[EVP_RELABEL_[A-Z]*\] = { "\([a-z]*\)".*/\1/p' lib/record/relabel*.c | words)"
for option in -F -c --max-overhead; do
	run evp-record $option 0 -o no.evp
	range=$(sed -n 's/.*is not within //p' "$T/err")
	like "the range of $option" "$(tr '\n' ' ' <man/evp-record.1)" "[^0-9.]${range:-some}[^0-9]"
done
done_testing
