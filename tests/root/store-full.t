#!/bin/sh
# A full disk: from a file add gives up and says so; from a pipe it goes on and counts what it drops.
. "${0%/*}/../lib.sh"
needs root
mkdir "$T/disk"
mount -t tmpfs -o size=300k tmpfs "$T/disk" 2>/dev/null || skip_all 'may not mount'
trap 'umount "$T/disk"; tap_exit' EXIT

awk 'BEGIN {
	print "ts\tcomm\tsamples\tstack"
	for (i = 0; i < 20000; i++)
		printf "%d\tc%d\t1\tmain;function_%d;another_%d\n", 1759968000 + int(i / 100) * 10, i % 5, i * i % 991, i % 17
}' >"$T/rows.tsv"
evp-import -q -f tsv "$T/rows.tsv" >"$T/a.evp"
stored() { evp-store ls --tsv "$T/disk/s" | awk -F '\t' 'NR > 1 { n += $6 } END { print n + 0 }'; }

status 'from a file: it could not be done' 2 evp-store add "$T/disk/s" "$T/a.evp"
said 'and why' 'No space left on device'
status 'what is there is whole' 0 evp-store verify "$T/disk/s"
is 'nothing is half-written' "$(find "$T/disk" -type f ! -name '*.parquet' ! -name _evp_store.json)" ''
rm -rf "$T/disk/s"

status 'from a pipe: incomplete' 3 sh -c "cat '$T/a.evp' | evp-store add '$T/disk/s'"
dropped=$(sed -n 's/.*: \([0-9]*\) samples in [0-9]* windows dropped/\1/p' "$T/err")
is 'every sample is stored or counted' "$((dropped + $(stored)))" 20000
status 'what is there is whole' 0 evp-store verify "$T/disk/s"
mount -o remount,size=50m "$T/disk"
status 'with room again, the same stream' 0 evp-store add "$T/disk/s" "$T/a.evp"
is 'is complete' "$(stored)" 20000
done_testing
