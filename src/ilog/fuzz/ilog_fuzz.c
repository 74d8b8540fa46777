/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes as the root and array of a log: every call must end, with or without an error, and the heap must be what
 * it was once the body is undone. Input: flags, root, entries, then operations.
 */
#include <stdlib.h>
#include "base/mem_test.h"
#include "ilog/ilog.h"

#define ENTRIES 64U

struct fuzz {
	const uint8_t *data;
	size_t left;
};

static void
take(struct fuzz *fuzz, void *to, size_t len)
{
	size_t have = MIN(len, fuzz->left);

	memset(to, 0, len);
	memcpy(to, fuzz->data, have);
	fuzz->data += have;
	fuzz->left -= have;
}

static uint8_t
take_byte(struct fuzz *fuzz)
{
	uint8_t byte;

	take(fuzz, &byte, 1);
	return byte;
}

static int
visible(void *arg, const struct ilog_entry *entry)
{
	return (int)(entry->dtx % 3) - 1;
}

static void
use(struct ilog *log, struct fuzz *fuzz)
{
	struct ilog_entry entry = {0};
	struct ilog_state state;
	const struct ilog_entry *entries;
	uint64_t snapshots[2];
	uint32_t i, nr;
	bool empty;

	ilog_check(log);
	for (i = 0; i < 16; i++) {
		uint8_t op = take_byte(fuzz);

		entry.epoch = take_byte(fuzz);
		entry.minor = op >> 6;
		entry.punch = op >> 5 & 1;
		entry.dtx = op >> 3 & 3;
		switch (op % 8) {
		case 0:
			entries = ilog_entries(log, &nr);
			if (entries != NULL)
				ilog_state(entries, nr, entry.epoch, entry.minor, entry.epoch + 3, visible, NULL, &state);
			break;
		case 1:
			ilog_commit(log, entry.dtx);
			break;
		case 2:
			ilog_abort(log, entry.dtx);
			break;
		case 3:
			take(fuzz, snapshots, sizeof(snapshots));
			ilog_aggregate(log, take_byte(fuzz), entry.epoch, snapshots, 2, &empty);
			break;
		case 4:
			ilog_destroy(log);
			break;
		default:
			ilog_add(log, &entry, op >> 7);
		}
	}
	ilog_check(log);
}

static int
body(struct umem *heap, void *arg)
{
	struct fuzz *fuzz = arg;
	struct ilog log = {.heap = heap, .root = umem_root(heap)};
	struct ilog_root *root = umem_touch(heap, log.root, sizeof(*root));
	uint8_t flags = take_byte(fuzz);

	take(fuzz, root, sizeof(*root));
	if (flags & 1) {
		root->array = umem_alloc(heap, ENTRIES * sizeof(struct ilog_entry));
		root->nr = (flags & 2) ? 2 + root->nr % (ENTRIES - 1) : root->nr;
		take(fuzz, umem_at(heap, root->array), ENTRIES * sizeof(struct ilog_entry));
	}
	use(&log, fuzz);
	return -DER_MISC;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mem_test mem;
	static struct env env;
	static struct umem *heap;
	struct umem_config config = {.env = &env, .heap_size = 1 * MIB, .name = "fuzz"};
	struct fuzz fuzz = {data, size};
	struct umem_space space;
	int rc;

	if (heap == NULL) {
		mem_test_init(&mem);
		env.mem = &mem.mem;
		if (umem_open(&config, &heap) != 0)
			abort();
	}
	rc = umem_write(heap, 0, body, &fuzz, NULL);
	umem_space(heap, &space);
	if ((rc != -DER_MISC && rc != -DER_DF_INVAL) || space.used != 0)
		abort();
	return 0;
}
