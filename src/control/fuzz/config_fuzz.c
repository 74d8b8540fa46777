/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile YAML: both kinds of configuration. */
#include <stdlib.h>
#include "control/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void *
plain_alloc(struct mem *mem, size_t size, size_t align, const void *site)
{
	return aligned_alloc(MAX(align, (size_t)16), ALIGN_UP(size, MAX(align, (size_t)16)));
}

static void
plain_free(struct mem *mem, void *ptr)
{
	free(ptr);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct mem mem = {.alloc = plain_alloc, .free = plain_free};
	struct control_config *config;
	struct strbuf error;
	struct arena arena;
	char words[2048];

	if (len == 0 || len > 65536)
		return 0;
	arena_init(&arena, &mem);
	strbuf_init_fixed(&error, words, sizeof(words));
	if (data[0] % 4 == 0)
		control_tool_config_check((const char *)data + 1, len - 1, &arena, &error);
	else if (control_config_parse((const char *)data + 1, len - 1, data[0] % 4 == 1 ? NULL : "/tmp/x", &arena, &error, &config) == 0)
		control_config_check(config, &error);
	arena_fini(&arena);
	return 0;
}
