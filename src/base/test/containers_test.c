/* SPDX-License-Identifier: Apache-2.0 */
/* base: hash tables, caches, handles, heaps, rings and bitmaps, each against a plain array that is obviously right. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/bitmap.h"
#include "base/handle.h"
#include "base/hash.h"
#include "base/hash64.h"
#include "base/heap.h"
#include "base/lru.h"
#include "base/mem_test.h"
#include "base/rand.h"
#include "base/ring.h"

enum { KEYS = 600, STEPS = 60000 };

/* ---- hash --------------------------------------------------------------------------------------------------------- */

struct item {
	struct hash_node node;
	uint64_t key;
	bool in;
};

static bool
item_equal(const struct hash_node *node, const void *key)
{
	return hash_entry(node, const struct item, node)->key == *(const uint64_t *)key;
}

/* A hash of few values, so that chains get long and the upper bits are all zero. */
static uint64_t
poor_hash(const void *key, uint64_t seed)
{
	return *(const uint64_t *)key % 97;
}

static void
check_hash_against_array(const struct hash_ops *ops, size_t fail_at)
{
	static struct item item[KEYS];
	struct mem_test test;
	struct hash hash;
	struct rand rand;
	size_t count = 0;

	memset(item, 0, sizeof(item));
	mem_test_init(&test);
	mem_test_fail(&test, fail_at);
	test.fail_after = true;
	hash_init(&hash, &test.mem, ops, 7);
	rand_init(&rand, 3, fail_at);
	for (int step = 0; step < STEPS; step++) {
		uint64_t key = rand_below(&rand, KEYS);
		struct hash_node *found = hash_find(&hash, &key);

		assert_ptr_equal(found, item[key].in ? &item[key].node : NULL);
		if (item[key].in && rand_one_in(&rand, 2)) {
			hash_remove(&hash, &item[key].node);
			count--;
			item[key].in = false;
		} else if (!item[key].in) {
			item[key].key = key;
			hash_insert(&hash, &item[key].node, &key);
			count++;
			item[key].in = true;
		}
		assert_int_equal(hash_count(&hash), count);
		if (step % 5000 == 0) {
			struct hash_iter iter;
			struct hash_node *node;
			size_t seen = 0, before = count;

			hash_iter_init(&iter, &hash);
			while ((node = hash_iter_next(&iter)) != NULL) {
				struct item *at = hash_entry(node, struct item, node);

				assert_true(at->in);
				seen++;
				if (rand_one_in(&rand, 3)) {
					hash_remove(&hash, node);
					node->next = (void *)0x10; /* must not be looked at again */
					at->in = false;
					count--;
				}
			}
			assert_int_equal(seen, before);
			assert_int_equal(hash_count(&hash), count);
		}
	}
	hash_fini(&hash);
	assert_int_equal(test.outstanding, 0);
}

static void
a_hash_table_agrees_with_an_array(void **state)
{
	static const struct hash_ops good = {.hash = hash_key_u64, .equal = item_equal};
	static const struct hash_ops poor = {.hash = poor_hash, .equal = item_equal};

	check_hash_against_array(&good, 0);
	check_hash_against_array(&poor, 0);
}

static void
a_hash_table_works_without_memory(void **state)
{
	static const struct hash_ops ops = {.hash = hash_key_u64, .equal = item_equal};

	for (size_t nth = 1; nth < 6; nth++)
		check_hash_against_array(&ops, nth);
}

static void
hash_iteration_does_not_depend_on_addresses(void **state)
{
	static const struct hash_ops ops = {.hash = hash_key_u64, .equal = item_equal};
	static struct item first[KEYS], second[KEYS];
	struct mem_test test;
	struct hash a, b;
	struct hash_iter ia, ib;
	struct hash_node *x, *y;

	mem_test_init(&test);
	hash_init(&a, &test.mem, &ops, 7);
	hash_init(&b, &test.mem, &ops, 7);
	for (uint64_t key = 0; key < KEYS; key++) {
		first[key].key = second[KEYS - 1 - key].key = key;
		hash_insert(&a, &first[key].node, &key);
		hash_insert(&b, &second[KEYS - 1 - key].node, &key);
	}
	hash_iter_init(&ia, &a);
	hash_iter_init(&ib, &b);
	while ((x = hash_iter_next(&ia)) != NULL) {
		y = hash_iter_next(&ib);
		assert_int_equal(hash_entry(x, struct item, node)->key, hash_entry(y, struct item, node)->key);
	}
	assert_null(hash_iter_next(&ib));
	hash_fini(&a);
	hash_fini(&b);
	assert_int_equal(test.outstanding, 0);
}

static void
hash_values_are_frozen(void **state)
{
	unsigned char bytes[64];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7 + 1);
	assert_true(hash64_bytes(NULL, 0, 0) == 0);
	assert_true(hash64_mix(0) == 0);
	assert_true(hash64_mix(1) == 0x5692161d100b05e5ULL);
	assert_true(hash64_string("hello", 0) == 0x1e68d17c457bf117ULL);
	assert_true(hash64_bytes(bytes, 64, 42) == 0xbf6bf93d9d8732e1ULL);
	/* One flipped bit anywhere changes about half of the result. */
	for (size_t len = 1; len <= 40; len++) {
		uint64_t before = hash64_bytes(bytes, len, 5);

		for (size_t bit = 0; bit < len * 8; bit++) {
			int changed;

			bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
			changed = __builtin_popcountll(before ^ hash64_bytes(bytes, len, 5));
			assert_in_range(changed, 10, 54);
			bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		}
	}
}

/* ---- lru ---------------------------------------------------------------------------------------------------------- */

struct cached {
	struct lru_entry lru;
	uint64_t key;
	bool live;
};

struct lru_world {
	struct lru lru;
	size_t freed;
};

static bool
cached_equal(const struct hash_node *node, const void *key)
{
	return lru_container_of_node(node, const struct cached, lru)->key == *(const uint64_t *)key;
}

static void
cached_free(struct lru_entry *entry, void *arg)
{
	struct cached *cached = lru_container(entry, struct cached, lru);

	assert_true(cached->live);
	cached->live = false;
	((struct lru_world *)arg)->freed++;
}

static bool
is_odd(const struct lru_entry *entry, void *arg)
{
	return lru_container(entry, const struct cached, lru)->key % 2 == 1;
}

static const struct lru_ops cached_ops = {
	.key = {.hash = hash_key_u64, .equal = cached_equal},
	.free = cached_free,
};

static void
a_cache_keeps_what_is_used_and_forgets_the_oldest(void **state)
{
	struct cached item[6] = {0};
	struct lru_world world = {0};
	struct mem_test test;
	uint64_t key;

	mem_test_init(&test);
	lru_init(&world.lru, &test.mem, &cached_ops, &world, 3, 0);
	for (uint64_t i = 0; i < 5; i++) {
		item[i].key = i;
		item[i].live = true;
		lru_insert(&world.lru, &item[i].lru, &i);
	}
	/* All in use: nothing is freed although the capacity is 3. */
	assert_int_equal(lru_count(&world.lru), 5);
	assert_int_equal(lru_busy(&world.lru), 5);
	lru_put(&world.lru, &item[0].lru);
	assert_false(item[0].live);
	lru_put(&world.lru, &item[1].lru);
	assert_false(item[1].live);
	lru_put(&world.lru, &item[2].lru);
	lru_put(&world.lru, &item[3].lru);
	assert_int_equal(world.freed, 2);
	key = 2; /* touch it: 3 is the oldest now */
	assert_ptr_equal(lru_get(&world.lru, &key), &item[2].lru);
	lru_put(&world.lru, &item[2].lru);
	item[5].key = key = 5;
	item[5].live = true;
	lru_insert(&world.lru, &item[5].lru, &key);
	assert_false(item[3].live);
	assert_true(item[2].live);
	/* Evicted while in use: gone at once, freed with the last reference. */
	lru_ref(&world.lru, &item[5].lru);
	lru_evict(&world.lru, &item[5].lru);
	assert_null(lru_get(&world.lru, &key));
	lru_put(&world.lru, &item[5].lru);
	assert_true(item[5].live);
	lru_put(&world.lru, &item[5].lru);
	assert_false(item[5].live);
	lru_put(&world.lru, &item[4].lru);
	lru_fini(&world.lru);
	assert_int_equal(world.freed, 6);
	assert_int_equal(test.outstanding, 0);
}

static void
a_cache_agrees_with_a_model(void **state)
{
	enum { NR = 50, CAPACITY = 12 };
	static struct cached item[NR][40]; /* the incarnations of each key */
	struct lru_world world = {0};
	struct mem_test test;
	struct rand rand;
	struct lru_entry *held[64];
	size_t held_nr = 0, inserted = 0;
	uint32_t incarnation[NR] = {0};

	memset(item, 0, sizeof(item));
	mem_test_init(&test);
	rand_init(&rand, 11, 0);
	lru_init(&world.lru, &test.mem, &cached_ops, &world, CAPACITY, 9);
	for (int step = 0; step < STEPS; step++) {
		uint64_t key = rand_below(&rand, NR);
		struct lru_entry *entry;

		if (held_nr == ARRAY_SIZE(held) || (held_nr > 0 && rand_one_in(&rand, 2))) {
			size_t which = rand_below(&rand, held_nr);

			lru_put(&world.lru, held[which]);
			held[which] = held[--held_nr];
			continue;
		}
		entry = lru_get(&world.lru, &key);
		if (entry == NULL) {
			struct cached *cached = NULL;

			for (int i = 0; i < 40 && cached == NULL; i++) {
				incarnation[key] = (incarnation[key] + 1) % 40;
				if (!item[key][incarnation[key]].live)
					cached = &item[key][incarnation[key]];
			}
			if (cached == NULL)
				continue;
			cached->key = key;
			cached->live = true;
			entry = &cached->lru;
			lru_insert(&world.lru, entry, &key);
			inserted++;
		}
		assert_int_equal(lru_container(entry, struct cached, lru)->key, key);
		assert_true(lru_container(entry, struct cached, lru)->live);
		held[held_nr++] = entry;
		if (rand_one_in(&rand, 50))
			lru_evict(&world.lru, held[rand_below(&rand, held_nr)]);
		if (rand_one_in(&rand, 5000))
			lru_evict_if(&world.lru, is_odd, NULL);
		if (lru_busy(&world.lru) < lru_count(&world.lru))
			assert_in_range(lru_count(&world.lru), 0, CAPACITY);
	}
	while (held_nr > 0)
		lru_put(&world.lru, held[--held_nr]);
	assert_in_range(lru_count(&world.lru), 0, CAPACITY);
	lru_set_capacity(&world.lru, 2);
	assert_in_range(lru_count(&world.lru), 0, 2);
	lru_evict_if(&world.lru, NULL, NULL);
	assert_int_equal(lru_count(&world.lru), 0);
	assert_int_equal(world.freed, inserted);
	lru_fini(&world.lru);
	assert_int_equal(test.outstanding, 0);
}

/* ---- handles ------------------------------------------------------------------------------------------------------ */

static void
count_release(void *object, int type, void *arg)
{
	(*(int *)object)--;
	(*(size_t *)arg)++;
}

static void
stale_and_foreign_handles_are_refused(void **state)
{
	struct handle_table table;
	struct mem_test test;
	struct rand rand;
	size_t released = 0;
	int object = 0;
	uint64_t cookie, again;

	mem_test_init(&test);
	rand_init(&rand, 5, 0);
	handle_table_init(&table, &test.mem, 0, 0xfffffff0, count_release, &released);
	assert_null(handle_get(&table, 0, 3));
	assert_int_equal(handle_open(&table, 3, &object, &cookie), 0);
	assert_int_equal(handle_type(cookie), 3);
	assert_ptr_equal(handle_peek(&table, cookie, 3), &object);
	assert_null(handle_peek(&table, cookie, 5));
	assert_null(handle_peek(&table, cookie ^ 6, 5));
	assert_int_equal(handle_close(&table, cookie, 5), -DER_NO_HDL);
	assert_int_equal(handle_close(&table, cookie, 3), 0);
	assert_int_equal(handle_close(&table, cookie, 3), -DER_NO_HDL);
	assert_null(handle_get(&table, cookie, 3));
	/* The slot comes round again under other cookies, across the wrap of the generation too. */
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(handle_open(&table, 3, &object, &again), 0);
		assert_true(again != cookie && again != 0);
		assert_int_equal(handle_close(&table, again, 3), 0);
	}
	for (int i = 0; i < 100000; i++)
		assert_null(handle_get(&table, rand_u64(&rand), (int)rand_between(&rand, 1, 15)));
	handle_table_fini(&table);
	assert_int_equal(released, 2001);
	assert_int_equal(test.outstanding, 0);
}

static void
an_object_in_use_outlives_its_handle(void **state)
{
	struct handle_table table;
	struct mem_test test;
	size_t released = 0;
	int object = 0;
	uint64_t cookie;

	mem_test_init(&test);
	handle_table_init(&table, &test.mem, 2, 1, count_release, &released);
	assert_int_equal(handle_open(&table, 7, &object, &cookie), 0);
	assert_ptr_equal(handle_get(&table, cookie, 7), &object);
	assert_ptr_equal(handle_get(&table, cookie, 7), &object);
	assert_int_equal(handle_close(&table, cookie, 7), 0);
	assert_null(handle_get(&table, cookie, 7));
	assert_int_equal(handle_count(&table), 0);
	handle_put(&table, cookie);
	assert_int_equal(released, 0);
	handle_put(&table, cookie);
	assert_int_equal(released, 1);
	handle_table_fini(&table);
}

static void
handle_tables_are_bounded_and_survive_lack_of_memory(void **state)
{
	struct handle_table table;
	struct mem_test test;
	size_t released = 0, open = 0;
	int object = 0;
	uint64_t cookie[40], walk = 0, at;

	mem_test_init(&test);
	handle_table_init(&table, &test.mem, 33, 1, count_release, &released);
	mem_test_fail(&test, 2);
	for (int i = 0; i < 36; i++) {
		int rc = handle_open(&table, 1, &object, &cookie[open]);

		if (i == 16)
			assert_int_equal(rc, -DER_NOMEM);
		else if (open == 33)
			assert_int_equal(rc, -DER_OVERFLOW);
		else
			assert_int_equal(rc, 0);
		open += rc == 0;
	}
	assert_int_equal(open, 33);
	for (size_t i = 0; i < open; i += 2)
		assert_int_equal(handle_close(&table, cookie[i], 1), 0);
	open = 0;
	while (handle_next(&table, &walk) != NULL) {
		open++;
		at = walk;
		assert_non_null(handle_peek(&table, at, 1));
	}
	assert_int_equal(open, 16);
	assert_int_equal(handle_count(&table), 16);
	handle_table_fini(&table);
	assert_int_equal(released, 33);
	assert_int_equal(test.outstanding, 0);
}

/* ---- heap --------------------------------------------------------------------------------------------------------- */

struct timer {
	struct heap_node node;
	uint64_t at;
};

static bool
timer_less(const struct heap_node *a, const struct heap_node *b)
{
	return container_of(a, const struct timer, node)->at < container_of(b, const struct timer, node)->at;
}

static void
a_heap_agrees_with_a_search(void **state)
{
	static struct timer timer[200];
	struct mem_test test;
	struct heap heap;
	struct rand rand;

	memset(timer, 0, sizeof(timer));
	mem_test_init(&test);
	heap_init(&heap, &test.mem, timer_less);
	rand_init(&rand, 2, 0);
	assert_null(heap_pop(&heap));
	for (int step = 0; step < STEPS; step++) {
		struct timer *any = &timer[rand_below(&rand, ARRAY_SIZE(timer))];
		uint64_t least = UINT64_MAX;

		if (!heap_linked(&any->node)) {
			any->at = rand_below(&rand, 100);
			assert_int_equal(heap_insert(&heap, &any->node), 0);
		} else if (rand_one_in(&rand, 3)) {
			heap_remove(&heap, &any->node);
		} else if (rand_one_in(&rand, 2)) {
			any->at = rand_below(&rand, 100);
			heap_update(&heap, &any->node);
		}
		if (step % 16 == 0) {
			struct heap_node *top = heap_top(&heap);

			for (size_t i = 0; i < ARRAY_SIZE(timer); i++)
				if (heap_linked(&timer[i].node))
					least = MIN(least, timer[i].at);
			assert_int_equal(top != NULL, least != UINT64_MAX);
			if (top != NULL)
				assert_int_equal(container_of(top, struct timer, node)->at, least);
			assert_ptr_equal(heap_pop(&heap), top);
			assert_false(top != NULL && heap_linked(top));
		}
	}
	heap_fini(&heap);
	assert_int_equal(test.outstanding, 0);
}

static void
a_full_heap_without_memory_stays_as_it_is(void **state)
{
	struct timer timer[20] = {0};
	struct mem_test test;
	struct heap heap;

	mem_test_init(&test);
	heap_init(&heap, &test.mem, timer_less);
	assert_int_equal(heap_reserve(&heap, 18), 0);
	mem_test_fail(&test, 1);
	for (size_t i = 0; i < 18; i++)
		assert_int_equal(heap_insert(&heap, &timer[i].node), 0);
	assert_int_equal(heap_insert(&heap, &timer[18].node), -DER_NOMEM);
	assert_false(heap_linked(&timer[18].node));
	assert_int_equal(heap_count(&heap), 18);
	heap_fini(&heap);
}

/* ---- ring and bitmap ---------------------------------------------------------------------------------------------- */

static void
a_ring_is_first_in_first_out(void **state)
{
	struct mem_test test;
	struct ring ring;
	struct rand rand;
	uintptr_t in = 1, out = 1;

	mem_test_init(&test);
	rand_init(&rand, 8, 0);
	mem_test_fail(&test, 1);
	assert_int_equal(ring_init(&ring, &test.mem, 5), -DER_NOMEM);
	assert_int_equal(ring_init(&ring, &test.mem, 5), 0);
	for (int step = 0; step < 10000; step++) {
		if (rand_one_in(&rand, 2)) {
			assert_int_equal(ring_push(&ring, (void *)in), in - out < 5);
			if (in - out < 5)
				in++;
		} else {
			assert_ptr_equal(ring_peek(&ring), in > out ? (void *)out : NULL);
			assert_ptr_equal(ring_pop(&ring), in > out ? (void *)out : NULL);
			if (in > out)
				out++;
		}
		assert_int_equal(ring_count(&ring), in - out);
		assert_int_equal(ring_full(&ring), in - out == 5);
		for (size_t i = 0; i < ring_count(&ring); i++)
			assert_ptr_equal(ring_at(&ring, i), (void *)(out + i));
	}
	ring_fini(&ring);
	assert_int_equal(test.outstanding, 0);
}

static void
bitmaps_agree_with_arrays_of_bools(void **state)
{
	struct rand rand;

	rand_init(&rand, 4, 0);
	for (int round = 0; round < 2000; round++) {
		uint64_t words[6];
		bool bit[384];
		size_t nr = rand_between(&rand, 1, 384), count = 0, from = rand_below(&rand, nr + 2);
		size_t run = rand_between(&rand, 1, 80), set = BITMAP_NONE, clear = BITMAP_NONE, room = BITMAP_NONE;
		size_t seen = 0;

		rand_fill(&rand, words, sizeof(words));
		for (size_t i = 0; i < ARRAY_SIZE(bit); i++)
			bit[i] = bitmap_test(words, i);
		for (int change = 0; change < 4; change++) {
			size_t first = rand_below(&rand, 384), len = rand_below(&rand, 384 - first + 1);
			bool value = rand_one_in(&rand, 2);

			if (value)
				bitmap_set_range(words, first, len);
			else
				bitmap_clear_range(words, first, len);
			for (size_t i = first; i < first + len; i++)
				bit[i] = value;
		}
		bitmap_set(words, 77);
		bitmap_clear(words, 200);
		bit[77] = true;
		bit[200] = false;
		for (size_t i = 0; i < ARRAY_SIZE(bit); i++)
			assert_int_equal(bitmap_test(words, i), bit[i]);
		for (size_t i = nr; i-- > 0;) {
			size_t free = 0;

			count += bit[i];
			if (i < from)
				continue;
			if (bit[i])
				set = i;
			else
				clear = i;
			while (i + free < nr && free < run && !bit[i + free])
				free++;
			if (free == run)
				room = i;
		}
		assert_int_equal(bitmap_count(words, nr), count);
		assert_int_equal(bitmap_find_set(words, nr, from), set);
		assert_int_equal(bitmap_find_clear(words, nr, from), clear);
		assert_int_equal(bitmap_find_clear_run(words, nr, from, run), room);
		bitmap_each_set(i, words, nr) {
			assert_true(bit[i]);
			seen++;
		}
		assert_int_equal(seen, count);
	}
}

/* ---- random numbers ----------------------------------------------------------------------------------------------- */

static void
random_numbers_repeat_and_are_even(void **state)
{
	struct rand a, b;
	size_t seen[7] = {0}, heads = 0;
	uint64_t first;

	rand_init(&a, 42, 0);
	/* splitmix64 of 42 followed by xoshiro256**, from the published algorithms. */
	assert_true(a.s[0] == 0xbdd732262feb6e95ULL && a.s[1] == 0x28efe333b266f103ULL);
	first = rand_u64(&a);
	assert_true(first == 0x15780b2e0c2ec716ULL);
	rand_init(&b, 42, 1);
	assert_true(rand_u64(&b) != first);
	for (int i = 0; i < 70000; i++) {
		seen[rand_below(&a, 7)]++;
		heads += rand_ppm(&a, 250000);
		assert_in_range(rand_between(&a, 5, 6), 5, 6);
	}
	for (size_t i = 0; i < 7; i++)
		assert_in_range(seen[i], 9600, 10400);
	assert_in_range(heads, 17000, 18000);
	rand_between(&a, 0, UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hash_table_agrees_with_an_array),
		cmocka_unit_test(a_hash_table_works_without_memory),
		cmocka_unit_test(hash_iteration_does_not_depend_on_addresses),
		cmocka_unit_test(hash_values_are_frozen),
		cmocka_unit_test(a_cache_keeps_what_is_used_and_forgets_the_oldest),
		cmocka_unit_test(a_cache_agrees_with_a_model),
		cmocka_unit_test(stale_and_foreign_handles_are_refused),
		cmocka_unit_test(an_object_in_use_outlives_its_handle),
		cmocka_unit_test(handle_tables_are_bounded_and_survive_lack_of_memory),
		cmocka_unit_test(a_heap_agrees_with_a_search),
		cmocka_unit_test(a_full_heap_without_memory_stays_as_it_is),
		cmocka_unit_test(a_ring_is_first_in_first_out),
		cmocka_unit_test(bitmaps_agree_with_arrays_of_bools),
		cmocka_unit_test(random_numbers_repeat_and_are_even),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
