#!/bin/bash
# SPDX-License-Identifier: MIT
# Java builds maps and lists and collects them, in a heap of several times the budget.
# Time limit: 600
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires java javac perl numfmt
seed=${SEED:-$RANDOM}
echo "seed $seed"
cat >"$tmp/Heap.java" <<'END'
import java.util.*;

public class Heap {
	public static void main(String[] args) {
		Random random = new Random(Long.parseLong(args[0]));
		int n = 2000000;
		Map<Integer, String> map = new HashMap<>();
		for (int i = 0; i < n; i++)
			map.put(i * 7, "value " + (long) i * 7919 + " " + random.nextInt());
		long sum = 0;
		for (Map.Entry<Integer, String> e : map.entrySet())
			sum = sum * 31 + e.getKey() + e.getValue().hashCode();
		for (int i = 0; i < n; i += 3)
			map.remove(i * 7);
		long[][] rows = new long[2000][];
		for (int i = 0; i < rows.length; i++)
			Arrays.setAll(rows[i] = new long[2000], k -> random.nextLong());
		for (long[] row : rows)
			for (long word : row)
				sum = sum * 31 + word;
		System.out.println(map.size() + " " + sum + " " + map.values().size());
	}
}
END
javac -d "$tmp" "$tmp/Heap.java" || fail "javac: exit status $?"
compare_family 300M 80M java -Xms16m -Xmx1g -cp "$tmp" Heap "$seed"
