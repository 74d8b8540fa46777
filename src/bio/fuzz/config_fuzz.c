/* SPDX-License-Identifier: Apache-2.0 */
/* bio's device list: any bytes give a list or an error, and what is listed is well formed. */
#include "base/mem_test.h"
#include "bio/bio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bio_dev_config *devs = NULL;
	struct mem_test mem;
	char *copy = malloc(size + 1);
	int nr = 0;

	/* A copy of the exact size: reading beyond it is seen. */
	memcpy(copy, data, size);
	copy = realloc(copy, size != 0 ? size : 1);
	mem_test_init(&mem);
	if (bio_config_parse(&mem.mem, copy, size, &devs, &nr) == 0) {
		ASSERT(nr >= 0 && nr <= BIO_DEV_MAX);
		for (int i = 0; i < nr; i++)
			ASSERT(devs[i].path[0] == '/' && strlen(devs[i].path) < 256 && devs[i].roles < 8);
		mem_free(&mem.mem, devs);
	}
	ASSERT(mem.outstanding == 0);
	free(copy);
	return 0;
}
