/* SPDX-License-Identifier: MIT */
/* test-recording.c - recording.h: each handler has a buffer while a recording lasts, and no longer */
#include "unit.h"
#include "base/page.h"
#include "observe/stats.h"
#include "paging/recording.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define HANDLERS 3

static struct stats stats;
static struct handler handlers[HANDLERS];
static struct paging paging;

/* A recording that goes to this file has begun. */
static void begin(const char *file)
{
	page_init();
	memset(&paging, 0, sizeof(paging));
	memset(handlers, 0, sizeof(handlers));
	paging.stats = &stats;
	paging.handlers = handlers;
	paging.trace_events = 4;
	paging.trace_fd = open(file, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(paging.trace_fd, 0);
	for (unsigned i = 0; i < HANDLERS; i++) {
		handlers[i].paging = &paging;
		handlers[i].number = i;
		handlers[i].wake_fd = -1;
	}
	paging.handler_count = HANDLERS;
	paging.recording = true;
}

static void round_of_all(void)
{
	for (unsigned i = 0; i < HANDLERS; i++)
		recording_look(&handlers[i]);
}

/* As many events as are written at once. */
static void record(struct handler *handler)
{
	for (unsigned i = 0; i < paging.trace_events; i++)
		trace_append(handler->trace, TRACE_ZERO, 0, 1);
}

static void assert_buffers(unsigned expected)
{
	unsigned buffers = 0;

	for (unsigned i = 0; i < HANDLERS; i++)
		buffers += handlers[i].trace != NULL;
	ck_assert_uint_eq(buffers, expected);
	ck_assert_uint_eq(paging.recorders, expected);
}

static void end(void)
{
	paging.recording = false;
	round_of_all();
	assert_buffers(0);
	close(paging.trace_fd);
}

START_TEST(each_takes_a_buffer)
{
	begin("/dev/null");
	round_of_all();
	assert_buffers(HANDLERS);
	record(&handlers[0]);
	round_of_all();
	assert_buffers(HANDLERS);
	ck_assert(paging.recording);
	end();
}
END_TEST

START_TEST(one_cannot_write)
{
	begin("/dev/full");
	round_of_all();
	record(&handlers[1]);
	round_of_all();
	ck_assert(!paging.recording);
	round_of_all();
	assert_buffers(0);
	end();
}
END_TEST

START_TEST(all_find_out_at_once)
{
	begin("/dev/full");
	round_of_all();
	for (unsigned i = 0; i < HANDLERS; i++)
		record(&handlers[i]);
	round_of_all();
	ck_assert(!paging.recording);
	assert_buffers(0);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recording");
	TCase *tcase = unit_case(suite, "buffers", 10);

	tcase_add_test(tcase, each_takes_a_buffer);
	tcase_add_test(tcase, one_cannot_write);
	tcase_add_test(tcase, all_find_out_at_once);
	return unit_main(suite, NULL);
}
