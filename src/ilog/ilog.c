/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ilog: incarnation logs (see ilog.h).
 *
 *	nr == 0   all zero
 *	nr == 1   the entry is root.first, array 0
 *	nr >= 2   root.first zero, array: nr entries, then room up to umem_usable
 *
 * Invariants
 *  ilog I1  Entries are strictly ascending by (epoch, minor).
 *  ilog I2  The form follows nr as above.
 *  ilog I3  Aggregation keeps, for each reader that counts, the last punch at or before it and the first creation behind
 *           that punch: from these follows all that ilog_state says of the past.
 *
 * All of it runs within a umem body; what is changed is touched first, a crash in the middle leaves nothing. Nothing yields.
 */
#include "ilog/ilog.h"

#define ARRAY_FIRST 4U /* entries of the smallest array */

/** A log during one call. */
struct view {
	struct ilog *log;
	struct ilog_root *root;
	struct ilog_entry *entries;
	uint32_t nr;
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int
corrupt(const struct ilog *log, const char *what)
{
	log_error(log->log, "ilog at heap offset %#llx: %s", (unsigned long long)log->root, what);
	return -DER_DF_INVAL;
}

static int
load(struct ilog *log, struct view *view)
{
	struct ilog_root *root = umem_at(log->heap, log->root);
	uint64_t bytes = (uint64_t)root->nr * sizeof(struct ilog_entry);

	*view = (struct view){.log = log, .root = root, .entries = &root->first, .nr = root->nr};
	if ((root->nr > 1) != (root->array != UMEM_NULL))
		return corrupt(log, "ilog I2: entry count and array do not match");
	if (root->nr <= 1)
		return 0;
	if (root->array % 16 != 0 || bytes > umem_usable(log->heap, root->array) ||
	    (root->array % UMEM_SEGMENT != 0 && root->array % UMEM_SEGMENT + bytes > UMEM_SEGMENT))
		return corrupt(log, "more entries than the array has room for");
	view->entries = umem_at(log->heap, root->array);
	return 0;
}

static int
compare(const struct ilog_entry *entry, uint64_t epoch, uint16_t minor)
{
	if (entry->epoch != epoch)
		return entry->epoch < epoch ? -1 : 1;
	return (entry->minor > minor) - (entry->minor < minor);
}

/** How many entries are at or before (epoch, minor). Most questions are about the newest. */
static uint32_t
until(const struct ilog_entry *entries, uint32_t nr, uint64_t epoch, uint16_t minor)
{
	uint32_t low = 0, high = nr, mid;

	if (nr == 0 || compare(&entries[nr - 1], epoch, minor) <= 0)
		return nr;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (compare(&entries[mid], epoch, minor) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct ilog_entry *
ilog_entries(struct ilog *log, uint32_t *nr)
{
	struct view view;

	*nr = 0;
	if (load(log, &view) != 0)
		return NULL;
	*nr = view.nr;
	return view.entries;
}

int
ilog_check(struct ilog *log)
{
	struct ilog_entry zero = {0};
	struct view view;
	uint32_t i;
	int rc;

	rc = load(log, &view);
	if (rc != 0)
		return rc;
	if (view.nr != 1 && memcmp(&view.root->first, &zero, sizeof(zero)) != 0)
		return corrupt(log, "ilog I2: an entry in the root beside the array");
	for (i = 0; i < view.nr; i++) {
		if (view.entries[i].punch > 1)
			return corrupt(log, "an entry is neither creation nor punch");
		if (i > 0 && compare(&view.entries[i - 1], view.entries[i].epoch, view.entries[i].minor) >= 0)
			return corrupt(log, "ilog I1: entries do not ascend");
	}
	return 0;
}

/* ---- changing ---------------------------------------------------------------------------------------------------- */

static void
touch_root(const struct view *view)
{
	umem_touch(view->log->heap, view->log->root, sizeof(*view->root));
}

/** The entries [from, to), wherever they are, are going to change. */
static void
touch_entries(const struct view *view, uint32_t from, uint32_t to)
{
	umem_off_t base = view->nr > 1 ? view->root->array : view->log->root + offsetof(struct ilog_root, first);

	if (from < to)
		umem_touch(view->log->heap, base + (uint64_t)from * sizeof(*view->entries),
			   (size_t)(to - from) * sizeof(*view->entries));
}

/** Makes room for one entry more. */
static int
grow(struct view *view)
{
	struct umem *heap = view->log->heap;
	uint64_t cap = view->nr > 1 ? umem_usable(heap, view->root->array) / sizeof(*view->entries) : 1;
	umem_off_t off;

	if (view->nr < cap)
		return 0;
	off = umem_alloc(heap, (size_t)MAX((uint64_t)ARRAY_FIRST, (uint64_t)view->nr * 2) * sizeof(*view->entries));
	if (off == UMEM_NULL)
		return -DER_NOSPACE;
	memcpy(umem_at(heap, off), view->entries, (size_t)view->nr * sizeof(*view->entries));
	touch_root(view);
	umem_free(heap, view->root->array);
	memset(&view->root->first, 0, sizeof(view->root->first));
	view->root->array = off;
	view->entries = umem_at(heap, off);
	return 0;
}

static int
insert_at(struct view *view, uint32_t at, const struct ilog_entry *entry)
{
	int rc;

	if (view->nr > 0) {
		rc = grow(view);
		if (rc != 0)
			return rc;
	}
	touch_root(view);
	view->nr = ++view->root->nr;
	touch_entries(view, at, view->nr);
	memmove(view->entries + at + 1, view->entries + at, (size_t)(view->nr - 1 - at) * sizeof(*entry));
	view->entries[at] = *entry;
	return 0;
}

/** Only the first nr entries are left, and already stand where they belong. */
static void
shrink(struct view *view, uint32_t nr)
{
	struct ilog_root *root = view->root;
	struct ilog_entry last = view->entries[0];
	umem_off_t array = root->array;

	touch_root(view);
	if (nr > 1) {
		root->nr = nr;
		return;
	}
	memset(root, 0, sizeof(*root));
	if (nr == 1) {
		root->nr = 1;
		root->first = last;
	}
	umem_free(view->log->heap, array);
}

/** A creation at the end of nr entries would tell nobody anything: what it adds to is there, whatever becomes of others. */
static bool
redundant(const struct ilog_entry *entries, uint32_t nr, uint32_t dtx)
{
	while (nr-- > 0) {
		if (entries[nr].punch)
			return false;
		if (entries[nr].dtx == 0 || entries[nr].dtx == dtx)
			return true;
	}
	return false;
}

int
ilog_add(struct ilog *log, const struct ilog_entry *entry, bool always)
{
	struct ilog_entry new = *entry;
	struct ilog_entry *old;
	struct view view;
	uint32_t at;
	int rc;

	/* Epoch 0 is how a state says "never". */
	if (entry->epoch == 0)
		return -DER_INVAL;
	new.punch = entry->punch != 0;
	rc = load(log, &view);
	if (rc != 0)
		return rc;
	at = until(view.entries, view.nr, new.epoch, new.minor);
	old = at > 0 ? &view.entries[at - 1] : NULL;
	if (old != NULL && compare(old, new.epoch, new.minor) == 0) {
		if (old->dtx != new.dtx)
			return -DER_TX_RESTART;
		if (new.punch > old->punch) {
			touch_entries(&view, at - 1, at);
			old->punch = new.punch;
		}
		return 0;
	}
	if (!new.punch && !always && redundant(view.entries, at, new.dtx))
		return 0;
	if (view.nr == UINT32_MAX)
		return -DER_NOSPACE;
	return insert_at(&view, at, &new);
}

int
ilog_commit(struct ilog *log, uint32_t dtx)
{
	struct view view;
	uint32_t i;
	int rc;

	if (dtx == 0)
		return -DER_INVAL;
	rc = load(log, &view);
	for (i = 0; rc == 0 && i < view.nr; i++) {
		if (view.entries[i].dtx != dtx)
			continue;
		touch_entries(&view, i, i + 1);
		view.entries[i].dtx = 0;
	}
	return rc;
}

/** Leaves out the entries that drop says, which is asked in order and may look at itself and what comes behind. */
static void
sift(struct view *view, bool (*drop)(void *arg, const struct view *view, uint32_t i), void *arg)
{
	uint32_t i, kept = 0;

	for (i = 0; i < view->nr; i++) {
		if (drop(arg, view, i)) {
			/* From here on everything moves. */
			if (kept == i)
				touch_entries(view, i, view->nr);
			continue;
		}
		if (kept != i)
			view->entries[kept] = view->entries[i];
		kept++;
	}
	if (kept < view->nr)
		shrink(view, kept);
}

static bool
of_dtx(void *arg, const struct view *view, uint32_t i)
{
	return view->entries[i].dtx == *(const uint32_t *)arg;
}

int
ilog_abort(struct ilog *log, uint32_t dtx)
{
	struct view view;
	int rc;

	if (dtx == 0)
		return -DER_INVAL;
	rc = load(log, &view);
	if (rc == 0)
		sift(&view, of_dtx, &dtx);
	return rc;
}

void
ilog_destroy(struct ilog *log)
{
	struct view view;

	if (load(log, &view) == 0)
		shrink(&view, 0);
}

/* ---- aggregation ------------------------------------------------------------------------------------------------- */

struct fold {
	uint64_t from, to;
	const uint64_t *snapshots;
	uint32_t snapshot_nr;
	uint32_t certain; /* entries before the first uncommitted one */
	bool exists;      /* by the entries before the present one */
};

/** Does a reader that counts stand at an epoch of [first, last]? */
static bool
read_within(const struct fold *fold, uint64_t first, uint64_t last)
{
	uint32_t i;

	if (first > last)
		return false;
	if (last >= fold->to)
		return true;
#ifdef PLANTED_ilog_fold_forgets_snapshots
	return false;
#endif
	for (i = 0; i < fold->snapshot_nr; i++)
		if (fold->snapshots[i] >= first && fold->snapshots[i] <= last)
			return true;
	return false;
}

/** ilog I3. Asked in order. */
static bool
untold(void *arg, const struct view *view, uint32_t i)
{
	const struct ilog_entry *entry = &view->entries[i];
	struct fold *fold = arg;
	bool again = !entry->punch && fold->exists;
	uint64_t last = UINT64_MAX;
	uint32_t next;

	fold->exists = !entry->punch;
	if (i >= fold->certain || entry->epoch < fold->from || entry->epoch > fold->to)
		return false;
	if (again)
		return true;
	/* It tells something from its epoch on until the next punch. */
	for (next = i + 1; next < fold->certain; next++) {
		if (!view->entries[next].punch)
			continue;
		if (view->entries[next].epoch == 0)
			return true;
		last = view->entries[next].epoch - 1;
		break;
	}
	return !read_within(fold, entry->epoch, last);
}

/** Would nothing be left but a punch, behind which nothing came? */
static bool
only_grave(const struct view *view, struct fold *fold)
{
	const struct ilog_entry *last = &view->entries[view->nr - 1];
	uint32_t i, kept = 0;

	if (!last->punch || fold->certain < view->nr || last->epoch < fold->from || last->epoch > fold->to)
		return false;
	fold->exists = false;
	for (i = 0; i < view->nr; i++)
		kept += !untold(fold, view, i);
	return kept == 1;
}

int
ilog_aggregate(struct ilog *log, uint64_t from, uint64_t to, const uint64_t *snapshots, uint32_t nr, bool *empty)
{
	struct fold fold = {.from = from, .to = to, .snapshots = snapshots, .snapshot_nr = nr};
	struct view view;
	int rc;

	*empty = false;
	rc = load(log, &view);
	if (rc != 0)
		return rc;
	while (fold.certain < view.nr && view.entries[fold.certain].dtx == 0)
		fold.certain++;
	if (view.nr > 0) {
		if (only_grave(&view, &fold)) {
			shrink(&view, 0);
		} else {
			fold.exists = false;
			sift(&view, untold, &fold);
		}
	}
	*empty = view.root->nr == 0;
	return 0;
}

/* ---- state ------------------------------------------------------------------------------------------------------- */

int
ilog_state(const struct ilog_entry *entries, uint32_t nr, uint64_t epoch, uint16_t minor, uint64_t bound,
	   int (*visible)(void *arg, const struct ilog_entry *entry), void *arg, struct ilog_state *state)
{
	uint32_t end = until(entries, nr, epoch, minor), i;
	int rc;

	memset(state, 0, sizeof(*state));
	for (i = end; i > 0; i--) {
		const struct ilog_entry *entry = &entries[i - 1];

		rc = visible != NULL ? visible(arg, entry) : 0;
		if (rc < 0 && !(state->exists && !entry->punch))
			return rc;
		if (rc != 0)
			continue;
		if (entry->punch) {
			state->punched = entry->epoch;
			state->punched_minor = entry->minor;
			break;
		}
		state->exists = true;
		state->created = entry->epoch;
		state->created_minor = entry->minor;
	}
	for (i = end; i < nr; i++) {
		if (entries[i].epoch > epoch && entries[i].epoch <= bound)
			state->uncertain = true;
		if (entries[i].punch && state->next_punch == 0)
			state->next_punch = entries[i].epoch;
	}
	return 0;
}
