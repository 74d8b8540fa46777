/* SPDX-License-Identifier: Apache-2.0 */
/* The functions and the table of proto/pool.h. */
#include "proto/types.h"
#include "proto/define.h"
#include "proto/pool.h"
