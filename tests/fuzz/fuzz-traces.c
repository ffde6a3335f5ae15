/* SPDX-License-Identifier: MIT */
/* fuzz-traces.c - any file is a recording or refused, and one can be studied */
#include "accesses.h"
#include "fuzz.h"
#include "report/study.h"
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct accesses accesses = { 0 };
	struct study_point point;
	struct study study;
	int fd = memfd_create("fuzz-traces", MFD_CLOEXEC);
	char path[64];

	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (accesses_load(&accesses, path) == 0) {
		for (size_t i = 0; i < accesses.count; i++)
			CHECK(accesses.page[i] < accesses.pages);
		accesses_free(&accesses);
	}
	if (study_load(&study, path) == 0) {
		CHECK(study_predict(&study, UINT64_C(16) << 20, &point) == 0);
		CHECK(point.read >= 0);
		study_free(&study);
	}
	close(fd);
	return 0;
}
