/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of a POSIX file system in memory, and what the files of the program posix_model share. The model knows what every name, inode,
 * byte, attribute and open file must be; posix_model.c does random operations to real mounts and asks the model what must come of them.
 */
#ifndef POSIX_MODEL_H
#define POSIX_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

enum { NAMES = 12, XATTRS = 4, FDS = 24, DIRS_MAX = 14, NODES_MAX = 4096, DATA_MAX = 160 << 10, TRACE = 40, TRACE_LEN = 400, LINKS = 40 };

struct node { /* an inode */
	uint64_t ino; /* 0: not seen yet */
	uint32_t type, mode, uid, gid, nlink;
	bool setid_loose;         /* written to since: set-id bits may be gone */
	uint8_t *data;
	size_t size;
	char target[512];         /* of a symlink */
	struct node *parent;      /* of a directory */
	struct node *child[NAMES];
	struct { bool there; size_t len; uint8_t value[300]; } xattr[XATTRS];
	uint32_t opens;
	/* Times: as seen last, and what happened since. */
	bool seen, atime_known, mtime_exact, mtime_up, ctime_up;
	struct timespec atime, mtime, ctime, mtime_since, ctime_since;
};

struct file { /* an open file; fd -1: none */
	int fd, mount, flags;
	struct node *node;
	uint64_t pos;
	bool stale; /* changed through the other mount since it was opened */
};

struct found {
	int err;           /* 0, ENOENT, ENOTDIR, ELOOP; -1: leads out of the tree */
	struct node *dir;  /* of the last name; NULL when the parent is not there */
	int name;          /* -1: "." or ".." */
	bool dotdot;
	struct node *node; /* NULL: no such name */
};

struct world {
	int mount_nr, root[2];
	bool reopen, mapping;   /* close-to-open: a stale file is opened again before it is read; mmap may be shared */
	uint64_t seed, rng, op, ops;
	uint64_t stopped_at;
	struct node *top, *nodes[NODES_MAX];
	uint32_t node_nr;
	struct file files[FDS];
	char trace[TRACE][TRACE_LEN];
	uint8_t buf[2 * DATA_MAX];
	struct timespec begun; /* of the operation under way */
	uint64_t counts[32], failures[32];
};

/* posix_tree.c: the model */
extern const char *const model_names[NAMES];
extern const char *const model_xattrs[XATTRS];
struct node *tree_new(struct world *w, uint32_t type, uint32_t mode, struct node *parent);
void tree_drop(struct world *w, struct node *node); /* frees it when nothing refers to it any more */
void tree_path(const struct world *w, const struct node *dir, char *path);
bool tree_find_name(const struct world *w, const struct node *node, struct node **dir, int *name);
void tree_walk(struct world *w, const char *path, bool follow, struct found *found);
bool tree_below(const struct node *dir, const struct node *ancestor);
bool tree_empty(const struct node *dir);
void tree_resize(struct node *node, size_t size);
void tree_data_changed(struct world *w, struct node *node, int mount);
void tree_names_changed(struct world *w, struct node *dir);
void tree_ctime(struct world *w, struct node *node);
void tree_mtime(struct world *w, struct node *node);

/* posix_look.c: what the mounts show, compared with the model */
void look_stat(struct world *w, struct node *node, const struct stat *st, const char *how);
void look_node(struct world *w, struct node *node, int mount);
void look_dir(struct world *w, struct node *dir, int mount, bool seeking);
void look_all(struct world *w, int mount);
__attribute__((noreturn, format(printf, 2, 3))) void fail(struct world *w, const char *format, ...);

static inline uint64_t
rnd(struct world *w, uint64_t below)
{
	uint64_t z = (w->rng += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) % below;
}

static inline bool
chance(struct world *w, unsigned int percent)
{
	return rnd(w, 100) < percent;
}

#endif
