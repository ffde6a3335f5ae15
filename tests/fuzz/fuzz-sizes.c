/* SPDX-License-Identifier: MIT */
/* fuzz-sizes.c - size_parse takes any text; what it accepts is a size that can be written and read
 * again */
#include "fuzz.h"
#include "base/size.h"
#include <errno.h>

/* Four digits are kept. */
static void check_round_trip(uint64_t bytes)
{
	char text[SIZE_TEXT];
	uint64_t again = 0, apart;
	int err = size_parse(size_format(text, bytes), 0, &again);

	/* From 15.5E on it is written as 16E, which does not fit. */
	if (err == -ERANGE && bytes >= UINT64_MAX / 32 * 31)
		return;
	CHECK(err == 0);
	apart = again > bytes ? again - bytes : bytes - again;
	CHECK(apart <= bytes / 20 + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint64_t whole = UINT64_C(24) << 30;
	uint64_t bytes = 0;
	char *text = fuzz_text(data, size);
	int err;

	err = size_parse(text, whole, &bytes);
	CHECK(err == 0 || err == -EINVAL || err == -ERANGE);
	if (err == 0) {
		CHECK(bytes > 0);
		CHECK(!strchr(text, '%') || bytes <= whole);
		check_round_trip(bytes);
	}
	/* Without something that 100 % is of, a percentage is none. */
	if (strchr(text, '%'))
		CHECK(size_parse(text, 0, &bytes) != 0);
	free(text);
	return 0;
}
