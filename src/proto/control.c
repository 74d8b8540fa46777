/* SPDX-License-Identifier: Apache-2.0 */
/* proto/control: the tables, defined. */
#include "proto/agent.h"
#include "proto/define.h"
#include "proto/control.h"
