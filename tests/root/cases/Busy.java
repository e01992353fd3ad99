// SPDX-License-Identifier: GPL-2.0-or-later
/* Compiled and interpreted frames, the collector, and calls into libjava (compression). */
import java.util.zip.CRC32;
import java.util.zip.Deflater;

public class Busy {
	static byte[] out = new byte[1 << 16];

	static long descend(int depth, byte[] data) {
		if (depth > 0)
			return descend(depth - 1, data) + depth;
		Deflater d = new Deflater();
		d.setInput(data);
		d.finish();
		long n = d.deflate(out);
		d.end();
		return n;
	}

	public static void main(String[] args) {
		byte[] data = new byte[1 << 16];
		long sum = 0;
		for (;;) {
			data[(int)(sum & 0xffff)]++;
			sum += descend(20, data.clone());
		}
	}
}
