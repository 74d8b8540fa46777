/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net: the same promises over TCP, UNIX streams and UNIX packets. A random mix of messages, gets and puts in both directions
 * against a model; then death, order, limits, keys, addresses.
 */
#include "world.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define MESSAGE_BYTES 300000

static struct world w;

/* One end and what it saw. */
struct end {
	struct env_conn *conn;
	bool closed;
	int closed_rc, received, done, done_rc, failed;
	uint64_t bytes, next_in, next_out;
	size_t last_len;
	uint8_t last[64];
	bool close_on_receive, echo;
	struct end *sibling; /* closed when this one receives */
	bool checked;
};

static struct env_listen *place;
static struct end a, b; /* a connected, b was accepted */

/* A message carries its number and a pattern that follows from it. */
static size_t
message_fill(uint8_t *buf, uint64_t number, struct rand *rand)
{
	size_t len = 8 + rand_below(rand, rand_one_in(rand, 30) ? MESSAGE_BYTES - 8 : 500);

	memcpy(buf, &number, 8);
	for (size_t i = 8; i < len; i++)
		buf[i] = (uint8_t)(number * 31 + i);
	return len;
}

static void
message_check(struct end *end, const uint8_t *data, size_t len)
{
	uint64_t number;

	assert_true(len >= 8);
	memcpy(&number, data, 8);
	assert_int_equal(number, end->next_in++);
	for (size_t i = 8; i < len; i++)
		if (data[i] != (uint8_t)(number * 31 + i))
			fail_msg("byte %zu of message %llu is wrong", i, (unsigned long long)number);
}

static void
received(void *arg, struct env_conn *conn, const void *data, size_t len)
{
	struct end *end = arg;

	assert_ptr_equal(conn, end->conn);
	assert_false(end->closed);
	assert_int_equal((uintptr_t)data % 8, 0);
	end->received++;
	end->bytes += len;
	end->last_len = len;
	memcpy(end->last, data, MIN(len, sizeof(end->last)));
	if (end->checked)
		message_check(end, data, len);
	if (end->echo) {
		struct iovec iov = {(void *)data, len};

		assert_int_equal(w.ops->net.send(conn, &iov, 1), 0);
	}
	if (end->close_on_receive)
		w.ops->net.close(conn);
	if (end->sibling != NULL)
		w.ops->net.close(end->sibling->conn);
}

static void
closed(void *arg, struct env_conn *conn, int rc)
{
	struct end *end = arg;

	assert_ptr_equal(conn, end->conn);
	assert_false(end->closed);
	end->closed = true;
	end->closed_rc = rc;
}

static const struct env_conn_ops conn_ops = {.received = received, .closed = closed};

static void
accepted(void *arg, struct env_conn *conn)
{
	struct end *end = arg;

	end->conn = conn;
	w.ops->net.bind(conn, &conn_ops, end);
}

static void
on_done(void *arg, int rc)
{
	struct end *end = arg;

	end->done++;
	end->done_rc = rc;
	end->failed += rc != 0;
}

static const char *
address(const char *kind)
{
	static char text[160];

	if (strcmp(kind, "tcp") == 0)
		return "tcp://127.0.0.1:0";
	snprintf(text, sizeof(text), "%s://%s/sock", kind, w.dir);
	return text;
}

static void
join(const char *kind)
{
	a = b = (struct end){0};
	assert_int_equal(w.ops->net.listen(w.loop, address(kind), accepted, &b, &place), 0);
	assert_int_equal(w.ops->net.connect(w.loop, w.ops->net.listen_addr(place), &conn_ops, &a, &a.conn), 0);
	POLL_UNTIL(&w, b.conn != NULL, 10);
}

static void
part(void)
{
	if (a.conn != NULL && !a.closed)
		w.ops->net.close(a.conn);
	if (b.conn != NULL && !b.closed)
		w.ops->net.close(b.conn);
	POLL_UNTIL(&w, (a.conn == NULL || a.closed) && (b.conn == NULL || b.closed), 10);
	w.ops->net.listen_close(place);
}

static int
setup(void **state)
{
	world_open(&w, NULL);
	return 0;
}

static int
teardown(void **state)
{
	world_close(&w);
	return 0;
}

static int
say(struct end *end, const void *data, size_t len)
{
	struct iovec iov = {(void *)data, len};

	return w.ops->net.send(end->conn, &iov, 1);
}

static const char *const kinds[] = {"tcp", "unix", "seqpacket"};

/* ---- messages ------------------------------------------------------------------------------------------------------ */

static void
messages_arrive_whole_in_order_both_ways(void **state)
{
	uint8_t *buf = malloc(MESSAGE_BYTES);
	struct rand rand;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		rand_init(&rand, k, 0);
		join(kinds[k]);
		a.checked = b.checked = true;
		while (a.next_out < 1500 || b.next_out < 1500) {
			struct end *end = rand_one_in(&rand, 2) ? &a : &b;
			int many = rand_one_in(&rand, 20) ? 100 : 3;

			for (int i = 0; i < many && end->next_out < 1500; i++) {
				size_t len = message_fill(buf, end->next_out, &rand), cut = rand_below(&rand, len + 1);
				struct iovec iov[2] = {{buf, cut}, {buf + cut, len - cut}};

				assert_int_equal(w.ops->net.send(end->conn, iov, 2), 0);
				end->next_out++;
			}
			memset(buf, 0, 64);
			w.ops->loop.poll(w.loop, 0);
		}
		POLL_UNTIL(&w, a.next_in == 1500 && b.next_in == 1500, 30);
		assert_int_equal(w.ops->net.queued(a.conn), 0);
		part();
		assert_int_equal(a.closed_rc, -DER_CANCELED);
	}
	free(buf);
}

static void
what_is_sent_before_the_connection_stands_waits_for_it(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		a = b = (struct end){0};
		assert_int_equal(w.ops->net.listen(w.loop, address(kinds[k]), accepted, &b, &place), 0);
		assert_int_equal(w.ops->net.connect(w.loop, w.ops->net.listen_addr(place), &conn_ops, &a, &a.conn), 0);
		assert_int_equal(say(&a, "hello", 5), 0);
		assert_true(w.ops->net.queued(a.conn) >= 5);
		POLL_UNTIL(&w, b.received == 1, 10);
		assert_int_equal(b.last_len, 5);
		assert_memory_equal(b.last, "hello", 5);
		part();
	}
}

static void
a_message_has_a_size_limit(void **state)
{
	uint8_t *big = calloc(1, MIB + 1);

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		bool packets = strcmp(kinds[k], "seqpacket") == 0;

		join(kinds[k]);
		assert_int_equal(say(&a, big, MIB + 1), -DER_OVERFLOW);
		assert_int_equal(say(&a, big, packets ? 128 * KIB : MIB), 0);
		POLL_UNTIL(&w, b.received == 1, 10);
		assert_int_equal(b.last_len, packets ? 128 * KIB : MIB);
		assert_int_equal(say(&a, big, 0), packets ? -DER_INVAL : 0);
		if (!packets)
			POLL_UNTIL(&w, b.received == 2 && b.last_len == 0, 10);
		part();
	}
	free(big);
}

static void
a_peer_that_does_not_read_cannot_make_us_queue_without_end(void **state)
{
	uint8_t *big = calloc(1, MIB);
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd, rc = 0, sent = 0;

	a = b = (struct end){0};
	assert_int_equal(w.ops->net.listen(w.loop, address("unix"), accepted, &b, &place), 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/sock", w.dir);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	POLL_UNTIL(&w, b.conn != NULL, 10);
	while ((rc = say(&b, big, MIB)) == 0 && sent < 1000) {
		sent++;
		w.ops->loop.poll(w.loop, 0);
	}
	assert_int_equal(rc, -DER_NOMEM);
	assert_in_range(sent, 40, 100);
	close(fd);
	POLL_UNTIL(&w, b.closed, 10);
	w.ops->net.listen_close(place);
	free(big);
}

/* ---- one-sided ------------------------------------------------------------------------------------------------------- */

#define REGION (3 * MIB)
#define TRANSFERS 400

struct region {
	uint8_t *mem, *model;
	struct iovec iov[6];
	struct env_rkey key;
};

static void
region_make(struct region *r, struct end *owner, struct rand *rand, int access)
{
	uint64_t left = REGION;

	r->mem = malloc(REGION);
	r->model = malloc(REGION);
	for (size_t i = 0; i < REGION; i += 8)
		*(uint64_t *)(r->mem + i) = rand_u64(rand);
	memcpy(r->model, r->mem, REGION);
	for (int i = 0; i < 6; i++) {
		uint64_t n = i == 5 ? left : rand_below(rand, left + 1);

		r->iov[i] = (struct iovec){r->mem + (REGION - left), n};
		left -= n;
	}
	assert_int_equal(w.ops->net.mem_reg(owner->conn, r->iov, 6, access, &r->key), 0);
}

struct job {
	struct end *end;
	bool get, busy;
	uint64_t off, len;
	uint8_t *mine, *expect;
};

static void
job_done(void *arg, int rc)
{
	struct job *job = arg;

	assert_int_equal(rc, 0);
	if (job->get)
		assert_memory_equal(job->mine, job->expect, job->len);
	free(job->mine);
	free(job->expect);
	job->busy = false;
	job->end->done++;
}

static bool
collides(struct job *jobs, const struct job *with)
{
	for (int i = 0; i < 32; i++)
		if (jobs[i].busy && jobs[i].end == with->end && with->off < jobs[i].off + jobs[i].len &&
		    jobs[i].off < with->off + with->len)
			return true;
	return false;
}

static void
job_start(struct job *jobs, struct job *job, struct end *end, struct region *theirs, struct rand *rand)
{
	struct iovec iov[3];
	uint64_t left;

	*job = (struct job){.end = end, .get = rand_one_in(rand, 2),
			    .len = rand_below(rand, rand_one_in(rand, 4) ? MIB : rand_one_in(rand, 2) ? 5000 : 100)};
	job->off = rand_below(rand, REGION - job->len + 1);
	if (collides(jobs, job))
		return;
	job->mine = malloc(job->len + 1);
	job->expect = malloc(job->len + 1);
	if (job->get) {
		memcpy(job->expect, theirs->model + job->off, job->len);
	} else {
		for (uint64_t i = 0; i < job->len; i++)
			job->mine[i] = (uint8_t)(rand->s[0] + i);
		memcpy(theirs->model + job->off, job->mine, job->len);
	}
	left = job->len;
	for (int i = 0; i < 3; i++) {
		uint64_t n = i == 2 ? left : rand_below(rand, left + 1);

		iov[i] = (struct iovec){job->mine + (job->len - left), n};
		left -= n;
	}
	job->busy = true;
	assert_int_equal((job->get ? w.ops->net.get : w.ops->net.put)(end->conn, theirs->key, job->off, iov, 3, job_done, job), 0);
}

static void
gets_and_puts_move_the_bytes_they_name_among_messages(void **state)
{
	uint8_t *buf = malloc(MESSAGE_BYTES);

	for (size_t k = 0; k < 2; k++) {
		struct job jobs[32] = {0};
		struct region ra, rb;
		struct rand rand;
		int started = 0;

		rand_init(&rand, k, 1);
		join(kinds[k]);
		a.checked = b.checked = true;
		region_make(&ra, &a, &rand, ENV_REG_READ | ENV_REG_WRITE);
		region_make(&rb, &b, &rand, ENV_REG_READ | ENV_REG_WRITE);
		while (started < TRANSFERS) {
			struct job *job = &jobs[rand_below(&rand, 32)];
			struct end *end = rand_one_in(&rand, 2) ? &a : &b;

			if (!job->busy) {
				job_start(jobs, job, end, end == &a ? &rb : &ra, &rand);
				started += job->busy;
			}
			if (rand_one_in(&rand, 2)) {
				struct iovec iov = {buf, message_fill(buf, end->next_out++, &rand)};

				assert_int_equal(w.ops->net.send(end->conn, &iov, 1), 0);
			}
			if (rand_one_in(&rand, 3))
				w.ops->loop.poll(w.loop, 0);
		}
		POLL_UNTIL(&w, a.done + b.done == started && a.next_in == b.next_out && b.next_in == a.next_out, 60);
		assert_memory_equal(ra.mem, ra.model, REGION);
		assert_memory_equal(rb.mem, rb.model, REGION);
		assert_int_equal(w.ops->net.queued(a.conn), 0);
		part();
		free(ra.mem);
		free(ra.model);
		free(rb.mem);
		free(rb.model);
	}
	free(buf);
}

static void
more_transfers_than_go_at_once_wait_their_turn(void **state)
{
	uint8_t mine[4000], *theirs = calloc(1, 4000);
	struct iovec iov = {theirs, 4000};
	struct env_rkey key;

	join("unix");
	assert_int_equal(w.ops->net.mem_reg(b.conn, &iov, 1, ENV_REG_READ | ENV_REG_WRITE, &key), 0);
	for (int i = 0; i < 4000; i++) {
		iov = (struct iovec){mine + i, 1};
		mine[i] = (uint8_t)i;
		assert_int_equal(w.ops->net.put(a.conn, key, (uint64_t)i, &iov, 1, on_done, &a), 0);
	}
	POLL_UNTIL(&w, a.done == 4000, 30);
	assert_memory_equal(mine, theirs, 4000);
	memset(theirs, 7, 4000);
	for (int i = 0; i < 4000; i++) {
		iov = (struct iovec){mine + i, 1};
		assert_int_equal(w.ops->net.get(a.conn, key, (uint64_t)i, &iov, 1, on_done, &a), 0);
	}
	POLL_UNTIL(&w, a.done == 8000, 30);
	assert_memory_equal(mine, theirs, 4000);
	assert_int_equal(a.failed, 0);
	part();
	free(theirs);
}

static int
try(struct env_rkey key, uint64_t off, uint64_t len, bool get)
{
	static uint8_t mine[4 * MIB];
	struct iovec iov = {mine, len};
	int before = a.done;

	memset(mine, 0x77, len);
	assert_int_equal((get ? w.ops->net.get : w.ops->net.put)(a.conn, key, off, &iov, 1, on_done, &a), 0);
	POLL_UNTIL(&w, a.done == before + 1, 10);
	return a.done_rc;
}

static void
a_key_opens_its_range_and_access_and_nothing_else(void **state)
{
	uint8_t *mem = calloc(1, MIB), *zero = calloc(1, MIB);
	struct iovec iov = {mem, MIB};
	struct env_rkey rd, wr, wrong;

	for (size_t k = 0; k < 2; k++) {
		join(kinds[k]);
		assert_int_equal(w.ops->net.mem_reg(b.conn, &iov, 1, ENV_REG_READ, &rd), 0);
		assert_int_equal(w.ops->net.mem_reg(b.conn, &iov, 1, ENV_REG_WRITE, &wr), 0);
		assert_int_equal(try(rd, 0, MIB, true), 0);
		assert_int_equal(try(rd, MIB, 0, true), 0);
		assert_int_equal(try(rd, 0, 100, false), -DER_NO_PERM);
		assert_int_equal(try(rd, 0, MIB, false), -DER_NO_PERM);
		assert_int_equal(try(wr, 0, 100, true), -DER_NO_PERM);
		assert_int_equal(try(rd, 1, MIB, true), -DER_NO_PERM);
		assert_int_equal(try(rd, MIB + 1, 0, true), -DER_NO_PERM);
		assert_int_equal(try(rd, UINT64_MAX, 2, true), -DER_NO_PERM);
		assert_int_equal(try(wr, UINT64_MAX - 10, 20, false), -DER_NO_PERM);
		assert_int_equal(try(wr, MIB - 10, 20, false), -DER_NO_PERM);
		for (int bit = 0; bit < 64; bit++) {
			wrong = rd;
			wrong.id ^= 1ULL << bit;
			if (wrong.id != wr.id)
				assert_int_equal(try(wrong, 0, 1, true), -DER_NO_PERM);
			wrong = rd;
			wrong.secret ^= 1ULL << bit;
			assert_int_equal(try(wrong, 0, 1, true), -DER_NO_PERM);
		}
		assert_memory_equal(mem, zero, MIB);
		assert_int_equal(try(wr, MIB - 10, 10, false), 0);
		assert_memory_not_equal(mem, zero, MIB);
		memset(mem, 0, MIB);
		w.ops->net.mem_unreg(b.conn, wr);
		w.ops->net.mem_unreg(b.conn, wr);
		assert_int_equal(try(wr, 0, 10, false), -DER_NO_PERM);
		/* A put that outruns its refusal, and the connection works on. */
		assert_int_equal(try(wr, 0, 4 * MIB, false), -DER_NO_PERM);
		assert_int_equal(try(rd, 0, 4 * MIB, true), -DER_NO_PERM);
		assert_int_equal(try(rd, 0, 10, true), 0);
		/* A key of one connection is none of another. */
		assert_memory_equal(mem, zero, MIB);
		part();
	}
	free(mem);
	free(zero);
}

static void
after_unregistering_the_memory_is_no_longer_touched(void **state)
{
	struct rand rand;
	struct iovec theirs, mine;
	struct env_rkey key;

	rand_init(&rand, 5, 0);
	for (int round = 0; round < 120; round++) {
		size_t len = 64 * KIB + rand_below(&rand, 2 * MIB);
		uint8_t *mem = malloc(len), *local = malloc(len);
		bool get = round % 2 == 0;
		int polls = (int)rand_below(&rand, 12);

		join(kinds[rand_below(&rand, 2)]);
		memset(mem, 1, len);
		memset(local, 2, len);
		theirs = (struct iovec){mem, len};
		mine = (struct iovec){local, len};
		assert_int_equal(w.ops->net.mem_reg(b.conn, &theirs, 1, ENV_REG_READ | ENV_REG_WRITE, &key), 0);
		assert_int_equal((get ? w.ops->net.get : w.ops->net.put)(a.conn, key, 0, &mine, 1, on_done, &a), 0);
		for (int i = 0; i < polls; i++)
			w.ops->loop.poll(w.loop, 0);
		w.ops->net.mem_unreg(b.conn, key);
		free(mem); /* the sanitizer watches */
		POLL_UNTIL(&w, a.done == 1, 10);
		assert_true(a.done_rc == 0 || a.done_rc == -DER_NO_PERM);
		if (a.done_rc == 0 && get)
			for (size_t i = 0; i < len; i++)
				if (local[i] != 1)
					fail_msg("byte %zu", i);
		free(local);
		/* The stream is still in step. */
		assert_int_equal(say(&b, "on", 2), 0);
		assert_int_equal(say(&a, "on", 2), 0);
		POLL_UNTIL(&w, a.received == 1 && b.received == 1, 10);
		part();
	}
}

static void
a_message_overtakes_bulk(void **state)
{
	uint8_t *mem = calloc(1, 64 * MIB), *mine = calloc(1, 64 * MIB);
	struct iovec iov = {mem, 64 * MIB};
	struct env_rkey key;

	join("unix");
	assert_int_equal(w.ops->net.mem_reg(b.conn, &iov, 1, ENV_REG_WRITE, &key), 0);
	iov.iov_base = mine;
	assert_int_equal(w.ops->net.put(a.conn, key, 0, &iov, 1, on_done, &a), 0);
	assert_true(w.ops->net.queued(a.conn) >= 64 * MIB);
	for (int i = 0; i < 4; i++)
		w.ops->loop.poll(w.loop, 0);
	assert_int_equal(say(&a, "first", 5), 0);
	POLL_UNTIL(&w, b.received == 1, 10);
	assert_int_equal(a.done, 0);
	assert_true(w.ops->net.queued(a.conn) > 40 * MIB);
	POLL_UNTIL(&w, a.done == 1, 30);
	assert_int_equal(a.done_rc, 0);
	part();
	free(mem);
	free(mine);
}

static void
packets_know_no_one_sided_transfers(void **state)
{
	struct env_rkey key = {0};
	struct iovec iov = {&key, sizeof(key)};

	join("seqpacket");
	assert_int_equal(w.ops->net.mem_reg(a.conn, &iov, 1, ENV_REG_READ, &key), -DER_NOSYS);
	assert_int_equal(w.ops->net.get(a.conn, key, 0, &iov, 1, on_done, &a), -DER_NOSYS);
	part();
}

/* ---- the end --------------------------------------------------------------------------------------------------------- */

static void
closing_tells_both_and_what_was_sent_before_arrives(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		join(kinds[k]);
		for (int i = 0; i < 100; i++)
			assert_int_equal(say(&a, "last words", 10), 0);
		w.ops->net.close(a.conn);
		w.ops->net.close(a.conn);
		assert_int_equal(say(&a, "x", 1), -DER_UNREACH);
		assert_false(a.closed);
		POLL_UNTIL(&w, a.closed && b.closed, 10);
		assert_int_equal(a.closed_rc, -DER_CANCELED);
		assert_int_equal(b.closed_rc, 0);
		assert_int_equal(b.received, 100);
		w.ops->net.listen_close(place);
	}
}

static void
replies_to_one_who_has_gone_do_not_hide_what_it_said(void **state)
{
	for (int round = 0; round < 20; round++) {
		join(kinds[round % 3]);
		b.echo = true;
		for (int i = 0; i < 300; i++)
			assert_int_equal(say(&a, "echo me", 7), 0);
		w.ops->net.close(a.conn);
		POLL_UNTIL(&w, b.closed, 10);
		assert_int_equal(b.received, 300);
		part();
	}
}

static void
transfers_under_way_end_before_closed_is_called(void **state)
{
	uint8_t *mem = calloc(1, 8 * MIB), *mine = calloc(1, 8 * MIB);
	struct iovec iov = {mem, 8 * MIB};
	struct env_rkey key;

	for (int round = 0; round < 8; round++) {
		join(kinds[round % 2]);
		assert_int_equal(w.ops->net.mem_reg(b.conn, &iov, 1, ENV_REG_READ | ENV_REG_WRITE, &key), 0);
		for (int i = 0; i < 300; i++) {
			struct iovec one = {mine, 8 * MIB};

			assert_int_equal((i % 2 == 0 ? w.ops->net.get : w.ops->net.put)(a.conn, key, 0, &one, 1, on_done, &a), 0);
		}
		for (int i = 0; i < 5; i++)
			w.ops->loop.poll(w.loop, 0);
		w.ops->net.close(round < 4 ? a.conn : b.conn);
		POLL_UNTIL(&w, a.closed, 10);
		assert_int_equal(a.done, 300);
		assert_int_equal(a.done_rc, -DER_UNREACH);
		part();
	}
	free(mem);
	free(mine);
}

static void
a_callback_may_close_its_own_or_another_connection(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct end c = {0}, d = {0};
		struct env_listen *second;
		char addr[160];

		join(kinds[k]);
		snprintf(addr, sizeof(addr), "%s2", address(kinds[k]));
		if (k == 0)
			snprintf(addr, sizeof(addr), "tcp://127.0.0.1:0");
		assert_int_equal(w.ops->net.listen(w.loop, addr, accepted, &d, &second), 0);
		assert_int_equal(w.ops->net.connect(w.loop, w.ops->net.listen_addr(second), &conn_ops, &c, &c.conn), 0);
		POLL_UNTIL(&w, d.conn != NULL, 10);
		b.close_on_receive = true;
		b.sibling = &d;
		for (int i = 0; i < 10; i++) {
			assert_int_equal(say(&a, "a", 1), 0);
			assert_int_equal(say(&c, "c", 1), 0);
		}
		POLL_UNTIL(&w, a.closed && b.closed && c.closed && d.closed, 10);
		assert_int_equal(b.received, 1);
		w.ops->net.listen_close(second);
		w.ops->net.listen_close(place);
	}
}

/* Runs a child that connects, says hello, and is then busy with how. */
static pid_t
child_peer(const char *addr, void (*how)(void))
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	world_open_bare(&w, NULL);
	a = (struct end){0};
	if (w.ops->net.connect(w.loop, addr, &conn_ops, &a, &a.conn) != 0)
		_exit(1);
	say(&a, "hello", 5);
	while (!a.closed) {
		w.ops->loop.poll(w.loop, env_mono(w.env) + 10 * NS_PER_MS);
		how();
	}
	_exit(0);
}

static void
child_idle(void)
{
}

static void
child_talk(void)
{
	static uint8_t bytes[100000];

	for (int i = 0; i < 30; i++)
		say(&a, bytes, sizeof(bytes));
}

static void
the_death_of_the_other_end_is_told_at_once(void **state)
{
	for (int round = 0; round < 12; round++) {
		const char *kind = kinds[round % 3];
		uint8_t mine[100];
		struct iovec iov = {mine, sizeof(mine)};
		struct env_rkey key = {1, 2};
		uint64_t begin;
		pid_t pid;

		a = b = (struct end){0};
		assert_int_equal(w.ops->net.listen(w.loop, address(kind), accepted, &b, &place), 0);
		pid = child_peer(w.ops->net.listen_addr(place), round < 6 ? child_idle : child_talk);
		POLL_UNTIL(&w, b.received > 0, 10);
		if (round % 3 != 2)
			kill(pid, SIGSTOP);
		if (round % 3 != 2)
			assert_int_equal(w.ops->net.get(b.conn, key, 0, &iov, 1, on_done, &b), 0);
		kill(pid, SIGKILL);
		begin = env_mono(w.env);
		POLL_UNTIL(&w, b.closed, 10);
		assert_true(env_mono(w.env) - begin < NS_PER_S);
		assert_int_equal(b.closed_rc, round % 3 == 2 ? b.closed_rc : -DER_UNREACH);
		assert_int_equal(b.done, round % 3 != 2);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		w.ops->net.listen_close(place);
	}
}

static void
a_forked_child_holds_no_connection_open(void **state)
{
	int fds[2];
	char byte;
	pid_t parent, child;

	for (int k = 0; k < 3; k++) {
		a = b = (struct end){0};
		assert_int_equal(w.ops->net.listen(w.loop, address(kinds[k]), accepted, &b, &place), 0);
		assert_int_equal(pipe(fds), 0);
		parent = fork();
		if (parent == 0) {
			world_open_bare(&w, NULL);
			a = (struct end){0};
			assert_int_equal(w.ops->net.connect(w.loop, w.ops->net.listen_addr(place), &conn_ops, &a, &a.conn), 0);
			say(&a, "hello", 5);
			for (int i = 0; i < 5; i++)
				w.ops->loop.poll(w.loop, env_mono(w.env) + NS_PER_MS);
			child = fork();
			if (child == 0) {
				/* It outlives its parent by far, and ends when the test closes the pipe. */
				close(fds[1]);
				_exit(read(fds[0], &byte, 1) == 0 ? 0 : 1);
			}
			for (;;)
				pause();
		}
		POLL_UNTIL(&w, b.received == 1, 10);
		usleep(20000); /* until it has forked */
		kill(parent, SIGKILL);
		waitpid(parent, NULL, 0);
		POLL_UNTIL(&w, b.closed, 5);
		close(fds[0]);
		close(fds[1]);
		w.ops->net.listen_close(place);
	}
}

static void
nobody_there_is_unreachable(void **state)
{
	char addr[160];

	join("tcp");
	snprintf(addr, sizeof(addr), "%s", w.ops->net.listen_addr(place));
	part();
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		a = (struct end){0};
		assert_int_equal(w.ops->net.connect(w.loop, k == 0 ? addr : address(kinds[k]), &conn_ops, &a, &a.conn), 0);
		assert_false(a.closed);
		POLL_UNTIL(&w, a.closed, 10);
		assert_int_equal(a.closed_rc, -DER_UNREACH);
	}
}

static void
silence_is_noticed_within_ten_seconds(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	struct end c = {0};
	static uint8_t big[MIB];
	char addr[64];
	uint64_t begin;
	pid_t pid;
	int fd;

	if (getenv("SLOW_TESTS") == NULL)
		skip();
	/* One who accepts and never greets, one who is stopped in the middle of it. */
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	snprintf(addr, sizeof(addr), "tcp://127.0.0.1:%d", ntohs(in.sin_port));
	a = b = (struct end){0};
	assert_int_equal(w.ops->net.listen(w.loop, address("tcp"), accepted, &b, &place), 0);
	pid = child_peer(w.ops->net.listen_addr(place), child_idle);
	POLL_UNTIL(&w, b.received > 0, 10);
	kill(pid, SIGSTOP);
	assert_int_equal(w.ops->net.connect(w.loop, addr, &conn_ops, &c, &c.conn), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(say(&b, big, MIB), 0);
	begin = env_mono(w.env);
	POLL_UNTIL(&w, b.closed && c.closed, 14);
	assert_true(env_mono(w.env) - begin < 12 * NS_PER_S);
	assert_int_equal(b.closed_rc, -DER_TIMEDOUT);
	assert_int_equal(c.closed_rc, -DER_TIMEDOUT);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
	w.ops->net.listen_close(place);
}

/* ---- addresses, credentials -------------------------------------------------------------------------------------------- */

static void
addresses_are_checked(void **state)
{
	static const char *const bad[] = {"", "tcp", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://127.0.0.1:99999",
					  "tcp://127.0.0.1:x", "tcp://:5", "unix://", "unix://relative", "unix:///", "http://x:1",
					  "seqpacket://x"};
	char deep[300] = "unix:///tmp/";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(w.ops->net.listen(w.loop, bad[i], accepted, &b, &place), -DER_INVAL);
		assert_int_equal(w.ops->net.connect(w.loop, bad[i], &conn_ops, &a, &a.conn), -DER_INVAL);
	}
	memset(deep + strlen(deep), 'x', 96);
	assert_int_equal(strlen(deep) - 7, 101);
	strcat(deep, "yyyyyyy");
	assert_int_equal(w.ops->net.listen(w.loop, deep, accepted, &b, &place), -DER_EXCEEDS_PATH_LEN);
	assert_int_equal(w.ops->net.connect(w.loop, deep, &conn_ops, &a, &a.conn), -DER_EXCEEDS_PATH_LEN);
	deep[strlen(deep) - 1] = '\0'; /* 107: the longest */
	assert_int_equal(w.ops->net.listen(w.loop, deep, accepted, &b, &place), 0);
	assert_string_equal(w.ops->net.listen_addr(place), deep);
	w.ops->net.listen_close(place);
	assert_int_equal(access(deep + 7, F_OK), -1);
	assert_int_equal(w.ops->net.listen(w.loop, "tcp://[::1]:0", accepted, &b, &place) == 0 ||
				 access("/proc/net/if_inet6", F_OK) != 0, 1);
	if (access("/proc/net/if_inet6", F_OK) == 0) {
		assert_memory_equal(w.ops->net.listen_addr(place), "tcp://[::1]:", 12);
		w.ops->net.listen_close(place);
	}
}

static void
refuser(void *arg, struct env_conn *conn)
{
	(*(int *)arg)++;
	w.ops->net.close(conn);
}

static void
a_socket_file_left_behind_is_replaced_but_a_living_one_and_other_files_are_not(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct env_listen *second;
	int fd, refused = 0;

	for (size_t k = 1; k < ARRAY_SIZE(kinds); k++) {
		snprintf(un.sun_path, sizeof(un.sun_path), "%s/sock", w.dir);
		fd = socket(AF_UNIX, k == 1 ? SOCK_STREAM : SOCK_SEQPACKET, 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
		close(fd);
		assert_int_equal(access(un.sun_path, F_OK), 0);
		assert_int_equal(w.ops->net.listen(w.loop, address(kinds[k]), refuser, &refused, &place), 0);
		assert_int_equal(w.ops->net.listen(w.loop, address(kinds[k]), accepted, &b, &second), -DER_BUSY);
		POLL_UNTIL(&w, refused == (int)k, 10); /* the one who looked */
		w.ops->net.listen_close(place);
		assert_int_equal(access(un.sun_path, F_OK), -1);
		fd = open(un.sun_path, O_CREAT | O_WRONLY, 0600);
		close(fd);
		assert_int_equal(w.ops->net.listen(w.loop, address(kinds[k]), accepted, &b, &second), -DER_EXIST);
		assert_int_equal(unlink(un.sun_path), 0);
	}
}

static void
local_sockets_tell_who_is_there_and_tcp_does_not(void **state)
{
	struct env_cred cred;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		join(kinds[k]);
		w.ops->net.cred(b.conn, &cred);
		assert_int_equal(cred.known, k != 0);
		if (cred.known) {
			assert_int_equal(cred.uid, getuid());
			assert_int_equal(cred.gid, getgid());
			assert_int_equal(cred.pid, getpid());
		}
		part();
	}
}

static void
a_connection_refused_by_accepted_is_closed_in_order(void **state)
{
	int refused = 0;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		a = b = (struct end){0};
		assert_int_equal(w.ops->net.listen(w.loop, address(kinds[k]), refuser, &refused, &place), 0);
		assert_int_equal(w.ops->net.connect(w.loop, w.ops->net.listen_addr(place), &conn_ops, &a, &a.conn), 0);
		POLL_UNTIL(&w, a.closed, 10);
		assert_int_equal(a.closed_rc, 0);
		assert_int_equal(refused, k + 1);
		part();
	}
}

static void
without_descriptors_newcomers_are_turned_away_and_later_ones_come_in(void **state)
{
	struct rlimit before, tight;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd[3], spare[64], spare_nr = 0;
	char byte;

	a = b = (struct end){0};
	assert_int_equal(w.ops->net.listen(w.loop, address("unix"), accepted, &b, &place), 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/sock", w.dir);
	for (int i = 0; i < 3; i++)
		fd[i] = socket(AF_UNIX, SOCK_STREAM, 0);
	getrlimit(RLIMIT_NOFILE, &before);
	tight = (struct rlimit){.rlim_cur = 40, .rlim_max = before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &tight);
	while (spare_nr < 64 && (spare[spare_nr] = dup(0)) >= 0)
		spare_nr++;
	assert_int_equal(connect(fd[0], (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(connect(fd[1], (struct sockaddr *)&un, sizeof(un)), 0);
	for (int i = 0; i < 10; i++)
		w.ops->loop.poll(w.loop, env_mono(w.env) + NS_PER_MS);
	assert_null(b.conn);
	assert_int_equal(read(fd[0], &byte, 1), 0);
	while (spare_nr > 0)
		close(spare[--spare_nr]);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(connect(fd[2], (struct sockaddr *)&un, sizeof(un)), 0);
	POLL_UNTIL(&w, b.conn != NULL, 10);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	POLL_UNTIL(&w, b.closed, 10);
	w.ops->net.listen_close(place);
}

#define CROWD 300

static struct end crowd_a[CROWD], crowd_b[CROWD];
static int crowd_nr;

static void
crowd_accepted(void *arg, struct env_conn *conn)
{
	struct end *end = &crowd_b[crowd_nr++];

	end->conn = conn;
	end->echo = true;
	w.ops->net.bind(conn, &conn_ops, end);
}

static bool
crowd_all_closed(void)
{
	for (int i = 0; i < CROWD; i++)
		if (!crowd_a[i].closed || !crowd_b[i].closed)
			return false;
	return true;
}

static void
hundreds_of_connections_live_side_by_side(void **state)
{
	int replies;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		crowd_nr = 0;
		memset(crowd_a, 0, sizeof(crowd_a));
		memset(crowd_b, 0, sizeof(crowd_b));
		assert_int_equal(w.ops->net.listen(w.loop, address(kinds[k]), crowd_accepted, NULL, &place), 0);
		for (int i = 0; i < CROWD; i++) {
			assert_int_equal(w.ops->net.connect(w.loop, w.ops->net.listen_addr(place), &conn_ops, &crowd_a[i],
							    &crowd_a[i].conn), 0);
			assert_int_equal(say(&crowd_a[i], &i, sizeof(i)), 0);
		}
		for (int round = 0; round < 5; round++) {
			uint64_t end = env_mono(w.env) + 20 * NS_PER_S;

			do {
				w.ops->loop.poll(w.loop, end);
				replies = 0;
				for (int i = 0; i < CROWD; i++)
					replies += crowd_a[i].received == round + 1;
			} while (replies < CROWD && env_mono(w.env) < end);
			assert_int_equal(replies, CROWD);
			for (int i = 0; i < CROWD; i++) {
				assert_memory_equal(crowd_a[i].last, &i, sizeof(i));
				assert_int_equal(say(&crowd_a[i], &i, sizeof(i)), 0);
			}
		}
		w.ops->net.listen_close(place);
		/* The last crowd goes with the loop: see teardown. */
		for (int i = 0; i < CROWD && k + 1 < ARRAY_SIZE(kinds); i++)
			w.ops->net.close(crowd_a[i].conn);
		if (k + 1 < ARRAY_SIZE(kinds))
			POLL_UNTIL(&w, crowd_all_closed(), 10);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(messages_arrive_whole_in_order_both_ways),
		T(what_is_sent_before_the_connection_stands_waits_for_it),
		T(a_message_has_a_size_limit),
		T(a_peer_that_does_not_read_cannot_make_us_queue_without_end),
		T(gets_and_puts_move_the_bytes_they_name_among_messages),
		T(more_transfers_than_go_at_once_wait_their_turn),
		T(a_key_opens_its_range_and_access_and_nothing_else),
		T(after_unregistering_the_memory_is_no_longer_touched),
		T(a_message_overtakes_bulk),
		T(packets_know_no_one_sided_transfers),
		T(closing_tells_both_and_what_was_sent_before_arrives),
		T(replies_to_one_who_has_gone_do_not_hide_what_it_said),
		T(transfers_under_way_end_before_closed_is_called),
		T(a_callback_may_close_its_own_or_another_connection),
		T(the_death_of_the_other_end_is_told_at_once),
		T(a_forked_child_holds_no_connection_open),
		T(nobody_there_is_unreachable),
		T(silence_is_noticed_within_ten_seconds),
		T(addresses_are_checked),
		T(a_socket_file_left_behind_is_replaced_but_a_living_one_and_other_files_are_not),
		T(local_sockets_tell_who_is_there_and_tcp_does_not),
		T(a_connection_refused_by_accepted_is_closed_in_order),
		T(without_descriptors_newcomers_are_turned_away_and_later_ones_come_in),
		T(hundreds_of_connections_live_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
