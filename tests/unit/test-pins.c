/* SPDX-License-Identifier: MIT */
/* test-pins.c - pins.h: which descriptors show that a device may be writing to memory
 *
 * The bug: a list of dangerous devices let cameras, iommufd and SCSI commands pass.  Now whatever
 * is not known to be harmless is suspect.
 */
#include "kernel/pins.h"
#include "unit.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static bool suspects(int fd)
{
	bool ret = pins_possible(false);

	close(fd);
	return ret;
}

START_TEST(devices_that_all_have_are_harmless)
{
	static const char *const names[] = { "/dev/null", "/dev/zero",	  "/dev/full",
					     "/dev/ptmx", "/dev/urandom", "/dev/tty" };
	int pair[2];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = open(names[i], O_RDWR | O_NOCTTY);

		if (fd >= 0)
			ck_assert_msg(!suspects(fd), "%s", names[i]);
	}
	ck_assert(!suspects(eventfd(0, 0)));
	ck_assert(!suspects(epoll_create1(0)));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert(!suspects(pair[0]));
	close(pair[1]);
}
END_TEST

START_TEST(what_is_not_known_is_suspect)
{
	static const char *const names[] = {
		"/dev/fuse",  "/dev/vga_arbiter", "/dev/cpu_dma_latency",
		"/dev/loop0", "/dev/vda",	  "/dev/sda"
	};
	unsigned opened = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = open(names[i], O_RDONLY);

		if (fd < 0)
			continue;
		opened++;
		ck_assert_msg(suspects(fd), "%s", names[i]);
		ck_assert(!pins_possible(true));
	}
	printf("%u such devices could be opened\n", opened);
}
END_TEST

#define MANY 100

/* The last of many that were opened since they were last listed. */
START_TEST(a_new_one_is_seen)
{
	int fds[MANY], suspect;

	ck_assert(!pins_possible(false));
	for (int i = 0; i < MANY; i++)
		fds[i] = eventfd(0, 0);
	ck_assert(!pins_possible(false));
	suspect = open("/dev/cpu_dma_latency", O_RDONLY);
	if (suspect >= 0) {
		ck_assert(pins_possible(false));
		ck_assert(pins_expected());
		close(suspect);
	}
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	ck_assert(!pins_possible(false));
}
END_TEST

START_TEST(a_look_has_its_price)
{
	ck_assert(!pins_possible(false));
	ck_assert_uint_gt(pins_price(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pins");
	TCase *c = unit_case(suite, "pins", 10);

	if (pins_possible(false)) {
		printf("SKIP: who runs this has left a device open\n");
		return UNIT_SKIPPED;
	}
	tcase_add_test(c, devices_that_all_have_are_harmless);
	tcase_add_test(c, what_is_not_known_is_suspect);
	tcase_add_test(c, a_new_one_is_seen);
	tcase_add_test(c, a_look_has_its_price);
	return unit_main(suite, NULL);
}
