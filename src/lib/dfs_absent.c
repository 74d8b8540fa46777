/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of libdfs that are not there yet: they say so. tools/api_list.py absent lists them. */
#include <errno.h>
#include <daos_fs.h>

int
dfs_obj_set_oclass(dfs_t *dfs, dfs_obj_t *obj, int flags, daos_oclass_id_t cid)
{
	return ENOSYS;
}

int
dfs_obj_set_chunk_size(dfs_t *dfs, dfs_obj_t *obj, int flags, daos_size_t csize)
{
	return ENOSYS;
}

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
