/* SPDX-License-Identifier: Apache-2.0 */
/* libgurt: metrics of a client process. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <gurt/common.h>
#include <gurt/telemetry_consumer.h>
#include <gurt/telemetry_producer.h>

#define ID 7

static int
start(void **state)
{
	return d_tm_init(ID, D_TM_SHARED_MEMORY_SIZE, D_TM_SERIALIZATION);
}

static int
end(void **state)
{
	d_tm_fini();
	assert_null(d_tm_open(ID));
	return 0;
}

static void
metrics_are_added_found_and_counted(void **state)
{
	struct d_tm_node_t *a, *b, *again;
	struct d_tm_nodeList_t *list = NULL;
	struct d_tm_context *ctx;
	uint64_t nr;

	assert_int_equal(d_tm_init(ID, 100, 0), -DER_ALREADY);
	assert_int_equal(d_tm_add_metric(&a, D_TM_COUNTER, (char *)"words", (char *)D_TM_BYTE, "io/%s/bytes", "read"), 0);
	assert_int_equal(d_tm_add_metric(&b, D_TM_GAUGE, NULL, NULL, "io/read/depth"), 0);
	assert_int_equal(d_tm_add_metric(&again, D_TM_COUNTER, NULL, NULL, "/io//read/bytes"), 0);
	assert_ptr_equal(a, again);
	assert_int_equal(d_tm_add_metric(&again, D_TM_GAUGE, NULL, NULL, "io/read/bytes"), -DER_EXIST);
	assert_null(again);
	assert_int_equal(d_tm_add_metric(&again, D_TM_GAUGE, NULL, NULL, "io/read/bytes/more"), -DER_EXIST);
	assert_int_equal(d_tm_add_metric(&again, D_TM_GAUGE, NULL, NULL, "//"), -DER_INVAL);
	assert_null(d_tm_open(ID + 1));
	ctx = d_tm_open(ID);
	assert_non_null(ctx);
	assert_ptr_equal(d_tm_find_metric(ctx, (char *)"io/read/depth"), b);
	assert_null(d_tm_find_metric(ctx, (char *)"io/write"));
	assert_string_equal(d_tm_get_name(ctx, b), "depth");
	assert_int_equal(d_tm_count_metrics(ctx, d_tm_get_root(ctx), D_TM_COUNTER | D_TM_GAUGE), 2);
	assert_int_equal(d_tm_count_metrics(ctx, d_tm_get_root(ctx), D_TM_ALL_NODES), 5);
	assert_int_equal(d_tm_list(ctx, &list, d_tm_get_root(ctx), D_TM_COUNTER), 0);
	assert_ptr_equal(list->dtnl_node, a);
	assert_null(list->dtnl_next);
	d_tm_list_free(list);
	list = NULL;
	assert_int_equal(d_tm_list_subdirs(ctx, &list, d_tm_get_root(ctx), &nr, 1), 0);
	assert_int_equal(nr, 2);
	assert_string_equal(list->dtnl_next->dtnl_node->dtn_name, "io");
	d_tm_list_free(list);
	d_tm_close(&ctx);
	assert_null(ctx);
}

static void
values_and_statistics_are_read_back(void **state)
{
	struct d_tm_node_t *counter, *gauge, *duration, *stamp, *snap;
	struct d_tm_stats_t stats;
	struct d_tm_context *ctx = d_tm_open(ID);
	struct timespec tms;
	uint64_t val;
	time_t clk;
	char *desc, *units;
	int i;

	assert_int_equal(d_tm_add_metric(&counter, D_TM_COUNTER, (char *)"words", (char *)"things", "v/counter"), 0);
	assert_int_equal(d_tm_add_metric(&gauge, D_TM_STATS_GAUGE, NULL, NULL, "v/gauge"), 0);
	assert_int_equal(d_tm_add_metric(&duration, D_TM_DURATION | D_TM_CLOCK_REALTIME, NULL, NULL, "v/duration"), 0);
	assert_int_equal(d_tm_add_metric(&stamp, D_TM_TIMESTAMP, NULL, NULL, "v/stamp"), 0);
	assert_int_equal(d_tm_add_metric(&snap, D_TM_TIMER_SNAPSHOT, NULL, NULL, "v/snap"), 0);
	d_tm_set_counter(counter, 10);
	d_tm_inc_counter(counter, 5);
	d_tm_inc_counter(NULL, 5);
	d_tm_inc_counter(gauge, 5);
	assert_int_equal(d_tm_get_counter(ctx, &val, counter), 0);
	assert_int_equal(val, 15);
	assert_int_equal(d_tm_get_counter(ctx, &val, gauge), -DER_OP_NOT_PERMITTED);
	assert_int_equal(d_tm_get_counter(ctx, &val, NULL), -DER_METRIC_NOT_FOUND);
	assert_int_equal(d_tm_get_counter(NULL, &val, counter), -DER_INVAL);
	assert_int_equal(d_tm_get_gauge(ctx, &val, &stats, gauge), 0);
	assert_int_equal(stats.sample_size, 0);
	for (i = 2; i <= 9; i++)
		d_tm_set_gauge(gauge, (uint64_t)(i == 3 ? 4 : i == 6 ? 4 : i == 8 ? 5 : i));
	d_tm_dec_gauge(gauge, 9);
	d_tm_inc_gauge(gauge, 1);
	assert_int_equal(d_tm_get_gauge(ctx, &val, &stats, gauge), 0);
	assert_int_equal(val, 1);
	assert_true(stats.dtm_min == 0 && stats.dtm_max == 9 && stats.sample_size == 10);
	assert_true(stats.mean > 4.09 && stats.mean < 4.11 && stats.std_dev > 2.5 && stats.std_dev < 2.7);
	d_tm_mark_duration_end(duration);
	d_tm_mark_duration_start(duration, D_TM_CLOCK_REALTIME);
	d_tm_mark_duration_end(duration);
	assert_int_equal(d_tm_get_duration(ctx, &tms, &stats, duration), 0);
	assert_true(tms.tv_sec == 0 && stats.sample_size == 1);
	d_tm_record_timestamp(stamp);
	assert_int_equal(d_tm_get_timestamp(ctx, &clk, stamp), 0);
	assert_true(time(NULL) - clk <= 1);
	d_tm_take_timer_snapshot(snap, D_TM_CLOCK_PROCESS_CPUTIME);
	assert_int_equal(d_tm_get_timer_snapshot(ctx, &tms, snap), 0);
	assert_int_equal(d_tm_get_metadata(ctx, &desc, &units, counter), 0);
	assert_string_equal(desc, "words");
	assert_string_equal(units, "things");
	D_FREE(desc);
	D_FREE(units);
	assert_true(d_tm_compute_standard_dev(4 + 16, 2, 3) > 1.41);
	d_tm_close(&ctx);
}

static void
histograms_count_by_width(void **state)
{
	struct d_tm_context *ctx = d_tm_open(ID);
	struct d_tm_histogram_t histogram;
	struct d_tm_bucket_t bucket;
	struct d_tm_node_t *gauge;
	uint64_t val;
	int i;

	assert_int_equal(d_tm_add_metric(&gauge, D_TM_GAUGE, NULL, NULL, "h/gauge"), 0);
	assert_int_equal(d_tm_get_num_buckets(ctx, &histogram, gauge), -DER_OP_NOT_PERMITTED);
	assert_int_equal(d_tm_init_histogram(gauge, (char *)"h/hist", 3, 10, 2), 0);
	for (i = 0; i < 100; i++)
		d_tm_set_gauge(gauge, (uint64_t)i);
	assert_int_equal(d_tm_get_num_buckets(ctx, &histogram, gauge), 0);
	assert_int_equal(histogram.dth_num_buckets, 3);
	assert_int_equal(d_tm_get_bucket_range(ctx, &bucket, 1, gauge), 0);
	assert_true(bucket.dtb_min == 10 && bucket.dtb_max == 29);
	assert_int_equal(d_tm_get_counter(ctx, &val, bucket.dtb_bucket), 0);
	assert_int_equal(val, 20);
	assert_int_equal(d_tm_get_bucket_range(ctx, &bucket, 2, gauge), 0);
	assert_true(bucket.dtb_min == 30 && bucket.dtb_max == UINT64_MAX);
	assert_int_equal(d_tm_get_counter(ctx, &val, d_tm_find_metric(ctx, (char *)"h/hist/bucket 2")), 0);
	assert_int_equal(val, 70);
	assert_int_equal(d_tm_get_bucket_range(ctx, &bucket, 3, gauge), -DER_INVAL);
	d_tm_close(&ctx);
}

static void
print_one(struct d_tm_context *ctx, struct d_tm_node_t *node, int level, char *path, int format, int opt_fields,
	  void *arg)
{
	d_tm_print_node(ctx, node, level, path, format, opt_fields, arg);
}

static void
trees_are_printed_and_reset(void **state)
{
	struct d_tm_node_t *counter, *gauge;
	struct d_tm_context *ctx = d_tm_open(ID);
	char *text;
	size_t len;
	uint64_t val;
	FILE *stream = open_memstream(&text, &len);

	assert_int_equal(d_tm_add_metric(&counter, D_TM_COUNTER, (char *)"words", (char *)"B", "p/counter"), 0);
	assert_int_equal(d_tm_add_metric(&gauge, D_TM_STATS_GAUGE, NULL, NULL, "p/gauge"), 0);
	d_tm_set_counter(counter, 42);
	d_tm_set_gauge(gauge, 3);
	d_tm_print_field_descriptors(D_TM_INCLUDE_METADATA, stream);
	d_tm_iterate(ctx, d_tm_find_metric(ctx, (char *)"p"), 0, D_TM_ALL_NODES, NULL, D_TM_CSV, D_TM_INCLUDE_METADATA,
		     print_one, stream);
	d_tm_iterate(ctx, d_tm_find_metric(ctx, (char *)"p"), 0, D_TM_ALL_NODES, NULL, D_TM_STANDARD, 0, print_one, stream);
	d_tm_reset_node(ctx, counter, 0, NULL, D_TM_STANDARD, D_TM_INCLUDE_TYPE, stream);
	fclose(stream);
	assert_string_equal(text, "name,value,min,max,mean,sample_size,std_dev,description,units\n"
				  "p/counter,42,words,B\n"
				  "p/gauge,3,3,3,3.000000,1,0.000000,,\n"
				  "p\n"
				  "    counter: 42 B\n"
				  "    gauge: 3 [min: 3, max: 3, avg: 3.000000, samples: 1, stddev: 0.000000]\n"
				  "counter: counter: 0 B\n");
	free(text);
	assert_int_equal(d_tm_get_counter(ctx, &val, counter), 0);
	assert_int_equal(val, 0);
	d_tm_close(&ctx);
}

static void
ephemeral_directories_come_and_go(void **state)
{
	struct d_tm_node_t *dir, *metric;
	struct d_tm_context *ctx = d_tm_open(ID);
	int i;

	assert_int_equal(d_tm_add_ephemeral_dir(&dir, 4096, "e/dir%d", 1), 0);
	assert_int_equal(d_tm_add_metric(&metric, D_TM_COUNTER, NULL, NULL, "e/dir1/x"), 0);
	assert_int_equal(d_tm_del_ephemeral_dir("e/dir1/x"), -DER_OP_NOT_PERMITTED);
	assert_int_equal(d_tm_del_ephemeral_dir("e/dir%d/", 1), 0);
	assert_null(d_tm_find_metric(ctx, (char *)"e/dir1"));
	assert_non_null(d_tm_find_metric(ctx, (char *)"e"));
	assert_int_equal(d_tm_del_ephemeral_dir("e/dir1"), -DER_METRIC_NOT_FOUND);
	assert_int_equal(d_tm_try_del_ephemeral_dir("e/dir1"), 0);
	assert_int_equal(d_tm_del_ephemeral_dir("e"), 0);
	/* What is deleted makes room. */
	for (i = 0; i < 20000; i++) {
		assert_int_equal(d_tm_add_ephemeral_dir(&dir, 1000, "e/dir%d", i), 0);
		assert_int_equal(d_tm_add_metric(&metric, D_TM_DURATION, (char *)"a", (char *)"b", "e/dir%d/x", i), 0);
		assert_int_equal(d_tm_init_histogram(metric, (char *)"e/h", 2, 1, 1), 0);
		assert_int_equal(d_tm_del_ephemeral_dir("e"), 0);
	}
	d_tm_close(&ctx);
}

static void
memory_is_limited_and_readers_keep_the_tree(void **state)
{
	struct d_tm_node_t *node;
	struct d_tm_context *ctx;
	int i, rc = 0;

	d_tm_fini();
	assert_int_equal(d_tm_add_metric(&node, D_TM_COUNTER, NULL, NULL, "x"), -DER_UNINIT);
	assert_int_equal(d_tm_init(ID, 10, 0), -DER_NO_SHMEM);
	assert_int_equal(d_tm_init(ID, 4096, D_TM_RETAIN_SHMEM), -DER_NOSYS);
	assert_int_equal(d_tm_init(ID, 4096, 0), 0);
	assert_int_equal(d_tm_init(ID, 4096, D_TM_OPEN_OR_CREATE), 0);
	for (i = 0; i < 1000 && rc == 0; i++)
		rc = d_tm_add_metric(&node, D_TM_COUNTER, NULL, NULL, "x/%d", i);
	assert_int_equal(rc, -DER_NO_SHMEM);
	assert_true(i > 10 && i < 100);
	ctx = d_tm_open(ID);
	d_tm_fini();
	assert_int_equal(d_tm_count_metrics(ctx, d_tm_get_root(ctx), D_TM_COUNTER), i - 1);
	assert_null(d_tm_open(ID));
	d_tm_close(&ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(metrics_are_added_found_and_counted, start, end),
		cmocka_unit_test_setup_teardown(values_and_statistics_are_read_back, start, end),
		cmocka_unit_test_setup_teardown(histograms_count_by_width, start, end),
		cmocka_unit_test_setup_teardown(trees_are_printed_and_reset, start, end),
		cmocka_unit_test_setup_teardown(ephemeral_directories_come_and_go, start, end),
		cmocka_unit_test_setup_teardown(memory_is_limited_and_readers_keep_the_tree, start, end),
	};

	return cmocka_run_group_tests_name("metric", tests, NULL, NULL);
}
