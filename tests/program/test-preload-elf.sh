#!/bin/bash
# SPDX-License-Identifier: MIT
# test-preload-elf.sh - the preload library needs libc and nothing else, binds nothing lazily, has
# no dynamic TLS, and once it runs calls nothing that another library could interpose
#
# The bugs: libfaketime's clock_gettime ran in our threads, which libc does not know, and its
# pthread_cond_init inside our malloc; programs hung.  This test lists what is called nevertheless,
# with the reason.

. "$(dirname "$0")/lib.sh"
requires readelf
library=${top_builddir:-$here/../..}/lib/preload/.libs/libspill-preload.so
[ -f "$library" ] || fail "there is no $library"
needed=$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | tr '\n' ' ')
[ "$needed" = "libc.so.6 " ] || fail "it needs: $needed"
readelf -d "$library" | grep -Eq 'BIND_NOW|FLAGS_1.*NOW' || fail "it binds lazily"
if readelf -rW "$library" | grep -E 'DTPMOD|DTPOFF|TLSDESC'; then
	fail "it has dynamic TLS"
fi
if readelf -sW "$library" | grep -q '__llvm_profile'; then
	skip "it is built to count its lines, and calls what writes the counts"
fi

allowed() {
	cat <<'END'
# the start, and the end: by the compiler, crt and the loader
__cxa_atexit __cxa_finalize __gmon_start__ _ITM_deregisterTMCloneTable _ITM_registerTMCloneTable
__stack_chk_fail __assert_fail _exit abort
# asked once, as the first of all or from the constructor; by NEXT, for what the program has just called
__register_atfork dl_iterate_phdr dlsym getauxval secure_getenv sysconf environ
# functions of their arguments alone: no lock, no memory, no system call
bcmp memchr memcmp memcpy memmem memmove memset explicit_bzero mempcpy stpcpy
strchr strcmp strcpy strcspn strlen strncmp strncpy strpbrk strrchr strsep strspn strstr
strtol strtoul strtoull strerror_r __ctype_b_loc __errno_location __sched_cpucount
__memcpy_chk __memmove_chk __memset_chk __strcat_chk __strcpy_chk __strncpy_chk __explicit_bzero_chk
# what libc knows of the program's own thread, in that thread
pthread_self pthread_key_create pthread_setspecific
# within what the program calls of that kind: pthread_create, pthread_mutex_init, close, malloc_info
pthread_attr_getstack pthread_mutexattr_getprotocol pthread_mutexattr_getrobust
__pthread_register_cancel __pthread_unregister_cancel __pthread_unwind_next __sigsetjmp __close
fprintf __fprintf_chk
END
}
allowed | sed '/^#/d' | tr ' ' '\n' | sort -u >"$tmp/allowed"
readelf -rW "$library" | awk '$1 ~ /^[0-9a-f]+$/ && NF >= 5 && $3 !~ /RELATIV/ { sub(/@.*/, "", $5); print $5 }' |
	sort -u >"$tmp/used"
[ "$(wc -l <"$tmp/used")" -gt 20 ] || fail "its relocations cannot be read"
more=$(comm -13 "$tmp/allowed" "$tmp/used" | tr '\n' ' ')
[ -z "$more" ] || fail "it calls what others may have taken the place of: $more"
exit 0
