#!/bin/bash
# SPDX-License-Identifier: MIT
# spill report: what it predicts from one run with enough memory matches the reads of runs with
# less, and what theory says; any other file is refused
#
# Time limit: 240
. "$(dirname "$0")/lib.sh"
requires python3
requires_paging
requires_touches
trace=$tmp/trace

# predicted KEY BUDGET: of the only point of a curve
predicted() {
	"$SPILL" report -m "$2" --json "$trace" >"$tmp/json" || fail "spill report: exit status $?"
	python3 -c 'import json, sys; print(round(json.load(sys.stdin)["curve"][0][sys.argv[1]]))' "$1" <"$tmp/json"
}
real() {
	"$SPILL" run -m "$2" -s "$tmp" --stats="$tmp/stats" --json -- "${command[@]}" >/dev/null ||
		fail "${command[*]} with $2: exit status $?"
	json_value "$tmp/stats" "$1"
}
# near WHAT VALUE WANTED PERCENT
near() {
	echo "$1: $2, wanted $3"
	[ $(($2 * 100)) -ge $(($3 * (100 - $4))) ] && [ $(($2 * 100)) -le $(($3 * (100 + $4))) ] ||
		fail "$1: $2 is not within $4 % of $3"
}

# Random touches of 64 MiB: each misses if its page is not among those that are here, so of 60000
# a part of 1 - here / all is read, and what is filled before is read in order.  Of the budget
# handlers, free frames and what waits take a 10th at most.
command=("$touches" random 64 60000)
"$SPILL" trace -o "$trace" --sample 512 -- "${command[@]}" >/dev/null || fail "spill trace: exit status $?"
for budget in 24M 40M; do
	told=$(predicted pages_read "$budget")
	here=$((${budget%M} * 100 / 64))
	[ "$told" -ge $((60000 * (100 - here) / 100)) ] ||
		fail "$told of 60000 touches miss where $here % of the pages are here"
	[ "$told" -le $((60000 * (100 - here * 8 / 10) / 100)) ] ||
		fail "$told of 60000 touches miss where $here % of the pages are here, and nothing is wasted"
	near "random, $budget" "$told" "$(real pages_read "$budget")" 15
	near "random, $budget, waits" "$(predicted faults_major "$budget")" "$(json_value "$tmp/stats" faults_major)" 15
done
[ "$(predicted pages_read 96M)" -eq 0 ] || fail "all fits, and something is read"
near "what it needs, in MiB" $(($(json_value "$tmp/json" enough) >> 20)) 68 12

# A sample of a skewed distribution: an eighth of the pieces or so, and no page counts for much.
rm "$trace"
command=("$touches" zipf 64 60000)
"$SPILL" trace -o "$trace" --sample 64 -- "${command[@]}" >/dev/null || fail "spill trace: exit status $?"
near "zipf, 24M" "$(predicted faults_major 24M)" "$(real faults_major 24M)" 20

# In order, all is read each time round, and nearly all of it before it is touched.
rm "$trace"
command=("$touches" loop 64 60000)
"$SPILL" trace -o "$trace" --sample 512 -- "${command[@]}" >/dev/null || fail "spill trace: exit status $?"
told=$(predicted pages_read 40M)
near "loop, 40M" "$told" "$(real pages_read 40M)" 15
[ "$(predicted faults_major 40M)" -le $((told / 20)) ] ||
	fail "$(predicted faults_major 40M) touches of memory in order wait for $told pages"

# For people.
"$SPILL" report "$trace" >"$tmp/text" || fail "spill report: exit status $?"
for line in "^$trace: touches (process [0-9]*)" '  memory  *64M at most' '  enough  ' '^  BUDGET  *READ' \
	'^  SECOND  *MEMORY' '^ *[0-9a-f]*-[0-9a-f]* '; do
	grep -q "$line" "$tmp/text" || fail "no '$line' in: $(cat "$tmp/text")"
done
[ "$(sed -n '/^  BUDGET/,/^$/p' "$tmp/text" | wc -l)" -ge 14 ] || fail "too few budgets: $(cat "$tmp/text")"

# For a browser: one file, whose curve has a point for each budget, and what each part is.
"$SPILL" report --html "$tmp/report.html" "$trace" || fail "--html: exit status $?"
"$SPILL" report --json "$trace" >"$tmp/json" || fail "--json: exit status $?"
python3 - "$tmp/report.html" "$tmp/json" <<'END' || fail "--html: see above"
import html.parser, json, re, sys
text, report = open(sys.argv[1]).read(), json.load(open(sys.argv[2]))
stack = []
class Parser(html.parser.HTMLParser):
    def handle_starttag(self, tag, attributes):
        assert not {"src", "href"} & dict(attributes).keys(), attributes
        if tag != "meta":
            stack.append(tag)
    def handle_startendtag(self, tag, attributes):
        pass
    def handle_endtag(self, tag):
        assert stack.pop() == tag, tag
Parser().feed(text)
assert not stack and "://" not in text
points = re.findall(r"<title>([0-9.]+[KMGT]?): [0-9.]+K? pages, for [0-9.]+K? touches that wait</title></circle>", text)
assert len(points) == len(report["curve"]), points
assert len(re.findall('class="touched" [^>]*><title>[0-9a-f]+-', text)) == len(report["regions"])
assert len(re.findall('class="memory" [^>]*><title>second', text)) == len(report["timeline"])
END

# What is no recording, or part of one.
head -c 1000000 /dev/urandom >"$tmp/noise"
refused 'not a recording of this version' report "$tmp/noise"
head -c 40 "$trace" >"$tmp/part"
refused 'not a recording of this version' report "$tmp/part"
head -c 64 "$trace" >"$tmp/part"
refused 'is empty: nothing was touched' report "$tmp/part"
refused 'No such file' report "$tmp/not-there"
refused 'is not a size from 8M' report -m 1M "$trace"
head -c 100000 "$trace" >"$tmp/part"
"$SPILL" report "$tmp/part" >/dev/null || fail "the first part of a recording: exit status $?"
