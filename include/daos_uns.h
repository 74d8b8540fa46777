/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unified namespace: containers reached through paths of another file system.
 *
 * An entry of that file system, a directory for a file system container and a file for any other, carries the extended
 * attribute "user.daos" with the text DAOS.<TYPE>://<pool>/<container>. Calls return 0 or a positive errno.
 */
#ifndef DAOS_UNS_H
#define DAOS_UNS_H

#include <daos_types.h>
#include <daos_prop.h>
#include <daos_obj_class.h>
#include <daos_cont.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define DUNS_XATTR_NAME "user.daos"
/** Room for its value, NUL included. */
#define DUNS_MAX_XATTR_LEN 170
#define DUNS_XATTR_FMT "DAOS.%s://%36s/%36s"
#define DUNS_LUSTRE_XATTR_FMT "%36s/%36s"

/** da_flags: how duns_resolve_path() reads a path. */
enum {
	DUNS_NO_PREFIX = (1 << 0),         /**< "/pool/container/path" with UUIDs is meant directly */
	DUNS_NO_REVERSE_LOOKUP = (1 << 1), /**< only the last component may be the entry, not one above it */
	DUNS_NO_CHECK_PATH = (1 << 2),     /**< do not look into the file system */
};

/** What a path stands for, and how a container is made at one. */
struct duns_attr_t {
	daos_cont_layout_t da_type;         /**< kind of container */
	daos_oclass_id_t da_oclass_id;      /**< class of its objects */
	daos_size_t da_chunk_size;          /**< bytes in a chunk of its files */
	daos_prop_t *da_props;              /**< container properties; or NULL */
	uint32_t da_flags;                  /**< in: DUNS_* flags of a look-up */
	char da_pool[DAOS_PROP_LABEL_MAX_LEN + 1]; /**< label or UUID */
	char da_cont[DAOS_PROP_LABEL_MAX_LEN + 1]; /**< label or UUID */
	char *da_sys;                       /**< name of the system, see duns_set_sys_name(); NULL: default */
	char *da_rel_path;                  /**< the rest of the path inside; NULL: none */
	bool da_on_lustre;                  /**< the entry lies in a Lustre file system */
	bool da_no_prefix;                  /**< an old way to say DUNS_NO_PREFIX */
	uuid_t da_puuid;                    /**< UUID of the pool where the entry holds one */
	uuid_t da_cuuid;                    /**< UUID of the container */
	daos_oclass_id_t da_dir_oclass_id;  /**< class of its directories */
	daos_oclass_id_t da_file_oclass_id; /**< class of its files */
	char da_hints[DAOS_CONT_HINT_MAX_LEN]; /**< as in dfs_attr_t */
};

/**
 * Creates a container and the entry that stands for it.
 *
 * \param[in]	poh	connected pool
 * \param[in]	path	what to create: its directory exists, it does not
 * \param[in,out] attrp	how the container is made; da_cont is set
 * \return		0; EEXIST; ENOTSUP: the file system has no extended attributes; others
 */
int duns_create_path(daos_handle_t poh, const char *path, struct duns_attr_t *attrp);

/**
 * Finds the pool and container that a path or "daos://pool/container/path" leads to.
 *
 * \param[in,out] attr	in: da_flags, the rest zeroed; out: filled, ended with duns_destroy_attr()
 * \return		0; ENODATA: no container there; ENOTSUP: no extended attributes; EINVAL; ENOENT; others
 */
int duns_resolve_path(const char *path, struct duns_attr_t *attr);

/** Destroys the container that a path stands for, and the entry. */
int duns_destroy_path(daos_handle_t poh, const char *path);

/** Reads the text of the extended attribute, len bytes with its NUL. 0; EINVAL. */
int duns_parse_attr(char *str, daos_size_t len, struct duns_attr_t *attr);

/** Sets da_sys to a copy of a name; NULL: default. */
int duns_set_sys_name(struct duns_attr_t *attrp, const char *sys);

/** Frees what a structure holds, not the structure. */
void duns_destroy_attr(struct duns_attr_t *attrp);

/** Creates an entry for a container that exists. cont: label or UUID. */
int duns_link_cont(daos_handle_t poh, const char *cont, const char *path);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
