/* SPDX-License-Identifier: MIT */
/* cipher_none.c - in place of cipher.c in a build --without-openssl */
#include "store/cipher.h"
#include <errno.h>

int cipher_load(const char **ret_why)
{
	*ret_why = "this spill was built --without-openssl";
	return -ENOSYS;
}

int cipher_new(struct cipher **ret_cipher, unsigned handlers, const char **ret_why)
{
	(void)ret_cipher;
	(void)handlers;
	return cipher_load(ret_why);
}

int cipher_fork_child(struct cipher *cipher)
{
	return cipher ? -ENOSYS : 0;
}

void cipher_free(struct cipher *cipher)
{
	(void)cipher;
}

void cipher_seal(struct cipher *cipher, unsigned handler, struct tweak tweak, const void *page,
		 void *ret_sealed)
{
	(void)cipher;
	(void)handler;
	(void)tweak;
	(void)page;
	(void)ret_sealed;
}

void cipher_unseal(struct cipher *cipher, unsigned handler, struct tweak tweak, void *page)
{
	(void)cipher;
	(void)handler;
	(void)tweak;
	(void)page;
}
