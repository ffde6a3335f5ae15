#!/bin/bash
# SPDX-License-Identifier: MIT
# `spill map' shows where the pages of a process are, as a picture, as a list, for a browser and for
# programs; for processes that `spill run' started, and for those that use the library.
# Time limit: 120
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/secret.sh"
requires_hungry
requires python3
requires_paging

map() {
	"$SPILL" map "$@" || fail "map $*: exit status $?"
}
# check PROGRAM FILE...: a program in Python that looks at files; it has failed if it says anything.
check() {
	python3 - "${@:2}" <<<"$1" || fail "$2: see above"
}

# The last pages that leave are on swap space: in a second nothing has changed.
rests() {
	"$SPILL" map --json "$pid" >"$tmp/before" && sleep 1 &&
		"$SPILL" map --json "$pid" | cmp -s - "$tmp/before"
}

# -- a program that waits: what is shown is what is counted
start -s "$tmp" -- "$secret" 32
wait_for 60 rests || fail "pages do not cease to leave"
"$SPILL" ps --json >"$tmp/ps"
map --json "$pid" >"$tmp/map"
check '
import json, os, sys
map, ps = (json.load(open(name)) for name in sys.argv[1:3])
process = [p for p in ps if p["pid"] == map["pid"]][0]
mask = lambda chunk, name: int(chunk.get(name, "0"), 16)
count = lambda f: sum(bin(f(c)).count("1") for c in map["chunks"]) * map["page_size"]
assert map["command"] == "secret" and map["budget"] == 8 << 20, map
assert count(lambda c: mask(c, "resident")) == process["resident"], process
assert count(lambda c: mask(c, "cached")) == process["cached"], process
alone = lambda c: mask(c, "swapped") & ~mask(c, "resident") & ~mask(c, "cached")
assert count(alone) == process["swapped"], process
for c in map["chunks"]:
    assert mask(c, "resident") & mask(c, "cached") == 0, c
# the stretches have all of it, once
for state in "resident", "cached", "swapped":
    assert sum(s[state] for s in map["stretches"]) * map["page_size"] == process[state], state
for s in map["stretches"]:
    pages = (int(s["end"], 16) - int(s["start"], 16)) // map["page_size"]
    states = "absent", "resident", "cached", "compressed", "swapped", "filling", "poisoned"
    assert sum(s[state] for state in states) == pages, s
assert max(s["swapped"] for s in map["stretches"]) > 5000
' "$tmp/map" "$tmp/ps"

# The cells of the picture tell of as many pages, whatever their size, and lines are not too long.
for cell in 4K 64K 1M; do
	LC_ALL=C.UTF-8 map --cell $cell "$pid" >"$tmp/picture"
	[ "$(head -n -1 "$tmp/picture" | tail -n +2 | wc -L)" -le 80 ] || fail "a line is too long"
	check '
import json, re, sys
map, cell = json.load(open(sys.argv[1])), int(sys.argv[3])
drawn = {}
for line in open(sys.argv[2], encoding="utf-8"):
    match = re.match(r"^([0-9a-f]{12})  ([█▓▒░·»!]+)$", line)
    if match:
        at = int(match[1], 16)
        for shape in match[2]:
            drawn[at] = shape
            at = (at // cell + 1) * cell
states = {"█": "resident", "▓": "resident", "▒": "cached", "░": "swapped"}
count = {}
for c in map["chunks"]:
    there = int(c["address"], 16)
    masks = {s: int(c.get(s, "0"), 16) for s in ("resident", "cached", "swapped")}
    masks["swapped"] &= ~masks["resident"] & ~masks["cached"]
    for i in range(64):
        for s in masks:
            if masks[s] >> i & 1:
                page = there + i * map["page_size"]
                of = count.setdefault(page // cell * cell, {})
                of[s] = of.get(s, 0) + 1
wrong = 0
for at, shape in drawn.items():
    of = count.get(at // cell * cell, {})
    shown = states.get(shape)
    # a cell that begins or ends with its stretch has fewer pages
    if at % cell == 0 and (of.get(shown, 0) != max(of.values(), default=0)):
        wrong += 1
assert len(drawn) > 16 and wrong <= 2, (len(drawn), wrong)
' "$tmp/map" "$tmp/picture" "$(bytes $cell)"
done
grep -q '^A cell is 1M: ' "$tmp/picture" || fail "no legend: $(tail -n 1 "$tmp/picture")"
LC_ALL=C map "$pid" | grep -q '[^ -~]' && fail "not ASCII in the C locale: $(LC_ALL=C map "$pid")"
LC_ALL=C map "$pid" | grep -Eq '^[0-9a-f]{12}  [-#+. >!]*\.{10}' || fail "no cells in the C locale"

# -- on a terminal: colours, unless it has none or they are not wanted; cells as wide as it is
on_terminal() {
	python3 -c '
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    size = struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0)
    fcntl.ioctl(1, termios.TIOCSWINSZ, size)
    os.execvp("env", ["env", *sys.argv[2:]])
said = b""
try:
    while more := os.read(fd, 65536):
        said += more
except OSError:
    pass
sys.stdout.buffer.write(said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$@" | tr -d '\r'
}
escape=$(printf '\033')
on_terminal 80 -u NO_COLOR TERM=xterm "$SPILL" map "$pid" | grep -q "$escape\[34m" || fail "no colours"
on_terminal 80 NO_COLOR= TERM=xterm "$SPILL" map "$pid" | grep -q "$escape\[34m" ||
	fail "no colours with an empty NO_COLOR"
on_terminal 80 NO_COLOR=1 TERM=xterm "$SPILL" map "$pid" | grep -q "$escape" && fail "NO_COLOR: colours"
on_terminal 80 -u NO_COLOR TERM=dumb "$SPILL" map "$pid" | grep -q "$escape" && fail "dumb: colours"
"$SPILL" map "$pid" | grep -q "$escape" && fail "colours in a pipe"
on_terminal 40 NO_COLOR=1 LC_ALL=C TERM=xterm "$SPILL" map "$pid" >"$tmp/narrow"
[ "$(grep -E '^[0-9a-f]{12}  [-#+. >!]*$' "$tmp/narrow" | wc -L)" -le 40 ] || fail "$(cat "$tmp/narrow")"
on_terminal 200 NO_COLOR=1 LC_ALL=C TERM=xterm "$SPILL" map --cell 4K "$pid" >"$tmp/wide"
[ "$(grep -Ec '^[0-9a-f]{12}  [-#+. >!]{128}$' "$tmp/wide")" -gt 8 ] || fail "$(cat "$tmp/wide")"

# -- pages: states that the masks have, and slots of which each is one page's
address=$(python3 -c '
import json, sys
map = json.load(open(sys.argv[1]))
print([c["address"] for c in map["chunks"] if "swapped" in c and "cached" in c][0])' "$tmp/map")
map --pages "$address-$(printf %x $((0x$address + 0x200000)))" --json "$pid" >"$tmp/pages"
map --pages "0x$address" "$pid" >"$tmp/list"
[ "$(wc -l <"$tmp/list")" -eq 65 ] || fail "not 64 pages: $(cat "$tmp/list")"
check '
import json, sys
map, pages = (json.load(open(name)) for name in sys.argv[1:3])
assert len(pages) == 512, len(pages)
chunks = {int(c["address"], 16): c for c in map["chunks"]}
slots = set()
for page in pages:
    at = int(page["address"], 16)
    i = at // map["page_size"] % 64
    c = chunks.get(at - i * map["page_size"], {})
    has = lambda name: int(c.get(name, "0"), 16) >> i & 1
    state = [s for s in ("resident", "cached", "swapped") if has(s)] + ["absent"]
    assert page["state"] == state[0], (page, c)
    assert (page["copy"] == "yes") == bool(has("swapped")), (page, c)
    if page["copy"] == "yes":
        assert len(page["hash"]) == 16, page
        slots.add((page["space"], page["slot"]))
    else:
        assert page["slot"] is None and page["hash"] == "-", page
assert len(slots) == sum(page["copy"] == "yes" for page in pages), "two pages have one slot"
listed = [line.split()[1] for line in open(sys.argv[3])][1:]
assert listed == [page["state"] for page in pages[:64]], listed
' "$tmp/map" "$tmp/pages" "$tmp/list"
# zoomed in to: the stretch, and no other
map --zoom "$address" --json "$pid" >"$tmp/zoomed"
map --zoom "$address-$(printf %x $((0x$address + 0x40000)))" --json "$pid" >"$tmp/part"
check '
import json, sys
whole, zoomed, part = (json.load(open(name)) for name in sys.argv[1:4])
at = int(sys.argv[4], 16)
assert len(zoomed["stretches"]) == 1 and zoomed["stretches"][0] in whole["stretches"]
assert int(zoomed["stretches"][0]["start"], 16) <= at < int(zoomed["stretches"][0]["end"], 16)
assert part["stretches"][0]["start"] == sys.argv[4] and len(part["chunks"]) == 1, part
' "$tmp/map" "$tmp/zoomed" "$tmp/part" "$address"

# -- for a browser: one file, with a cell and an explanation for all of it
map --html "$tmp/map.html" "$pid"
map --html - "$pid" | cmp -s - "$tmp/map.html" || fail "--html - is not what --html writes"
check '
import html.parser, json, re, sys
map, text = json.load(open(sys.argv[1])), open(sys.argv[2]).read()
stack, cells, titles = [], [], []
class Parser(html.parser.HTMLParser):
    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "link", "br"):
            stack.append(tag)
        attributes = dict(attributes)
        assert "src" not in attributes and "href" not in attributes, attributes
        if "data-a" in attributes:
            cells.append(attributes)
    def handle_startendtag(self, tag, attributes):
        pass
    def handle_endtag(self, tag):
        assert stack.pop() == tag, tag
    def handle_data(self, data):
        if stack[-1:] == ["title"] and "rect" in stack:
            titles.append(data)
Parser().feed(text)
assert not stack, stack
assert len(cells) > 100 and len(titles) == len(cells), (len(cells), len(titles))
assert re.findall("https?://[^\"\x27 ]*", text) == ["http://www.w3.org/2000/svg"] * 2, "it refers elsewhere"
for state in "resident", "cached", "swapped":
    told = sum(int(n) for title in titles for n in re.findall(r"(\d+) " + state, title))
    assert told == sum(s[state] for s in map["stretches"]), (state, told)
' "$tmp/map" "$tmp/map.html"
if command -v chromium >/dev/null; then
	chromium --headless --no-sandbox --disable-gpu --user-data-dir="$tmp/chromium" --dump-dom \
		"file://$tmp/map.html" >"$tmp/dom" 2>"$tmp/err" || fail "chromium: $(cat "$tmp/err")"
	sed -n '/<svg id="chunk"/,/<\/svg>/p' "$tmp/dom" | grep -o '<rect x="150"' | wc -l >"$tmp/n"
	[ "$(cat "$tmp/n")" -eq 64 ] || fail "the picture of a chunk has $(cat "$tmp/n") pages"
fi

# -- many at once
for i in 1 2 3 4 5 6 7 8; do
	"$SPILL" map --json "$pid" >"$tmp/at-once.$i" &
	askers+=($!)
done
for asker in "${askers[@]}"; do
	wait "$asker" || fail "of eight at once one fails: exit status $?"
done
for i in 1 2 3 4 5 6 7 8; do
	cmp -s "$tmp/map" "$tmp/at-once.$i" || fail "of eight at once one sees something else"
done

# -- it does not answer; who asks is killed, and the next is answered
kill -STOP "$pid"
"$SPILL" map "$pid" >"$tmp/stopped" 2>&1
[ $? -eq 125 ] && grep -q "$pid does not answer: it is stopped" "$tmp/stopped" || fail "$(cat "$tmp/stopped")"
"$SPILL" map "$pid" >/dev/null 2>&1 &
asker=$!
sleep 0.2
kill -KILL "$asker"
wait "$asker" 2>/dev/null
kill -CONT "$pid"
map --json "$pid" | cmp -s - "$tmp/map" || fail "after a killed asker it sees something else"

next checked
next freed
finish

# -- what is wrong is said; of a process whose output is of no use any more
start -s "$tmp" -- "$secret" 32
refused 'no process number is given' map
refused 'x is not a process number' map x
refused 'process 4194305 does not exist' map 4194305
refused '2 is one argument too many' map "$pid" 2
refused 'zoom: xyz is not ADDRESS' map --zoom xyz "$pid"
refused 'zoom: 2000-1000 is not ADDRESS' map --zoom 2000-1000 "$pid"
refused 'zoom: nothing at 1000 is paged' map --zoom 1000 "$pid"
refused 'nothing from 1000 to 3000 is paged' map --zoom 1000-3000 "$pid"
refused 'cell: big is not a size' map --cell big "$pid"
refused 'zoom and --pages exclude each other' map --zoom 1000 --pages 1000 "$pid"
refused 'html: /nowhere/file: No such file' map --html /nowhere/file "$pid"
if has_strangers; then
	as_stranger "$SPILL" map "$pid" >"$tmp/out" 2>"$tmp/err"
	[ $? -eq 125 ] && grep -q "$pid belongs to another user" "$tmp/err" || fail "$(cat "$tmp/err")"
fi
exec {go}>&-
wait "$pid"

# -- memory that is plain; and a program that is at work while it is looked at
"$SPILL" run -m 16M -s "$tmp" -- bash -c '"$@"; true' bash "${hungry[@]}" 48 6 >"$tmp/said" 2>"$tmp/told" &
shell=$!
at_exit "kill -KILL \$(pgrep -P $shell) $shell 2>/dev/null"
wait_for 60 grep -qs filled "$tmp/said" || fail "hungry does not get filled: $(cat "$tmp/told")"
refused "$shell is not paged: its memory fits" map "$shell"
busy=$(pgrep -P "$shell")
looks=0
while "$SPILL" map --json "$busy" >"$tmp/busy" 2>"$tmp/err"; do
	check '
import json, sys
map = json.load(open(sys.argv[1]))
mask = lambda chunk, name: int(chunk.get(name, "0"), 16)
addresses = [int(c["address"], 16) for c in map["chunks"]]
assert addresses == sorted(set(addresses)), "twice, or not in order"
for c in map["chunks"]:
    assert mask(c, "resident") & (mask(c, "cached") | mask(c, "filling")) == 0, c
' "$tmp/busy"
	looks=$((looks + 1))
done
grep -Eq 'does not exist|does not answer' "$tmp/err" || fail "map, at the end: $(cat "$tmp/err")"
wait "$shell"
[ "$looks" -gt 0 ] && grep -q checked "$tmp/said" && [ ! -s "$tmp/told" ] ||
	fail "hungry, looked at $looks times: $(cat "$tmp/said" "$tmp/told")"

# -- two pagers of a program that uses the library
cat >"$tmp/program.py" <<END
$library_python
for pager in range(2):
    ctypes.memset(reserve(16 << 20), 7, 16 << 20)
print("filled", flush=True)
sys.stdin.read()
END
mkfifo "$tmp/hold"
SPILL_BUDGET=8M SPILL_SWAP=$tmp python3 "$tmp/program.py" <"$tmp/hold" >"$tmp/program.out" &
pid=$!
exec {hold}>"$tmp/hold"
wait_for 60 grep -qs filled "$tmp/program.out" || fail "the program does not get filled"
map --json "$pid" >"$tmp/map"
check '
import json, sys
map = json.load(open(sys.argv[1]))
mask = lambda chunk, name: int(chunk.get(name, "0"), 16)
there = lambda c: mask(c, "resident") | mask(c, "cached") | mask(c, "swapped") | mask(c, "filling")
pages = sum(bin(there(c)).count("1") for c in map["chunks"])
assert pages == (32 << 20) // map["page_size"], pages
' "$tmp/map"
exec {hold}>&-
wait "$pid" || fail "the program: exit status $?"
exit 0
