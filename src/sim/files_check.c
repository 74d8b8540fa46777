/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/files: comparing what a mount shows with what the models say. A comparison that fails on the way (trouble) says nothing; one that ends is exact:
 * names, types, link counts, numbers, sizes, bytes, targets; of the shared directory, what is the player's own.
 */
#include "files_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEPTH = 16, LISTED = 256 };

/* The directory of a node; the caller puts it. */
int
files__dir(struct fs *fs, const struct model *model, int node, struct fs_inode **result)
{
	struct fs_inode *inode = fs_root(fs), *next;
	int path[DEPTH], depth = 0, rc = 0;

	for (int at = node; at != 0; at = model->nodes[at].parent)
		path[depth++] = at;
	while (rc == 0 && depth-- > 0) {
		const struct model_node *parent = &model->nodes[model->nodes[path[depth]].parent];
		const char *name = NULL;

		for (int i = 0; i < parent->kid_nr; i++)
			if (parent->kids[i].node == path[depth])
				name = parent->kids[i].name;
		rc = fs_lookup(inode, name, &next, NULL);
		fs_inode_put(inode);
		inode = next;
	}
	if (rc == 0)
		*result = inode;
	return rc;
}

/* ---- one inode ------------------------------------------------------------------------------------------------------------------- */
struct compared {
	struct files_player *player;
	struct fs *fs;
	const struct model *model;
	bool same;
	const char *why;
	const char *prefix; /* of names to look at in the directory at hand; NULL: all */
	const struct model_node *dir;
	int seen;
};

static bool
differs(struct compared *it, bool does, const char *why)
{
	if (does && it->same) {
		it->same = false;
		it->why = why;
	}
	return does;
}

static void
compare_stat(struct compared *it, int number, const struct stat *st)
{
	const struct model_node *node = &it->model->nodes[number];

	if (differs(it, st->st_mode != (node->type | node->mode), "type or mode") || differs(it, node->ino != 0 && st->st_ino != node->ino, "another file"))
		return;
	if (number > FILES_SHARED && differs(it, st->st_nlink != node->nlink, "the link count"))
		return;
	if (node->type == S_IFREG)
		(void)differs(it, (uint64_t)st->st_size != node->size, "the size");
}

static int
compare_data(struct compared *it, struct fs_inode *inode, const struct model_node *node)
{
	struct iovec iov = {.iov_base = it->player->back, .iov_len = FILES_ROOM + 1};
	struct fs_file *file;
	size_t done;
	int rc;

	rc = fs_open(inode, O_RDONLY, &file);
	if (rc != 0)
		return rc;
	rc = fs_read(file, &iov, 1, 0, &done);
	if (rc == 0 && !differs(it, done != node->size, "the length"))
		(void)differs(it, memcmp(it->player->back, node->data, done) != 0, "the bytes");
	(void)fs_close(file);
	return rc;
}

static int
compare_link(struct compared *it, struct fs_inode *inode, const struct model_node *node)
{
	char target[64];
	size_t len;
	int rc = fs_readlink(inode, target, sizeof(target), &len);

	if (rc == 0)
		(void)differs(it, strcmp(target, node->target) != 0, "the target");
	return rc;
}

/* ---- directories ------------------------------------------------------------------------------------------------------------------ */
static int
list_one(void *arg, const struct fs_entry *entry)
{
	struct compared *it = arg;
	int found;

	if (entry->name[0] == '.' || (it->prefix != NULL && strncmp(entry->name, it->prefix, strlen(it->prefix)) != 0))
		return 0;
	found = model_find(it->model, (int)(it->dir - it->model->nodes), entry->name);
	if (differs(it, found < 0, "a name that is not there is listed"))
		return 0;
	(void)differs(it, entry->type != it->model->nodes[found].type, "the listed type");
	(void)differs(it, it->model->nodes[found].ino != 0 && entry->ino != it->model->nodes[found].ino, "the listed number");
	it->seen++;
	return 0;
}

static int
compare_list(struct compared *it, struct fs_inode *inode, int number, const char *prefix)
{
	struct fs_dir *handle;
	int rc = fs_opendir(inode, &handle);

	if (rc != 0)
		return rc;
	it->dir = &it->model->nodes[number];
	it->prefix = prefix;
	it->seen = 0;
	rc = fs_readdir(handle, 0, false, list_one, it);
	fs_closedir(handle);
	if (rc == 0)
		(void)differs(it, it->seen != it->dir->kid_nr, "a name is not listed, or twice");
	return rc;
}

static int
compare_node(struct compared *it, struct fs_inode *inode, int number, const struct stat *st, const char *prefix, int depth)
{
	const struct model_node *node = &it->model->nodes[number];
	int rc = 0;

	compare_stat(it, number, st);
	if (!it->same || depth == DEPTH)
		return 0;
	if (node->type == S_IFREG)
		return compare_data(it, inode, node);
	if (node->type == S_IFLNK)
		return compare_link(it, inode, node);
	rc = compare_list(it, inode, number, prefix);
	for (int i = 0; rc == 0 && it->same && i < node->kid_nr; i++) {
		struct fs_inode *kid;
		struct stat kid_st;

		rc = fs_lookup(inode, node->kids[i].name, &kid, &kid_st);
		if (rc == ENOENT) {
			(void)differs(it, true, "a name is gone");
			return 0;
		}
		if (rc != 0)
			return rc;
		rc = compare_node(it, kid, node->kids[i].node, &kid_st, NULL, depth + 1);
		fs_inode_put(kid);
	}
	return rc;
}

static int
compare_from(struct compared *it, int number, const char *prefix)
{
	struct fs_inode *inode;
	struct stat st;
	int rc = files__dir(it->fs, it->model, number, &inode);

	if (rc != 0)
		return rc;
	rc = fs_getattr(inode, &st);
	if (rc == 0)
		rc = compare_node(it, inode, number, &st, prefix, 0);
	fs_inode_put(inode);
	return rc;
}

int
files__same(struct files_player *player, struct fs *fs, uint32_t owner, const struct model *model, bool *same, const char **why)
{
	struct compared it = {.player = player, .fs = fs, .model = model, .same = true, .why = ""};
	char prefix[16];
	int rc;

	snprintf(prefix, sizeof(prefix), "p%u", owner);
	rc = compare_from(&it, FILES_OWN, NULL);
	if (rc == 0 && it.same)
		rc = compare_from(&it, FILES_SHARED, prefix);
	*same = it.same;
	*why = it.why;
	return rc;
}

/* ---- doubts ------------------------------------------------------------------------------------------------------------------------- */
/* A write of several chunks is several updates: next becomes what of it is there. */
static int
settle_write(struct files_player *player, struct fs *fs)
{
	struct model *model = player->model, *next = player->next;
	const struct model_node *will = &next->nodes[player->written];
	uint64_t end = player->off + player->len, size;
	struct iovec iov = {.iov_base = player->back, .iov_len = FILES_ROOM + 1};
	struct fs_inode *inode = NULL, *dir;
	struct fs_file *file;
	size_t done = 0;
	int rc = ENOENT;

	for (int i = 0; i < model->node_nr && inode == NULL; i++)
		for (int k = 0; model->nodes[i].used && k < model->nodes[i].kid_nr && inode == NULL; k++) {
			if (model->nodes[i].kids[k].node != player->written)
				continue;
			rc = files__dir(fs, model, i, &dir);
			if (rc != 0)
				return rc;
			rc = fs_lookup(dir, model->nodes[i].kids[k].name, &inode, NULL);
			fs_inode_put(dir);
			if (rc != 0)
				return rc;
		}
	if (inode == NULL) /* without a name: what it holds is read through its opener */
		return 0;
	rc = fs_open(inode, O_RDONLY, &file);
	fs_inode_put(inode);
	if (rc != 0)
		return rc;
	rc = fs_read(file, &iov, 1, 0, &done);
	(void)fs_close(file);
	if (rc != 0)
		return rc;
	memcpy(player->buf, will->data, FILES_ROOM);
	model_copy(next, model);
	for (uint64_t at = player->off; at < end; at = size) {
		size = MIN(end, (at / FILES_CHUNK + 1) * FILES_CHUNK); /* the end of this chunk's part */
		if (done >= size && memcmp(player->back + at, player->buf + at, size - at) == 0)
			model_write(next, player->written, at, player->buf + at, size - at);
	}
	return 0;
}

int
files__settle(struct files_player *player, struct fs *fs)
{
	const char *why, *why_next;
	struct model *model;
	bool same;
	int rc = 0;

	if (player->changing && player->written >= 0)
		rc = settle_write(player, fs);
	if (rc == 0)
		rc = files__same(player, fs, player->index, player->model, &same, &why);
	if (rc != 0)
		return rc;
	if (same) {
		player->changing = false;
		return 0;
	}
	if (!player->changing)
		files__broken(player, "what is there is not what was acknowledged", why, 0);
	rc = files__same(player, fs, player->index, player->next, &same, &why_next);
	if (rc != 0)
		return rc;
	if (!same)
		files__broken(player, "a failed change left something between", why_next, 0);
	model = player->model;
	player->model = player->next;
	player->next = model;
	player->changing = false;
	player->version++;
	return 0;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------------------------------- */
/* The number that an entry of a directory names: its record has the low word of the object id behind version, padding and type. */
static int
entry_at(struct tx *tx, struct object *object, uint64_t slot, uint64_t *ino)
{
	uint8_t record[64] = {0};
	daos_iod_t iod = {.iod_type = DAOS_IOD_SINGLE, .iod_size = DAOS_REC_ANY, .iod_nr = 1};
	d_iov_t iov = {.iov_buf = record, .iov_buf_len = sizeof(record)};
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	daos_key_t dkey;
	char name[8];
	int rc;

	snprintf(name, sizeof(name), "%lu", slot);
	d_iov_set(&dkey, name, strlen(name));
	d_iov_set(&iod.iod_name, (void *)"e", 1);
	rc = object_fetch(object, tx, 0, &dkey, 1, &iod, &sgl, NULL);
	*ino = 0;
	if (rc == 0 && iod.iod_size >= 16)
		memcpy(ino, record + 8, sizeof(*ino));
	return rc == -DER_NONEXIST ? 0 : rc;
}

static int
read_tokens(struct files_player *player, struct tx *tx, struct object *dirs[2], uint64_t inos[2 * FILES_SLOTS])
{
	int rc = 0;

	for (uint64_t i = 0; rc == 0 && i < 2 * FILES_SLOTS; i++)
		rc = entry_at(tx, dirs[i / FILES_SLOTS], i % FILES_SLOTS, &inos[i]);
	return rc;
}

int
files__count_tokens(struct files_player *player)
{
	struct files_story *story = player->story;
	uint64_t inos[2 * FILES_SLOTS] = {0};
	struct object *dirs[2] = {NULL};
	struct tx *tx;
	int rc = 0;

	for (int i = 0; rc == 0 && i < 2; i++) {
		struct fs_inode *root = fs_root(player->fs), *dir;

		rc = fs_lookup(root, i == 0 ? "x" : "y", &dir, NULL);
		fs_inode_put(root);
		if (rc != 0)
			break;
		rc = object_open(player->cont, fs_inode_oid(dir), DAOS_OO_RO, &dirs[i]) != 0 ? ENOMEM : 0;
		fs_inode_put(dir);
	}
	if (rc == 0 && tx_open(player->cont, TX_RDONLY, &tx) != 0)
		rc = ENOMEM;
	if (rc == 0) {
		rc = read_tokens(player, tx, dirs, inos);
		for (int i = 0; i < 100 && rc == -DER_TX_RESTART; i++) {
			rc = tx_restart(tx);
			if (rc == 0)
				rc = read_tokens(player, tx, dirs, inos);
		}
		tx_close(tx);
	}
	for (int i = 0; i < 2; i++)
		if (dirs[i] != NULL)
			object_close(dirs[i]);
	if (rc != 0)
		return rc < 0 ? (rc == -DER_NOMEM ? ENOMEM : EIO) : rc;
	for (int token = 0; token < FILES_TOKENS; token++) {
		int nr = 0;

		for (int i = 0; i < 2 * FILES_SLOTS; i++)
			nr += inos[i] == story->tokens[token];
		if (nr != 1)
			files__broken(player, nr == 0 ? "neither name of a rename" : "both names of a rename", "tokens", nr);
	}
	story->sums->acts[FILES_TOKENS_COUNTED]++;
	return 0;
}

/* ---- the end ----------------------------------------------------------------------------------------------------------------------------- */
struct counted {
	uint32_t subdirs, names;
};

static int
count_one(void *arg, const struct fs_entry *entry)
{
	struct counted *counted = arg;

	if (entry->name[0] != '.') {
		counted->names++;
		counted->subdirs += entry->type == S_IFDIR;
	}
	return 0;
}

/* A directory that several share has as many names and subdirectories as they say. */
static void
count_dir(struct files_player *player, struct fs_inode *dir, const char *name, uint32_t names, uint32_t subdirs)
{
	struct counted counted = {0};
	struct fs_dir *handle;
	struct stat st;
	int rc = fs_opendir(dir, &handle);

	if (rc == 0) {
		rc = fs_readdir(handle, 0, false, count_one, &counted);
		fs_closedir(handle);
	}
	if (rc == 0)
		rc = fs_getattr(dir, &st);
	if (rc != 0 || counted.names != names || counted.subdirs != subdirs)
		files__broken(player, "a shared directory has other names", name, rc);
	if (st.st_nlink != 2 + subdirs)
		files__broken(player, "a shared directory counts its subdirectories wrong", name, (int)st.st_nlink);
}

static uint32_t
orphans(struct files_player *player)
{
	daos_obj_id_t oid = {.lo = 2};
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_key_desc_t kds[16];
	char buf[1024];
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	struct object *object;
	uint32_t nr, all = 0;
	int rc = cont_generate_oid(player->cont, &oid, DAOS_OT_MULTI_HASHED, OC_S1, 0);

	if (rc == 0)
		rc = object_open(player->cont, oid, DAOS_OO_RO, &object);
	if (rc != 0)
		files__broken(player, "the orphans cannot be listed", "", EIO);
	for (int i = 0; i < LISTED && rc == 0 && anchor.da_type != DAOS_ANCHOR_TYPE_EOF; i++) {
		nr = ARRAY_SIZE(kds);
		d_iov_set(&iov, buf, sizeof(buf));
		rc = object_list(object, NULL, NULL, &nr, kds, &sgl, &anchor);
		all += rc == 0 ? nr : 0;
	}
	object_close(object);
	if (rc != 0)
		files__broken(player, "the orphans cannot be listed", "", EIO);
	return all;
}

static void
walk_shared(struct files_player *player, struct fs *fs)
{
	struct files_story *story = player->story;
	struct fs_inode *root = fs_root(fs), *dir;
	uint32_t names = 0, subdirs = 0, locks = 0;
	struct stat st;

	for (uint32_t i = 0; i < story->clients; i++) {
		const struct model_node *shared = &story->players[i].model->nodes[FILES_SHARED];

		names += (uint32_t)shared->kid_nr;
		subdirs += shared->nlink - 2;
	}
	for (int i = 0; i < FILES_LOCKS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "lock%d", i);
		if (fs_lookup(root, name, &dir, &st) == 0) { /* of a mount that died with it */
			fs_inode_put(dir);
			locks++;
			if (st.st_gid < FILES_GID || (st.st_gid - FILES_GID) / FILES_GIDS >= story->clients ||
			    !story->players[(st.st_gid - FILES_GID) / FILES_GIDS].dead)
				files__broken(player, "a lock file that nobody left", name, 0);
		}
	}
	count_dir(player, root, "/", 3 + story->clients + locks, 3 + story->clients);
	if (fs_lookup(root, "s", &dir, NULL) != 0)
		files__broken(player, "the shared directory is gone", "s", 0);
	count_dir(player, dir, "s", names, subdirs);
	fs_inode_put(dir);
	fs_inode_put(root);
}

void
files__walk(struct files_player *player)
{
	struct files_story *story = player->story;
	int rc = fs_mount(player->cont, 0, &player->fs);

	if (rc != 0)
		files__broken(player, "a fresh mount is refused", "", rc);
	for (uint32_t i = 0; i < story->clients; i++) {
		struct files_player *other = &story->players[i];

		other->written = other->dead ? other->written : -1;
		rc = files__settle(other, player->fs);
		if (rc != 0)
			files__broken(other, "the tree cannot be read", "", rc);
	}
	walk_shared(player, player->fs);
	rc = files__count_tokens(player);
	if (rc != 0)
		files__broken(player, "the tokens cannot be counted", "", rc);
	for (int i = 0; i < 120 && orphans(player) > 0; i++) /* a dead mount's session ends with its lease */
		ult_sleep(NS_PER_S);
	if (orphans(player) > 0)
		files__broken(player, "a file without a name was never reaped", "", 0);
	rc = fs_umount(player->fs);
	player->fs = NULL;
	if (rc != 0)
		files__broken(player, "the last mount does not end", "", rc);
}
