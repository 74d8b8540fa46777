/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that programs hand to the public libraries: ranks, properties, entries of access control lists, classes. */
#include <daos.h>
#include <daos_prop.h>
#include <daos_security.h>
#include <gurt/common.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_acl(const char *text)
{
	enum daos_acl_principal_type type;
	const char *list[2] = {text, "A::OWNER@:rw"};
	struct daos_ace *ace, *again;
	struct daos_acl *acl;
	char buf[1024], *name, **strs;
	size_t nr;

	if (daos_ace_from_str(text, &ace) == 0) {
		D_ASSERT(daos_ace_is_valid(ace));
		if (daos_ace_to_str(ace, buf, sizeof(buf)) == 0) {
			D_ASSERT(daos_ace_from_str(buf, &again) == 0 && daos_ace_get_size(ace) == daos_ace_get_size(again));
			daos_ace_free(again);
		}
		(void)daos_ace_to_str(ace, buf, 7);
		daos_ace_free(ace);
	}
	(void)daos_ace_str_get_verbose(text, buf, sizeof(buf));
	if (daos_acl_principal_from_str(text, &type, &name) == 0)
		free(name);
	if (daos_acl_from_strs(list, 2, &acl) == 0) {
		D_ASSERT(daos_acl_validate(acl) == 0);
		if (daos_acl_to_strs(acl, &strs, &nr) == 0) {
			for (size_t i = 0; i < nr; i++)
				free(strs[i]);
			free(strs);
		}
		daos_acl_free(acl);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const separators[] = {",", "_", ":,", ""};
	char *text = malloc(size + 1), name[64];
	d_rank_list_t *ranks;
	daos_prop_t *prop;

	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < sizeof(separators) / sizeof(separators[0]); i++) {
		ranks = daos_rank_list_parse(text, separators[i]);
		if (ranks != NULL)
			d_rank_list_free(ranks);
	}
	if (daos_prop_from_str(text, size, &prop) == 0)
		daos_prop_free(prop);
	try_acl(text);
	if (daos_oclass_name2id(text) > 0)
		D_ASSERT(daos_oclass_id2name((daos_oclass_id_t)daos_oclass_name2id(text), name) == 0);
	(void)daos_label_is_valid(text);
	free(text);
	return 0;
}
