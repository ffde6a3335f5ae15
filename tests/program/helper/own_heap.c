/* SPDX-License-Identifier: MIT */
/* own_heap.c - a program that brings its own allocator: it is linked with jemalloc, whose malloc
 * comes before the preload library's, and which takes its memory with mmap
 *
 * libstdc++, which it is linked with too, allocates before any constructor of the preload library: the
 * allocator's atfork handlers came before the pager's, and two forks waited for each other for ever.
 *
 * Four threads allocate, resize, free and check objects of up to 64 KiB, about 120 MiB in all.  Now
 * and then one of them forks; the child does the same with what it has inherited.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define OBJECTS 1000
#define STEPS 2000

struct object {
	unsigned char *bytes;
	size_t size;
	unsigned char value;
};

static _Atomic unsigned wrong;

static uint64_t next(uint64_t *random)
{
	*random = *random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *random >> 33;
}

/* All bytes of it up to size are its value. */
static void check(const struct object *object, size_t size)
{
	for (size_t i = 0; i < size; i += 97)
		if (object->bytes[i] != object->value)
			wrong++;
	if (size && object->bytes[size - 1] != object->value)
		wrong++;
}

static void step(struct object *object, uint64_t *random)
{
	size_t size = 1 + next(random) % 65536;

	check(object, object->size);
	if (next(random) % 2) {
		object->bytes = realloc(object->bytes, size);
		check(object, size < object->size ? size : object->size);
	} else {
		free(object->bytes);
		object->bytes = malloc(size);
	}
	if (!object->bytes)
		abort();
	object->size = size;
	object->value = (unsigned char)next(random);
	memset(object->bytes, object->value, size);
}

static void child(struct object *objects, uint64_t *random)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (unsigned n = 0; n < STEPS / 10; n++)
			step(&objects[next(random) % OBJECTS], random);
		_exit(wrong != 0);
	}
	if (waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "a child ended with %x\n", (unsigned)status);
		wrong++;
	}
}

static void *work(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	struct object *objects = calloc(OBJECTS, sizeof(*objects));

	for (unsigned n = 0; n < STEPS; n++) {
		step(&objects[next(&random) % OBJECTS], &random);
		if (n % (STEPS / 4) == STEPS / 8)
			child(objects, &random);
	}
	for (unsigned i = 0; i < OBJECTS; i++) {
		check(&objects[i], objects[i].size);
		free(objects[i].bytes);
	}
	free(objects);
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	for (uintptr_t t = 0; t < THREADS; t++)
		pthread_create(&threads[t], NULL, work, (void *)(t + 1));
	for (unsigned t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	printf("%s\n", wrong ? "wrong" : "right");
	return wrong != 0;
}
