#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the files of archive.gv DIR NAME, one after the other.
set -e
LC_ALL=C
export LC_ALL
tar -C "$1" --sort=name --format=ustar --mtime=@0 --owner=0 --group=0 \
	--numeric-owner --mode=u=rwX,go=rX -cf "$2.tar" .
tar -tf "$2.tar" >"$2.list"
echo "$(wc -l <"$2.list") entries" >>"$2.list"
gzip -n -9 "$2.tar"
(cd "$(dirname "$2")" && sha256sum "$(basename "$2").tar.gz") >"$2.sha256"
