/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File systems: made, mounted, connected to. A mount holds a leased session in its container; while there is one, a thread looks
 * after the stream from time to time, so that the lease is renewed although the program makes no calls.
 */
#include "dfs.h"

#include <stdlib.h>

/* ---- mounting ----------------------------------------------------------------------------------------------------------------- */
struct mount_args {
	daos_handle_t coh;
	int flags;
	struct dfs *dfs;
};

static int
mount_body(void *args)
{
	struct mount_args *in = args;
	struct core_use use;
	int rc = dfs__verdict(core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE));

	if (rc == 0 && cont_props(use.object)->layout_type != DAOS_PROP_CO_LAYOUT_POSIX)
		rc = EINVAL;
	if (rc == 0)
		rc = fs_mount(use.object, (in->flags & O_ACCMODE) == O_RDONLY ? FS_RDONLY : 0, &in->dfs->fs);
	return core__done(&use, rc);
}

int
dfs_mount(daos_handle_t poh, daos_handle_t coh, int flags, dfs_t **result)
{
	struct mount_args args = {.coh = coh, .flags = flags};
	struct dfs *dfs;
	int rc;

	if (result == NULL)
		return EINVAL;
	dfs = calloc(1, sizeof(*dfs));
	if (dfs == NULL)
		return ENOMEM;
	*dfs = (struct dfs){.poh = poh, .coh = coh, .flags = flags};
	args.dfs = dfs;
	rc = dfs__run(mount_body, &args, sizeof(args));
	if (rc == 0) {
		rc = dfs__verdict(core__keep_awake(true));
		if (rc != 0)
			(void)dfs_umount(dfs);
	} else {
		free(dfs);
	}
	if (rc == 0)
		*result = dfs;
	return rc;
}

static int
umount_body(void *args)
{
	return fs_umount(((struct dfs *)args)->fs);
}

int
dfs_umount(dfs_t *dfs)
{
	int rc;

	if (dfs == NULL)
		return EINVAL;
	rc = dfs__run(umount_body, dfs, sizeof(*dfs));
	if (rc == 0) {
		(void)core__keep_awake(false);
		free(dfs->prefix);
		free(dfs);
	}
	return rc;
}

/* ---- making --------------------------------------------------------------------------------------------------------------------- */
struct make_args {
	daos_handle_t coh;
	const dfs_attr_t *attr;
};

static int
make_body(void *args)
{
	struct make_args *in = args;
	struct fs_format format = {.uid = geteuid(), .gid = getegid()};
	struct core_use use;
	int rc = dfs__verdict(core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE));

	if (in->attr != NULL) {
		format.chunk_size = in->attr->da_chunk_size;
		format.file_class = in->attr->da_file_oclass_id != 0 ? in->attr->da_file_oclass_id : in->attr->da_oclass_id;
		format.dir_class = in->attr->da_dir_oclass_id != 0 ? in->attr->da_dir_oclass_id : in->attr->da_oclass_id;
		format.mode = in->attr->da_mode;
		memcpy(format.hints, in->attr->da_hints, sizeof(format.hints));
		format.hints[sizeof(format.hints) - 1] = '\0';
	}
	return core__done(&use, rc != 0 ? rc : fs_make(use.object, &format));
}

/* The program's properties, with the layout and, when it is not NULL, the label. Strings stay theirs: freed with free(). */
static int
with_layout(const dfs_attr_t *attr, const char *label, daos_prop_t *list)
{
	const daos_prop_t *given = attr != NULL ? attr->da_props : NULL;
	uint32_t nr = given != NULL ? given->dpp_nr : 0;

	*list = (daos_prop_t){0};
	list->dpp_entries = calloc(nr + 2, sizeof(list->dpp_entries[0]));
	if (list->dpp_entries == NULL)
		return ENOMEM;
	for (uint32_t i = 0; i < nr; i++)
		if (given->dpp_entries[i].dpe_type != DAOS_PROP_CO_LAYOUT_TYPE)
			list->dpp_entries[list->dpp_nr++] = given->dpp_entries[i];
	list->dpp_entries[list->dpp_nr++] = (struct daos_prop_entry){.dpe_type = DAOS_PROP_CO_LAYOUT_TYPE, .dpe_val = DAOS_PROP_CO_LAYOUT_POSIX};
	if (label != NULL)
		list->dpp_entries[list->dpp_nr++] = (struct daos_prop_entry){.dpe_type = DAOS_PROP_CO_LABEL, .dpe_str = (char *)label};
	return 0;
}

static int
create(daos_handle_t poh, const char *label, dfs_attr_t *attr, uuid_t *uuid, daos_handle_t *coh, dfs_t **dfs)
{
	struct make_args args = {.attr = attr};
	char name[DAOS_UUID_STR_SIZE];
	daos_prop_t props;
	uuid_t made;
	int rc = with_layout(attr, label, &props);

	if (rc != 0)
		return rc;
	rc = dfs__verdict(daos_cont_create(poh, &made, &props, NULL));
	free(props.dpp_entries);
	if (rc != 0)
		return rc;
	uuid_unparse_lower(made, name);
	rc = dfs__verdict(daos_cont_open(poh, name, DAOS_COO_RW, &args.coh, NULL, NULL));
	if (rc == 0) {
		rc = dfs__run(make_body, &args, sizeof(args));
		if (rc == 0 && dfs != NULL)
			rc = dfs_mount(poh, args.coh, O_RDWR, dfs);
		/* A mount lives with its container's handle: whoever mounts here gets that too. */
		if (rc != 0 || coh == NULL)
			(void)daos_cont_close(args.coh, NULL);
		else
			*coh = args.coh;
	}
	if (rc != 0)
		(void)daos_cont_destroy(poh, name, 1, NULL);
	else if (uuid != NULL)
		memcpy(*uuid, made, sizeof(uuid_t));
	return rc;
}

int
dfs_cont_create(daos_handle_t poh, uuid_t *uuid, dfs_attr_t *attr, daos_handle_t *coh, dfs_t **dfs)
{
	return uuid != NULL && (dfs == NULL || coh != NULL) ? create(poh, NULL, attr, uuid, coh, dfs) : EINVAL;
}

int
dfs_cont_create_with_label(daos_handle_t poh, const char *label, dfs_attr_t *attr, uuid_t *uuid, daos_handle_t *coh, dfs_t **dfs)
{
	return label != NULL && (dfs == NULL || coh != NULL) ? create(poh, label, attr, uuid, coh, dfs) : EINVAL;
}

/* ---- connecting ------------------------------------------------------------------------------------------------------------------- */
int
dfs_init(void)
{
	return dfs__verdict(daos_init());
}

int
dfs_fini(void)
{
	return dfs__verdict(daos_fini());
}

int
dfs_connect(const char *pool, const char *sys, const char *cont, int flags, dfs_attr_t *attr, dfs_t **dfs)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	daos_handle_t poh, coh;
	int rc;

	if (pool == NULL || cont == NULL || dfs == NULL)
		return EINVAL;
	rc = dfs__verdict(daos_pool_connect(pool, sys, writes ? DAOS_PC_RW : DAOS_PC_RO, &poh, NULL, NULL));
	if (rc != 0)
		return rc;
	rc = dfs__verdict(daos_cont_open(poh, cont, writes ? DAOS_COO_RW : DAOS_COO_RO, &coh, NULL, NULL));
	if (rc == ENOENT && (flags & O_CREAT) != 0) {
		rc = dfs_cont_create_with_label(poh, cont, attr, NULL, NULL, NULL);
		if (rc == 0 || rc == EEXIST)
			rc = dfs__verdict(daos_cont_open(poh, cont, writes ? DAOS_COO_RW : DAOS_COO_RO, &coh, NULL, NULL));
	}
	if (rc == 0) {
		rc = dfs_mount(poh, coh, flags & O_ACCMODE, dfs);
		if (rc != 0)
			(void)daos_cont_close(coh, NULL);
	}
	if (rc != 0)
		(void)daos_pool_disconnect(poh, NULL);
	else
		(*dfs)->connected = true;
	return rc;
}

int
dfs_disconnect(dfs_t *dfs)
{
	daos_handle_t poh, coh;
	int rc, more;

	if (dfs == NULL || !dfs->connected)
		return EINVAL;
	poh = dfs->poh;
	coh = dfs->coh;
	rc = dfs_umount(dfs);
	if (rc != 0)
		return rc;
	rc = dfs__verdict(daos_cont_close(coh, NULL));
	more = dfs__verdict(daos_pool_disconnect(poh, NULL));
	return rc != 0 ? rc : more;
}

int
dfs_destroy(const char *pool, const char *sys, const char *cont, int force, daos_event_t *ev)
{
	daos_handle_t poh;
	int rc, more;

	if (pool == NULL || cont == NULL || ev != NULL)
		return ev != NULL ? ENOSYS : EINVAL;
	rc = dfs__verdict(daos_pool_connect(pool, sys, DAOS_PC_RW, &poh, NULL, NULL));
	if (rc != 0)
		return rc;
	rc = dfs__verdict(daos_cont_destroy(poh, cont, force, NULL));
	more = dfs__verdict(daos_pool_disconnect(poh, NULL));
	return rc != 0 ? rc : more;
}

/* ---- handles below ------------------------------------------------------------------------------------------------------------------ */
int
dfs_pool_get(dfs_t *dfs, daos_handle_t *poh)
{
	if (dfs == NULL || poh == NULL)
		return EINVAL;
	*poh = dfs->poh;
	return 0;
}

int
dfs_pool_put(dfs_t *dfs, daos_handle_t poh)
{
	return dfs != NULL && poh.cookie == dfs->poh.cookie ? 0 : EINVAL;
}

int
dfs_cont_get(dfs_t *dfs, daos_handle_t *coh)
{
	if (dfs == NULL || coh == NULL)
		return EINVAL;
	*coh = dfs->coh;
	return 0;
}

int
dfs_cont_put(dfs_t *dfs, daos_handle_t coh)
{
	return dfs != NULL && coh.cookie == dfs->coh.cookie ? 0 : EINVAL;
}

int
dfs_set_prefix(dfs_t *dfs, const char *prefix)
{
	char *copy = NULL;
	size_t len = prefix != NULL ? strlen(prefix) : 0;

	if (dfs == NULL || (prefix != NULL && (prefix[0] != '/' || len >= PATH_MAX)))
		return EINVAL;
	while (len > 0 && prefix[len - 1] == '/')
		len--;
	if (len > 0) {
		copy = strndup(prefix, len);
		if (copy == NULL)
			return ENOMEM;
	}
	free(dfs->prefix);
	dfs->prefix = copy;
	return 0;
}

struct query_args {
	struct dfs *dfs;
	dfs_attr_t *attr;
};

static int
query_body(void *args)
{
	struct query_args *in = args;
	struct fs_format format;
	int rc = fs_format_query(in->dfs->fs, &format);

	if (rc != 0)
		return rc;
	*in->attr = (dfs_attr_t){.da_chunk_size = format.chunk_size, .da_mode = format.mode, .da_dir_oclass_id = format.dir_class,
				 .da_file_oclass_id = format.file_class};
	memcpy(in->attr->da_hints, format.hints, sizeof(format.hints));
	return 0;
}

int
dfs_query(dfs_t *dfs, dfs_attr_t *attr)
{
	struct query_args args = {.dfs = dfs, .attr = attr};

	return dfs != NULL && attr != NULL ? dfs__run(query_body, &args, sizeof(args)) : EINVAL;
}

/* The root directory follows the container: numbers that are not given are looked up on this host. */
int
dfs_cont_set_owner(daos_handle_t coh, d_string_t user, uid_t uid, d_string_t group, gid_t gid)
{
	struct dfs *dfs;
	int rc, more;

	if (user == NULL && group == NULL)
		return EINVAL;
	if (user != NULL && uid == (uid_t)-1)
		rc = dfs__verdict(daos_acl_principal_to_uid(user, &uid));
	else
		rc = 0;
	if (rc == 0 && group != NULL && gid == (gid_t)-1)
		rc = dfs__verdict(daos_acl_principal_to_gid(group, &gid));
	if (rc == 0)
		rc = dfs_mount(DAOS_HDL_INVAL, coh, O_RDWR, &dfs);
	if (rc != 0)
		return rc;
	rc = dfs_chown(dfs, NULL, NULL, user != NULL ? uid : (uid_t)-1, group != NULL ? gid : (gid_t)-1, 0);
	if (rc == 0)
		rc = dfs__verdict(daos_cont_set_owner_no_check(coh, user, group, NULL));
	more = dfs_umount(dfs);
	return rc != 0 ? rc : more;
}

/* What was written is durable when a call returns. */
int
dfs_sync(dfs_t *dfs)
{
	return dfs != NULL ? 0 : EINVAL;
}
