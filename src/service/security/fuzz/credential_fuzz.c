/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens as clients hand them in: parsed as if the signature was right, and with a signature that cannot be. */
#include "base/mem_test.h"
#include "../internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look(const struct security_identity *who)
{
	ASSERT(strchr(who->user, '@') != NULL && strchr(who->group, '@') != NULL && who->machine != NULL);
	ASSERT(who->group_nr <= SECURITY_GROUPS_MAX);
	for (uint32_t i = 0; i < who->group_nr; i++)
		ASSERT(strlen(who->groups[i]) <= DAOS_ACL_MAX_PRINCIPAL_LEN);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t pub[SECURITY_KEY_LEN] = {1};
	struct security_identity *who;
	struct mem_test mem;
	struct arena arena;

	mem_test_init(&mem);
	arena_init(&arena, &mem.mem);
	if (security__cred_parse(data, size, &arena, &who) == 0) {
		look(who);
		ASSERT(security_cred_check(data, size, pub, 0, &arena, &who) != 0);
	}
	arena_fini(&arena);
	ASSERT(mem.outstanding == 0);
	return 0;
}
