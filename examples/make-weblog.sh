#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Usage: make-weblog.sh [LINES]
#
# Prints a week of a web server's access log in the combined format: 200,000
# lines unless told otherwise, always the same ones. Random numbers are the
# generator of Lehmer (16807, 2^31 - 1) in doubles, where it is exact, so that
# every awk prints the same bytes.
LC_ALL=C
export LC_ALL
exec awk -v lines="${1:-200000}" '
function uniform() {
	seed = (seed * 16807) % 2147483647
	return seed / 2147483647
}

# 0 to n - 1, small numbers far oftener than large ones
function few(n, u) {
	u = uniform()
	return int(n * u * u * u)
}

function host(n) {
	return (n * 37 % 190 + 11) "." (n * 101 % 256) "." \
		(n * 59 % 256) "." (n % 254 + 1)
}

function stamp(t) {
	return sprintf("%02d/Mar/2025:%02d:%02d:%02d +0000", 3 + int(t / 86400),
		int(t / 3600) % 24, int(t / 60) % 60, int(t) % 60)
}

BEGIN {
	seed = 20250303
	pages = split("/ /news/ /download/ /docs/ /docs/install /docs/tutorial" \
		" /docs/reference /style.css /logo.svg /favicon.ico /search" \
		" /about /contact /blog/ /blog/pipes /blog/graphs /blog/queues" \
		" /download/release.tar.gz /download/release.tar.gz.asc" \
		" /feed.xml /robots.txt /login /api/status /api/items" \
		" /images/one.png /images/two.png /images/three.png" \
		" /team /jobs /licence", page, " ")
	missing = split("/wp-login.php /.env /old/index.html /docs/instal" \
		" /admin.php /images/four.png /apple-touch-icon.png", absent, " ")
	referrers = split("- https://www.example.org/ - - " \
		"https://search.example.com/?q=pipes https://www.example.org/docs/" \
		" - https://news.example.net/item?id=4711 " \
		"https://search.example.com/?q=graphs " \
		"https://forum.example.com/t/92 https://blog.example.net/shell " \
		"https://links.example.edu/unix", referrer, " ")
	agents = split("Mozilla/5.0 (X11; Linux x86_64; rv:135.0) " \
		"Gecko/20100101 Firefox/135.0|" \
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 " \
		"(KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36|" \
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1" \
		" (KHTML, like Gecko) Version/18.3 Safari/605.1|" \
		"Mozilla/5.0 (compatible; Examplebot/2.1; +https://bot.example/)|" \
		"curl/7.88.1|Wget/1.21.3|FeedReader/4.2 (feed)|-", agent, "|")
	# the longer the wait for the next request, the quieter the hour
	split("4 5 6 7 7 5 3 2 1.2 0.8 0.7 0.7 0.9 0.8 0.7 0.7 0.8 0.9 1 1 1.1" \
		" 1.5 2 3", wait, " ")
	mean = 7 * 86400 / (lines > 0 ? lines : 1) * 0.78
	for (i = 1; i <= lines; i++) {
		t += mean * 2 * uniform() * wait[int(t / 3600) % 24 + 1]
		if (t >= 7 * 86400)
			t = 7 * 86400 - 1
		if (uniform() < 0.0004) {
			print "\\x16\\x03\\x01 not a request"
			continue
		}
		who = int((few(6000) + few(6000)) / 2)
		p = few(pages) + 1
		path = page[p]
		size = 300 + p * p * 97 + int(uniform() * 900)
		method = "GET"
		status = 200
		u = uniform()
		if (u < 0.03) {
			path = absent[few(missing) + 1]
			status = 404
			size = 196
		} else if (u < 0.09) {
			status = 304
			size = "-"
		} else if (u < 0.11) {
			method = "POST"
			path = uniform() < 0.6 ? "/login" : "/api/items"
			status = uniform() < 0.8 ? 302 : 403
			size = 120
		} else if (u < 0.114) {
			status = uniform() < 0.7 ? 500 : 503
			size = 532
		} else if (u < 0.13) {
			method = "HEAD"
			size = "-"
		}
		if (path == "/search")
			path = path "?q=" few(500)
		printf "%s - - [%s] \"%s %s HTTP/1.1\" %s %s \"%s\" \"%s\"\n",
			host(who), stamp(t), method, path, status, size,
			referrer[few(referrers) + 1], agent[few(who % 4 ? 3 : agents) + 1]
	}
}'
