/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/posix_model: what POSIX says of names and files, in memory: a tree of nodes, node 0 its root. A change answers as the system call would
 * (0 or an errno) and is done when that is 0. A node is known by its number; it goes when it has neither a name nor an opener.
 */
#ifndef SIM_POSIX_MODEL_H
#define SIM_POSIX_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum { MODEL_NAME = 16, MODEL_KIDS = 24, MODEL_TARGET = 32, MODEL_NOREPLACE = 1, MODEL_EXCHANGE = 2 };

struct model_kid {
	char name[MODEL_NAME];
	int node;
};

struct model_node {
	bool used;
	uint32_t type, mode, nlink, opens;
	uint64_t ino; /* 0: not yet known */
	char target[MODEL_TARGET];
	uint8_t *data; /* of a regular file: model->room bytes, zero behind size */
	uint64_t size;
	struct model_kid kids[MODEL_KIDS];
	int kid_nr, parent; /* of a directory; -1: none */
};

struct model {
	struct model_node *nodes;
	int node_nr;
	uint64_t room;
};

struct model *model_create(int node_nr, uint64_t room, uint32_t root_mode);
void model_free(struct model *model);
/** Both of the same measures. */
void model_copy(struct model *to, const struct model *from);

/** -1: no such name. */
int model_find(const struct model *model, int dir, const char *name);
/** *made: the new node. EEXIST */
int model_make(struct model *model, int dir, const char *name, uint32_t type, uint32_t mode, const char *target, int *made);
int model_remove(struct model *model, int dir, const char *name, bool rmdir);
int model_link(struct model *model, int node, int dir, const char *name);
int model_rename(struct model *model, int from, const char *old, int to, const char *name, uint32_t flags);
/** An opener keeps a node. */
void model_open(struct model *model, int node);
void model_close(struct model *model, int node);
void model_write(struct model *model, int node, uint64_t off, const void *buf, uint64_t len);
void model_resize(struct model *model, int node, uint64_t size);
/** Zeros within the file. */
void model_punch(struct model *model, int node, uint64_t off, uint64_t len);

#endif
