#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What timeline.gv WEB APP DB must print, by sorting everything.
tab=$(printf '\t')
{
	sed "s/$tab/${tab}web$tab/" "$1"
	sed "s/$tab/${tab}app$tab/" "$2"
	sed "s/$tab/${tab}db$tab/" "$3"
} | LC_ALL=C sort -s -t "$tab" -k 1,1
