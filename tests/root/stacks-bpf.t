#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Whole stacks of everything, walked in BPF.
backend=bpf
. "${0%/*}/stacks.sh"
done_testing
