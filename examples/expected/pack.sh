#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# NAME.gz of pack.gv must hold what came in, and NAME.sha256 its sum: prints
# what is in NAME.gz when that is so.
sha256sum -c --quiet "$1.sha256" && exec gzip -dc "$1.gz"
