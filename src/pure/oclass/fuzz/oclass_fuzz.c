/* SPDX-License-Identifier: Apache-2.0 */
/* Names and numbers from anywhere. */
#include "base/mem_test.h"
#include "pure/oclass/oclass.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[MAX_OBJ_CLASS_NAME_LEN + 1];
	struct oclass_want want = {0};
	struct mem_test test;
	daos_obj_id_t oid = {0};
	daos_oclass_id_t id;
	char *text;

	mem_test_init(&test);
	text = mem_strndup(&test.mem, (const char *)data, size);
	id = oclass_parse(text);
	ASSERT(id == OC_UNKNOWN || (oclass_print(id, name) == 0 && strcmp(name, text) == 0));
	mem_free(&test.mem, text);
	memcpy(&oid, data, MIN(size, sizeof(oid)));
	if (oclass_oid_is_valid(oid))
		ASSERT(oclass_print(daos_obj_id2class(oid), name) == 0);
	memcpy(&want, data, MIN(size, sizeof(want)));
	if (oclass_choose(&want, &id) == 0)
		ASSERT(oclass_print(id, name) == 0);
	return 0;
}
