/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dfs on an engine in a simulated world: random operations of one and two mounts against a model of POSIX in memory, with and without
 * deaths of the engine.
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
#include "sim/posix_model.h"
#include "dfs_scene.c"

enum { NODES = 2048, DATA_MAX = 5 * CHUNK, OPEN_MAX = 8 };

/* ---- comparing --------------------------------------------------------------------------------------------------------------------------- */
static void
same_stat(const struct model_node *node, const struct stat *st)
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
same_data(struct fs_file *file, const struct model_node *node, uint64_t off, uint64_t len)
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
	const struct model *model;
	const struct model_node *dir;
	int seen, stop_after;
	uint64_t cookie;
	bool attributes, dot, dotdot;
};

static int
list_one(void *arg, const struct fs_entry *entry)
{
	struct listing *list = arg;
	const struct model_node *kid;
	int found;

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
		SAME(entry->ino, list->dir->parent >= 0 ? list->model->nodes[list->dir->parent].ino : list->dir->ino);
		return 0;
	}
	found = model_find(list->model, (int)(list->dir - list->model->nodes), entry->name);
	assert_true(found >= 0);
	kid = &list->model->nodes[found];
	SAME(entry->ino, kid->ino);
	SAME(entry->type, kid->type);
	if (list->attributes)
		same_stat(kid, entry->st);
	list->seen++;
	return 0;
}

static void
same_list(struct scene *scene, const struct model *model, struct fs_inode *inode, const struct model_node *dir)
{
	struct listing list = {.model = model, .dir = dir, .attributes = rand_one_in(&scene->rand, 2)};
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
same_tree(struct scene *scene, struct fs *fs, const struct model *model, struct fs_inode *inode, int number)
{
	const struct model_node *dir = &model->nodes[number];
	struct fs_inode *kid;
	struct fs_file *file;
	struct stat st;

	CHECK(fs_getattr(inode, &st));
	if (dir->parent >= 0)
		same_stat(dir, &st);
	same_list(scene, model, inode, dir);
	for (int i = 0; i < dir->kid_nr; i++) {
		const struct model_node *node = &model->nodes[dir->kids[i].node];

		CHECK(fs_lookup(inode, dir->kids[i].name, &kid, &st));
		same_stat(node, &st);
		if (node->type == S_IFDIR)
			same_tree(scene, fs, model, kid, dir->kids[i].node);
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
struct opened {
	struct fs_file *file;
	int node;
	bool append;
};

struct play {
	struct model *model;
	struct opened open[OPEN_MAX];
};

struct place {
	int dir;
	struct fs_inode *inode;
	char name[8];
};

/* Some directory, looked up from the root, and a name that may be in it. */
static void
some_place(struct scene *scene, struct play *play, struct fs *fs, struct place *place)
{
	struct fs_inode *inode = fs_root(fs), *next;
	const struct model_node *nodes = play->model->nodes, *dir = nodes;

	for (int depth = 0; depth < 4 && !rand_one_in(&scene->rand, 3) && dir->kid_nr > 0; depth++) {
		const struct model_kid *kid = &dir->kids[rand_below(&scene->rand, (uint64_t)dir->kid_nr)];

		if (nodes[kid->node].type != S_IFDIR)
			continue;
		CHECK(fs_lookup(inode, kid->name, &next, NULL));
		SAME(fs_inode_ino(next), nodes[kid->node].ino);
		fs_inode_put(inode);
		inode = next;
		dir = &nodes[kid->node];
	}
	place->dir = (int)(dir - nodes);
	place->inode = inode;
	snprintf(place->name, sizeof(place->name), "n%d", (int)rand_below(&scene->rand, 8));
}

static void
op_make(struct scene *scene, struct play *play, struct fs *fs)
{
	uint32_t types[] = {S_IFREG, S_IFREG, S_IFDIR, S_IFDIR, S_IFLNK, S_IFIFO}, type = types[rand_below(&scene->rand, 6)];
	uint32_t mode = type == S_IFLNK ? 0777 : 0644 + (uint32_t)rand_below(&scene->rand, 2) * 0100;
	struct fs_inode *made;
	struct place place;
	struct stat st;
	char target[32];
	int rc, node;

	some_place(scene, play, fs, &place);
	snprintf(target, sizeof(target), "target %u", rand_u32(&scene->rand));
	if (type == S_IFDIR)
		rc = fs_mkdir(place.inode, place.name, mode, &who, &made, &st);
	else if (type == S_IFLNK)
		rc = fs_symlink(place.inode, place.name, target, &who, &made, &st);
	else
		rc = fs_mknod(place.inode, place.name, type | mode, 0, &who, &made, &st);
	SAME(rc, model_make(play->model, place.dir, place.name, type, mode, target, &node));
	if (rc == 0) {
		play->model->nodes[node].ino = fs_inode_ino(made);
		same_stat(&play->model->nodes[node], &st);
		fs_inode_put(made);
	}
	fs_inode_put(place.inode);
}

static void
op_remove(struct scene *scene, struct play *play, struct fs *fs)
{
	bool dir = rand_one_in(&scene->rand, 2);
	struct place place;

	some_place(scene, play, fs, &place);
	SAME(dir ? fs_rmdir(place.inode, place.name) : fs_unlink(place.inode, place.name), model_remove(play->model, place.dir, place.name, dir));
	fs_inode_put(place.inode);
}

static void
op_rename(struct scene *scene, struct play *play, struct fs *fs)
{
	uint32_t flags = rand_one_in(&scene->rand, 4) ? MODEL_NOREPLACE : rand_one_in(&scene->rand, 4) ? MODEL_EXCHANGE : 0;
	struct place from, to;
	int want;

	some_place(scene, play, fs, &from);
	some_place(scene, play, fs, &to);
	want = model_rename(play->model, from.dir, from.name, to.dir, to.name, flags);
	SAME(fs_rename(from.inode, from.name, to.inode, to.name, flags), want);
	fs_inode_put(from.inode);
	fs_inode_put(to.inode);
}

static void
op_link(struct scene *scene, struct play *play, struct fs *fs)
{
	struct place from, to;
	struct fs_inode *inode;
	struct stat st;
	int node, want;

	some_place(scene, play, fs, &from);
	some_place(scene, play, fs, &to);
	node = model_find(play->model, from.dir, from.name);
	if (node >= 0) {
		CHECK(fs_lookup(from.inode, from.name, &inode, NULL));
		want = model_link(play->model, node, to.dir, to.name);
		SAME(fs_link(inode, to.inode, to.name, &st), want);
		if (want == 0)
			same_stat(&play->model->nodes[node], &st);
		fs_inode_put(inode);
	}
	fs_inode_put(from.inode);
	fs_inode_put(to.inode);
}

static void
op_open(struct scene *scene, struct play *play, struct fs *fs)
{
	struct opened *open = &play->open[rand_below(&scene->rand, OPEN_MAX)];
	bool append = rand_one_in(&scene->rand, 3), trunc = rand_one_in(&scene->rand, 8), created;
	struct fs_inode *inode;
	struct place place;
	struct stat st;
	uint32_t type;
	int want, rc, node;

	if (open->file != NULL) {
		CHECK(fs_close(open->file));
		model_close(play->model, open->node);
		open->file = NULL;
		return;
	}
	some_place(scene, play, fs, &place);
	node = model_find(play->model, place.dir, place.name);
	type = node < 0 ? S_IFREG : play->model->nodes[node].type;
	want = type == S_IFREG ? 0 : type == S_IFDIR ? EISDIR : type == S_IFLNK ? ELOOP : ENXIO;
	rc = fs_create(place.inode, place.name, 0644, O_RDWR | (append ? O_APPEND : 0) | (trunc ? O_TRUNC : 0), &who, &inode, &st, &open->file,
		       &created);
	SAME(rc, want);
	if (rc == 0) {
		SAME(created, node < 0);
		if (node < 0) {
			SAME(model_make(play->model, place.dir, place.name, S_IFREG, 0644, NULL, &node), 0);
			play->model->nodes[node].ino = fs_inode_ino(inode);
		} else if (trunc) {
			model_resize(play->model, node, 0);
		}
		model_open(play->model, node);
		open->node = node;
		open->append = append;
		same_stat(&play->model->nodes[node], &st);
		fs_inode_put(inode);
	}
	fs_inode_put(place.inode);
}

static void
op_io(struct scene *scene, struct play *play)
{
	struct opened *open = &play->open[rand_below(&scene->rand, OPEN_MAX)];
	uint64_t off = rand_below(&scene->rand, DATA_MAX), len = rand_one_in(&scene->rand, 3) ? 2 * CHUNK : 100, end;
	struct model_node *node = &play->model->nodes[open->node];
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
		model_punch(play->model, open->node, off, len);
		return;
	case 0:
		same_data(open->file, node, off, len);
		CHECK(fs_getattr(fs_file_inode(open->file), &st));
		same_stat(node, &st);
		return;
	case 1:
		attr.st_size = (off_t)off;
		CHECK(fs_setattr(fs_file_inode(open->file), &attr, FS_SET_SIZE, &st));
		model_resize(play->model, open->node, off);
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
	model_write(play->model, open->node, off, buf, len);
	free(buf);
}

static void
random_operations(struct scene *scene)
{
	struct play play = {.model = model_create(NODES, DATA_MAX, 0755)};
	struct fs_inode *root;
	struct stat st;

	play.model->nodes[0].ino = FS_ROOT_INO;
	for (uint32_t i = 0; i < scene->ops; i++) {
		struct fs *fs = scene->fs[rand_below(&scene->rand, scene->mounts)];
		uint64_t what = rand_below(&scene->rand, 100);

		scene->done = i;
		if (what < 22)
			op_make(scene, &play, fs);
		else if (what < 32)
			op_remove(scene, &play, fs);
		else if (what < 50)
			op_rename(scene, &play, fs);
		else if (what < 58)
			op_link(scene, &play, fs);
		else if (what < 70)
			op_open(scene, &play, fs);
		else
			op_io(scene, &play);
	}
	for (uint32_t i = 0; i < scene->mounts; i++) {
		root = fs_root(scene->fs[i]);
		CHECK(fs_getattr(root, &st));
		SAME(st.st_nlink, play.model->nodes[0].nlink);
		same_tree(scene, scene->fs[i], play.model, root, 0);
		fs_inode_put(root);
	}
	for (int i = 0; i < OPEN_MAX; i++)
		if (play.open[i].file != NULL) {
			same_data(play.open[i].file, &play.model->nodes[play.open[i].node], 0, DATA_MAX);
			CHECK(fs_close(play.open[i].file));
		}
	model_free(play.model);
}

static void
one_mount_does_what_posix_says(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		run(&(struct scene){.seed = seed, .mounts = 1, .ops = 3000 / TEST_PARTS, .body = random_operations});
}

static void
two_mounts_do_what_posix_says(void **state)
{
	for (uint64_t seed = 11; seed <= 16; seed++)
		run(&(struct scene){.seed = seed, .mounts = 2, .ops = 3000 / TEST_PARTS, .body = random_operations});
}

static void
deaths_of_the_engine_are_not_noticed(void **state)
{
	run(&(struct scene){.seed = 21, .mounts = 2, .ops = 3000, .crashes = 12, .body = random_operations});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_mount_does_what_posix_says),
		cmocka_unit_test(two_mounts_do_what_posix_says),
		cmocka_unit_test(deaths_of_the_engine_are_not_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
