/* SPDX-License-Identifier: MIT */
/* options.c - what a pager should be like: see options.h */
#include "pager/options.h"
#include "command/command.h"
#include "pages/debug.h"
#include "base/error.h"
#include "base/page.h"
#include "kernel/probe.h"
#include "base/size.h"
#include "store/codec.h"
#include "store/target.h"
#include "observe/trace.h"
#include "paging/watch.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define STALL_WARNING_DEFAULT 10
#define STALL_WARNING_MAX 86400

#define FEATURES_ALL                                                                              \
	(SPILL_FEATURE_MOVE | SPILL_FEATURE_URING | SPILL_FEATURE_DIRECT | SPILL_FEATURE_POISON | \
	 SPILL_FEATURE_SPIN | SPILL_FEATURE_TASKRUN)

/* -- values -------------------------------------------------------------------- */

/* A word of a list, and the bits that it stands for. */
struct word {
	const char *name;
	unsigned bits;
};

static const struct word features[] = {
	{ "move", SPILL_FEATURE_MOVE },
	{ "uring", SPILL_FEATURE_URING },
	{ "direct", SPILL_FEATURE_DIRECT },
	{ "poison", SPILL_FEATURE_POISON },
	{ "spin", SPILL_FEATURE_SPIN },
	{ "taskrun", SPILL_FEATURE_TASKRUN },
	{ NULL, 0 },
};

static const struct word debug_words[] = {
	{ "faults", DEBUG_FAULTS },
	{ "pages", DEBUG_PAGES },
	{ "io", DEBUG_IO },
	{ "all", DEBUG_FAULTS | DEBUG_PAGES | DEBUG_IO },
	{ NULL, 0 },
};

/* 0: name is none of them. */
static unsigned bits_of(const struct word *words, const char *name, size_t length)
{
	for (; words->name; words++)
		if (strlen(words->name) == length && memcmp(words->name, name, length) == 0)
			return words->bits;
	return 0;
}

/* "move,uring" */
static int parse_words(const char *text, const struct word *words, unsigned *ret)
{
	unsigned all = 0;

	while (*text) {
		size_t length = strcspn(text, ",");
		unsigned bits = bits_of(words, text, length);

		if (!bits)
			return -EINVAL;
		all |= bits;
		text += length;
		text += *text == ',';
	}
	*ret = all;
	return 0;
}

int options_parse_disable(const char *text, unsigned *ret_disable)
{
	return parse_words(text, features, ret_disable);
}

static int parse_number(const char *text, unsigned least, unsigned most, unsigned *ret)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9') /* strtoul would take signs and spaces */
		return -EINVAL;
	n = strtoul(text, &end, 10);
	if (*end || n < least || n > most)
		return -EINVAL;
	*ret = (unsigned)n;
	return 0;
}

int options_parse_handlers(const char *text, unsigned *ret_handlers)
{
	return parse_number(text, 1, HANDLERS_MAX, ret_handlers);
}

int options_parse_stall_warning(const char *text, unsigned *ret_seconds)
{
	return parse_number(text, 0, STALL_WARNING_MAX, ret_seconds);
}

int options_parse_compress(const char *text, bool *ret_compress)
{
	*ret_compress = strcmp(text, "lz4") == 0;
	return *ret_compress || strcmp(text, "off") == 0 ? 0 : -EINVAL;
}

int options_parse_trace_sample(const char *text, unsigned *ret_chunks)
{
	return parse_number(text, WATCH_MIN, WATCH_MAX, ret_chunks);
}

/* -- filling ------------------------------------------------------------------- */

/* Formats what is wrong, into the room for the list of targets. */
struct complaint {
	char *text;
	size_t size;
};

#define complain(complaint, ...) \
	(error_format((complaint)->text, (complaint)->size, __VA_ARGS__), -EINVAL)

/* NULL also if the variable is empty. */
static const char *environment(const char *name)
{
	const char *value = secure_getenv(name);

	return value && *value ? value : NULL;
}

/* Makes a copy with all fields of this version.  The caller may have been compiled with an older
 * version, or with a newer one whose further fields are zeros. */
static int copy_given(const struct spill_options *given, struct spill_options *ret,
		      const struct complaint *complaint)
{
	const unsigned char *bytes = (const unsigned char *)given;

	*ret = (struct spill_options)SPILL_OPTIONS_INIT;
	if (!given)
		return 0;
	if (given->size < sizeof(given->size))
		return complain(complaint, "options: size is not set; use SPILL_OPTIONS_INIT");
	for (size_t i = sizeof(*ret); i < given->size; i++)
		if (bytes[i])
			return complain(complaint,
					"options: a field is set that only a newer version has");
	memcpy(ret, given, given->size < sizeof(*ret) ? given->size : sizeof(*ret));
	return 0;
}

static int fill_budget(uint64_t given, uint64_t *ret, const struct complaint *complaint)
{
	const char *value = environment("SPILL_BUDGET");
	uint64_t budget = given;

	if (!budget && value && size_parse(value, probe_memory_whole(), &budget))
		return complain(complaint, "SPILL_BUDGET: %s is not a size", value);
	if (!budget)
		budget = probe_default_budget();
	budget = page_round_down(budget);
	if (budget < SPILL_BUDGET_MIN && given)
		return complain(complaint, "budget: %lu bytes are less than the least budget, 8M",
				(unsigned long)given);
	if (budget < SPILL_BUDGET_MIN)
		return complain(complaint, "SPILL_BUDGET: %s is less than the least budget, 8M",
				value);
	*ret = budget;
	return 0;
}

static int fill_swap(const char *given, char *ret, size_t size, const struct complaint *complaint)
{
	const char *value = given ? given : environment("SPILL_SWAP");
	const char *name = given ? "swap" : "SPILL_SWAP";
	char list[sizeof(((struct options *)0)->swap)];
	int err;

	if (!value || !*value)
		value = target_default();
	err = target_list_absolute(value, list, sizeof(list));
	if (err)
		return complain(complaint, "%s: %s %s", name, value,
				err == -EINVAL ? "is not TARGET[,pri=N][,limit=SIZE]"
					       : error_name(err));
	if (!list[0])
		return complain(complaint, "%s: %s names no target", name, value);
	memcpy(ret, list, size);
	return 0;
}

static int fill_overcommit(uint64_t given, uint64_t *ret, const struct complaint *complaint)
{
	const char *value = environment("SPILL_OVERCOMMIT");
	uint64_t overcommit = given;

	if (!given && value && strcmp(value, "0") != 0 &&
	    size_parse(value, probe_memory_whole(), &overcommit))
		return complain(complaint, "SPILL_OVERCOMMIT: %s is not a size", value);
	*ret = overcommit;
	return 0;
}

/* As many as can run at the same time.  Where a cgroup limits the CPU time, more of them would only
 * wake each other. */
static unsigned default_handlers(uint64_t quota)
{
	unsigned cpus = quota ? (unsigned)((quota + 999) / 1000) : probe_cpus();

	return cpus < HANDLERS_MAX ? cpus : HANDLERS_MAX;
}

/* quota: thousandths of a CPU, 0: none. */
static int fill_handlers(unsigned given, uint64_t quota, unsigned *ret,
			 const struct complaint *complaint)
{
	const char *value = environment("SPILL_HANDLERS");

	if (given > HANDLERS_MAX)
		return complain(complaint, "handlers: %u is not a number from 1 to 4", given);
	if (given)
		*ret = given;
	else if (!value)
		*ret = default_handlers(quota);
	else if (options_parse_handlers(value, ret))
		return complain(complaint, "SPILL_HANDLERS: %s is not a number from 1 to 4", value);
	return 0;
}

static int fill_stall_warning(unsigned given, unsigned *ret, const struct complaint *complaint)
{
	const char *value = environment("SPILL_STALL_WARNING");

	*ret = given == UINT_MAX ? 0 : given ? given : STALL_WARNING_DEFAULT;
	if (!given && value && options_parse_stall_warning(value, ret))
		return complain(complaint,
				"SPILL_STALL_WARNING: %s is not a number of seconds up to a day",
				value);
	return 0;
}

/* A handler that spins would use up CPU time that the program lacks then. */
static int fill_disable(unsigned given, uint64_t quota, unsigned *ret,
			const struct complaint *complaint)
{
	const char *value = environment("SPILL_DISABLE");
	unsigned disable = 0;

	if (given & ~(unsigned)FEATURES_ALL)
		return complain(complaint, "disable: a bit is set that stands for no feature");
	if (value && options_parse_disable(value, &disable))
		return complain(complaint,
				"SPILL_DISABLE: %s is not a list of move, uring, direct, poison, "
				"spin, taskrun",
				value);
	*ret = disable | given | (quota ? SPILL_FEATURE_SPIN : 0);
	return 0;
}

static int fill_compress(const char *given, bool *ret, const struct complaint *complaint)
{
	const char *value = given ? given : environment("SPILL_COMPRESS");

	*ret = false;
	if (value && options_parse_compress(value, ret))
		return complain(complaint, "%s: %s is not one of lz4, off",
				given ? "compress" : "SPILL_COMPRESS", value);
	if (*ret && !codec_is_built()) {
		(void)complain(complaint, "this spill was built without LZ4, which compresses");
		return -ENOSYS;
	}
	return 0;
}

static int fill_calibration(enum prices_set *ret, const struct complaint *complaint)
{
	const char *value = environment("SPILL_CALIBRATION");

	*ret = PRICES_MEASURED;
	for (unsigned set = 0; value && set < PRICES_SETS; set++)
		if (strcmp(value, prices_set_names[set]) == 0) {
			*ret = (enum prices_set)set;
			return 0;
		}
	if (value)
		return complain(complaint,
				"SPILL_CALIBRATION: %s is not one of measured, hardware, shadowed",
				value);
	return 0;
}

static int fill_trace(unsigned *ret_sample, const struct complaint *complaint)
{
	const char *path = environment("SPILL_TRACE"), *value = environment("SPILL_TRACE_SAMPLE");

	trace_to(path);
	*ret_sample = 0;
	if (path && value && options_parse_trace_sample(value, ret_sample))
		return complain(complaint,
				"SPILL_TRACE_SAMPLE: %s is not a number of chunks from 16 to 65536",
				value);
	return 0;
}

static int fill_debug(const struct complaint *complaint)
{
	const char *value = environment("SPILL_DEBUG");
	unsigned kinds = 0;

	if (value && parse_words(value, debug_words, &kinds))
		return complain(complaint,
				"SPILL_DEBUG: %s is not a list of faults, pages, io, all", value);
	debug_kinds = kinds;
	return 0;
}

static bool fill_flag(unsigned given, const char *name)
{
	const char *value = environment(name);

	return given || (value && strcmp(value, "0") != 0);
}

int options_fill(const struct spill_options *given, struct options *ret_options,
		 const char **ret_why)
{
	struct complaint complaint = { ret_options->swap, sizeof(ret_options->swap) };
	struct spill_options copy;
	uint64_t quota = probe_cgroup_cpu();
	struct options options;
	int err = copy_given(given, &copy, &complaint);

	page_init();
	command_init();
	error_log_to(environment("SPILL_LOG"));
	if (!err)
		err = fill_trace(&options.trace_sample, &complaint);
	if (!err)
		err = fill_debug(&complaint);
	if (!err)
		err = fill_budget(copy.budget, &options.budget, &complaint);
	if (!err)
		err = fill_swap(copy.swap, options.swap, sizeof(options.swap), &complaint);
	if (!err)
		err = fill_overcommit(copy.overcommit, &options.overcommit, &complaint);
	if (!err)
		err = fill_handlers(copy.handlers, quota, &options.handlers, &complaint);
	if (!err)
		err = fill_stall_warning(copy.stall_warning, &options.stall_warning, &complaint);
	if (!err)
		err = fill_disable(copy.disable, quota, &options.disable, &complaint);
	if (!err)
		err = fill_compress(copy.compress, &options.compress, &complaint);
	if (!err)
		err = fill_calibration(&options.calibration, &complaint);
	if (err) {
		if (ret_why)
			*ret_why = ret_options->swap;
		return err;
	}
	options.swap_limit = copy.swap_limit;
	options.quiet = fill_flag(copy.quiet, "SPILL_QUIET");
	options.encrypt = fill_flag(copy.encrypt, "SPILL_ENCRYPT");
	options.strict = fill_flag(copy.strict, "SPILL_STRICT");
	options.user_mode = fill_flag(copy.user_mode, "SPILL_USER_MODE");
	*ret_options = options;
	return 0;
}

struct target_list options_targets(const struct options *options)
{
	return (struct target_list){
		.text = options->swap,
		.limit = options->swap_limit,
		.direct = !(options->disable & SPILL_FEATURE_DIRECT),
	};
}
