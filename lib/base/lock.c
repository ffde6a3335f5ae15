/* SPDX-License-Identifier: MIT */
/* lock.c - a debug build's record of each thread's locks: see lock.h */
#include "base/lock.h"

#ifdef SPILL_DEBUG
__thread unsigned lock_held[LOCK_META + 1];
__thread unsigned lock_guarded;
_Atomic bool lock_strict;
#else
typedef int lock_has_nothing_to_define;
#endif
