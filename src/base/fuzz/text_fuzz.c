/* SPDX-License-Identifier: Apache-2.0 */
/* Every parser of base/text; what one accepts must read the same again after printing. */
#include "base/mem_test.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_ranks(struct mem *mem, const char *text)
{
	uint32_t *ranks, *again, nr, again_nr;
	struct strbuf buf;

	if (text_parse_ranks(mem, text, 5000, &ranks, &nr) != 0)
		return;
	strbuf_init(&buf, mem);
	text_print_ranks(&buf, ranks, nr);
	ASSERT(text_parse_ranks(mem, strbuf_text(&buf), 5000, &again, &again_nr) == 0);
	ASSERT(nr == again_nr && (nr == 0 || memcmp(ranks, again, nr * sizeof(*ranks)) == 0));
	strbuf_fini(&buf);
	mem_free(mem, ranks);
	mem_free(mem, again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char uuid[16], uuid_again[16];
	char buf[TEXT_UUID_SIZE], duration[TEXT_DURATION_MAX];
	struct mem_test test;
	uint64_t value, value_again;
	uint32_t percent;
	int64_t with_sign;
	char *text;

	mem_test_init(&test);
	text = mem_strndup(&test.mem, (const char *)data, size);
	text_parse_u64(text, &value);
	text_parse_i64(text, &with_sign);
	text_parse_size(text, &value);
	text_parse_percent(text, &percent);
	text_parse_share(text, 12345, &value);
	text_label_is_valid(text);
	if (text_parse_duration(text, &value) == 0)
		ASSERT(text_parse_duration(text_print_duration(duration, value), &value_again) == 0 && value == value_again);
	if (text_parse_uuid(text, uuid) == 0)
		ASSERT(text_parse_uuid(text_print_uuid(buf, uuid), uuid_again) == 0 && memcmp(uuid, uuid_again, 16) == 0);
	try_ranks(&test.mem, text);
	mem_free(&test.mem, text);
	ASSERT(test.outstanding == 0);
	return 0;
}
