/* SPDX-License-Identifier: MIT */
/* work_search.c - small programs: a hash table, and breadth-first search on a graph
 */
#include "measure.h"

/* -- the hash table: open addressing, records of 1 KiB, half of the places taken ---------- */

#define RECORD_WORDS 128

struct record {
	uint64_t key; /* 0: free */
	uint64_t payload[RECORD_WORDS - 1];
};

struct table {
	struct record *record;
	size_t places;
	uint64_t seed;
};

/* The j-th key, of those that are in the table and of those that are not. */
static uint64_t key_of(const struct table *table, uint64_t j)
{
	return mix(table->seed ^ j) | 1;
}

/* Where it is, or else where it would be put. */
static struct record *table_find(const struct table *table, uint64_t key)
{
	size_t place = (mix(key) >> 32) * table->places >> 32;

	while (table->record[place].key && table->record[place].key != key)
		place = place + 1 < table->places ? place + 1 : 0;
	return &table->record[place];
}

static void table_build(const struct table *table, size_t n)
{
	for (size_t j = 0; j < n; j++) {
		uint64_t key = key_of(table, j);
		struct record *record = table_find(table, key);

		record->key = key;
		for (size_t k = 0; k < RECORD_WORDS - 1; k++)
			record->payload[k] = key * (2 * k + 1);
	}
}

static void record_check(const struct record *record, uint64_t key)
{
	uint64_t differs = record->key ^ key;

	for (size_t k = 0; k < RECORD_WORDS - 1; k++)
		differs |= record->payload[k] ^ key * (2 * k + 1);
	if (differs)
		bench_fail("the record of key %#llx is wrong or not there",
			   (unsigned long long)key);
}

/* So many searches; one of ABSENT is for a key that is not there. */
#define ABSENT 4

static void table_probe(const struct table *table, size_t n, size_t searches)
{
	uint64_t random = table->seed;

	for (size_t i = 0; i < searches; i++) {
		uint64_t j = random_below(&random, n);
		bool absent = i % ABSENT == 0;
		uint64_t key = key_of(table, absent ? j + n : j);
		const struct record *record = table_find(table, key);

		if (!absent)
			record_check(record, key);
		else if (record->key)
			bench_fail("key %#llx is there, and should not be",
				   (unsigned long long)key);
	}
}

void run_hash(const struct options *options)
{
	struct table table = { .seed = mix(options->seed) };
	struct memory memory;
	struct measure measure;
	size_t n, searches;
	double built;

	memory_open(&memory, options, options->data, 1);
	table.record = (struct record *)memory.base[0];
	table.places = options->data / sizeof(struct record);
	n = table.places / 2;
	searches = n / 2;
	measure_begin(&measure, &memory);
	table_build(&table, n);
	built = seconds_now();
	table_probe(&table, n, searches);
	measure_end(&measure);
	report_begin(options, &measure, "op/s", (double)(n + searches) / measure.seconds,
		     (double)(n + searches));
	report_number("probe_s", seconds_now() - built);
	report_end();
	memory_close(&memory);
}

/* -- breadth-first search: each vertex has 256 edges to random others --------------------- */

#define DEGREE 256

/* All of it lies in the memory that is measured. */
struct graph {
	uint32_t (*edge)[DEGREE];
	uint32_t *distance; /* and one: 0 has not been reached */
	uint32_t *queue;
	size_t n;
	uint64_t seed;
};

static uint32_t edge_of(const struct graph *graph, size_t v, unsigned k)
{
	return (uint32_t)((mix(graph->seed ^ (v * DEGREE + k)) >> 32) * graph->n >> 32);
}

static void graph_place(struct graph *graph, const struct options *options,
			const struct memory *memory)
{
	char *base = memory->base[0];

	graph->seed = mix(options->seed);
	graph->n = options->data / (sizeof(*graph->edge) + 2 * sizeof(uint32_t));
	graph->edge = (uint32_t(*)[DEGREE])base;
	graph->distance = (uint32_t *)(base + graph->n * sizeof(*graph->edge));
	graph->queue = graph->distance + graph->n;
}

static void graph_fill(struct graph *graph)
{
	for (size_t v = 0; v < graph->n; v++)
		for (unsigned k = 0; k < DEGREE; k++)
			graph->edge[v][k] = edge_of(graph, v, k);
}

/* Gives where the queue ends now. */
static size_t visit(struct graph *graph, size_t v, size_t end)
{
	for (unsigned k = 0; k < DEGREE; k++) {
		uint32_t to = graph->edge[v][k];

		if (to != edge_of(graph, v, k))
			bench_fail("edge %u of vertex %zu is wrong", k, v);
		if (!graph->distance[to]) {
			graph->distance[to] = graph->distance[v] + 1;
			graph->queue[end++] = to;
		}
	}
	return end;
}

/* Gives how many were reached. */
static size_t search(struct graph *graph)
{
	size_t end = 1;

	graph->queue[0] = 0;
	graph->distance[0] = 1;
	for (size_t at = 0; at < end; at++)
		end = visit(graph, graph->queue[at], end);
	return end;
}

void run_graph(const struct options *options)
{
	struct graph graph;
	struct memory memory;
	struct measure measure;
	uint64_t check = 0;
	size_t reached;

	memory_open(&memory, options, options->data, 1);
	graph_place(&graph, options, &memory);
	graph_fill(&graph);
	measure_begin(&measure, &memory);
	reached = search(&graph);
	measure_end(&measure);
	for (size_t v = 0; v < graph.n; v++)
		check = mix(check ^ graph.distance[v]);
	report_begin(options, &measure, "op/s", (double)reached / measure.seconds, (double)reached);
	report_check(check);
	report_end();
	memory_close(&memory);
}
