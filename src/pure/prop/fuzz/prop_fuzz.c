/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses: packed bytes, or text of pools or containers. What is accepted must survive a round trip. */
#include "base/mem_test.h"
#include "pure/prop/prop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
round_trip(struct mem *mem, const daos_prop_t *list)
{
	struct unpacker unpacker;
	struct packer packer;
	daos_prop_t *again;
	struct strbuf text;
	void *bytes;
	size_t len;

	packer_init_grow(&packer, mem);
	prop_list_pack(&packer, list);
	ASSERT(packer_take(&packer, &bytes, &len) == 0);
	unpacker_init(&unpacker, bytes, len);
	again = prop_list_unpack(mem, &unpacker);
	ASSERT(again != NULL && unpacker_finish(&unpacker) == 0 && again->dpp_nr == list->dpp_nr);
	strbuf_init(&text, mem);
	for (uint32_t i = 0; i < list->dpp_nr; i++) {
		ASSERT(prop_equal(&list->dpp_entries[i], &again->dpp_entries[i]));
		prop_print(&list->dpp_entries[i], &text);
	}
	strbuf_fini(&text);
	prop_list_free(mem, again);
	mem_free(mem, bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unpacker unpacker;
	struct mem_test test;
	daos_prop_t *list = NULL;

	if (size == 0)
		return 0;
	mem_test_init(&test);
	if (data[0] % 2 == 0) {
		unpacker_init(&unpacker, data + 1, size - 1);
		list = prop_list_unpack(&test.mem, &unpacker);
	} else {
		struct text_span text = {.at = (const char *)data + 1, .len = size - 1};

		if (prop_list_parse(&test.mem, data[0] & 2 ? PROP_POOL : PROP_CONT, 0, text, data[0] & 4 ? ';' : ',', &list) != 0)
			list = NULL;
	}
	if (list != NULL)
		round_trip(&test.mem, list);
	prop_list_free(&test.mem, list);
	ASSERT(test.outstanding == 0);
	return 0;
}
