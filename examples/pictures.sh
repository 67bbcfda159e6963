#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Usage: pictures.sh [DIR]
#
# Draws every graph here into DIR (this directory) as SVG. For `make pictures`.
set -e
here=$(cd "$(dirname "$0")" && pwd)
to=${1:-$here}
mkdir -p "$to"
for graph in "$here"/*.gv; do
	name=$(basename "$graph" .gv)
	dot -Tsvg -o "$to/$name.svg" "$graph"
done
