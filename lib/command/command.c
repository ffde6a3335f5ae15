/* SPDX-License-Identifier: MIT */
/* command.c - what the launcher hands to every process: see command.h */
#include "command/command.h"
#include "command/bell.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HANDED_SWAP_MAX 64
#define SWAP_TEXT_SIZE 16384

/* A descriptor, and which file it was when it was handed over; number -1: none. */
struct handed {
	int number;
	uint64_t device;
	uint64_t inode;
	uint64_t rdev;
};

struct handed_swap {
	struct handed file;
	struct handed owners;
	uint64_t offset;
	uint64_t limit;
	uint64_t kept; /* 1 or 0 */
	int priority;
	const char *path; /* in swap_text */
};

struct identity {
	uint32_t user[3], group[3]; /* real, effective, saved */
};

/* Only read_environment writes these. */
static struct identity began;
static bool launched;
static struct handed handed_userfaultfd = { .number = -1 };
static struct handed handed_stats = { .number = -1 };
static struct handed handed_pool = { .number = -1 };
static struct handed handed_bell = { .number = -1 };
static struct handed_swap handed_swap[HANDED_SWAP_MAX];
static unsigned handed_swaps;
static char swap_text[SWAP_TEXT_SIZE];

/* -- what was handed over ------------------------------------------------------ */

static int handed_from(int fd, struct handed *ret)
{
	struct stat st;
	int err = (int)sys_call2(SYS_fstat, fd, &st);

	if (err)
		return err;
	*ret = (struct handed){
		.number = fd,
		.device = st.st_dev,
		.inode = st.st_ino,
		.rdev = st.st_rdev,
	};
	return 0;
}

static bool handed_is_there(const struct handed *handed)
{
	struct handed now;

	return handed->number >= 0 && handed_from(handed->number, &now) == 0 &&
	       now.device == handed->device && now.inode == handed->inode &&
	       now.rdev == handed->rdev;
}

static int handed_check(const struct handed *handed)
{
	if (handed->number < 0)
		return -ENOENT;
	return handed_is_there(handed) ? 0 : -EBADF;
}

static int handed_open(const struct handed *handed)
{
	int err = handed_check(handed);

	return err ? err : fd_duplicate(handed->number);
}

/* -- reading ------------------------------------------------------------------ */

/* Reads a number and the delimiter after it (which may be the end of the text); false: there is no
 * such thing. */
static bool read_number(const char **text, int base, char delimiter, uint64_t *ret)
{
	char *end;
	uint64_t n = strtoull(*text, &end, base);

	if (end == *text || *end != delimiter)
		return false;
	*text = delimiter ? end + 1 : end;
	*ret = n;
	return true;
}

static bool read_handed(const char **text, char delimiter, struct handed *ret)
{
	struct handed handed;
	uint64_t number;

	if (!read_number(text, 16, '.', &number) || number > INT32_MAX ||
	    !read_number(text, 16, '.', &handed.device) ||
	    !read_number(text, 16, '.', &handed.inode) ||
	    !read_number(text, 16, delimiter, &handed.rdev))
		return false;
	handed.number = (int)number;
	*ret = handed;
	return true;
}

static bool read_swap(const char *text, struct handed_swap *ret)
{
	uint64_t priority;

	if (!read_handed(&text, ':', &ret->file) || !read_handed(&text, ':', &ret->owners) ||
	    !read_number(&text, 10, ':', &ret->offset) ||
	    !read_number(&text, 10, ':', &ret->limit) || !read_number(&text, 10, ':', &ret->kept) ||
	    !read_number(&text, 10, ':', &priority) || !*text)
		return false;
	ret->priority = (int)(int64_t)priority; /* strtoull accepts a minus sign */
	ret->path = text;
	return true;
}

/* Takes the list apart.  A malformed entry was not written by us, and is skipped. */
static void read_swaps(const char *list)
{
	char *next;

	text_copy(swap_text, sizeof(swap_text), list);
	for (char *entry = swap_text; entry && *entry && handed_swaps < HANDED_SWAP_MAX;
	     entry = next) {
		next = strchr(entry, ';');
		if (next)
			*next++ = '\0';
		if (read_swap(entry, &handed_swap[handed_swaps]))
			handed_swaps++;
	}
}

static void read_one(const char *name, struct handed *ret)
{
	const char *text = secure_getenv(name);

	if (text)
		read_handed(&text, '\0', ret);
}

static void read_budget(void)
{
	const char *text = secure_getenv(COMMAND_ENV_BUDGET);

	if (text && read_handed(&text, ':', &handed_pool))
		read_handed(&text, '\0', &handed_bell);
}

static void note_handed(const struct handed *handed)
{
	if (handed_is_there(handed))
		fd_note(handed->number);
}

static struct identity identity_now(void)
{
	struct identity now = { 0 };

	sys_call3(SYS_getresuid, &now.user[0], &now.user[1], &now.user[2]);
	sys_call3(SYS_getresgid, &now.group[0], &now.group[1], &now.group[2]);
	return now;
}

static void read_environment(void)
{
	const char *swaps = secure_getenv(COMMAND_ENV_SWAP);

	began = identity_now();
	launched = swaps != NULL; /* every launcher sets it, even if to nothing */
	read_one(COMMAND_ENV_USERFAULTFD, &handed_userfaultfd);
	read_one(COMMAND_ENV_STATS, &handed_stats);
	read_budget();
	read_swaps(swaps);
	note_handed(&handed_userfaultfd);
	note_handed(&handed_stats);
	note_handed(&handed_pool);
	note_handed(&handed_bell);
	for (unsigned i = 0; i < handed_swaps; i++) {
		note_handed(&handed_swap[i].file);
		note_handed(&handed_swap[i].owners);
	}
}

void command_init(void)
{
	enum { NOT_YET, BUSY, DONE };
	static _Atomic int stage;
	int seen = NOT_YET;

	/* Usually called by the constructor.  Not pthread_once: another library may have interposed
	 * it. */
	if (atomic_load_explicit(&stage, memory_order_acquire) == DONE)
		return;
	if (atomic_compare_exchange_strong(&stage, &seen, BUSY)) {
		read_environment();
		atomic_store_explicit(&stage, DONE, memory_order_release);
		return;
	}
	while (atomic_load_explicit(&stage, memory_order_acquire) != DONE)
		sys_yield();
}

/* -- using --------------------------------------------------------------------- */

bool command_launched(void)
{
	command_init();
	return launched;
}

int command_open_userfaultfd(void)
{
	command_init();
	return handed_open(&handed_userfaultfd);
}

int command_open_stats(void)
{
	command_init();
	return handed_open(&handed_stats);
}

int command_open_pool(void)
{
	command_init();
	return handed_open(&handed_pool);
}

int command_open_bell(void)
{
	int err;

	command_init();
	err = handed_check(&handed_bell);
	return err ? err : fd_reopen(handed_bell.number);
}

int command_listen(void)
{
	int err;

	command_init();
	err = handed_check(&handed_bell);
	return err ? err : bell_listen(handed_bell.number);
}

static bool is_direct(int fd)
{
	return sys_call2(SYS_fcntl, fd, F_GETFL) & O_DIRECT;
}

static int open_swap(const struct handed_swap *swap, struct command_swap *ret_swap)
{
	int fd = handed_open(&swap->file);
	int owners = handed_open(&swap->owners);

	if (fd < 0 || owners < 0) {
		fd_close(fd);
		fd_close(owners);
		return fd < 0 ? fd : owners;
	}
	*ret_swap = (struct command_swap){
		.device = swap->file.rdev != 0,
		.fd = fd,
		.owners_fd = owners,
		.direct = is_direct(fd),
		.offset = swap->offset,
		.limit = swap->limit,
		.kept = swap->kept != 0,
		.priority = swap->priority,
	};
	return 0;
}

int command_open_swap(const char *path, struct command_swap *ret_swap)
{
	command_init();
	for (unsigned i = 0; i < handed_swaps; i++)
		if (strcmp(handed_swap[i].path, path) == 0)
			return open_swap(&handed_swap[i], ret_swap);
	return -ENOENT;
}

/* -- handing on ------------------------------------------------------------------ */

static bool is_who_began(void)
{
	struct identity now = identity_now();

	return memcmp(&now, &began, sizeof(now)) == 0;
}

static void set_handed_on(const struct handed *handed, bool on)
{
	if (handed_is_there(handed))
		sys_call3(SYS_fcntl, handed->number, F_SETFD, on ? 0 : FD_CLOEXEC);
}

void command_hand_on(bool paged)
{
	bool on;

	command_init();
	if (!handed_swaps)
		return;
	on = paged && is_who_began();
	for (unsigned i = 0; i < handed_swaps; i++) {
		set_handed_on(&handed_swap[i].file, on);
		set_handed_on(&handed_swap[i].owners, on);
	}
}

/* -- for the launcher ----------------------------------------------------------- */

int command_hand(int fd, char text[COMMAND_FD_TEXT])
{
	struct handed handed;
	int err = handed_from(fd, &handed);

	if (!err)
		err = (int)sys_call3(SYS_fcntl, fd, F_SETFD, 0);
	if (err)
		return err;
	error_format(text, COMMAND_FD_TEXT, "%x.%lx.%lx.%lx", (unsigned)handed.number,
		     handed.device, handed.inode, handed.rdev);
	return 0;
}
