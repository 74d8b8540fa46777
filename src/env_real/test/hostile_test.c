/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile: peers that speak the transport wrongly on a raw socket. Each ends its own connection, with a line in the log, and
 * nothing else: a good neighbour on the same loop keeps working, and memory stays bounded.
 */
#include "world.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "../frame.h"

static struct world w;
static struct env_listen *place;
static char log_path[128];

/* The victim's side of the present raw connection. */
static struct {
	struct env_conn *conn;
	bool closed, bulk_done;
	int closed_rc, received, bulk_rc;
} victim;

/* A good pair beside it. */
static struct env_conn *good_a, *good_b;
static int good_received;
static bool expect_good;

static void
received(void *arg, struct env_conn *conn, const void *data, size_t len)
{
	if (conn == good_b)
		good_received++;
	else
		victim.received++;
}

static void
closed(void *arg, struct env_conn *conn, int rc)
{
	if (conn != victim.conn)
		return;
	victim.closed = true;
	victim.closed_rc = rc;
}

static const struct env_conn_ops conn_ops = {.received = received, .closed = closed};

static void
accepted(void *arg, struct env_conn *conn)
{
	if (expect_good)
		good_b = conn;
	else
		victim.conn = conn;
	w.ops->net.bind(conn, &conn_ops, NULL);
}

static int
setup(void **state)
{
	struct env_real_options options = {.log.mask = "INFO"};
	char addr[128];

	snprintf(log_path, sizeof(log_path), "/tmp/env_real_hostile.%d", (int)getpid());
	options.log.file = log_path;
	options.log.truncate = true;
	world_open(&w, &options);
	snprintf(addr, sizeof(addr), "unix://%s/sock", w.dir);
	assert_int_equal(w.ops->net.listen(w.loop, addr, accepted, NULL, &place), 0);
	expect_good = true;
	good_b = NULL;
	assert_int_equal(w.ops->net.connect(w.loop, addr, &conn_ops, NULL, &good_a), 0);
	POLL_UNTIL(&w, good_b != NULL, 10);
	expect_good = false;
	good_received = 0;
	return 0;
}

static int
teardown(void **state)
{
	int before = good_received;
	struct iovec iov = {"still here", 10};

	assert_int_equal(w.ops->net.send(good_a, &iov, 1), 0);
	POLL_UNTIL(&w, good_received == before + 1, 10);
	w.ops->net.listen_close(place);
	world_close(&w);
	unlink(log_path);
	return 0;
}

static int
raw_connect(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(&victim, 0, sizeof(victim));
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/sock", w.dir);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	POLL_UNTIL(&w, victim.conn != NULL, 10);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* Sends everything, the victim polling meanwhile. False when the victim hung up. */
static bool
raw_send(int fd, const void *data, size_t len)
{
	const uint8_t *at = data;
	ssize_t n;

	while (len > 0) {
		n = send(fd, at, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
		w.ops->loop.poll(w.loop, 0);
	}
	return true;
}

static bool
raw_frame(int fd, const struct frame *frame)
{
	uint8_t prefix[FRAME_PREFIX_MAX];

	return raw_send(fd, prefix, frame_encode(frame, prefix));
}

static const struct frame hello = {.kind = FRAME_HELLO, .field = {FRAME_VERSION | (uint64_t)FRAME_VERSION << 32}};

static bool
log_says(const char *text)
{
	char *data;
	size_t len;
	bool says;

	assert_int_equal(w.ops->file.read(w.env, log_path, MIB, &data, &len), 0);
	says = strstr(data, text) != NULL;
	mem_free(w.env->mem, data);
	return says;
}

static void
expect_broken(int fd, const char *why)
{
	POLL_UNTIL(&w, victim.closed, 10);
	assert_int_equal(victim.closed_rc, -DER_UNREACH);
	assert_true(log_says(why));
	close(fd);
}

/* What a peer says after a good greeting, and why it is thrown out. */
static void
each_wrong_frame_ends_its_connection_with_a_line_in_the_log(void **state)
{
	static const struct {
		struct frame frame;
		const char *why;
	} cases[] = {
		{{.kind = FRAME_HELLO, .field = {FRAME_VERSION}}, "second HELLO"},
		{{.kind = FRAME_ACK, .id = 5}, "reply to nothing"},
		{{.kind = FRAME_NAK, .id = 0}, "reply to nothing"},
		{{.kind = FRAME_NAK, .id = UINT64_MAX, .field = {UINT64_MAX}}, "reply to nothing"},
		{{.kind = FRAME_GET_DATA, .id = 256}, "data that was not asked for"},
		{{.kind = FRAME_GET_DATA, .id = 257, .len = 1000}, "data that was not asked for"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd = raw_connect();

		assert_true(raw_frame(fd, &hello));
		raw_frame(fd, &cases[i].frame);
		expect_broken(fd, cases[i].why);
	}
}

static void
strangers_are_recognised_by_their_first_bytes(void **state)
{
	static const char http[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	struct frame wrong = {.kind = FRAME_HELLO, .field = {0}}, message = {.kind = FRAME_MESSAGE, .len = 8};
	int fd = raw_connect();

	raw_send(fd, http, strlen(http));
	expect_broken(fd, "bad magic number");
	fd = raw_connect();
	raw_frame(fd, &wrong);
	expect_broken(fd, "no common version");
	wrong.field[0] = UINT64_MAX;
	fd = raw_connect();
	raw_frame(fd, &wrong);
	expect_broken(fd, "no common version");
	fd = raw_connect();
	raw_frame(fd, &message);
	expect_broken(fd, "no HELLO first");
}

static void
random_bytes_never_do_more_than_end_the_connection(void **state)
{
	uint8_t *noise = malloc(5000);
	struct rand rand;

	rand_init(&rand, 99, 0);
	for (int round = 0; round < 300; round++) {
		int fd = raw_connect();
		size_t len = 1 + rand_below(&rand, 5000), at = 0;
		uint8_t prefix[FRAME_PREFIX_MAX];

		for (size_t i = 0; i < len; i++)
			noise[i] = (uint8_t)rand_u64(&rand);
		if (rand_one_in(&rand, 8) == 0)
			assert_true(raw_frame(fd, &hello));
		/* Mostly well-formed heads with random inside. */
		while (at + FRAME_PREFIX_MAX < len) {
			struct frame f = {.kind = (uint8_t)(1 + rand_below(&rand, FRAME_KIND_NR - 1)), .id = rand_below(&rand, 600)};

			for (int i = 0; i < FRAME_FIELDS; i++)
				f.field[i] = rand_one_in(&rand, 2) ? rand_u64(&rand) : rand_below(&rand, 100);
			at += MAX(frame_encode(&f, prefix), (size_t)24);
			if (!rand_one_in(&rand, 6))
				memcpy(noise + at - 24, prefix, 24);
		}
		raw_send(fd, noise, len);
		close(fd);
		POLL_UNTIL(&w, victim.closed, 10);
	}
	free(noise);
}

static void
asking_without_end_and_never_reading_ends_the_connection(void **state)
{
	struct frame get = {.kind = FRAME_GET, .field = {1, 2, 0, 10}}, put = {.kind = FRAME_PUT_DATA, .flags = FRAME_LAST};
	uint8_t *mem = calloc(1, MIB);
	struct iovec iov = {mem, MIB};
	struct env_rkey key;
	int fd;

	/* Answers with data. */
	fd = raw_connect();
	assert_true(raw_frame(fd, &hello));
	assert_int_equal(w.ops->net.mem_reg(victim.conn, &iov, 1, ENV_REG_READ | ENV_REG_WRITE, &key), 0);
	get.field[0] = key.id;
	get.field[1] = key.secret;
	get.field[3] = MIB;
	for (int i = 0; i < 2000 && !victim.closed; i++) {
		get.id = (uint64_t)i;
		if (!raw_frame(fd, &get))
			break;
	}
	expect_broken(fd, "too many requests under way");
	/* Refusals and successes. */
	for (int good = 0; good < 2; good++) {
		fd = raw_connect();
		assert_true(raw_frame(fd, &hello));
		assert_int_equal(w.ops->net.mem_reg(victim.conn, &iov, 1, ENV_REG_READ | ENV_REG_WRITE, &key), 0);
		for (int i = 0; i < 200000 && !victim.closed; i++) {
			put.id = (uint64_t)i;
			put.field[0] = good ? key.id : 0;
			put.field[1] = key.secret;
			if (!raw_frame(fd, &put))
				break;
		}
		expect_broken(fd, "too many requests under way");
	}
	free(mem);
}

static void
half_messages_of_many_peers_are_bounded_together(void **state)
{
	enum { PEERS = 70 };
	struct frame message = {.kind = FRAME_MESSAGE, .len = FRAME_MESSAGE_MAX};
	uint8_t *half = calloc(1, MIB - 8);
	int fd[PEERS], broken = 0;

	for (int i = 0; i < PEERS; i++) {
		fd[i] = raw_connect();
		assert_true(raw_frame(fd[i], &hello));
		raw_frame(fd[i], &message);
		raw_send(fd[i], half, MIB - 8);
		for (int p = 0; p < 20; p++)
			w.ops->loop.poll(w.loop, 0);
		broken += victim.closed;
	}
	assert_in_range(broken, 1, 20);
	assert_true(log_says("too many incomplete messages"));
	for (int i = 0; i < PEERS; i++)
		close(fd[i]);
	free(half);
}

static void
bulk_done(void *arg, int rc)
{
	victim.bulk_done = true;
	victim.bulk_rc = rc;
}

static void
lying_answers_to_a_get_or_put_end_the_connection_and_the_transfer(void **state)
{
	static const struct frame lies[] = {
		{.kind = FRAME_GET_DATA, .len = 50, .field = {8}},                         /* not where we stand */
		{.kind = FRAME_GET_DATA, .len = 101, .flags = FRAME_LAST},                 /* too much */
		{.kind = FRAME_GET_DATA, .len = 50, .flags = FRAME_LAST},                  /* the last, but too little */
		{.kind = FRAME_GET_DATA, .len = 100},                                      /* all, but not the last */
		{.kind = FRAME_ACK},                                                       /* a get is not acknowledged */
		{.kind = FRAME_NAK, .id = 1 << 20, .field = {DER_NO_PERM}},                /* another one's */
	};
	struct env_rkey key = {3, 4};
	uint8_t mine[116];
	struct iovec iov = {mine, 100};

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		int fd = raw_connect();
		struct frame lie = lies[i];
		uint8_t bytes[4096];
		ssize_t n = 0;
		uint64_t id;

		assert_true(raw_frame(fd, &hello));
		memset(mine, 0xaa, sizeof(mine));
		assert_int_equal(w.ops->net.get(victim.conn, key, 0, &iov, 1, bulk_done, NULL), 0);
		for (int p = 0; p < 10; p++)
			w.ops->loop.poll(w.loop, 0);
		n = recv(fd, bytes, sizeof(bytes), 0);
		assert_int_equal(n, frame_prefix_size(FRAME_HELLO) + frame_prefix_size(FRAME_GET));
		memcpy(&id, bytes + frame_prefix_size(FRAME_HELLO) + 16, 8);
		lie.id += id;
		memset(bytes, 0x11, sizeof(bytes));
		if (raw_frame(fd, &lie))
			raw_send(fd, bytes, FRAME_PAD(lie.len));
		POLL_UNTIL(&w, victim.closed && victim.bulk_done, 10);
		assert_int_equal(victim.bulk_rc, -DER_UNREACH);
		for (int b = 100; b < 116; b++)
			assert_int_equal(mine[b], 0xaa);
		close(fd);
	}
}

static void
one_who_shuts_his_ears_and_goes_on_talking_is_let_go(void **state)
{
	struct frame message = {.kind = FRAME_MESSAGE, .len = 1000};
	uint8_t body[1000] = {0};
	int fd = raw_connect();
	struct iovec iov = {body, 1000};

	assert_true(raw_frame(fd, &hello));
	shutdown(fd, SHUT_RD);
	for (int i = 0; i < 50; i++)
		if (!raw_frame(fd, &message) || !raw_send(fd, body, 1000))
			break;
	w.ops->net.send(victim.conn, &iov, 1);
	POLL_UNTIL(&w, victim.closed, 10);
	assert_int_equal(victim.received, 50);
	close(fd);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(each_wrong_frame_ends_its_connection_with_a_line_in_the_log),
		T(strangers_are_recognised_by_their_first_bytes),
		T(random_bytes_never_do_more_than_end_the_connection),
		T(asking_without_end_and_never_reading_ends_the_connection),
		T(half_messages_of_many_peers_are_bounded_together),
		T(lying_answers_to_a_get_or_put_end_the_connection_and_the_transfer),
		T(one_who_shuts_his_ears_and_goes_on_talking_is_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
