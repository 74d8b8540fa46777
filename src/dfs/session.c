/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session of a mount: a leased record in the container, renewed by a ULT. A session that is alone holds the container's
 * cache; when another comes, it is recalled at its next renewal, and the newcomer waits for that (or for the lease to end).
 *
 *   begin ──> alone <──renewed──> shared          silent beyond its lease, or forgotten: what was cached goes, and the
 *                                                  next renewal begins a new session
 *
 *	session I1  fs_sole is true only while a granted lease lasts by this machine's monotonic clock, counted from before it was asked for.
 *	session I2  Before another session is let in, the callback has returned.
 *
 * begin, end and the renewer yield. After a crash the record stays until its lease is over.
 */
#include "internal.h"

#define LEASE_MS 5000ULL
#define RENEW_NS (1000 * NS_PER_MS)
#define WAIT_NS (20 * NS_PER_MS)

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

/* exclusive false gives up the cache, so that another may come in. */
static int
lease(struct fs *fs, bool exclusive, struct cont_lease *granted)
{
	uint64_t asked = env_mono(fs->env);
	char machine[256] = "";
	int rc;

	(void)fs->env->ops->host.hostname(fs->env, machine, sizeof(machine));
	rc = cont_session_lease(fs->cont, fs->session, LEASE_MS, exclusive, machine, granted);
	if (rc == 0) {
		fs->lease_until_ns = asked + granted->lease_ms * NS_PER_MS;
		fs->sessions = granted->sessions;
	}
	return rc;
}

static void
drop_caches(struct fs *fs)
{
	fs->exclusive = false;
	if (fs->recalled != NULL)
		fs->recalled(fs->recalled_arg);
}

static void
new_session_id(struct fs *fs)
{
	uint64_t bits[2] = {env_rand(fs->env), env_rand(fs->env)};

	memcpy(fs->session, bits, sizeof(uuid_t));
	fs->session[6] = (uint8_t)((fs->session[6] & 0x0f) | 0x40);
	fs->session[8] = (uint8_t)((fs->session[8] & 0x3f) | 0x80);
}

static void
renew(struct fs *fs)
{
	struct cont_lease granted = {0};
	bool held = fs->exclusive, lapsed = env_mono(fs->env) >= fs->lease_until_ns;
	int rc;

	if (held && lapsed) { /* nobody waited for us any longer */
		drop_caches(fs);
		held = false;
	}
	rc = lease(fs, true, &granted);
	if (rc == -DER_NONEXIST) {
		log_warn(fs->env->log, "the session of this mount lapsed; a new one begins");
		if (held)
			drop_caches(fs);
		new_session_id(fs);
		rc = lease(fs, true, &granted);
		held = false;
	}
	if (rc != 0)
		return; /* the next round, while the lease lasts */
	if (held && !granted.exclusive)
		drop_caches(fs);
	if (granted.exclusive && !held)
		fs->reign++;
	fs->exclusive = granted.exclusive;
}

static void
renewer(void *arg)
{
	struct fs *fs = arg;

	for (uint32_t round = 1; !fs->closing; round++) {
		(void)ult_cond_wait_until(&fs->renew_cond, NULL, env_mono(fs->env) + RENEW_NS);
		if (!fs->closing)
			renew(fs);
		if (!fs->closing && !fs->readonly && (fs->sessions > 1 || fs->lingering) && round % SWEEP_ROUNDS == 0)
			fs__orphan_sweep(fs, false); /* what others unlinked, and nobody here has open */
	}
}

int
fs__session_begin(struct fs *fs)
{
	uint64_t deadline = env_mono(fs->env) + 60 * NS_PER_S;
	struct cont_lease granted = {0};
	int rc;

	new_session_id(fs);
	rc = lease(fs, true, &granted);
	fs->exclusive = rc == 0 && granted.exclusive;
	while (rc == 0 && !fs->exclusive && granted.recalled) {
		if (env_mono(fs->env) > deadline)
			return -DER_TIMEDOUT;
		rc = lease(fs, false, &granted);
		if (rc == 0 && granted.recalled)
			ult_sleep(WAIT_NS);
	}
	if (rc != 0)
		return rc;
	fs->session_on = true;
	return ult_spawn(client_xs(fs->client), ULT_SYSTEM, "dfs_session", renewer, fs, &fs->renewer);
}

void
fs__session_end(struct fs *fs)
{
	struct cont_lease granted;
	int rc;

	fs->closing = true;
	fs->exclusive = false;
	if (fs->renewer != NULL) {
		ult_cond_broadcast(&fs->renew_cond);
		ult_join(fs->renewer);
		fs->renewer = NULL;
	}
	rc = cont_session_lease(fs->cont, fs->session, 0, false, "", &granted);
	if (rc != 0 && rc != -DER_NONEXIST)
		log_note(fs->env->log, "the session of a mount could not be ended: " RCF "; its lease will", RCP(rc));
	fs->session_on = false;
}

int
fs__session_live(struct fs *fs, struct arena *arena, uuid_t **live, uint32_t *nr)
{
	return cont_session_list(fs->cont, arena, live, nr);
}
