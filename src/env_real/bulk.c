/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bulk: one-sided transfers over a stream.
 *
 *   get:  GET(key, off, len) -->              <-- GET_DATA ... GET_DATA(LAST)   or  <-- NAK
 *   put:  PUT_DATA(key, off) ... PUT_DATA(LAST) -->                             <-- ACK  or  <-- NAK
 *
 * Every put frame names its key, so the side that owns the memory keeps nothing per put but the id of the last one it
 * refused in each slot. Frames of several transfers take turns. A transfer's id is generation << 8 | slot; the side that
 * asks has at most CONN_TRANSFERS of them on the way, the rest wait.
 *
 * bulk I1: each request gets one reply. Requests without reply beyond CONN_TRANSFERS break the connection: a peer that asks
 *          and never reads cannot make us hold more.
 * bulk I2: memory is touched only while its registration stands: each frame is checked when it begins, and mem_unreg stops
 *          what is under way (what is left of a frame that has begun to go out is copied first).
 * bulk I3: a key that is wrong in any way (unknown, dead, secret, range, access) gets the same answer in the same time.
 * bulk I4: done of a transfer runs once, when no frame points at its memory any more.
 */
#include <errno.h>
#include "conn.h"

#define SLOT(id) ((uint32_t)((id) & (CONN_TRANSFERS - 1)))
#define REG_SLOT(id) ((uint32_t)((id) % CONN_REGS))

_Static_assert(CONN_TRANSFERS == 256, "the slot is the low byte of a transfer's id");
_Static_assert(FRAME_PREFIX_MAX >= FRAME_HEAD + 32, "a prefix holds the fields of a get");

/* ---- registrations -------------------------------------------------------------------------------------------------- */

static int
random_pair(struct env_loop *loop, uint64_t pair[2])
{
	int rc;

	if (loop->secrets_left < sizeof(*pair) * 2) {
		rc = loop->real->env.ops->rand_secure(&loop->real->env, loop->secrets, sizeof(loop->secrets));
		if (rc != 0)
			return rc;
		loop->secrets_left = sizeof(loop->secrets);
	}
	loop->secrets_left -= sizeof(*pair) * 2;
	memcpy(pair, loop->secrets + loop->secrets_left, sizeof(*pair) * 2);
	explicit_bzero(loop->secrets + loop->secrets_left, sizeof(*pair) * 2);
	return 0;
}

/* A free slot of the table, which may grow. */
static int
reg_slot(struct env_conn *conn, uint32_t *slot)
{
	uint32_t room = conn->reg_room;
	struct reg **bigger;

	for (uint32_t i = 0; i < room; i++) {
		*slot = (conn->reg_hint + i) % room;
		if (conn->reg[*slot] == NULL) {
			conn->reg_hint = *slot + 1;
			return 0;
		}
	}
	if (room == CONN_REGS)
		return -DER_NOMEM;
	bigger = mem_grow(&conn->loop->real->mem, conn->reg, room, MAX(2 * room, 8U), sizeof(*bigger));
	if (bigger == NULL)
		return -DER_NOMEM;
	conn->reg = bigger;
	conn->reg_room = MAX(2 * room, 8U);
	*slot = room;
	conn->reg_hint = room + 1;
	return 0;
}

int
real__mem_reg(struct env_conn *conn, const struct iovec *iov, int iov_nr, int access, struct env_rkey *key)
{
	struct mem *mem = &conn->loop->real->mem;
	size_t len = iov_total(iov, iov_nr);
	uint64_t pair[2];
	struct reg *reg;
	uint32_t slot;
	int rc;

	if (conn->packets)
		return -DER_NOSYS;
	if (!conn_alive(conn))
		return -DER_UNREACH;
	if (len == SIZE_MAX)
		return -DER_INVAL;
	rc = random_pair(conn->loop, pair);
	if (rc == 0)
		rc = reg_slot(conn, &slot);
	if (rc != 0)
		return rc;
	reg = mem_alloc(mem, sizeof(*reg) + (size_t)iov_nr * sizeof(*iov));
	if (reg == NULL)
		return -DER_NOMEM;
	reg->id = ALIGN_DOWN(pair[0], CONN_REGS) | slot;
	reg->secret = pair[1];
	reg->access = access;
	reg->iov_nr = iov_nr;
	reg->len = len;
	memcpy(reg->iov, iov, (size_t)iov_nr * sizeof(*iov));
	conn->reg[slot] = reg;
	*key = (struct env_rkey){.id = reg->id, .secret = reg->secret};
	return 0;
}

static struct reg *
reg_find(struct env_conn *conn, uint64_t id, uint64_t secret)
{
	uint32_t slot = REG_SLOT(id);
	struct reg *reg = slot < conn->reg_room ? conn->reg[slot] : NULL;

	/* bulk I3: one comparison of everything. */
	return reg != NULL && ((reg->id ^ id) | (reg->secret ^ secret)) == 0 ? reg : NULL;
}

/* bulk I2 */
static struct reg *
reg_allows(struct env_conn *conn, const uint64_t field[3], uint64_t len, int access)
{
	struct reg *reg = reg_find(conn, field[0], field[1]);
	uint64_t off = field[2];

	if (reg == NULL || (reg->access & access) == 0 || off > reg->len || len > reg->len - off)
		return NULL;
	return reg;
}

/* ---- what we owe ---------------------------------------------------------------------------------------------------- */

static struct serving *
serving_of(struct env_conn *conn)
{
	if (conn->serving == NULL) {
		conn->serving = MEM_NEW(&conn->loop->real->mem, struct serving);
		if (conn->serving != NULL)
			list_init(&conn->serving->all);
	}
	return conn->serving;
}

/* bulk I1 */
static bool
owes_too_much(struct env_conn *conn)
{
	struct serving *serving = conn->serving;

	while (serving->reply_nr > 0 && serving->reply_end[serving->reply_first] <= conn->out_sent) {
		serving->reply_first = (serving->reply_first + 1) % CONN_TRANSFERS;
		serving->reply_nr--;
	}
	return serving->answers + serving->reply_nr >= CONN_TRANSFERS;
}

static int
reply(struct env_conn *conn, uint8_t kind, uint64_t id, int rc)
{
	struct serving *serving = conn->serving;
	struct frame frame = {.kind = kind, .id = id, .field = {(uint64_t)-rc}};

	if (owes_too_much(conn)) {
		conn->reader.broken = "too many requests under way";
		return -DER_PROTO;
	}
	rc = real__out_control(conn, &frame);
	if (rc != 0)
		return rc;
	serving->reply_end[(serving->reply_first + serving->reply_nr++) % CONN_TRANSFERS] = conn->out_put;
	return 0;
}

static void
answer_free(struct env_conn *conn, struct answer *answer)
{
	list_remove(&answer->bulk.link);
	list_remove(&answer->all);
	conn->serving->answers--;
	mem_free(&conn->loop->real->mem, answer->copy);
	mem_free(&conn->loop->real->mem, answer);
}

static void
answer_refuse(struct env_conn *conn, struct answer *answer)
{
	uint64_t id = answer->id;

	answer_free(conn, answer);
	if (conn_alive(conn) && reply(conn, FRAME_NAK, id, -DER_NO_PERM) != 0)
		real__conn_break(conn, -DER_NOMEM);
}

/* The registration of answer goes away while its frame is half out: the rest goes out from a copy. */
static void
answer_detach(struct env_conn *conn, struct answer *answer)
{
	struct frame_out *out = conn->out;

	answer->reg = NULL;
	if (!conn_alive(conn))
		return;
	answer->copy = mem_alloc_aligned(&conn->loop->real->mem, out->left, 16);
	if (answer->copy == NULL) {
		real__conn_break(conn, -DER_NOMEM);
		return;
	}
	iov_copy_out(&out->piece[out->at], out->nr - out->at, 0, answer->copy, out->left);
	out->piece[0] = (struct iovec){answer->copy, out->left};
	out->at = 0;
	out->nr = 1;
}

void
real__mem_unreg(struct env_conn *conn, struct env_rkey key)
{
	struct reg *reg = reg_find(conn, key.id, key.secret);
	struct serving *serving = conn->serving;
	struct answer *answer, *tmp;

	if (reg == NULL)
		return;
	conn->reg[REG_SLOT(key.id)] = NULL;
	if (serving != NULL) {
		list_each_safe(answer, tmp, &serving->all, all) {
			if (answer->reg != reg)
				continue;
			if (&answer->bulk == conn->bulk_now && conn->out->started) {
				answer_detach(conn, answer);
				continue;
			}
			if (&answer->bulk == conn->bulk_now)
				conn->bulk_now = NULL;
			answer_refuse(conn, answer);
		}
		if (serving->into == reg) {
			frame_reader_discard(&conn->reader);
			serving->into = NULL;
			serving->verdict = PUT_REFUSE;
		}
	}
	mem_free(&conn->loop->real->mem, reg);
}

/* ---- our gets and puts ------------------------------------------------------------------------------------------------ */

static void start_waiting(struct env_conn *conn);

static void
op_unlink(struct op *op)
{
	struct env_conn *conn = op->conn;

	list_remove(&op->waiting);
	list_remove(&op->bulk.link);
	if (conn->bulk_now == &op->bulk)
		conn->bulk_now = NULL;
	if (!op->is_get)
		conn->put_bytes -= op->len - op->moved;
	if (op->id != 0) {
		conn->op[SLOT(op->id)] = NULL;
		conn->op_nr--;
	}
}

/* bulk I4 */
static void
op_done(struct op *op, int rc)
{
	struct env_conn *conn = op->conn;
	void (*done)(void *arg, int rc) = op->done;
	void *arg = op->arg;

	op_unlink(op);
	mem_free(&conn->loop->real->mem, op);
	real__loop_ran(conn->loop);
	done(arg, rc);
}

/* Gives op an id and sends its request. -DER_NOMEM. */
static int
op_start(struct op *op)
{
	struct env_conn *conn = op->conn;
	uint32_t slot = (uint32_t)++conn->op_generation % CONN_TRANSFERS;
	struct frame get = {.kind = FRAME_GET, .field = {op->key.id, op->key.secret, op->off, op->len}};

	while (conn->op[slot] != NULL)
		slot = (slot + 1) % CONN_TRANSFERS;
	op->id = conn->op_generation << 8 | slot;
	conn->op[slot] = op;
	conn->op_nr++;
	if (op->is_get) {
		get.id = op->id;
		return real__out_control(conn, &get);
	}
	list_append(&conn->bulks, &op->bulk.link);
	real__out_dirty(conn);
	return 0;
}

static void
start_waiting(struct env_conn *conn)
{
	struct op *op;

	while (conn_alive(conn) && conn->op_nr < CONN_TRANSFERS &&
	       (op = list_pop(&conn->waiting, struct op, waiting)) != NULL)
		if (op_start(op) != 0)
			op_done(op, -DER_NOMEM);
}

static int
make_slots(struct env_conn *conn)
{
	struct mem *mem = &conn->loop->real->mem;

	if (conn->out == NULL)
		conn->out = MEM_NEW(mem, struct frame_out);
	if (conn->op == NULL)
		conn->op = MEM_NEW_ARRAY(mem, struct op *, CONN_TRANSFERS);
	return conn->out != NULL && conn->op != NULL ? 0 : -DER_NOMEM;
}

static int
transfer(struct env_conn *conn, bool is_get, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
	 void (*done)(void *arg, int rc), void *arg)
{
	struct mem *mem = &conn->loop->real->mem;
	size_t len = iov_total(iov, iov_nr);
	struct op *op;
	int rc = 0;

	if (conn->packets)
		return -DER_NOSYS;
	if (!conn_alive(conn))
		return -DER_UNREACH;
	if (len == SIZE_MAX)
		return -DER_INVAL;
	if (make_slots(conn) != 0)
		return -DER_NOMEM;
	op = mem_alloc(mem, sizeof(*op) + (size_t)iov_nr * sizeof(*iov));
	if (op == NULL)
		return -DER_NOMEM;
	*op = (struct op){.conn = conn, .is_get = is_get, .key = key, .off = off, .len = len, .reply = 1, .done = done,
			  .arg = arg, .bulk.is_put = !is_get};
	list_init(&op->bulk.link);
	list_init(&op->waiting);
	memcpy(op->iov, iov, (size_t)iov_nr * sizeof(*iov));
	iov_cursor_init(&op->at, op->iov, iov_nr, 0);
	if (!is_get)
		conn->put_bytes += len;
	if (conn->op_nr < CONN_TRANSFERS && list_empty(&conn->waiting))
		rc = op_start(op);
	else
		list_append(&conn->waiting, &op->waiting);
	if (rc != 0) {
		op_unlink(op);
		mem_free(mem, op);
	}
	return rc;
}

int
real__get(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
	  void (*done)(void *arg, int rc), void *arg)
{
	return transfer(conn, true, key, off, iov, iov_nr, done, arg);
}

int
real__put(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
	  void (*done)(void *arg, int rc), void *arg)
{
	return transfer(conn, false, key, off, iov, iov_nr, done, arg);
}

/* ---- frames out ------------------------------------------------------------------------------------------------------ */

/* Lays out the next pieces at cursor behind the prefix, at most left bytes. Returns how many. */
static uint32_t
lay_out_payload(struct frame_out *out, struct iov_cursor cursor, uint64_t left)
{
	uint64_t payload = 0;
	struct iovec *piece;

	left = MIN(left, (uint64_t)FRAME_CHUNK_MAX);
	while (left > 0 && out->nr <= FRAME_PIECES) {
		piece = &out->piece[out->nr];
		piece->iov_len = iov_cursor_next(&cursor, left, &piece->iov_base);
		if (piece->iov_len == 0)
			break;
		payload += piece->iov_len;
		left -= piece->iov_len;
		out->nr++;
	}
	return (uint32_t)payload;
}

void
real__bulk_frame(struct env_conn *conn, struct bulk *bulk)
{
	static const uint8_t zeros[8];
	struct frame_out *out = conn->out;
	struct op *op = container_of(bulk, struct op, bulk);
	struct answer *answer = container_of(bulk, struct answer, bulk);
	struct iov_cursor cursor;
	struct frame frame;

	out->nr = 1;
	out->at = 0;
	out->started = false;
	if (bulk->is_put) {
		out->payload = lay_out_payload(out, op->at, op->len - op->moved);
		frame = (struct frame){.kind = FRAME_PUT_DATA, .id = op->id,
				       .flags = op->moved + out->payload == op->len ? FRAME_LAST : 0,
				       .field = {op->key.id, op->key.secret, op->off + op->moved}};
	} else {
		iov_cursor_init(&cursor, answer->reg->iov, answer->reg->iov_nr, answer->off + answer->moved);
		out->payload = lay_out_payload(out, cursor, answer->len - answer->moved);
		frame = (struct frame){.kind = FRAME_GET_DATA, .id = answer->id,
				       .flags = answer->moved + out->payload == answer->len ? FRAME_LAST : 0,
				       .field = {answer->moved}};
	}
	frame.len = out->payload;
	out->piece[0] = (struct iovec){out->prefix, frame_encode(&frame, out->prefix)};
	out->left = out->piece[0].iov_len + FRAME_PAD(out->payload);
	if (FRAME_PAD(out->payload) != out->payload)
		out->piece[out->nr++] = (struct iovec){(void *)zeros, FRAME_PAD(out->payload) - out->payload};
}

static void
advance(struct iov_cursor *cursor, uint64_t len)
{
	void *piece;
	size_t part;

	while (len > 0) {
		part = iov_cursor_next(cursor, len, &piece);
		ASSERT(part > 0);
		len -= part;
	}
}

void
real__bulk_sent(struct env_conn *conn, struct bulk *bulk)
{
	uint32_t payload = conn->out->payload;
	struct answer *answer;
	struct op *op;

	if (bulk->is_put) {
		op = container_of(bulk, struct op, bulk);
		op->moved += payload;
		conn->put_bytes -= payload;
		advance(&op->at, payload);
		if (op->reply != 1) {
			op_done(op, op->reply);
			start_waiting(conn);
		} else if (op->moved < op->len) {
			list_append(&conn->bulks, &bulk->link);
		}
		return;
	}
	answer = container_of(bulk, struct answer, bulk);
	answer->moved += payload;
	if (answer->moved == answer->len)
		answer_free(conn, answer);
	else if (answer->reg == NULL)
		answer_refuse(conn, answer);
	else
		list_append(&conn->bulks, &bulk->link);
}

/* ---- frames in ------------------------------------------------------------------------------------------------------- */

static int
violation(struct env_conn *conn, const char *what)
{
	conn->reader.broken = what;
	return -DER_PROTO;
}

static int
serve_get(struct env_conn *conn, const struct frame *frame)
{
	struct serving *serving = serving_of(conn);
	struct reg *reg = reg_allows(conn, frame->field, frame->field[3], ENV_REG_READ);
	struct answer *answer;

	if (serving == NULL || make_slots(conn) != 0)
		return -DER_NOMEM;
	if (owes_too_much(conn))
		return violation(conn, "too many requests under way");
	if (reg == NULL)
		return reply(conn, FRAME_NAK, frame->id, -DER_NO_PERM);
	answer = MEM_NEW(&conn->loop->real->mem, struct answer);
	if (answer == NULL)
		return reply(conn, FRAME_NAK, frame->id, -DER_NOMEM);
	answer->id = frame->id;
	answer->reg = reg;
	answer->off = frame->field[2];
	answer->len = frame->field[3];
	list_append(&serving->all, &answer->all);
	list_append(&conn->bulks, &answer->bulk.link);
	serving->answers++;
	real__out_dirty(conn);
	return 0;
}

static struct op *
op_find(struct env_conn *conn, uint64_t id)
{
	struct op *op = conn->op != NULL ? conn->op[SLOT(id)] : NULL;

	return op != NULL && op->id == id ? op : NULL;
}

static int
replied(struct env_conn *conn, struct op *op, int rc)
{
	op_done(op, rc);
	start_waiting(conn);
	return conn_alive(conn) ? 0 : -DER_CANCELED;
}

static int
take_reply(struct env_conn *conn, const struct frame *frame)
{
	struct op *op = op_find(conn, frame->id);
	int rc = 0;

	if (op == NULL)
		return violation(conn, "reply to nothing that was asked");
	if (frame->kind == FRAME_ACK && (op->is_get || op->moved < op->len || conn->bulk_now == &op->bulk))
		return violation(conn, "success of something not yet done");
	if (frame->kind == FRAME_NAK)
		rc = frame->field[0] == DER_NOMEM ? -DER_NOMEM : -DER_NO_PERM;
	if (conn->bulk_now == &op->bulk && conn->out->started) {
		if (op->reply != 1)
			return violation(conn, "second reply");
		op->reply = rc;
		return 0;
	}
	return replied(conn, op, rc);
}

int
real__bulk_control(struct env_conn *conn, const struct frame *frame)
{
	return frame->kind == FRAME_GET ? serve_get(conn, frame) : take_reply(conn, frame);
}

static int
begin_get_data(struct env_conn *conn, const struct frame *frame, struct iov_cursor *to)
{
	struct op *op = op_find(conn, frame->id);
	bool last = (frame->flags & FRAME_LAST) != 0;

	if (op == NULL || !op->is_get)
		return violation(conn, "data that was not asked for");
	if (frame->field[0] != op->moved || frame->len > op->len - op->moved || last != (op->moved + frame->len == op->len))
		return violation(conn, "data out of place");
	*to = op->at;
	return 0;
}

static int
begin_put_data(struct env_conn *conn, const struct frame *frame, struct iov_cursor *to)
{
	struct serving *serving = serving_of(conn);
	struct reg *reg = reg_allows(conn, frame->field, frame->len, ENV_REG_WRITE);

	if (serving == NULL)
		return -DER_NOMEM;
	serving->into = NULL;
	if (serving->refused[SLOT(frame->id)] == frame->id && frame->id != 0) {
		serving->verdict = PUT_SKIP;
	} else if (reg == NULL) {
		serving->verdict = PUT_REFUSE;
	} else {
		serving->verdict = PUT_TAKE;
		serving->into = reg;
		iov_cursor_init(to, reg->iov, reg->iov_nr, frame->field[2]);
	}
	return 0;
}

int
real__bulk_begin(struct env_conn *conn, const struct frame *frame, struct iov_cursor *to)
{
	return frame->kind == FRAME_GET_DATA ? begin_get_data(conn, frame, to) : begin_put_data(conn, frame, to);
}

int
real__bulk_end(struct env_conn *conn, const struct frame *frame)
{
	struct serving *serving = conn->serving;
	struct op *op;

	if (frame->kind == FRAME_GET_DATA) {
		op = op_find(conn, frame->id);
		ASSERT(op != NULL); /* it ends with the connection, or here, or by a NAK between frames */
		op->moved += frame->len;
		advance(&op->at, frame->len);
		return (frame->flags & FRAME_LAST) != 0 ? replied(conn, op, 0) : 0;
	}
	serving->into = NULL;
	if (serving->verdict == PUT_REFUSE) {
		serving->refused[SLOT(frame->id)] = frame->id;
		return reply(conn, FRAME_NAK, frame->id, -DER_NO_PERM);
	}
	if (serving->verdict == PUT_TAKE && (frame->flags & FRAME_LAST) != 0)
		return reply(conn, FRAME_ACK, frame->id, 0);
	return 0;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------ */

void
real__bulk_abort(struct env_conn *conn, int rc)
{
	struct op *op;

	for (uint32_t i = 0; conn->op != NULL && i < CONN_TRANSFERS; i++)
		if (conn->op[i] != NULL)
			op_done(conn->op[i], rc);
	while ((op = list_pop(&conn->waiting, struct op, waiting)) != NULL)
		op_done(op, rc);
}

void
real__bulk_fini(struct env_conn *conn)
{
	struct mem *mem = &conn->loop->real->mem;
	struct answer *answer, *tmp;

	if (conn->serving != NULL) {
		list_each_safe(answer, tmp, &conn->serving->all, all)
			answer_free(conn, answer);
		mem_free(mem, conn->serving);
	}
	for (uint32_t i = 0; i < conn->reg_room; i++)
		mem_free(mem, conn->reg[i]);
	mem_free(mem, conn->reg);
	mem_free(mem, conn->op);
}
