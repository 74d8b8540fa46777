/* SPDX-License-Identifier: Apache-2.0 */
/* The functions and the table of proto/dtx.h. */
#include "proto/object.h"
#include "proto/define.h"
#include "proto/dtx.h"
