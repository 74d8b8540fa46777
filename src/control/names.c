/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users and groups by number, from the system's database (NSS), which has no seam: it is libraries that the administrator chose. The one
 * file of this room that asks the machine; the simulator hands in its own control_identify. May block, as NSS may.
 */
#include "internal.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

enum { ENTRY_MAX = 64 * 1024 };

static const char *
principal(struct arena *arena, const char *name, uint32_t number)
{
	char text[300];

	if (name != NULL && name[0] != '\0' && strlen(name) < 256)
		snprintf(text, sizeof(text), "%s@", name);
	else
		snprintf(text, sizeof(text), "%u@", number);
	return arena_dup(arena, text, strlen(text) + 1);
}

static const char *
group_name(struct arena *arena, gid_t gid, char *entry)
{
	struct group group, *found = NULL;

	if (getgrgid_r(gid, &group, entry, ENTRY_MAX, &found) != 0)
		found = NULL;
	return principal(arena, found != NULL ? found->gr_name : NULL, gid);
}

int
control_identify_system(struct arena *arena, uint32_t uid, uint32_t gid, struct control_identity *identity)
{
	char *entry = arena_alloc(arena, ENTRY_MAX), *group_entry = arena_alloc(arena, ENTRY_MAX);
	gid_t *gids = ARENA_NEW_ARRAY(arena, gid_t, SECURITY_GROUPS_MAX);
	struct passwd user, *found = NULL;
	int nr = SECURITY_GROUPS_MAX;
	const char **groups;

	if (entry == NULL || group_entry == NULL || gids == NULL)
		return -DER_NOMEM;
	if (getpwuid_r(uid, &user, entry, ENTRY_MAX, &found) != 0)
		found = NULL;
	/* -1: more than there is room for; the first ones count. */
	if (found == NULL)
		nr = 0;
	else if (getgrouplist(found->pw_name, gid, gids, &nr) < 0)
		nr = MIN(nr, (int)SECURITY_GROUPS_MAX);
	identity->user = principal(arena, found != NULL ? found->pw_name : NULL, uid);
	identity->group = group_name(arena, gid, group_entry);
	groups = ARENA_NEW_ARRAY(arena, const char *, nr + 1);
	if (identity->user == NULL || identity->group == NULL || groups == NULL)
		return -DER_NOMEM;
	identity->group_nr = 0;
	for (int i = 0; i < nr; i++) {
		if (gids[i] == gid)
			continue;
		groups[identity->group_nr] = group_name(arena, gids[i], group_entry);
		if (groups[identity->group_nr++] == NULL)
			return -DER_NOMEM;
	}
	identity->groups = groups;
	return 0;
}
