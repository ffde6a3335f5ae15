/* SPDX-License-Identifier: MIT */
/* work_fork.c - children that only execute another program, of a process that has much data
 */
#include <sys/wait.h>
#include <unistd.h>

#include "contents.h"
#include "measure.h"

#define FORKS 100

static void fork_and_exec(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		bench_fail("a child failed");
}

void run_fork(const struct options *options)
{
	struct contents contents;
	struct measure measure;

	contents_open(&contents, options);
	contents_fill(&contents);
	measure_begin(&measure, &contents.memory);
	for (unsigned i = 0; i < FORKS; i++)
		fork_and_exec();
	measure_end(&measure);
	for (size_t i = 0; i < contents.memory.pages; i += 101)
		contents_check(&contents, i);
	report_begin(options, &measure, "forks/s", FORKS / measure.seconds, FORKS);
	report_end();
	contents_close(&contents);
}
