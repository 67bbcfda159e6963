#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What calculator.gv must print: a bc a question, which is told all the
# settings and answers so far.
ans=0
settings=
while IFS= read -r question; do
	answer=$(printf '%s\nans = %s\n%s\n' "$settings" "$ans" "$question" |
		BC_LINE_LENGTH=0 bc -l -q 2>/dev/null)
	case $question in
	scale*) settings=$question ;;
	esac
	if test -n "$answer"; then
		echo "$question = $answer"
		ans=$answer
	else
		echo "$question: no answer"
	fi
done
