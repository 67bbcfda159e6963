#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Usage: make-repository.sh DIR
#
# Makes a small git repository in DIR, which must not exist, for gitlog.gv:
# 60 commits, always the same ones.
set -e
git init -q "$1"
LC_ALL=C awk 'BEGIN {
	split("Ada Grace Ken Doug", name, " ")
	split("main.c list.c list.h README tests/list.sh naïve", file, " ")
	seed = 11
	for (i = 1; i <= 60; i++) {
		seed = seed * 16807 % 2147483647
		who = name[int(seed / 7 % 10 / 3) + 1]
		when = 1735689600 + i * 100003
		print "commit refs/heads/main"
		print "committer " who " <" who "@example.org> " when " +0000"
		print "data 0"
		print "M 100644 inline " file[seed % 6 + 1]
		text = "version " i "\n"
		print "data " length(text)
		print text
		print "M 100644 inline " file[1]
		print "data " length(text)
		print text
	}
}' | git -C "$1" fast-import --quiet
git -C "$1" symbolic-ref HEAD refs/heads/main
