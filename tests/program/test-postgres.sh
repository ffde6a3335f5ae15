#!/bin/bash
# SPDX-License-Identifier: MIT
# PostgreSQL as an ordinary user: pgbench, then sorts, aggregates, joins and an index whose working
# memory is several times the budget.  Its shared buffers are not paged.
# Time limit: 600
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires perl numfmt setpriv psql
requires_root
for bin in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin "$(dirname "$(command -v initdb || echo /none/initdb)")"; do
	[ -x "$bin/initdb" ] && break
done
[ -x "$bin/initdb" ] || skip "initdb is missing"
id nobody >/dev/null 2>&1 || skip "there is no user nobody"
nobody=(setpriv "--reuid=$(id -u nobody)" "--regid=$(id -g nobody)" --clear-groups)
"${nobody[@]}" "$SPILL" --version >/dev/null 2>&1 || skip "$SPILL is not within an ordinary user's reach"
new_directory 777
public=$directory

cat >"$public/work" <<'END'
PATH=$1:$PATH
dir=$(mktemp -d "$(dirname "$0")/XXXXXX")
initdb -D "$dir/data" -U tester -A trust --no-sync >&2 || exit 1
pg_ctl -D "$dir/data" -w -l "$dir/log" -o "-c listen_addresses='' -k $dir" start >&2 ||
	{ cat "$dir/log" >&2; exit 1; }
stop() {
	pg_ctl -D "$dir/data" -w -m fast stop >&2 && rm -rf "$dir"
}
trap stop EXIT
pgbench -h "$dir" -U tester -i -s 2 -q postgres >&2 || exit 1
pgbench -h "$dir" -U tester -c 4 -j 2 -t 300 --random-seed=7 postgres >&2 || exit 1
psql -h "$dir" -U tester -d postgres -Atq -v ON_ERROR_STOP=1 <<'SQL'
SELECT count(*), sum(abalance) = (SELECT sum(bbalance) FROM pgbench_branches) FROM pgbench_accounts;
CREATE TABLE t AS SELECT i, i * 7919::bigint % 100003 AS k, repeat(md5(i::text), 20) AS c
	FROM generate_series(1, 100000) i;
ANALYZE t;
SET work_mem = '600MB';
SET maintenance_work_mem = '400MB';
SELECT sum(hashtext(c)::bigint * (r % 1000)) FROM (SELECT c, row_number() OVER (ORDER BY c) AS r FROM t) s;
SELECT count(*), sum(n), max(left(c, 32)) FROM (SELECT c, count(*) AS n FROM t GROUP BY c) s;
SELECT count(*), sum(a.i - b.i), sum(hashtext(b.c)) FROM t a JOIN t b ON a.k = b.i;
CREATE INDEX ON t(c);
SELECT count(*) FROM t WHERE c LIKE 'abc%';
SQL
END
compare_family 100M 30M "${nobody[@]}" bash "$public/work" "$bin"
[ "$(ls "$public")" = work ] || fail "files are left: $(ls "$public")"
exit 0
