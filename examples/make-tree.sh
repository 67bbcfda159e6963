#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Usage: make-tree.sh DIR
#
# Fills DIR, which must not exist, with the files that duplicates.gv and
# archive.gv are shown with: always the same, with names that hurt.
set -e
mkdir "$1"
cd "$1"
mkdir -p 'holiday photos/2024' backup/2024 src empty
LC_ALL=C awk 'BEGIN { for (i = 0; i < 3000; i++) print i, i * i }' >src/table
cp src/table backup/table.old
cp src/table 'backup/2024/a copy of table'
echo 'the sea' >'holiday photos/2024/sea.txt'
cp 'holiday photos/2024/sea.txt' backup/2024/sea.txt
echo 'the sky' >'holiday photos/2024/sky.txt' # the size of sea, other bytes
echo alone >src/alone
echo '*' >'src/-star*'
# shellcheck disable=SC2016
echo '*' >'backup/$HOME "quoted"'
: >empty/one
: >empty/two
