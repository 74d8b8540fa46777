/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdaos: clock values as time of day.
 */
#include "pure/hlc/hlc.h"
#include <daos_api.h>

int
daos_hlc2timespec(uint64_t hlc, struct timespec *ts)
{
	if (ts == NULL)
		return -DER_INVAL;
	hlc_to_timespec(hlc, ts);
	return 0;
}

int
daos_hlc2timestamp(uint64_t hlc, time_t *ts)
{
	struct timespec time;
	int rc = daos_hlc2timespec(hlc, &time);

	if (ts == NULL)
		return -DER_INVAL;
	if (rc == 0)
		*ts = time.tv_sec;
	return rc;
}
