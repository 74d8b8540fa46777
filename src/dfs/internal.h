/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Within dfs. Functions here return 0, a positive errno (a verdict of POSIX), or -DER_* (what the store said); the door turns
 * the latter into an errno with fs__errno().
 */
#ifndef DFS_INTERNAL_H
#define DFS_INTERNAL_H

#include <errno.h>
#include <fcntl.h>
#include "dfs/dfs.h"
#include "base/list.h"
#include "pure/lock/lock.h"
#include "ult/ult.h"
#include "dfs_format.h"

/* What an inode record says, in the machine's words. */
struct fs_record {
	uint32_t mode, uid, gid, nlink, flags;
	uint64_t rdev, chunk_size, generation;
	uint32_t file_class, dir_class;
	struct timespec atime, mtime, ctime, btime;
	uint64_t mtime_hlc;
	daos_obj_id_t parent;
};

/* What an entry says. */
struct fs_named {
	daos_obj_id_t oid;
	uint32_t type; /* S_IFMT bits */
};

struct fs_inode {
	struct list link;         /* in fs->table */
	struct fs *fs;
	uint32_t refs;
	daos_obj_id_t oid;
	uint32_t type;
	struct object *object;
	struct fs_record last;    /* as last seen; what is left of it when the file is gone */
	bool seen;                /* last is filled */
	uint32_t seen_reign;      /* fs->reign then */
	uint32_t bare_reign;      /* fs->reign + 1 when it was seen to have no extended attributes; 0: never */
	uint32_t no_caps_reign;   /* the same of the one that the kernel asks for before it writes: security.capability */
	uint32_t xattr_changes;   /* by this mount, begun or ended */
	bool gone;                /* removed, and this mount knows */
	bool orphan;              /* unlinked, kept for openers: in the orphan directory */
	bool disclaimed;          /* and this mount gave it up: it may be reaped any time */
	uint32_t opens;
	struct ult_mutex append;  /* appends of this mount follow each other */
	uint64_t lost_nr;         /* the last session with which locks of it were lost: lock I3 */
};

struct fs_leaving { /* a file whose end is being decided, on the stack of who decides: orphan I3 */
	struct list link;
	uint64_t ino; /* 0: not in the list */
};

/* A name that named inode ino when it was last looked at; may be wrong. */
struct fs_guess {
	uint64_t key; /* hash of directory and name */
	uint64_t ino;
};
enum { FS_GUESS_NR = 4096 };

struct fs {
	struct cont *cont;
	struct client *client;
	struct env *env;
	struct mem *mem;
	uint32_t flags;
	bool readonly;
	struct fs_format format;
	uint32_t file_class, dir_class; /* to make objects with; 0: chosen by the container */
	daos_obj_id_t root_oid;
	struct object *orphans;
	struct fs_inode *root;
	/* inodes that somebody refers to, by number */
	struct list *table;
	uint32_t table_size, inode_nr;
	struct fs_guess *guesses; /* FS_GUESS_NR of them, by key; name.c */
	/* numbers reserved and not yet used */
	uint64_t next_ino, ino_left;
	struct ult_mutex ino_mutex;
	struct ult_mutex rename_mutex; /* directories that move: one after another within a mount */
	/* session.c */
	uuid_t session;
	uint64_t session_nr;      /* how many there were */
	uuid_t was_handle;        /* the handle before the present one, */
	uint64_t was_nr;          /* and the session that it was of */
	uint64_t renewal_nr;
	bool session_on, exclusive, closing;
	bool shut;                /* another mount has not given up the cache yet */
	bool drop_due;            /* caches are to be dropped by the renewer */
	struct ult_mutex renewing;
	uint64_t *heard;          /* grants of the last answer */
	uint32_t heard_nr;
	uint32_t reign; /* grows whenever this session becomes the only one */
	uint64_t lease_until_ns;
	uint32_t sessions;
	struct ult *renewer;
	struct ult_cond renew_cond;
	void (*recalled)(void *arg);
	void *recalled_arg;
	/* orphan.c */
	struct list leaving;
	struct ult_cond left;
	bool lingering; /* orphans of which this mount has none open may be left for a sweep */
	/* lock.c */
	struct lock_table locks;  /* what this mount holds */
	struct lock_session held;
	struct ult_rwlock lock_mode;
	uint64_t lock_table;      /* number of the engine's table */
	bool locks_told;          /* and it has ours */
	struct list lock_waits;   /* struct fs_lock_wait */
	uint64_t lock_wait_nr;
	struct list lock_questions;
	uint64_t question_nr;
};

#define FS_HEARD_MAX 1024U

struct fs_file {
	struct fs_inode *inode;
	int flags;
	uint64_t session_nr;      /* when it was opened */
};

/* ---- mount.c ----------------------------------------------------------------------------------------------------------------- */
int fs__errno(int rc);
/** Whether a file may have chunks of size bytes. */
bool fs__chunk_ok(uint64_t size);
/** The time now as the store's clock says, which is what data are stamped with. */
uint64_t fs__now(struct fs *fs, struct timespec *ts);
void fs__time_of(uint64_t hlc, struct timespec *ts);
/** Runs body until it commits. body's own errors end it. YIELDS */
int fs__transact(struct fs *fs, int (*body)(struct tx *tx, void *arg), void *arg);
int fs__fetch(struct object *object, struct tx *tx, daos_key_t *dkey, const char *akey, void *value, size_t room, size_t *size);

/* ---- record.c: bytes of the store, which are hostile. Nothing yields ------------------------------------------------------------ */
void fs__record_encode(const struct fs_record *record, struct dfs_inode_record *out);
/** size: bytes that are there. False: damaged, or not of this type. */
bool fs__record_decode(const struct dfs_inode_record *in, size_t size, uint32_t type, struct fs_record *record);
/** S_IFMT bits of something that can have a name. */
bool fs__type_known(uint32_t type);
bool fs__entry_decode(const struct dfs_entry_record *in, size_t size, struct fs_named *named);
/** Ours, and not newer than what can be mounted. */
bool fs__super_ok(const struct dfs_super_record *super, size_t size);
/** *nr: sessions, at most max, that follow and are all there. */
bool fs__orphan_decode(const struct dfs_orphan_record *head, size_t size, uint64_t ino, uint32_t max, uint32_t *nr);

/* ---- inode.c ------------------------------------------------------------------------------------------------------------------- */
/** The inode of an object, made when nobody refers to it yet; with a reference. Local. */
int fs__inode_of(struct fs *fs, daos_obj_id_t oid, uint32_t type, struct fs_inode **inode);
/** The same only when somebody refers to it; without a reference. */
struct fs_inode *fs__inode_look(struct fs *fs, daos_obj_id_t oid);
/** A fresh number and its object; cls 0: the file system's. YIELDS */
int fs__inode_new(struct fs *fs, uint32_t type, uint32_t cls, struct fs_inode **inode);
/** The dkey under which an inode's record is. value: 8 bytes that stay. */
void fs__inode_dkey(daos_obj_id_t oid, uint64_t *value, daos_key_t *dkey);
/** ENOENT when there is none. YIELDS */
int fs__record_load(struct fs_inode *inode, struct tx *tx, struct fs_record *record);
int fs__record_store(struct fs_inode *inode, struct tx *tx, uint64_t flags, const struct fs_record *record);
int fs__record_store_link(struct fs_inode *inode, struct tx *tx, const struct fs_record *record, const char *target);
/** Record is what the store has of an inode that this mount made; reign: fs->reign before. */
void fs__made(struct fs_inode *inode, const struct fs_record *record, uint32_t reign);
/** Of a directory: a name in it changed at hlc. ENOENT (at commit) when the directory is gone. */
int fs__dir_touch(struct fs_inode *dir, struct tx *tx, uint64_t hlc);
int fs__getattr(struct fs_inode *inode, struct stat *st);
void fs__fill_stat(const struct fs_inode *inode, const struct fs_record *record, uint64_t size, struct stat *st);
void fs__kill_suid(struct fs_record *record);

/* ---- name.c ---------------------------------------------------------------------------------------------------------------------- */
int fs__name_check(const char *name);
int fs__entry_load(struct fs_inode *dir, struct tx *tx, const char *name, struct fs_named *named);

/* ---- file.c ------------------------------------------------------------------------------------------------------------------------ */
/** Opens what this mount has just made: nothing is read. ENOMEM */
int fs__open_new(struct fs_inode *inode, int flags, struct fs_file **file);
/** Where a file ends whose highest dkey is last (0: none), with recx as the last extent below it. EIO. Local. */
int fs__end_of(uint64_t chunk_size, uint64_t last, const daos_recx_t *recx, uint64_t *size);
int fs__size(struct fs_inode *inode, struct tx *tx, uint64_t *size);
/** Makes the file size bytes long; with what it writes in tx, but for the bulk of many chunks. YIELDS */
/** Before the transaction, for files of many chunks; EFBIG. YIELDS */
int fs__resize_prepare(struct fs_inode *inode, uint64_t size);
int fs__resize(struct fs_inode *inode, struct tx *tx, uint64_t size);

/* ---- orphan.c ---------------------------------------------------------------------------------------------------------------------- */
/** In the transaction that takes the last name away: keeps the object for openers, or punches it. live: sessions now. */
int fs__orphan_or_punch(struct fs_inode *inode, struct tx *tx, const struct fs_record *record, bool keep, const uuid_t *live, uint32_t live_nr);
/** Nobody opens inode number ino until the end: for who finds it not open and takes its object away. Local. */
void fs__leaving_begin(struct fs *fs, struct fs_leaving *leaving, uint64_t ino);
void fs__leaving_end(struct fs *fs, struct fs_leaving *leaving);
/** Waits until no end of the inode is being decided. YIELDS */
void fs__leaving_wait(struct fs_inode *inode);
/** This mount is done with the file: reaps it unless others are not. YIELDS */
void fs__orphan_close(struct fs_inode *inode);
/** All that this mount could reap. ending: this session ends. YIELDS */
void fs__orphan_sweep(struct fs *fs, bool ending);

/* ---- session.c ---------------------------------------------------------------------------------------------------------------------- */
int fs__session_begin(struct fs *fs);
void fs__session_end(struct fs *fs);
/** No other session is live. Local. */
bool fs__alone(const struct fs *fs);
/** inode->last is what the store has, but for data and names that changed: nobody else can have changed it since. Local. */
bool fs__known(const struct fs_inode *inode);
/** Sessions that are live, this one among them. From arena. YIELDS */
int fs__session_live(struct fs *fs, struct arena *arena, uuid_t **live, uint32_t *nr);

/** Renews the session now, and tells the engine our locks if it does not know them. YIELDS */
int fs__session_poke(struct fs *fs);
/** cont_on_fenced's: arg is the fs. YIELDS */
int fs__revive(void *arg, const uuid_t handle, daos_obj_id_t oid);

/* ---- lock.c -------------------------------------------------------------------------------------------------------------------------- */
/** The engine granted a wait. */
void fs__lock_granted(struct fs *fs, uint64_t number);
/** Somebody else decides about locks now: who waits asks again. */
void fs__locks_moved(struct fs *fs);
/** The session was fenced. */
void fs__locks_lost(struct fs *fs);
/** Tells the engine what we hold, if it does not know. YIELDS */
int fs__locks_tell(struct fs *fs);
/** The same when we were exclusive, and from then on the engine decides. YIELDS */
int fs__locks_hand_over(struct fs *fs);

#endif
