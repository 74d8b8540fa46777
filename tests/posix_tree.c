/* SPDX-License-Identifier: Apache-2.0 */
/* The model of posix_model.h: names, inodes, bytes, times. Nothing here asks the machine for anything but memory. */
#include "posix_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define LONG_NAME "long-" FIFTY FIFTY FIFTY FIFTY FIFTY

const char *const model_names[NAMES] = {"a", "b", "c", "data.txt", "with space", "\xc3\xbcml\xc3\xa4ut", "x.y.z", "-dash", LONG_NAME, "...", "g", "h"};
const char *const model_xattrs[XATTRS] = {"user.a", "user.comment", "trusted.x", "user.longer.name.of.an.attribute"};

_Static_assert(sizeof(LONG_NAME) == 256, "the longest name there may be");

struct node *
tree_new(struct world *w, uint32_t type, uint32_t mode, struct node *parent)
{
	struct node *node = calloc(1, sizeof(*node));

	if (node == NULL || w->node_nr == NODES_MAX)
		abort();
	node->type = type;
	node->mode = mode;
	node->nlink = type == S_IFDIR ? 2 : 1;
	if (type == S_IFDIR)
		node->parent = parent;
	if (parent != NULL && (parent->mode & S_ISGID) != 0) {
		node->gid = parent->gid;
		if (type == S_IFDIR)
			node->mode |= S_ISGID;
	}
	w->nodes[w->node_nr++] = node;
	tree_mtime(w, node);
	return node;
}

void
tree_drop(struct world *w, struct node *node)
{
	if (node->nlink > 0 || node->opens > 0)
		return;
	for (uint32_t i = 0; i < w->node_nr; i++)
		if (w->nodes[i] == node)
			w->nodes[i] = w->nodes[--w->node_nr];
	free(node->data);
	free(node);
}

bool
tree_find_name(const struct world *w, const struct node *node, struct node **dir, int *name)
{
	for (uint32_t i = 0; i < w->node_nr; i++)
		for (int n = 0; w->nodes[i]->type == S_IFDIR && n < NAMES; n++)
			if (w->nodes[i]->child[n] == node) {
				*dir = w->nodes[i];
				*name = n;
				return true;
			}
	return false;
}

/* Of a directory, from the top, without a slash at its end; the top is ".". */
void
tree_path(const struct world *w, const struct node *dir, char *path)
{
	char up[4096];
	struct node *in;
	int name;

	if (dir == w->top || !tree_find_name(w, dir, &in, &name)) {
		strcpy(path, ".");
		return;
	}
	tree_path(w, in, up);
	if (in == w->top)
		strcpy(path, model_names[name]);
	else
		sprintf(path, "%s/%s", up, model_names[name]);
}

static struct node *
walk(struct world *w, struct node *at, const char *path, bool follow, int *links, struct found *found);

/* The name at of length len: its index; -1 ".", -2 "..". */
static int
name_of(const char *at, size_t len)
{
	if (len == 1 && at[0] == '.')
		return -1;
	if (len == 2 && at[0] == '.' && at[1] == '.')
		return -2;
	for (int i = 0; i < NAMES; i++)
		if (strlen(model_names[i]) == len && memcmp(model_names[i], at, len) == 0)
			return i;
	abort();
}

/* A name on the way: the directory it leads to, or NULL with found->err. */
static struct node *
step(struct world *w, struct node *at, int name, int *links, struct found *found)
{
	struct node *next = name == -1 ? at : name == -2 ? at->parent : at->child[name];

	if (next == NULL) {
		found->err = name == -2 ? -1 : ENOENT;
		return NULL;
	}
	if (next->type == S_IFLNK) {
		struct found there = {0};

		if ((*links)-- == 0) {
			found->err = ELOOP;
			return NULL;
		}
		next = walk(w, at, next->target, true, links, &there);
		if (next == NULL) {
			found->err = there.err != 0 ? there.err : ENOENT;
			return NULL;
		}
	}
	if (next->type == S_IFDIR)
		return next;
	found->err = ENOTDIR;
	return NULL;
}

static struct node *
walk(struct world *w, struct node *at, const char *path, bool follow, int *links, struct found *found)
{
	for (;;) {
		const char *end = strchr(path, '/');
		size_t len = end != NULL ? (size_t)(end - path) : strlen(path);
		int name = name_of(path, len);

		if (end == NULL) {
			*found = (struct found){.dir = at, .name = name < 0 ? -1 : name, .dotdot = name == -2};
			found->node = name == -1 ? at : name == -2 ? at->parent : at->child[name];
			if (name == -2 && found->node == NULL)
				found->err = -1;
			if (found->node != NULL && found->node->type == S_IFLNK && follow) {
				char target[sizeof(found->node->target)];

				if ((*links)-- == 0) {
					*found = (struct found){.err = ELOOP};
					return NULL;
				}
				strcpy(target, found->node->target);
				return walk(w, at, target, true, links, found);
			}
			return found->node;
		}
		*found = (struct found){0};
		at = step(w, at, name, links, found);
		if (at == NULL)
			return NULL;
		path = end + 1;
	}
}

void
tree_walk(struct world *w, const char *path, bool follow, struct found *found)
{
	int links = LINKS;

	(void)walk(w, w->top, path, follow, &links, found);
}

bool
tree_below(const struct node *dir, const struct node *ancestor)
{
	for (; dir != NULL; dir = dir->parent)
		if (dir == ancestor)
			return true;
	return false;
}

bool
tree_empty(const struct node *dir)
{
	for (int i = 0; i < NAMES; i++)
		if (dir->child[i] != NULL)
			return false;
	return true;
}

void
tree_resize(struct node *node, size_t size)
{
	uint8_t *data = realloc(node->data, size > 0 ? size : 1);

	if (data == NULL)
		abort();
	if (size > node->size)
		memset(data + node->size, 0, size - node->size);
	node->data = data;
	node->size = size;
}

void
tree_ctime(struct world *w, struct node *node)
{
	node->ctime_up = true;
	node->ctime_since = w->begun;
}

void
tree_mtime(struct world *w, struct node *node)
{
	node->mtime_up = true;
	node->mtime_since = w->begun;
	node->mtime_exact = false;
	tree_ctime(w, node);
}

void
tree_names_changed(struct world *w, struct node *dir)
{
	tree_mtime(w, dir);
}

void
tree_data_changed(struct world *w, struct node *node, int mount)
{
	tree_mtime(w, node);
	node->setid_loose |= (node->mode & (S_ISUID | S_ISGID)) != 0;
	for (int i = 0; i < FDS; i++)
		if (w->files[i].fd >= 0 && w->files[i].node == node && w->files[i].mount != mount)
			w->files[i].stale = true;
}
