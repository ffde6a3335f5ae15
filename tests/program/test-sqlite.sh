#!/bin/bash
# SPDX-License-Identifier: MIT
# An in-memory database of some 300 MB, with indexes, in a third of that.
# Time limit: 900
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires sqlite3 perl numfmt
cat >"$tmp/sql" <<'END'
CREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER, c TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
INSERT INTO t SELECT i, (i * 7919) % 1000003, hex(i * 2654435761) || printf('%0200d', i) FROM n;
CREATE INDEX tc ON t(c);
CREATE INDEX tb ON t(a, b);
SELECT count(*), sum(b), min(c), max(c) FROM t;
SELECT sum(length(c)) FROM t WHERE a % 3 = 1;
PRAGMA integrity_check;
END
compare 300M 160M sqlite3 -cmd "PRAGMA cache_size=-600000" -cmd "PRAGMA temp_store=MEMORY" :memory: ".read $tmp/sql"
