/* SPDX-License-Identifier: Apache-2.0 */
/*
 * S3 buckets and objects in a pool: a bucket is a file system container, an object a file in it, users and pending
 * uploads live in a container of their own. Calls return 0 or a negative errno. What a gateway wants to keep about a
 * user, bucket, object or part is opaque to the store: encoded, encoded_length bytes.
 *
 * Ownership: strings and buffers in the info structures are the caller's. On output encoded points to a buffer of the
 * caller, encoded_length is its room before the call and the length after it.
 */
#ifndef DAOS_S3_H
#define DAOS_S3_H

#include <daos.h>
#include <daos_fs.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Room for the name of a bucket, NUL included. */
#define DS3_MAX_BUCKET_NAME DAOS_PROP_MAX_LABEL_BUF_LEN
#define DS3_MAX_KEY (DFS_MAX_PATH - 8)
/** Room for a key, NUL included. */
#define DS3_MAX_KEY_BUFF DFS_MAX_PATH
#define DS3_MAX_USER_NAME DFS_MAX_NAME
/** Room for the id of an upload, NUL included. */
#define DS3_MAX_UPLOAD_ID 35
#define DS3_MAX_ENCODED_LEN DFS_MAX_XATTR_LEN
/** The instance of a versioned object that is current. */
#define DS3_LATEST_INSTANCE "latest"

/** A pool that is open for S3. */
typedef struct ds3 ds3_t;
/** An open bucket. */
typedef struct ds3_bucket ds3_bucket_t;
/** An open object. */
typedef struct ds3_obj ds3_obj_t;
/** An open part of an upload. */
typedef struct ds3_part ds3_part_t;

struct ds3_user_info {
	const char *name;
	const char *email;
	const char **access_ids; /**< keys with which the user comes */
	const size_t access_ids_nr;
	void *encoded;
	size_t encoded_length;
};

struct ds3_bucket_info {
	char name[DS3_MAX_BUCKET_NAME];
	void *encoded;
	size_t encoded_length;
};

struct ds3_object_info {
	char key[DS3_MAX_KEY_BUFF];
	void *encoded;
	size_t encoded_length;
};

struct ds3_common_prefix_info {
	char prefix[DS3_MAX_KEY_BUFF];
};

struct ds3_multipart_upload_info {
	char upload_id[DS3_MAX_UPLOAD_ID];
	char key[DS3_MAX_KEY_BUFF];
	void *encoded;
	size_t encoded_length;
};

struct ds3_multipart_part_info {
	uint64_t part_num;
	void *encoded;
	size_t encoded_length;
};

/** Starts the library in a process. */
int ds3_init(void);
int ds3_fini(void);

/** Opens a pool for S3, made ready at first. sys NULL: the system that the agent knows. */
int ds3_connect(const char *pool, const char *sys, ds3_t **ds3, daos_event_t *ev);
int ds3_disconnect(ds3_t *ds3, daos_event_t *ev);

/* ---- users --------------------------------------------------------------------------------------------------- */

/** Adds or replaces a user; old_info: what was known of it before, or NULL. */
int ds3_user_set(const char *name, struct ds3_user_info *info, struct ds3_user_info *old_info, ds3_t *ds3,
		 daos_event_t *ev);
int ds3_user_remove(const char *name, struct ds3_user_info *info, ds3_t *ds3, daos_event_t *ev);
int ds3_user_get(const char *name, struct ds3_user_info *info, ds3_t *ds3, daos_event_t *ev);
int ds3_user_get_by_email(const char *email, struct ds3_user_info *info, ds3_t *ds3, daos_event_t *ev);
int ds3_user_get_by_key(const char *key, struct ds3_user_info *info, ds3_t *ds3, daos_event_t *ev);

/* ---- buckets ------------------------------------------------------------------------------------------------- */

/**
 * Lists buckets in the order of their names.
 *
 * \param[in,out] nbuck		in: room in buf; out: buckets returned
 * \param[out]	buf		buckets
 * \param[in,out] marker	in: start behind this name; out: the last name
 * \param[out]	is_truncated	whether there are more
 */
int ds3_bucket_list(daos_size_t *nbuck, struct ds3_bucket_info *buf, char *marker, bool *is_truncated, ds3_t *ds3,
		    daos_event_t *ev);

/** Creates a bucket; attr: how its container is made, or NULL. -EEXIST. */
int ds3_bucket_create(const char *name, struct ds3_bucket_info *info, dfs_attr_t *attr, ds3_t *ds3, daos_event_t *ev);

/** Destroys a bucket; force: with what is in it. -ENOTEMPTY. */
int ds3_bucket_destroy(const char *name, bool force, ds3_t *ds3, daos_event_t *ev);
int ds3_bucket_open(const char *name, ds3_bucket_t **ds3b, ds3_t *ds3, daos_event_t *ev);
int ds3_bucket_close(ds3_bucket_t *ds3b, daos_event_t *ev);
int ds3_bucket_get_info(struct ds3_bucket_info *info, ds3_bucket_t *ds3b, daos_event_t *ev);
int ds3_bucket_set_info(struct ds3_bucket_info *info, ds3_bucket_t *ds3b, daos_event_t *ev);

/* ---- objects ------------------------------------------------------------------------------------------------- */

/**
 * Lists objects in the order of their keys.
 *
 * \param[in,out] nobj		in: room in objs; out: objects returned
 * \param[out]	objs		objects
 * \param[in,out] ncp		in: room in cps; out: common prefixes returned
 * \param[out]	cps		what keys have in common up to delim behind prefix
 * \param[in]	prefix		only keys that start so; or NULL
 * \param[in]	delim		"/" or NULL
 * \param[in,out] marker	in: start behind this key; out: the last key
 * \param[in]	list_versions	all instances, not only the latest
 * \param[out]	is_truncated	whether there are more
 */
int ds3_bucket_list_obj(uint32_t *nobj, struct ds3_object_info *objs, uint32_t *ncp, struct ds3_common_prefix_info *cps,
			const char *prefix, const char *delim, char *marker, bool list_versions, bool *is_truncated,
			ds3_bucket_t *ds3b);

int ds3_obj_create(const char *key, ds3_obj_t **ds3o, ds3_bucket_t *ds3b);
int ds3_obj_open(const char *key, ds3_obj_t **ds3o, ds3_bucket_t *ds3b);
int ds3_obj_close(ds3_obj_t *ds3o);
int ds3_obj_get_info(struct ds3_object_info *info, ds3_bucket_t *ds3b, ds3_obj_t *ds3o);
int ds3_obj_set_info(struct ds3_object_info *info, ds3_bucket_t *ds3b, ds3_obj_t *ds3o);

/** size: in: bytes to read or write; out: bytes done. */
int ds3_obj_read(void *buf, daos_off_t off, daos_size_t *size, ds3_bucket_t *ds3b, ds3_obj_t *ds3o, daos_event_t *ev);
int ds3_obj_destroy(const char *key, ds3_bucket_t *ds3b);
int ds3_obj_write(void *buf, daos_off_t off, daos_size_t *size, ds3_bucket_t *ds3b, ds3_obj_t *ds3o, daos_event_t *ev);

/** Makes this instance ("name[instance]") the latest one. */
int ds3_obj_mark_latest(const char *key, ds3_bucket_t *ds3b);

/* ---- uploads in parts ---------------------------------------------------------------------------------------- */

/** Lists pending uploads; as ds3_bucket_list_obj(). */
int ds3_bucket_list_multipart(const char *bucket_name, uint32_t *nmp, struct ds3_multipart_upload_info *mps,
			      uint32_t *ncp, struct ds3_common_prefix_info *cps, const char *prefix, const char *delim,
			      char *marker, bool *is_truncated, ds3_t *ds3);

/** Lists the parts of an upload behind number *marker, in their order. */
int ds3_upload_list_parts(const char *bucket_name, const char *upload_id, uint32_t *npart,
			  struct ds3_multipart_part_info *parts, uint32_t *marker, bool *is_truncated, ds3_t *ds3);

int ds3_upload_init(struct ds3_multipart_upload_info *info, const char *bucket_name, ds3_t *ds3);
int ds3_upload_remove(const char *bucket_name, const char *upload_id, ds3_t *ds3);
int ds3_upload_get_info(struct ds3_multipart_upload_info *info, const char *bucket_name, const char *upload_id,
			ds3_t *ds3);

int ds3_part_open(const char *bucket_name, const char *upload_id, uint64_t part_num, bool truncate, ds3_part_t **ds3p,
		  ds3_t *ds3);
int ds3_part_close(ds3_part_t *ds3p);

/** size: in: bytes to read or write; out: bytes done. */
int ds3_part_write(void *buf, daos_off_t off, daos_size_t *size, ds3_part_t *ds3p, ds3_t *ds3, daos_event_t *ev);
int ds3_part_read(void *buf, daos_off_t off, daos_size_t *size, ds3_part_t *ds3p, ds3_t *ds3, daos_event_t *ev);
int ds3_part_set_info(struct ds3_multipart_part_info *info, ds3_part_t *ds3p, ds3_t *ds3, daos_event_t *ev);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
