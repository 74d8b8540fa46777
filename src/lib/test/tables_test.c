/* SPDX-License-Identifier: Apache-2.0 */
/* libgurt: hash tables, handles and heaps against plain arrays, with every kind of lock, and from several threads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <gurt/common.h>
#include <gurt/hash.h>
#include <gurt/heap.h>

#define KEYS 64
#define STEPS 20000
#define THREADS 4

/* ---- hash tables ------------------------------------------------------------------------------------------------ */

struct rec {
	d_list_t link;
	uint32_t key;
	_Atomic int refs;
};

static _Atomic int recs_alive;

static struct rec *
rec_of(d_list_t *link)
{
	return d_list_entry(link, struct rec, link);
}

static bool
key_cmp(struct d_hash_table *table, d_list_t *link, const void *key, unsigned int ksize)
{
	return rec_of(link)->key == *(const uint32_t *)key;
}

static uint32_t
rec_hash(struct d_hash_table *table, d_list_t *link)
{
	return d_hash_string_u32((const char *)&rec_of(link)->key, sizeof(uint32_t));
}

static void
addref(struct d_hash_table *table, d_list_t *link)
{
	rec_of(link)->refs++;
}

static bool
decref(struct d_hash_table *table, d_list_t *link)
{
	assert_true(rec_of(link)->refs > 0);
	return --rec_of(link)->refs == 0;
}

static void
rec_free(struct d_hash_table *table, d_list_t *link)
{
	recs_alive--;
	free(rec_of(link));
}

static void
key_init(struct d_hash_table *table, d_list_t *link, void *arg)
{
	rec_of(link)->key = (*(uint32_t *)arg)++;
}

static d_hash_table_ops_t ops = {
	.hop_key_cmp = key_cmp,
	.hop_key_init = key_init,
	.hop_rec_hash = rec_hash,
	.hop_rec_addref = addref,
	.hop_rec_decref = decref,
	.hop_rec_free = rec_free,
};

static struct rec *
rec_new(uint32_t key)
{
	struct rec *rec = calloc(1, sizeof(*rec));

	D_INIT_LIST_HEAD(&rec->link);
	rec->key = key;
	rec->refs = 1;
	recs_alive++;
	return rec;
}

static int
count_one(d_list_t *link, void *arg)
{
	(*(int *)arg)++;
	return 0;
}

/** Random steps; model[k] says whether key k is in the table. The caller's reference is dropped after each step. */
static void
compare_with_model(uint32_t feats, unsigned int seed)
{
	struct d_hash_table *table;
	bool model[KEYS] = {false};
	int step, count, expected;

	assert_int_equal(d_hash_table_create(feats, 4, NULL, &ops, &table), 0);
	srand(seed);
	for (step = 0; step < STEPS; step++) {
		uint32_t key = (uint32_t)rand() % KEYS;
		struct rec *rec;
		d_list_t *link;

		switch (rand() % 6) {
		case 0:
			rec = rec_new(key);
			assert_int_equal(d_hash_rec_insert(table, &key, sizeof(key), &rec->link, true), model[key] ? -DER_EXIST : 0);
			assert_int_equal(d_hash_rec_unlinked(&rec->link), model[key]);
			d_hash_rec_decref(table, &rec->link);
			model[key] = true;
			break;
		case 1:
			assert_int_equal(d_hash_rec_delete(table, &key, sizeof(key)), model[key]);
			model[key] = false;
			break;
		case 2:
			rec = rec_new(key);
			link = d_hash_rec_find_insert(table, &key, sizeof(key), &rec->link);
			assert_int_equal(link != &rec->link, model[key]);
			if (link != &rec->link)
				d_hash_rec_decref(table, link);
			d_hash_rec_decref(table, &rec->link);
			model[key] = true;
			break;
		case 3:
			link = d_hash_rec_find(table, &key, sizeof(key));
			assert_int_equal(link != NULL, model[key]);
			if (link == NULL)
				break;
			assert_true(d_hash_rec_delete_at(table, link));
			assert_false(d_hash_rec_delete_at(table, link));
			d_hash_rec_decref(table, link);
			model[key] = false;
			break;
		case 4:
			assert_int_equal(d_hash_rec_evict(table, &key, sizeof(key)), model[key] && (feats & D_HASH_FT_LRU));
			break;
		default:
			link = d_hash_rec_find(table, &key, sizeof(key));
			assert_int_equal(link != NULL, model[key]);
			if (link == NULL)
				break;
			assert_int_equal(rec_of(link)->key, key);
			d_hash_rec_addref(table, link);
			assert_int_equal(d_hash_rec_ndecref(table, 2, link), 0);
		}
	}
	d_hash_table_debug(table);
	for (step = 0, expected = 0; step < KEYS; step++)
		expected += model[step];
	count = 0;
	assert_int_equal(d_hash_table_traverse(table, count_one, &count), 0);
	assert_int_equal(count, expected);
	assert_int_equal(recs_alive, expected);
	if (expected > 0) {
		assert_non_null(d_hash_rec_first(table));
		assert_int_equal(d_hash_table_destroy(table, false), -DER_BUSY);
	}
	assert_int_equal(d_hash_table_destroy(table, true), 0);
	assert_int_equal(recs_alive, 0);
}

static void
tables_behave_as_sets_with_every_lock(void **state)
{
	static const uint32_t locks[] = {D_HASH_FT_NOLOCK, 0, D_HASH_FT_MUTEX, D_HASH_FT_RWLOCK, D_HASH_FT_GLOCK,
					 D_HASH_FT_GLOCK | D_HASH_FT_MUTEX, D_HASH_FT_GLOCK | D_HASH_FT_RWLOCK};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(locks); i++) {
		compare_with_model(locks[i], i);
		compare_with_model(locks[i] | D_HASH_FT_LRU, i + 100);
	}
}

static void
ephemeral_tables_let_go_with_the_last_reference(void **state)
{
	struct d_hash_table *table;
	struct rec *rec = rec_new(1);
	uint32_t key = 1;
	d_list_t *link;

	assert_int_equal(d_hash_table_create(D_HASH_FT_EPHEMERAL, 4, NULL, &ops, &table), 0);
	assert_int_equal(d_hash_rec_insert(table, &key, sizeof(key), &rec->link, true), 0);
	assert_int_equal(rec->refs, 1);
	link = d_hash_rec_find(table, &key, sizeof(key));
	assert_ptr_equal(link, &rec->link);
	d_hash_rec_decref(table, link);
	assert_int_equal(recs_alive, 1);
	d_hash_rec_decref(table, &rec->link);
	assert_int_equal(recs_alive, 0);
	assert_null(d_hash_rec_find(table, &key, sizeof(key)));
	assert_int_equal(d_hash_table_destroy(table, false), 0);
}

static bool
always_last(struct d_hash_table *table, d_list_t *link)
{
	return true;
}

/* As benchmarks keep their open directories: no counting, emptied by dropping the first until there is none. */
static void
a_cache_without_counting_is_emptied_record_by_record(void **state)
{
	static d_hash_table_ops_t cache_ops = {
		.hop_key_cmp = key_cmp, .hop_rec_decref = always_last, .hop_rec_free = rec_free, .hop_rec_hash = rec_hash,
	};
	const uint32_t feats = D_HASH_FT_EPHEMERAL | D_HASH_FT_NOLOCK | D_HASH_FT_LRU;
	struct d_hash_table *table;
	d_list_t *link;
	uint32_t key;
	int rounds = 0;

	assert_int_equal(d_hash_table_create(feats, 16, NULL, &cache_ops, &table), 0);
	for (key = 0; key < 100; key++)
		assert_int_equal(d_hash_rec_insert(table, &key, sizeof(key), &rec_new(key)->link, true), 0);
	while ((link = d_hash_rec_first(table)) != NULL) {
		d_hash_rec_decref(table, link);
		rounds++;
	}
	assert_int_equal(rounds, 100);
	assert_int_equal(recs_alive, 0);
	assert_int_equal(d_hash_table_destroy(table, true), 0);
}

static void
records_without_a_key_get_one(void **state)
{
	struct d_hash_table *table;
	uint32_t next = 5, key = 6;
	struct rec *a = rec_new(0), *b = rec_new(0);

	assert_int_equal(d_hash_table_create(0, 4, NULL, &ops, &table), 0);
	assert_int_equal(d_hash_rec_insert_anonym(table, &a->link, &next), 0);
	assert_int_equal(d_hash_rec_insert_anonym(table, &b->link, &next), 0);
	assert_ptr_equal(d_hash_rec_find(table, &key, sizeof(key)), &b->link);
	d_hash_rec_ndecref(table, 2, &b->link);
	d_hash_rec_decref(table, &a->link);
	assert_int_equal(d_hash_table_destroy(table, true), 0);
	assert_int_equal(recs_alive, 0);
}

static void *
hammer(void *arg)
{
	struct d_hash_table *table = arg;
	unsigned int seed = (unsigned int)(uintptr_t)pthread_self();
	int i;

	for (i = 0; i < STEPS; i++) {
		uint32_t key = (uint32_t)rand_r(&seed) % 8;
		struct rec *rec;
		d_list_t *link;

		if (rand_r(&seed) % 2) {
			rec = rec_new(key);
			link = d_hash_rec_find_insert(table, &key, sizeof(key), &rec->link);
			if (link != &rec->link)
				d_hash_rec_decref(table, link);
			d_hash_rec_decref(table, &rec->link);
		} else {
			d_hash_rec_delete(table, &key, sizeof(key));
		}
	}
	return NULL;
}

static void
threads_share_a_table(void **state)
{
	static const uint32_t locks[] = {0, D_HASH_FT_MUTEX, D_HASH_FT_RWLOCK, D_HASH_FT_GLOCK};
	pthread_t threads[THREADS];
	struct d_hash_table *table;
	unsigned int l, i;

	for (l = 0; l < ARRAY_SIZE(locks); l++) {
		assert_int_equal(d_hash_table_create(locks[l], 2, NULL, &ops, &table), 0);
		for (i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, hammer, table), 0);
		for (i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		d_hash_table_debug(table);
		assert_int_equal(d_hash_table_destroy(table, true), 0);
		assert_int_equal(recs_alive, 0);
	}
}

/* ---- handles ---------------------------------------------------------------------------------------------------- */

struct obj {
	struct d_hlink link;
	struct d_ulink ulink;
	int freed;
};

static void
obj_freed(struct d_hlink *link)
{
	container_of(link, struct obj, link)->freed++;
}

static void
uobj_freed(struct d_ulink *link)
{
	container_of(link, struct obj, ulink)->freed++;
}

static struct d_hlink_ops hlink_ops = {.hop_free = obj_freed};
static struct d_ulink_ops ulink_ops = {.uop_free = uobj_freed};

static int
count_handle(struct d_hlink *link, void *arg)
{
	(*(int *)arg)++;
	return 0;
}

static void
handles_are_found_until_they_are_deleted(void **state)
{
	struct d_hhash *hhash;
	struct obj a = {0}, b = {0};
	uint64_t key_a, key_b;
	int count = 0;

	assert_int_equal(d_hhash_create(0, D_HHASH_BITS, &hhash), 0);
	d_hhash_hlink_init(&a.link, &hlink_ops);
	d_hhash_hlink_init(&b.link, &hlink_ops);
	assert_true(d_hhash_link_empty(&a.link));
	d_hhash_link_insert(hhash, &a.link, 3);
	d_hhash_link_insert(hhash, &b.link, 5);
	d_hhash_link_key(&a.link, &key_a);
	d_hhash_link_key(&b.link, &key_b);
	assert_int_equal(d_hhash_key_type(key_a), 3);
	assert_true(key_a != key_b);
	assert_ptr_equal(d_hhash_link_lookup(hhash, key_a), &a.link);
	assert_null(d_hhash_link_lookup(hhash, key_a + 2));
	assert_null(d_hhash_link_lookup(hhash, 0));
	assert_int_equal(d_hhash_set_ptrtype(hhash), -DER_ALREADY);
	assert_int_equal(d_hhash_traverse(hhash, 3, count_handle, &count), 0);
	assert_int_equal(count, 1);
	d_hhash_link_putref(hhash, &a.link);
	assert_true(d_hhash_link_delete(hhash, &a.link));
	assert_false(d_hhash_link_delete(hhash, &a.link));
	assert_null(d_hhash_link_lookup(hhash, key_a));
	assert_int_equal(a.freed, 0);
	d_hhash_link_putref(hhash, &a.link);
	assert_int_equal(a.freed, 1);
	d_hhash_link_putref(hhash, &b.link);
	d_hhash_destroy(hhash);
	assert_int_equal(b.freed, 1);
}

static void
handles_can_be_pointers(void **state)
{
	struct d_hhash *hhash;
	struct obj a = {0};
	uint64_t key;

	assert_int_equal(d_hhash_create(0, 4, &hhash), 0);
	assert_int_equal(d_hhash_set_ptrtype(hhash), 0);
	assert_true(d_hhash_is_ptrtype(hhash));
	d_hhash_hlink_init(&a.link, &hlink_ops);
	d_hhash_link_insert(hhash, &a.link, D_HTYPE_PTR);
	d_hhash_link_key(&a.link, &key);
	assert_true(d_hhash_key_isptr(key));
	assert_ptr_equal(d_hhash_link_lookup(hhash, key), &a.link);
	assert_false(d_hhash_link_empty(&a.link));
	d_hhash_link_putref(hhash, &a.link);
	assert_true(d_hhash_link_delete(hhash, &a.link));
	assert_null(d_hhash_link_lookup(hhash, key));
	d_hhash_link_putref(hhash, &a.link);
	assert_int_equal(a.freed, 1);
	d_hhash_destroy(hhash);
}

static void
uuids_are_found_with_their_references(void **state)
{
	struct d_hash_table *table;
	struct d_uuid key = {{1}}, other = {{2}};
	struct obj a = {0}, b = {0};

	assert_int_equal(d_uhash_create(0, 4, &table), 0);
	d_uhash_ulink_init(&a.ulink, &ulink_ops);
	d_uhash_ulink_init(&b.ulink, &ulink_ops);
	assert_true(d_uhash_link_last_ref(&a.ulink));
	assert_int_equal(d_uhash_link_insert(table, &key, NULL, &a.ulink), 0);
	assert_int_equal(d_uhash_link_insert(table, &key, NULL, &b.ulink), -DER_EXIST);
	assert_ptr_equal(d_uhash_link_lookup(table, &key, NULL), &a.ulink);
	assert_null(d_uhash_link_lookup(table, &other, NULL));
	d_uhash_link_addref(table, &a.ulink);
	d_uhash_link_putref(table, &a.ulink);
	d_uhash_link_putref(table, &a.ulink);
	d_uhash_link_delete(table, &a.ulink);
	assert_true(d_uhash_link_empty(&a.ulink) && d_uhash_link_last_ref(&a.ulink));
	d_uhash_link_putref(table, &a.ulink);
	assert_int_equal(a.freed, 1);
	d_uhash_destroy(table);
}

/* ---- heaps ------------------------------------------------------------------------------------------------------ */

struct num {
	struct d_binheap_node node;
	int value;
	bool in;
};

static bool
num_before(struct d_binheap_node *a, struct d_binheap_node *b)
{
	return container_of(a, struct num, node)->value < container_of(b, struct num, node)->value;
}

static struct d_binheap_ops heap_ops = {.hop_compare = num_before};

static void
heaps_give_the_least_first(void **state)
{
	static const uint32_t feats[] = {DBH_FT_NOLOCK, 0, DBH_FT_RWLOCK};
	static struct num nums[2000];
	struct d_binheap *heap;
	unsigned int f;
	int i, least, in;

	for (f = 0; f < ARRAY_SIZE(feats); f++) {
		memset(nums, 0, sizeof(nums));
		assert_int_equal(d_binheap_create(feats[f], 0, NULL, &heap_ops, &heap), 0);
		assert_null(d_binheap_root(heap));
		assert_null(d_binheap_remove_root(heap));
		srand(f);
		for (i = 0; i < STEPS / 4; i++) {
			struct num *num = &nums[rand() % (i % 2 ? 2000 : 50)];

			if (num->in) {
				d_binheap_remove(heap, &num->node);
				assert_int_equal(num->node.chn_idx, DBH_POISON);
			} else {
				num->value = rand() % 500;
				assert_int_equal(d_binheap_insert(heap, &num->node), 0);
			}
			num->in = !num->in;
			if (i % 100 != 0)
				continue;
			for (least = INT32_MAX, in = 0, num = nums; num < nums + 2000; num++) {
				if (!num->in)
					continue;
				least = MIN(least, num->value);
				in++;
			}
			assert_int_equal(d_binheap_size(heap), in);
			if (in > 0)
				assert_int_equal(container_of(d_binheap_root(heap), struct num, node)->value, least);
		}
		least = -1;
		while (!d_binheap_is_empty(heap)) {
			struct num *num = container_of(d_binheap_remove_root(heap), struct num, node);

			assert_true(num->in && num->value >= least);
			least = num->value;
			num->in = false;
		}
		for (i = 0; i < 2000; i++)
			assert_false(nums[i].in);
		d_binheap_destroy(heap);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_behave_as_sets_with_every_lock),
		cmocka_unit_test(ephemeral_tables_let_go_with_the_last_reference),
		cmocka_unit_test(a_cache_without_counting_is_emptied_record_by_record),
		cmocka_unit_test(records_without_a_key_get_one),
		cmocka_unit_test(threads_share_a_table),
		cmocka_unit_test(handles_are_found_until_they_are_deleted),
		cmocka_unit_test(handles_can_be_pointers),
		cmocka_unit_test(uuids_are_found_with_their_references),
		cmocka_unit_test(heaps_give_the_least_first),
	};

	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
