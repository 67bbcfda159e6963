# SPDX-License-Identifier: GPL-3.0-or-later
# helper: where things are, and a fresh directory for every test.
TOP=$(cd "$BATS_TEST_DIRNAME" && while test ! -d examples; do cd ..; done && pwd)
BUILD=$(cd "${top_builddir:-$TOP}" && pwd)
MG=$BUILD/mkfifo-graph
PATH=$BUILD:$PATH

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
}
