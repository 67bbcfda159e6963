#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What gitlog.gv [DIR] must print, with a git log a question.
LC_ALL=C
export LC_ALL
cd "${1:-.}" || exit

rank() {
	sort | uniq -c | sort -k 1,1nr -k 2
}

echo Authors
git log --format=%an | rank
printf '\nDays\n'
git log --date=format:%a --format=%ad | rank
printf '\nFiles\n'
git -c core.quotePath=off log --no-renames --name-only --format= | rank |
	sed 10q
