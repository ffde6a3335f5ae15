/* SPDX-License-Identifier: MIT */
/* test-siblings - a process of a command is killed at some step of an eviction, a fill or anything
 * else: another process of that command, with the same budget and the same named swap file, goes on
 * with the right bytes, and gets the dead one's share of the budget and of swap space
 *
 * This tries a sample of the steps; SPILL_FAULTS_ALL tries all of them (make check-stress).
 *
 * Variants: default move,uring
 * Time limit: 300
 */
#include "system_faults.h"
#include "harness.h"
#include "command/command.h"
#include "base/fd.h"
#include "base/page.h"
#include "pager/pager.h"
#include "command/pool.h"
#include "base/process.h"
#include "command/share.h"
#include "store/slot.h"
#include "base/sys.h"
#include "store/target_head.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define BUDGET (16 * M)
#define SURVIVOR_DATA (20 * M)
#define VICTIM_DATA (16 * M)
/* Both, and one that is dead: the third victim has to take over what the first had. */
#define SWAP (64 * M)

/* The survivor has written to so many pages since. */
#define GOES_ON 500

/* A victim's status: the call at which it was to be killed was not made. */
#define NOT_KILLED 42

static const char *const kinds[] = {
	"mmap",	     "openat",		"fallocate", "uffd-register", "uffd-move",  "uffd-copy",
	"uffd-wake", "uffd-protect",	"discard",   "madvise",	      "pwritev",    "preadv",
	"close",     "process_madvise", "read",	     "write",	      "futex-wait",
};

static struct {
	_Atomic uint64_t updates;
	_Atomic bool enough;
} * survivor;

static struct pool *pool;

/* -- the command ---------------------------------------------------------------------------- */

/* Leaves it open for the processes of the command, and writes what the environment says of it. */
static int hand(int fd, char text[COMMAND_FD_TEXT])
{
	CHECK(fd >= 0, "a descriptor of the command: %s", strerror(-fd));
	CHECK(command_hand(fd, text) == 0, "a descriptor cannot be handed over");
	return fd;
}

static void share_budget(void)
{
	char pool_text[COMMAND_FD_TEXT], bell_text[COMMAND_FD_TEXT];
	char text[2 * COMMAND_FD_TEXT + 2];

	pool = pool_map(hand(pool_create((int64_t)(BUDGET >> page_shift())), pool_text));
	CHECK(pool, "no memory for the budget");
	hand(fd_pipe(), bell_text);
	snprintf(text, sizeof(text), "%s:%s", pool_text, bell_text);
	setenv(COMMAND_ENV_BUDGET, text, 1);
}

static void share_swap(const char *path)
{
	char file_text[COMMAND_FD_TEXT], owners_text[COMMAND_FD_TEXT];
	char text[2 * COMMAND_FD_TEXT + 400];
	int fd = hand(fd_raise(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)), file_text);

	CHECK(flock(fd, LOCK_EX) == 0, "%s: %s", path, strerror(errno));
	hand(slot_owners_create(SWAP >> page_shift()), owners_text);
	snprintf(text, sizeof(text), "%s:%s:%d:%lu:0:0:%s", file_text, owners_text,
		 TARGET_HEADER_SIZE, SWAP, path);
	setenv(COMMAND_ENV_SWAP, text, 1);
}

static struct area begin(const char *name, unsigned number, const char *path, size_t data)
{
	struct spill_options options = SPILL_OPTIONS_INIT;
	spill *s;

	case_begin(name, 0);
	options.budget = BUDGET;
	options.swap = path;
	s = pager_open_with(&options);
	paging_share(&((struct pager *)s)->paging, share_join());
	return area_reserve(s, number, data);
}

/* -- who goes on ----------------------------------------------------------------------------- */

static _Noreturn void survive(const char *path)
{
	struct area area = begin("survivor", 1, path, SURVIVOR_DATA);
	spill *s = area.pager;
	struct dice dice = dice_new(1);

	area_write_all(&area);
	while (!survivor->enough) {
		area_update(&area, dice_below(&dice, area.pages));
		survivor->updates++;
	}
	area_check_all(&area);
	area_forget(&area);
	pager_close(s);
	test_exit(0);
}

static bool goes_on(uint64_t since)
{
	return survivor->updates >= since + GOES_ON;
}

/* Frames that are granted to others than the survivor. */
static int64_t frames_of_others(pid_t pid)
{
	int64_t frames = 0;

	for (unsigned i = 0; i < pool->entries; i++)
		if ((pid_t)process_pid(pool->entry[i].mark) != pid)
			frames += pool->entry[i].granted;
	return frames;
}

/* -- who is killed --------------------------------------------------------------------------- */

static _Noreturn void live(const char *kind, unsigned nth, const char *path)
{
	struct area area;
	spill *s;
	struct dice dice = dice_new(2);

	fault_begin(
		&(struct fault_plan){ .kind = fault_kind(kind), .way = FAULT_KILL, .nth = nth });
	area = begin("victim", 2, path, VICTIM_DATA);
	s = area.pager;
	area_write_all(&area);
	area_check_all(&area);
	for (unsigned i = 0; i < 300; i++)
		area_update(&area, dice_below(&dice, area.pages));
	area_forget(&area);
	pager_drop(s);
	test_exit(NOT_KILLED);
}

/* false: it was not killed. */
static bool kill_one(const char *kind, unsigned nth, const char *path)
{
	pid_t pid = test_fork();
	uint64_t before;
	int status;

	if (pid == 0)
		live(kind, nth, path);
	CHECK(waitpid(pid, &status, 0) == pid, "waitpid: %s", strerror(errno));
	CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : status == NOT_KILLED << 8,
	      "%s, number %u: a victim ends with status %#x", kind, nth, (unsigned)status);
	before = survivor->updates;
	CHECK(WAIT_FOR(goes_on(before), 30), "%s, number %u: the survivor does not go on", kind,
	      nth);
	return WIFSIGNALED(status);
}

/* 1, 4, 16, 64 ... */
static unsigned following(unsigned nth)
{
	return getenv("SPILL_FAULTS_ALL") ? nth + 1 : 4 * nth;
}

static void sweep(const char *kind, const char *path)
{
	unsigned killed = 0;

	for (unsigned nth = 1; kill_one(kind, nth, path); nth = following(nth))
		killed++;
	printf("  %-18s %u killed\n", kind, killed);
	fflush(stdout);
}

int main(void)
{
	char path[300];
	pid_t pid;

	/* The environment is read once, by the first pager: that of test_begin. */
	page_init();
	snprintf(path, sizeof(path), "%s/swap", test_directory());
	share_budget();
	share_swap(path);
	test_begin("siblings", 290);
	survivor = mmap(NULL, sizeof(*survivor), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	CHECK(survivor != MAP_FAILED, "no memory");
	pid = test_fork();
	if (pid == 0)
		survive(path);
	CHECK(WAIT_FOR(survivor->updates > 0, 30), "the survivor does not begin");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		sweep(kinds[i], path);
	CHECK(WAIT_FOR(frames_of_others(pid) == 0, 30), "%lld frames of the budget are lost",
	      (long long)frames_of_others(pid));
	survivor->enough = true;
	test_wait(pid, 0);
	unlink(path);
	return test_end();
}
