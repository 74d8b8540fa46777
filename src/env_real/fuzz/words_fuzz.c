/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of the network and the words of the log's environment variables. An address that is read is printed and read the same. */
#include <stdlib.h>
#include <string.h>
#include "../conn.h"
#include "../logmask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct logmask_words words = {0};
	struct net_addr addr, again;
	struct logmask mask;
	enum log_level level;
	char text[256];
	uint64_t bytes;
	char *word = malloc(size + 1);

	memcpy(word, data, size);
	word[size] = '\0';
	if (real__addr_parse(word, &addr) == 0) {
		real__addr_print(&addr, text, sizeof(text));
		ASSERT(real__addr_parse(text, &again) == 0 && addr.len == again.len && memcmp(&addr.any, &again.any, addr.len) == 0);
	}
	logmask_init(&mask);
	(void)logmask_set_levels(&mask, word);
	(void)logmask_level(&mask, word);
	(void)logmask_set_words(&words, word);
	if (logmask_parse_level(data != NULL ? (const char *)data : "", size, &level) == 0)
		ASSERT(logmask_level_name(level) != NULL);
	(void)logmask_parse_size(word, &bytes);
	free(word);
	return 0;
}
