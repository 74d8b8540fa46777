/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdaos_common: ranks from text.
 */
#include <stdlib.h>
#include <daos_api.h>
#include <gurt/common.h>

d_rank_list_t *
daos_rank_list_parse(const char *str, const char *sep)
{
	d_rank_list_t *list;
	unsigned long rank;
	char *end;

	if (str == NULL || sep == NULL || sep[0] == '\0')
		return NULL;
	list = d_rank_list_alloc(0);
	if (list == NULL)
		return NULL;
	str += strspn(str, sep);
	while (*str != '\0') {
		errno = 0;
		rank = strtoul(str, &end, 10);
		if (*str < '0' || *str > '9' || errno != 0 || rank > UINT32_MAX || (*end != '\0' && strchr(sep, *end) == NULL) ||
		    d_rank_list_append(list, (d_rank_t)rank) != 0) {
			d_rank_list_free(list);
			return NULL;
		}
		str = end + strspn(end, sep);
	}
	if (list->rl_nr == 0) {
		d_rank_list_free(list);
		return NULL;
	}
	return list;
}
