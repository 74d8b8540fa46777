/* SPDX-License-Identifier: Apache-2.0 */
/* What an access control list gives to an identity, and whether that is enough. Pure; nothing yields. */
#include "internal.h"

#include "pure/acl/acl.h"

static struct acl_who
who_asks(const char *owner, const char *group, const struct security_identity *who, const char **groups)
{
	uint32_t nr = 0;

	groups[nr++] = who->group;
	for (uint32_t i = 0; i < who->group_nr && nr < SECURITY_GROUPS_MAX; i++)
		groups[nr++] = who->groups[i];
	return (struct acl_who){.user = who->user, .groups = groups, .group_nr = nr, .owner = owner, .owner_group = group};
}

uint64_t
security_pool_rights(const struct daos_acl *acl, const char *owner, const char *group, const struct security_identity *who)
{
	const char *groups[SECURITY_GROUPS_MAX];
	struct acl_who asks = who_asks(owner, group, who, groups);

	return acl_perms_pool(acl, &asks);
}

uint64_t
security_cont_rights(const struct daos_acl *acl, const char *owner, const char *group, const struct security_identity *who)
{
	const char *groups[SECURITY_GROUPS_MAX];
	struct acl_who asks = who_asks(owner, group, who, groups);

	return acl_perms_cont(acl, &asks);
}

int
security_pool_allows(uint64_t rights, uint32_t flags)
{
	if ((flags & (DAOS_PC_RW | DAOS_PC_EX)) != 0)
		return acl_pool_can_read(rights) && (acl_pool_can_create_cont(rights) || acl_pool_can_delete_cont(rights)) ? 0 : -DER_NO_PERM;
	return acl_pool_can_read(rights) ? 0 : -DER_NO_PERM;
}

int
security_cont_allows(uint64_t rights, uint32_t flags)
{
	uint64_t read = DAOS_ACL_PERM_READ | DAOS_ACL_PERM_GET_PROP | DAOS_ACL_PERM_GET_ACL;
	uint64_t write = DAOS_ACL_PERM_WRITE | DAOS_ACL_PERM_SET_PROP | DAOS_ACL_PERM_SET_ACL | DAOS_ACL_PERM_SET_OWNER | DAOS_ACL_PERM_DEL_CONT;

	if ((flags & (SECURITY_CONT_RW | SECURITY_CONT_EX)) != 0)
		return (rights & write) != 0 ? 0 : -DER_NO_PERM;
	return (rights & (read | write)) != 0 ? 0 : -DER_NO_PERM;
}
