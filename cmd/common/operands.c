// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/common/cmd.h"

const char *evp_take_operand(void)
{
	if (!evp_noperands)
		return NULL;
	evp_noperands--;
	return *evp_operand++;
}

/* SA_RESETHAND: the next one ends the program, and so does this one if it was sent to it alone. */
static void on_interrupt(int sig, siginfo_t *info, void *context)
{
	if (info->si_code != SI_KERNEL) /* that is the terminal's */
		raise(sig);
}

/*
 * Ctrl-C reaches all of a pipeline at once. It ends the recorder at its head, and what that still
 * writes is the answer: so a filter goes on until its input ends.
 */
static void outlive_interrupt(void)
{
	struct sigaction act = { .sa_sigaction = on_interrupt,
				 .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_RESTART };
	struct sigaction was;
	struct stat st;

	if (fstat(STDIN_FILENO, &st) || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return;
	if (!sigaction(SIGINT, NULL, &was) && was.sa_handler == SIG_DFL)
		sigaction(SIGINT, &act, NULL);
}

static int from_stdin(evp_input_fn *fn, void *arg)
{
	if (isatty(STDIN_FILENO) && !evp_force)
		return evp_error("standard input is a terminal (name a file, or pipe a stream in; "
				 "%s -h for help)",
				 evp_program);
	outlive_interrupt();
	return fn(STDIN_FILENO, "standard input", arg);
}

int evp_one_input(const char *operand, evp_input_fn *fn, void *arg)
{
	int fd, status;

	if (!strcmp(operand, "-"))
		return from_stdin(fn, arg);
	fd = open(operand, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return evp_error("cannot open '%s': %s", operand, strerror(errno));
	status = fn(fd, operand, arg);
	close(fd);
	return status;
}

int evp_each_input(evp_input_fn *fn, void *arg)
{
	int i, status = EVP_DONE;

	if (!evp_noperands)
		return from_stdin(fn, arg);
	for (i = 0; i < evp_noperands; i++)
		status = evp_worse(status, evp_one_input(evp_operand[i], fn, arg));
	return status;
}
