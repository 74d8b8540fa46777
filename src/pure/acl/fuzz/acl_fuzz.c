/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses: a structure in memory, packed bytes, or a file. What is accepted must survive a round trip. */
#include "base/mem_test.h"
#include "pure/acl/acl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
round_trips(struct mem *mem, const struct daos_acl *acl)
{
	struct daos_acl *again;
	struct unpacker unpacker;
	struct packer packer;
	struct strbuf text;
	void *bytes;
	size_t len;

	ASSERT(acl_check(acl, acl_size(acl)) == 0);
	packer_init_grow(&packer, mem);
	acl_pack(&packer, acl);
	ASSERT(packer_take(&packer, &bytes, &len) == 0);
	unpacker_init(&unpacker, bytes, len);
	again = acl_unpack(mem, &unpacker);
	ASSERT(again != NULL && unpacker_finish(&unpacker) == 0 && acl_equal(acl, again));
	mem_free(mem, again);
	mem_free(mem, bytes);
	strbuf_init(&text, mem);
	if (acl_print(acl, NULL, NULL, true, &text) == 0) {
		ASSERT(acl_parse(mem, strbuf_text(&text), text.len, &again, NULL) == 0 && acl_equal(acl, again));
		mem_free(mem, again);
	}
	strbuf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct daos_acl *acl = NULL;
	struct unpacker unpacker;
	struct mem_test test;

	mem_test_init(&test);
	if (size > 0 && data[0] % 3 == 0) {
		acl = mem_alloc(&test.mem, size - 1);
		memcpy(acl, data + 1, size - 1);
		if (acl_check(acl, size - 1) == 0)
			round_trips(&test.mem, acl);
	} else if (size > 0 && data[0] % 3 == 1) {
		unpacker_init(&unpacker, data + 1, size - 1);
		acl = acl_unpack(&test.mem, &unpacker);
		if (acl != NULL)
			round_trips(&test.mem, acl);
	} else if (size > 0) {
		if (acl_parse(&test.mem, (const char *)data + 1, size - 1, &acl, NULL) != 0)
			acl = NULL;
		else
			round_trips(&test.mem, acl);
	}
	mem_free(&test.mem, acl);
	ASSERT(test.outstanding == 0);
	return 0;
}
