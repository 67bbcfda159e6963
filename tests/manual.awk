# SPDX-License-Identifier: GPL-3.0-or-later
#
# manual.awk: the examples of a manual page, as its reader would type them.
#
#	awk -f manual.awk -v want=titles PAGE
#		the title of each example, one a line
#	awk -f manual.awk -v want=session -v title=TITLE PAGE
#		what is printed under that title, the roff escapes undone
#	awk -f manual.awk -v want=script -v title=TITLE PAGE
#		a shell script that prints the same when the page tells the truth
#
# An example is a subsection (.Ss) of EXAMPLES with at least one display
# (.Bd -literal). In a display "$ COMMAND" is typed and what follows is
# printed. A command goes on while its lines end in a backslash, and through
# the here-documents (<<'WORD') that it opens. All displays under one title
# are one session, in one directory.

function plain(line)
{
	gsub(/\\&/, "", line)
	gsub(/\\-/, "-", line)
	gsub(/\\\(aq/, "'", line)
	gsub(/\\\(dq/, "\"", line)
	gsub(/\\\(ti/, "~", line)
	gsub(/\\\(ha/, "^", line)
	gsub(/\\\(ga/, "`", line)
	gsub(/\\e/, "\\", line)
	return line
}

function quoted(text)
{
	gsub(/'/, "'\\''", text)
	return "'" text "'"
}

# The script echoes a command as it stands in the page, then does it, with the
# status of the one before still in $?.
function flush_command()
{
	if (command == "")
		return
	printf "_s=$?; printf '%%s\\n' %s; (exit $_s)\n", quoted("$ " command)
	print command
	command = ""
}

function take(line)
{
	if (want == "session") {
		print line
		return
	}
	if (word != "" || joined) {
		command = command "\n" line
	} else if (line ~ /^\$ /) {
		flush_command()
		line = substr(line, 3)
		command = line
	} else {
		return
	}

	if (word != "") {
		joined = 0
		if (line == word)
			word = ""
	} else {
		joined = line ~ /\\$/
		if (match(line, /<<'[A-Za-z]+'/))
			word = substr(line, RSTART + 3, RLENGTH - 4)
	}
}

/^\.Sh / {
	examples = $0 ~ /^\.Sh EXAMPLES/
	heading = ""
	next
}
examples && /^\.Ss / {
	heading = plain(substr($0, 5))
	listed = 0
	next
}
examples && /^\.Bd / && /-literal/ {
	display = 1
	if (want == "titles" && !listed++)
		print heading
	next
}
/^\.Ed/ {
	display = 0
	next
}
display && want != "titles" && heading == title { take(plain($0)) }
END {
	flush_command()
	if (want == "script")
		print "exit 0"
}
