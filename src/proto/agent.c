/* SPDX-License-Identifier: Apache-2.0 */
/* proto/agent: the tables, defined. */
#include "proto/define.h"
#include "proto/agent.h"
