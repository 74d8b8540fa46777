/* SPDX-License-Identifier: Apache-2.0 */
/* Checks for bodies that run in a ULT of a simulated world, where cmocka's may not jump out: they say where and what, and abort. */
#ifndef SIM_TEST_CHECK_H
#define SIM_TEST_CHECK_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#define CHECK(what)                                                                                                    \
	do {                                                                                                           \
		int _rc = (what);                                                                                      \
		if (_rc != 0) {                                                                                        \
			print_error("%s:%d: %s: %d\n", __FILE__, __LINE__, #what, _rc);                                \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)
#define SAME(a, b)                                                                                                     \
	do {                                                                                                           \
		long _a = (long)(a), _b = (long)(b);                                                                   \
		if (_a != _b) {                                                                                        \
			print_error("%s:%d: %s is %ld, %s is %ld\n", __FILE__, __LINE__, #a, _a, #b, _b);              \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

#endif
