/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame: random frames, cut into reads at random places and through both ways in (feed, want/took), come out as the model
 * says: the list of what was written. And every single way of being wrong is refused at the head.
 */
#include "world.h"
#include "../frame.h"

#define LIMIT (600 * 1024)

struct expected {
	struct frame frame;
	uint8_t *payload;
};

struct model {
	struct expected *list;
	int nr, at;
	uint8_t *into;      /* where data goes */
	struct iovec pieces[7];
	uint32_t cut;       /* how much of the payload is wanted */
	int64_t budget;
	struct rand *rand;
};

static struct env *real_env;

static int
setup(void **state)
{
	return env_real_create(NULL, &real_env);
}

static int
teardown(void **state)
{
	env_real_destroy(real_env);
	return 0;
}

static struct expected *
next(struct model *m, const struct frame *frame)
{
	struct expected *e = &m->list[m->at];

	assert_true(m->at < m->nr);
	assert_int_equal(frame->kind, e->frame.kind);
	assert_int_equal(frame->flags, e->frame.flags);
	assert_int_equal(frame->len, e->frame.len);
	assert_int_equal(frame->id, e->frame.id);
	for (size_t i = 0; i < (frame_prefix_size(frame->kind) - FRAME_HEAD) / 8; i++)
		assert_int_equal(frame->field[i], e->frame.field[i]);
	return e;
}

static int
on_control(void *arg, const struct frame *frame)
{
	struct model *m = arg;

	next(m, frame);
	m->at++;
	return 0;
}

static int
on_message(void *arg, const void *data, size_t len)
{
	struct model *m = arg;
	struct expected *e = &m->list[m->at++];

	assert_int_equal(e->frame.kind, FRAME_MESSAGE);
	assert_int_equal(e->frame.len, len);
	assert_int_equal((uintptr_t)data % 8, 0);
	if (len > 0)
		assert_memory_equal(data, e->payload, len);
	return 0;
}

static int
on_begin(void *arg, const struct frame *frame, struct iov_cursor *to)
{
	struct model *m = arg;
	uint32_t left, part;

	next(m, frame);
	memset(m->into, 0xee, FRAME_CHUNK_MAX + 16);
	m->cut = rand_below(m->rand, 4) == 0 ? (uint32_t)rand_below(m->rand, (uint64_t)frame->len + 1) : frame->len;
	left = m->cut;
	for (size_t i = 0; i < ARRAY_SIZE(m->pieces); i++) {
		part = i + 1 == ARRAY_SIZE(m->pieces) ? left : (uint32_t)rand_below(m->rand, (uint64_t)left + 1);
		m->pieces[i] = (struct iovec){m->into + (m->cut - left), part};
		left -= part;
	}
	iov_cursor_init(to, m->pieces, ARRAY_SIZE(m->pieces), 0);
	return 0;
}

static int
on_end(void *arg, const struct frame *frame)
{
	struct model *m = arg;
	struct expected *e = next(m, frame);

	if (m->cut > 0)
		assert_memory_equal(m->into, e->payload, m->cut);
	for (int i = 0; i < 16; i++)
		assert_int_equal(m->into[m->cut + i], 0xee);
	m->at++;
	return 0;
}

static int
on_budget(void *arg, int64_t len)
{
	struct model *m = arg;

	m->budget += len;
	assert_in_range(m->budget, 0, 2 * FRAME_MESSAGE_MAX);
	return 0;
}

static const struct frame_sink sink = {on_control, on_message, on_begin, on_end, on_budget};

static uint32_t
random_len(struct rand *rand, uint32_t max)
{
	switch (rand_below(rand, 4)) {
	case 0:
		return (uint32_t)rand_below(rand, 3);
	case 1:
		return (uint32_t)rand_below(rand, 200);
	case 2:
		return (uint32_t)rand_below(rand, MIN(max, 40000U));
	default:
		return rand_below(rand, 20) == 0 ? max : (uint32_t)rand_below(rand, 5000);
	}
}

/* Appends random frames to stream; returns its length. */
static size_t
write_frames(struct rand *rand, struct model *m, uint8_t *stream)
{
	size_t at = 0;

	for (m->nr = 0; m->nr < 60 && at < LIMIT; m->nr++) {
		struct expected *e = &m->list[m->nr];
		struct frame *f = &e->frame;

		*f = (struct frame){.kind = m->nr == 0 ? FRAME_HELLO : (uint8_t)(2 + rand_below(rand, FRAME_BYE - 2)),
				    .id = rand_u64(rand)};
		for (int i = 0; i < FRAME_FIELDS; i++)
			f->field[i] = rand_u64(rand);
		if (f->kind == FRAME_MESSAGE)
			f->len = random_len(rand, FRAME_MESSAGE_MAX);
		else if (f->kind == FRAME_GET_DATA || f->kind == FRAME_PUT_DATA) {
			f->len = random_len(rand, FRAME_CHUNK_MAX);
			f->flags = (uint8_t)rand_below(rand, 2);
		}
		at += frame_encode(f, stream + at);
		e->payload = stream + at;
		for (uint32_t i = 0; i < f->len; i++)
			stream[at + i] = (uint8_t)(i * 7 + m->nr);
		memset(stream + at + f->len, 0x55, FRAME_PAD(f->len) - f->len);
		at += FRAME_PAD(f->len);
	}
	return at;
}

static void
read_frames(struct rand *rand, struct frame_reader *reader, const uint8_t *stream, size_t len, uint8_t *buffer)
{
	uint8_t waste[8];
	struct iovec iov[9];
	size_t at = 0, n, direct;
	int nr;

	while (at < len) {
		n = 1 + rand_below(rand, rand_below(rand, 3) == 0 ? 30 : rand_below(rand, 2) == 0 ? 3000 : 300000);
		n = MIN(n, len - at);
		if (rand_below(rand, 4) == 0) {
			memcpy(buffer, stream + at, n);
			assert_int_equal(frame_reader_feed(reader, buffer, n), 0);
		} else {
			nr = frame_reader_want(reader, iov, ARRAY_SIZE(iov), waste);
			direct = iov_copy_in(iov, nr, 0, stream + at, MIN(n, iov_total(iov, nr)));
			if (direct > 0)
				assert_int_equal(frame_reader_took(reader, direct), 0);
			memcpy(buffer, stream + at + direct, n - direct);
			assert_int_equal(frame_reader_feed(reader, buffer, n - direct), 0);
		}
		at += n;
	}
}

static void
frames_cut_anywhere_come_out_whole(void **state)
{
	struct expected *list = calloc(64, sizeof(*list));
	uint8_t *stream = malloc(LIMIT + 2 * MIB), *buffer = aligned_alloc(16, 512 * KIB), *into = malloc(FRAME_CHUNK_MAX + 16);
	struct frame_reader reader;
	struct rand rand;
	size_t len;

	for (uint64_t seed = 0; seed < 150; seed++) {
		struct model m = {.list = list, .into = into, .rand = &rand};

		rand_init(&rand, seed, 1);
		len = write_frames(&rand, &m, stream);
		frame_reader_init(&reader, &sink, &m, real_env->mem);
		read_frames(&rand, &reader, stream, len, buffer);
		assert_int_equal(m.at, m.nr);
		frame_reader_fini(&reader);
		assert_int_equal(m.budget, 0);
	}
	free(list);
	free(stream);
	free(buffer);
	free(into);
}

/* Feeds HELLO, then bytes; returns what the reader says. */
static int
feed_after_hello(const uint8_t *bytes, size_t len, bool hello)
{
	struct expected list[4] = {{.frame = {.kind = FRAME_HELLO}}};
	struct model m = {.list = list, .nr = 4, .at = 0};
	struct frame_reader reader;
	uint8_t prefix[FRAME_PREFIX_MAX];
	size_t n = frame_encode(&list[0].frame, prefix);
	int rc;

	frame_reader_init(&reader, &sink, &m, real_env->mem);
	if (hello)
		assert_int_equal(frame_reader_feed(&reader, prefix, n), 0);
	rc = frame_reader_feed(&reader, bytes, len);
	assert_true((rc == -DER_PROTO) == (reader.broken != NULL));
	frame_reader_fini(&reader);
	return rc;
}

static void
a_head_with_anything_wrong_is_refused(void **state)
{
	struct frame message = {.kind = FRAME_MESSAGE, .len = 100}, hello = {.kind = FRAME_HELLO};
	uint8_t good[FRAME_PREFIX_MAX], bad[FRAME_PREFIX_MAX];
	static const struct {
		int off;
		uint8_t value;
	} wrong[] = {{0, 'x'}, {3, 0}, {4, 0}, {4, FRAME_KIND_NR}, {4, 255}, {5, 1}, {5, 0x80}, {6, 1}, {7, 1}, {10, 0x11}, {11, 1}, {12, 1}, {15, 9}};

	frame_encode(&message, good);
	assert_int_equal(feed_after_hello(good, FRAME_HEAD, true), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		memcpy(bad, good, FRAME_HEAD);
		bad[wrong[i].off] = wrong[i].value;
		assert_int_equal(feed_after_hello(bad, FRAME_HEAD, true), -DER_PROTO);
	}
	assert_int_equal(feed_after_hello(good, FRAME_HEAD, false), -DER_PROTO);
	frame_encode(&hello, bad);
	assert_int_equal(feed_after_hello(bad, FRAME_HEAD, true), -DER_PROTO);
}

static void
nothing_may_follow_goodbye(void **state)
{
	struct frame bye = {.kind = FRAME_BYE}, ack = {.kind = FRAME_ACK};
	struct expected list[] = {{.frame = {.kind = FRAME_HELLO}}, {.frame = bye}};
	struct model m = {.list = list, .nr = 2};
	uint8_t bytes[3 * FRAME_PREFIX_MAX];
	struct frame_reader reader;
	size_t n = frame_encode(&list[0].frame, bytes);

	n += frame_encode(&bye, bytes + n);
	n += frame_encode(&ack, bytes + n);
	frame_reader_init(&reader, &sink, &m, real_env->mem);
	assert_int_equal(frame_reader_feed(&reader, bytes, n), -DER_PROTO);
	assert_int_equal(m.at, 2);
	frame_reader_fini(&reader);
}

static void
an_announced_message_costs_memory_only_as_it_arrives(void **state)
{
	struct expected list[] = {{.frame = {.kind = FRAME_HELLO}}, {.frame = {.kind = FRAME_MESSAGE, .len = FRAME_MESSAGE_MAX}}};
	struct model m = {.list = list, .nr = 2};
	uint8_t bytes[2 * FRAME_PREFIX_MAX], some[5000] = {0};
	struct frame_reader reader;
	size_t n = frame_encode(&list[0].frame, bytes);

	n += frame_encode(&list[1].frame, bytes + n);
	frame_reader_init(&reader, &sink, &m, real_env->mem);
	assert_int_equal(frame_reader_feed(&reader, bytes, n), 0);
	assert_int_equal(m.budget, 0);
	for (size_t fed = sizeof(some); fed < 500000; fed += sizeof(some)) {
		assert_int_equal(frame_reader_feed(&reader, some, sizeof(some)), 0);
		assert_true(m.budget <= 16384 || (size_t)m.budget <= 2 * fed);
	}
	frame_reader_fini(&reader);
	assert_int_equal(m.budget, 0);
}

static void
the_bytes_of_a_frame_are_frozen(void **state)
{
	static const struct {
		struct frame frame;
		const char *bytes;
		size_t len;
	} golden[] = {
		{{.kind = FRAME_HELLO, .field = {1 | 1ULL << 32, 0}},
		 "DRF1\1\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0" "\1\0\0\0\1\0\0\0" "\0\0\0\0\0\0\0\0", 40},
		{{.kind = FRAME_MESSAGE, .len = 0x01020}, "DRF1\2\0\0\0" "\x20\x10\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0", 24},
		{{.kind = FRAME_GET, .id = 0x0807060504030201, .field = {1, 2, 3, 4}},
		 "DRF1\3\0\0\0" "\0\0\0\0\0\0\0\0" "\1\2\3\4\5\6\7\x08" "\1\0\0\0\0\0\0\0" "\2\0\0\0\0\0\0\0"
		 "\3\0\0\0\0\0\0\0" "\4\0\0\0\0\0\0\0", 56},
		{{.kind = FRAME_GET_DATA, .flags = FRAME_LAST, .len = 9, .id = 1, .field = {256}},
		 "DRF1\4\1\0\0" "\x09\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0" "\0\1\0\0\0\0\0\0", 32},
		{{.kind = FRAME_PUT_DATA, .len = 9, .id = 1, .field = {1, 2, 3}},
		 "DRF1\5\0\0\0" "\x09\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0" "\2\0\0\0\0\0\0\0"
		 "\3\0\0\0\0\0\0\0", 48},
		{{.kind = FRAME_ACK, .id = 1}, "DRF1\6\0\0\0" "\0\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0", 24},
		{{.kind = FRAME_NAK, .id = 1, .field = {1001}},
		 "DRF1\7\0\0\0" "\0\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0" "\xe9\3\0\0\0\0\0\0", 32},
		{{.kind = FRAME_BYE}, "DRF1\x08\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0", 24},
	};
	uint8_t out[FRAME_PREFIX_MAX];

	assert_int_equal(ARRAY_SIZE(golden), FRAME_KIND_NR - 1);
	for (size_t i = 0; i < ARRAY_SIZE(golden); i++) {
		assert_int_equal(frame_encode(&golden[i].frame, out), golden[i].len);
		assert_int_equal(frame_prefix_size(golden[i].frame.kind), golden[i].len);
		assert_memory_equal(out, golden[i].bytes, golden[i].len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_of_a_frame_are_frozen),
		cmocka_unit_test(frames_cut_anywhere_come_out_whole),
		cmocka_unit_test(a_head_with_anything_wrong_is_refused),
		cmocka_unit_test(nothing_may_follow_goodbye),
		cmocka_unit_test(an_announced_message_costs_memory_only_as_it_arrives),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
