/* SPDX-License-Identifier: MIT */
/* paged.h - what the programs that test single calls have in common
 *
 * Each fills more memory than its budget, so that what it makes afterwards is paged, and takes out
 * the pages that a call is about to use.  Contents are a function of a seed and a place.
 */
#ifndef PAGED_H
#define PAGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE ((size_t)4096)

/* Maps memory that is paged, at least 64 KiB; fills so many bytes that the pager arms. */
void *paged_map(size_t size);
void paged_start(size_t ballast);

/* Touches all that paged_start filled, so that everything else leaves. */
void paged_stir(void);

/* Takes the pages out and waits until none of them is there; ends the program if that does not
 * happen.  The range must be one that the pager manages and nothing pins. */
#define paged_out(addr, size) paged_out_for(addr, size, __func__, __LINE__)
void paged_out_for(const void *addr, size_t size, const char *where, int line);
/* How many pages are there? */
size_t paged_resident(const void *addr, size_t size);
/* Asks for them to be taken out, and lets all other memory come and go: are they still there? */
bool paged_stays(const void *addr, size_t size);

/* Byte number i of a seed. */
static inline unsigned char paged_byte(unsigned seed, size_t i)
{
	return (unsigned char)((i * 31 + (i >> 8) * 7 + (i >> 12) * 13 + seed * 101) ^ seed);
}

/* Writes bytes from number `from' on; are they there? */
void paged_fill(void *addr, size_t size, unsigned seed, size_t from);
bool paged_holds(const void *addr, size_t size, unsigned seed, size_t from);

/* Prints what is not so; paged_result is the exit status of main. */
#define EXPECT(condition) paged_expect((condition), __func__, #condition, __LINE__)
void paged_expect(bool condition, const char *where, const char *what, int line);
int paged_result(void);

/* For what only sets the scene: ends the program. */
#define REQUIRE(condition) ((condition) ? (void)0 : paged_die(__func__, #condition, __LINE__))
_Noreturn void paged_die(const char *where, const char *what, int line);

#endif
