// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program without libc, as small as they get: burns some time three calls deep and ends.
 *
 *	tiny [ROUNDS]
 */
static volatile unsigned long sink;

__attribute__((noinline)) static void tiny_leaf(unsigned long n)
{
	while (n--)
		sink += n;
}

__attribute__((noinline)) static void tiny_middle(unsigned long n)
{
	tiny_leaf(n);
	sink++;
}

__attribute__((noinline, used)) static void tiny_main(const unsigned long *sp)
{
	unsigned long n = 0;
	const char *p = sp[0] > 1 ? (const char *)sp[2] : "100000";

	for (; *p; p++)
		n = n * 10 + (unsigned long)(*p - '0');
	tiny_middle(n);
	sink++;
	__asm__ volatile("syscall" ::"a"(231), "D"(0));
	__builtin_unreachable();
}

__asm__(".globl _start\n"
	".type _start, @function\n"
	"_start:\n"
	".cfi_startproc\n"
	".cfi_undefined rip\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call tiny_main\n"
	"	hlt\n"
	".cfi_endproc\n"
	".size _start, .-_start\n");
