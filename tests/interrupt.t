#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Ctrl-C on a pipeline: the head ends, the filters behind it show what it had to say.
. "${0%/*}/lib.sh"
cd "$T" || exit 1

echo 'main;f 3' | evp-import -q -f folded -o a.evp
cat >head.sh <<'SH'
trap 'cat a.evp; exit 0' INT
: >ready
while :; do sleep 0.1; done
SH
cat >press.py <<'PY'
# Runs a command line on a terminal of its own and presses Ctrl-C as often as told, once "ready" is there.
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp('sh', ['sh', '-c', sys.argv[2]])
while not os.path.exists('ready'):
    time.sleep(0.02)
time.sleep(0.3)
for _ in range(int(sys.argv[1])):
    os.write(fd, b'\x03')
    time.sleep(0.3)
try:
    while os.read(fd, 4096):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
PY
# sh itself must live on to tell the status.
pressed() { # TIMES COMMAND-LINE
	rm -f ready out
	python3 press.py "$1" "trap : INT; $2; echo \$? >rc"
}
pressed 1 'sh head.sh | evp-symbolize | evp-fold --by "" >out'
is 'Ctrl-C ends the head, and what it wrote comes through' "$(cat rc; cat out)" "0
main;f 3"
pressed 1 'sh head.sh | evp-diff --fold --by "" - a.evp >out'
is 'so does one side of a diff' "$(cat rc; cat out)" "0
main;f 3 3"
pressed 2 "(trap '' INT; : >ready; sleep 3) | evp-fold >out"
is 'a second one ends a filter' "$(cat rc)" 130

is 'a signal to it alone ends it' "$(python3 -c "import subprocess, time
p = subprocess.Popen(['evp-fold'], stdin=subprocess.PIPE)
time.sleep(0.3)
p.send_signal(2)
print(p.wait())")" -2
done_testing
