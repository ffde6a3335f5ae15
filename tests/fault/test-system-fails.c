/* SPDX-License-Identifier: MIT */
/* test-system-fails - the pager's system calls, reads and writes fail, one by one: what was written
 * is still there, or the one page that is lost is poisoned and reported; nothing hangs, and nothing
 * is left
 *
 * For each way in which a call may fail (rows) the same life of a pager is run again and again,
 * each time in a process of its own: the first call of that kind fails, then the second, and so on
 * until there are no more.  Or the process is killed at that moment, or stopped for a while.  This
 * tries a sample: of every other row, as the seed says, the first call, the eighth, and so on.
 * SPILL_FAULTS_ALL tries all (make check-stress).
 *
 * Variants: default move,uring
 * Time limit: 600
 */
#include "system_faults.h"
#include "harness.h"
#include "store/io.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define BUDGET SPILL_BUDGET_MIN
#define DATA (12 * M)
#define SWAP (64 * M)
#define LIFE_SECONDS 30

/* A life in which so many pages were lost writes no new ones: each takes its time. */
#define LOSSES 3

/* Longer than nothing may come before the pager gives up (handler.c, FUTILE_NS). */
#define STOPPED_MS 350

/* The reads that fail besides a call: from this one on. */
#define READS_FAIL_FROM 20

/* A child's status: the fault that it was to see did not come. */
#define NO_FAULT 42

enum { ONCE = 1, ALWAYS = 2, BOTH = 3 };

/* What may come of it, besides that nothing is noticed. */
enum {
	MAY_REFUSE = 1,	   /* spill_open, spill_reserve and so on fail */
	MAY_LOSE = 2,	   /* pages are poisoned */
	MAY_DIE = 4,	   /* the process ends, with a line that says why */
	MAY_LEAK = 8,	   /* what the kernel does not take back */
	MAY_NOT_KNOW = 16, /* which pages are lost: there is no memory for their rows */
};

struct row {
	const char *kind;
	int error;
	enum fault_way way;
	unsigned modes;
	unsigned may;
	/* If it is a read or write of swap space, whichever engine does it. */
	unsigned operations;
	enum io_faulty_kind io;
	size_t length;	 /* bytes: where it is cut, or which one is wrong */
	bool reads_fail; /* besides, those of swap space */
};

#define CALL(kind, error, way, modes, may)                           \
	{                                                            \
		kind, error, FAULT_##way, modes, may, 0, 0, 0, false \
	}
#define LOST(kind, error, way, modes)                                              \
	{                                                                          \
		kind, error, FAULT_##way, modes, MAY_LOSE | MAY_DIE, 0, 0, 0, true \
	}
#define IO(kind, error, how, length, operations, modes, may)                           \
	{                                                                              \
		kind, error, 0, modes, may, operations, IO_FAULTY_##how, length, false \
	}

static const struct row rows[] = {
	/* Memory and mappings. */
	CALL("mmap", ENOMEM, INSTEAD, BOTH, MAY_REFUSE | MAY_LOSE | MAY_NOT_KNOW),
	CALL("munmap", ENOMEM, INSTEAD, BOTH, MAY_REFUSE | MAY_LEAK),
	CALL("madvise", EINVAL, INSTEAD, BOTH, MAY_REFUSE),
	CALL("madvise", ENOMEM, INSTEAD, BOTH, MAY_REFUSE),
	CALL("discard", ENOMEM, INSTEAD, ONCE, MAY_REFUSE),
	CALL("discard", EINVAL, INSTEAD, ONCE, MAY_REFUSE),
	CALL("process_madvise", EPERM, INSTEAD, BOTH, 0),
	CALL("process_madvise", ENOSYS, INSTEAD, ONCE, 0),
	CALL("process_madvise", EINTR, INSTEAD, BOTH, 0),
	CALL("process_madvise", 0, SHORT, BOTH, 0),
	/* userfaultfd. */
	CALL("uffd-new", EPERM, INSTEAD, BOTH, MAY_REFUSE),
	CALL("uffd-new", EMFILE, INSTEAD, BOTH, MAY_REFUSE),
	CALL("uffd-api", EINVAL, INSTEAD, BOTH, MAY_REFUSE),
	CALL("uffd-register", ENOMEM, INSTEAD, BOTH, MAY_REFUSE),
	CALL("uffd-register", EBUSY, INSTEAD, ONCE, MAY_REFUSE),
	CALL("uffd-copy", EAGAIN, INSTEAD, ONCE, 0),
	CALL("uffd-copy", ENOMEM, INSTEAD, ONCE, 0),
	CALL("uffd-copy", ENOENT, INSTEAD, ONCE, 0),
	CALL("uffd-copy", ESRCH, INSTEAD, ONCE, 0),
	CALL("uffd-copy", EBUSY, INSTEAD, ONCE, 0),
	CALL("uffd-copy", EEXIST, AFTER, ONCE, 0),
	CALL("uffd-copy", 0, SHORT, BOTH, 0),
	CALL("uffd-move", EAGAIN, INSTEAD, BOTH, 0),
	CALL("uffd-move", EBUSY, INSTEAD, BOTH, 0),
	CALL("uffd-move", EINVAL, INSTEAD, BOTH, 0),
	CALL("uffd-move", ENOMEM, INSTEAD, ONCE, 0),
	CALL("uffd-move", ENOENT, INSTEAD, ONCE, 0),
	CALL("uffd-move", ESRCH, INSTEAD, ONCE, 0),
	CALL("uffd-move", EEXIST, AFTER, BOTH, 0),
	CALL("uffd-move", 0, SHORT, BOTH, 0),
	CALL("uffd-protect", ENOENT, INSTEAD, ONCE, 0),
	CALL("uffd-protect", EAGAIN, INSTEAD, ONCE, 0),
	CALL("uffd-protect", EBUSY, INSTEAD, ONCE, 0),
	CALL("uffd-protect", ESRCH, INSTEAD, ONCE, 0),
	CALL("uffd-protect", EEXIST, AFTER, ONCE, 0),
	CALL("uffd-wake", EINVAL, AFTER, ONCE, 0),
	LOST("uffd-poison", ENOMEM, INSTEAD, ONCE),
	LOST("uffd-poison", EAGAIN, INSTEAD, ONCE),
	LOST("uffd-poison", EBUSY, INSTEAD, ONCE),
	LOST("uffd-poison", ENOENT, INSTEAD, ONCE),
	LOST("uffd-poison", EEXIST, AFTER, ONCE),
	CALL("read", EINTR, INSTEAD, ONCE, 0),
	CALL("read", EAGAIN, INSTEAD, ONCE, 0),
	/* Descriptors. */
	CALL("openat", EMFILE, INSTEAD, BOTH, MAY_REFUSE),
	CALL("openat", EACCES, INSTEAD, BOTH, MAY_REFUSE),
	CALL("close", EIO, AFTER, BOTH, 0),
	CALL("close", EINTR, AFTER, ONCE, 0),
	CALL("fcntl", EMFILE, INSTEAD, BOTH, MAY_REFUSE),
	CALL("eventfd2", EMFILE, INSTEAD, BOTH, MAY_REFUSE),
	CALL("memfd_create", EMFILE, INSTEAD, BOTH, MAY_REFUSE),
	CALL("fstat", EIO, INSTEAD, ONCE, MAY_REFUSE),
	CALL("newfstatat", EIO, INSTEAD, BOTH, MAY_REFUSE),
	CALL("getdents64", EIO, INSTEAD, BOTH, 0),
	CALL("write", EAGAIN, INSTEAD, ONCE, 0),
	/* Swap space. */
	CALL("fallocate", ENOSPC, INSTEAD, BOTH, MAY_REFUSE | MAY_LOSE),
	CALL("fallocate", EDQUOT, INSTEAD, ONCE, MAY_REFUSE | MAY_LOSE),
	CALL("fallocate", EOPNOTSUPP, INSTEAD, BOTH, MAY_REFUSE | MAY_LOSE),
	CALL("fallocate", EINTR, INSTEAD, ONCE, 0),
	CALL("fstatfs", EIO, INSTEAD, BOTH, MAY_REFUSE),
	CALL("pread64", EIO, INSTEAD, ONCE, 0),
	CALL("pread64", 0, SHORT, ONCE, 0),
	CALL("preadv", EIO, INSTEAD, ONCE, 0),
	CALL("preadv", EIO, INSTEAD, ALWAYS, MAY_LOSE),
	CALL("preadv", EINTR, INSTEAD, ONCE, 0),
	CALL("preadv", EAGAIN, INSTEAD, ONCE, 0),
	CALL("preadv", 0, SHORT, BOTH, 0),
	CALL("pwritev", EIO, INSTEAD, ONCE, 0),
	CALL("pwritev", ENOSPC, INSTEAD, ONCE, 0),
	CALL("pwritev", ENOSPC, INSTEAD, ALWAYS, MAY_LOSE | MAY_REFUSE),
	CALL("pwritev", EDQUOT, INSTEAD, ONCE, 0),
	CALL("pwritev", EINTR, INSTEAD, ONCE, 0),
	CALL("pwritev", 0, SHORT, BOTH, 0),
	/* The same as what comes back of a request, by any engine. */
	IO("io-read", EIO, ERROR, 0, IO_FAULTY_READS, ONCE, 0),
	IO("io-read", EIO, ERROR, 0, IO_FAULTY_READS, ALWAYS, MAY_LOSE),
	IO("io-read", ECANCELED, ERROR, 0, IO_FAULTY_READS, ONCE, 0),
	IO("io-read-short", 0, SHORT, 100, IO_FAULTY_READS, ONCE, 0),
	IO("io-read-empty", 0, SHORT, 0, IO_FAULTY_READS, ONCE, 0),
	IO("io-read-empty", 0, SHORT, 0, IO_FAULTY_READS, ALWAYS, MAY_LOSE),
	IO("io-read-wrong", 0, CORRUPT, 777, IO_FAULTY_READS, ONCE, 0),
	IO("io-read-wrong", 0, CORRUPT, 777, IO_FAULTY_READS, ALWAYS, MAY_LOSE),
	IO("io-write", EIO, ERROR, 0, IO_FAULTY_WRITES, ONCE, 0),
	IO("io-write", ENOSPC, ERROR, 0, IO_FAULTY_WRITES, ONCE, 0),
	IO("io-write", ENOSPC, ERROR, 0, IO_FAULTY_WRITES, ALWAYS, MAY_LOSE | MAY_REFUSE),
	IO("io-write", EDQUOT, ERROR, 0, IO_FAULTY_WRITES, ONCE, 0),
	IO("io-write", ECANCELED, ERROR, 0, IO_FAULTY_WRITES, ONCE, 0),
	IO("io-write", EFBIG, ERROR, 0, IO_FAULTY_WRITES, ONCE, 0),
	IO("io-write-short", 0, SHORT, 8192, IO_FAULTY_WRITES, ONCE, 0),
	IO("io-write-empty", 0, SHORT, 0, IO_FAULTY_WRITES, ONCE, 0),
	IO("io-write-wrong", 0, CORRUPT, 5000, IO_FAULTY_WRITES, BOTH, MAY_LOSE),
	IO("io-late", 0, DELAY, 0, IO_FAULTY_READS | IO_FAULTY_WRITES, ALWAYS, 0),
	/* An end without notice, and a rest longer than any patience of ours. */
	CALL("mmap", 0, KILL, ONCE, 0),
	CALL("openat", 0, KILL, ONCE, 0),
	CALL("fallocate", 0, KILL, ONCE, 0),
	CALL("uffd-register", 0, KILL, ONCE, 0),
	CALL("uffd-move", 0, KILL, ONCE, 0),
	CALL("uffd-copy", 0, KILL, ONCE, 0),
	CALL("uffd-protect", 0, KILL, ONCE, 0),
	CALL("discard", 0, KILL, ONCE, 0),
	CALL("process_madvise", 0, KILL, ONCE, 0),
	CALL("pwritev", 0, KILL, ONCE, 0),
	CALL("preadv", 0, KILL, ONCE, 0),
	CALL("close", 0, KILL, ONCE, 0),
	CALL("uffd-move", 0, STOP, ONCE, 0),
	CALL("uffd-copy", 0, STOP, ONCE, 0),
	CALL("discard", 0, STOP, ONCE, 0),
	/* Others. */
	CALL("io_uring_register", EINVAL, INSTEAD, BOTH, MAY_DIE),
	CALL("ppoll", EINTR, INSTEAD, ONCE, 0),
	CALL("futex-wait", EINTR, INSTEAD, BOTH, 0),
	CALL("getcpu", ENOSYS, INSTEAD, BOTH, 0),
	CALL("getrandom", ENOSYS, INSTEAD, BOTH, MAY_REFUSE),
	CALL("prlimit64", EPERM, INSTEAD, BOTH, MAY_REFUSE),
	CALL("sched_getaffinity", EPERM, INSTEAD, BOTH, 0),
	CALL("sched_setaffinity", EPERM, INSTEAD, BOTH, 0),
	CALL("uname", EFAULT, INSTEAD, BOTH, 0),
};

/* -- a life ------------------------------------------------------------------------------- */

struct life {
	const struct row *row;
	spill *pager;
	struct area area;
	size_t pages; /* so many of it are touched: fewer than all if some are lost */
	bool *lost;
	unsigned losses;
	size_t page; /* that is being touched */
};

/* A call of the public interface has succeeded or failed as it may. */
static bool went_well(const struct life *life, const char *call, bool ok)
{
	if (ok)
		return true;
	CHECK(errno > 0 && errno < 134, "%s fails with errno %d", call, errno);
	CHECK((life->row->may & MAY_REFUSE) || (errno == EIO && (life->row->may & MAY_LOSE)),
	      "%s: %s", call, strerror(errno));
	return false;
}

#define TRY(life, call) went_well(life, #call, (call) == 0)

static void write_page(void *argument)
{
	struct life *life = argument;

	area_write(&life->area, life->page);
}

static void check_page(void *argument)
{
	struct life *life = argument;

	area_check(&life->area, life->page);
}

static void touch(struct life *life, size_t i, void (*how)(void *))
{
	unsigned state;

	life->page = i;
	if (life->lost[i] || test_survives(how, life))
		return;
	life->lost[i] = true;
	life->losses++;
	state = area_state(&life->area, i) & SPILL_STATE_MASK;
	CHECK(state == SPILL_POISONED || (state == SPILL_ABSENT && (life->row->may & MAY_NOT_KNOW)),
	      "page %zu raises SIGBUS, but is in state %#x", i, state);
}

/* Pages that were discarded are new ones, and can be lost too. */
static void check_all(struct life *life)
{
	for (size_t i = 0; i < life->pages && life->losses < 2 * LOSSES; i++)
		touch(life, i, check_page);
}

static void write_all(struct life *life)
{
	for (size_t i = 0; i < life->area.pages && life->losses < LOSSES; i++) {
		touch(life, i, write_page);
		life->pages = i + 1;
	}
}

static void open_pager(struct life *life)
{
	struct spill_options options = SPILL_OPTIONS_INIT;

	options.budget = BUDGET;
	options.swap = test_directory();
	options.swap_limit = SWAP;
	life->pager = spill_open(&options);
}

/* Part of the area is discarded, and part of it released. */
static void give_parts_back(struct life *life)
{
	struct area *area = &life->area;
	size_t n = area->pages / 8;
	char *first = area_page(area, n);

	if (TRY(life, spill_advise(life->pager, first, n * test_page_size(), SPILL_DONT_NEED))) {
		area_zeroed(area, n, n);
		memset(life->lost + n, 0, n);
	}
	n = area->pages / 2;
	if (TRY(life, spill_release(life->pager, area_page(area, n), n * test_page_size())))
		area->pages = n;
	if (life->pages > area->pages)
		life->pages = area->pages;
}

static void use(struct life *life)
{
	struct area *area = &life->area;
	size_t pin = 32 * test_page_size();
	struct dice dice = dice_new(1);

	write_all(life);
	check_all(life);
	for (unsigned i = 0; i < 200 && life->losses < 2 * LOSSES; i++)
		touch(life, dice_below(&dice, life->pages), i % 2 ? write_page : check_page);
	if (TRY(life, spill_pin(life->pager, area->base, pin)))
		TRY(life, spill_unpin(life->pager, area->base, pin));
	TRY(life,
	    spill_advise(life->pager, area->base, area->pages / 4 * test_page_size(), SPILL_COLD));
	TRY(life, spill_advise(life->pager, area->base, area->pages / 4 * test_page_size(),
			       SPILL_WILL_NEED));
	TRY(life, spill_set_budget(life->pager, BUDGET + 2 * M));
	TRY(life, spill_set_budget(life->pager, BUDGET));
	give_parts_back(life);
}

/* Afterwards all is well. */
static void look_back(struct life *life)
{
	check_all(life);
	if (life->losses)
		CHECK(life->row->may & MAY_LOSE, "%u pages are lost", life->losses);
	else
		pager_check(life->pager);
	check_all(life);
}

/* -- what goes wrong ------------------------------------------------------------------------ */

#define LATE_NS 2000000

static struct io_faulty_plan io_plan;

static void fail_reads(void)
{
	io_plan = (struct io_faulty_plan){
		.operations = IO_FAULTY_READS,
		.kind = IO_FAULTY_ERROR,
		.error = EIO,
		.nth = READS_FAIL_FROM,
		.always = true,
	};
	io_faulty_plan_current = &io_plan;
}

/* nth: of the calls of that kind. */
static void begin_faults(const struct row *row, unsigned nth, bool always)
{
	if (row->operations) {
		io_plan = (struct io_faulty_plan){
			.operations = row->operations,
			.kind = row->io,
			.error = row->error,
			.length = row->length,
			.delay_ns = row->io == IO_FAULTY_DELAY ? LATE_NS : 0,
			.nth = nth,
			.always = always,
		};
		io_faulty_plan_current = &io_plan;
	} else {
		if (row->reads_fail)
			fail_reads();
		fault_begin(&(struct fault_plan){
			.kind = fault_kind(row->kind),
			.error = row->error,
			.way = row->way,
			.nth = nth,
			.always = always,
		});
	}
}

static void end_faults(void)
{
	fault_end();
	io_plan.nth = 0;
}

static bool any_fault(const struct row *row)
{
	return (row->operations ? io_plan.hits : fault_hits()) > 0;
}

static void live(struct life *life)
{
	open_pager(life);
	if (!went_well(life, "spill_open", life->pager != NULL))
		return;
	life->area = area_try_reserve(life->pager, 1, DATA);
	if (went_well(life, "spill_reserve", life->area.base != NULL)) {
		life->lost = calloc(life->area.pages, sizeof(bool));
		CHECK(life->lost, "out of memory");
		use(life);
		end_faults();
		look_back(life);
		area_forget(&life->area);
		free(life->lost);
	}
	end_faults();
	spill_close(life->pager);
}

/* -- processes ------------------------------------------------------------------------------ */

static _Noreturn void child(const struct row *row, unsigned nth, bool always)
{
	struct life life = { .row = row };

	test_limit(LIFE_SECONDS);
	case_begin(row->kind, 64 * M);
	begin_faults(row, nth, always);
	live(&life);
	end_faults();
	CHECK(fault_unknown() < 0, "system call %ld is not in the table of kinds", fault_unknown());
	if (!(row->may & MAY_LEAK))
		case_end();
	test_exit(any_fault(row) ? 0 : NO_FAULT);
}

/* What the child printed is shown if it went wrong. */
static void show(int fd)
{
	char text[4096];
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)n, stdout);
}

/* Is there a line of ours at the end? */
static bool says_why(int fd)
{
	char text[4096];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "spill: ") && !strstr(text, "Assert");
}

static struct {
	unsigned lives, hits, died;
} total;

/* The end of a child, which is not left stopped. */
static int wait_for(pid_t pid)
{
	int status;

	for (;;) {
		CHECK(waitpid(pid, &status, WUNTRACED) == pid, "waitpid: %s", strerror(errno));
		if (!WIFSTOPPED(status))
			return status;
		test_sleep_ms(STOPPED_MS);
		kill(pid, SIGCONT);
	}
}

/* Has it ended as it should? */
static bool ended_well(const struct row *row, int status, int output)
{
	if (status == 0 || status == NO_FAULT << 8)
		return true;
	if (!WIFSIGNALED(status))
		return false;
	if (row->way == FAULT_KILL)
		return WTERMSIG(status) == SIGKILL;
	return WTERMSIG(status) == SIGABRT && (row->may & MAY_DIE) && says_why(output);
}

static const char *way_name(const struct row *row)
{
	static const char *const names[] = { "", ", after", ", short", ", killed", ", stopped" };

	return names[row->way];
}

/* false: the call of that number was not made. */
static bool live_once(const struct row *row, unsigned nth, bool always)
{
	int output = memfd_create("output", MFD_CLOEXEC), status;
	pid_t pid;

	CHECK(output >= 0, "memfd_create: %s", strerror(errno));
	pid = test_fork();
	if (pid == 0) {
		dup2(output, STDOUT_FILENO);
		dup2(output, STDERR_FILENO);
		child(row, nth, always);
	}
	status = wait_for(pid);
	total.lives++;
	total.died += WIFSIGNALED(status);
	if (!ended_well(row, status, output)) {
		show(output);
		test_fail("%s%s, %s, number %u%s: status %#x", row->kind, way_name(row),
			  strerror(row->error), nth, always ? " and all behind it" : "",
			  (unsigned)status);
	}
	test_nothing_left(); /* of what was killed, too */
	close(output);
	return status != NO_FAULT << 8;
}

/* 1, 8, 64 ... */
static unsigned following(unsigned nth)
{
	return getenv("SPILL_FAULTS_ALL") ? nth + 1 : 8 * nth;
}

static void sweep(const struct row *row, bool always)
{
	unsigned before = total.lives;

	for (unsigned nth = 1; live_once(row, nth, always); nth = following(nth))
		total.hits++;
	printf("  %-18s %-10s %s%s: %u lives\n", row->kind,
	       row->error ? strerrorname_np(row->error) : "", always ? "always" : "once",
	       way_name(row), total.lives - before);
	fflush(stdout);
}

static bool is_among(const char *word, char *const *list)
{
	while (*list && strcmp(word, *list) != 0)
		list++;
	return *list != NULL;
}

/* Only rows of these kinds, if there are any. */
int main(int argc, char **argv)
{
	size_t step = argc > 1 || getenv("SPILL_FAULTS_ALL") ? 1 : 2, first;
	struct dice dice;

	test_begin("system-fails", 590);
	dice = dice_new(1);
	first = dice_below(&dice, step);
	for (size_t i = first; i < sizeof(rows) / sizeof(rows[0]); i += step) {
		if (argc > 1 && !is_among(rows[i].kind, argv + 1))
			continue;
		if (rows[i].modes & ONCE)
			sweep(&rows[i], false);
		if (rows[i].modes & ALWAYS)
			sweep(&rows[i], true);
	}
	CHECK(total.lives > 0, "there is no such kind");
	printf("%u lives, %u of them with a fault; %u did not outlive it\n", total.lives,
	       total.hits, total.died);
	return test_end();
}
