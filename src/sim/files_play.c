/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/files: what a mount does. A change is made in a copy of the model first, which tells the answer; then it is asked for. The answer must be that
 * one, whatever happened on the way. If the call failed as trouble explains, the change is in doubt, and nothing else is done before it is settled.
 *
 *	sound ──change asked for──> changing ──the answer foreseen──> sound
 *	                               └──an error that trouble explains──> in doubt ──what is there is looked at──> sound
 */
#include "files_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

const struct fs_who files__who = {.uid = 10, .gid = 20, .umask = 022};

struct spot {
	int dir;
	char name[MODEL_NAME];
	struct fs_inode *inode; /* of the directory */
};

static uint64_t
draw(struct files_player *player, uint64_t nr)
{
	return sim_rand_nr(player->story->sim, nr);
}

static void
count(struct files_player *player, enum files_act act)
{
	player->story->sums->acts[act]++;
}

/* ---- where ------------------------------------------------------------------------------------------------------------------------- */
/* A directory of the player's, or the one that all share, and a name of its own. */
static void
draw_spot(struct files_player *player, struct spot *spot)
{
	const struct model_node *nodes = player->model->nodes;

	*spot = (struct spot){.dir = draw(player, 3) == 0 ? FILES_SHARED : FILES_OWN};
	for (int depth = 0; depth < 2 && nodes[spot->dir].kid_nr > 0 && draw(player, 2) == 0; depth++) {
		int kid = nodes[spot->dir].kids[draw(player, (uint64_t)nodes[spot->dir].kid_nr)].node;

		if (nodes[kid].type == S_IFDIR)
			spot->dir = kid;
	}
	snprintf(spot->name, sizeof(spot->name), "p%un%lu", player->index, draw(player, FILES_NAMES));
}

/* Whether the inode found is that of a node; of what a change in doubt made the number is learned now. */
static bool
is_node(struct files_player *player, int number, const struct fs_inode *inode)
{
	struct model_node *node = &player->model->nodes[number];

	if (node->ino == 0)
		node->ino = fs_inode_ino(inode);
	return node->ino == fs_inode_ino(inode);
}

/* False when it failed as it may. */
static bool
find_spot(struct files_player *player, struct spot *spot)
{
	struct files_since since = files__since(player->story);
	int rc = files__dir(player->fs, player->model, spot->dir, &spot->inode);

	if (rc == 0 && !is_node(player, spot->dir, spot->inode))
		files__broken(player, "a directory has another number", spot->name, 0);
	if (rc != 0)
		files__excuse(player, since, rc, "a directory is not found");
	return rc == 0;
}

static bool
find_inode(struct files_player *player, const struct spot *spot, int node, struct fs_inode **inode)
{
	struct files_since since = files__since(player->story);
	int rc = fs_lookup(spot->inode, spot->name, inode, NULL);

	if (rc != 0)
		files__excuse(player, since, rc, "a name is not found");
	else if (!is_node(player, node, *inode))
		files__broken(player, "a name leads to another file", spot->name, 0);
	return rc == 0;
}

/* ---- changing ---------------------------------------------------------------------------------------------------------------------- */
/* From here to change_ask nothing yields: a guest may open what the model has (act_guest). */
static void
change_begin(struct files_player *player)
{
	model_copy(player->next, player->model);
	player->written = -1;
}

static void
change_ask(struct files_player *player)
{
	player->changing = true;
}

/* The call answered rc, want was foreseen. True when the change is made. */
static bool
change_end(struct files_player *player, struct files_since since, int rc, int want, enum files_act act, const char *name)
{
	struct model *model = player->model;

	if (rc != want) {
		files__excuse(player, since, rc, name); /* changing: in doubt until it is settled */
		return false;
	}
	player->changing = false;
	if (rc != 0) {
		count(player, FILES_REFUSED);
		return false;
	}
	player->model = player->next;
	player->next = model;
	player->version++;
	player->changes++;
	player->story->sums->changes++;
	count(player, act);
	return true;
}

static void
hold(struct files_player *player, struct fs_file *file, int node, bool append)
{
	if (player->file != NULL) {
		(void)fs_close(file); /* what has a name needs no disclaiming */
		return;
	}
	player->file = file;
	player->file_node = node;
	player->append = append;
	model_open(player->model, node);
}

static void
let_go(struct files_player *player)
{
	if (player->file == NULL)
		return;
	(void)fs_close(player->file); /* if a file without a name is not reaped now, it is by a sweep */
	model_close(player->model, player->file_node);
	player->file = NULL;
}

static void
act_create(struct files_player *player, const struct spot *spot)
{
	struct files_since since = files__since(player->story);
	bool append = draw(player, 3) == 0, created;
	struct fs_inode *inode;
	struct fs_file *file;
	struct stat st;
	int node = -1, rc, want;

	change_begin(player);
	want = model_make(player->next, spot->dir, spot->name, S_IFREG, 0644, NULL, &node);
	change_ask(player);
	rc = fs_create(spot->inode, spot->name, 0644, O_RDWR | O_EXCL | (append ? O_APPEND : 0), &files__who, &inode, &st, &file, &created);
	if (rc == 0)
		player->next->nodes[node].ino = fs_inode_ino(inode);
	if (change_end(player, since, rc, want, FILES_CREATED, "a creation with O_EXCL"))
		hold(player, file, node, append);
	if (rc == 0)
		fs_inode_put(inode);
}

static void
act_make(struct files_player *player, const struct spot *spot)
{
	uint32_t type = draw(player, 3) == 0 ? S_IFLNK : S_IFDIR;
	struct files_since since = files__since(player->story);
	struct fs_inode *inode;
	char target[MODEL_TARGET];
	int node = -1, rc, want;

	snprintf(target, sizeof(target), "target-%u", ++player->serial);
	change_begin(player);
	want = model_make(player->next, spot->dir, spot->name, type, type == S_IFLNK ? 0777 : 0755, target, &node);
	change_ask(player);
	rc = type == S_IFLNK ? fs_symlink(spot->inode, spot->name, target, &files__who, &inode, NULL)
			     : fs_mkdir(spot->inode, spot->name, 0755, &files__who, &inode, NULL);
	if (rc == 0) {
		player->next->nodes[node].ino = fs_inode_ino(inode);
		fs_inode_put(inode);
	}
	(void)change_end(player, since, rc, want, type == S_IFLNK ? FILES_SYMLINKED : FILES_MADE_DIR, "mkdir or symlink");
}

static void
act_remove(struct files_player *player, const struct spot *spot)
{
	struct files_since since = files__since(player->story);
	int node = model_find(player->model, spot->dir, spot->name), rc, want;
	bool rmdir = node >= 0 ? (player->model->nodes[node].type == S_IFDIR) != (draw(player, 8) == 0) : draw(player, 2) == 0;

	change_begin(player);
	want = model_remove(player->next, spot->dir, spot->name, rmdir);
	change_ask(player);
	rc = rmdir ? fs_rmdir(spot->inode, spot->name) : fs_unlink(spot->inode, spot->name);
	(void)change_end(player, since, rc, want, FILES_REMOVED, "unlink or rmdir");
}

static void
act_link(struct files_player *player, const struct spot *spot)
{
	struct files_since since;
	struct fs_inode *inode;
	struct spot to;
	int node = model_find(player->model, spot->dir, spot->name), rc, want;

	if (node < 0 || !find_inode(player, spot, node, &inode))
		return;
	draw_spot(player, &to);
	if (find_spot(player, &to)) {
		since = files__since(player->story);
		change_begin(player);
		want = model_link(player->next, node, to.dir, to.name);
		change_ask(player);
		rc = fs_link(inode, to.inode, to.name, NULL);
		(void)change_end(player, since, rc, want, FILES_LINKED, "link");
		fs_inode_put(to.inode);
	}
	fs_inode_put(inode);
}

static void
act_rename(struct files_player *player, const struct spot *spot)
{
	static const uint32_t flags[] = {0, 0, MODEL_NOREPLACE, MODEL_EXCHANGE};
	uint32_t flag = flags[draw(player, ARRAY_SIZE(flags))];
	struct files_since since;
	struct spot to;
	int rc, want;

	draw_spot(player, &to);
	if (!find_spot(player, &to))
		return;
	since = files__since(player->story);
	change_begin(player);
	want = model_rename(player->next, spot->dir, spot->name, to.dir, to.name, flag);
	change_ask(player);
	rc = fs_rename(spot->inode, spot->name, to.inode, to.name, flag);
	(void)change_end(player, since, rc, want, flag == MODEL_EXCHANGE ? FILES_EXCHANGED : FILES_RENAMED, "rename");
	fs_inode_put(to.inode);
}

static void
act_truncate(struct files_player *player, const struct spot *spot)
{
	int node = model_find(player->model, spot->dir, spot->name), rc;
	struct stat attr = {.st_size = (off_t)draw(player, FILES_ROOM + 1)};
	struct files_since since;
	struct fs_inode *inode;

	if (node < 0 || player->model->nodes[node].type != S_IFREG || !find_inode(player, spot, node, &inode))
		return;
	since = files__since(player->story);
	change_begin(player);
	model_resize(player->next, node, (uint64_t)attr.st_size);
	change_ask(player);
	rc = fs_setattr(inode, &attr, FS_SET_SIZE, NULL);
	(void)change_end(player, since, rc, 0, FILES_TRUNCATED, "truncate");
	fs_inode_put(inode);
}

static void
act_open(struct files_player *player, const struct spot *spot)
{
	int node = model_find(player->model, spot->dir, spot->name), rc;
	bool append = draw(player, 3) == 0;
	struct files_since since;
	struct fs_inode *inode;
	struct fs_file *file;

	if (node < 0 || player->model->nodes[node].type != S_IFREG || !find_inode(player, spot, node, &inode))
		return;
	since = files__since(player->story);
	let_go(player);
	rc = fs_open(inode, O_RDWR | (append ? O_APPEND : 0), &file);
	if (rc == 0)
		hold(player, file, node, append);
	else
		files__excuse(player, since, rc, "open");
	fs_inode_put(inode);
}

/* ---- through an open file ------------------------------------------------------------------------------------------------------------ */
/* The file may have been reaped when its mount's session lapsed. */
static bool
nameless_lost(struct files_player *player, int rc)
{
	if (rc == 0 || player->model->nodes[player->file_node].nlink > 0)
		return false;
	if (sim_counter(player->story->sim, "sometimes", "dfs: a session lapsed") == 0)
		return false;
	let_go(player);
	return true;
}

static void
act_read(struct files_player *player)
{
	const struct model_node *node = &player->model->nodes[player->file_node];
	struct files_since since = files__since(player->story);
	struct iovec iov = {.iov_base = player->back, .iov_len = FILES_ROOM + 1};
	size_t done;
	int rc = fs_read(player->file, &iov, 1, 0, &done);

	if (nameless_lost(player, rc))
		return;
	if (rc != 0) {
		files__excuse(player, since, rc, "read");
		return;
	}
	if (node->nlink == 0 && done != node->size && sim_counter(player->story->sim, "sometimes", "dfs: a session lapsed") > 0) {
		let_go(player);
		return;
	}
	if (done != node->size || memcmp(player->back, node->data, done) != 0)
		files__broken(player, "an open file has other bytes", "", (int)done);
	if (node->nlink == 0)
		count(player, FILES_NAMELESS);
}

static void
act_write(struct files_player *player)
{
	const struct model_node *node = &player->model->nodes[player->file_node];
	struct files_since since = files__since(player->story);
	uint64_t off = draw(player, FILES_ROOM), len = draw(player, 3) == 0 ? FILES_ROOM : 200;
	struct iovec iov = {.iov_base = player->buf};
	bool nameless = node->nlink == 0;
	size_t done;
	int rc;

	if (player->append)
		off = node->size;
	len = MIN(len, FILES_ROOM - off);
	if (len == 0)
		return;
	player->serial++;
	for (uint64_t i = 0; i < len; i++)
		player->buf[i] = (uint8_t)(player->serial * 31 + i * 7 + i / 251 + player->index);
	change_begin(player);
	model_write(player->next, player->file_node, off, player->buf, len);
	player->written = player->append ? -1 : player->file_node; /* an append is one transaction */
	player->off = off;
	player->len = len;
	iov.iov_len = len;
	change_ask(player);
	rc = fs_write(player->file, &iov, 1, off, &done, NULL);
	if (nameless && rc != 0) {
		player->changing = false; /* nobody can look */
		player->blurred = true;
	}
	if (nameless_lost(player, rc))
		return;
	if (rc == 0 && done != len)
		files__broken(player, "a write was cut short", "", (int)done);
	(void)change_end(player, since, rc, 0, player->append ? FILES_APPENDED : FILES_WRITTEN, "write");
	if (rc == 0 && nameless)
		count(player, FILES_NAMELESS);
	if (nameless && rc != 0)
		let_go(player);
}

/* ---- together -------------------------------------------------------------------------------------------------------------------------- */
/* Moves a token, or two, between the slots. Whatever the answer, no token is lost or doubled. */
static void
act_token(struct files_player *player)
{
	uint32_t flag = draw(player, 3) == 0 ? MODEL_EXCHANGE : MODEL_NOREPLACE;
	struct files_since since = files__since(player->story);
	struct fs_inode *root = fs_root(player->fs), *dirs[2] = {NULL};
	char names[2][8];
	int rc = 0;

	for (int i = 0; rc == 0 && i < 2; i++) {
		snprintf(names[i], sizeof(names[i]), "%lu", draw(player, FILES_SLOTS));
		rc = fs_lookup(root, draw(player, 2) == 0 ? "x" : "y", &dirs[i], NULL);
	}
	if (rc == 0) {
		rc = fs_rename(dirs[0], names[0], dirs[1], names[1], flag);
		player->story->sums->acts[FILES_TOKENS_MOVED] += rc == 0;
		if (rc == ENOENT || (rc == EEXIST && flag == MODEL_NOREPLACE))
			rc = 0;
	}
	if (rc != 0)
		files__excuse(player, since, rc, "a token's move");
	for (int i = 0; i < 2; i++)
		if (dirs[i] != NULL)
			fs_inode_put(dirs[i]);
	fs_inode_put(root);
}

static void
act_count(struct files_player *player)
{
	struct files_since since = files__since(player->story);
	int rc = files__count_tokens(player);

	if (rc != 0)
		files__excuse(player, since, rc, "counting the tokens");
}

/* Whether the lock file is there and ours, which its group tells. Until trouble lets it be seen. */
static bool
lock_is_ours(struct files_player *player, struct fs_inode *root, const char *name, uint32_t gid)
{
	for (;;) {
		struct files_since since = files__since(player->story);
		struct fs_inode *inode;
		struct stat st;
		int rc = fs_lookup(root, name, &inode, &st);

		if (rc == 0)
			fs_inode_put(inode);
		if (rc == 0 || rc == ENOENT)
			return rc == 0 && st.st_gid == gid;
		files__excuse(player, since, rc, "a look at a lock file");
	}
}

static void
unlock(struct files_player *player, struct fs_inode *root, const char *name, int lock, uint32_t gid)
{
	struct files_story *story = player->story;

	story->unlocking[lock] = true;
	for (;;) {
		struct files_since since = files__since(story);
		int rc = fs_unlink(root, name);

		if (rc == 0)
			break;
		files__excuse(player, since, rc, "the removal of a lock file");
		if (!lock_is_ours(player, root, name, gid))
			break;
	}
	if (story->locked[lock] == (int)player->index) { /* else somebody has made it again already */
		story->locked[lock] = -1;
		story->unlocking[lock] = false;
	}
}

/* A file that only one can have made stands for a lock. */
static void
act_lock(struct files_player *player)
{
	struct files_story *story = player->story;
	struct files_since since = files__since(story);
	int lock = (int)draw(player, FILES_LOCKS), rc;
	struct fs_who who = {.uid = 10, .gid = FILES_GID + player->index * FILES_GIDS + ++player->serial};
	struct fs_inode *root = fs_root(player->fs), *inode;
	struct fs_file *file;
	bool created;
	char name[16];

	snprintf(name, sizeof(name), "lock%d", lock);
	rc = fs_create(root, name, 0600, O_RDWR | O_EXCL, &who, &inode, NULL, &file, &created);
	if (rc == 0) {
		(void)fs_close(file);
		fs_inode_put(inode);
	} else if (rc != EEXIST) {
		files__excuse(player, since, rc, "the making of a lock file");
		rc = lock_is_ours(player, root, name, who.gid) ? 0 : rc;
	}
	if (rc == 0) {
		if (story->locked[lock] >= 0 && !story->unlocking[lock])
			files__broken(player, "two made the same file with O_EXCL", name, story->locked[lock]);
		story->locked[lock] = (int)player->index;
		story->unlocking[lock] = false;
		count(player, FILES_LOCKED);
		if (draw(player, 2) == 0)
			ult_sleep(draw(player, 3000) * NS_PER_US);
		unlock(player, root, name, lock, who.gid);
	}
	fs_inode_put(root);
}

/* What another mount did and was told that it is done is seen here. */
static void
act_spy(struct files_player *player)
{
	struct files_story *story = player->story;
	struct files_player *other = &story->players[draw(player, story->clients)];
	struct files_since since = files__since(story);
	uint64_t version = other->version;
	const char *why;
	bool same;
	int rc;

	if (!other->ready || other->left || other->dead || other->changing)
		return;
	model_copy(player->seen, other->model);
	rc = files__same(player, player->fs, other->index, player->seen, &same, &why);
	if (other->version != version || other->changing || other->dead || other->left)
		return; /* it moved meanwhile */
	if (rc != 0)
		files__excuse(player, since, rc, "a look at what another did");
	else if (!same)
		files__broken(other, "another mount does not see what was acknowledged", why, (int)player->index);
	else
		count(player, FILES_SPIED);
}

/* ---- guests ------------------------------------------------------------------------------------------------------------------------------ */
/* Has the host moved since he was at version? */
static bool
moved(const struct files_player *host, uint64_t version)
{
	return host->version != version || host->changing;
}

static void
guest_leave(struct files_player *player)
{
	struct files_player *host = player->host;

	if (player->guest == NULL)
		return;
	(void)fs_close(player->guest);
	player->guest = NULL;
	model_close(host->model, player->host_node);
	if (host->changing)
		model_close(host->next, player->host_node);
}

static int
guest_find(struct files_player *player, const char *dir_name, const char *name, struct fs_inode **inode)
{
	struct fs_inode *root = fs_root(player->fs), *dir;
	int rc = fs_lookup(root, dir_name, &dir, NULL);

	fs_inode_put(root);
	if (rc != 0)
		return rc;
	rc = fs_lookup(dir, name, inode, NULL);
	fs_inode_put(dir);
	return rc;
}

/* Opens a file of another mount, which from then on stays, whatever becomes of its names. */
static void
guest_come(struct files_player *player)
{
	struct files_story *story = player->story;
	struct files_player *host = &story->players[draw(player, story->clients)];
	struct files_since since = files__since(story);
	bool own = draw(player, 2) == 0;
	const struct model_node *dir;
	char dir_name[16], name[MODEL_NAME];
	struct fs_inode *inode;
	uint64_t version = host->version;
	int node, rc;

	if (host == player || !host->ready || host->left || host->dead || host->changing)
		return;
	dir = &host->model->nodes[own ? FILES_OWN : FILES_SHARED];
	if (dir->kid_nr == 0)
		return;
	node = (int)draw(player, (uint64_t)dir->kid_nr);
	memcpy(name, dir->kids[node].name, sizeof(name));
	node = dir->kids[node].node;
	if (host->model->nodes[node].type != S_IFREG)
		return;
	snprintf(dir_name, sizeof(dir_name), own ? "p%u" : "s", host->index);
	rc = guest_find(player, dir_name, name, &inode);
	if (rc == 0) {
		rc = fs_open(inode, O_RDONLY, &player->guest);
		fs_inode_put(inode);
	}
	if (rc != 0) {
		player->guest = NULL;
		if (!moved(host, version))
			files__excuse(player, since, rc, "opening what another made");
		return;
	}
	if (moved(host, version) || host->dead) { /* whatever it was that was opened */
		(void)fs_close(player->guest);
		player->guest = NULL;
		return;
	}
	player->host = host;
	player->host_node = node;
	model_open(host->model, node);
}

static void
guest_read(struct files_player *player)
{
	struct files_player *host = player->host;
	struct files_since since = files__since(player->story);
	struct iovec iov = {.iov_base = player->back, .iov_len = FILES_ROOM + 1};
	uint64_t version = host->version;
	const struct model_node *node;
	bool nameless;
	size_t done;
	int rc;

	if (host->changing)
		return;
	nameless = host->model->nodes[player->host_node].nlink == 0;
	rc = fs_read(player->guest, &iov, 1, 0, &done);
	if (nameless && sim_counter(player->story->sim, "sometimes", "dfs: a session lapsed") > 0) {
		guest_leave(player); /* it may be gone */
		return;
	}
	if (rc != 0) {
		files__excuse(player, since, rc, "reading what another made");
		return;
	}
	node = &host->model->nodes[player->host_node];
	if (moved(host, version) || (nameless && host->blurred))
		return;
	if (done != node->size || memcmp(player->back, node->data, done) != 0)
		files__broken(player, "a file of another has other bytes", nameless ? "nameless" : "named", (int)done);
	if (nameless)
		count(player, FILES_GUESTS);
}

static void
act_guest(struct files_player *player)
{
	if (player->guest == NULL)
		guest_come(player);
	else if (draw(player, 5) == 0)
		guest_leave(player);
	else
		guest_read(player);
}

/* ---- all of it -------------------------------------------------------------------------------------------------------------------------- */
static void
act_named(struct files_player *player)
{
	static void (*const acts[])(struct files_player *player, const struct spot *spot) = {
		act_create, act_create, act_create, act_make,   act_make,     act_remove,   act_remove, act_link,
		act_rename, act_rename, act_rename, act_rename, act_truncate, act_open, act_open,
	};
	struct spot spot;

	draw_spot(player, &spot);
	if (!find_spot(player, &spot))
		return;
	acts[draw(player, ARRAY_SIZE(acts))](player, &spot);
	fs_inode_put(spot.inode);
}

static void
act_settle(struct files_player *player)
{
	struct files_since since = files__since(player->story);
	int rc = files__settle(player, player->fs);

	if (rc != 0)
		files__excuse(player, since, rc, "a look at what became of a change");
	else
		count(player, FILES_DOUBTS);
}

void
files__act(struct files_player *player)
{
	if (player->changing) {
		act_settle(player);
		return;
	}
	switch (draw(player, 22)) {
	case 0:
		act_spy(player);
		break;
	case 1:
		act_count(player);
		break;
	case 2 ... 4:
		act_token(player);
		break;
	case 5:
		act_lock(player);
		break;
	case 6 ... 9:
		if (player->file != NULL)
			act_write(player);
		break;
	case 10:
		if (player->file != NULL)
			act_read(player);
		break;
	case 11:
		if (draw(player, 3) == 0)
			let_go(player);
		break;
	case 12:
	case 13:
		act_guest(player);
		break;
	default:
		act_named(player);
	}
}

static uint64_t
make_dir(struct files_player *player, struct fs_inode *root, const char *name)
{
	struct fs_inode *inode;
	uint64_t ino;
	int rc = fs_mkdir(root, name, 0755, &files__who, &inode, NULL);

	if (rc != 0)
		files__broken(player, "a directory cannot be made", name, rc);
	ino = fs_inode_ino(inode);
	fs_inode_put(inode);
	return ino;
}

/* What all share: by the first, before the others come. */
static void
make_shared(struct files_player *player, struct fs_inode *root)
{
	struct files_story *story = player->story;
	struct fs_inode *dir, *inode;
	char name[16];
	int rc;

	(void)make_dir(player, root, "s");
	story->slots[0] = make_dir(player, root, "x");
	story->slots[1] = make_dir(player, root, "y");
	rc = fs_lookup(root, "x", &dir, NULL);
	for (int i = 0; rc == 0 && i < FILES_TOKENS; i++) {
		snprintf(name, sizeof(name), "%d", i);
		rc = fs_mknod(dir, name, S_IFREG | 0600, 0, &files__who, &inode, NULL);
		if (rc == 0) {
			story->tokens[i] = fs_inode_ino(inode);
			fs_inode_put(inode);
		}
	}
	if (rc != 0)
		files__broken(player, "the tokens cannot be made", "x", rc);
	fs_inode_put(dir);
}

void
files__begin(struct files_player *player)
{
	struct fs_inode *root = fs_root(player->fs), *dir;
	char name[16];
	int own = -1, shared = -1, rc;

	if (player->index == 0)
		make_shared(player, root);
	player->story->made = true;
	player->model = model_create(FILES_NODES, FILES_ROOM, 0755);
	player->next = model_create(FILES_NODES, FILES_ROOM, 0755);
	player->seen = model_create(FILES_NODES, FILES_ROOM, 0755);
	player->written = -1;
	snprintf(name, sizeof(name), "p%u", player->index);
	(void)model_make(player->model, 0, name, S_IFDIR, 0755, NULL, &own);
	(void)model_make(player->model, 0, "s", S_IFDIR, 0755, NULL, &shared);
	ASSERT(own == FILES_OWN && shared == FILES_SHARED);
	player->model->nodes[0].ino = FS_ROOT_INO;
	player->model->nodes[own].ino = make_dir(player, root, name);
	rc = fs_lookup(root, "s", &dir, NULL);
	if (rc != 0)
		files__broken(player, "the shared directory is not found", "s", rc);
	player->model->nodes[shared].ino = fs_inode_ino(dir);
	fs_inode_put(dir);
	fs_inode_put(root);
}

void
files__end(struct files_player *player)
{
	while (player->changing)
		act_settle(player);
	let_go(player);
	guest_leave(player);
}
