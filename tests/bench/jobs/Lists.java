// SPDX-License-Identifier: MIT
// Lists.java - a map of lists that grow at random: Lists LISTS TOUCHES
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

public final class Lists {
	public static void main(String[] args) {
		int lists = Integer.parseInt(args[0]), touches = Integer.parseInt(args[1]);
		Map<Integer, List<Integer>> map = new HashMap<>();
		Random random = new Random(1);
		long sum = 0;

		for (int i = 0; i < lists; i++)
			map.computeIfAbsent(random.nextInt(lists), key -> new ArrayList<>(2)).add(i);
		for (int i = 0; i < touches; i++) {
			List<Integer> list = map.get(random.nextInt(lists));

			if (list != null)
				sum += list.get(i % list.size());
		}
		System.out.println(map.size() + " " + sum);
	}
}
