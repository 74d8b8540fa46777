/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of proto/types.h. */
#include "proto/define.h"
#include "proto/types.h"
