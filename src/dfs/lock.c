/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks of this mount: fcntl ranges and flock. fs->locks is a table (pure/lock) of what this mount holds, always. Who decides:
 *
 *   exclusive   we do, with that table; waits are its entries. No call.
 *   shared      the engine does (service/cont/lock.c), over all mounts; the table follows. Waits are the engine's, a renewal of the session tells of
 *               a grant. What we do not hold need not be asked to be let go of.
 *
 *   exclusive -> shared: told to the engine, then given up. shared -> exclusive: the engine forgets, the table goes on. Who waits asks again.
 *   A new table at the engine (it restarted): told again, before anybody is granted anything.
 *
 *	lock I1  lock_mode: held shared while somebody asks, alone while it changes who decides.
 *	lock I2  What the engine thinks that we hold is what the table says, or locks_told is false, and it is told before the next question.
 *	lock I3  When the session is fenced, all it held is lost: who had such a file open gets EIO for reads and writes until it is opened again, for
 *	         others may have changed it, and unlocking succeeds.
 *	lock I4  A grant is never dropped: who gave up waiting cancels, and holds the lock if it was granted first.
 *
 * Waiting and asking yield. Nothing is stored here: after a crash of the mount the engine lets go of what the session held.
 */
#include "internal.h"

#include <sys/file.h>

#define LATER_NS (50 * NS_PER_MS)
#define PATIENCE_NS (60 * NS_PER_S)

/* A request from its first question to its answer; waits under number when it may. */
struct fs_lock_wait {
	struct list link; /* in fs->lock_waits */
	struct ult_cond cond;
	struct lock_want want;
	uint64_t number;  /* 0: does not wait */
	bool granted;     /* noted in the table already */
	bool moved;       /* ask again: somebody else decides now */
};

/* A question on its way to the engine. */
struct question {
	struct list link; /* in fs->lock_questions, by number */
	uint64_t number;
};

/* ---- the table ---------------------------------------------------------------------------------------------------------------- */
static struct fs_lock_wait *
wait_find(struct fs *fs, uint64_t number)
{
	struct fs_lock_wait *wait;

	list_each(wait, &fs->lock_waits, link)
		if (wait->number == number)
			return wait;
	return NULL;
}

/* We decide, and some waits came true. */
static void
wake_granted(struct fs *fs)
{
	struct fs_lock_wait *wait;
	uint64_t number;

	while ((number = lock_granted(&fs->locks, &fs->held)) != 0) {
		wait = wait_find(fs, number);
		if (wait == NULL)
			continue;
		wait->granted = true;
		ult_cond_broadcast(&wait->cond);
	}
}

/* The engine decided so. */
static int
note(struct fs *fs, const struct lock_want *want, uint8_t kind)
{
	struct lock_want noted = *want;
	int rc;

	noted.kind = kind;
	rc = lock_note(&fs->locks, &fs->held, &noted);
	if (rc != 0)
		fs->locks_told = false; /* then it is not so */
	return rc;
}

void
fs__lock_granted(struct fs *fs, uint64_t number)
{
	struct fs_lock_wait *wait = wait_find(fs, number);

	if (wait == NULL) {
		fs->locks_told = false; /* nobody wants it any more */
		return;
	}
	wait->granted = note(fs, &wait->want, wait->want.kind) == 0;
	wait->moved = !wait->granted;
	ult_cond_broadcast(&wait->cond);
}

void
fs__locks_moved(struct fs *fs)
{
	struct fs_lock_wait *wait;

	lock_cancel_all(&fs->locks, &fs->held);
	list_each(wait, &fs->lock_waits, link) {
		wait->moved = true;
		ult_cond_broadcast(&wait->cond);
	}
}

struct losing {
	struct fs *fs;
	uint32_t files;
};

static int
lose(void *arg, const struct lock_want *held)
{
	struct losing *losing = arg;
	struct fs_inode *inode = fs_inode_find(losing->fs, held->file);

	if (inode != NULL && inode->lost_nr != losing->fs->session_nr) {
		inode->lost_nr = losing->fs->session_nr;
		losing->files++;
	}
	return 0;
}

void
fs__locks_lost(struct fs *fs)
{
	struct losing losing = {.fs = fs};

	lock_each(&fs->held, lose, &losing);
	lock_session_drop(&fs->locks, &fs->held);
	fs->locks_told = false;
	if (losing.files > 0)
		log_warn(fs->env->log, "locks on %u file(s) were lost with the session: who has them open gets EIO until they are opened again",
			 losing.files);
	fs__locks_moved(fs);
}

/* ---- telling ------------------------------------------------------------------------------------------------------------------- */
struct telling {
	struct lock_want *wants;
	uint32_t nr;
};

static int
gather(void *arg, const struct lock_want *held)
{
	struct telling *telling = arg;

	telling->wants[telling->nr++] = *held;
	return 0;
}

/* With lock_mode held alone: no question is under way. */
static int
tell(struct fs *fs)
{
	struct telling telling = {.wants = MEM_NEW_ARRAY(fs->mem, struct lock_want, fs->held.range_nr + 1)};
	bool known = false;
	int rc;

	if (telling.wants == NULL)
		return -DER_NOMEM;
	lock_each(&fs->held, gather, &telling);
	rc = cont_locks_tell(fs->cont, fs->session, fs->lock_table, fs->question_nr + 1, telling.wants, telling.nr, &known);
	mem_free(fs->mem, telling.wants);
	if (rc == -DER_BUSY)
		log_error(fs->env->log, "the engine says that others hold what this mount holds");
	fs->locks_told = rc == 0 && known;
	return rc != 0 ? rc : known ? 0 : -DER_AGAIN;
}

int
fs__locks_tell(struct fs *fs)
{
	int rc = 0;

	ult_rwlock_wrlock(&fs->lock_mode);
	if (!fs->exclusive && !fs->locks_told && !fs->closing) {
		rc = tell(fs);
		fs__locks_moved(fs); /* the engine forgot who waits */
	}
	ult_rwlock_unlock(&fs->lock_mode);
	return rc;
}

int
fs__locks_hand_over(struct fs *fs)
{
	int rc;

	ult_rwlock_wrlock(&fs->lock_mode);
	lock_cancel_all(&fs->locks, &fs->held);
	rc = tell(fs);
	if (rc == 0)
		fs->exclusive = false;
	fs__locks_moved(fs);
	ult_rwlock_unlock(&fs->lock_mode);
	return rc;
}

/* ---- asking -------------------------------------------------------------------------------------------------------------------- */
/* lock_mode is held. */
static int
ask_engine(struct fs *fs, uint8_t op, struct fs_lock_wait *wait, struct lock_want *holder, bool *own, uint8_t *verdict)
{
	struct question question = {.number = ++fs->question_nr};
	struct cont_lock_call call = {.locks = fs->lock_table, .number = question.number, .op = op, .want = &wait->want, .wait = wait->number,
				      .holder = holder};
	int rc;

	if (!fs->locks_told) {
		*verdict = CONT_VERDICT_UNKNOWN;
		return 0;
	}
	list_append(&fs->lock_questions, &question.link);
	call.floor = list_first(&fs->lock_questions, struct question, link)->number;
	memcpy(call.session, fs->session, sizeof(uuid_t));
	rc = cont_lock_ask(fs->cont, &call);
	list_remove(&question.link);
	if (rc != 0 && rc != -DER_NOSPACE && rc != -DER_INVAL && rc != -DER_NOMEM)
		fs->locks_told = false; /* who knows what it did */
	if (rc == 0 && call.verdict == CONT_VERDICT_UNKNOWN && call.locks == fs->lock_table)
		fs->locks_told = false; /* lock I2: whatever became of it there */
	*verdict = call.verdict;
	if (own != NULL)
		*own = call.own;
	return rc;
}

static int
set_there(struct fs *fs, struct fs_lock_wait *wait, uint8_t *verdict)
{
	uint64_t session_nr = fs->session_nr;
	int rc = ask_engine(fs, CONT_OP_SET, wait, NULL, NULL, verdict);

	if (session_nr != fs->session_nr) { /* whoever it was that got it, it was not who we are now */
		*verdict = CONT_VERDICT_UNKNOWN;
		return 0;
	}
	if (rc == 0 && *verdict == LOCK_GRANTED && note(fs, &wait->want, wait->want.kind) != 0)
		return -DER_NOSPACE;
	if (rc == 0 && wait->want.space == LOCK_FLOCK && (*verdict == LOCK_DENIED || *verdict == LOCK_WAITS) && !wait->granted)
		(void)note(fs, &wait->want, LOCK_NONE); /* it let go of the other type */
	if (rc != 0 && wait->want.kind == LOCK_NONE) { /* let go of, whatever the engine says: it will be told */
		(void)note(fs, &wait->want, LOCK_NONE);
		fs->locks_told = false;
		*verdict = LOCK_GRANTED;
		rc = 0;
	}
	return rc;
}

static int
set_here(struct fs *fs, struct fs_lock_wait *wait, uint8_t *verdict)
{
	enum lock_verdict decided;
	int rc = lock_set(&fs->locks, &fs->held, &wait->want, wait->number, &decided, NULL, NULL);

	*verdict = (uint8_t)decided;
	wake_granted(fs);
	return rc;
}

/* Once. UNKNOWN: first things have to be put right. */
static int
set_once(struct fs *fs, struct fs_lock_wait *wait, uint8_t *verdict)
{
	int rc = 0;

	ult_rwlock_rdlock(&fs->lock_mode);
	wait->moved = wait->granted = false;
	*verdict = CONT_VERDICT_UNKNOWN;
	if (fs__alone(fs))
		rc = set_here(fs, wait, verdict);
	else if (!fs->exclusive)
		rc = set_there(fs, wait, verdict);
	ult_rwlock_unlock(&fs->lock_mode);
	return rc;
}

/* lock I4. 0: it was granted all the same. */
static int
give_up(struct fs *fs, struct fs_lock_wait *wait)
{
	uint8_t verdict = LOCK_DENIED;
	int rc = 0;

	ult_rwlock_rdlock(&fs->lock_mode);
	if (!wait->granted && !wait->moved) {
		if (fs->exclusive)
			(void)lock_cancel(&fs->locks, &fs->held, wait->number);
		else
			rc = ask_engine(fs, CONT_OP_CANCEL, wait, NULL, NULL, &verdict);
		if (rc == 0 && verdict == LOCK_GRANTED && !wait->granted)
			wait->granted = note(fs, &wait->want, wait->want.kind) == 0;
	}
	ult_rwlock_unlock(&fs->lock_mode);
	return wait->granted ? 0 : EINTR;
}

static bool
is_interrupted(const bool *interrupted)
{
	return interrupted != NULL && *interrupted;
}

/* After a verdict that is none: put things right, and do not hurry. */
static int
recover(struct fs *fs, struct fs_lock_wait *wait, uint8_t verdict, uint64_t deadline_ns)
{
	if (env_mono(fs->env) > deadline_ns)
		return EIO;
	if (verdict == CONT_VERDICT_UNKNOWN)
		(void)fs__session_poke(fs);
	if (!wait->moved)
		(void)ult_cond_wait_until(&wait->cond, NULL, env_mono(fs->env) + LATER_NS);
	return 0;
}

static int
decide(struct fs *fs, struct fs_lock_wait *wait, const bool *interrupted)
{
	uint64_t deadline_ns = env_mono(fs->env) + PATIENCE_NS;
	uint8_t verdict;
	int rc;

	for (;;) {
		if (is_interrupted(interrupted))
			return EINTR;
		rc = set_once(fs, wait, &verdict);
		if (rc == -DER_NOSPACE || rc == -DER_NOMEM)
			return ENOLCK;
		if (rc != 0)
			return EIO;
		switch (verdict) {
		case LOCK_GRANTED:
			return 0;
		case LOCK_DENIED:
			return EAGAIN;
		case LOCK_CIRCLE:
			return EDEADLK;
		case LOCK_WAITS:
			while (!wait->granted && !wait->moved && !is_interrupted(interrupted))
				ult_cond_wait(&wait->cond, NULL);
			if (wait->granted)
				return 0;
			if (!wait->moved)
				return give_up(fs, wait);
			deadline_ns = env_mono(fs->env) + PATIENCE_NS;
			break;
		default:
			rc = recover(fs, wait, verdict, deadline_ns);
			if (rc != 0)
				return rc;
		}
	}
}

static int
set(struct fs_inode *inode, const struct lock_want *want, bool wait, const bool *interrupted)
{
	struct fs *fs = inode->fs;
	struct fs_lock_wait waiting = {.want = *want, .number = wait ? ++fs->lock_wait_nr : 0};
	int rc;

	if (want->kind == LOCK_NONE && !lock_holds(&fs->held, want->file, want->space, want->owner))
		return 0;
	ult_cond_init(&waiting.cond);
	list_append(&fs->lock_waits, &waiting.link);
	(void)fs_inode_get(inode);
	rc = decide(fs, &waiting, want->kind != LOCK_NONE ? interrupted : NULL);
	list_remove(&waiting.link);
	fs_inode_put(inode);
	return rc;
}

/* ---- the door ------------------------------------------------------------------------------------------------------------------ */
static int
want_of(const struct fs_inode *inode, uint64_t owner, const struct fs_lock *lock, struct lock_want *want)
{
	if (lock->start > lock->end || (lock->type != F_RDLCK && lock->type != F_WRLCK && lock->type != F_UNLCK))
		return EINVAL;
	*want = (struct lock_want){.file = inode->oid.lo, .owner = owner, .start = lock->start, .end = lock->end, .pid = lock->pid,
				   .space = LOCK_POSIX,
				   .kind = lock->type == F_RDLCK ? LOCK_SHARED : lock->type == F_WRLCK ? LOCK_ALONE : LOCK_NONE};
	return 0;
}

int
fs_setlk(struct fs_inode *inode, uint64_t owner, const struct fs_lock *lock, bool wait, const bool *interrupted)
{
	struct lock_want want;
	int rc = want_of(inode, owner, lock, &want);

	return rc != 0 ? rc : set(inode, &want, wait && want.kind != LOCK_NONE, interrupted);
}

/* As lock_set, but changes nothing. */
static int
test_once(struct fs *fs, struct fs_lock_wait *wait, struct lock_want *holder, bool *own, uint8_t *verdict)
{
	int rc = 0;

	ult_rwlock_rdlock(&fs->lock_mode);
	*verdict = CONT_VERDICT_UNKNOWN;
	*own = true;
	if (fs__alone(fs))
		*verdict = lock_test(&fs->locks, &fs->held, &wait->want, holder, NULL) ? LOCK_DENIED : LOCK_GRANTED;
	else if (!fs->exclusive)
		rc = ask_engine(fs, CONT_OP_TEST, wait, holder, own, verdict);
	ult_rwlock_unlock(&fs->lock_mode);
	return rc;
}

int
fs_getlk(struct fs_inode *inode, uint64_t owner, struct fs_lock *lock)
{
	struct fs *fs = inode->fs;
	uint64_t deadline_ns = env_mono(fs->env) + PATIENCE_NS;
	struct fs_lock_wait asking = {.number = 0};
	struct lock_want holder = {0};
	uint8_t verdict;
	bool own;
	int rc = want_of(inode, owner, lock, &asking.want);

	if (rc != 0 || lock->type == F_UNLCK)
		return EINVAL;
	ult_cond_init(&asking.cond);
	do {
		rc = test_once(fs, &asking, &holder, &own, &verdict);
		if (rc == 0 && verdict > LOCK_CIRCLE)
			rc = recover(fs, &asking, verdict, deadline_ns);
	} while (rc == 0 && verdict > LOCK_CIRCLE);
	if (rc != 0)
		return EIO;
	if (verdict == LOCK_GRANTED)
		lock->type = F_UNLCK;
	else
		*lock = (struct fs_lock){.start = holder.start, .end = holder.end, .type = holder.kind == LOCK_ALONE ? F_WRLCK : F_RDLCK,
					 .pid = own ? holder.pid : 0};
	return 0;
}

int
fs_lock_release(struct fs_inode *inode, uint64_t owner)
{
	struct lock_want want = {.file = inode->oid.lo, .owner = owner, .end = UINT64_MAX, .space = LOCK_POSIX, .kind = LOCK_NONE};

	return set(inode, &want, false, NULL);
}

int
fs_flock(struct fs_inode *inode, uint64_t owner, int op, const bool *interrupted)
{
	struct lock_want want = {.file = inode->oid.lo, .owner = owner, .end = UINT64_MAX, .space = LOCK_FLOCK};

	switch (op & ~LOCK_NB) {
	case LOCK_SH:
		want.kind = LOCK_SHARED;
		break;
	case LOCK_EX:
		want.kind = LOCK_ALONE;
		break;
	case LOCK_UN:
		want.kind = LOCK_NONE;
		break;
	default:
		return EINVAL;
	}
	return set(inode, &want, (op & LOCK_NB) == 0 && want.kind != LOCK_NONE, interrupted);
}

void
fs_lock_interrupt(struct fs *fs)
{
	struct fs_lock_wait *wait;

	list_each(wait, &fs->lock_waits, link)
		ult_cond_broadcast(&wait->cond);
}
