/* SPDX-License-Identifier: Apache-2.0 */
/* sim/posix_model: see the door. */
#include "sim/posix_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"

static int
node_new(struct model *model, uint32_t type, uint32_t mode)
{
	struct model_node *node = NULL;

	for (int i = 0; i < model->node_nr && node == NULL; i++)
		if (!model->nodes[i].used)
			node = &model->nodes[i];
	ASSERTF(node != NULL, "the model has nodes enough");
	*node = (struct model_node){.used = true, .type = type, .mode = mode, .nlink = type == S_IFDIR ? 2 : 1, .data = node->data, .parent = -1};
	if (type == S_IFREG && node->data == NULL)
		node->data = malloc(model->room);
	if (type == S_IFREG)
		memset(node->data, 0, model->room);
	return (int)(node - model->nodes);
}

struct model *
model_create(int node_nr, uint64_t room, uint32_t root_mode)
{
	struct model *model = calloc(1, sizeof(*model));

	model->nodes = calloc((size_t)node_nr, sizeof(*model->nodes));
	model->node_nr = node_nr;
	model->room = room;
	(void)node_new(model, S_IFDIR, root_mode);
	return model;
}

void
model_free(struct model *model)
{
	for (int i = 0; i < model->node_nr; i++)
		free(model->nodes[i].data);
	free(model->nodes);
	free(model);
}

void
model_copy(struct model *to, const struct model *from)
{
	ASSERT(to->node_nr == from->node_nr && to->room == from->room);
	for (int i = 0; i < from->node_nr; i++) {
		struct model_node *node = &to->nodes[i];
		uint8_t *data = node->data;

		*node = from->nodes[i];
		node->data = data;
		if (!node->used || node->type != S_IFREG)
			continue;
		if (data == NULL)
			node->data = malloc(to->room);
		memcpy(node->data, from->nodes[i].data, to->room);
	}
}

/* ---- names ------------------------------------------------------------------------------------------------------------------- */
static struct model_kid *
kid_of(const struct model *model, int dir, const char *name)
{
	struct model_node *node = &model->nodes[dir];

	for (int i = 0; i < node->kid_nr; i++)
		if (strcmp(node->kids[i].name, name) == 0)
			return &node->kids[i];
	return NULL;
}

static void
kid_add(struct model *model, int dir, const char *name, int kid)
{
	struct model_node *node = &model->nodes[dir];

	ASSERTF(node->kid_nr < MODEL_KIDS, "the model's directories have room");
	node->kids[node->kid_nr] = (struct model_kid){.node = kid};
	(void)snprintf(node->kids[node->kid_nr++].name, MODEL_NAME, "%s", name);
	if (model->nodes[kid].type == S_IFDIR) {
		model->nodes[kid].parent = dir;
		node->nlink++;
	}
}

static void
kid_remove(struct model *model, int dir, const char *name)
{
	struct model_node *node = &model->nodes[dir];
	struct model_kid *kid = kid_of(model, dir, name);

	if (model->nodes[kid->node].type == S_IFDIR)
		node->nlink--;
	*kid = node->kids[--node->kid_nr];
}

static bool
is_below(const struct model *model, int node, int ancestor)
{
	for (; node >= 0; node = model->nodes[node].parent)
		if (node == ancestor)
			return true;
	return false;
}

/* A name of it has gone. */
static void
unname(struct model *model, int node)
{
	struct model_node *it = &model->nodes[node];

	it->nlink = it->type == S_IFDIR ? 0 : it->nlink - 1;
	it->used = it->nlink > 0 || it->opens > 0;
}

int
model_find(const struct model *model, int dir, const char *name)
{
	struct model_kid *kid = kid_of(model, dir, name);

	return kid != NULL ? kid->node : -1;
}

int
model_make(struct model *model, int dir, const char *name, uint32_t type, uint32_t mode, const char *target, int *made)
{
	if (kid_of(model, dir, name) != NULL)
		return EEXIST;
	*made = node_new(model, type, mode);
	if (target != NULL)
		(void)snprintf(model->nodes[*made].target, MODEL_TARGET, "%s", target);
	kid_add(model, dir, name, *made);
	return 0;
}

int
model_remove(struct model *model, int dir, const char *name, bool rmdir)
{
	int kid = model_find(model, dir, name);

	if (kid < 0)
		return ENOENT;
	if (rmdir != (model->nodes[kid].type == S_IFDIR))
		return rmdir ? ENOTDIR : EISDIR;
	if (rmdir && model->nodes[kid].kid_nr > 0)
		return ENOTEMPTY;
	kid_remove(model, dir, name);
	unname(model, kid);
	return 0;
}

int
model_link(struct model *model, int node, int dir, const char *name)
{
	if (model->nodes[node].type == S_IFDIR)
		return EPERM;
	if (model->nodes[node].nlink == 0)
		return ENOENT;
	if (kid_of(model, dir, name) != NULL)
		return EEXIST;
	model->nodes[node].nlink++;
	kid_add(model, dir, name, node);
	return 0;
}

/* May x, which is to replace y? */
static int
may_replace(const struct model_node *x, const struct model_node *y)
{
	if (y->type == S_IFDIR && x->type != S_IFDIR)
		return EISDIR;
	if (y->type != S_IFDIR && x->type == S_IFDIR)
		return ENOTDIR;
	return y->type == S_IFDIR && y->kid_nr > 0 ? ENOTEMPTY : 0;
}

int
model_rename(struct model *model, int from, const char *old, int to, const char *name, uint32_t flags)
{
	int x = model_find(model, from, old), y = model_find(model, to, name), rc;

	if (x < 0 || (y < 0 && (flags & MODEL_EXCHANGE) != 0))
		return ENOENT;
	if (x == y)
		return (flags & MODEL_NOREPLACE) != 0 ? EEXIST : 0;
	if (model->nodes[x].type == S_IFDIR && is_below(model, to, x))
		return EINVAL;
	if (y >= 0 && (flags & MODEL_NOREPLACE) != 0)
		return EEXIST;
	if ((flags & MODEL_EXCHANGE) != 0) {
		if (model->nodes[y].type == S_IFDIR && is_below(model, from, y))
			return EINVAL;
		kid_remove(model, from, old);
		kid_remove(model, to, name);
		kid_add(model, to, name, x);
		kid_add(model, from, old, y);
		return 0;
	}
	rc = y >= 0 ? may_replace(&model->nodes[x], &model->nodes[y]) : 0;
	if (rc != 0)
		return rc;
	if (y >= 0) {
		kid_remove(model, to, name);
		unname(model, y);
	}
	kid_remove(model, from, old);
	kid_add(model, to, name, x);
	return 0;
}

/* ---- files -------------------------------------------------------------------------------------------------------------------- */
void
model_open(struct model *model, int node)
{
	model->nodes[node].opens++;
}

void
model_close(struct model *model, int node)
{
	struct model_node *it = &model->nodes[node];

	it->opens--;
	it->used = it->nlink > 0 || it->opens > 0;
}

void
model_write(struct model *model, int node, uint64_t off, const void *buf, uint64_t len)
{
	struct model_node *it = &model->nodes[node];

	ASSERT(off <= model->room && len <= model->room - off);
	memcpy(it->data + off, buf, len);
	if (len > 0)
		it->size = MAX(it->size, off + len);
}

void
model_resize(struct model *model, int node, uint64_t size)
{
	struct model_node *it = &model->nodes[node];

	ASSERT(size <= model->room);
	if (size < it->size)
		memset(it->data + size, 0, it->size - size);
	it->size = size;
}

void
model_punch(struct model *model, int node, uint64_t off, uint64_t len)
{
	struct model_node *it = &model->nodes[node];

	if (off < it->size)
		memset(it->data + off, 0, MIN(len, it->size - off));
}
