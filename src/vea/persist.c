/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vea/persist: the persistent view: a btree of free extents, first block -> number of blocks, never adjacent to each
 * other, and their sum in the root. All of it runs within a umem body; a crash in the middle leaves nothing. What comes
 * from the tree is checked against the device before it is used. Nothing yields.
 */
#include "spans.h"

static const struct btree_class free_class = {.features = BTREE_INTEGER, .hkey_size = 8};
static const struct btree_registry registry = {.classes = {&free_class}};

_Static_assert(sizeof(((struct vea_root *)NULL)->tree) == sizeof(struct btree_root), "FORMAT: vea_root.tree");

static struct btree
tree_of(struct umem *heap, umem_off_t root)
{
	return (struct btree){.heap = heap, .registry = &registry, .root = root + offsetof(struct vea_root, tree)};
}

static int
open_root(struct umem *heap, umem_off_t off, struct vea_root **root)
{
	*root = umem_at(heap, off);
	if ((*root)->magic != VEA_MAGIC)
		return -DER_DF_INVAL;
	if ((*root)->version != VEA_VERSION)
		return -DER_DF_INCOMPT;
	return (*root)->skip <= (*root)->blocks && (*root)->free <= (*root)->blocks - (*root)->skip ? 0 : -DER_DF_INVAL;
}

static uint64_t
key_of(struct btree_cursor *cursor)
{
	uint64_t key;

	memcpy(&key, btree_hkey(cursor), sizeof(key));
	return __builtin_bswap64(key);
}

/** The extent under a cursor, which must lie on the device. */
static int
extent_at(const struct vea_root *root, struct btree_cursor *cursor, uint64_t *block, uint64_t *nr)
{
	*block = key_of(cursor);
	*nr = btree_value(cursor);
	return *nr > 0 && *block >= root->skip && *block < root->blocks && *nr <= root->blocks - *block ? 0 : -DER_DF_INVAL;
}

/** The extent that begins at block or is the next one before (LE) or behind (GT) it. *nr 0: there is none. */
static int
neighbour(const struct vea_root *root, struct btree *tree, enum btree_seek how, uint64_t block, uint64_t *found, uint64_t *nr)
{
	struct btree_cursor cursor;
	int rc = btree_seek(tree, how, &block, sizeof(block), &cursor);

	*nr = *found = 0;
	if (rc == -DER_NONEXIST)
		return 0;
	return rc == 0 ? extent_at(root, &cursor, found, nr) : rc;
}

static void
add_free(struct umem *heap, umem_off_t off, struct vea_root *root, uint64_t delta)
{
	umem_touch(heap, off + offsetof(struct vea_root, free), sizeof(root->free));
	root->free += delta;
}

int
vea__tree_format(struct umem *heap, umem_off_t off, uint64_t blocks, uint64_t skip)
{
	struct vea_root *root = umem_touch(heap, off, sizeof(*root));
	struct btree tree = tree_of(heap, off);
	int rc;

	if (skip > blocks)
		return -DER_INVAL;
	*root = (struct vea_root){
		.magic = VEA_MAGIC,
		.version = VEA_VERSION,
		.blocks = blocks,
		.free = blocks - skip,
		.skip = skip,
	};
	rc = btree_create(&tree, 0, 0);
	if (rc == 0 && skip < blocks)
		rc = btree_insert(&tree, &skip, sizeof(skip), blocks - skip, NULL);
	return rc;
}

int
vea__tree_take(struct umem *heap, umem_off_t off, uint64_t block, uint64_t nr)
{
	struct btree tree = tree_of(heap, off);
	uint64_t start, len, end;
	struct vea_root *root;
	int rc;

	rc = open_root(heap, off, &root);
	if (rc == 0)
		rc = neighbour(root, &tree, BTREE_LE, block, &start, &len);
	if (rc != 0)
		return rc;
	if (len == 0 || nr == 0 || block - start >= len || nr > len - (block - start))
		return -DER_INVAL;
	if (start == block)
		rc = btree_remove(&tree, &start, sizeof(start), NULL);
	else
		rc = btree_replace(&tree, &start, sizeof(start), block - start);
	end = block + nr;
	if (rc == 0 && end < start + len)
		rc = btree_insert(&tree, &end, sizeof(end), start + len - end, NULL);
	if (rc != 0)
		return rc;
	if (root->free < nr)
		return -DER_DF_INVAL;
	add_free(heap, off, root, -nr);
	return 0;
}

int
vea__tree_give(struct umem *heap, umem_off_t off, uint64_t block, uint64_t nr)
{
	uint64_t before, before_nr, behind, behind_nr, start = block, len = nr;
	struct btree tree = tree_of(heap, off);
	struct vea_root *root;
	int rc;

	rc = open_root(heap, off, &root);
	if (rc != 0)
		return rc;
	if (nr == 0 || block < root->skip || block >= root->blocks || nr > root->blocks - block)
		return -DER_INVAL;
	rc = neighbour(root, &tree, BTREE_LE, block, &before, &before_nr);
	if (rc == 0)
		rc = neighbour(root, &tree, BTREE_GT, block, &behind, &behind_nr);
	if (rc != 0)
		return rc;
	if ((before_nr > 0 && before + before_nr > block) || (behind_nr > 0 && behind < block + nr))
		return -DER_INVAL;
	if (behind_nr > 0 && behind == block + nr) {
		len += behind_nr;
		rc = btree_remove(&tree, &behind, sizeof(behind), NULL);
		if (rc != 0)
			return rc;
	}
	if (before_nr > 0 && before + before_nr == block) {
		start = before;
		len += before_nr;
		rc = btree_replace(&tree, &start, sizeof(start), len);
	} else {
		rc = btree_insert(&tree, &start, sizeof(start), len, NULL);
	}
	if (rc != 0)
		return rc;
	if (root->free > root->blocks - root->skip - nr)
		return -DER_DF_INVAL;
	add_free(heap, off, root, nr);
	return 0;
}

int
vea__tree_each(struct umem *heap, umem_off_t off, uint64_t from, int (*each)(void *arg, uint64_t block, uint64_t nr), void *arg)
{
	struct btree tree = tree_of(heap, off);
	struct btree_cursor cursor;
	uint64_t block, nr;
	struct vea_root *root;
	int rc;

	rc = open_root(heap, off, &root);
	if (rc != 0)
		return rc;
	for (rc = btree_seek(&tree, BTREE_GE, &from, sizeof(from), &cursor); rc == 0; rc = btree_next(&cursor)) {
		rc = extent_at(root, &cursor, &block, &nr);
		if (rc != 0)
			return rc;
		/* Keys ascend, so this also ends what would go on for ever. */
		if (block < from)
			return -DER_DF_INVAL;
		rc = each(arg, block, nr);
		if (rc != 0)
			return rc;
		from = block + nr;
	}
	return rc == -DER_NONEXIST ? 0 : rc;
}
