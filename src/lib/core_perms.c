/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdaos: what a user of this system may do with a pool or container, by the properties that were queried.
 */
#include <daos_cont.h>
#include <daos_pool.h>
#include "pure/acl/acl.h"
#include "pure/prop/prop.h"
#include "heap.h"

/** The properties that decide, by class. */
struct deciding {
	uint32_t acl, owner, owner_group;
	uint64_t (*perms)(const struct daos_acl *acl, const struct acl_who *who);
};

static const struct deciding pool_deciding = {
	.acl = DAOS_PROP_PO_ACL,
	.owner = DAOS_PROP_PO_OWNER,
	.owner_group = DAOS_PROP_PO_OWNER_GROUP,
	.perms = acl_perms_pool,
};
static const struct deciding cont_deciding = {
	.acl = DAOS_PROP_CO_ACL,
	.owner = DAOS_PROP_CO_OWNER,
	.owner_group = DAOS_PROP_CO_OWNER_GROUP,
	.perms = acl_perms_cont,
};

static void
free_names(char **names, size_t nr)
{
	while (nr > 0)
		mem_free(lib__heap(), names[--nr]);
	mem_free(lib__heap(), names);
}

/** Groups that the system does not know match nothing: they are left out. */
static int
group_names(const gid_t *gids, size_t nr, char ***names, size_t *names_nr)
{
	size_t i;
	int rc;

	*names_nr = 0;
	*names = MEM_NEW_ARRAY(lib__heap(), char *, nr + 1);
	if (*names == NULL)
		return -DER_NOMEM;
	for (i = 0; i < nr; i++) {
		rc = daos_acl_gid_to_principal(gids[i], &(*names)[*names_nr]);
		if (rc == 0) {
			(*names_nr)++;
		} else if (rc != -DER_NONEXIST) {
			free_names(*names, *names_nr);
			return rc;
		}
	}
	return 0;
}

static int
get_perms(const struct deciding *by, daos_prop_t *prop, uid_t uid, gid_t *gids, size_t nr_gids, uint64_t *perms)
{
	const struct daos_prop_entry *acl = prop_list_find(prop, by->acl), *owner = prop_list_find(prop, by->owner),
				     *owner_group = prop_list_find(prop, by->owner_group);
	struct acl_who who;
	char *user, **groups;
	size_t groups_nr;
	int rc;

	if (acl == NULL || owner == NULL || owner_group == NULL || perms == NULL || (gids == NULL && nr_gids > 0) ||
	    owner->dpe_str == NULL || owner_group->dpe_str == NULL)
		return -DER_INVAL;
	if (acl->dpe_val_ptr != NULL && acl_check(acl->dpe_val_ptr, acl_size(acl->dpe_val_ptr)) != 0)
		return -DER_INVAL;
	rc = daos_acl_uid_to_principal(uid, &user);
	if (rc != 0)
		return rc;
	rc = group_names(gids, nr_gids, &groups, &groups_nr);
	if (rc == 0) {
		who = (struct acl_who){.user = user, .groups = (const char *const *)groups, .group_nr = groups_nr,
				       .owner = owner->dpe_str, .owner_group = owner_group->dpe_str};
		*perms = by->perms(acl->dpe_val_ptr, &who);
		free_names(groups, groups_nr);
	}
	mem_free(lib__heap(), user);
	return rc;
}

int
daos_pool_get_perms(daos_prop_t *pool_prop, uid_t uid, gid_t *gids, size_t nr_gids, uint64_t *perms)
{
	return get_perms(&pool_deciding, pool_prop, uid, gids, nr_gids, perms);
}

int
daos_cont_get_perms(daos_prop_t *cont_prop, uid_t uid, gid_t *gids, size_t nr_gids, uint64_t *perms)
{
	return get_perms(&cont_deciding, cont_prop, uid, gids, nr_gids, perms);
}
