/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of libdfs that are not there yet: they say so. tools/api_list.py absent lists them. */
#include <errno.h>
#include <daos_fs.h>

int
dfs_cont_check(daos_handle_t poh, const char *cont, uint64_t flags, const char *name)
{
	return ENOSYS;
}

int
dfs_cont_scan(daos_handle_t poh, const char *cont, uint64_t flags, const char *name)
{
	return ENOSYS;
}
