/* SPDX-License-Identifier: Apache-2.0 */
/* Atomic variables: those of C11 with short names for the weaker orders; the compiler's builtins in C++. */
#ifndef GURT_ATOMIC_H
#define GURT_ATOMIC_H

#ifdef __cplusplus

#define ATOMIC
#define atomic_compare_exchange(ptr, oldvalue, newvalue)                                                               \
	({                                                                                                             \
		__typeof__(*(ptr)) __expected = (oldvalue);                                                            \
                                                                                                                       \
		__atomic_compare_exchange_n((ptr), &__expected, (newvalue), false, __ATOMIC_RELAXED,                   \
					    __ATOMIC_RELAXED);                                                         \
	})
#define atomic_store_release(ptr, value) __atomic_store_n((ptr), (value), __ATOMIC_RELEASE)
#define atomic_store_relaxed(ptr, value) __atomic_store_n((ptr), (value), __ATOMIC_RELAXED)
#define atomic_load_relaxed(ptr) __atomic_load_n((ptr), __ATOMIC_RELAXED)
#define atomic_fetch_sub_relaxed(ptr, value) __atomic_fetch_sub((ptr), (value), __ATOMIC_RELAXED)
#define atomic_fetch_add_relaxed(ptr, value) __atomic_fetch_add((ptr), (value), __ATOMIC_RELAXED)

#else

#include <stdatomic.h>

#define ATOMIC _Atomic
/** Whether *ptr was oldvalue and is newvalue now. */
#define atomic_compare_exchange(ptr, oldvalue, newvalue)                                                               \
	({                                                                                                             \
		__typeof__(oldvalue) __expected = (oldvalue);                                                          \
                                                                                                                       \
		atomic_compare_exchange_strong_explicit((ptr), &__expected, (newvalue), memory_order_relaxed,          \
							memory_order_relaxed);                                         \
	})
#define atomic_store_release(ptr, value) atomic_store_explicit((ptr), (value), memory_order_release)
#define atomic_store_relaxed(ptr, value) atomic_store_explicit((ptr), (value), memory_order_relaxed)
#define atomic_load_relaxed(ptr) atomic_load_explicit((ptr), memory_order_relaxed)
#define atomic_fetch_sub_relaxed(ptr, value) atomic_fetch_sub_explicit((ptr), (value), memory_order_relaxed)
#define atomic_fetch_add_relaxed(ptr, value) atomic_fetch_add_explicit((ptr), (value), memory_order_relaxed)

#endif
#endif
