// SPDX-License-Identifier: GPL-2.0-or-later
// Java MS: compiled and interpreted code that calls into the VM, and garbage for its collector.
// Sleeps afterwards if MS ends in s.
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.CRC32;

public class Java {
	static int nest(int depth, int seed) {
		return depth > 0 ? nest(depth - 1, seed) + 1 : some(seed);
	}

	static int some(int seed) {
		Integer[] items = new Integer[500];
		for (int i = 0; i < items.length; i++)
			items[i] = (i ^ seed) * 31 % 4096;
		Arrays.sort(items, (a, b) -> a - b);
		Map<String, Integer> words = new HashMap<>();
		for (Integer item : items)
			words.merge(String.format("%x", item % 64), 1, Integer::sum);
		CRC32 sum = new CRC32();
		sum.update(words.toString().getBytes());
		return words.size() + (int) sum.getValue() % 7;
	}

	public static void main(String[] args) throws Exception {
		long until = System.currentTimeMillis() + Long.parseLong(args[0].replace("s", ""));
		int n = 0;
		while (System.currentTimeMillis() < until)
			n = nest(20, n);
		while (args[0].endsWith("s"))
			Thread.sleep(1000);
	}
}
