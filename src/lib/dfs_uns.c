/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of another file system that stand for containers: daos_uns.h. An entry carries the extended attribute user.daos; resolving
 * walks from a path upwards to the first entry that has it. Nothing yields; a crash while creating leaves a container without
 * an entry, which `daos container list` shows.
 */
#include "dfs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/xattr.h>
#include <uuid/uuid.h>
#include <daos_uns.h>

#define SCHEME "daos://"
#define TEXT_BEGIN "DAOS."

static const struct {
	const char *text;
	uint16_t type;
} layouts[] = { /* a number's first text is written, all are read */
	{"POSIX", DAOS_PROP_CO_LAYOUT_POSIX},   {"HDF5", DAOS_PROP_CO_LAYOUT_HDF5},       {"PYTHON", DAOS_PROP_CO_LAYOUT_PYTHON},
	{"SPARK", DAOS_PROP_CO_LAYOUT_SPARK},   {"DATABASE", DAOS_PROP_CO_LAYOUT_DATABASE}, {"ROOT", DAOS_PROP_CO_LAYOUT_ROOT},
	{"SEISMIC", DAOS_PROP_CO_LAYOUT_SEISMIC}, {"METEO", DAOS_PROP_CO_LAYOUT_METEO},   {"unknown", DAOS_PROP_CO_LAYOUT_UNKNOWN},
	{"DB", DAOS_PROP_CO_LAYOUT_DATABASE},   {"RNTuple", DAOS_PROP_CO_LAYOUT_ROOT},    {"DSG", DAOS_PROP_CO_LAYOUT_SEISMIC},
	{"FDB", DAOS_PROP_CO_LAYOUT_METEO},
};

static const char *
layout_text(uint64_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		if (layouts[i].type == type)
			return layouts[i].text;
	return "unknown";
}

/* ---- names --------------------------------------------------------------------------------------------------------------------- */
/* The next name of a path: from *at, which goes on behind it. 0: pool and container names fit their fields; EINVAL. */
static int
take_name(const char **at, char *name, size_t room)
{
	size_t len = strcspn(*at, "/");

	if (len == 0 || len >= room)
		return EINVAL;
	memcpy(name, *at, len);
	name[len] = '\0';
	*at += len;
	*at += strspn(*at, "/");
	return 0;
}

/* pool[/container[/rest]] */
static int
take_direct(const char *text, bool uuids, struct duns_attr_t *attr)
{
	const char *at = text;
	int rc = take_name(&at, attr->da_pool, sizeof(attr->da_pool));

	if (rc == 0 && at[0] != '\0')
		rc = take_name(&at, attr->da_cont, sizeof(attr->da_cont));
	else if (rc == 0 && uuids)
		rc = EINVAL;
	if (rc != 0)
		return rc;
	if (uuid_parse(attr->da_pool, attr->da_puuid) != 0) {
		if (uuids || !daos_label_is_valid(attr->da_pool))
			return EINVAL;
		uuid_clear(attr->da_puuid);
	}
	if (attr->da_cont[0] != '\0' && uuid_parse(attr->da_cont, attr->da_cuuid) != 0) {
		if (uuids || !daos_label_is_valid(attr->da_cont))
			return EINVAL;
		uuid_clear(attr->da_cuuid);
	}
	if (at[0] != '\0' && asprintf(&attr->da_rel_path, "/%s", at) < 0) {
		attr->da_rel_path = NULL;
		return ENOMEM;
	}
	return 0;
}

int
duns_parse_attr(char *str, daos_size_t len, struct duns_attr_t *attr)
{
	char text[DUNS_MAX_XATTR_LEN + 1];
	const char *at;
	size_t type_len;

	if (str == NULL || attr == NULL || len == 0 || len > DUNS_MAX_XATTR_LEN)
		return EINVAL;
	memcpy(text, str, len);
	text[len] = '\0';
	if (strncasecmp(text, TEXT_BEGIN, strlen(TEXT_BEGIN)) != 0)
		return EINVAL;
	at = text + strlen(TEXT_BEGIN);
	type_len = strcspn(at, ":");
	if (strncmp(at + type_len, "://", 3) != 0)
		return EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		if (strlen(layouts[i].text) != type_len || strncasecmp(layouts[i].text, at, type_len) != 0)
			continue;
		attr->da_type = layouts[i].type;
		if (take_direct(at + type_len + 3, true, attr) != 0 || attr->da_rel_path != NULL) {
			free(attr->da_rel_path);
			attr->da_rel_path = NULL;
			return EINVAL;
		}
		return 0;
	}
	return EINVAL;
}

int
duns_set_sys_name(struct duns_attr_t *attrp, const char *sys)
{
	char *copy = NULL;

	if (attrp == NULL)
		return EINVAL;
	if (sys != NULL) {
		copy = strdup(sys);
		if (copy == NULL)
			return ENOMEM;
	}
	free(attrp->da_sys);
	attrp->da_sys = copy;
	return 0;
}

void
duns_destroy_attr(struct duns_attr_t *attrp)
{
	if (attrp == NULL)
		return;
	free(attrp->da_sys);
	free(attrp->da_rel_path);
	attrp->da_sys = NULL;
	attrp->da_rel_path = NULL;
}

/* ---- resolving ----------------------------------------------------------------------------------------------------------------- */
/* The attribute of one entry. ENODATA: it has none. */
static int
read_entry(const char *path, struct duns_attr_t *attr)
{
	char text[DUNS_MAX_XATTR_LEN];
	ssize_t len = lgetxattr(path, DUNS_XATTR_NAME, text, sizeof(text));

	if (len < 0)
		return errno == ERANGE ? EINVAL : errno; /* ENOTSUP says that the file system has no such attributes */
	return duns_parse_attr(text, (daos_size_t)len, attr);
}

/* From path upwards. */
static int
find_entry(char *path, bool above, struct duns_attr_t *attr)
{
	char *rest = NULL;
	int rc;

	for (;;) {
		char *slash;

		rc = read_entry(path[0] != '\0' ? path : "/", attr);
		if (rc != ENODATA || path[0] == '\0' || !above)
			break;
		slash = strrchr(path, '/');
		if (slash == NULL)
			break;
		if (rest != NULL)
			*rest = '/';
		rest = slash;
		*slash = '\0';
	}
	if (rc == 0 && rest != NULL && asprintf(&attr->da_rel_path, "/%s", rest + 1) < 0) {
		attr->da_rel_path = NULL;
		rc = ENOMEM;
	}
	return rc;
}

int
duns_resolve_path(const char *path, struct duns_attr_t *attr)
{
	uint32_t flags = attr != NULL ? attr->da_flags | (attr->da_no_prefix ? DUNS_NO_PREFIX : 0) : 0;
	char *real;
	int rc;

	if (path == NULL || path[0] == '\0' || attr == NULL)
		return EINVAL;
	attr->da_rel_path = NULL;
	attr->da_cont[0] = '\0';
	if (strncasecmp(path, SCHEME, strlen(SCHEME)) == 0)
		rc = take_direct(path + strlen(SCHEME), false, attr);
	else if ((flags & (DUNS_NO_PREFIX | DUNS_NO_CHECK_PATH)) != 0)
		rc = take_direct(path + strspn(path, "/"), (flags & DUNS_NO_CHECK_PATH) == 0, attr);
	else
		rc = -1;
	if (rc >= 0) {
		if (rc != 0)
			duns_destroy_attr(attr);
		return rc;
	}
	real = realpath(path, NULL);
	if (real == NULL)
		return errno;
	rc = find_entry(real, (flags & DUNS_NO_REVERSE_LOOKUP) == 0, attr);
	free(real);
	return rc;
}

/* ---- making and removing --------------------------------------------------------------------------------------------------------- */
static int
pool_uuid_of(daos_handle_t poh, char text[DAOS_UUID_STR_SIZE])
{
	daos_pool_info_t info = {0};
	int rc = dfs__verdict(daos_pool_query(poh, NULL, &info, NULL, NULL));

	if (rc == 0)
		uuid_unparse_lower(info.pi_uuid, text);
	return rc;
}

/* The entry, with its attribute, or nothing. */
static int
make_entry(const char *path, uint64_t type, const char *pool, const char *cont)
{
	bool is_dir = type == DAOS_PROP_CO_LAYOUT_POSIX;
	char text[DUNS_MAX_XATTR_LEN];
	int fd, rc = 0;

	if (is_dir) {
		if (mkdir(path, 0775) != 0)
			return errno;
	} else {
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0664);
		if (fd < 0)
			return errno;
		(void)close(fd);
	}
	snprintf(text, sizeof(text), DUNS_XATTR_FMT, layout_text(type), pool, cont);
	if (lsetxattr(path, DUNS_XATTR_NAME, text, strlen(text) + 1, XATTR_CREATE) != 0) {
		rc = errno;
		(void)(is_dir ? rmdir(path) : unlink(path));
	}
	return rc;
}

static int
make_cont(daos_handle_t poh, const struct duns_attr_t *attr, uuid_t uuid)
{
	struct daos_prop_entry layout = {.dpe_type = DAOS_PROP_CO_LAYOUT_TYPE, .dpe_val = attr->da_type};
	dfs_attr_t dfs_attr = {.da_chunk_size = attr->da_chunk_size, .da_oclass_id = attr->da_oclass_id, .da_props = attr->da_props,
			       .da_dir_oclass_id = attr->da_dir_oclass_id, .da_file_oclass_id = attr->da_file_oclass_id};
	daos_prop_t *props;
	uuid_t made;
	int rc;

	if (attr->da_type == DAOS_PROP_CO_LAYOUT_POSIX) {
		memcpy(dfs_attr.da_hints, attr->da_hints, sizeof(dfs_attr.da_hints));
		rc = dfs_cont_create(poh, &made, &dfs_attr, NULL, NULL);
	} else {
		daos_prop_t one = {.dpp_nr = 1, .dpp_entries = &layout};

		props = attr->da_props != NULL ? daos_prop_merge(attr->da_props, &one) : &one;
		if (props == NULL)
			return ENOMEM;
		rc = dfs__verdict(daos_cont_create(poh, &made, props, NULL));
		if (props != &one)
			daos_prop_free(props);
	}
	if (rc == 0)
		uuid_copy(uuid, made);
	return rc;
}

int
duns_create_path(daos_handle_t poh, const char *path, struct duns_attr_t *attrp)
{
	char pool[DAOS_UUID_STR_SIZE], cont[DAOS_UUID_STR_SIZE];
	struct stat st;
	int rc;

	if (path == NULL || path[0] == '\0' || attrp == NULL || attrp->da_type >= DAOS_PROP_CO_LAYOUT_MAX)
		return EINVAL;
	if (lstat(path, &st) == 0)
		return EEXIST;
	rc = errno == ENOENT ? pool_uuid_of(poh, pool) : errno;
	if (rc == 0)
		rc = make_cont(poh, attrp, attrp->da_cuuid);
	if (rc != 0)
		return rc;
	uuid_unparse_lower(attrp->da_cuuid, cont);
	rc = make_entry(path, attrp->da_type, pool, cont);
	if (rc != 0) {
		(void)daos_cont_destroy(poh, cont, 1, NULL);
		return rc;
	}
	(void)uuid_parse(pool, attrp->da_puuid);
	snprintf(attrp->da_pool, sizeof(attrp->da_pool), "%s", pool);
	snprintf(attrp->da_cont, sizeof(attrp->da_cont), "%s", cont);
	return 0;
}

int
duns_link_cont(daos_handle_t poh, const char *cont, const char *path)
{
	char pool[DAOS_UUID_STR_SIZE], uuid[DAOS_UUID_STR_SIZE];
	struct daos_prop_entry layout = {.dpe_type = DAOS_PROP_CO_LAYOUT_TYPE};
	daos_prop_t props = {.dpp_nr = 1, .dpp_entries = &layout};
	daos_cont_info_t info = {0};
	daos_handle_t coh;
	int rc, more;

	if (cont == NULL || path == NULL || path[0] == '\0')
		return EINVAL;
	rc = pool_uuid_of(poh, pool);
	if (rc == 0)
		rc = dfs__verdict(daos_cont_open(poh, cont, DAOS_COO_RO, &coh, &info, NULL));
	if (rc != 0)
		return rc;
	rc = dfs__verdict(daos_cont_query(coh, &info, &props, NULL));
	more = dfs__verdict(daos_cont_close(coh, NULL));
	if (rc != 0 || more != 0)
		return rc != 0 ? rc : more;
	uuid_unparse_lower(info.ci_uuid, uuid);
	return make_entry(path, layout.dpe_val, pool, uuid);
}

int
duns_destroy_path(daos_handle_t poh, const char *path)
{
	struct duns_attr_t attr = {.da_flags = DUNS_NO_REVERSE_LOOKUP};
	int rc = path != NULL ? duns_resolve_path(path, &attr) : EINVAL;

	if (rc != 0)
		return rc;
	rc = attr.da_cont[0] != '\0' ? dfs__verdict(daos_cont_destroy(poh, attr.da_cont, 1, NULL)) : EINVAL;
	duns_destroy_attr(&attr);
	if (rc != 0 && rc != ENOENT) /* a destroyed container's entry goes too */
		return rc;
	if (attr.da_type == DAOS_PROP_CO_LAYOUT_POSIX)
		rc = rmdir(path) == 0 ? 0 : errno;
	else
		rc = unlink(path) == 0 ? 0 : errno;
	return rc;
}
