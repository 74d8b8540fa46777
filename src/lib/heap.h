/* SPDX-License-Identifier: Apache-2.0 */
/* The process's heap as a struct mem: what rooms below take from it, programs can free(), and the other way round. */
#ifndef LIB_HEAP_H
#define LIB_HEAP_H

#include "base/base.h"

/** Never NULL; safe from any thread. */
struct mem *lib__heap(void);

#endif
