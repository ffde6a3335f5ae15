/* SPDX-License-Identifier: MIT */
/* collected.c - the heap of a program with a garbage collector: see collected.h */
#include "collected.h"
#include <err.h>
#include <stdbool.h>
#include <stdlib.h>

#define PAGE 4096
#define SLOT 4 /* bytes, of the table */
/* Values that are added for each key, on the average; a list takes no more than LIST_MOST. */
#define VALUES 3
#define LIST_MOST 12
/* The pages have this much room for each key. */
#define KEY_BYTES 240
/* The size of the heap: at first, in percent of the pages; after a full collection, in percent of what
 * lives.  The nursery's part of it, and of the pages at most. */
#define FIRST_PERCENT 10
#define HEAP_PERCENT 230
#define NURSERY_PERCENT 27
#define NURSERY_MOST_PERCENT 34

/* What there is for each key. */
enum kind { NODE, KEY, LIST, ARRAY, VALUE, KINDS = VALUE + LIST_MOST };

struct object {
	uint32_t id; /* key * KINDS + kind */
	uint32_t address;
};

struct heap {
	void (*touch)(void *maker, uint32_t page);
	void *maker;
	uint32_t *address; /* of each object, by its id; 0: there is none */
	uint8_t *values;   /* of each key */
	uint8_t *capacity; /* of each key's array */
	uint32_t keys;
	uint32_t nursery, nursery_top, nursery_end;
	uint32_t old, old_top, old_end, heap_end;
	struct object *object; /* in the old generation, by their addresses */
	uint32_t count;
};

static void *allocate(size_t n, size_t size)
{
	void *ret = calloc(n, size);

	if (!ret)
		err(EXIT_FAILURE, "out of memory");
	return ret;
}

static void touch(const struct heap *heap, uint32_t address)
{
	heap->touch(heap->maker, address / PAGE);
}

static uint32_t size_of_array(uint32_t capacity)
{
	return 16 + ((capacity * 4 + 7) & ~UINT32_C(7));
}

static uint32_t size_of(const struct heap *heap, uint32_t id)
{
	switch (id % KINDS) {
	case NODE:
		return 32;
	case LIST:
		return 24;
	case ARRAY:
		return size_of_array(heap->capacity[id / KINDS]);
	default:
		return 16;
	}
}

static bool is_young(const struct heap *heap, uint32_t address)
{
	return address >= heap->nursery && address < heap->old;
}

/* -- collections ------------------------------------------------------------------------ */

/* Copies an object out of the nursery. */
static void promote(struct heap *heap, uint32_t id)
{
	if (!is_young(heap, heap->address[id]))
		return;
	touch(heap, heap->address[id]);
	touch(heap, heap->old_top);
	heap->address[id] = heap->old_top;
	heap->object[heap->count++] = (struct object){ id, heap->old_top };
	heap->old_top += size_of(heap, id);
	if (heap->old_top > heap->heap_end)
		errx(EXIT_FAILURE, "the heap is full");
}

/* Calls visit for each object that this one points to. */
static void each_child(struct heap *heap, uint32_t id, void (*visit)(struct heap *, uint32_t))
{
	uint32_t key = id / KINDS, first = key * KINDS;

	switch (id % KINDS) {
	case NODE:
		visit(heap, first + KEY);
		visit(heap, first + LIST);
		break;
	case LIST:
		if (heap->address[first + ARRAY])
			visit(heap, first + ARRAY);
		break;
	case ARRAY:
		for (uint32_t i = 0; i < heap->values[key]; i++)
			visit(heap, first + VALUE + i);
	}
}

static bool lives(const struct heap *heap, const struct object *object)
{
	return heap->address[object->id] == object->address;
}

static bool points_to_young(const struct heap *heap, const struct object *object)
{
	uint32_t key = object->id / KINDS, *address = heap->address + (size_t)key * KINDS;

	switch (object->id % KINDS) {
	case LIST:
		return is_young(heap, address[ARRAY]);
	case ARRAY:
		for (uint32_t i = 0; i < heap->values[key]; i++)
			if (is_young(heap, address[VALUE + i]))
				return true;
	}
	return false;
}

static void empty_nursery(struct heap *heap)
{
	uint32_t before = heap->count;

	for (uint32_t key = 0; key < heap->keys; key++)
		if (is_young(heap, heap->address[key * KINDS + NODE])) {
			touch(heap, key * SLOT);
			promote(heap, key * KINDS + NODE);
		}
	for (uint32_t i = 0; i < before; i++) {
		if (!lives(heap, &heap->object[i]) || !points_to_young(heap, &heap->object[i]))
			continue;
		touch(heap, heap->object[i].address);
		each_child(heap, heap->object[i].id, promote);
	}
	for (uint32_t i = before; i < heap->count; i++) {
		touch(heap, heap->object[i].address);
		each_child(heap, heap->object[i].id, promote);
	}
	heap->nursery_top = heap->nursery;
}

static void mark(struct heap *heap, uint32_t id)
{
	touch(heap, heap->address[id]);
	each_child(heap, id, mark);
}

static void slide(struct heap *heap)
{
	uint32_t kept = 0, top = heap->old;

	for (uint32_t i = 0; i < heap->count; i++) {
		struct object object = heap->object[i];

		if (!lives(heap, &object))
			continue;
		touch(heap, object.address);
		touch(heap, top);
		heap->address[object.id] = object.address = top;
		heap->object[kept++] = object;
		top += size_of(heap, object.id);
	}
	heap->count = kept;
	heap->old_top = top;
}

static uint32_t percent(uint64_t n, unsigned percents)
{
	return (uint32_t)(n * percents / 100);
}

static void resize(struct heap *heap, uint32_t bytes)
{
	uint32_t nursery = percent(bytes, NURSERY_PERCENT), most = heap->old - heap->nursery;
	uint32_t old = bytes - nursery, old_most = heap->heap_end - heap->old;

	heap->nursery_end = heap->nursery + (nursery < most ? nursery : most);
	heap->old_end = heap->old + (old < old_most ? old : old_most);
}

static void collect_all(struct heap *heap)
{
	for (uint32_t key = 0; key < heap->keys; key++) {
		touch(heap, key * SLOT);
		if (heap->address[key * KINDS + NODE])
			mark(heap, key * KINDS + NODE);
	}
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < heap->count; i++)
			if (lives(heap, &heap->object[i]))
				touch(heap, heap->object[i].address);
	slide(heap);
	resize(heap, percent(heap->old_top - heap->old, HEAP_PERCENT));
}

static void collect(struct heap *heap)
{
	empty_nursery(heap);
	if (heap->old_top + (heap->nursery_end - heap->nursery) > heap->old_end)
		collect_all(heap);
}

/* -- the program ------------------------------------------------------------------------- */

/* What an operation has made and not stored yet is lost if this collects: too little to matter. */
static uint32_t make(struct heap *heap, uint32_t size)
{
	uint32_t ret;

	if (heap->nursery_top + size > heap->nursery_end)
		collect(heap);
	ret = heap->nursery_top;
	heap->nursery_top += size;
	touch(heap, ret);
	return ret;
}

static void add_key(struct heap *heap, uint32_t key, uint32_t number)
{
	uint32_t *address = heap->address + (size_t)key * KINDS;
	uint32_t node = make(heap, size_of(heap, NODE)), list = make(heap, size_of(heap, LIST));

	address[KEY] = number;
	address[NODE] = node;
	address[LIST] = list;
}

static void grow_array(struct heap *heap, uint32_t key)
{
	uint32_t id = key * KINDS + ARRAY;
	uint8_t more = heap->capacity[key] ? (uint8_t)(heap->capacity[key] * 3 / 2 + 1) : 2;
	uint32_t array = make(heap, size_of_array(more));

	if (heap->address[id])
		touch(heap, heap->address[id]);
	touch(heap, array);
	heap->address[id] = array;
	heap->capacity[key] = more;
}

static void add_value(struct heap *heap, uint32_t key)
{
	uint32_t *address = heap->address + (size_t)key * KINDS;
	uint32_t number = make(heap, size_of(heap, VALUE));

	if (!address[NODE])
		add_key(heap, key, number);
	touch(heap, key * SLOT);
	touch(heap, address[NODE]);
	touch(heap, address[KEY]);
	touch(heap, address[LIST]);
	if (heap->values[key] == LIST_MOST)
		return;
	if (heap->values[key] == heap->capacity[key])
		grow_array(heap, key);
	number = make(heap, size_of(heap, VALUE));
	touch(heap, address[ARRAY]);
	address[VALUE + heap->values[key]++] = number;
}

void collected_run(uint32_t pages, void (*touched)(void *maker, uint32_t page),
		   uint32_t (*next_random)(void *maker, uint32_t n), void *maker)
{
	uint32_t bytes = pages * PAGE, keys = bytes / KEY_BYTES;
	struct heap heap = { .touch = touched, .maker = maker, .keys = keys, .heap_end = bytes };

	if (pages > UINT32_MAX / PAGE)
		errx(EXIT_FAILURE, "a heap of at most %u pages", UINT32_MAX / PAGE);
	heap.address = allocate((size_t)keys * KINDS, sizeof(*heap.address));
	heap.object = allocate((size_t)keys * KINDS, sizeof(*heap.object));
	heap.values = allocate(keys, 1);
	heap.capacity = allocate(keys, 1);
	heap.nursery = heap.nursery_top = (keys * SLOT / PAGE + 1) * PAGE;
	heap.old = heap.old_top = heap.nursery + percent(bytes, NURSERY_MOST_PERCENT) / PAGE * PAGE;
	resize(&heap, percent(bytes, FIRST_PERCENT));
	for (uint32_t i = 0; i < VALUES * keys; i++)
		add_value(&heap, next_random(maker, keys));
	free(heap.address);
	free(heap.object);
	free(heap.values);
	free(heap.capacity);
}
