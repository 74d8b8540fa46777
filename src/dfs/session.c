/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session of a mount: a leased record in the container, renewed by a ULT. A renewal listens for a while, so that what concerns this mount is
 * heard at once: that another wants in, that a lock was granted. A session that is alone is exclusive: it holds the container's cache and
 * keeps its locks to itself; when another comes, it drops its caches, tells its locks, and gives that up.
 *
 *	begin ──> exclusive ──recalled: caches dropped, locks told──> shared ──alone again──> exclusive
 *	            silent beyond its lease: what is cached goes; locks stay, until the engine says that the session is no more
 *	            the engine says so: fenced. The handle is another, the session is another, locks are lost (lock I3)
 *
 *	session I1  fs_sole is true only while a granted lease lasts by this machine's monotonic clock, counted from before it was asked for.
 *	session I2  Before another session is let in, the callback has returned and the engine has this mount's locks.
 *	session I3  A session that is fenced: its handle is worth nothing. No operation goes on with a new handle before it is known whether the
 *	            session is still the same, and files whose locks were lost are marked.
 *	session I4  Answers change state one after another, and only the one to the latest renewal does (fs->renewing).
 *
 * begin, end, revive and the renewer yield. After a crash the record stays until its lease is over.
 */
#include "internal.h"

#define LEASE_MS 5000ULL
#define LISTEN_MS 1000ULL
#define AGAIN_NS (200 * NS_PER_MS)

enum { SWEEP_ROUNDS = 8 };

bool
fs__alone(const struct fs *fs)
{
	return fs->session_on && fs->exclusive && env_mono(fs->env) < fs->lease_until_ns;
}

bool
fs__known(const struct fs_inode *inode)
{
	return inode->seen && !inode->gone && inode->seen_reign == inode->fs->reign && fs__alone(inode->fs);
}

bool
fs_sole(const struct fs *fs)
{
	return fs__alone(fs) && (fs->flags & FS_NO_CACHE) == 0;
}

void
fs_on_recall(struct fs *fs, void (*recalled)(void *arg), void *arg)
{
	fs->recalled = recalled;
	fs->recalled_arg = arg;
}

static void
new_session_id(struct fs *fs)
{
	uint64_t bits[2] = {env_rand(fs->env), env_rand(fs->env)};

	memcpy(fs->session, bits, sizeof(uuid_t));
	fs->session[6] = (uint8_t)((fs->session[6] & 0x0f) | 0x40);
	fs->session[8] = (uint8_t)((fs->session[8] & 0x3f) | 0x80);
	fs->session_nr++;
	fs->heard_nr = 0;
}

/* ---- asking --------------------------------------------------------------------------------------------------------------------- */
struct asking {
	struct cont_renewal renewal;
	struct cont_renewed renewed;
	struct arena arena;
	char machine[256];
	uint64_t asked_ns;
	uint64_t *heard; /* a copy: others come while it is under way */
};

static int
ask(struct fs *fs, struct asking *asking, uint8_t want, uint64_t wait_ms, bool fresh)
{
	asking->renewal = (struct cont_renewal){.number = ++fs->renewal_nr, .lease_ms = LEASE_MS, .wait_ms = wait_ms, .want = want,
						.fresh = fresh, .machine = asking->machine, .heard = asking->heard};
	asking->machine[0] = '\0';
	(void)fs->env->ops->host.hostname(fs->env, asking->machine, sizeof(asking->machine));
	memcpy(asking->renewal.session, fs->session, sizeof(uuid_t));
	if (asking->heard != NULL) {
		memcpy(asking->heard, fs->heard, fs->heard_nr * sizeof(uint64_t));
		asking->renewal.heard_nr = fs->heard_nr;
	}
	asking->asked_ns = env_mono(fs->env);
	/* When the lease ends, what is cached has to go: not a moment to be asleep. */
	if (fs->exclusive && fs->lease_until_ns > asking->asked_ns)
		asking->renewal.deadline_ns = fs->lease_until_ns;
	return cont_session_renew(fs->cont, &asking->renewal, &asking->arena, &asking->renewed);
}

static void
asking_init(struct fs *fs, struct asking *asking)
{
	*asking = (struct asking){.asked_ns = 0};
	arena_init(&asking->arena, fs->mem);
	asking->heard = ARENA_NEW_ARRAY(&asking->arena, uint64_t, FS_HEARD_MAX);
}

/* The grants of the answer were noted; those told with the request need not be told again. */
static void
take_granted(struct fs *fs, const struct asking *asking)
{
	const struct cont_renewed *renewed = &asking->renewed;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < renewed->granted_nr && nr < FS_HEARD_MAX; i++) {
		bool known = false;

		for (uint32_t j = 0; j < fs->heard_nr; j++)
			known |= fs->heard[j] == renewed->granted[i];
		if (!known)
			fs__lock_granted(fs, renewed->granted[i]);
	}
	for (; nr < renewed->granted_nr && nr < FS_HEARD_MAX; nr++)
		fs->heard[nr] = renewed->granted[nr];
	fs->heard_nr = nr;
}

static void
take(struct fs *fs, const struct asking *asking)
{
	fs->lease_until_ns = asking->asked_ns + asking->renewed.lease_ms * NS_PER_MS;
	fs->sessions = asking->renewed.sessions;
	fs->shut = asking->renewed.shut;
	if (fs->lock_table != asking->renewed.locks)
		fs->locks_told = false;
	fs->lock_table = asking->renewed.locks;
	take_granted(fs, asking);
}

static void
drop_caches(struct fs *fs)
{
	fs->drop_due = false;
	if (fs->recalled != NULL)
		fs->recalled(fs->recalled_arg);
}

/* What was only ours is not any more. The renewer drops the caches: whoever finds out may be somebody that the callback waits for. */
static void
exclusive_lost(struct fs *fs)
{
	if (!fs->exclusive)
		return;
	fs->exclusive = false;
	fs->locks_told = false;
	fs->drop_due = true;
	fs__locks_moved(fs);
}

/* session I3: under renewing. Asks at once, and finds out who we are by now. */
static int
renew_now(struct fs *fs, uint8_t want)
{
	struct asking asking;
	int rc;

	asking_init(fs, &asking);
	rc = ask(fs, &asking, want, 0, false);
	if (rc == -DER_NO_HDL) {
		memcpy(fs->was_handle, cont_handle(fs->cont), sizeof(uuid_t));
		fs->was_nr = fs->session_nr;
		rc = cont_reopen(fs->cont);
		if (rc == 0)
			rc = ask(fs, &asking, want, 0, false);
	}
	if (rc == -DER_NONEXIST) {
		log_warn(fs->env->log, "the session of this mount lapsed; a new one begins");
		env_sometimes(fs->env, "dfs: a session lapsed");
		exclusive_lost(fs);
		fs__locks_lost(fs);
		new_session_id(fs);
		rc = ask(fs, &asking, CONT_SHARED, 0, true);
	}
	if (rc == 0 && asking.renewal.number == fs->renewal_nr) {
		take(fs, &asking);
		if (fs->exclusive && !asking.renewed.exclusive)
			exclusive_lost(fs);
		if (!fs->exclusive && asking.renewed.exclusive) {
			fs->reign++;
			fs->exclusive = true;
			fs->lingering = true; /* what those left who are gone */
		}
	}
	arena_fini(&asking.arena);
	return rc;
}

int
fs__session_poke(struct fs *fs)
{
	int rc = 0;

	ult_mutex_lock(&fs->renewing);
	if (!fs->closing)
		rc = renew_now(fs, fs->exclusive ? CONT_STILL_EXCLUSIVE : CONT_SHARED);
	if (rc == 0 && !fs->exclusive && !fs->locks_told)
		rc = fs__locks_tell(fs);
	ult_mutex_unlock(&fs->renewing);
	return rc;
}

int
fs__revive(void *arg, const uuid_t handle, daos_obj_id_t oid)
{
	struct fs *fs = arg;
	struct fs_inode *inode;
	uint64_t since;
	int rc = 0;

	if (!fs->session_on)
		return -DER_NO_HDL;
	ult_mutex_lock(&fs->renewing);
	if (uuid_compare(handle, cont_handle(fs->cont)) == 0)
		rc = renew_now(fs, fs->exclusive ? CONT_STILL_EXCLUSIVE : CONT_SHARED);
	ult_mutex_unlock(&fs->renewing);
	if (rc == 0 && uuid_compare(handle, cont_handle(fs->cont)) == 0)
		rc = -DER_NO_HDL;
	if (rc != 0)
		return rc;
	inode = fs__inode_look(fs, oid);
	since = uuid_compare(handle, fs->was_handle) == 0 ? fs->was_nr : 1; /* an older one: any loss counts */
	return inode != NULL && inode->lost_nr >= since ? -DER_IO : 0;
}

/* ---- the renewer ------------------------------------------------------------------------------------------------------------------ */
/* session I2 */
static void
hand_over(struct fs *fs)
{
	drop_caches(fs);
	ult_mutex_lock(&fs->renewing);
	if (fs->exclusive && !fs->closing && fs__locks_hand_over(fs) == 0)
		(void)renew_now(fs, CONT_SHARED);
	ult_mutex_unlock(&fs->renewing);
}

/* Nobody else is there any more. No lock is being asked for meanwhile: what the engine knows of ours it forgets. */
static void
take_over(struct fs *fs)
{
	ult_mutex_lock(&fs->renewing);
	if (!fs->exclusive && !fs->closing && !fs->drop_due) {
		ult_rwlock_wrlock(&fs->lock_mode);
		(void)renew_now(fs, CONT_EXCLUSIVE);
		if (fs->exclusive)
			fs__locks_moved(fs);
		ult_rwlock_unlock(&fs->lock_mode);
	}
	ult_mutex_unlock(&fs->renewing);
}

/* A turn: asks, listens, and does what it heard. */
static void
turn(struct fs *fs)
{
	bool recalled = false, odd, alone = false;
	struct asking asking;
	int rc;

	asking_init(fs, &asking);
	rc = ask(fs, &asking, fs->exclusive ? CONT_STILL_EXCLUSIVE : CONT_SHARED, fs->drop_due ? 0 : LISTEN_MS, false);
	ult_mutex_lock(&fs->renewing);
	odd = asking.renewal.number != fs->renewal_nr || fs->closing; /* somebody asked after us */
	if (!odd && rc == 0) {
		take(fs, &asking);
		recalled = fs->exclusive && asking.renewed.recalled;
		if (fs->exclusive && !asking.renewed.exclusive)
			exclusive_lost(fs);
		alone = !fs->exclusive && fs->sessions == 1;
		if (!fs->exclusive && !fs->locks_told)
			(void)fs__locks_tell(fs);
	} else if (!odd && (rc == -DER_NO_HDL || rc == -DER_NONEXIST)) {
		rc = renew_now(fs, CONT_SHARED);
	}
	if (fs->exclusive && env_mono(fs->env) >= fs->lease_until_ns) /* nobody waited for us any longer */
		exclusive_lost(fs);
	ult_mutex_unlock(&fs->renewing);
	arena_fini(&asking.arena);
	if (fs->drop_due)
		drop_caches(fs);
	if (recalled)
		hand_over(fs);
	else if (alone)
		take_over(fs);
	if (rc != 0 && !odd && !fs->closing)
		(void)ult_cond_wait_until(&fs->renew_cond, NULL, env_mono(fs->env) + AGAIN_NS);
}

static void
renewer(void *arg)
{
	struct fs *fs = arg;
	uint64_t sweep_ns = env_mono(fs->env) + SWEEP_ROUNDS * LISTEN_MS * NS_PER_MS;

	while (!fs->closing) {
		turn(fs);
		if (fs->closing || fs->readonly || (fs->sessions < 2 && !fs->lingering) || env_mono(fs->env) < sweep_ns)
			continue;
		fs__orphan_sweep(fs, false); /* what others unlinked, and nobody here has open */
		sweep_ns = env_mono(fs->env) + SWEEP_ROUNDS * LISTEN_MS * NS_PER_MS;
	}
}

/* ---- begin, end -------------------------------------------------------------------------------------------------------------------- */
int
fs__session_begin(struct fs *fs)
{
	uint64_t deadline = env_mono(fs->env) + 60 * NS_PER_S;
	struct asking asking;
	int rc;

	new_session_id(fs);
	asking_init(fs, &asking);
	rc = ask(fs, &asking, CONT_EXCLUSIVE, 0, true);
	while (rc == 0 && asking.renewed.shut) {
		if (env_mono(fs->env) > deadline)
			rc = -DER_TIMEDOUT;
		else
			rc = ask(fs, &asking, CONT_SHARED, LISTEN_MS, true);
	}
	if (rc == 0) {
		take(fs, &asking);
		fs->exclusive = asking.renewed.exclusive;
	}
	arena_fini(&asking.arena);
	if (rc != 0)
		return rc;
	fs->session_on = true;
	cont_on_fenced(fs->cont, fs__revive, fs);
	/* There are none, but an engine that started meanwhile knows of the session only, and grants nobody anything until it heard so. */
	if (!fs->exclusive)
		(void)fs__locks_tell(fs);
	return ult_spawn(client_xs(fs->client), ULT_SYSTEM, "dfs_session", renewer, fs, &fs->renewer);
}

void
fs__session_end(struct fs *fs)
{
	struct cont_renewal renewal = {.machine = ""};
	struct cont_renewed renewed;
	struct arena arena;
	int rc;

	fs->closing = true;
	fs->exclusive = false;
	ult_cond_broadcast(&fs->renew_cond);
	ult_mutex_lock(&fs->renewing);
	renewal.number = ++fs->renewal_nr;
	memcpy(renewal.session, fs->session, sizeof(uuid_t));
	arena_init(&arena, fs->mem);
	rc = cont_session_renew(fs->cont, &renewal, &arena, &renewed); /* ends the renewer's listening too */
	arena_fini(&arena);
	ult_mutex_unlock(&fs->renewing);
	if (fs->renewer != NULL)
		ult_join(fs->renewer);
	fs->renewer = NULL;
	if (rc != 0 && rc != -DER_NONEXIST && rc != -DER_NO_HDL)
		log_note(fs->env->log, "the session of a mount could not be ended: " RCF "; its lease will", RCP(rc));
	fs->session_on = false;
	cont_on_fenced(fs->cont, NULL, NULL);
}

int
fs__session_live(struct fs *fs, struct arena *arena, uuid_t **live, uint32_t *nr)
{
	return cont_session_list(fs->cont, arena, live, nr);
}
