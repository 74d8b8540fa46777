/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dfs on an engine in a simulated world: random operations of two mounts against a model of POSIX in memory, with and without
 * deaths of the engine; and what the model does not say: concurrency, listing while names change, locks.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include "base/rand.h"
#include "dfs/dfs.h"
#include "sim/cluster.h"

#define CHECK(what)                                                                                                    \
	do {                                                                                                           \
		int _rc = (what);                                                                                      \
		if (_rc != 0) {                                                                                        \
			print_error("%s:%d: %s: %d\n", __FILE__, __LINE__, #what, _rc);                                \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)
#define SAME(a, b)                                                                                                     \
	do {                                                                                                           \
		long _a = (long)(a), _b = (long)(b);                                                                   \
		if (_a != _b) {                                                                                        \
			print_error("%s:%d: %s is %ld, %s is %ld\n", __FILE__, __LINE__, #a, _a, #b, _b);              \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

enum { REPLACE_NOT = 1, EXCHANGE = 2, CHUNK = 4096 };

static const struct fs_who who = {.uid = 10, .gid = 20, .umask = 022};

/* ---- a container and mounts of it --------------------------------------------------------------------------------------------------- */
struct scene {
	struct cluster *cluster;
	struct pool *pool;
	struct cont *cont;
	struct fs *fs[2];
	uint32_t mounts;
	uint64_t seed;
	uint32_t ops;
	uint32_t done;    /* operations */
	uint32_t crashes; /* of the engine */
	void (*body)(struct scene *scene);
	struct rand rand;
};

static void
scene_open(struct scene *scene, struct client *client, uint32_t mounts)
{
	struct fs_format format = {.chunk_size = CHUNK};
	uuid_t uuid;
	char text[37];

	memset(uuid, 0x70, sizeof(uuid));
	uuid_unparse_lower(uuid, text);
	CHECK(pool_connect(client, "sim", DAOS_PC_RW, &scene->pool));
	CHECK(cont_create(scene->pool, uuid, NULL));
	CHECK(cont_open(scene->pool, text, 2, &scene->cont));
	SAME(fs_mount(scene->cont, 0, &scene->fs[0]), ENOENT);
	CHECK(fs_make(scene->cont, &format));
	CHECK(fs_make(scene->cont, &format));
	scene->mounts = mounts;
	for (uint32_t i = 0; i < mounts; i++)
		CHECK(fs_mount(scene->cont, 0, &scene->fs[i]));
}

/* How many dkeys an object has. */
static uint32_t
dkeys_of(struct cont *cont, daos_obj_id_t oid)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_key_desc_t kds[32];
	char buf[1024];
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	struct object *object;
	uint32_t nr, all = 0;

	CHECK(object_open(cont, oid, DAOS_OO_RO, &object));
	while (anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		nr = 32;
		d_iov_set(&iov, buf, sizeof(buf));
		CHECK(object_list(object, NULL, NULL, &nr, kds, &sgl, &anchor));
		all += nr;
	}
	object_close(object);
	return all;
}

static uint32_t
orphans_of(struct cont *cont)
{
	daos_obj_id_t oid = {.lo = 2};

	CHECK(cont_generate_oid(cont, &oid, DAOS_OT_MULTI_HASHED, OC_S1, 0));
	return dkeys_of(cont, oid);
}

static void
scene_close(struct scene *scene)
{
	for (uint32_t i = 0; i < scene->mounts; i++)
		CHECK(fs_umount(scene->fs[i]));
	SAME(orphans_of(scene->cont), 0);
	CHECK(cont_close(scene->cont));
	CHECK(pool_disconnect(scene->pool));
}

static void
program(void *arg, struct cluster *cluster, uint32_t index, struct client *client)
{
	struct scene *scene = arg;

	scene->cluster = cluster;
	rand_init(&scene->rand, scene->seed, 17);
	scene_open(scene, client, scene->mounts);
	scene->body(scene);
	scene_close(scene);
}

struct until {
	const struct scene *scene;
	uint32_t ops;
};

static bool
ops_done(void *arg)
{
	const struct until *until = arg;

	return until->scene->done >= until->ops;
}

static void
run(struct scene *scene)
{
	struct cluster_config config = {.seed = scene->seed, .targets = 2, .clients = 1, .program = program, .arg = scene};
	struct cluster *cluster;

	sim_options_init(&config.options);
	config.options.log_level = LOG_ERR;
	assert_int_equal(cluster_create(&config, &cluster), 0);
	(void)cluster_run(cluster, 1);
	for (uint32_t i = 1; i <= scene->crashes; i++) {
		struct until until = {scene, scene->ops * i / (scene->crashes + 1)};

		assert_int_equal(sim_run(cluster_sim(cluster), 36000 * NS_PER_S, ops_done, &until), 0);
		cluster_crash(cluster, i % 2 == 0 ? SIM_POWER : SIM_KILL);
	}
	assert_int_equal(cluster_run(cluster, 36000 * NS_PER_S), 0);
	cluster_destroy(cluster);
}

/* ---- the model ------------------------------------------------------------------------------------------------------------------------- */
enum { NODES_MAX = 8192, KIDS_MAX = 24, DATA_MAX = 5 * CHUNK, OPEN_MAX = 8 };

struct node {
	uint32_t type, mode, nlink;
	uint64_t ino;
	char target[32];
	uint8_t *data;
	uint64_t size;
	struct kid {
		char name[8];
		struct node *node;
	} kids[KIDS_MAX];
	int kid_nr;
	struct node *parent;
};

struct opened {
	struct fs_file *file;
	struct node *node;
	bool append;
};

struct model {
	struct node *nodes[NODES_MAX];
	int node_nr;
	struct node *root;
	struct opened open[OPEN_MAX];
};

static struct node *
node_new(struct model *model, uint32_t type, uint32_t mode)
{
	struct node *node = calloc(1, sizeof(*node));

	assert_true(model->node_nr < NODES_MAX);
	model->nodes[model->node_nr++] = node;
	node->type = type;
	node->mode = mode;
	node->nlink = type == S_IFDIR ? 2 : 1;
	if (type == S_IFREG)
		node->data = calloc(1, DATA_MAX);
	return node;
}

static struct kid *
kid_of(struct node *dir, const char *name)
{
	for (int i = 0; i < dir->kid_nr; i++)
		if (strcmp(dir->kids[i].name, name) == 0)
			return &dir->kids[i];
	return NULL;
}

static void
kid_add(struct node *dir, const char *name, struct node *node)
{
	struct kid *kid = &dir->kids[dir->kid_nr++];

	assert_true(dir->kid_nr <= KIDS_MAX);
	snprintf(kid->name, sizeof(kid->name), "%s", name);
	kid->node = node;
	if (node->type == S_IFDIR) {
		node->parent = dir;
		dir->nlink++;
	}
}

static void
kid_remove(struct node *dir, const char *name)
{
	struct kid *kid = kid_of(dir, name);

	if (kid->node->type == S_IFDIR)
		dir->nlink--;
	*kid = dir->kids[--dir->kid_nr];
}

static bool
is_below(const struct node *node, const struct node *ancestor)
{
	for (; node != NULL; node = node->parent)
		if (node == ancestor)
			return true;
	return false;
}

static int
model_rename(struct node *from, const char *old, struct node *to, const char *name, uint32_t flags)
{
	struct kid *a = kid_of(from, old), *b = kid_of(to, name);
	struct node *x, *y;

	if (a == NULL)
		return ENOENT;
	if (b == NULL && (flags & EXCHANGE) != 0)
		return ENOENT;
	x = a->node;
	y = b != NULL ? b->node : NULL;
	if (x == y)
		return (flags & REPLACE_NOT) != 0 ? EEXIST : 0;
	if (x->type == S_IFDIR && is_below(to, x))
		return EINVAL;
	if (y != NULL && (flags & REPLACE_NOT) != 0)
		return EEXIST;
	if ((flags & EXCHANGE) != 0) {
		if (y->type == S_IFDIR && is_below(from, y))
			return EINVAL;
		kid_remove(from, old);
		kid_remove(to, name);
		kid_add(to, name, x);
		kid_add(from, old, y);
		return 0;
	}
	if (y != NULL && y->type == S_IFDIR && x->type != S_IFDIR)
		return EISDIR;
	if (y != NULL && y->type != S_IFDIR && x->type == S_IFDIR)
		return ENOTDIR;
	if (y != NULL && y->type == S_IFDIR && y->kid_nr > 0)
		return ENOTEMPTY;
	if (y != NULL) {
		kid_remove(to, name);
		y->nlink = y->type == S_IFDIR ? 0 : y->nlink - 1;
	}
	kid_remove(from, old);
	kid_add(to, name, x);
	return 0;
}

/* ---- comparing --------------------------------------------------------------------------------------------------------------------------- */
static void
same_stat(const struct node *node, const struct stat *st)
{
	SAME(st->st_mode, node->type | node->mode);
	SAME(st->st_nlink, node->nlink);
	SAME(st->st_ino, node->ino);
	SAME(st->st_uid, who.uid);
	if (node->type == S_IFREG)
		SAME(st->st_size, node->size);
	if (node->type == S_IFLNK)
		SAME(st->st_size, strlen(node->target));
}

static void
same_data(struct fs_file *file, const struct node *node, uint64_t off, uint64_t len)
{
	uint8_t *buf = malloc(len + 1);
	struct iovec iov[2] = {{.iov_base = buf, .iov_len = len / 3}, {.iov_base = buf + len / 3, .iov_len = len - len / 3}};
	uint64_t want = off < node->size ? MIN(len, node->size - off) : 0;
	size_t done;

	memset(buf, 0xee, len + 1);
	CHECK(fs_read(file, iov, 2, off, &done));
	SAME(done, want);
	for (uint64_t i = 0; i < want; i++)
		if (buf[i] != node->data[off + i]) {
			print_error("byte %lu of %lu: %02x, not %02x\n", (unsigned long)(off + i), (unsigned long)node->size, buf[i],
				    node->data[off + i]);
			abort();
		}
	free(buf);
}

struct listing {
	struct node *dir;
	int seen, stop_after;
	uint64_t cookie;
	bool attributes, dot, dotdot;
};

static int
list_one(void *arg, const struct fs_entry *entry)
{
	struct listing *list = arg;
	struct kid *kid;

	if (list->stop_after-- == 0)
		return 1;
	list->cookie = entry->cookie;
	if (strcmp(entry->name, ".") == 0) {
		list->dot = true;
		SAME(entry->ino, list->dir->ino);
		return 0;
	}
	if (strcmp(entry->name, "..") == 0) {
		list->dotdot = true;
		SAME(entry->ino, list->dir->parent != NULL ? list->dir->parent->ino : list->dir->ino);
		return 0;
	}
	kid = kid_of(list->dir, entry->name);
	assert_non_null(kid);
	SAME(entry->ino, kid->node->ino);
	SAME(entry->type, kid->node->type);
	if (list->attributes)
		same_stat(kid->node, entry->st);
	list->seen++;
	return 0;
}

static void
same_list(struct scene *scene, struct fs_inode *inode, struct node *dir)
{
	struct listing list = {.dir = dir, .attributes = rand_one_in(&scene->rand, 2)};
	uint64_t before;
	struct fs_dir *handle;

	CHECK(fs_opendir(inode, &handle));
	do {
		before = list.cookie;
		list.stop_after = (int)rand_between(&scene->rand, 1, 10);
		CHECK(fs_readdir(handle, list.cookie, list.attributes, list_one, &list));
		if (rand_one_in(&scene->rand, 4)) { /* positions are good in another handle */
			fs_closedir(handle);
			CHECK(fs_opendir(inode, &handle));
		}
	} while (list.cookie != before);
	fs_closedir(handle);
	SAME(list.seen, dir->kid_nr);
	assert_true(list.dot && list.dotdot);
}

static void
same_tree(struct scene *scene, struct fs *fs, struct fs_inode *inode, struct node *dir)
{
	struct fs_inode *kid;
	struct fs_file *file;
	struct stat st;

	CHECK(fs_getattr(inode, &st));
	if (dir->parent != NULL)
		same_stat(dir, &st);
	same_list(scene, inode, dir);
	for (int i = 0; i < dir->kid_nr; i++) {
		struct node *node = dir->kids[i].node;

		CHECK(fs_lookup(inode, dir->kids[i].name, &kid, &st));
		same_stat(node, &st);
		if (node->type == S_IFDIR)
			same_tree(scene, fs, kid, node);
		if (node->type == S_IFREG) {
			CHECK(fs_open(kid, O_RDONLY, &file));
			same_data(file, node, 0, DATA_MAX);
			CHECK(fs_close(file));
		}
		if (node->type == S_IFLNK) {
			char target[64];
			size_t len;

			CHECK(fs_readlink(kid, target, sizeof(target), &len));
			assert_string_equal(target, node->target);
		}
		fs_inode_put(kid);
	}
}

/* ---- random operations --------------------------------------------------------------------------------------------------------------------- */
struct place {
	struct node *dir;
	struct fs_inode *inode;
	char name[8];
};

/* Some directory, looked up from the root, and a name that may be in it. */
static void
some_place(struct scene *scene, struct model *model, struct fs *fs, struct place *place)
{
	struct fs_inode *inode = fs_root(fs), *next;
	struct node *dir = model->root;

	for (int depth = 0; depth < 4 && !rand_one_in(&scene->rand, 3) && dir->kid_nr > 0; depth++) {
		struct kid *kid = &dir->kids[rand_below(&scene->rand, (uint64_t)dir->kid_nr)];

		if (kid->node->type != S_IFDIR)
			continue;
		CHECK(fs_lookup(inode, kid->name, &next, NULL));
		SAME(fs_inode_ino(next), kid->node->ino);
		fs_inode_put(inode);
		inode = next;
		dir = kid->node;
	}
	place->dir = dir;
	place->inode = inode;
	snprintf(place->name, sizeof(place->name), "n%d", (int)rand_below(&scene->rand, 8));
}

static void
op_make(struct scene *scene, struct model *model, struct fs *fs)
{
	uint32_t types[] = {S_IFREG, S_IFREG, S_IFDIR, S_IFDIR, S_IFLNK, S_IFIFO}, type = types[rand_below(&scene->rand, 6)];
	uint32_t mode = type == S_IFLNK ? 0777 : 0644 + (uint32_t)rand_below(&scene->rand, 2) * 0100;
	struct fs_inode *made;
	struct place place;
	struct node *node;
	struct stat st;
	char target[32];
	int rc;

	some_place(scene, model, fs, &place);
	snprintf(target, sizeof(target), "target %u", rand_u32(&scene->rand));
	if (type == S_IFDIR)
		rc = fs_mkdir(place.inode, place.name, mode, &who, &made, &st);
	else if (type == S_IFLNK)
		rc = fs_symlink(place.inode, place.name, target, &who, &made, &st);
	else
		rc = fs_mknod(place.inode, place.name, type | mode, 0, &who, &made, &st);
	SAME(rc, kid_of(place.dir, place.name) != NULL ? EEXIST : 0);
	if (rc == 0) {
		node = node_new(model, type, mode);
		node->ino = fs_inode_ino(made);
		memcpy(node->target, target, sizeof(target));
		kid_add(place.dir, place.name, node);
		same_stat(node, &st);
		fs_inode_put(made);
	}
	fs_inode_put(place.inode);
}

static void
op_remove(struct scene *scene, struct model *model, struct fs *fs)
{
	bool dir = rand_one_in(&scene->rand, 2);
	struct place place;
	struct kid *kid;
	int want, rc;

	some_place(scene, model, fs, &place);
	kid = kid_of(place.dir, place.name);
	if (kid == NULL)
		want = ENOENT;
	else if (dir)
		want = kid->node->type != S_IFDIR ? ENOTDIR : kid->node->kid_nr > 0 ? ENOTEMPTY : 0;
	else
		want = kid->node->type == S_IFDIR ? EISDIR : 0;
	rc = dir ? fs_rmdir(place.inode, place.name) : fs_unlink(place.inode, place.name);
	SAME(rc, want);
	if (rc == 0) {
		kid->node->nlink = dir ? 0 : kid->node->nlink - 1;
		kid_remove(place.dir, place.name);
	}
	fs_inode_put(place.inode);
}

static void
op_rename(struct scene *scene, struct model *model, struct fs *fs)
{
	uint32_t flags = rand_one_in(&scene->rand, 4) ? REPLACE_NOT : rand_one_in(&scene->rand, 4) ? EXCHANGE : 0;
	struct place from, to;
	int want;

	some_place(scene, model, fs, &from);
	some_place(scene, model, fs, &to);
	want = model_rename(from.dir, from.name, to.dir, to.name, flags);
	SAME(fs_rename(from.inode, from.name, to.inode, to.name, flags), want);
	fs_inode_put(from.inode);
	fs_inode_put(to.inode);
}

static void
op_link(struct scene *scene, struct model *model, struct fs *fs)
{
	struct place from, to;
	struct fs_inode *inode;
	struct stat st;
	struct kid *kid;
	int want;

	some_place(scene, model, fs, &from);
	some_place(scene, model, fs, &to);
	kid = kid_of(from.dir, from.name);
	if (kid != NULL) {
		CHECK(fs_lookup(from.inode, from.name, &inode, NULL));
		want = kid->node->type == S_IFDIR ? EPERM : kid_of(to.dir, to.name) != NULL ? EEXIST : 0;
		SAME(fs_link(inode, to.inode, to.name, &st), want);
		if (want == 0) {
			kid->node->nlink++;
			same_stat(kid->node, &st);
			kid_add(to.dir, to.name, kid->node);
		}
		fs_inode_put(inode);
	}
	fs_inode_put(from.inode);
	fs_inode_put(to.inode);
}

static void
op_open(struct scene *scene, struct model *model, struct fs *fs)
{
	struct opened *open = &model->open[rand_below(&scene->rand, OPEN_MAX)];
	bool append = rand_one_in(&scene->rand, 3), trunc = rand_one_in(&scene->rand, 8), created;
	struct fs_inode *inode;
	struct place place;
	struct kid *kid;
	struct stat st;
	int want, rc;

	if (open->file != NULL) {
		CHECK(fs_close(open->file));
		open->file = NULL;
		return;
	}
	some_place(scene, model, fs, &place);
	kid = kid_of(place.dir, place.name);
	want = kid == NULL || kid->node->type == S_IFREG ? 0 : kid->node->type == S_IFDIR ? EISDIR : kid->node->type == S_IFLNK ? ELOOP : ENXIO;
	rc = fs_create(place.inode, place.name, 0644, O_RDWR | (append ? O_APPEND : 0) | (trunc ? O_TRUNC : 0), &who, &inode, &st, &open->file,
		       &created);
	SAME(rc, want);
	if (rc == 0) {
		SAME(created, kid == NULL);
		if (kid == NULL) {
			open->node = node_new(model, S_IFREG, 0644);
			open->node->ino = fs_inode_ino(inode);
			kid_add(place.dir, place.name, open->node);
		} else {
			open->node = kid->node;
			if (trunc) {
				memset(open->node->data, 0, DATA_MAX);
				open->node->size = 0;
			}
		}
		open->append = append;
		same_stat(open->node, &st);
		fs_inode_put(inode);
	}
	fs_inode_put(place.inode);
}

static void
op_io(struct scene *scene, struct model *model)
{
	struct opened *open = &model->open[rand_below(&scene->rand, OPEN_MAX)];
	uint64_t off = rand_below(&scene->rand, DATA_MAX), len = rand_one_in(&scene->rand, 3) ? 2 * CHUNK : 100, end;
	struct node *node = open->node;
	struct stat attr = {0}, st;
	struct iovec iov;
	uint8_t *buf;
	size_t done;
	bool append;

	if (open->file == NULL)
		return;
	len = MIN(rand_between(&scene->rand, 1, len), DATA_MAX - off);
	switch (rand_below(&scene->rand, 5)) {
	case 4:
		CHECK(fs_punch(open->file, off, len));
		if (off < node->size)
			memset(node->data + off, 0, MIN(len, node->size - off));
		return;
	case 0:
		same_data(open->file, node, off, len);
		CHECK(fs_getattr(fs_file_inode(open->file), &st));
		same_stat(node, &st);
		return;
	case 1:
		attr.st_size = (off_t)off;
		CHECK(fs_setattr(fs_file_inode(open->file), &attr, FS_SET_SIZE, &st));
		if (off < node->size)
			memset(node->data + off, 0, node->size - off);
		node->size = off;
		same_stat(node, &st);
		return;
	default:
		break;
	}
	append = open->append && rand_below(&scene->rand, 4) != 0;
	if (append)
		off = node->size;
	len = MIN(len, DATA_MAX - off);
	buf = malloc(len + 1);
	rand_fill(&scene->rand, buf, len);
	iov = (struct iovec){.iov_base = buf, .iov_len = len};
	if (open->append && !append)
		CHECK(fs_write_at(open->file, &iov, 1, off, &done));
	else
		CHECK(fs_write(open->file, &iov, 1, append ? 7 : off, &done, &end));
	SAME(done, len);
	if (len > 0 && (append || !open->append))
		SAME(end, off + len);
	memcpy(node->data + off, buf, len);
	if (len > 0)
		node->size = MAX(node->size, off + len);
	free(buf);
}

static void
random_operations(struct scene *scene)
{
	struct model *model = calloc(1, sizeof(*model));
	struct fs_inode *root;
	struct stat st;

	model->root = node_new(model, S_IFDIR, 0755);
	model->root->ino = FS_ROOT_INO;
	for (uint32_t i = 0; i < scene->ops; i++) {
		struct fs *fs = scene->fs[rand_below(&scene->rand, scene->mounts)];
		uint64_t what = rand_below(&scene->rand, 100);

		scene->done = i;
		if (what < 22)
			op_make(scene, model, fs);
		else if (what < 32)
			op_remove(scene, model, fs);
		else if (what < 50)
			op_rename(scene, model, fs);
		else if (what < 58)
			op_link(scene, model, fs);
		else if (what < 70)
			op_open(scene, model, fs);
		else
			op_io(scene, model);
	}
	for (uint32_t i = 0; i < scene->mounts; i++) {
		root = fs_root(scene->fs[i]);
		CHECK(fs_getattr(root, &st));
		SAME(st.st_nlink, model->root->nlink);
		same_tree(scene, scene->fs[i], root, model->root);
		fs_inode_put(root);
	}
	for (int i = 0; i < OPEN_MAX; i++)
		if (model->open[i].file != NULL) {
			same_data(model->open[i].file, model->open[i].node, 0, DATA_MAX);
			CHECK(fs_close(model->open[i].file));
		}
	for (int i = 0; i < model->node_nr; i++) {
		free(model->nodes[i]->data);
		free(model->nodes[i]);
	}
	free(model);
}

static void
one_mount_does_what_posix_says(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		run(&(struct scene){.seed = seed, .mounts = 1, .ops = 3000, .body = random_operations});
}

static void
two_mounts_do_what_posix_says(void **state)
{
	for (uint64_t seed = 11; seed <= 16; seed++)
		run(&(struct scene){.seed = seed, .mounts = 2, .ops = 3000, .body = random_operations});
}

static void
deaths_of_the_engine_are_not_noticed(void **state)
{
	run(&(struct scene){.seed = 21, .mounts = 2, .ops = 3000, .crashes = 12, .body = random_operations});
}

/* ---- what the model does not say ------------------------------------------------------------------------------------------------------------- */
enum { WRITERS = 8, RECORDS = 25, RECORD = 700 };

struct worker {
	struct scene *scene;
	uint32_t index;
	struct ult *ult;
	struct rand rand;
};

static void
workers_run(struct scene *scene, uint32_t nr, void (*body)(void *arg))
{
	struct worker workers[WRITERS];

	for (uint32_t i = 0; i < nr; i++) {
		workers[i] = (struct worker){.scene = scene, .index = i};
		rand_init(&workers[i].rand, scene->seed, 100 + i);
		CHECK(ult_spawn(xs_self(), ULT_IO, "worker", body, &workers[i], &workers[i].ult));
	}
	for (uint32_t i = 0; i < nr; i++)
		ult_join(workers[i].ult);
}

static void
append_records(void *arg)
{
	struct worker *worker = arg;
	struct fs *fs = worker->scene->fs[worker->index % 2];
	struct fs_inode *root = fs_root(fs), *inode;
	struct fs_file *file;
	uint8_t record[RECORD];
	struct iovec iov = {.iov_base = record, .iov_len = RECORD};
	bool created;
	size_t done;

	CHECK(fs_create(root, "log", 0644, O_WRONLY | O_APPEND, &who, &inode, NULL, &file, &created));
	for (int i = 0; i < RECORDS; i++) {
		memset(record, (int)worker->index, RECORD);
		record[0] = (uint8_t)i;
		CHECK(fs_write(file, &iov, 1, 0, &done, NULL));
		worker->scene->done++;
	}
	CHECK(fs_close(file));
	fs_inode_put(inode);
	fs_inode_put(root);
}

static void
append_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]), *inode;
	uint8_t record[RECORD], next[WRITERS] = {0};
	struct iovec iov = {.iov_base = record, .iov_len = RECORD};
	struct fs_file *file;
	struct stat st;
	size_t done;

	workers_run(scene, WRITERS, append_records);
	CHECK(fs_lookup(root, "log", &inode, &st));
	SAME(st.st_size, WRITERS * RECORDS * RECORD);
	CHECK(fs_open(inode, O_RDONLY, &file));
	for (int i = 0; i < WRITERS * RECORDS; i++) {
		CHECK(fs_read(file, &iov, 1, (uint64_t)i * RECORD, &done));
		SAME(done, RECORD);
		assert_true(record[1] < WRITERS);
		SAME(record[0], next[record[1]]++);
		for (int j = 2; j < RECORD; j++)
			SAME(record[j], record[1]);
	}
	CHECK(fs_close(file));
	fs_inode_put(inode);
	fs_inode_put(root);
}

static void
appends_of_two_mounts_never_overlap(void **state)
{
	for (uint64_t seed = 31; seed <= 34; seed++)
		run(&(struct scene){.seed = seed, .mounts = 2, .ops = WRITERS * RECORDS - 10, .crashes = seed % 2 == 0 ? 5 : 0, .body = append_body});
}

/* Each worker makes, moves and removes directories and links in the same four directories. */
static void
move_about(void *arg)
{
	struct worker *worker = arg;
	struct fs *fs = worker->scene->fs[worker->index % 2];
	struct fs_inode *root = fs_root(fs), *dirs[2], *inode;
	char top[2][8], name[2][8];
	int rc;

	for (int i = 0; i < 120; i++) {
		for (int j = 0; j < 2; j++) {
			snprintf(top[j], sizeof(top[j]), "d%d", (int)rand_below(&worker->rand, 4));
			snprintf(name[j], sizeof(name[j]), "d%d", (int)rand_below(&worker->rand, 4));
			dirs[j] = NULL;
			if (rand_one_in(&worker->rand, 3) || fs_lookup(root, top[j], &dirs[j], NULL) != 0)
				dirs[j] = fs_inode_get(root);
			if (fs_inode_type(dirs[j]) != S_IFDIR) {
				fs_inode_put(dirs[j]);
				dirs[j] = fs_inode_get(root);
			}
		}
		switch (rand_below(&worker->rand, 6)) {
		case 0:
			rc = fs_mkdir(dirs[0], name[0], 0755, &who, NULL, NULL);
			break;
		case 1:
			rc = fs_mknod(dirs[0], name[0], S_IFREG | 0644, 0, &who, NULL, NULL);
			break;
		case 2:
			rc = fs_unlink(dirs[0], name[0]);
			break;
		case 3:
			rc = fs_rmdir(dirs[0], name[0]);
			break;
		case 4:
			rc = fs_lookup(dirs[0], name[0], &inode, NULL);
			if (rc == 0) {
				rc = fs_link(inode, dirs[1], name[1], NULL);
				fs_inode_put(inode);
			}
			break;
		default:
			rc = fs_rename(dirs[0], name[0], dirs[1], name[1], rand_one_in(&worker->rand, 3) ? EXCHANGE : 0);
			break;
		}
		if (rc != 0 && rc != ENOENT && rc != EEXIST && rc != EISDIR && rc != ENOTDIR && rc != ENOTEMPTY && rc != EINVAL && rc != EPERM) {
			print_error("worker %u, round %d: %d\n", worker->index, i, rc);
			abort();
		}
		fs_inode_put(dirs[0]);
		fs_inode_put(dirs[1]);
		worker->scene->done++;
	}
	fs_inode_put(root);
}

struct census {
	struct fs_inode *dir;
	uint32_t subdirs, names;
	struct found {
		uint64_t ino;
		uint32_t nlink, names;
	} found[256];
	uint32_t found_nr;
	struct fs_inode *kids[64];
	uint32_t kid_nr;
};

static int
census_one(void *arg, const struct fs_entry *entry)
{
	struct census *census = arg;
	uint32_t i;

	if (entry->name[0] == '.')
		return 0;
	if (entry->type == S_IFDIR) {
		census->subdirs++;
		census->kids[census->kid_nr++] = fs_inode_get(entry->inode);
		return 0;
	}
	for (i = 0; i < census->found_nr && census->found[i].ino != entry->ino; i++)
		;
	census->found[i].ino = entry->ino;
	census->found[i].nlink = (uint32_t)entry->st->st_nlink;
	census->found[i].names++;
	census->found_nr = MAX(census->found_nr, i + 1);
	return 0;
}

/* Every directory counts its subdirectories and knows its parent; every entry leads somewhere. */
static void
census_dir(struct census *census, struct fs_inode *dir, uint64_t parent, int depth)
{
	struct fs_dir *handle;
	struct fs_inode *up;
	uint32_t first = census->kid_nr, end;
	struct stat st;

	assert_true(depth < 32);
	census->subdirs = 0;
	CHECK(fs_opendir(dir, &handle));
	CHECK(fs_readdir(handle, 0, true, census_one, census));
	fs_closedir(handle);
	end = census->kid_nr;
	CHECK(fs_getattr(dir, &st));
	SAME(st.st_nlink, 2 + census->subdirs);
	CHECK(fs_lookup(dir, "..", &up, NULL));
	SAME(fs_inode_ino(up), parent);
	fs_inode_put(up);
	for (uint32_t i = first; i < end; i++)
		census_dir(census, census->kids[i], fs_inode_ino(dir), depth + 1);
	while (census->kid_nr > first)
		fs_inode_put(census->kids[--census->kid_nr]);
}

static void
move_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]);
	struct census *census = calloc(1, sizeof(*census));

	workers_run(scene, 6, move_about);
	census_dir(census, root, FS_ROOT_INO, 0);
	for (uint32_t i = 0; i < census->found_nr; i++)
		SAME(census->found[i].nlink, census->found[i].names);
	free(census);
	fs_inode_put(root);
}

static void
names_count_right_when_many_move_them_at_once(void **state)
{
	for (uint64_t seed = 41; seed <= 46; seed++)
		run(&(struct scene){.seed = seed, .mounts = 2, .ops = 700, .crashes = seed % 2 == 0 ? 5 : 0, .body = move_body});
}

enum { STABLE = 150 };

struct walk {
	uint32_t seen[STABLE];
	uint64_t cookie;
	int left;
};

static int
walk_one(void *arg, const struct fs_entry *entry)
{
	struct walk *walk = arg;

	if (walk->left-- == 0)
		return 1;
	if (entry->name[0] == 's')
		walk->seen[atoi(entry->name + 1)]++;
	walk->cookie = entry->cookie;
	return 0;
}

static void
walk_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]);
	struct walk walk = {0};
	struct fs_dir *dir;
	uint64_t before;
	char name[32];

	for (int i = 0; i < STABLE; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		CHECK(fs_mknod(root, name, S_IFREG | 0600, 0, &who, NULL, NULL));
		snprintf(name, sizeof(name), "v%d", i);
		CHECK(fs_mknod(root, name, S_IFREG | 0600, 0, &who, NULL, NULL));
	}
	CHECK(fs_opendir(root, &dir));
	for (int i = 0; i < STABLE; i++) {
		before = walk.cookie;
		walk.left = 4;
		CHECK(fs_readdir(dir, walk.cookie, false, walk_one, &walk));
		if (walk.cookie == before)
			break;
		snprintf(name, sizeof(name), "v%d", i);
		CHECK(fs_unlink(root, name));
		snprintf(name, sizeof(name), "w%d", i);
		CHECK(fs_mknod(root, name, S_IFREG | 0600, 0, &who, NULL, NULL));
		if (i % 3 == 0) { /* go on in a fresh handle */
			fs_closedir(dir);
			CHECK(fs_opendir(root, &dir));
		}
	}
	fs_closedir(dir);
	for (int i = 0; i < STABLE; i++)
		SAME(walk.seen[i], 1);
	fs_inode_put(root);
}

static void
what_stays_is_listed_once_while_names_come_and_go(void **state)
{
	run(&(struct scene){.seed = 51, .mounts = 1, .body = walk_body});
}

static void
attributes_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]), *dir, *inode, *there;
	struct stat st, attr = {0}, now;
	struct fs_file *file;
	struct iovec iov = {.iov_base = (void *)"x", .iov_len = 1};
	char value[64], list[64];
	struct statvfs space;
	bool created;
	size_t n;

	/* owner, group and umask at creation; setgid directories */
	CHECK(fs_mkdir(root, "dir", 02777, &who, &dir, &st));
	SAME(st.st_mode, S_IFDIR | 02755);
	attr.st_gid = 77;
	attr.st_mode = 02755;
	CHECK(fs_setattr(dir, &attr, FS_SET_GID | FS_SET_MODE, &st));
	SAME(st.st_gid, 77);
	CHECK(fs_create(dir, "f", 06777, O_RDWR | O_EXCL, &who, &inode, &st, &file, &created));
	SAME(st.st_gid, 77);
	SAME(st.st_mode, S_IFREG | 06755);
	SAME(fs_create(dir, "f", 0600, O_RDWR | O_EXCL, &who, &there, &st, &file, &created), EEXIST);

	/* set-id bits go with a write */
	CHECK(fs_write(file, &iov, 1, 5000, &n, NULL));
	CHECK(fs_getattr(inode, &st));
	SAME(st.st_mode, S_IFREG | 0755);
	SAME(st.st_size, 5001);

	/* a time that was set stays until the next write, also over a chmod; then it is the write's */
	attr.st_mtim = (struct timespec){.tv_sec = 12345, .tv_nsec = 678};
	attr.st_atim = (struct timespec){.tv_sec = -5, .tv_nsec = 1};
	CHECK(fs_setattr(inode, &attr, FS_SET_MTIME | FS_SET_ATIME, &st));
	attr.st_mode = 0600;
	CHECK(fs_setattr(inode, &attr, FS_SET_MODE, &st));
	SAME(st.st_mtim.tv_sec, 12345);
	SAME(st.st_mtim.tv_nsec, 678);
	SAME(st.st_atim.tv_sec, -5);
	now = st;
	CHECK(fs_write(file, &iov, 1, 0, &n, NULL));
	CHECK(fs_getattr(inode, &st));
	assert_true(st.st_mtim.tv_sec >= now.st_ctim.tv_sec && st.st_ctim.tv_sec >= now.st_ctim.tv_sec);

	/* the other mount sees all of it */
	CHECK(fs_lookup(root, "dir", &there, &st));
	fs_inode_put(there);
	CHECK(fs_lookup(dir, "..", &there, &now));
	SAME(now.st_ino, FS_ROOT_INO);
	fs_inode_put(there);

	/* extended attributes */
	CHECK(fs_setxattr(inode, "user.a", "one", 3, XATTR_CREATE));
	SAME(fs_setxattr(inode, "user.a", "one", 3, XATTR_CREATE), EEXIST);
	SAME(fs_setxattr(inode, "user.b", "", 0, XATTR_REPLACE), ENODATA);
	CHECK(fs_setxattr(inode, "user.b", "", 0, 0));
	CHECK(fs_getxattr(inode, "user.a", value, sizeof(value), &n));
	SAME(n, 3);
	SAME(fs_getxattr(inode, "user.a", value, 2, &n), ERANGE);
	CHECK(fs_getxattr(inode, "user.b", value, sizeof(value), &n));
	SAME(n, 0);
	SAME(fs_getxattr(inode, "user.c", value, sizeof(value), &n), ENODATA);
	SAME(fs_getxattr(inode, "system.posix_acl_access", value, sizeof(value), &n), EOPNOTSUPP);
	CHECK(fs_listxattr(inode, list, sizeof(list), &n));
	SAME(n, 14);
	CHECK(fs_removexattr(inode, "user.a"));
	SAME(fs_removexattr(inode, "user.a"), ENODATA);
	CHECK(fs_setxattr(dir, "user.a", "dir", 3, 0));
	SAME(fs_rmdir(root, "dir"), ENOTEMPTY);

	/* names */
	SAME(fs_unlink(root, "dir"), EISDIR);
	SAME(fs_rmdir(dir, "f"), ENOTDIR);
	SAME(fs_rmdir(root, "."), EINVAL);
	SAME(fs_rename(root, "dir", dir, "below", 0), EINVAL);
	SAME(fs_link(dir, root, "hard", NULL), EPERM);
	memset(list, 'x', sizeof(list));

	/* a directory that was removed takes no more names, and its opener still sees it */
	CHECK(fs_close(file));
	CHECK(fs_unlink(dir, "f"));
	CHECK(fs_rmdir(root, "dir"));
	SAME(fs_mknod(dir, "late", S_IFREG | 0600, 0, &who, NULL, NULL), ENOENT);
	CHECK(fs_getattr(dir, &st));
	SAME(st.st_nlink, 0);
	CHECK(fs_statfs(scene->fs[0], &space));
	assert_true(space.f_blocks > 0 && space.f_bfree <= space.f_blocks);
	fs_inode_put(inode);
	fs_inode_put(dir);
	fs_inode_put(root);
}

static void
attributes_are_kept_as_posix_says(void **state)
{
	run(&(struct scene){.seed = 61, .mounts = 1, .body = attributes_body});
}

/* A large sparse file, cut: more chunks than one transaction takes. */
static void
sparse_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]), *inode;
	struct stat attr = {0}, st;
	struct iovec iov = {.iov_base = (void *)"x", .iov_len = 1};
	char byte = 'y';
	struct iovec back = {.iov_base = &byte, .iov_len = 1};
	struct fs_file *file;
	bool created;
	size_t n;

	CHECK(fs_create(root, "sparse", 0600, O_RDWR, &who, &inode, NULL, &file, &created));
	for (uint64_t i = 0; i < 700; i++)
		CHECK(fs_write(file, &iov, 1, i * CHUNK + 5, &n, NULL));
	attr.st_size = (off_t)(1ULL << 40);
	CHECK(fs_setattr(inode, &attr, FS_SET_SIZE, &st));
	SAME(st.st_size, 1ULL << 40);
	attr.st_size = 3 * CHUNK + 2;
	CHECK(fs_setattr(inode, &attr, FS_SET_SIZE, &st));
	SAME(st.st_size, 3 * CHUNK + 2);
	attr.st_size = 4 * CHUNK;
	CHECK(fs_setattr(inode, &attr, FS_SET_SIZE, &st));
	CHECK(fs_read(file, &back, 1, 3 * CHUNK + 5, &n));
	SAME(n, 1);
	SAME(byte, 0);
	CHECK(fs_read(file, &back, 1, 2 * CHUNK + 5, &n));
	SAME(byte, 'x');
	CHECK(fs_read(file, &back, 1, 4 * CHUNK, &n));
	SAME(n, 0);
	SAME(fs_setattr(inode, &(struct stat){.st_size = -1}, FS_SET_SIZE, NULL), EINVAL);
	CHECK(fs_close(file));
	fs_inode_put(inode);
	fs_inode_put(root);
}

static void
a_file_of_many_chunks_is_cut(void **state)
{
	run(&(struct scene){.seed = 71, .mounts = 1, .body = sparse_body});
}

/* ---- locks and sessions ------------------------------------------------------------------------------------------------------------------- */
struct locker {
	struct fs_inode *inode;
	uint64_t owner;
	struct fs_lock lock;
	bool interrupted;
	int rc;
	bool done;
};

static void
lock_and_wait(void *arg)
{
	struct locker *locker = arg;

	locker->rc = fs_setlk(locker->inode, locker->owner, &locker->lock, true, &locker->interrupted);
	locker->done = true;
}

static void
locks_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]), *inode;
	struct fs_lock lock = {.start = 0, .end = 99, .type = F_WRLCK, .pid = 1}, ask;
	struct locker waiting;
	struct ult *ult;

	CHECK(fs_mknod(root, "locked", S_IFREG | 0600, 0, &who, &inode, NULL));
	CHECK(fs_setlk(inode, 1, &lock, false, NULL));
	lock = (struct fs_lock){.start = 40, .end = 59, .type = F_UNLCK};
	CHECK(fs_setlk(inode, 1, &lock, false, NULL)); /* two are left */
	lock = (struct fs_lock){.start = 40, .end = 59, .type = F_WRLCK, .pid = 2};
	CHECK(fs_setlk(inode, 2, &lock, false, NULL));
	ask = (struct fs_lock){.start = 0, .end = UINT64_MAX, .type = F_RDLCK};
	CHECK(fs_getlk(inode, 2, &ask));
	SAME(ask.type, F_WRLCK);
	SAME(ask.pid, 1);
	ask = (struct fs_lock){.start = 59, .end = 60, .type = F_WRLCK};
	SAME(fs_setlk(inode, 1, &ask, false, NULL), EAGAIN);

	/* 2 waits for 1; then 1 must not wait for 2 */
	waiting = (struct locker){.inode = inode, .owner = 2, .lock = {.start = 0, .end = 9, .type = F_RDLCK}};
	CHECK(ult_spawn(xs_self(), ULT_IO, "locker", lock_and_wait, &waiting, &ult));
	ult_sleep(NS_PER_MS);
	assert_false(waiting.done);
	SAME(fs_setlk(inode, 1, &ask, true, NULL), EDEADLK);
	CHECK(fs_lock_release(inode, 1));
	ult_join(ult);
	SAME(waiting.rc, 0);

	/* a wait can be interrupted */
	waiting = (struct locker){.inode = inode, .owner = 3, .lock = {.start = 45, .end = 45, .type = F_WRLCK}};
	CHECK(ult_spawn(xs_self(), ULT_IO, "locker", lock_and_wait, &waiting, &ult));
	ult_sleep(NS_PER_MS);
	waiting.interrupted = true;
	fs_lock_interrupt(scene->fs[0]);
	ult_join(ult);
	SAME(waiting.rc, EINTR);

	CHECK(fs_flock(inode, 1, LOCK_SH, NULL));
	CHECK(fs_flock(inode, 2, LOCK_SH, NULL));
	SAME(fs_flock(inode, 2, LOCK_EX | LOCK_NB, NULL), EAGAIN);
	CHECK(fs_flock(inode, 1, LOCK_EX | LOCK_NB, NULL)); /* 2 lost its own on the way, as flock(2) says */
	CHECK(fs_flock(inode, 1, LOCK_UN, NULL));
	fs_inode_put(inode);
	fs_inode_put(root);
}

static void
locks_split_wait_and_refuse_circles(void **state)
{
	run(&(struct scene){.seed = 81, .mounts = 1, .body = locks_body});
}

static void
recalled(void *arg)
{
	++*(int *)arg;
}

static void
session_body(struct scene *scene)
{
	struct fs *second;
	int recalls = 0;

	assert_true(fs_sole(scene->fs[0]));
	fs_on_recall(scene->fs[0], recalled, &recalls);
	CHECK(fs_mount(scene->cont, 0, &second));
	SAME(recalls, 1);
	assert_false(fs_sole(scene->fs[0]));
	assert_false(fs_sole(second));
	CHECK(fs_umount(second));
	ult_sleep(3 * NS_PER_S);
	assert_true(fs_sole(scene->fs[0]));
}

static void
a_second_mount_comes_in_when_the_first_has_dropped_its_caches(void **state)
{
	run(&(struct scene){.seed = 91, .mounts = 1, .body = session_body});
}

/* Sessions of two mounts that died: nobody renews them. The engine restarts as well. */
static void
lone_body(struct scene *scene)
{
	struct cont_renewal dead = {.lease_ms = 5000, .number = 1, .fresh = true, .machine = "gone"};
	struct cont_renewed renewed;
	struct arena arena;

	arena_init(&arena, client_mem(cont_client(scene->cont)));
	for (int i = 0; i < 2; i++) {
		struct cont *cont; /* each had a handle of its own */

		memset(dead.session, 0x11 * (i + 1), sizeof(dead.session));
		CHECK(cont_clone(scene->cont, &cont));
		CHECK(cont_session_renew(cont, &dead, &arena, &renewed));
		cont_put(cont);
	}
	arena_fini(&arena);
	ult_sleep(NS_PER_S);
	scene->done++; /* now the engine dies */
	ult_sleep(NS_PER_S);
	assert_false(fs_sole(scene->fs[0]));
	ult_sleep(9 * NS_PER_S);
	assert_true(fs_sole(scene->fs[0]));
}

static void
a_lone_mount_is_alone_a_lease_after_others_and_the_engine_died(void **state)
{
	run(&(struct scene){.seed = 92, .mounts = 1, .body = lone_body});
	run(&(struct scene){.seed = 93, .mounts = 1, .ops = 2, .crashes = 1, .body = lone_body});
}

static void
orphan_body(struct scene *scene)
{
	struct fs_inode *roots[2] = {fs_root(scene->fs[0]), fs_root(scene->fs[1])}, *inode, *same;
	struct iovec iov = {.iov_base = (void *)"still here", .iov_len = 10};
	char back[16] = "";
	struct iovec to = {.iov_base = back, .iov_len = sizeof(back)};
	struct fs_file *file;
	daos_obj_id_t oid;
	struct stat st;
	bool created;
	size_t n;

	/* open here, unlinked there, by a mount that then goes */
	CHECK(fs_create(roots[0], "f", 0600, O_RDWR, &who, &inode, NULL, &file, &created));
	CHECK(fs_write(file, &iov, 1, 0, &n, NULL));
	CHECK(fs_lookup(roots[1], "f", &same, NULL));
	fs_inode_put(same);
	oid = fs_inode_oid(inode);
	CHECK(fs_unlink(roots[1], "f"));
	SAME(orphans_of(scene->cont), 1);
	fs_inode_put(roots[1]);
	CHECK(fs_umount(scene->fs[1]));
	scene->mounts = 1;
	ult_sleep(30 * NS_PER_S);
	CHECK(fs_read(file, &to, 1, 0, &n));
	SAME(n, 10);
	CHECK(fs_getattr(inode, &st));
	SAME(st.st_nlink, 0);
	SAME(fs_link(inode, roots[0], "again", NULL), ENOENT);
	CHECK(fs_close(file));
	fs_inode_put(inode);
	SAME(orphans_of(scene->cont), 0);
	SAME(dkeys_of(scene->cont, oid), 0);
	fs_inode_put(roots[0]);
}

static void
a_file_unlinked_by_another_mount_stays_until_it_is_closed(void **state)
{
	run(&(struct scene){.seed = 95, .mounts = 2, .body = orphan_body});
}

/* As open(2) does: looks the name up, then opens what it found. In between another file takes the name, here (mount 0) or there (1). */
static void
replaced_body(struct scene *scene)
{
	struct iovec iov = {.iov_base = (void *)"the old one", .iov_len = 11};
	char back[16] = "";
	struct iovec to = {.iov_base = back, .iov_len = sizeof(back)};
	struct fs_inode *roots[2] = {fs_root(scene->fs[0]), fs_root(scene->fs[1])}, *inode, *other;
	struct fs_file *file;
	struct stat st;
	bool created;
	size_t n;

	for (int by = 0; by < 2; by++) {
		CHECK(fs_create(roots[0], "name", 0600, O_RDWR, &who, &inode, NULL, &file, &created));
		CHECK(fs_write(file, &iov, 1, 0, &n, NULL));
		CHECK(fs_close(file));
		fs_inode_put(inode);
		CHECK(fs_mknod(roots[by], "new", 0600, 0, &who, &other, NULL));
		CHECK(fs_lookup(roots[0], "name", &inode, &st));
		CHECK(fs_rename(roots[by], "new", roots[by], "name", 0));
		CHECK(fs_open(inode, O_RDONLY, &file));
		CHECK(fs_read(file, &to, 1, 0, &n));
		SAME(n, 11);
		assert_memory_equal(back, "the old one", 11);
		CHECK(fs_getattr(inode, &st));
		SAME(st.st_nlink, 0);
		CHECK(fs_close(file));
		fs_inode_put(inode);
		fs_inode_put(other);
		CHECK(fs_unlink(roots[0], "name"));
		ult_sleep(30 * NS_PER_S);
		SAME(orphans_of(scene->cont), 0);
	}
	fs_inode_put(roots[0]);
	fs_inode_put(roots[1]);
}

static void
who_looked_up_a_name_can_open_it_although_another_file_has_taken_it(void **state)
{
	run(&(struct scene){.seed = 97, .mounts = 2, .body = replaced_body});
}

static void
removed_dir_body(struct scene *scene)
{
	struct fs_inode *roots[2] = {fs_root(scene->fs[0]), fs_root(scene->fs[1])}, *dir, *none;
	struct fs_dir *handle;
	struct stat st;

	CHECK(fs_mkdir(roots[0], "d", 0750, &who, &dir, NULL));
	CHECK(fs_opendir(dir, &handle));
	CHECK(fs_rmdir(roots[1], "d"));
	CHECK(fs_getattr(dir, &st));
	SAME(st.st_nlink, 0);
	SAME(st.st_mode, S_IFDIR | 0750);
	SAME(fs_lookup(dir, "x", &none, NULL), ENOENT);
	SAME(fs_mknod(dir, "x", 0600, 0, &who, &none, NULL), ENOENT);
	SAME(fs_lookup(roots[0], "d", &none, &st), ENOENT);
	fs_closedir(handle);
	fs_inode_put(dir);
	fs_inode_put(roots[0]);
	fs_inode_put(roots[1]);
}

static void
who_stands_in_a_directory_that_another_mount_removed_can_look_at_it(void **state)
{
	run(&(struct scene){.seed = 96, .mounts = 2, .body = removed_dir_body});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_mount_does_what_posix_says),
		cmocka_unit_test(two_mounts_do_what_posix_says),
		cmocka_unit_test(deaths_of_the_engine_are_not_noticed),
		cmocka_unit_test(appends_of_two_mounts_never_overlap),
		cmocka_unit_test(names_count_right_when_many_move_them_at_once),
		cmocka_unit_test(what_stays_is_listed_once_while_names_come_and_go),
		cmocka_unit_test(attributes_are_kept_as_posix_says),
		cmocka_unit_test(a_file_of_many_chunks_is_cut),
		cmocka_unit_test(locks_split_wait_and_refuse_circles),
		cmocka_unit_test(a_file_unlinked_by_another_mount_stays_until_it_is_closed),
		cmocka_unit_test(who_stands_in_a_directory_that_another_mount_removed_can_look_at_it),
		cmocka_unit_test(who_looked_up_a_name_can_open_it_although_another_file_has_taken_it),
		cmocka_unit_test(a_lone_mount_is_alone_a_lease_after_others_and_the_engine_died),
		cmocka_unit_test(a_second_mount_comes_in_when_the_first_has_dropped_its_caches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
