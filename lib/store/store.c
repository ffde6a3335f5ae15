/* SPDX-License-Identifier: MIT */
/* store.c - where pages are while they are not in memory: see store.h */
#include "store/store.h"
#include "base/error.h"
#include "base/fd.h"
#include "store/cipher.h"

int store_init(struct store *store, bool encrypt, const char **ret_why)
{
	family_init(&store->family);
	return encrypt ? cipher_new(&store->cipher, CIPHER_CONTEXTS, ret_why) : 0;
}

void store_destroy(struct store *store)
{
	store_close(store);
	family_leave(&store->family);
	cipher_free(store->cipher);
}

int store_open(struct store *store, const struct target_list *targets, bool strict,
	       const char **ret_why)
{
	return swap_open(&store->swap, targets, strict, ret_why);
}

void store_close(struct store *store)
{
	compressed_close(&store->compressed);
	swap_close(&store->swap);
}

/* -- by place --------------------------------------------------------------------- */

static uint64_t slot_of(struct place place)
{
	assert(place_kind(place) == PLACE_SWAP);
	return place_number(place);
}

bool store_free(struct store *store, struct place place, unsigned n)
{
	return swap_free(&store->swap, slot_of(place), n);
}

void store_retire(struct store *store, struct place place, unsigned n)
{
	swap_retire(&store->swap, slot_of(place), n);
}

bool store_stalls(const struct store *store, struct place place, uint64_t now)
{
	return !swap_is_single(&store->swap) && swap_stalls(&store->swap, slot_of(place), now);
}

bool store_any_stalls(const struct store *store, uint64_t now)
{
	return swap_any_stalls(&store->swap, now);
}

const char *store_name(const struct store *store, struct place place, char *name, size_t size)
{
	char path[32];
	long n;

	error_format(path, sizeof(path), "/proc/self/fd/%d", swap_fd(&store->swap, slot_of(place)));
	n = sys_call4(SYS_readlinkat, AT_FDCWD, path, name, size - 1);
	name[n > 0 ? n : 0] = '\0';
	return n > 0 ? name : "swap space";
}

/* -- room --------------------------------------------------------------------------- */

int store_back(struct store *store, uint64_t bytes)
{
	return swap_back(&store->swap, bytes);
}

bool store_insist(struct store *store, uint64_t since)
{
	return swap_insist(&store->swap, since);
}

bool store_is_tidy(const struct store *store)
{
	return !swap_is_punchable(&store->swap);
}

void store_tidy(struct store *store)
{
	swap_punch(&store->swap);
}

uint64_t store_capacity(const struct store *store, bool exhausted)
{
	return swap_capacity(&store->swap, exhausted);
}

uint64_t store_used(const struct store *store)
{
	return swap_used(&store->swap);
}

uint64_t store_size(const struct store *store)
{
	return swap_size(&store->swap);
}

/* -- forks ---------------------------------------------------------------------------- */

void store_fork(struct store *store)
{
	store_check_children(store);
	swap_fork(&store->swap, family_join(&store->family));
	slab_fork(&store->compressed.slab);
}

void store_fork_parent(struct store *store)
{
	swap_fork_parent(&store->swap);
	slab_fork_parent(&store->compressed.slab);
	fd_close(store->family.writer);
	store->family.writer = -1;
}

int store_fork_child(struct store *store)
{
	family_fork_child(&store->family);
	slab_fork_child(&store->compressed.slab);
	swap_fork_child(&store->swap);
	return cipher_fork_child(store->cipher);
}

bool store_has_children(const struct store *store)
{
	return family_has_children(&store->family);
}

void store_check_children(struct store *store)
{
	family_check_children(&store->family, &store->swap);
}
