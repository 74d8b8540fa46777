/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer through libdaos for tests/kills.sh, and the checker of what it wrote.
 *
 *	kills_lib write POOL CONT LOG WRITER DEPTH    until LOG's directory has a file "stop"; DEPTH 1: synchronous, else so many in flight
 *	kills_lib check POOL CONT LOG WRITER [EVERY [WHICH]]   every item, or each EVERY-th from WHICH on; ops in flight may be there or not
 *	kills_lib resolve POOL CONT LOG WRITER        the same, and notes in the log what became of those in flight
 *
 * The store is seen as items, each with versions. An item is a key of a KV; a dkey with a single value and an extent, written in one update; an
 * object of three dkeys, written in a transaction and punched as a whole; a chunk of an array; or three values in three objects,
 * written and removed in one transaction. A version is a pattern or absence. At most one operation on an item is under way.
 */
#include <daos.h>
#include <daos_array.h>
#include <daos_kv.h>
#include "kills.h"

enum kind { KV, PAIR, OBJECT, CHUNK, TRIPLE, KIND_NR };
static const uint32_t kind_nr[KIND_NR] = {64, 32, 8, 16, 32};
#define ITEMS 152U
#define SIZE_MAX_ITEM 20000U
#define CHUNK_SIZE 4096U
#define DEPTH_MAX 64U

struct state {
	uint64_t version; /* the op that made it; 0: never written */
	bool gone;
	uint32_t size;
};

struct item {
	struct state now, next; /* acknowledged; in flight when pending */
	bool pending;
};

struct op {
	uint32_t item;
	uint64_t number;
	bool busy;
	daos_event_t ev;
	daos_handle_t th;
	char *value;
	daos_key_t dkeys[3];
	char names[3][16];
	daos_iod_t iods[3][2];
	daos_recx_t recx;
	d_iov_t iovs[2];
	d_sg_list_t sgls[2];
	daos_range_t range;
	daos_array_iod_t array_iod;
};

static struct writer {
	uint32_t id, depth;
	uint64_t rand, op_nr;
	struct kills_log log;
	struct item items[ITEMS];
	daos_handle_t poh, coh, eqh, kv, pairs, objects[8], array, kv_a, kv_b, third;
	struct op ops[DEPTH_MAX];
} w;

static void
must(int rc, const char *what, const struct op *op)
{
	if (rc != 0)
		die("writer %u: %s failed: %s (%d), op %lu of item %u", w.id, what, d_errstr(rc), rc, op != NULL ? op->number : 0,
		    op != NULL ? op->item : 0);
}

static enum kind
kind_of(uint32_t item, uint32_t *index)
{
	enum kind kind = KV;

	while (item >= kind_nr[kind])
		item -= kind_nr[kind++];
	*index = item;
	return kind;
}

/* ---- the log ---------------------------------------------------------------------------------------------------------------- */
static void
load(const char *path)
{
	static struct {
		uint32_t item;
		struct state next;
	} *known;
	uint64_t op, version_max = 0, room = 0;
	unsigned int item, gone, size;
	FILE *file = fopen(path, "r");
	char line[256];

	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "B %lu %u %u %u", &op, &item, &gone, &size) == 4 && item < ITEMS) {
			if (op >= room) {
				room = 2 * op + 1024;
				known = realloc(known, room * sizeof(*known));
			}
			known[op].item = item;
			known[op].next = (struct state){.version = op, .gone = gone, .size = size};
			if (w.items[item].pending)
				die("%s: two operations at once on item %u", path, item);
			w.items[item].next = known[op].next;
			w.items[item].pending = true;
			version_max = op;
		} else if (sscanf(line, "A %lu", &op) == 1 && op <= version_max) {
			w.items[known[op].item].now = known[op].next;
			w.items[known[op].item].pending = false;
		} else if (sscanf(line, "N %lu", &op) == 1 && op <= version_max) {
			w.items[known[op].item].pending = false;
		} else {
			die("%s: a line that makes no sense: %s", path, line);
		}
	}
	w.op_nr = version_max;
	fclose(file);
	free(known);
	known = NULL;
}

/* ---- the store ---------------------------------------------------------------------------------------------------------------- */
static daos_obj_id_t
oid_of(uint32_t index, enum daos_otype_t type)
{
	daos_obj_id_t oid = {.lo = 1000ULL * (w.id + 1) + index};

	must(daos_obj_generate_oid(w.coh, &oid, type, OC_SX, 0, 0), "generating an object id", NULL);
	return oid;
}

static void
open_all(const char *pool, const char *cont, bool write)
{
	unsigned int mode = write ? DAOS_OO_RW : DAOS_OO_RO;
	daos_size_t cell, chunk;
	int rc;

	must(daos_init(), "daos_init", NULL);
	must(daos_pool_connect(pool, NULL, write ? DAOS_PC_RW : DAOS_PC_RO, &w.poh, NULL, NULL), "connecting", NULL);
	must(daos_cont_open(w.poh, cont, write ? DAOS_COO_RW : DAOS_COO_RO, &w.coh, NULL, NULL), "opening the container", NULL);
	must(daos_kv_open(w.coh, oid_of(1, DAOS_OT_KV_HASHED), mode, &w.kv, NULL), "opening", NULL);
	must(daos_kv_open(w.coh, oid_of(2, DAOS_OT_KV_HASHED), mode, &w.kv_a, NULL), "opening", NULL);
	must(daos_kv_open(w.coh, oid_of(3, DAOS_OT_KV_HASHED), mode, &w.kv_b, NULL), "opening", NULL);
	must(daos_obj_open(w.coh, oid_of(4, DAOS_OT_MULTI_HASHED), mode, &w.pairs, NULL), "opening", NULL);
	must(daos_obj_open(w.coh, oid_of(5, DAOS_OT_MULTI_HASHED), mode, &w.third, NULL), "opening", NULL);
	for (uint32_t i = 0; i < kind_nr[OBJECT]; i++)
		must(daos_obj_open(w.coh, oid_of(10 + i, DAOS_OT_MULTI_HASHED), mode, &w.objects[i], NULL), "opening", NULL);
	rc = daos_array_open(w.coh, oid_of(6, DAOS_OT_ARRAY), DAOS_TX_NONE, mode, &cell, &chunk, &w.array, NULL);
	if (rc == -DER_NONEXIST && write)
		rc = daos_array_create(w.coh, oid_of(6, DAOS_OT_ARRAY), DAOS_TX_NONE, 1, CHUNK_SIZE, &w.array, NULL);
	must(rc, "opening the array", NULL);
	if (w.depth > 1)
		must(daos_eq_create(&w.eqh), "making an event queue", NULL);
	for (uint32_t i = 0; i < DEPTH_MAX; i++)
		w.ops[i].value = malloc(SIZE_MAX_ITEM);
}

static void
close_all(void)
{
	must(daos_kv_close(w.kv, NULL), "closing", NULL);
	must(daos_kv_close(w.kv_a, NULL), "closing", NULL);
	must(daos_kv_close(w.kv_b, NULL), "closing", NULL);
	must(daos_obj_close(w.pairs, NULL), "closing", NULL);
	must(daos_obj_close(w.third, NULL), "closing", NULL);
	for (uint32_t i = 0; i < kind_nr[OBJECT]; i++)
		must(daos_obj_close(w.objects[i], NULL), "closing", NULL);
	must(daos_array_close(w.array, NULL), "closing", NULL);
	if (w.depth > 1)
		must(daos_eq_destroy(w.eqh, 0), "ending the event queue", NULL);
	must(daos_cont_close(w.coh, NULL), "closing the container", NULL);
	must(daos_pool_disconnect(w.poh, NULL), "disconnecting", NULL);
	must(daos_fini(), "daos_fini", NULL);
}

static void
set_dkey(struct op *op, int at, const char *fmt, uint32_t index)
{
	snprintf(op->names[at], sizeof(op->names[at]), fmt, index);
	d_iov_set(&op->dkeys[at], op->names[at], strlen(op->names[at]));
}

/* A single value and, but for its first 16 bytes, the same again as an extent. */
static void
set_pair(struct op *op, int at, uint32_t size)
{
	op->iods[at][0] = (daos_iod_t){.iod_type = DAOS_IOD_SINGLE, .iod_size = size, .iod_nr = 1};
	op->iods[at][1] = (daos_iod_t){.iod_type = DAOS_IOD_ARRAY, .iod_size = 1, .iod_nr = 1, .iod_recxs = &op->recx};
	d_iov_set(&op->iods[at][0].iod_name, "s", 1);
	d_iov_set(&op->iods[at][1].iod_name, "a", 1);
	op->recx = (daos_recx_t){.rx_idx = 0, .rx_nr = size};
	d_iov_set(&op->iovs[0], op->value, size);
	d_iov_set(&op->iovs[1], op->value, size);
	op->sgls[0] = (d_sg_list_t){.sg_nr = 1, .sg_iovs = &op->iovs[0]};
	op->sgls[1] = (d_sg_list_t){.sg_nr = 1, .sg_iovs = &op->iovs[1]};
}

static int
fill_tx(struct op *op, enum kind kind, uint32_t index, const struct state *to)
{
	int rc = 0;

	set_dkey(op, 0, "t%u", index);
	if (kind == TRIPLE && to->gone) {
		rc = daos_kv_remove(w.kv_a, op->th, 0, op->names[0], NULL);
		if (rc == 0)
			rc = daos_kv_remove(w.kv_b, op->th, 0, op->names[0], NULL);
		return rc != 0 ? rc : daos_obj_punch_dkeys(w.third, op->th, 0, 1, &op->dkeys[0], NULL);
	}
	set_pair(op, 0, to->size);
	if (kind == TRIPLE) {
		rc = daos_kv_put(w.kv_a, op->th, 0, op->names[0], to->size, op->value, NULL);
		if (rc == 0)
			rc = daos_kv_put(w.kv_b, op->th, 0, op->names[0], to->size, op->value, NULL);
		return rc != 0 ? rc : daos_obj_update(w.third, op->th, 0, &op->dkeys[0], 1, op->iods[0], op->sgls, NULL);
	}
	for (uint32_t d = 0; rc == 0 && d < 3; d++) {
		set_dkey(op, 0, "o%u", d);
		rc = daos_obj_update(w.objects[index], op->th, 0, &op->dkeys[0], 1, op->iods[0], op->sgls, NULL);
	}
	return rc;
}

/* Asks for the change; with ev it only begins. */
static int
issue(struct op *op, daos_event_t *ev)
{
	const struct state *to = &w.items[op->item].next;
	uint32_t index;
	enum kind kind = kind_of(op->item, &index);

	switch (kind) {
	case KV:
		set_dkey(op, 0, "k%u", index);
		return to->gone ? daos_kv_remove(w.kv, DAOS_TX_NONE, 0, op->names[0], ev) :
				  daos_kv_put(w.kv, DAOS_TX_NONE, 0, op->names[0], to->size, op->value, ev);
	case PAIR:
		set_dkey(op, 0, "d%u", index);
		if (to->gone)
			return daos_obj_punch_dkeys(w.pairs, DAOS_TX_NONE, 0, 1, &op->dkeys[0], ev);
		set_pair(op, 0, to->size);
		return daos_obj_update(w.pairs, DAOS_TX_NONE, 0, &op->dkeys[0], 2, op->iods[0], op->sgls, ev);
	case CHUNK:
		op->range = (daos_range_t){.rg_idx = (uint64_t)index * CHUNK_SIZE, .rg_len = CHUNK_SIZE};
		op->array_iod = (daos_array_iod_t){.arr_nr = 1, .arr_rgs = &op->range};
		if (to->gone)
			return daos_array_punch(w.array, DAOS_TX_NONE, &op->array_iod, ev);
		d_iov_set(&op->iovs[0], op->value, CHUNK_SIZE);
		op->sgls[0] = (d_sg_list_t){.sg_nr = 1, .sg_iovs = &op->iovs[0]};
		return daos_array_write(w.array, DAOS_TX_NONE, &op->array_iod, &op->sgls[0], ev);
	case OBJECT:
		if (to->gone)
			return daos_obj_punch(w.objects[index], DAOS_TX_NONE, 0, ev);
		break;
	default:
		break;
	}
	must(daos_tx_open(w.coh, &op->th, 0, NULL), "opening a transaction", op);
	must(fill_tx(op, kind, index, to), "a call within a transaction", op);
	return daos_tx_commit(op->th, ev);
}

/* 0: acknowledged; else again. */
static bool
ended(struct op *op, int rc)
{
	if (rc == -DER_TX_RESTART && daos_handle_is_valid(op->th)) {
		must(daos_tx_close(op->th, NULL), "closing a transaction", op);
		op->th = DAOS_TX_NONE;
		return false;
	}
	must(rc, "an operation", op);
	if (daos_handle_is_valid(op->th))
		must(daos_tx_close(op->th, NULL), "closing a transaction", op);
	op->th = DAOS_TX_NONE;
	log_line(&w.log, "A %lu\n", op->number);
	w.items[op->item].now = w.items[op->item].next;
	w.items[op->item].pending = false;
	op->busy = false;
	return true;
}

static void
begin(struct op *op)
{
	struct item *item;
	uint32_t index;

	do
		op->item = (uint32_t)draw(&w.rand, ITEMS);
	while (w.items[op->item].pending);
	item = &w.items[op->item];
	op->number = ++w.op_nr;
	op->busy = true;
	op->th = DAOS_TX_NONE;
	item->pending = true;
	item->next = (struct state){.version = op->number, .gone = draw(&w.rand, 4) == 0};
	item->next.size = 16 + (uint32_t)draw(&w.rand, draw(&w.rand, 12) == 0 ? SIZE_MAX_ITEM - 16 : 600);
	if (kind_of(op->item, &index) == CHUNK)
		item->next.size = CHUNK_SIZE;
	if (!item->next.gone)
		pattern(op->value, item->next.size, w.id, op->item, op->number);
	log_line(&w.log, "B %lu %u %u %u\n", op->number, op->item, item->next.gone, item->next.size);
	log_strike(&w.log);
}

static void
one_by_one(void)
{
	struct op *op = &w.ops[0];

	if (!log_may_begin(&w.log)) {
		usleep(1000);
		return;
	}
	begin(op);
	while (!ended(op, issue(op, NULL)))
		;
}

static void
reap(uint32_t *busy)
{
	daos_event_t *done[DEPTH_MAX];
	int nr = daos_eq_poll(w.eqh, 1, DAOS_EQ_WAIT, DEPTH_MAX, done);

	if (nr < 0)
		die("writer %u: daos_eq_poll: %s", w.id, d_errstr(nr));
	for (int i = 0; i < nr; i++) {
		struct op *op = (struct op *)((char *)done[i] - offsetof(struct op, ev));

		if (ended(op, done[i]->ev_error))
			*busy -= 1;
		else
			must(issue(op, &op->ev), "a repetition", op);
	}
}

static void
many_at_once(uint32_t *busy, bool more)
{
	for (uint32_t i = 0; more && i < w.depth; i++)
		if (!w.ops[i].busy) {
			if (!log_may_begin(&w.log))
				break;
			begin(&w.ops[i]);
			must(issue(&w.ops[i], &w.ops[i].ev), "a launch", &w.ops[i]);
			*busy += 1;
		}
	if (*busy > 0)
		reap(busy);
	else
		usleep(1000);
}

static void
write_on(void)
{
	uint32_t busy = 0;
	uint64_t hold;

	for (uint32_t i = 0; w.depth > 1 && i < w.depth; i++)
		must(daos_event_init(&w.ops[i].ev, w.eqh, NULL), "an event", NULL);
	while (access(w.log.stop, F_OK) != 0) {
		hold = log_hold(&w.log);
		if (hold != 0 && busy == 0)
			log_wait(&w.log, hold);
		else if (w.depth == 1)
			one_by_one();
		else
			many_at_once(&busy, hold == 0);
	}
	while (busy > 0)
		reap(&busy);
	for (uint32_t i = 0; w.depth > 1 && i < w.depth; i++)
		must(daos_event_fini(&w.ops[i].ev), "an event", NULL);
}

/* ---- the checker ------------------------------------------------------------------------------------------------------------- */
static uint32_t wrong;

/* What is there against what may be: 0 as acknowledged, 1 as in flight, -1 neither. */
static int
judge(uint32_t id, const char *buf, uint64_t size)
{
	const struct item *item = &w.items[id];
	static char expected[SIZE_MAX_ITEM];

	for (int i = 0; i < (item->pending ? 2 : 1); i++) {
		const struct state *may = i == 0 ? &item->now : &item->next;

		if (may->version == 0 || may->gone) {
			if (size == 0)
				return i;
			continue;
		}
		pattern(expected, may->size, w.id, id, may->version);
		if (size == may->size && memcmp(expected, buf, size) == 0)
			return i;
	}
	return -1;
}

static void
complain(uint32_t id, const char *where, const char *buf, uint64_t size)
{
	const struct item *item = &w.items[id];
	uint32_t head[4] = {0};

	if (size >= sizeof(head))
		memcpy(head, buf, sizeof(head));
	fprintf(stderr, "writer %u, item %u (%s): acknowledged was op %lu (%s, %u bytes)%s%lu; found %lu bytes", w.id, id, where, item->now.version,
		item->now.gone ? "removed" : "written", item->now.size, item->pending ? ", in flight op " : ", nothing in flight, ",
		item->pending ? item->next.version : 0, size);
	if (size > 0)
		fprintf(stderr, ", which say: writer %u, item %u, op %u, %u bytes", head[0], head[1], head[2], head[3]);
	fprintf(stderr, "%s\n", size > 0 && (item->now.gone || head[2] < item->now.version) ? ": lost or resurrected" : size > 0 ? ": made up" : ": lost");
	wrong++;
}

struct part {
	const char *where;
	char *buf;
	uint64_t size;
};

static void
get_kv(struct part *part, const char *where, daos_handle_t oh, const char *key)
{
	daos_size_t size = SIZE_MAX_ITEM;

	must(daos_kv_get(oh, DAOS_TX_NONE, 0, key, &size, part->buf, NULL), "a get", NULL);
	part->where = where;
	part->size = size;
}

static void
get_pair(struct part *single, struct part *extent, const char *where, daos_handle_t oh, const char *name)
{
	struct op op = {.value = single->buf};
	daos_iod_t iods[2];

	snprintf(op.names[0], sizeof(op.names[0]), "%s", name);
	d_iov_set(&op.dkeys[0], op.names[0], strlen(op.names[0]));
	set_pair(&op, 0, SIZE_MAX_ITEM);
	memcpy(iods, op.iods[0], sizeof(iods));
	iods[0].iod_size = DAOS_REC_ANY;
	iods[1].iod_size = DAOS_REC_ANY;
	if (extent != NULL) {
		memset(extent->buf, 0, SIZE_MAX_ITEM);
		d_iov_set(&op.iovs[1], extent->buf, SIZE_MAX_ITEM);
	}
	must(daos_obj_fetch(oh, DAOS_TX_NONE, 0, &op.dkeys[0], extent != NULL ? 2 : 1, iods, op.sgls, NULL, NULL), "a fetch", NULL);
	single->where = where;
	single->size = iods[0].iod_size;
	if (extent != NULL) {
		extent->where = "its extent";
		extent->size = iods[1].iod_size != 0 ? single->size : 0;
	}
}

static void
get_chunk(struct part *part, uint32_t index)
{
	daos_range_t range = {.rg_idx = (uint64_t)index * CHUNK_SIZE, .rg_len = CHUNK_SIZE};
	daos_array_iod_t iod = {.arr_nr = 1, .arr_rgs = &range};
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};

	memset(part->buf, 0, CHUNK_SIZE);
	d_iov_set(&iov, part->buf, CHUNK_SIZE);
	must(daos_array_read(w.array, DAOS_TX_NONE, &iod, &sgl, NULL), "a read", NULL);
	part->where = "chunk";
	part->size = 0;
	for (uint32_t i = 0; i < CHUNK_SIZE; i++)
		if (part->buf[i] != 0)
			part->size = CHUNK_SIZE;
}

/* All parts of an item. */
static uint32_t
get_item(uint32_t id, struct part *parts)
{
	char name[16];
	uint32_t index;

	switch (kind_of(id, &index)) {
	case KV:
		snprintf(name, sizeof(name), "k%u", index);
		get_kv(&parts[0], "value of a KV", w.kv, name);
		return 1;
	case PAIR:
		snprintf(name, sizeof(name), "d%u", index);
		get_pair(&parts[0], &parts[1], "single value", w.pairs, name);
		return 2;
	case OBJECT:
		for (uint32_t d = 0; d < 3; d++) {
			snprintf(name, sizeof(name), "o%u", d);
			get_pair(&parts[d], NULL, "dkey of an object", w.objects[index], name);
		}
		return 3;
	case CHUNK:
		get_chunk(&parts[0], index);
		return 1;
	default:
		snprintf(name, sizeof(name), "t%u", index);
		get_kv(&parts[0], "first of a transaction", w.kv_a, name);
		get_kv(&parts[1], "second of a transaction", w.kv_b, name);
		get_pair(&parts[2], NULL, "third of a transaction", w.third, name);
		return 3;
	}
}

static int
check_item(uint32_t id)
{
	static struct part parts[3];
	int verdict = -2, one;
	uint32_t nr;

	for (uint32_t i = 0; i < 3; i++)
		if (parts[i].buf == NULL)
			parts[i].buf = malloc(SIZE_MAX_ITEM);
	nr = get_item(id, parts);
	for (uint32_t i = 0; i < nr; i++) {
		one = judge(id, parts[i].buf, parts[i].size);
		if (one < 0)
			complain(id, parts[i].where, parts[i].buf, parts[i].size);
		/* Two absences look alike: in flight a removal of what is not there. */
		if (verdict != -2 && one >= 0 && one != verdict) {
			fprintf(stderr, "writer %u, item %u: an operation in flight was done by half\n", w.id, id);
			wrong++;
		}
		if (one >= 0)
			verdict = one;
	}
	return verdict;
}

static void
check(const char *pool, const char *cont, uint32_t every, uint32_t which, bool resolve)
{
	uint32_t nr = 0, there = 0, pending = 0;
	int verdict;

	open_all(pool, cont, false);
	for (uint32_t id = which % every; id < ITEMS; id += every) {
		verdict = check_item(id);
		nr++;
		pending += w.items[id].pending;
		there += verdict == 1;
		if (w.items[id].pending && resolve)
			log_line(&w.log, "%c %lu\n", verdict == 1 ? 'A' : 'N', w.items[id].next.version);
	}
	if (pending > 0 || every == 1)
		printf("writer %u: %u items checked, %u in flight, of which %u had happened\n", w.id, nr, pending, there);
	if (wrong > 0)
		die("writer %u: %u items are wrong", w.id, wrong);
}

int
main(int argc, char **argv)
{
	if (argc < 6)
		die("kills_lib write|check|resolve POOL CONT LOG WRITER [DEPTH | EVERY [WHICH]]");
	w.id = (uint32_t)atoi(argv[5]);
	w.depth = 1;
	load(argv[4]);
	w.rand = w.id * 1000003 + w.op_nr;
	if (strcmp(argv[1], "write") == 0) {
		w.depth = argc > 6 ? (uint32_t)atoi(argv[6]) : 1;
		if (w.depth == 0 || w.depth > DEPTH_MAX)
			die("DEPTH is 1 to %u", DEPTH_MAX);
		log_open(&w.log, argv[4], w.id);
		log_hand(&w.log);
		open_all(argv[2], argv[3], true);
		write_on();
		close_all();
		return 0;
	}
	if (strcmp(argv[1], "resolve") == 0)
		log_open(&w.log, argv[4], w.id);
	check(argv[2], argv[3], argc > 6 ? (uint32_t)atoi(argv[6]) : 1, argc > 7 ? (uint32_t)atoi(argv[7]) : 0, strcmp(argv[1], "resolve") == 0);
	close_all();
	return 0;
}
