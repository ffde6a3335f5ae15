/* SPDX-License-Identifier: MIT */
/* cipher.c - libcrypto, and keys: see cipher.h */
#define _GNU_SOURCE 1
#include "store/cipher.h"
#include "base/error.h"
#include "base/lock.h"
#include "base/page.h"
#include "base/sys.h"
#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

/* The version of the headers that we were compiled with. */
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define LIBCRYPTO "libcrypto.so." TEXT(OPENSSL_SHLIB_VERSION)

/* Two keys of 256 bits: one for the data, one for the tweaks. */
#define KEY_SIZE 64
#define TWEAK_SIZE 16

/* A context is a key schedule for each of the two keys and a few words: under 2 KiB with OpenSSL 3.
 * Each handler has two.  RLIMIT_MEMLOCK is 64 KiB unless raised. */
#define VAULT_SIZE ((size_t)32 << 10)

/* As malloc aligns. */
#define VAULT_ALIGN ((size_t)16)

struct context {
	EVP_CIPHER_CTX *seal, *unseal;
};

struct cipher {
	size_t used; /* bytes of the vault in use */
	unsigned handlers;
	struct context context[CIPHER_CONTEXTS];
};

/* libcrypto's functions, and those of its namespace's libc. */
static struct {
	EVP_CIPHER *aes_xts; /* NULL: not loaded */
	__typeof__(&OPENSSL_init_crypto) init;
	__typeof__(&CRYPTO_set_mem_functions) set_mem_functions;
	__typeof__(&EVP_CIPHER_fetch) fetch;
	__typeof__(&EVP_CIPHER_CTX_new) ctx_new;
	__typeof__(&EVP_CIPHER_CTX_free) ctx_free;
	__typeof__(&EVP_CipherInit_ex) cipher_init;
	__typeof__(&EVP_CipherUpdate) cipher_update;
	__typeof__(&malloc) malloc;
	__typeof__(&realloc) realloc;
	__typeof__(&free) free;
} crypto;

static const char *load_failed; /* (making_lock) why the first attempt failed */
static struct lock making_lock;
static struct cipher *making; /* (making_lock) its contexts are being made: what libcrypto
				 allocates meanwhile goes into this vault */

/* -- the vault --------------------------------------------------------------------------- */

static bool vault_has(const struct cipher *cipher, const void *ptr)
{
	return cipher && (uintptr_t)ptr - (uintptr_t)cipher < VAULT_SIZE;
}

static size_t vault_round_up(size_t size)
{
	return (size + VAULT_ALIGN - 1) & ~(VAULT_ALIGN - 1);
}

static void *vault_alloc(struct cipher *cipher, size_t size)
{
	size_t *block = (size_t *)((char *)cipher + cipher->used);

	size = vault_round_up(size);
	if (size > VAULT_SIZE - cipher->used - VAULT_ALIGN)
		return NULL;
	*block = size;
	cipher->used += size + VAULT_ALIGN;
	return (char *)block + VAULT_ALIGN;
}

/* Frees nothing in a vault: that is given back as a whole. */
static void *crypto_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return making ? vault_alloc(making, size) : crypto.malloc(size);
}

static void *crypto_realloc(void *old, size_t size, const char *file, int line)
{
	void *new;
	size_t old_size;

	if (!vault_has(making, old))
		return old ? crypto.realloc(old, size) : crypto_malloc(size, file, line);
	old_size = *(size_t *)((char *)old - VAULT_ALIGN);
	new = vault_alloc(making, size);
	if (new)
		memcpy(new, old, old_size < size ? old_size : size);
	return new;
}

static void crypto_free(void *ptr, const char *file, int line)
{
	(void)file;
	(void)line;
	if (!vault_has(making, ptr))
		crypto.free(ptr);
}

static struct cipher *vault_new(const char **ret_why)
{
	struct cipher *cipher = sys_mmap(NULL, VAULT_SIZE, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*ret_why = "no memory for a key";
	if (sys_is_error(cipher))
		return NULL;
	sys_madvise(cipher, VAULT_SIZE, MADV_DONTDUMP);
	if (sys_call2(SYS_mlock, cipher, VAULT_SIZE) < 0) {
		sys_munmap(cipher, VAULT_SIZE);
		*ret_why = "the key's memory cannot be locked: 32K are needed (ulimit -l)";
		return NULL;
	}
	cipher->used = vault_round_up(sizeof(*cipher));
	return cipher;
}

static void vault_free(struct cipher *cipher)
{
	explicit_bzero(cipher, VAULT_SIZE);
	sys_munmap(cipher, VAULT_SIZE);
}

/* -- loading -------------------------------------------------------------------------------- */

/* Finds every function that is called later; false: one is missing. */
static bool look_up(void *library)
{
	const struct {
		const char *name;
		void *function;
	} wanted[] = {
		{ "OPENSSL_init_crypto", &crypto.init },
		{ "CRYPTO_set_mem_functions", &crypto.set_mem_functions },
		{ "EVP_CIPHER_fetch", &crypto.fetch },
		{ "EVP_CIPHER_CTX_new", &crypto.ctx_new },
		{ "EVP_CIPHER_CTX_free", &crypto.ctx_free },
		{ "EVP_CipherInit_ex", &crypto.cipher_init },
		{ "EVP_CipherUpdate", &crypto.cipher_update },
		{ "malloc", &crypto.malloc },
		{ "realloc", &crypto.realloc },
		{ "free", &crypto.free },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		void *symbol = dlsym(library, wanted[i].name);

		if (!symbol)
			return false;
		memcpy(wanted[i].function, &symbol, sizeof(symbol));
	}
	return true;
}

static EVP_CIPHER_CTX *make_context(const unsigned char *key, int seal)
{
	EVP_CIPHER_CTX *ctx = crypto.ctx_new();

	if (ctx && crypto.cipher_init(ctx, crypto.aes_xts, NULL, key, NULL, seal) == 1)
		return ctx;
	crypto.ctx_free(ctx);
	return NULL;
}

/* Does everything once.  What libcrypto makes the first time and keeps is then made outside of any
 * vault. */
static bool rehearse(void)
{
	unsigned char key[KEY_SIZE], block[2 * TWEAK_SIZE] = { 0 };
	int n = 0;
	bool works = true;

	for (unsigned i = 0; i < sizeof(key); i++) /* two different halves, as XTS demands */
		key[i] = (unsigned char)i;
	for (int seal = 0; seal < 2 && works; seal++) {
		EVP_CIPHER_CTX *ctx = make_context(key, seal);

		works = ctx && crypto.cipher_init(ctx, NULL, NULL, NULL, block, -1) == 1 &&
			crypto.cipher_update(ctx, block, &n, block, sizeof(block)) == 1;
		crypto.ctx_free(ctx);
	}
	return works && n == sizeof(block);
}

/* Returns NULL, or why loading failed.  What is loaded stays: there is no second attempt. */
static const char *load(int *ret_err)
{
	void *library = dlmopen(LM_ID_NEWLM, LIBCRYPTO, RTLD_NOW | RTLD_LOCAL);

	*ret_err = -ENOENT;
	if (!library)
		return LIBCRYPTO " cannot be loaded (Debian: libssl3)";
	*ret_err = -EINVAL;
	if (!look_up(library) ||
	    !crypto.set_mem_functions(crypto_malloc, crypto_realloc, crypto_free))
		return LIBCRYPTO " is not what is expected";
	/* We want neither its configuration nor its clean-up at exit. */
	crypto.init(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
	crypto.aes_xts = crypto.fetch(NULL, "AES-256-XTS", NULL);
	if (!crypto.aes_xts || !rehearse())
		return LIBCRYPTO " has no AES-256-XTS";
	return NULL;
}

static int load_locked(const char **ret_why)
{
	static int err;

	if (!load_failed && !crypto.aes_xts) {
		load_failed = load(&err);
		if (load_failed)
			crypto.aes_xts = NULL;
	}
	*ret_why = load_failed;
	return load_failed ? err : 0;
}

int cipher_load(const char **ret_why)
{
	int err;

	lock_take(&making_lock, LOCK_CIPHER);
	err = load_locked(ret_why);
	lock_drop(&making_lock, LOCK_CIPHER);
	return err;
}

/* -- keys ------------------------------------------------------------------------------------ */

static int make_contexts(struct cipher *cipher, const unsigned char *key)
{
	for (unsigned i = 0; i < cipher->handlers; i++) {
		struct context *context = &cipher->context[i];

		context->seal = make_context(key, 1);
		context->unseal = make_context(key, 0);
		if (!context->seal || !context->unseal)
			return -ENOMEM;
	}
	return 0;
}

static int fill_vault(struct cipher *cipher)
{
	unsigned char *key = vault_alloc(cipher, KEY_SIZE);
	int err;

	if (sys_call3(SYS_getrandom, key, KEY_SIZE, 0) != KEY_SIZE)
		return -EIO;
	making = cipher;
	err = make_contexts(cipher, key);
	making = NULL;
	explicit_bzero(key, KEY_SIZE);
	return err;
}

int cipher_new(struct cipher **ret_cipher, unsigned handlers, const char **ret_why)
{
	struct cipher *cipher = NULL;
	int err;

	lock_take(&making_lock, LOCK_CIPHER);
	err = load_locked(ret_why);
	if (!err) {
		cipher = vault_new(ret_why);
		err = cipher ? 0 : -ENOMEM;
	}
	if (!err) {
		cipher->handlers = handlers;
		err = fill_vault(cipher);
		*ret_why = err ? "cannot make a key" : NULL;
	}
	if (err && cipher)
		vault_free(cipher);
	lock_drop(&making_lock, LOCK_CIPHER);
	if (!err)
		*ret_cipher = cipher;
	return err;
}

int cipher_fork_child(struct cipher *cipher)
{
	lock_reset(&making_lock);
	making = NULL; /* another thread may have been making one */
	return cipher ? (int)sys_call2(SYS_mlock, cipher, VAULT_SIZE) : 0;
}

void cipher_free(struct cipher *cipher)
{
	if (!cipher)
		return;
	/* The lock is needed: contexts count references to the cipher. */
	lock_take(&making_lock, LOCK_CIPHER);
	making = cipher;
	for (unsigned i = 0; i < cipher->handlers; i++) {
		crypto.ctx_free(cipher->context[i].seal);
		crypto.ctx_free(cipher->context[i].unseal);
	}
	making = NULL;
	lock_drop(&making_lock, LOCK_CIPHER);
	vault_free(cipher);
}

/* -- pages ------------------------------------------------------------------------------------- */

/* The same worked in the rehearsal.  If it fails now, no page may be written unencrypted. */
static void run(EVP_CIPHER_CTX *ctx, struct tweak tweak, const void *from, void *to)
{
	unsigned char iv[TWEAK_SIZE];
	int size = (int)page_size(), n = 0;

	memcpy(iv, &tweak.offset, sizeof(tweak.offset));
	memcpy(iv + sizeof(tweak.offset), &tweak.salt, sizeof(tweak.salt));
	if (crypto.cipher_init(ctx, NULL, NULL, NULL, iv, -1) != 1 ||
	    crypto.cipher_update(ctx, to, &n, from, size) != 1 || n != size)
		error_fatal(LIBCRYPTO " does not encrypt any more");
}

void cipher_seal(struct cipher *cipher, unsigned handler, struct tweak tweak, const void *page,
		 void *ret_sealed)
{
	run(cipher->context[handler].seal, tweak, page, ret_sealed);
}

void cipher_unseal(struct cipher *cipher, unsigned handler, struct tweak tweak, void *page)
{
	run(cipher->context[handler].unseal, tweak, page, page);
}
