/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes: what the kernel knows. A node's id is its inode number, which is never used again (dfs I4), so no generation is needed and
 * a late forget can hit nobody else. fuse I3.
 *
 * Putting a reference may yield, and a forget arrives on the loop: the forgotten go to a list that the chores empty.
 */
#include "internal.h"

static bool
equal(const struct hash_node *node, const void *key)
{
	return hash_entry(node, struct node, by_ino)->ino == *(const uint64_t *)key;
}

static const struct hash_ops by_ino_ops = {.hash = hash_key_u64, .equal = equal};

void
dfuse__nodes_init(struct dfuse *dfuse)
{
	hash_init(&dfuse->nodes, dfuse->env->mem, &by_ino_ops, 0);
	list_init(&dfuse->dead);
}

struct node *
dfuse__node_find(struct dfuse *dfuse, uint64_t ino)
{
	struct hash_node *found = hash_find(&dfuse->nodes, &ino);

	return found != NULL ? hash_entry(found, struct node, by_ino) : NULL;
}

int
dfuse__node_add(struct dfuse *dfuse, struct fs_inode *inode)
{
	uint64_t ino = fs_inode_ino(inode);
	struct node *node = dfuse__node_find(dfuse, ino);

	if (node != NULL) {
		node->lookups++;
		fs_inode_put(inode);
		return 0;
	}
	node = MEM_NEW(dfuse->env->mem, struct node);
	if (node == NULL) {
		fs_inode_put(inode);
		return ENOMEM;
	}
	node->ino = ino;
	node->lookups = 1;
	node->inode = inode;
	list_init(&node->link);
	hash_insert(&dfuse->nodes, &node->by_ino, &ino);
	return 0;
}

void
dfuse__node_forget(struct dfuse *dfuse, uint64_t ino, uint64_t lookups)
{
	struct node *node = dfuse__node_find(dfuse, ino);

	if (node == NULL || ino == FS_ROOT_INO)
		return;
	node->lookups -= MIN(lookups, node->lookups);
	if (node->lookups > 0)
		return;
	hash_remove(&dfuse->nodes, &node->by_ino);
	list_append(&dfuse->dead, &node->link);
}

void
dfuse__nodes_bury(struct dfuse *dfuse)
{
	struct node *node;

	while ((node = list_pop(&dfuse->dead, struct node, link)) != NULL) {
		fs_inode_put(node->inode);
		mem_free(dfuse->env->mem, node);
	}
}

void
dfuse__nodes_fini(struct dfuse *dfuse)
{
	struct hash_iter iter;
	struct hash_node *at;

	hash_iter_init(&iter, &dfuse->nodes);
	while ((at = hash_iter_next(&iter)) != NULL) {
		hash_remove(&dfuse->nodes, at);
		list_append(&dfuse->dead, &hash_entry(at, struct node, by_ino)->link);
	}
	dfuse__nodes_bury(dfuse);
	hash_fini(&dfuse->nodes);
}
