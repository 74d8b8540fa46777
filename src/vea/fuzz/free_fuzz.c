/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocator whose root and free extents somebody wrote by hand: loading, checking, reserving, publishing and freeing ends with an
 * error or works. Input: records of 4 bytes: a byte of the root is changed, or an extent joins or leaves the tree of free ones.
 */
#include <stdlib.h>
#include "base/mem_test.h"
#include "btree/btree.h"
#include "vea/vea.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCKS = 1000 };

struct fuzz {
	const uint8_t *data;
	size_t size;
	struct umem *heap;
	umem_off_t root;
	struct vea *vea;
	struct vea_extent extent;
	uint64_t block;
	uint32_t nr;
};

static const struct btree_class free_class = {.features = BTREE_INTEGER, .hkey_size = 8};
static const struct btree_registry registry = {.classes = {&free_class}};

static int
body_make(struct umem *heap, void *arg)
{
	struct fuzz *fuzz = arg;

	return vea_format(heap, fuzz->root, BLOCKS, 1);
}

static int
body_spoil(struct umem *heap, void *arg)
{
	struct fuzz *fuzz = arg;
	struct btree tree = {.heap = heap, .registry = &registry, .root = fuzz->root + offsetof(struct vea_root, tree)};
	uint8_t *root = umem_touch(heap, fuzz->root, sizeof(struct vea_root));
	const uint8_t *data = fuzz->data;
	size_t size = fuzz->size;

	for (; size >= 4; size -= 4, data += 4) {
		uint64_t key = (uint64_t)data[1] * 5, value = (uint64_t)data[2] | (uint64_t)data[3] << 8;

		if (data[0] % 3 == 1)
			(void)btree_insert(&tree, &key, sizeof(key), value, NULL);
		else if (data[0] % 3 == 2)
			(void)btree_remove(&tree, &key, sizeof(key), NULL);
		else
			root[data[1] % sizeof(struct vea_root)] = data[2];
	}
	return 0;
}

static int
body_publish(struct umem *heap, void *arg)
{
	struct fuzz *fuzz = arg;

	return vea_publish(fuzz->vea, &fuzz->extent);
}

static int
body_free(struct umem *heap, void *arg)
{
	struct fuzz *fuzz = arg;

	return vea_free(fuzz->vea, fuzz->block, fuzz->nr);
}

static void
use(struct fuzz *fuzz)
{
	struct vea_space space;

	(void)vea_check(fuzz->vea);
	vea_space(fuzz->vea, &space);
	ASSERT(space.free <= space.total);
	for (uint32_t i = 1; i < 24; i++) {
		if (vea_reserve(fuzz->vea, i * i, NULL, i % 2, &fuzz->extent) == 0 &&
		    (i % 3 == 0 || umem_write(fuzz->heap, 0, body_publish, fuzz, NULL) != 0))
			vea_cancel(fuzz->vea, &fuzz->extent);
		fuzz->block = i * 31 % BLOCKS;
		fuzz->nr = i;
		(void)umem_write(fuzz->heap, 0, body_free, fuzz, NULL);
	}
	(void)vea_check(fuzz->vea);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = {.data = data, .size = size};
	struct mem_test mem;
	struct env env = {0};
	struct umem_config config = {.env = &env, .heap_size = 1 * MIB, .name = "fuzz"};

	mem_test_init(&mem);
	env.mem = &mem.mem;
	ASSERT(umem_open(&config, &fuzz.heap) == 0);
	fuzz.root = umem_root(fuzz.heap);
	ASSERT(umem_write(fuzz.heap, 0, body_make, &fuzz, NULL) == 0);
	(void)umem_write(fuzz.heap, 0, body_spoil, &fuzz, NULL); /* a tree that damage made useless undoes the body */
	if (vea_load(&mem.mem, fuzz.heap, fuzz.root, &fuzz.vea) == 0) {
		use(&fuzz);
		vea_unload(fuzz.vea);
	}
	umem_close(fuzz.heap);
	ASSERT(mem.outstanding == 0);
	return 0;
}
