/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evtree/find: questions. What is visible is found piece by piece from left to right with two searches each, so that no
 * memory is needed however many versions lie upon each other:
 *
 *	newest_at    the newest usable extent over a record: T
 *	scan         the first extent behind the record that is newer than T: there T's piece ends (or with T, or the range)
 *
 *	  time ^        ####            U     at x: T is the newest; U begins at n and is newer:
 *	       |   #############        T     piece [x, n - 1] of T, then x := n
 *	       |   x    n
 *
 * Both go down only where the sums of inner entries promise something: newest_at takes the child with the newest extent
 * first and stops when no other can be newer. Each enters a node at most once (evtree I6): children are entered with the
 * span of keys that they may hold, spans of siblings are disjoint. Recursion is as deep as the tree, at most 16.
 * Nothing changes, nothing yields.
 */
#include "node.h"

/** 0 use it, 1 skip it, < 0 an error if it counts. */
static int
visible(const struct walk *walk, const union evtree_entry *entry)
{
	struct evtree_extent extent;

	if (walk->tree->visible == NULL)
		return 0;
	evtree__to_extent(entry, &extent);
	return walk->tree->visible(walk->tree->arg, &extent);
}

/** node was entered as the child whose keys lie in [*from, *to): NULL: no bound. Checks entries 0 to nr - 1 and the span. */
static int
check_span(const struct walk *walk, umem_off_t off, struct evtree_node *node, uint32_t nr, const struct key *from,
	   const struct key *to)
{
	struct key key = entry_key(node_entry(node, 0)), next;
	uint32_t i;

	if (from != NULL && key_compare(&key, from) != 0)
		return evtree__corrupt(walk->tree, off, "evtree I2: does not begin as its parent says");
	for (i = 1; i < nr; i++, key = next) {
		next = entry_key(node_entry(node, i));
		if (key_compare(&key, &next) >= 0)
			return evtree__corrupt(walk->tree, off, "evtree I1: keys do not ascend");
	}
	if (to != NULL && key_compare(&key, to) >= 0)
		return evtree__corrupt(walk->tree, off, "evtree I1: keys reach over the next node");
	return 0;
}

/* ---- the newest over a record ------------------------------------------------------------------------------------ */

struct newest {
	const struct walk *walk;
	uint64_t at;
	struct evtree_when when; /* nothing later exists */
	const union evtree_entry *best;
	struct evtree_when best_when;
	int best_rc; /* what visible said of it: 0 or an error */
};

static void
newest_in_leaf(struct newest *query, struct evtree_node *node, uint32_t nr, int *rc)
{
	const union evtree_entry *entry;
	struct evtree_when when;

	/* From the right: of versions of the same range the newest comes first. */
	while (nr-- > 0) {
		entry = node_entry(node, nr);
		when = entry_when(entry);
		if (entry->hi < query->at || when_compare(when, query->when) > 0 ||
		    (query->best != NULL && when_compare(when, query->best_when) <= 0))
			continue;
		*rc = visible(query->walk, entry);
		if (*rc > 0)
			continue;
		query->best = entry;
		query->best_when = when;
		query->best_rc = *rc;
	}
	*rc = 0;
}

static bool
promising(const struct newest *query, const union evtree_entry *sum)
{
	return sum->hi >= query->at && when_compare(entry_oldest(sum), query->when) <= 0 &&
	       (query->best == NULL || when_compare(entry_newest(sum), query->best_when) > 0);
}

static int
newest_below(struct newest *query, umem_off_t off, uint32_t level, const struct key *from, const struct key *to)
{
	struct evtree_node *node;
	uint32_t nr, i, pick, left = 0;
	struct key first, next;
	int rc;

	rc = evtree__node(query->walk, off, level, &node);
	if (rc != 0)
		return rc;
	nr = evtree__until(node, query->at);
	if (level == 0) {
		newest_in_leaf(query, node, nr, &rc);
		return rc;
	}
	rc = check_span(query->walk, off, node, MIN(nr + 1, (uint32_t)node->nr), from, nr < node->nr ? NULL : to);
	if (rc != 0)
		return rc;
	for (i = 0; i < nr; i++)
		if (promising(query, node_entry(node, i)))
			left |= 1U << i;
	while (left != 0) {
		pick = 31U - (uint32_t)__builtin_clz(left);
		for (i = pick; i-- > 0;)
			if ((left & 1U << i) &&
			    when_compare(entry_newest(node_entry(node, i)), entry_newest(node_entry(node, pick))) > 0)
				pick = i;
		left &= ~(1U << pick);
		if (!promising(query, node_entry(node, pick)))
			continue;
		first = entry_key(node_entry(node, pick));
		if (pick + 1 < node->nr)
			next = entry_key(node_entry(node, pick + 1));
		rc = newest_below(query, node_entry(node, pick)->inner.child, level - 1, &first,
				  pick + 1 < node->nr ? &next : to);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/** The newest usable extent over record at: 1 and query->best, 0 none, or an error. */
static int
newest_at(struct newest *query, uint64_t at)
{
	int rc;

	query->at = at;
	query->best = NULL;
	rc = newest_below(query, query->walk->root->node, query->walk->root->depth - 1U, NULL, NULL);
	if (rc != 0 || query->best == NULL)
		return rc;
	if (query->best->lo > at)
		return evtree__corrupt(query->walk->tree, 0, "evtree I1: a leaf is out of order");
	return query->best_rc != 0 ? query->best_rc : 1;
}

/* ---- extents in order -------------------------------------------------------------------------------------------- */

struct scan {
	const struct walk *walk;
	uint64_t lo, hi;                /* those that meet this range */
	struct evtree_when oldest, newest; /* and were written in this time, both included */
	bool behind;                    /* and stand behind start */
	struct key start;
	struct key last;                /* of the node entered last */
	int (*found)(void *arg, const union evtree_entry *entry);
	void *arg;
};

static bool
meets(const struct scan *scan, const union evtree_entry *entry, bool leaf)
{
	struct evtree_when newest = leaf ? entry_when(entry) : entry_newest(entry);
	struct evtree_when oldest = leaf ? newest : entry_oldest(entry);

	return entry->hi >= scan->lo && when_compare(newest, scan->oldest) >= 0 && when_compare(oldest, scan->newest) <= 0;
}

/** The entry to begin with: in a leaf the first behind start, above it the child that start lies in. */
static uint32_t
first_behind(const struct scan *scan, struct evtree_node *node)
{
	uint32_t i = evtree__search(node, &scan->start);
	struct key key;

	if (node->level > 0)
		return i - (i > 0);
	if (i == node->nr)
		return i;
	key = entry_key(node_entry(node, i));
	return i + (key_compare(&key, &scan->start) == 0);
}

static int
scan_below(struct scan *scan, umem_off_t off, uint32_t level, const struct key *from)
{
	struct evtree_node *node;
	union evtree_entry *entry;
	struct key key;
	uint32_t i = 0;
	int rc;

	rc = evtree__node(scan->walk, off, level, &node);
	if (rc != 0)
		return rc;
	key = entry_key(node_entry(node, 0));
	if (from != NULL && key_compare(&key, from) != 0)
		return evtree__corrupt(scan->walk->tree, off, "evtree I2: does not begin as its parent says");
	if (scan->behind)
		i = first_behind(scan, node);
	for (; i < node->nr; i++) {
		entry = node_entry(node, i);
		if (entry->lo > scan->hi)
			return 0;
		if (level > 0 && (i > 0 || from == NULL)) {
			key = entry_key(entry);
			if (i > 0 && key_compare(&key, &scan->last) <= 0)
				return evtree__corrupt(scan->walk->tree, off, "evtree I1: keys do not ascend");
			scan->last = key;
		}
		if (!meets(scan, entry, level == 0))
			continue;
		key = entry_key(entry);
		rc = level == 0 ? scan->found(scan->arg, entry) : scan_below(scan, entry->inner.child, level - 1, &key);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
scan_run(struct scan *scan)
{
	if (scan->walk->root->depth == 0)
		return 0;
	return scan_below(scan, scan->walk->root->node, scan->walk->root->depth - 1U, NULL);
}

/** The next moment; false after the last. */
static bool
when_after(struct evtree_when *when)
{
	if (++when->minor == 0)
		return ++when->epoch != 0;
	return true;
}

struct start {
	const struct walk *walk;
	uint64_t lo;
};

static int
found_start(void *arg, const union evtree_entry *entry)
{
	struct start *start = arg;

	if (visible(start->walk, entry) > 0)
		return 0;
	start->lo = entry->lo;
	return 1;
}

/**
 * Where in (after, limit] the first usable extent begins that is newer than `than` (NULL: any) but not later than when:
 * 1, 0, or an error.
 */
static int
next_start(const struct walk *walk, uint64_t after, uint64_t limit, const struct evtree_when *than, struct evtree_when when,
	   uint64_t *lo)
{
	struct start start = {.walk = walk};
	struct scan scan = {
		.walk = walk,
		.lo = after + 1,
		.hi = limit,
		.newest = when,
		.behind = true,
		.start = {.lo = after, .when = {.epoch = UINT64_MAX, .minor = UINT16_MAX}},
		.found = found_start,
		.arg = &start,
	};
	int rc;

	if (after >= limit)
		return 0;
	if (than != NULL) {
		scan.oldest = *than;
		if (!when_after(&scan.oldest))
			return 0;
	}
	rc = scan_run(&scan);
	if (rc != 1)
		return rc;
	/* Else the caller would go in circles. */
	if (start.lo <= after)
		return evtree__corrupt(walk->tree, 0, "evtree I1: a leaf is out of order");
	*lo = start.lo;
	return 1;
}

/* ---- what is visible --------------------------------------------------------------------------------------------- */

/**
 * The visible piece that begins at *at, or else the first one behind it, up to hi: 1, 0 none, or an error. *at becomes where
 * it begins.
 */
static int
next_piece(const struct walk *walk, uint64_t *at, uint64_t hi, struct evtree_when when, struct evtree_piece *piece)
{
	struct newest query = {.walk = walk, .when = when};
	uint64_t start;
	int rc;

	rc = newest_at(&query, *at);
	if (rc == 0) {
		rc = next_start(walk, *at, hi, NULL, when, at);
		if (rc == 1)
			rc = newest_at(&query, *at);
	}
	if (rc != 1)
		return rc;
	piece->lo = *at;
	piece->hi = MIN(query.best->hi, hi);
	rc = next_start(walk, *at, piece->hi, &query.best_when, when, &start);
	if (rc < 0)
		return rc;
	if (rc == 1)
		piece->hi = start - 1;
	evtree__to_extent(query.best, &piece->whole);
	return 1;
}

int
evtree_find(struct evtree *tree, uint64_t lo, uint64_t hi, struct evtree_when when,
	    int (*found)(void *arg, const struct evtree_piece *piece), void *arg)
{
	struct evtree_piece piece;
	struct walk walk;
	int rc;

	rc = evtree__begin(&walk, tree);
	if (rc != 0)
		return rc;
	if (walk.root->depth == 0 || lo > hi)
		return 0;
	for (;;) {
		rc = next_piece(&walk, &lo, hi, when, &piece);
		if (rc != 1)
			return rc;
		rc = found(arg, &piece);
		if (rc != 0 || piece.hi >= hi)
			return rc;
		lo = piece.hi + 1;
	}
}

/* ---- ends of the array ------------------------------------------------------------------------------------------- */

struct last_end {
	const struct walk *walk;
	uint64_t floor, limit;             /* ends in [floor, limit] count; floor rises above what was found */
	struct evtree_when oldest, newest; /* of extents of this time */
	bool found;
	uint64_t hi;
};

static bool
ends_within(const struct last_end *query, const union evtree_entry *entry, bool leaf)
{
	struct evtree_when newest = leaf ? entry_when(entry) : entry_newest(entry);
	struct evtree_when oldest = leaf ? newest : entry_oldest(entry);

	if (query->found && query->hi == query->limit)
		return false;
	return entry->hi >= query->floor && (!leaf || entry->hi <= query->limit) &&
	       when_compare(newest, query->oldest) >= 0 && when_compare(oldest, query->newest) <= 0;
}

static int
last_end_below(struct last_end *query, umem_off_t off, uint32_t level, const struct key *from, const struct key *to)
{
	struct evtree_node *node;
	union evtree_entry *entry;
	struct key first, next;
	uint32_t nr, i;
	int rc;

	rc = evtree__node(query->walk, off, level, &node);
	if (rc != 0)
		return rc;
	nr = evtree__until(node, query->limit);
	if (level > 0)
		rc = check_span(query->walk, off, node, MIN(nr + 1, (uint32_t)node->nr), from, nr < node->nr ? NULL : to);
	for (i = nr; i-- > 0 && rc == 0;) {
		entry = node_entry(node, i);
		if (!ends_within(query, entry, level == 0))
			continue;
		if (level == 0) {
			if (visible(query->walk, entry) > 0)
				continue;
			query->found = true;
			query->hi = entry->hi;
			query->floor = entry->hi + 1;
			continue;
		}
		first = entry_key(entry);
		if (i + 1 < node->nr)
			next = entry_key(node_entry(node, i + 1));
		rc = last_end_below(query, entry->inner.child, level - 1, &first, i + 1 < node->nr ? &next : to);
	}
	return rc;
}

/**
 * The highest end within [floor, limit] of a usable extent newer than `than` (NULL: any) but not later than when: 1, 0, or
 * an error.
 */
static int
last_end(const struct walk *walk, uint64_t floor, uint64_t limit, const struct evtree_when *than, struct evtree_when when,
	 uint64_t *hi)
{
	struct last_end query = {.walk = walk, .floor = floor, .limit = limit, .newest = when};
	int rc;

	if (than != NULL) {
		query.oldest = *than;
		if (!when_after(&query.oldest))
			return 0;
	}
	rc = last_end_below(&query, walk->root->node, walk->root->depth - 1U, NULL, NULL);
	if (rc != 0)
		return rc;
	*hi = query.hi;
	return query.found;
}

/** The visible piece that ends at *at, or else the last one before it. 1, 0 none, or an error. */
static int
previous_piece(const struct walk *walk, uint64_t at, struct evtree_when when, struct evtree_piece *piece)
{
	struct newest query = {.walk = walk, .when = when};
	uint64_t end;
	int rc;

	rc = newest_at(&query, at);
	if (rc == 0 && at > 0) {
		rc = last_end(walk, 0, at - 1, NULL, when, &at);
		if (rc == 1)
			rc = newest_at(&query, at);
	}
	if (rc != 1)
		return rc;
	piece->lo = query.best->lo;
	piece->hi = at;
	if (piece->lo < at) {
		rc = last_end(walk, piece->lo, at - 1, &query.best_when, when, &end);
		if (rc < 0)
			return rc;
		if (rc == 1)
			piece->lo = end + 1;
	}
	evtree__to_extent(query.best, &piece->whole);
	return 1;
}

int
evtree_end(struct evtree *tree, bool highest, struct evtree_when when, struct evtree_piece *piece)
{
	uint64_t at = highest ? UINT64_MAX : 0;
	struct walk walk;
	int rc;

	rc = evtree__begin(&walk, tree);
	if (rc != 0)
		return rc;
	if (walk.root->depth == 0)
		return -DER_NONEXIST;
	for (;;) {
		rc = highest ? previous_piece(&walk, at, when, piece) : next_piece(&walk, &at, UINT64_MAX, when, piece);
		if (rc < 0)
			return rc;
		if (rc == 1 && piece->whole.data.media != EVTREE_HOLE)
			return 0;
		if (rc == 0 || (highest ? piece->lo == 0 : piece->hi == UINT64_MAX))
			return -DER_NONEXIST;
		at = highest ? piece->lo - 1 : piece->hi + 1;
	}
}

/* ---- all extents ------------------------------------------------------------------------------------------------- */

struct each {
	int (*found)(void *arg, const struct evtree_extent *extent);
	void *arg;
};

static int
found_each(void *arg, const union evtree_entry *entry)
{
	struct evtree_extent extent;
	struct each *each = arg;

	evtree__to_extent(entry, &extent);
	return each->found(each->arg, &extent);
}

int
evtree_each_after(struct evtree *tree, const struct evtree_extent *after, uint64_t lo, uint64_t hi, uint64_t from,
		  uint64_t to, int (*found)(void *arg, const struct evtree_extent *extent), void *arg)
{
	struct each each = {.found = found, .arg = arg};
	struct walk walk;
	struct scan scan = {
		.walk = &walk,
		.lo = lo,
		.hi = hi,
		.oldest = {.epoch = from},
		.newest = {.epoch = to, .minor = UINT16_MAX},
		.found = found_each,
		.arg = &each,
	};
	int rc;

	rc = evtree__begin(&walk, tree);
	if (rc != 0)
		return rc;
	if (after != NULL) {
		scan.behind = true;
		scan.start = (struct key){.lo = after->lo, .when = after->when};
	}
	return scan_run(&scan);
}

int
evtree_each(struct evtree *tree, uint64_t lo, uint64_t hi, uint64_t from, uint64_t to,
	    int (*found)(void *arg, const struct evtree_extent *extent), void *arg)
{
	return evtree_each_after(tree, NULL, lo, hi, from, to, found, arg);
}

static int
found_other(void *arg, const union evtree_entry *entry)
{
	evtree__to_extent(entry, arg);
	return 1;
}

int
evtree__same_time(const struct walk *walk, const struct evtree_extent *extent, struct evtree_extent *other)
{
	struct scan scan = {
		.walk = walk,
		.lo = extent->lo,
		.hi = extent->hi,
		.oldest = extent->when,
		.newest = extent->when,
		.found = found_other,
		.arg = other,
	};

	return scan_run(&scan);
}
