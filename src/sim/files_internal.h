/* SPDX-License-Identifier: Apache-2.0 */
/* Within the file-system story of sim. */
#ifndef SIM_FILES_INTERNAL_H
#define SIM_FILES_INTERNAL_H

#include "sim/files.h"
#include "client/object/object.h"
#include "dfs/dfs.h"
#include "sim/cluster.h"
#include "sim/posix_model.h"
#include "sim/trouble.h"

enum { FILES_CHUNK = 4096, FILES_ROOM = 6000, FILES_NODES = 40, FILES_NAMES = 5, FILES_TOKENS = 4, FILES_SLOTS = 4, FILES_LOCKS = 2 };
enum { FILES_GID = 1000, FILES_GIDS = 10000 }; /* of lock files: who made it, and which of his it is */
enum { FILES_OWN = 1, FILES_SHARED = 2 }; /* nodes of every model: the mount's own directory, and the one in which all have names */

struct files_story;

struct files_player {
	struct files_story *story;
	uint32_t index;
	struct cont *cont;
	struct fs *fs;
	struct model *model, *next; /* what is; what will be when the change under way has happened */
	struct model *seen;         /* a copy of another's */
	bool changing;              /* one is under way or in doubt */
	int written;                /* the node that it writes to; -1: none. Chunk by chunk it may have happened in part: */
	uint64_t off, len;
	uint64_t version;           /* of the model */
	struct fs_file *file;       /* held open, or NULL */
	int file_node;
	bool append;
	struct fs_file *guest;      /* a file of another player's, held open, or NULL */
	struct files_player *host;  /* whose */
	int host_node;
	bool blurred;               /* what a write in doubt did to a file without a name is not known */
	uint32_t changes, serial;
	bool ready, left, dead;
	uint8_t buf[FILES_ROOM], back[FILES_ROOM + 1];
};

struct files_story {
	const struct files_options *options;
	struct files_sums *sums;
	struct cluster *cluster;
	struct sim *sim;
	uint64_t seed;
	uint32_t changes, clients;
	bool made, over;      /* the file system; nobody but the first has anything mounted */
	enum trouble trouble; /* at present */
	uint32_t troubles;    /* so far */
	enum trouble last;    /* the newest that was */
	uint64_t tokens[FILES_TOKENS]; /* inode numbers */
	uint64_t slots[2];             /* of the directories that they are in */
	int locked[FILES_LOCKS];       /* by which player; -1: nobody */
	bool unlocking[FILES_LOCKS];
	struct files_player players[CLUSTER_CLIENTS_MAX];
};

/* When a call began; it may fail as a trouble since then explains. */
struct files_since {
	uint32_t troubles;
	enum trouble trouble;
};
struct files_since files__since(const struct files_story *story);
/** Breaks the story unless trouble explains err; then it sleeps a little. */
void files__excuse(const struct files_player *player, struct files_since since, int err, const char *what);
_Noreturn void files__broken(const struct files_player *player, const char *what, const char *name, int err);

/* ---- files_check.c: comparing. Errors are those of the calls. All yield ---------------------------------------------------------- */
/** Whether a model of owner's says what fs, looked at by player, shows. *why: what is not. */
int files__same(struct files_player *player, struct fs *fs, uint32_t owner, const struct model *model, bool *same, const char **why);
/** Decides between model and next when a change is in doubt; breaks the story when it is neither. */
int files__settle(struct files_player *player, struct fs *fs);
/** Every token is in exactly one place, at one moment. */
int files__count_tokens(struct files_player *player);
/** All of it, through a fresh mount: the tree, the counts, no orphan. */
void files__walk(struct files_player *player);
int files__dir(struct fs *fs, const struct model *model, int node, struct fs_inode **inode);

/* ---- files_play.c: what a mount does --------------------------------------------------------------------------------------------- */
void files__begin(struct files_player *player);
void files__act(struct files_player *player);
/** Lets go of what it holds. */
void files__end(struct files_player *player);

extern const struct fs_who files__who;

#endif
