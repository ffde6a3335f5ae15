#!/bin/bash
# SPDX-License-Identifier: MIT
# PHP: arrays, strings, sorting, regular expressions and JSON, in a quarter of the memory that they
# take.
#
# PHP opens its extensions with RTLD_DEEPBIND.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires php numfmt
cat >"$tmp/work.php" <<'END'
<?php
ini_set('memory_limit', '-1');
mt_srand(7);
$rows = [];
for ($i = 0; $i < 50000; $i++)
	$rows["key " . $i * 7] = ['name' => str_repeat("name " . $i * 13 . " ", 30), 'n' => mt_rand(), 'list' => [$i, $i * 2]];
$sum = 0;
foreach ($rows as $key => $row)
	$sum = ($sum + strlen($row['name']) + $row['n'] + $row['list'][1]) % 1000000007;
for ($i = 0; $i < 50000; $i += 3)
	unset($rows["key " . $i * 7]);
uasort($rows, fn($a, $b) => $a['n'] <=> $b['n']);
echo count($rows), " $sum ", array_key_first($rows), " ", array_key_last($rows), "\n";
$text = json_encode(array_values($rows));
echo strlen($text), " ", md5($text), "\n";
echo preg_match_all('/name (\d+)3 /', $text, $found), " ", crc32(implode(',', array_slice($found[1], -1000))), "\n";
$again = json_decode($text, true);
echo md5(serialize($again[count($again) - 1])), "\n";
END
compare 105M 26M php "$tmp/work.php"
