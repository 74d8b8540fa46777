/* SPDX-License-Identifier: Apache-2.0 */
/* pure/prop: the table, text, checks, lists and bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/mem_test.h"
#include "base/rand.h"
#include "pure/prop/prop.h"

static struct mem_test test;

static int
setup(void **state)
{
	mem_test_init(&test);
	return 0;
}

static int
nothing_is_left(void **state)
{
	assert_int_equal(test.outstanding, 0);
	return 0;
}

static void
numbers_and_names_are_frozen(void **state)
{
	const struct prop_desc *desc;

	assert_int_equal(DAOS_PROP_PO_NUM, 27);
	assert_int_equal(DAOS_PROP_CO_NUM, 26);
	assert_int_equal(prop_find_name(PROP_POOL, text_span_of("svc_ops_entry_age"))->id, 27);
	assert_int_equal(prop_find_name(PROP_CONT, text_span_of("perf_domain"))->id, 0x101a);
	assert_int_equal(prop_find_name(PROP_CONT, text_span_of("rf"))->id, DAOS_PROP_CO_REDUN_FAC);
	assert_int_equal(prop_find_name(PROP_CONT, text_span_of("rf_lvl"))->id, DAOS_PROP_CO_REDUN_LVL);
	assert_null(prop_find_name(PROP_POOL, text_span_of("cksum")));
	assert_null(prop_find_name(PROP_POOL, text_span_of("")));
	assert_null(prop_find(0));
	assert_null(prop_find(28));
	assert_null(prop_find(0x1000));
	assert_null(prop_find(0x101b));
	assert_null(prop_find(UINT32_MAX));
	for (int whose = 0; whose < 2; whose++)
		for (unsigned int i = 0; (desc = prop_at(whose, i)) != NULL; i++)
			assert_ptr_equal(prop_find(desc->id), desc);
}

static void
every_default_is_valid_and_reads_as_printed(void **state)
{
	for (int whose = 0; whose < 2; whose++) {
		daos_prop_t *list;

		assert_int_equal(prop_list_default(&test.mem, whose, &list), 0);
		assert_int_equal(list->dpp_nr, whose == PROP_POOL ? 27 : 26);
		assert_int_equal(prop_list_check(list, whose, 0), 0);
		for (uint32_t i = 0; i < list->dpp_nr; i++) {
			const struct prop_desc *desc = prop_at(whose, i);
			struct daos_prop_entry again;
			struct strbuf text;

			strbuf_init(&text, &test.mem);
			prop_print(&list->dpp_entries[i], &text);
			if (desc->name != NULL && !prop_is_pointer(desc->kind)) {
				assert_int_equal(prop_parse(&test.mem, whose, text_span_of(desc->name),
							    text_span_of(strbuf_text(&text)), &again), 0);
				if (desc->kind != PROP_STATUS)
					assert_true(prop_equal(&list->dpp_entries[i], &again));
				prop_clear(&test.mem, &again);
			}
			strbuf_fini(&text);
		}
		prop_list_free(&test.mem, list);
	}
}

static void
values_are_read_as_people_write_them(void **state)
{
	static const struct {
		int whose;
		const char *name, *value;
		int rc;
		uint64_t number;
	} cases[] = {
		{PROP_POOL, "space_rb", "5%", 0, 5}, {PROP_POOL, "space_rb", "101", -DER_INVAL, 0},
		{PROP_POOL, "self_heal", "exclude;rebuild", 0, 3}, {PROP_POOL, "self_heal", "none", 0, 0},
		{PROP_POOL, "self_heal", "delay_rebuild ; exclude", 0, 5}, {PROP_POOL, "self_heal", "none;exclude", -DER_INVAL, 0},
		{PROP_POOL, "self_heal", "", -DER_INVAL, 0}, {PROP_POOL, "reclaim", "time", 0, 4},
		{PROP_POOL, "ec_cell_sz", "128KiB", 0, 131072}, {PROP_POOL, "ec_cell_sz", "2MiB", -DER_INVAL, 0},
		{PROP_POOL, "ec_cell_sz", "5000", -DER_INVAL, 0}, {PROP_POOL, "ec_cell_sz", "0", -DER_INVAL, 0},
		{PROP_POOL, "rd_fac", "4", 0, 4}, {PROP_POOL, "rd_fac", "5", -DER_INVAL, 0}, {PROP_POOL, "rd_fac", "rd_fac2", 0, 2},
		{PROP_POOL, "scrub", "timed", 0, 2}, {PROP_POOL, "scrub_freq", "7d", 0, 604800},
		{PROP_POOL, "scrub_freq", "100", 0, 100}, {PROP_POOL, "scrub_freq", "100ms", -DER_INVAL, 0},
		{PROP_POOL, "checkpoint_thresh", "9", -DER_INVAL, 0}, {PROP_POOL, "checkpoint_thresh", "75", 0, 75},
		{PROP_POOL, "perf_domain", "group", 0, 3}, {PROP_POOL, "ec_pda", "0", -DER_INVAL, 0},
		{PROP_POOL, "rp_pda", "4294967295", 0, UINT32_MAX}, {PROP_POOL, "rp_pda", "4294967296", -DER_INVAL, 0},
		{PROP_POOL, "svc_list", "[0-2]", -DER_INVAL, 0}, {PROP_POOL, "nonsense", "1", -DER_NONEXIST, 0},
		{PROP_CONT, "cksum", "CRC32", 0, 2}, {PROP_CONT, "cksum", "2", -DER_INVAL, 0}, {PROP_CONT, "srv_cksum", "on", 0, 1},
		{PROP_CONT, "cksum_size", "0x8000", 0, 32768}, {PROP_CONT, "rf", "1", 0, 1}, {PROP_CONT, "rd_lvl", "rank", 0, 1},
		{PROP_CONT, "rd_lvl", "254", 0, 254}, {PROP_CONT, "rd_lvl", "255", -DER_INVAL, 0},
		{PROP_CONT, "layout_type", "posix", 0, 1}, {PROP_CONT, "layout_type", "DSG", 0, 7},
		{PROP_CONT, "compression", "deflate4", 0, 6}, {PROP_CONT, "encryption", "aes-gcm256", 0, 7},
		{PROP_CONT, "ec_cell_sz", "0", 0, 0}, {PROP_CONT, "status", "healthy", 0, 1ULL << 48},
		{PROP_CONT, "status", "unclean", -DER_INVAL, 0}, {PROP_CONT, " dedup ", " hash ", 0, 2},
	};
	struct daos_prop_entry entry;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(prop_parse(&test.mem, cases[i].whose, text_span_of(cases[i].name),
					    text_span_of(cases[i].value), &entry), cases[i].rc);
		assert_true(entry.dpe_val == cases[i].number);
		assert_int_equal(entry.dpe_type != 0, cases[i].rc == 0);
	}
	assert_int_equal(prop_parse(&test.mem, PROP_CONT, text_span_of("label"), text_span_of("my:label"), &entry), 0);
	assert_string_equal(entry.dpe_str, "my:label");
	prop_clear(&test.mem, &entry);
	assert_int_equal(prop_parse(&test.mem, PROP_CONT, text_span_of("label"), text_span_of("my label"), &entry), -DER_INVAL);
	assert_int_equal(prop_parse(&test.mem, PROP_CONT, text_span_of("owner"), text_span_of("bob@"), &entry), 0);
	prop_clear(&test.mem, &entry);
	assert_int_equal(prop_parse(&test.mem, PROP_CONT, text_span_of("owner"), text_span_of("bob"), &entry), -DER_INVAL);
}

static void
what_may_be_given_depends_on_when(void **state)
{
	struct daos_prop_entry entry = {.dpe_type = DAOS_PROP_CO_EC_CELL_SZ, .dpe_val = 65536};

	assert_int_equal(prop_check_when(&entry, PROP_AT_CREATE), 0);
	assert_int_equal(prop_check_when(&entry, PROP_AT_SET), -DER_NO_PERM);
	for (uint32_t type = DAOS_PROP_CO_EC_PDA; type <= DAOS_PROP_CO_RP_PDA; type++) {
		entry = (struct daos_prop_entry){.dpe_type = type, .dpe_val = 1};
		assert_int_equal(prop_check_when(&entry, PROP_AT_SET), -DER_NO_PERM);
	}
	entry = (struct daos_prop_entry){.dpe_type = DAOS_PROP_CO_ALLOCED_OID};
	assert_int_equal(prop_check_when(&entry, PROP_AT_SET), -DER_NO_PERM);
	assert_int_equal(prop_check_when(&entry, PROP_AT_CREATE), -DER_INVAL);
	entry.dpe_type = DAOS_PROP_CO_GLOBAL_VERSION;
	assert_int_equal(prop_check_when(&entry, PROP_AT_SET), -DER_INVAL);
	entry = (struct daos_prop_entry){.dpe_type = DAOS_PROP_CO_STATUS};
	assert_int_equal(prop_check_when(&entry, PROP_AT_CREATE), -DER_INVAL);
	assert_int_equal(prop_check_when(&entry, PROP_AT_SET), 0);
	entry.dpe_val = DAOS_PROP_CO_STATUS_VAL(DAOS_PROP_CO_UNCLEAN, 0, 7);
	assert_int_equal(prop_check(&entry), 0);
	assert_int_equal(prop_check_when(&entry, PROP_AT_SET), -DER_INVAL);
	entry = (struct daos_prop_entry){.dpe_type = DAOS_PROP_CO_LABEL, .dpe_flags = DAOS_PROP_ENTRY_NOT_SET};
	assert_int_equal(prop_check(&entry), 0);
	assert_int_equal(prop_check_when(&entry, PROP_AT_SET), -DER_INVAL);
	entry.dpe_flags = 0; /* NULL for a label */
	assert_int_equal(prop_check(&entry), -DER_INVAL);
	entry.dpe_type = DAOS_PROP_PO_ACL;
	assert_int_equal(prop_check(&entry), -DER_INVAL);
	entry.dpe_type = 9999;
	assert_int_equal(prop_check(&entry), -DER_INVAL);
	assert_int_equal(prop_check_when(&entry, PROP_AT_SET), -DER_INVAL);
}

static void
lists_are_read_from_strings(void **state)
{
	static const char *const bad[] = {
		"", ";", "label", "label:", "rd_fac:9", "rd_fac:1;rf:1", "status:healthy", "global_version:1", "rd_lvl:rank",
		"layout_type:POSIX", "nonsense:1", "rd_fac:1;nonsense:2", "rd_fac:1 cksum:off",
	};
	struct text_span good = text_span_of("label:cont:1; rd_fac:1;cksum:crc64;ec_cell_sz:65536;perf_domain:root;");
	daos_prop_t *list;

	assert_int_equal(prop_list_parse(&test.mem, PROP_CONT, PROP_AT_CREATE | PROP_IN_STRING, good, ';', &list), 0);
	assert_int_equal(list->dpp_nr, 5);
	assert_string_equal(prop_list_find(list, DAOS_PROP_CO_LABEL)->dpe_str, "cont:1");
	assert_int_equal(prop_list_find(list, DAOS_PROP_CO_CSUM)->dpe_val, DAOS_PROP_CO_CSUM_CRC64);
	assert_null(prop_list_find(list, DAOS_PROP_CO_OWNER));
	assert_int_equal(prop_list_check(list, PROP_CONT, PROP_AT_CREATE), 0);
	assert_int_equal(prop_list_check(list, PROP_CONT, PROP_AT_SET), -DER_NO_PERM);
	assert_int_equal(prop_list_check(list, PROP_POOL, PROP_AT_CREATE), -DER_INVAL);
	prop_list_free(&test.mem, list);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(prop_list_parse(&test.mem, PROP_CONT, PROP_AT_CREATE | PROP_IN_STRING, text_span_of(bad[i]),
						 ';', &list), -DER_INVAL);
	assert_int_equal(prop_list_parse(&test.mem, PROP_POOL, PROP_AT_SET,
					 text_span_of("self_heal:exclude;rebuild,reclaim:lazy"), ',', &list), 0);
	assert_int_equal(list->dpp_nr, 2);
	prop_list_free(&test.mem, list);
}

/* A list with every kind of value in it. */
static daos_prop_t *
rich_list(enum prop_class whose)
{
	static const d_rank_t ranks[] = {0, 1, 5};
	const struct daos_prop_co_roots roots = {.cr_oids = {{.lo = 1, .hi = 2}, {.lo = 3}}};
	daos_prop_t *list;

	assert_int_equal(prop_list_default(&test.mem, whose, &list), 0);
	if (whose == PROP_POOL) {
		assert_int_equal(prop_set_ranks(&test.mem, prop_list_find(list, DAOS_PROP_PO_SVC_LIST), ranks, 3), 0);
	} else {
		assert_int_equal(prop_set_roots(&test.mem, prop_list_find(list, DAOS_PROP_CO_ROOTS), &roots), 0);
		prop_clear(&test.mem, &list->dpp_entries[0]);
		list->dpp_entries[0].dpe_type = DAOS_PROP_CO_LABEL;
		list->dpp_entries[0].dpe_flags = DAOS_PROP_ENTRY_NOT_SET;
	}
	return list;
}

static void
assert_same_lists(const daos_prop_t *a, const daos_prop_t *b)
{
	assert_int_equal(a->dpp_nr, b->dpp_nr);
	for (uint32_t i = 0; i < a->dpp_nr; i++)
		assert_true(prop_equal(&a->dpp_entries[i], &b->dpp_entries[i]));
}

static void
packed_lists_come_back_and_mangled_ones_do_no_harm(void **state)
{
	struct rand rand;

	rand_init(&rand, 1, 0);
	for (int whose = 0; whose < 2; whose++) {
		daos_prop_t *list = rich_list(whose), *again;
		struct unpacker unpacker;
		struct packer packer;
		void *bytes;
		size_t len;

		packer_init_grow(&packer, &test.mem);
		prop_list_pack(&packer, list);
		assert_int_equal(packer_take(&packer, &bytes, &len), 0);
		for (size_t cut = 0; cut <= len; cut++) {
			char *copy = mem_alloc(&test.mem, cut);

			memcpy(copy, bytes, cut);
			unpacker_init(&unpacker, copy, cut);
			again = prop_list_unpack(&test.mem, &unpacker);
			assert_int_equal(again != NULL, cut == len);
			assert_int_equal(unpacker_finish(&unpacker), cut == len ? 0 : -DER_PROTO);
			if (again != NULL)
				assert_same_lists(list, again);
			prop_list_free(&test.mem, again);
			mem_free(&test.mem, copy);
		}
		for (int round = 0; round < 5000; round++) {
			unsigned char *copy = mem_alloc(&test.mem, len);

			memcpy(copy, bytes, len);
			for (int i = 0; i < 2; i++)
				copy[rand_below(&rand, len)] ^= (unsigned char)(1 << rand_below(&rand, 8));
			unpacker_init(&unpacker, copy, len);
			again = prop_list_unpack(&test.mem, &unpacker);
			if (again != NULL)
				for (uint32_t i = 0; i < again->dpp_nr; i++)
					assert_int_equal(prop_check(&again->dpp_entries[i]), 0);
			prop_list_free(&test.mem, again);
			mem_free(&test.mem, copy);
		}
		mem_free(&test.mem, bytes);
		prop_list_free(&test.mem, list);
	}
}

static void
blobs_travel_alone(void **state)
{
	static const uint32_t types[] = {DAOS_PROP_PO_ACL, DAOS_PROP_PO_SVC_LIST};
	daos_prop_t *list = rich_list(PROP_POOL);

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct daos_prop_entry *entry = prop_list_find(list, types[i]), copy = {.dpe_type = types[i]};
		struct unpacker unpacker;
		struct packer packer;
		char buf[1000];

		packer_init(&packer, buf, sizeof(buf));
		prop_blob_pack(&packer, entry);
		unpacker_init(&unpacker, buf, packer_len(&packer));
		prop_blob_unpack(&test.mem, &unpacker, &copy);
		assert_int_equal(unpacker_finish(&unpacker), 0);
		assert_true(prop_equal(entry, &copy));
		prop_clear(&test.mem, &copy);
	}
	prop_list_free(&test.mem, list);
}

static void
a_merged_list_prefers_the_second(void **state)
{
	daos_prop_t *base, *over, *merged;

	assert_int_equal(prop_list_parse(&test.mem, PROP_CONT, 0, text_span_of("label:a,rd_fac:1"), ',', &base), 0);
	assert_int_equal(prop_list_parse(&test.mem, PROP_CONT, 0, text_span_of("cksum:crc32,label:b"), ',', &over), 0);
	assert_int_equal(prop_list_merge(&test.mem, base, over, &merged), 0);
	assert_int_equal(merged->dpp_nr, 3);
	assert_string_equal(prop_list_find(merged, DAOS_PROP_CO_LABEL)->dpe_str, "b");
	assert_int_equal(prop_list_find(merged, DAOS_PROP_CO_REDUN_FAC)->dpe_val, 1);
	assert_int_equal(prop_list_find(merged, DAOS_PROP_CO_CSUM)->dpe_val, 2);
	prop_list_free(&test.mem, merged);
	assert_int_equal(prop_list_merge(&test.mem, NULL, NULL, &merged), 0);
	assert_int_equal(merged->dpp_nr, 0);
	prop_list_free(&test.mem, merged);
	prop_list_free(&test.mem, base);
	prop_list_free(&test.mem, over);
}

static void
every_failed_allocation_is_survived(void **state)
{
	int rc = -1;

	for (size_t nth = 1; rc != 0; nth++) {
		daos_prop_t *list = NULL, *copy = NULL, *again = NULL;
		struct unpacker unpacker;
		struct packer packer;
		char buf[4000];

		mem_test_fail(&test, nth);
		rc = prop_list_default(&test.mem, nth % 2, &list);
		if (rc == 0)
			rc = prop_list_copy(&test.mem, list, &copy);
		if (rc == 0) {
			packer_init(&packer, buf, sizeof(buf));
			prop_list_pack(&packer, copy);
			unpacker_init(&unpacker, buf, packer_len(&packer));
			again = prop_list_unpack(&test.mem, &unpacker);
			rc = unpacker_rc(&unpacker);
		}
		if (rc == 0) {
			prop_list_free(&test.mem, copy);
			copy = NULL;
			rc = prop_list_parse(&test.mem, PROP_CONT, 0, text_span_of("label:a,rd_fac:1,owner:a@"), ',', &copy);
		}
		assert_true(rc == 0 || rc == -DER_NOMEM);
		prop_list_free(&test.mem, list);
		prop_list_free(&test.mem, copy);
		prop_list_free(&test.mem, again);
		assert_int_equal(test.outstanding, 0);
		/* Both classes must have got through whole. */
		if (rc == 0 && nth % 2 == 0)
			rc = -1;
	}
	mem_test_fail(&test, 0);
}

static void
values_are_printed_for_people(void **state)
{
	daos_prop_t *list = rich_list(PROP_POOL);
	struct strbuf text;

	strbuf_init(&text, &test.mem);
	prop_print(prop_list_find(list, DAOS_PROP_PO_SELF_HEAL), &text);
	strbuf_add_char(&text, ' ');
	prop_print(prop_list_find(list, DAOS_PROP_PO_EC_CELL_SZ), &text);
	strbuf_add_char(&text, ' ');
	prop_print(prop_list_find(list, DAOS_PROP_PO_SVC_LIST), &text);
	strbuf_add_char(&text, ' ');
	prop_print(prop_list_find(list, DAOS_PROP_PO_SPACE_RB), &text);
	strbuf_add_char(&text, ' ');
	prop_print(prop_list_find(list, DAOS_PROP_PO_REDUN_FAC), &text);
	strbuf_add_char(&text, ' ');
	prop_print(prop_list_find(list, DAOS_PROP_PO_UPGRADE_STATUS), &text);
	assert_string_equal(strbuf_text(&text), "exclude;rebuild 64 KiB [0-1,5] 0% rd_fac0 not started");
	strbuf_fini(&text);
	prop_list_free(&test.mem, list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_and_names_are_frozen, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(every_default_is_valid_and_reads_as_printed, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(values_are_read_as_people_write_them, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(what_may_be_given_depends_on_when, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(lists_are_read_from_strings, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(packed_lists_come_back_and_mangled_ones_do_no_harm, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(blobs_travel_alone, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(a_merged_list_prefers_the_second, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(every_failed_allocation_is_survived, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(values_are_printed_for_people, setup, nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
