/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of libdfs that are not there yet: they say so. tools/api_list.py absent lists them. */
#include <errno.h>
#include <fcntl.h>
#include <daos_fs.h>
#include <daos_fs_sys.h>
#include <daos_uns.h>

int
dfs_local2global(dfs_t *dfs, d_iov_t *glob)
{
	return ENOSYS;
}

int
dfs_global2local(daos_handle_t poh, daos_handle_t coh, int flags, d_iov_t glob, dfs_t **dfs)
{
	return ENOSYS;
}

int
dfs_local2global_all(dfs_t *dfs, d_iov_t *glob)
{
	return ENOSYS;
}

int
dfs_global2local_all(int flags, d_iov_t glob, dfs_t **dfs)
{
	return ENOSYS;
}

int
dfs_set_prefix(dfs_t *dfs, const char *prefix)
{
	return ENOSYS;
}

int
dfs_suggest_oclass(dfs_t *dfs, const char *hint, daos_oclass_id_t *cid)
{
	return ENOSYS;
}

int
dfs_obj_local2global(dfs_t *dfs, dfs_obj_t *obj, d_iov_t *glob)
{
	return ENOSYS;
}

int
dfs_obj_global2local(dfs_t *dfs, int flags, d_iov_t glob, dfs_obj_t **obj)
{
	return ENOSYS;
}

int
dfs_update_parent(dfs_obj_t *obj, dfs_obj_t *src_obj, const char *name)
{
	return ENOSYS;
}

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
dfs_get_file_oh(dfs_obj_t *obj, daos_handle_t *oh)
{
	return ENOSYS;
}

int
dfs_get_size_by_oid(dfs_t *dfs, daos_obj_id_t oid, daos_size_t chunk_size, daos_size_t *size)
{
	return ENOSYS;
}

int
dfs_dir_anchor_set(dfs_obj_t *obj, const char name[], daos_anchor_t *anchor)
{
	return ENOSYS;
}

int
dfs_obj_anchor_split(dfs_obj_t *obj, uint32_t *nr, daos_anchor_t *anchors)
{
	return ENOSYS;
}

int
dfs_obj_anchor_set(dfs_obj_t *obj, uint32_t index, daos_anchor_t *anchor)
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

int
dfs_cont_set_owner(daos_handle_t coh, d_string_t user, uid_t uid, d_string_t group, gid_t gid)
{
	return ENOSYS;
}

int
dfs_pipeline_create(dfs_t *dfs, dfs_predicate_t pred, uint64_t flags, dfs_pipeline_t **dpipe)
{
	return ENOSYS;
}

int
dfs_pipeline_destroy(dfs_pipeline_t *dpipe)
{
	return ENOSYS;
}

int
dfs_readdir_with_filter(dfs_t *dfs, dfs_obj_t *obj, dfs_pipeline_t *dpipe, daos_anchor_t *anchor, uint32_t *nr,
			struct dirent *dirs, daos_obj_id_t *oids, daos_size_t *csizes, uint64_t *nr_scanned)
{
	return ENOSYS;
}

int
dfs_sys_connect(const char *pool, const char *sys, const char *cont, int mflags, int sflags, dfs_attr_t *attr,
		dfs_sys_t **dfs_sys)
{
	return ENOSYS;
}

int
dfs_sys_disconnect(dfs_sys_t *dfs_sys)
{
	return ENOSYS;
}

int
dfs_sys_local2global_all(dfs_sys_t *dfs_sys, d_iov_t *glob)
{
	return ENOSYS;
}

int
dfs_sys_global2local_all(int mflags, int sflags, d_iov_t glob, dfs_sys_t **dfs_sys)
{
	return ENOSYS;
}

int
dfs_sys_mount(daos_handle_t poh, daos_handle_t coh, int mflags, int sflags, dfs_sys_t **dfs_sys)
{
	return ENOSYS;
}

int
dfs_sys_umount(dfs_sys_t *dfs_sys)
{
	return ENOSYS;
}

int
dfs_sys_local2global(dfs_sys_t *dfs_sys, d_iov_t *glob)
{
	return ENOSYS;
}

int
dfs_sys_global2local(daos_handle_t poh, daos_handle_t coh, int mflags, int sflags, d_iov_t glob, dfs_sys_t **dfs_sys)
{
	return ENOSYS;
}

int
dfs_sys2base(dfs_sys_t *dfs_sys, dfs_t **dfs)
{
	return ENOSYS;
}

int
dfs_sys_access(dfs_sys_t *dfs_sys, const char *path, int mask, int flags)
{
	return ENOSYS;
}

int
dfs_sys_chmod(dfs_sys_t *dfs_sys, const char *path, mode_t mode)
{
	return ENOSYS;
}

int
dfs_sys_chown(dfs_sys_t *dfs_sys, const char *path, uid_t uid, gid_t gid, int flags)
{
	return ENOSYS;
}

int
dfs_sys_setattr(dfs_sys_t *dfs_sys, const char *path, struct stat *stbuf, int flags, int sflags)
{
	return ENOSYS;
}

int
dfs_sys_utimens(dfs_sys_t *dfs_sys, const char *path, const struct timespec times[2], int flags)
{
	return ENOSYS;
}

int
dfs_sys_stat(dfs_sys_t *dfs_sys, const char *path, int flags, struct stat *stbuf)
{
	return ENOSYS;
}

int
dfs_sys_mknod(dfs_sys_t *dfs_sys, const char *path, mode_t mode, daos_oclass_id_t cid, daos_size_t chunk_size)
{
	return ENOSYS;
}

int
dfs_sys_listxattr(dfs_sys_t *dfs_sys, const char *path, char *list, daos_size_t *size, int flags)
{
	return ENOSYS;
}

int
dfs_sys_getxattr(dfs_sys_t *dfs_sys, const char *path, const char *name, void *value, daos_size_t *size, int flags)
{
	return ENOSYS;
}

int
dfs_sys_setxattr(dfs_sys_t *dfs_sys, const char *path, const char *name, const void *value, daos_size_t size,
		 int flags, int sflags)
{
	return ENOSYS;
}

int
dfs_sys_removexattr(dfs_sys_t *dfs_sys, const char *path, const char *name, int flags)
{
	return ENOSYS;
}

int
dfs_sys_readlink(dfs_sys_t *dfs_sys, const char *path, char *buf, daos_size_t *size)
{
	return ENOSYS;
}

int
dfs_sys_symlink(dfs_sys_t *dfs_sys, const char *target, const char *path)
{
	return ENOSYS;
}

int
dfs_sys_open(dfs_sys_t *dfs_sys, const char *path, mode_t mode, int flags, daos_oclass_id_t cid,
	     daos_size_t chunk_size, const char *value, dfs_obj_t **obj)
{
	return ENOSYS;
}

int
dfs_sys_close(dfs_obj_t *obj)
{
	return ENOSYS;
}

int
dfs_sys_read(dfs_sys_t *dfs_sys, dfs_obj_t *obj, void *buf, daos_off_t off, daos_size_t *size, daos_event_t *ev)
{
	return ENOSYS;
}

int
dfs_sys_write(dfs_sys_t *dfs_sys, dfs_obj_t *obj, const void *buf, daos_off_t off, daos_size_t *size, daos_event_t *ev)
{
	return ENOSYS;
}

int
dfs_sys_punch(dfs_sys_t *dfs_sys, const char *path, daos_off_t offset, daos_off_t len)
{
	return ENOSYS;
}

int
dfs_sys_remove(dfs_sys_t *dfs_sys, const char *path, bool force, daos_obj_id_t *oid)
{
	return ENOSYS;
}

int
dfs_sys_remove_type(dfs_sys_t *dfs_sys, const char *path, bool force, mode_t mode, daos_obj_id_t *oid)
{
	return ENOSYS;
}

int
dfs_sys_mkdir(dfs_sys_t *dfs_sys, const char *dir, mode_t mode, daos_oclass_id_t cid)
{
	return ENOSYS;
}

int
dfs_sys_opendir(dfs_sys_t *dfs_sys, const char *dir, int flags, DIR **dirp)
{
	return ENOSYS;
}

int
dfs_sys_closedir(DIR *dirp)
{
	return ENOSYS;
}

int
dfs_sys_readdir(dfs_sys_t *dfs_sys, DIR *dirp, struct dirent **dirent)
{
	return ENOSYS;
}

int
duns_create_path(daos_handle_t poh, const char *path, struct duns_attr_t *attrp)
{
	return ENOSYS;
}

int
duns_resolve_path(const char *path, struct duns_attr_t *attr)
{
	return ENOSYS;
}

int
duns_destroy_path(daos_handle_t poh, const char *path)
{
	return ENOSYS;
}

int
duns_parse_attr(char *str, daos_size_t len, struct duns_attr_t *attr)
{
	return ENOSYS;
}

int
duns_set_sys_name(struct duns_attr_t *attrp, const char *sys)
{
	return ENOSYS;
}

void
duns_destroy_attr(struct duns_attr_t *attrp)
{
}

int
duns_link_cont(daos_handle_t poh, const char *cont, const char *path)
{
	return ENOSYS;
}
