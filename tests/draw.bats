#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# draw: --draw and --perfetto, from a run and from a report. A browser opens
# the pictures where there is one (NO_BROWSER=1: not here).

load helper

# What Graphviz and the browser want: a home that can be written.
export HOME=$BATS_TEST_TMPDIR XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache

# fixture: graph.gv and report.json of a run of it that was made up: three nodes
# in a line, of which the last one failed, and a time line of four samples.
fixture()
{
	graph <<-'END'
	digraph nightly {
	    fetch [cmd="seq 9"]
	    subgraph cluster_x { label="the middle"; clean [cmd="tr 1 2"] }
	    load [cmd="cat; exit 3"]
	    table [file="table.txt"]
	    fetch -> clean -> load -> table
	}
	END
	cat >report.json <<-'END'
	{ "graph": "graph.gv", "status": 3, "ended_by": null, "wall_s": 2.0,
	  "failure": { "text": "load: exit 3 after 2.0 s (line 4)",
	    "node": "load", "failed_nodes": 1 },
	  "bottleneck": { "node": "clean", "reason": "all wait for it" },
	  "nodes": [
	    { "name": "fetch", "line": 2, "command": "seq 9", "pid": 11,
	      "outcome": "ok", "status": 0, "signal": null,
	      "timed_out": false, "start_s": 0.0, "wall_s": 1.0,
	      "user_s": 0.25, "system_s": 0.5, "peak_memory_bytes": 1048576,
	      "running_s": 0.25, "waiting_input_s": 0.0,
	      "waiting_output_s": 0.75 },
	    { "name": "clean", "line": 3, "command": "tr 1 2", "pid": 12,
	      "outcome": "ok", "status": 0, "signal": null,
	      "timed_out": false, "start_s": 0.0, "wall_s": 1.5,
	      "user_s": 1.0, "system_s": 0.5, "peak_memory_bytes": 1048576,
	      "running_s": 1.5, "waiting_input_s": 0, "waiting_output_s": 0 },
	    { "name": "load", "line": 4, "command": "cat; exit 3", "pid": 13,
	      "outcome": "failed", "status": 3, "signal": null,
	      "timed_out": false, "start_s": 0.0, "wall_s": 2.0,
	      "user_s": 0.0, "system_s": 0.1, "peak_memory_bytes": 1048576,
	      "running_s": 0.0, "waiting_input_s": 2.0,
	      "waiting_output_s": 0.0 } ],
	  "relays": [],
	  "edges": [
	    { "from": "fetch", "out": "out", "to": "clean", "in": "in",
	      "line": 6, "bytes": 1000000, "whole": true,
	      "writer_waited_s": 1.0, "reader_waited_s": 0.0,
	      "capacity_bytes": 65536 },
	    { "from": "clean", "out": "out", "to": "load", "in": "in",
	      "line": 6, "bytes": 1000, "whole": true,
	      "writer_waited_s": 0.0, "reader_waited_s": 2.0,
	      "capacity_bytes": 65536 },
	    { "from": "load", "out": "out", "to": "table", "in": "in",
	      "line": 6, "bytes": 0, "whole": false,
	      "writer_waited_s": null, "reader_waited_s": null } ],
	  "files": [ { "path": "table.txt", "bytes": 0, "written": false } ],
	  "timeline": { "interval_s": 0.5, "samples": [
	    { "t_s": 0.5, "nodes": [
	        { "state": "writing", "edge": 0, "cpu": 0.5, "memory_bytes": 9 },
	        { "state": "running", "edge": null, "cpu": 1, "memory_bytes": 9 },
	        { "state": "reading", "edge": 1, "cpu": 0, "memory_bytes": 9 } ],
	      "edges": [ { "bytes": 500000, "waiting_bytes": 65536 },
	        { "bytes": 100, "waiting_bytes": 0 },
	        { "bytes": null, "waiting_bytes": null } ] },
	    { "t_s": 1.0, "nodes": [
	        { "state": "writing", "edge": 0, "cpu": 0.5, "memory_bytes": 9 },
	        { "state": "running", "edge": null, "cpu": 1, "memory_bytes": 9 },
	        { "state": "reading", "edge": 1, "cpu": 0, "memory_bytes": 9 } ],
	      "edges": [ { "bytes": 1000000, "waiting_bytes": 65536 },
	        { "bytes": 100, "waiting_bytes": 0 },
	        { "bytes": null, "waiting_bytes": null } ] },
	    { "t_s": 1.5, "nodes": [
	        { "state": "ended", "edge": null, "cpu": 0, "memory_bytes": 0 },
	        { "state": "sleeping", "edge": null, "cpu": 0, "memory_bytes": 9 },
	        { "state": "reading", "edge": 1, "cpu": 0, "memory_bytes": 9 } ],
	      "edges": [ { "bytes": 1000000, "waiting_bytes": 0 },
	        { "bytes": 1000, "waiting_bytes": 0 },
	        { "bytes": null, "waiting_bytes": null } ] },
	    { "t_s": 2.0, "nodes": [
	        { "state": "ended", "edge": null, "cpu": 0, "memory_bytes": 0 },
	        { "state": "ended", "edge": null, "cpu": 0, "memory_bytes": 0 },
	        { "state": "running", "edge": null, "cpu": 1, "memory_bytes": 9 } ],
	      "edges": [ { "bytes": 1000000, "waiting_bytes": 0 },
	        { "bytes": 1000, "waiting_bytes": 0 },
	        { "bytes": null, "waiting_bytes": null } ] } ] } }
	END
}

# none ARG...: grep finds nothing; what it finds is printed.
none()
{
	if grep "$@"; then
		return 1
	fi
}

# part FILE ID: what the SVG shows of one node or edge.
part()
{
	sed -n "/<g id=\"$2\"/,/<\/g>/p" "$1"
}

# value FILE ID ATTRIBUTE [ELEMENT]: its values there, in order.
value()
{
	part "$1" "$2" | grep "<${4-path}" | grep -o " $3=\"[^\"]*\"" |
		cut -d '"' -f 2
}

# browser: opens FILE, with more options, in a fresh profile; skips without one.
browser()
{
	[ -z "${NO_BROWSER-}" ] || skip "NO_BROWSER is set"
	command -v chromium >/dev/null || skip "no chromium here"
	local file=$1
	shift
	rm -rf profile
	timeout -s KILL 60 chromium --headless --no-sandbox --disable-gpu \
		--disable-quic --no-first-run --disable-background-networking \
		--disable-component-update --disable-sync --disable-dev-shm-usage \
		--user-data-dir="$PWD/profile" --enable-logging=stderr "$@" \
		"file://$PWD/$file" 2>browser.log 3>&-
}

# quiet: the browser's console has no word, of the script or of the policy.
quiet()
{
	none CONSOLE browser.log
}

@test "draw: a run is drawn as SVG, and does what it does without" {
	mg --draw=run.svg -e '"seq 3" -> "sort -rn"'
	with 0 '3
2
1'
	[ -z "$stderr" ]
	xmllint --noout run.svg
	has "$(part run.svg p0)" '>seq 3<'
	has "$(part run.svg p1)" '>sort &#45;rn<'
	has "$(part run.svg p1)" 'exit 0'
	has "$(part run.svg e0)" 'seq 3:out -&gt; sort -rn:in'
	[ "$(grep -c '<g id="p' run.svg)" -eq 2 ]
	none '#cf2a3b' <(part run.svg p0; part run.svg p1)
}

@test "draw: a picture is a PNG" {
	mg --draw=run.png -e '"seq 3" -> "sort -rn" -> "cat >/dev/null"'
	with 0 ''
	printf '\x89PNG\r\n\x1a\n' | cmp - <(head -c 8 run.png)
	[ "$(tail -c 8 run.png | head -c 4)" = IEND ]
}

@test "draw: several pictures of one run" {
	mg --draw=a.svg --draw=b.png --draw=c.html --perfetto=d.json \
		--report=e.json -e 'true'
	with 0 ''
	[ -s a.svg ] && [ -s b.png ] && [ -s c.html ] && [ -s d.json ] &&
		[ -s e.json ]
	[ "$(find . -maxdepth 1 -name '.ipcflow*' | wc -l)" -eq 0 ]
}

@test "draw: a run and its report make the same picture" {
	mg --report=r.json --draw=a.svg --draw=a.html --perfetto=a.json \
		-e '"seq 9" -> {cat "wc -l"} -> stdout [merge=concat]'
	with 0
	mg --from=r.json --draw=b.svg --draw=b.html --perfetto=b.json \
		-e '"seq 9" -> {cat "wc -l"} -> stdout [merge=concat]'
	with 0 ''
	cmp a.svg b.svg && cmp a.html b.html && cmp a.json b.json
}

@test "draw: --from runs nothing and makes no file but the picture" {
	fixture
	mg --from=report.json --draw=p.svg graph.gv
	with 0 ''
	same $'graph.gv\np.svg\nreport.json' \
		"$(find . -type f -not -path './cache/*' -printf '%f\n' | sort)"
}

@test "draw: --from needs no command to be there" {
	graph <<<'digraph { a [cmd="no-such-command-here x"] }'
	cat >r.json <<-'END'
	{ "nodes": [ { "name": "a", "outcome": "ok", "status": 0, "pid": 3,
	  "start_s": 0, "wall_s": 1 } ], "edges":
	  [ { "from": "a", "out": "out", "to": "stdout", "in": "in" } ] }
	END
	mg --from=r.json --draw=p.svg graph.gv
	with 0 ''
	has "$(part p.svg p0)" 'no&#45;such&#45;command&#45;here x'
}

@test "draw: --from=- reads the report from standard input" {
	fixture
	apart "$MG" --from=- --draw=p.svg graph.gv <report.json
	with 0 ''
	xmllint --noout p.svg
}

@test "draw: a failure is red, on its node alone, and so is what it spoilt" {
	fixture
	mg --from=report.json --draw=p.svg graph.gv
	with 0 ''
	xmllint --noout p.svg
	[ "$(value p.svg p2 stroke)" = '#cf2a3b' ]
	[ "$(value p.svg p0 stroke)" = '#9aa5b1' ]
	has "$(part p.svg p2)" '>exit 3 · 2.00 s · CPU 100 ms<'
	has "$(part p.svg o3)" 'not written'
	has "$(part p.svg o3)" '#cf2a3b'
	has "$(<p.svg)" 'load: exit 3 after 2.0 s (line 4)'
	has "$(<p.svg)" 'status 3 after 2.00 s'
}

@test "draw: a run that fails is drawn, and keeps its status" {
	mg --draw=run.svg -e 'a -> b' --cmd=a='echo x; exit 7' --cmd=b=cat
	with 7 x
	xmllint --noout run.svg
	[ "$(value run.svg p0 stroke)" = '#cf2a3b' ]
	has "$(<run.svg)" 'a: exit 7 after'
}

@test "draw: a run that SIGINT ended is drawn, and dies of it" {
	"$MG" --draw=run.svg -e '"sleep 60" -> cat' 3>&- &
	local pid=$!
	await pgrep -P "$pid" >/dev/null
	await sh -c 'pgrep -f "^sleep 60" >/dev/null'
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	with 130
	xmllint --noout run.svg
	has "$(<run.svg)" 'sleep 60'
}

@test "draw: an edge is the wider the more bytes it carried" {
	local i last=-1 width bytes=(0 1 1000 50000 1000000 1000000000)
	{
		echo 'digraph { c [cmd=cat]'
		for i in "${!bytes[@]}"; do echo "n$i [cmd=true]; n$i -> c:x$i"; done
		echo '}'
	} >graph.gv
	{
		echo '{ "nodes": [ { "name": "c" }'
		for i in "${!bytes[@]}"; do echo ", { \"name\": \"n$i\" }"; done
		echo '], "edges": ['
		for i in "${!bytes[@]}"; do
			echo "{ \"from\": \"n$i\", \"out\": \"out\", \"to\": \"c\",
			\"in\": \"x$i\", \"bytes\": ${bytes[i]} },"
		done
		echo '{ "from": "c", "out": "out", "to": "stdout", "in": "in" } ] }'
	} >r.json
	mg --from=r.json --draw=p.svg graph.gv
	with 0 ''
	for i in "${!bytes[@]}"; do
		width=$(value p.svg "e$i" stroke-width | head -n 1)
		echo "${bytes[i]} bytes: $width after $last"
		[ "$(echo "$width >= $last" | bc)" -eq 1 ]
		[ "$i" -lt 2 ] || [ "$(echo "$width > $last" | bc)" -eq 1 ]
		last=$width
	done
	# of the last one nothing is known
	[ -n "$(value p.svg e6 stroke-dasharray)" ]
	[ -z "$(value p.svg e0 stroke-dasharray)" ]
}

@test "draw: each half of an edge says how long the process at its end waited" {
	fixture
	mg --from=report.json --draw=p.svg graph.gv
	with 0 ''
	same $'#ef8a17\n#9aa5b1' "$(value p.svg e0 stroke)"
	same $'#9aa5b1\n#2b7de1' "$(value p.svg e1 stroke)"
	same $'#9aa5b1\n#9aa5b1' "$(value p.svg e2 stroke)"
	# the legend knows these colours
	has "$(part p.svg legend)" '#ef8a17'
	has "$(part p.svg legend)" 'writer waited: the pipe was full'
	has "$(part p.svg legend)" '#2b7de1'
	has "$(part p.svg legend)" 'reader waited: the pipe was empty'
}

@test "draw: the bottleneck is named, and an edge of signals is dashed" {
	fixture
	jq '.edges[1].via = "signal"' report.json >r.json
	mg --from=r.json --draw=p.svg graph.gv
	with 0 ''
	has "$(part p.svg p1)" 'the bottleneck'
	has "$(<p.svg)" 'all wait for it'
	[ -n "$(value p.svg e1 stroke-dasharray)" ]
	[ -z "$(value p.svg e0 stroke-dasharray)" ]
}

@test "draw: clusters of the author, and graphs that are nodes, are kept" {
	fixture
	mg --from=report.json --draw=p.svg graph.gv
	with 0 ''
	has "$(part p.svg cu0)" '>the middle<'
	graph inner.gv <<<'digraph { stdin -> "sort -u" -> "wc -l" -> stdout }'
	mg --draw=q.svg -e '"seq 3" -> counting; counting [graph="inner.gv"]'
	with 0 3
	xmllint --noout q.svg
	has "$(part q.svg cg0)" '>counting<'
	has "$(<q.svg)" '>sort &#45;u<'
}

@test "draw: a node with replicas is drawn as one" {
	mg --draw=p.svg -e '"seq 9" -> w -> stdout; w [cmd=cat, replicas=2]'
	with 0 "$(seq 9)"
	xmllint --noout p.svg
	[ "$(grep -c '<g id="p' p.svg)" -eq 2 ]
}

# hostile: a graph whose names hold what XML, HTML, DOT and JSON read, and whose
# commands are true.
hostile()
{
	cat >graph.gv <<-'END'
	digraph "</title><script>alert(1)</script>" {
	    node [cmd="true # </script><script>alert(2)</script> <!-- ]]>"]
	    "a<b>\"c'&d" -> "&lt;i&gt; &#60;" -> "\N \\G @data@ %s %n"
	    "</script><img src=x onerror=alert(3)>" -> "two
	lines"
	END
	printf '    "\xff\xfe bytes" -> "\033[31mred\001" -> "r\xc3\xa9sum\xc3\xa9 \xe2\x80\xae" }\n' \
		>>graph.gv
}

@test "draw: names are shown as they are, whatever they hold" {
	hostile
	mg --draw=p.svg --draw=p.png --draw=p.html --perfetto=p.json graph.gv
	with 0 ''
	[ -z "$stderr" ]
	xmllint --noout p.svg
	jq -e . p.json >/dev/null
	local names
	names=$(xmllint --xpath '//*[local-name()="text"]/text()' p.svg)
	has "$names" $'a&lt;b&gt;"c\'&amp;d'
	has "$names" '\N'
	has "$names" '@data@ %s %n'
	has "$names" 'two lines'
	has "$names" '␛[31mred␁'
	has "$names" '�� bytes'
	has "$names" 'résumé'
	# one script that runs and one that is data: no more
	[ "$(grep -o '<script' p.html | wc -l)" -eq 2 ]
	[ "$(grep -o '</script' p.html | wc -l)" -eq 2 ]
	none '<img' p.html
	none -P '[\x01-\x08\x0b-\x1f\x7f]' p.svg
	none -P '[\x01-\x08\x0b-\x1f\x7f]' p.html
}

@test "draw: the page is one file, and its policy lets nothing else in" {
	fixture
	mg --from=report.json --draw=p.html graph.gv
	with 0 ''
	# nothing is fetched
	none -E '(src|href)=|url\(|@import|fetch\(|XMLHttp' p.html
	has "$(<p.html)" "default-src 'none'"
	none "script-src[^;]*unsafe" p.html
	# the script that may run is the one that is there
	local hash
	hash=$(sed -n '/^<script>/,/^<\/script>/p' p.html |
		sed -e '1s/^<script>//' -e '$d' | sha256sum | cut -c 1-64 |
		tr a-f A-F | basenc --base16 -d | base64)
	has "$(<p.html)" "script-src 'sha256-$hash'"
}

@test "draw: the page says everything without its script" {
	fixture
	mg --from=report.json --draw=p.html graph.gv
	with 0 ''
	local page
	page=$(sed '/^<script/,$d' p.html)
	has "$page" 'load: exit 3 after 2.0 s (line 4)'
	has "$page" 'all wait for it'
	has "$page" '<td class="bad">exit 3</td>'
	has "$page" '<code>tr 1 2</code>'
	has "$page" '976.6 KiB'
	has "$page" '<rect class="writing"'
	has "$page" '<g id="p2"'
	has "$page" 'table.txt'
}

@test "draw: a browser opens the page, runs its script and complains of nothing" {
	fixture
	mg --from=report.json --draw=p.html graph.gv
	with 0 ''
	browser p.html --dump-dom >dom.html
	quiet
	has "$(grep '<body' dom.html)" 'data-ready="3 3 4"'
	# what the script adds: order, focus, the player
	has "$(grep 'id="p2"' dom.html)" 'role="button"'
	has "$(grep 'id="player"' dom.html)" '<div id="player">'
	hostile
	mg --draw=p.html graph.gv
	with 0 ''
	browser p.html --dump-dom >dom.html
	quiet
	# the merge into stdout is the ninth; a run has a sample at its end
	grep '<body' dom.html | grep -E 'data-ready="9 8 [1-9][0-9]*"'
	has "$(grep '<th scope="row">a' dom.html)" '>a&lt;b&gt;"c'"'"'&amp;d<'
	none '<img' dom.html
}

@test "draw: in a browser the keyboard reaches details, moments and orders" {
	fixture
	mg --from=report.json --draw=p.html graph.gv
	with 0 ''
	# the same page, let loose and with a hand on it
	sed -e '/Content-Security-Policy/d' -e '/^<\/body>/d' p.html >driven.html
	cat >>driven.html <<-'END'
	<script>
	const key = (on, name) => on.dispatchEvent(
		new KeyboardEvent("keydown", { key: name, bubbles: true }));
	const said = [], say = text => said.push(text);
	const load = $("#p2"), box = $("#details"), scrub = $("#scrub");
	load.focus();
	say(box.hidden ? "hidden" : box.textContent.includes("100 %"));
	load.blur();
	say(box.hidden);
	load.focus();
	key(load, "Enter");
	load.blur();
	say(box.hidden);
	key(document.body, "Escape");
	say(box.hidden);
	key(scrub, "ArrowRight");
	say($("#p0").dataset.state + " " + $("#p2").dataset.state);
	say($$("#e0 path").map(path => path.getAttribute("class")).join());
	say($$("#e1 path").map(path => path.getAttribute("class")).join());
	say($("#moment").textContent);
	key(scrub, "ArrowRight"); key(scrub, "ArrowRight"); key(scrub, "ArrowRight");
	key(scrub, "ArrowRight");
	say($("#moment").textContent);
	$("#whole").click();
	say($("#p0").dataset.state);
	const took = $$("#details ~ *, thead th")
		.find(head => head.textContent === "took");
	took.firstChild.click(); took.firstChild.click();
	say(took.getAttribute("aria-sort") + " " +
		took.closest("table").tBodies[0].rows[0].cells[0].textContent);
	document.body.dataset.said = said.join("; ");
	</script></body></html>
	END
	browser driven.html --dump-dom >dom.html
	quiet
	same 'true; true; false; true; writing reading; full,; ,empty; 500 ms of 2.00 s; 2.00 s of 2.00 s; ; descending load' \
		"$(grep -o 'data-said="[^"]*"' dom.html | cut -d '"' -f 2)"
}

@test "draw: a browser draws the SVG and the page" {
	fixture
	mg --from=report.json --draw=p.svg --draw=p.html graph.gv
	with 0 ''
	local file
	for file in p.svg p.html; do
		browser "$file" --screenshot="$PWD/$file.png" \
			--window-size=1200,900
		quiet
		# a blank page of this size is less than 10 KB
		[ "$(stat -c %s "$file.png")" -gt 15000 ]
	done
}

@test "draw: a wrong command line is 64 and names the conflict" {
	local wrong
	fixture
	for wrong in --draw=p.gif --draw=.svg --draw= --from=report.json \
		--perfetto= '--check --draw=p.svg' '--dry-run --draw=p.svg' \
		'--dot --perfetto=p' '--make=d --draw=p.svg' \
		'--from=report.json --draw=p.svg --report=r' \
		'--from= --draw=p.svg'; do
		# shellcheck disable=SC2086
		mg $wrong graph.gv
		echo "mkfifo-graph $wrong"
		with 64 ''
	done
	mg --draw=p.gif graph.gv
	has "$stderr" '--draw=p.gif: wanted FILE.svg, FILE.png or FILE.html'
	mg --check --draw=p.svg graph.gv
	has "$stderr" 'are of a run, and with --check'
	mg --from=- --draw=p.svg -
	has "$stderr" 'cannot both be standard input'
	[ ! -e p.svg ]
}

@test "draw: a picture that cannot be made is told before anything is run" {
	mg --draw=nowhere/p.svg -e 'a' --cmd=a='touch ran'
	refused 73 'cannot create file `nowhere/p.svg`: No such file or directory'
	mkdir folder.svg sealed
	mg --draw=folder.svg -e 'a' --cmd=a='touch ran'
	refused 73 'cannot write file `folder.svg`: Is a directory'
	chmod 555 sealed
	apart "${limited[@]}" "$MG" --draw=sealed/p.svg -e a \
		--cmd=a='touch ran' </dev/null
	refused 77 'cannot create file `sealed/p.svg`: Permission denied'
	mg --draw=p.svg --perfetto=nowhere/p.json -e 'a' --cmd=a='touch ran'
	with 73 ''
	[ ! -e ran ] && [ ! -e p.svg ]
}

@test "draw: a full output is told, and only a good run takes its status from it" {
	ln -s /dev/full full.svg
	ln -s /dev/full full
	mg --draw=full.svg -e true
	refused 74 'cannot write file `full.svg`: No space left on device'
	mg --perfetto=full -e true
	refused 74 'cannot write file `full`: No space left on device'
	mg --draw=full.svg -e a --cmd=a='exit 5'
	with 5 ''
	has "$stderr" 'a: exit 5'
	has "$stderr" 'cannot write file `full.svg`'
}

# with_helper SCRIPT: mkfifo-graph beside a program that draws in this way.
with_helper()
{
	mkdir -p elsewhere
	cp "$MG" elsewhere/mkfifo-graph
	printf '#!/bin/sh\n%s\n' "$1" >elsewhere/mkfifo-graph-draw
	chmod +x elsewhere/mkfifo-graph-draw
}

@test "draw: a picture appears only when it is whole" {
	echo old >p.svg
	with_helper 'printf "<svg width=\"1\">"; echo it hurts >&2; exit 9'
	apart elsewhere/mkfifo-graph --draw=p.svg -e a \
		--cmd=a='echo ran'
	with 69 ran
	same 'mkfifo-graph: cannot draw: mkfifo-graph-draw ended with status 9: it hurts' \
		"$stderr"
	# shellcheck disable=SC2016 # the helper expands it
	with_helper 'kill -SEGV $$'
	apart elsewhere/mkfifo-graph --draw=p.svg -e a \
		--cmd=a='echo ran'
	with 69 ran
	has "$stderr" 'mkfifo-graph-draw was killed by signal 11'
	with_helper 'echo this is no picture'
	apart elsewhere/mkfifo-graph --draw=p.svg -e a \
		--cmd=a='exit 4'
	with 4 ''
	has "$stderr" 'Graphviz made no SVG'
	[ "$(<p.svg)" = old ]
	[ "$(find . -name '.ipcflow*' | wc -l)" -eq 0 ]
}

@test "draw: without the program that draws nothing is run" {
	mkdir alone
	cp "$MG" alone/mkfifo-graph
	apart alone/mkfifo-graph --draw=p.svg -e a --cmd=a='touch ran'
	[ "$status" -ne 0 ] || skip "one is installed here"
	with 69 ''
	has "$stderr" 'cannot draw: mkfifo-graph-draw is neither next to this'
	[ ! -e ran ] && [ ! -e p.svg ]
}

@test "draw: an ordinary run loads nothing that draws" {
	apart strace -f -e trace=openat,execve -o log "$MG" -e '"seq 3" -> cat'
	with 0
	grep -q libcgraph log
	none -E 'libgvc|mkfifo-graph-draw' log
	grep -q libasan log || none 'libm\.so' log # ASan's own wants it
}

@test "draw: a report that is not there is 66, and may not be read is 77" {
	fixture
	mg --from=nowhere.json --draw=p.svg graph.gv
	refused 66 'cannot read report nowhere.json: No such file or directory'
	chmod 0 report.json
	apart "${limited[@]}" "$MG" --from=report.json --draw=p.svg graph.gv \
		</dev/null
	refused 77 'cannot read report report.json: Permission denied'
	[ ! -e p.svg ]
}

@test "draw: a report of another graph is 65 and says what does not fit" {
	fixture
	local what='mkfifo-graph: report report.json is not of this graph:'
	mg --from=report.json --draw=p.svg -e '"seq 3" -> cat'
	with 65 ''
	same "$what it has no node \`seq 3\`" "$stderr"
	sed 's/fetch -> clean -> load -> table/fetch -> clean -> load/' \
		graph.gv >less.gv
	mg --from=report.json --draw=p.svg less.gv
	with 65 ''
	same "$what edge 3 is load -> table there, and load -> stdout in less.gv" \
		"$stderr"
	sed '$s/}/more [cmd=true] }/' graph.gv >more.gv
	mg --from=report.json --draw=p.svg more.gv
	with 65 ''
	has "$stderr" 'it has no node `more`'
	mg --from=report.json --draw=p.svg -e 'fetch' --cmd=fetch=true
	with 65 ''
	has "$stderr" 'its node `clean` is not in -e'
	[ ! -e p.svg ]
}

@test "draw: what is no report is 65, with the place that is wrong" {
	fixture
	local change message
	printf '%s\n' '' '{' 'nonsense' '[]' '3' '{"nodes": 1}' '{} {}' \
		'{"nodes": [], "nodes": []}' '"text"' '{"nodes": [1], "edges": []}' |
		while read -r change; do
			echo "$change" >bad.json
			mg --from=bad.json --draw=p.svg graph.gv
			echo "$change"
			with 65 ''
			has "$stderr" 'mkfifo-graph: report bad.json'
		done
	head -c 100 /dev/urandom >bad.json
	mg --from=bad.json --draw=p.svg graph.gv
	with 65 ''
	while IFS='|' read -r change message; do
		jq "$change" report.json >bad.json
		mg --from=bad.json --draw=p.svg graph.gv
		echo "$change"
		with 65 ''
		same "mkfifo-graph: report bad.json: $message" "$stderr"
	done <<-'END'
	.nodes = null|nodes is no list
	.nodes[1] = 7|nodes holds what is no object
	del(.nodes[1].name)|nodes[1].name is no text
	.nodes[2].status = "0"|nodes[2].status is no whole number
	.nodes[2].status = -4|nodes[2].status is no whole number
	.nodes[0].wall_s = "long"|nodes[0].wall_s is no number of seconds
	.nodes[0].wall_s = -1|nodes[0].wall_s is no number of seconds
	.nodes[0].wall_s = 1e300|nodes[0].wall_s is no number of seconds
	.nodes[0].timed_out = 1|nodes[0].timed_out is neither true nor false
	.edges = {}|edges is no list
	.edges[0].bytes = 1.5|edges[0].bytes is no whole number
	.edges[2].from = null|edges[2].from is no text
	.failure = "x"|failure is no object
	.files = [[]]|files holds what is no object
	.timeline = []|timeline is no object
	.timeline.samples[1].nodes = []|timeline.samples[1].nodes and edges are not those of the report
	.timeline.samples[1].nodes[0].state = 1|timeline.samples[1].state is no text
	.timeline.samples[1].nodes[0].edge = 3|timeline.samples[1].nodes names edge 3 of 3
	.timeline.samples[2].t_s = 0.1|timeline.samples[2].t_s is before the one before
	del(.timeline.samples[3].t_s)|timeline.samples[3].t_s is missing
	END
	[ ! -e p.svg ]
}

@test "draw: a report without times, waits and time line is drawn too" {
	fixture
	jq 'del(.timeline, .bottleneck, .failure, .relays, .files, .wall_s) |
		.nodes |= map({ name }) | .edges |= map({ from, out, to, in })' \
		report.json >r.json
	mg --from=r.json --draw=p.svg --draw=p.html --perfetto=p.json graph.gv
	with 0 ''
	xmllint --noout p.svg
	has "$(part p.svg legend)" 'who waited for whom is not known'
	# nothing is said to have run or waited
	none -E '#(2e9e6b|2b7de1|ef8a17)' p.svg
	none -E '<rect class="(running|reading|writing)' p.html
	jq -e '.traceEvents | length > 0' p.json
}

@test "draw: a word for a state or an end that we do not know is no error" {
	fixture
	jq '.nodes[0].outcome = "melted" | .later = { "x": 1 } |
		.timeline.samples[0].nodes[0].state = "dreaming"' report.json >r.json
	mg --from=r.json --draw=p.svg --draw=p.html --perfetto=p.json graph.gv
	with 0 ''
}

# What "Trace Event Format" asks of each kind of event that we use.
well_formed='
def natural: type == "number" and . >= 0 and . == floor;
def event:
	(.pid | natural) and (.tid | natural) and (.name | type == "string") and
	if .ph == "M" then
		(.name | IN("process_name", "thread_name", "thread_sort_index")) and
		(.args | type == "object") and
		(.name == "thread_sort_index" or (.args.name | type == "string"))
	elif .ph == "X" then
		(.ts | natural) and (.dur | natural) and (.cat | type == "string")
	elif .ph == "C" then
		(.ts | natural) and (.args | length > 0) and
		(.args | all(.[]; type == "number"))
	elif .ph == "i" then
		(.ts | natural) and (.s | IN("g", "p", "t"))
	else false end;
(.displayTimeUnit | IN("ms", "ns")) and (.traceEvents | type == "array") and
(.traceEvents | all(.[]; event))'

@test "draw: --perfetto writes the Trace Event format" {
	fixture
	mg --from=report.json --perfetto=t.json graph.gv
	with 0 ''
	jq -e "$well_formed" t.json
	# each node is a thread that lives as long as the node
	jq -e '[.traceEvents[] | select(.ph == "X" and .cat == "node") |
		[.name, .ts, .dur]] == [["fetch", 0, 1000000],
		["clean", 0, 1500000], ["load", 0, 2000000]]' t.json
	jq -e '[.traceEvents[] | select(.name == "thread_name") |
		.args.name] == ["fetch", "clean", "load"]' t.json
	# within which its states lie, one after the other
	jq -e '[.traceEvents[] | select(.cat == "state") | [.name, .ts, .dur]] ==
		[["waits for output to clean", 0, 1000000],
		["running", 0, 1000000], ["sleeps", 1000000, 500000],
		["waits for input from clean", 0, 1500000],
		["running", 1500000, 500000]]' t.json
	jq -e '[.traceEvents[] | select(.ph == "C" and
		.name == "fetch:out -> clean:in") |
		[.ts, .args["bytes/s"], .args["waiting bytes"]]] ==
		[[500000, 1000000, 65536], [1000000, 1000000, 65536],
		[1500000, 0, 0], [2000000, 0, 0]]' t.json
	jq -e '[.traceEvents[] | select(.ph == "i") | [.name, .s, .ts]] ==
		[["exit 3", "t", 2000000],
		["load: exit 3 after 2.0 s (line 4)", "g", 2000000]]' t.json
}

@test "draw: --perfetto writes a real run, with its relays" {
	mg --perfetto=t.json -e '"seq 9" -> {cat "wc -l"} -> stdout [merge=concat]'
	with 0
	jq -e "$well_formed" t.json
	jq -e '[.traceEvents[] | select(.ph == "X") | .name] | sort ==
		["cat", "copy of seq 9", "merge into stdout", "seq 9", "wc -l"]' \
		t.json
	# all pids of a trace are one, so that it is one group there
	jq -e '[.traceEvents[].pid] | unique == [1]' t.json
}
