/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of locks: files by (number, space), each with its ranges and its queue of waits; sessions with their owners, each with its
 * ranges and waits. A range stands in two lists, of its file and of its owner; so does a wait.
 *
 *   set:    in the way? denied, or a wait; else cut out of the owner's ranges what is there, put the new one in, join neighbours, settle
 *   settle: whoever waits for the file is looked at in order of arrival, again and again, until a round grants nothing
 *
 * See lock.h for the invariants. Nothing yields; files and owners without ranges and waits are freed at once.
 */
#include "pure/lock/lock.h"

struct lock_owner {
	struct hash_node node; /* in session->owners */
	struct lock_session *session;
	uint64_t number;
	struct list ranges, waits;
	uint64_t mark;
	struct lock_owner *next; /* on the stack of a search */
};

struct lock_file {
	struct hash_node node; /* in table->files */
	uint64_t number;
	uint8_t space;
	struct list ranges, waits;
	uint32_t range_nr;
};

struct lock_range {
	struct list of_file, of_owner;
	struct lock_file *file;
	struct lock_owner *owner;
	uint64_t start, end;
	uint32_t pid;
	uint8_t kind;
};

struct lock_wait {
	struct list of_file, of_owner, of_session;
	struct lock_file *file;
	struct lock_owner *owner;
	struct lock_want want;
	uint64_t number;
	struct lock_range *fresh, *spare; /* what the grant needs */
};

struct file_key {
	uint64_t number;
	uint8_t space;
};

static uint64_t
file_hash(const void *key, uint64_t seed)
{
	const struct file_key *file = key;
	uint64_t mixed = file->number * LOCK_SPACE_NR + file->space;

	return hash_key_u64(&mixed, seed);
}

static bool
file_equal(const struct hash_node *node, const void *key)
{
	const struct lock_file *file = hash_entry(node, struct lock_file, node);
	const struct file_key *wanted = key;

	return file->number == wanted->number && file->space == wanted->space;
}

static bool
owner_equal(const struct hash_node *node, const void *key)
{
	return hash_entry(node, struct lock_owner, node)->number == *(const uint64_t *)key;
}

static const struct hash_ops file_ops = {.hash = file_hash, .equal = file_equal};
static const struct hash_ops owner_ops = {.hash = hash_key_u64, .equal = owner_equal};

/* ---- files and owners ------------------------------------------------------------------------------------------------------- */
static struct lock_file *
file_find(const struct lock_table *table, uint64_t number, uint8_t space)
{
	struct file_key key = {.number = number, .space = space};
	struct hash_node *node = hash_find(&table->files, &key);

	return node != NULL ? hash_entry(node, struct lock_file, node) : NULL;
}

static struct lock_file *
file_get(struct lock_table *table, uint64_t number, uint8_t space)
{
	struct file_key key = {.number = number, .space = space};
	struct lock_file *file = file_find(table, number, space);

	if (file != NULL)
		return file;
	file = MEM_NEW(table->mem, struct lock_file);
	if (file == NULL)
		return NULL;
	file->number = number;
	file->space = space;
	list_init(&file->ranges);
	list_init(&file->waits);
	hash_insert(&table->files, &file->node, &key);
	return file;
}

static void
file_put(struct lock_table *table, struct lock_file *file)
{
	if (file == NULL || !list_empty(&file->ranges) || !list_empty(&file->waits))
		return;
	hash_remove(&table->files, &file->node);
	mem_free(table->mem, file);
}

static struct lock_owner *
owner_find(const struct lock_session *session, uint64_t number)
{
	struct hash_node *node = hash_find(&session->owners, &number);

	return node != NULL ? hash_entry(node, struct lock_owner, node) : NULL;
}

static struct lock_owner *
owner_get(struct lock_table *table, struct lock_session *session, uint64_t number)
{
	struct lock_owner *owner = owner_find(session, number);

	if (owner != NULL)
		return owner;
	owner = MEM_NEW(table->mem, struct lock_owner);
	if (owner == NULL)
		return NULL;
	owner->session = session;
	owner->number = number;
	list_init(&owner->ranges);
	list_init(&owner->waits);
	hash_insert(&session->owners, &owner->node, &number);
	return owner;
}

static void
owner_put(struct lock_table *table, struct lock_owner *owner)
{
	if (owner == NULL || !list_empty(&owner->ranges) || !list_empty(&owner->waits))
		return;
	hash_remove(&owner->session->owners, &owner->node);
	mem_free(table->mem, owner);
}

/* ---- ranges ----------------------------------------------------------------------------------------------------------------- */
static bool
clash(const struct lock_range *range, const struct lock_owner *owner, const struct lock_want *want)
{
	return range->owner != owner && range->start <= want->end && want->start <= range->end &&
	       (range->kind == LOCK_ALONE || want->kind == LOCK_ALONE);
}

/* The one with the lowest start; owner may be NULL: nobody's. */
static struct lock_range *
in_the_way(const struct lock_file *file, const struct lock_owner *owner, const struct lock_want *want)
{
	struct lock_range *range, *first = NULL;

	if (want->kind == LOCK_NONE)
		return NULL;
	list_each(range, &file->ranges, of_file)
		if (clash(range, owner, want) && (first == NULL || range->start < first->start))
			first = range;
	return first;
}

static void
range_add(struct lock_range *range, struct lock_file *file, struct lock_owner *owner)
{
	range->file = file;
	range->owner = owner;
	list_append(&file->ranges, &range->of_file);
	list_append(&owner->ranges, &range->of_owner);
	file->range_nr++;
	owner->session->range_nr++;
}

static void
range_free(struct lock_table *table, struct lock_range *range)
{
	list_remove(&range->of_file);
	list_remove(&range->of_owner);
	range->file->range_nr--;
	range->owner->session->range_nr--;
	mem_free(table->mem, range);
}

/* Takes [start, end] away from the owner's ranges. *spare is used when one is cut in two, which can happen once. */
static void
cut(struct lock_table *table, struct lock_file *file, struct lock_owner *owner, uint64_t start, uint64_t end, struct lock_range **spare)
{
	struct lock_range *range, *tmp;

	list_each_safe(range, tmp, &owner->ranges, of_owner) {
		if (range->file != file || range->end < start || range->start > end)
			continue;
		if (range->start >= start && range->end <= end) {
			range_free(table, range);
		} else if (range->start < start && range->end > end) {
			struct lock_range *behind = *spare;

			*behind = (struct lock_range){.start = end + 1, .end = range->end, .pid = range->pid, .kind = range->kind};
			*spare = NULL;
			range->end = start - 1;
			range_add(behind, file, owner);
			return;
		} else if (range->start < start) {
			range->end = start - 1;
		} else {
			range->start = end + 1;
		}
	}
}

/* Makes one of the new range and its neighbours of the same kind. */
static void
join(struct lock_table *table, struct lock_range *fresh)
{
	struct lock_range *range, *tmp;

	list_each_safe(range, tmp, &fresh->owner->ranges, of_owner) {
		bool before = range->end != UINT64_MAX && range->end + 1 == fresh->start;
		bool behind = fresh->end != UINT64_MAX && fresh->end + 1 == range->start;

		if (range == fresh || range->file != fresh->file || range->kind != fresh->kind || (!before && !behind))
			continue;
		if (before)
			fresh->start = range->start;
		else
			fresh->end = range->end;
		range_free(table, range);
	}
}

/* Nobody is in the way. Takes *fresh and *spare as needed. */
static void
apply(struct lock_table *table, struct lock_file *file, struct lock_owner *owner, const struct lock_want *want, struct lock_range **fresh,
      struct lock_range **spare)
{
	struct lock_range *range = *fresh;

	cut(table, file, owner, want->start, want->end, spare);
	if (want->kind == LOCK_NONE)
		return;
	*range = (struct lock_range){.start = want->start, .end = want->end, .pid = want->pid, .kind = want->kind};
	*fresh = NULL;
	range_add(range, file, owner);
	join(table, range);
}

/* ---- waits ------------------------------------------------------------------------------------------------------------------ */
static void
wait_leave(struct lock_table *table, struct lock_wait *wait)
{
	list_remove(&wait->of_file);
	list_remove(&wait->of_owner);
	list_remove(&wait->of_session);
	mem_free(table->mem, wait->fresh);
	mem_free(table->mem, wait->spare);
	wait->fresh = wait->spare = NULL;
}

static void
grant(struct lock_table *table, struct lock_wait *wait)
{
	struct lock_session *session = wait->owner->session;

	apply(table, wait->file, wait->owner, &wait->want, &wait->fresh, &wait->spare);
	wait_leave(table, wait);
	list_append(&session->granted, &wait->of_session);
	if (table->granted != NULL)
		table->granted(table->arg, session);
}

/* lock I3. A grant can set others free: when it makes a lock of its owner weaker. */
static void
settle(struct lock_table *table, struct lock_file *file)
{
	struct lock_wait *wait, *tmp;
	bool again = true;

	while (again) {
		again = false;
		list_each_safe(wait, tmp, &file->waits, of_file)
			if (in_the_way(file, wait->owner, &wait->want) == NULL) {
				grant(table, wait);
				again = true;
			}
	}
	file_put(table, file);
}

static void
wait_end(struct lock_table *table, struct lock_wait *wait)
{
	struct lock_file *file = wait->file;
	struct lock_owner *owner = wait->owner;

	wait_leave(table, wait);
	owner->session->wait_nr--;
	mem_free(table->mem, wait);
	owner_put(table, owner);
	file_put(table, file);
}

/* ---- circles ---------------------------------------------------------------------------------------------------------------- */
/* Puts the owners in the way of want on the stack, each once in a search; true when self is among them. */
static bool
push_holders(struct lock_table *table, const struct lock_file *file, const struct lock_owner *waiter, const struct lock_want *want,
	     const struct lock_owner *self, struct lock_owner **stack)
{
	struct lock_range *range;

	list_each(range, &file->ranges, of_file) {
		if (!clash(range, waiter, want) || range->owner->mark == table->mark)
			continue;
		if (range->owner == self)
			return true;
		range->owner->mark = table->mark;
		range->owner->next = *stack;
		*stack = range->owner;
	}
	return false;
}

/* Whether self would wait for itself if it waited for want. */
static bool
circle(struct lock_table *table, struct lock_file *file, const struct lock_owner *self, const struct lock_want *want)
{
	struct lock_owner *stack = NULL, *owner;
	struct lock_wait *wait;

	table->mark++;
	if (push_holders(table, file, self, want, self, &stack))
		return true;
	while ((owner = stack) != NULL) {
		stack = owner->next;
		list_each(wait, &owner->waits, of_owner)
			if (wait->want.space == LOCK_POSIX && push_holders(table, wait->file, owner, &wait->want, self, &stack))
				return true;
	}
	return false;
}

/* ---- the door --------------------------------------------------------------------------------------------------------------- */
void
lock_table_init(struct lock_table *table, struct mem *mem, uint64_t seed, void (*granted)(void *arg, struct lock_session *session), void *arg)
{
	*table = (struct lock_table){.mem = mem, .seed = seed, .granted = granted, .arg = arg};
	hash_init(&table->files, mem, &file_ops, seed);
}

void
lock_table_fini(struct lock_table *table)
{
	ASSERT(hash_count(&table->files) == 0);
	hash_fini(&table->files);
}

void
lock_session_init(struct lock_table *table, struct lock_session *session)
{
	*session = (struct lock_session){.range_nr = 0};
	hash_init(&session->owners, table->mem, &owner_ops, table->seed);
	list_init(&session->granted);
	list_init(&session->waits);
}

void
lock_cancel_all(struct lock_table *table, struct lock_session *session)
{
	while (!list_empty(&session->waits))
		wait_end(table, list_first(&session->waits, struct lock_wait, of_session));
}

static bool
sound(const struct lock_want *want)
{
	return want->start <= want->end && want->space < LOCK_SPACE_NR && want->kind <= LOCK_ALONE &&
	       (want->space == LOCK_POSIX || (want->start == 0 && want->end == UINT64_MAX));
}

static void
tell(const struct lock_range *range, const struct lock_session *session, struct lock_want *holder, const struct lock_session **other)
{
	if (holder != NULL)
		*holder = (struct lock_want){.file = range->file->number, .owner = range->owner->number, .start = range->start,
					     .end = range->end, .pid = range->pid, .space = range->file->space, .kind = range->kind};
	if (other != NULL)
		*other = range->owner->session != session ? range->owner->session : NULL;
}

/* flock(2): another type lets go of what was held first, and does not get it back. */
static void
convert(struct lock_table *table, struct lock_file *file, struct lock_owner *owner, const struct lock_want *want)
{
	struct lock_range *range, *tmp;

	list_each_safe(range, tmp, &owner->ranges, of_owner)
		if (range->file == file && range->kind != want->kind)
			range_free(table, range);
}

static void
enqueue(struct lock_wait *wait, struct lock_file *file, struct lock_owner *owner, const struct lock_want *want, uint64_t number)
{
	struct lock_session *session = owner->session;

	wait->file = file;
	wait->owner = owner;
	wait->want = *want;
	wait->number = number;
	list_append(&file->waits, &wait->of_file);
	list_append(&owner->waits, &wait->of_owner);
	list_append(&session->waits, &wait->of_session);
	session->wait_nr++;
}

/* With all memory at hand. What is left of it in wait, and wait itself unless it is queued (then *wait is NULL), goes back to the caller. */
static enum lock_verdict
decide(struct lock_table *table, struct lock_file *file, struct lock_owner *owner, const struct lock_want *want, uint64_t number,
       struct lock_wait **wait, struct lock_want *holder, const struct lock_session **other)
{
	struct lock_range *range;

	if (want->space == LOCK_FLOCK)
		convert(table, file, owner, want);
	range = in_the_way(file, owner, want);
	if (range == NULL) {
		apply(table, file, owner, want, &(*wait)->fresh, &(*wait)->spare);
		return LOCK_GRANTED;
	}
	tell(range, owner->session, holder, other);
	if (number == 0)
		return LOCK_DENIED;
	if (want->space == LOCK_POSIX && circle(table, file, owner, want))
		return LOCK_CIRCLE;
	enqueue(*wait, file, owner, want, number);
	*wait = NULL;
	return LOCK_WAITS;
}

int
lock_set(struct lock_table *table, struct lock_session *session, const struct lock_want *want, uint64_t number, enum lock_verdict *verdict,
	 struct lock_want *holder, const struct lock_session **other)
{
	struct lock_file *file = file_find(table, want->file, want->space);
	struct lock_owner *owner;
	struct lock_wait *wait;

	if (!sound(want))
		return -DER_INVAL;
	*verdict = LOCK_GRANTED;
	if (want->kind == LOCK_NONE && (file == NULL || !lock_holds(session, want->file, want->space, want->owner)))
		return 0;
	/* Letting go of the middle needs a range too: the limits leave room for one more. */
	if (want->kind != LOCK_NONE && (session->range_nr >= LOCK_RANGES_MAX || session->wait_nr >= LOCK_WAITS_MAX ||
					(file != NULL && file->range_nr >= LOCK_FILE_MAX)))
		return -DER_NOSPACE;
	file = file_get(table, want->file, want->space);
	owner = owner_get(table, session, want->owner);
	wait = MEM_NEW(table->mem, struct lock_wait);
	if (wait != NULL) {
		wait->fresh = MEM_NEW(table->mem, struct lock_range);
		wait->spare = MEM_NEW(table->mem, struct lock_range);
	}
	if (file == NULL || owner == NULL || wait == NULL || wait->fresh == NULL || wait->spare == NULL) {
		if (wait != NULL) {
			mem_free(table->mem, wait->fresh);
			mem_free(table->mem, wait->spare);
			mem_free(table->mem, wait);
		}
		owner_put(table, owner);
		file_put(table, file);
		return -DER_NOMEM;
	}
	*verdict = decide(table, file, owner, want, number, &wait, holder, other);
	if (wait != NULL) {
		mem_free(table->mem, wait->fresh);
		mem_free(table->mem, wait->spare);
		mem_free(table->mem, wait);
	}
	owner_put(table, owner);
	settle(table, file);
	return 0;
}

bool
lock_test(struct lock_table *table, struct lock_session *session, const struct lock_want *want, struct lock_want *holder,
	  const struct lock_session **other)
{
	struct lock_file *file = file_find(table, want->file, want->space);
	struct lock_range *range;

	if (file == NULL || !sound(want))
		return false;
	range = in_the_way(file, owner_find(session, want->owner), want);
	if (range == NULL)
		return false;
	tell(range, session, holder, other);
	return true;
}

uint64_t
lock_granted(struct lock_table *table, struct lock_session *session)
{
	struct lock_wait *wait = list_pop(&session->granted, struct lock_wait, of_session);
	uint64_t number = wait != NULL ? wait->number : 0;

	session->wait_nr -= wait != NULL;
	mem_free(table->mem, wait);
	return number;
}

static struct lock_wait *
wait_find(const struct list *waits, uint64_t number)
{
	struct lock_wait *wait;

	list_each(wait, waits, of_session)
		if (wait->number == number)
			return wait;
	return NULL;
}

enum lock_verdict
lock_wait_state(const struct lock_session *session, uint64_t number)
{
	if (wait_find(&session->waits, number) != NULL)
		return LOCK_WAITS;
	return wait_find(&session->granted, number) != NULL ? LOCK_GRANTED : LOCK_DENIED;
}

uint32_t
lock_granted_list(const struct lock_session *session, uint64_t *numbers, uint32_t max)
{
	struct lock_wait *wait;
	uint32_t nr = 0;

	list_each(wait, &session->granted, of_session) {
		if (nr == max)
			break;
		numbers[nr++] = wait->number;
	}
	return nr;
}

void
lock_granted_take(struct lock_table *table, struct lock_session *session, uint64_t number)
{
	struct lock_wait *wait = wait_find(&session->granted, number);

	if (wait == NULL)
		return;
	list_remove(&wait->of_session);
	session->wait_nr--;
	mem_free(table->mem, wait);
}

bool
lock_cancel(struct lock_table *table, struct lock_session *session, uint64_t number)
{
	struct lock_wait *wait = wait_find(&session->waits, number);

	if (wait != NULL)
		wait_end(table, wait);
	return wait != NULL;
}

/* Its ranges go, but files and who waits for them stay as they are until a settle. */
static void
strip(struct lock_table *table, struct lock_session *session)
{
	struct lock_owner *owner;
	struct hash_iter iter;
	struct hash_node *node;

	lock_cancel_all(table, session);
	while (lock_granted(table, session) != 0)
		;
	hash_iter_init(&iter, &session->owners);
	while ((node = hash_iter_next(&iter)) != NULL) {
		owner = hash_entry(node, struct lock_owner, node);
		while (!list_empty(&owner->ranges))
			range_free(table, list_first(&owner->ranges, struct lock_range, of_owner));
		owner_put(table, owner);
	}
}

static void
settle_all(struct lock_table *table)
{
	struct hash_iter iter;
	struct hash_node *node;

	hash_iter_init(&iter, &table->files);
	while ((node = hash_iter_next(&iter)) != NULL)
		settle(table, hash_entry(node, struct lock_file, node));
}

void
lock_session_drop(struct lock_table *table, struct lock_session *session)
{
	strip(table, session);
	settle_all(table);
	ASSERT(hash_count(&session->owners) == 0 && session->range_nr == 0 && session->wait_nr == 0);
	hash_fini(&session->owners);
	lock_session_init(table, session);
}

/* As lock_set does when nobody is in the way, but without letting others have a turn. */
static int
put_back(struct lock_table *table, struct lock_session *session, const struct lock_want *want, bool force)
{
	struct lock_range *fresh = MEM_NEW(table->mem, struct lock_range), *spare = MEM_NEW(table->mem, struct lock_range);
	struct lock_file *file = file_get(table, want->file, want->space);
	struct lock_owner *owner = owner_get(table, session, want->owner);
	int rc = 0;

	if (fresh == NULL || spare == NULL || file == NULL || owner == NULL)
		rc = -DER_NOMEM;
	else if (want->kind != LOCK_NONE && (session->range_nr >= LOCK_RANGES_MAX || file->range_nr >= LOCK_FILE_MAX))
		rc = -DER_NOSPACE;
	else if (!force && in_the_way(file, owner, want) != NULL)
		rc = -DER_BUSY;
	else
		apply(table, file, owner, want, &fresh, &spare);
	mem_free(table->mem, fresh);
	mem_free(table->mem, spare);
	owner_put(table, owner);
	return rc; /* an empty file goes with settle_all */
}

int
lock_note(struct lock_table *table, struct lock_session *session, const struct lock_want *want)
{
	struct lock_file *file;
	int rc = sound(want) ? put_back(table, session, want, true) : -DER_INVAL;

	file = file_find(table, want->file, want->space);
	file_put(table, file);
	return rc;
}

int
lock_replace(struct lock_table *table, struct lock_session *session, const struct lock_want *wants, uint32_t nr)
{
	bool busy = false;
	int rc = 0;

	strip(table, session);
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		rc = sound(&wants[i]) && wants[i].kind != LOCK_NONE ? put_back(table, session, &wants[i], false) : -DER_INVAL;
		busy |= rc == -DER_BUSY;
		if (rc == -DER_BUSY)
			rc = 0;
	}
	if (rc != 0)
		strip(table, session);
	settle_all(table);
	return rc != 0 ? rc : busy ? -DER_BUSY : 0;
}

bool
lock_holds(const struct lock_session *session, uint64_t file, uint8_t space, uint64_t number)
{
	struct lock_owner *owner = owner_find(session, number);
	struct lock_range *range;

	if (owner != NULL)
		list_each(range, &owner->ranges, of_owner)
			if (range->file->number == file && range->file->space == space)
				return true;
	return false;
}

int
lock_each(const struct lock_session *session, int (*visit)(void *arg, const struct lock_want *held), void *arg)
{
	struct lock_range *range;
	struct lock_want held;
	struct hash_iter iter;
	struct hash_node *node;
	int rc = 0;

	hash_iter_init(&iter, &session->owners);
	while (rc == 0 && (node = hash_iter_next(&iter)) != NULL)
		list_each(range, &hash_entry(node, struct lock_owner, node)->ranges, of_owner) {
			tell(range, NULL, &held, NULL);
			rc = visit(arg, &held);
			if (rc != 0)
				break;
		}
	return rc;
}

static int
pair_check(const struct lock_range *a, const struct lock_range *b)
{
	bool overlap = a->start <= b->end && b->start <= a->end;

	if (a == b)
		return 0;
	if (a->owner != b->owner)
		return overlap && (a->kind == LOCK_ALONE || b->kind == LOCK_ALONE) ? 1 : 0;
	return overlap || (a->kind == b->kind && a->end != UINT64_MAX && a->end + 1 == b->start) ? 2 : 0;
}

int
lock_table_check(struct lock_table *table)
{
	struct lock_range *a, *b;
	struct lock_wait *wait;
	struct lock_file *file;
	struct hash_iter iter;
	struct hash_node *node;
	int broken = 0;

	hash_iter_init(&iter, &table->files);
	while (broken == 0 && (node = hash_iter_next(&iter)) != NULL) {
		file = hash_entry(node, struct lock_file, node);
		list_each(a, &file->ranges, of_file)
			list_each(b, &file->ranges, of_file)
				broken = broken != 0 ? broken : pair_check(a, b);
		list_each(wait, &file->waits, of_file)
			if (broken == 0 && in_the_way(file, wait->owner, &wait->want) == NULL)
				broken = 3;
	}
	return broken;
}
