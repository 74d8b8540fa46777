/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks of one mount: fcntl ranges and flock, by inode. The ranges of an owner never overlap and neighbours of one type are
 * one. Other mounts do not see them.
 *
 *   wait   who has to wait is noted with whom it waits for; whatever lets go of a lock wakes all, who try again. A circle among
 *          fcntl waiters is EDEADLK for the one who would close it.
 *
 *	lock I1  Two ranges of different owners overlap only when both are read locks.
 *	lock I2  An owner waits for at most one lock; the graph of fcntl waiters has no circle.
 *
 * Only waiting yields. Nothing is stored: a crash lets go of everything.
 */
#include "internal.h"

#include <sys/file.h>

enum { CHAIN_MAX = 1024 };

struct range {
	struct list link;
	uint64_t start, end; /* both included */
	uint64_t owner;
	uint32_t pid;
	int type;
};

struct fs_locks {
	struct list ranges; /* fcntl, in no order */
	struct list flocks; /* flock: whole files */
};

struct waiter {
	struct list link;
	uint64_t owner, holder;
};

static int
locks_of(struct fs_inode *inode, struct fs_locks **locks)
{
	if (inode->locks == NULL) {
		inode->locks = MEM_NEW(inode->fs->mem, struct fs_locks);
		if (inode->locks == NULL)
			return ENOMEM;
		list_init(&inode->locks->ranges);
		list_init(&inode->locks->flocks);
	}
	*locks = inode->locks;
	return 0;
}

static void
free_list(struct mem *mem, struct list *list)
{
	struct range *range;

	while ((range = list_pop(list, struct range, link)) != NULL)
		mem_free(mem, range);
}

void
fs__locks_free(struct fs_inode *inode)
{
	if (inode->locks == NULL)
		return;
	free_list(inode->fs->mem, &inode->locks->ranges);
	free_list(inode->fs->mem, &inode->locks->flocks);
	mem_free(inode->fs->mem, inode->locks);
	inode->locks = NULL;
}

static struct range *
conflict(struct list *list, uint64_t owner, const struct fs_lock *lock)
{
	struct range *range;

	list_each(range, list, link)
		if (range->owner != owner && range->start <= lock->end && lock->start <= range->end &&
		    (range->type == F_WRLCK || lock->type == F_WRLCK))
			return range;
	return NULL;
}

/* Whether owner would wait for itself when it waits for holder. */
static bool
circle(const struct fs *fs, uint64_t owner, uint64_t holder)
{
	struct waiter *waiter;

	for (uint32_t i = 0; i < CHAIN_MAX; i++) {
		bool found = false;

		if (holder == owner)
			return true;
		list_each(waiter, &fs->lock_waits, link)
			if (waiter->owner == holder) {
				holder = waiter->holder;
				found = true;
				break;
			}
		if (!found)
			return false;
	}
	return true;
}

/* ---- ranges --------------------------------------------------------------------------------------------------------------------------- */
/* Takes [start, end] away from the owner's ranges. spare: a node for the case that one is cut in two; *spare is NULL when it was used. */
static void
cut(struct fs_inode *inode, uint64_t owner, uint64_t start, uint64_t end, struct range **spare)
{
	struct list *list = &inode->locks->ranges;
	struct range *range, *tmp;

	list_each_safe(range, tmp, list, link) {
		if (range->owner != owner || range->end < start || range->start > end)
			continue;
		if (range->start >= start && range->end <= end) {
			list_remove(&range->link);
			mem_free(inode->fs->mem, range);
		} else if (range->start < start && range->end > end) {
			**spare = *range;
			(*spare)->start = end + 1;
			range->end = start - 1;
			list_append(list, &(*spare)->link);
			*spare = NULL;
			return; /* ranges of an owner do not overlap: no other can be hit */
		} else if (range->start < start) {
			range->end = start - 1;
		} else {
			range->start = end + 1;
		}
	}
}

/* Makes one of the new range and its neighbours of the same type. */
static void
join(struct fs_inode *inode, struct range *fresh)
{
	struct range *range, *tmp;

	list_each_safe(range, tmp, &inode->locks->ranges, link) {
		bool before = range->end != UINT64_MAX && range->end + 1 == fresh->start;
		bool behind = fresh->end != UINT64_MAX && fresh->end + 1 == range->start;

		if (range == fresh || range->owner != fresh->owner || range->type != fresh->type || (!before && !behind))
			continue;
		if (before)
			fresh->start = range->start;
		else
			fresh->end = range->end;
		list_remove(&range->link);
		mem_free(inode->fs->mem, range);
	}
}

static int
apply(struct fs_inode *inode, uint64_t owner, const struct fs_lock *lock)
{
	struct mem *mem = inode->fs->mem;
	struct range *spare = MEM_NEW(mem, struct range), *fresh = MEM_NEW(mem, struct range);

	if (spare == NULL || fresh == NULL) {
		mem_free(mem, spare);
		mem_free(mem, fresh);
		return ENOLCK;
	}
	cut(inode, owner, lock->start, lock->end, &spare);
	if (lock->type != F_UNLCK) {
		*fresh = (struct range){.start = lock->start, .end = lock->end, .owner = owner, .pid = lock->pid, .type = lock->type};
		list_append(&inode->locks->ranges, &fresh->link);
		join(inode, fresh);
		fresh = NULL;
	}
	mem_free(mem, spare);
	mem_free(mem, fresh);
	ult_cond_broadcast(&inode->fs->lock_cond); /* what it gave up, or made weaker */
	return 0;
}

/* Sleeps until something was let go of. posix: looks for circles. */
static int
wait_for(struct fs *fs, uint64_t owner, uint64_t holder, bool posix, const bool *interrupted)
{
	struct waiter waiter = {.owner = owner, .holder = holder};

	if (interrupted != NULL && *interrupted)
		return EINTR;
	if (posix && circle(fs, owner, holder))
		return EDEADLK;
	if (posix)
		list_append(&fs->lock_waits, &waiter.link);
	ult_cond_wait(&fs->lock_cond, NULL);
	if (posix)
		list_remove(&waiter.link);
	return interrupted != NULL && *interrupted ? EINTR : 0;
}

int
fs_setlk(struct fs_inode *inode, uint64_t owner, const struct fs_lock *lock, bool wait, const bool *interrupted)
{
	struct fs_locks *locks;
	struct range *held;
	int rc;

	if (lock->start > lock->end || (lock->type != F_RDLCK && lock->type != F_WRLCK && lock->type != F_UNLCK))
		return EINVAL;
	rc = locks_of(inode, &locks);
	(void)fs_inode_get(inode);
	while (rc == 0 && lock->type != F_UNLCK && (held = conflict(&locks->ranges, owner, lock)) != NULL)
		rc = wait ? wait_for(inode->fs, owner, held->owner, true, interrupted) : EAGAIN;
	if (rc == 0)
		rc = apply(inode, owner, lock);
	fs_inode_put(inode);
	return rc;
}

int
fs_getlk(struct fs_inode *inode, uint64_t owner, struct fs_lock *lock)
{
	struct range *held;

	if (lock->start > lock->end || (lock->type != F_RDLCK && lock->type != F_WRLCK))
		return EINVAL;
	held = inode->locks != NULL ? conflict(&inode->locks->ranges, owner, lock) : NULL;
	if (held == NULL)
		lock->type = F_UNLCK;
	else
		*lock = (struct fs_lock){.start = held->start, .end = held->end, .type = held->type, .pid = held->pid};
	return 0;
}

int
fs_lock_release(struct fs_inode *inode, uint64_t owner)
{
	struct range *range, *tmp;

	if (inode->locks == NULL)
		return 0;
	list_each_safe(range, tmp, &inode->locks->ranges, link)
		if (range->owner == owner) {
			list_remove(&range->link);
			mem_free(inode->fs->mem, range);
		}
	ult_cond_broadcast(&inode->fs->lock_cond);
	return 0;
}

/* ---- flock ----------------------------------------------------------------------------------------------------------------------------- */
/* As flock(2) does: a lock of another type is let go of first, and not given back when the new one cannot be had. */
int
fs_flock(struct fs_inode *inode, uint64_t owner, int op, const bool *interrupted)
{
	struct fs_lock lock = {.end = UINT64_MAX};
	struct range *range, *tmp, *held;
	struct fs_locks *locks;
	int rc;

	switch (op & ~LOCK_NB) {
	case LOCK_SH:
		lock.type = F_RDLCK;
		break;
	case LOCK_EX:
		lock.type = F_WRLCK;
		break;
	case LOCK_UN:
		lock.type = F_UNLCK;
		break;
	default:
		return EINVAL;
	}
	rc = locks_of(inode, &locks);
	if (rc != 0)
		return rc;
	list_each_safe(range, tmp, &locks->flocks, link)
		if (range->owner == owner) {
			if (range->type == lock.type)
				return 0;
			list_remove(&range->link);
			mem_free(inode->fs->mem, range);
			ult_cond_broadcast(&inode->fs->lock_cond);
		}
	if (lock.type == F_UNLCK)
		return 0;
	(void)fs_inode_get(inode);
	while (rc == 0 && (held = conflict(&locks->flocks, owner, &lock)) != NULL)
		rc = (op & LOCK_NB) == 0 ? wait_for(inode->fs, owner, held->owner, false, interrupted) : EAGAIN;
	range = rc == 0 ? MEM_NEW(inode->fs->mem, struct range) : NULL;
	if (rc == 0 && range == NULL)
		rc = ENOLCK;
	if (rc == 0) {
		*range = (struct range){.end = UINT64_MAX, .owner = owner, .type = lock.type};
		list_append(&locks->flocks, &range->link);
	}
	fs_inode_put(inode);
	return rc;
}

void
fs_lock_interrupt(struct fs *fs)
{
	ult_cond_broadcast(&fs->lock_cond);
}
