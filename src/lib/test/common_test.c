/* SPDX-License-Identifier: Apache-2.0 */
/* libdaos_common: lists of properties, access control lists, classes and ranks as programs use them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <daos.h>
#include <daos_pipeline.h>
#include <grp.h>
#include <gurt/common.h>
#include <unistd.h>

/* ---- properties ------------------------------------------------------------------------------------------------- */

static void
properties_are_set_copied_and_merged(void **state)
{
	struct daos_prop_co_roots roots = {.cr_oids = {{.lo = 1, .hi = 2}}};
	daos_prop_t *a = daos_prop_alloc(3), *b = daos_prop_alloc(2), *merged;
	struct daos_prop_entry *entry, copy = {.dpe_type = DAOS_PROP_CO_ROOTS};

	a->dpp_entries[0].dpe_type = DAOS_PROP_CO_LABEL;
	a->dpp_entries[1].dpe_type = DAOS_PROP_CO_REDUN_FAC;
	a->dpp_entries[1].dpe_val = 1;
	a->dpp_entries[2].dpe_type = DAOS_PROP_CO_ROOTS;
	assert_int_equal(daos_prop_set_str(a, DAOS_PROP_CO_LABEL, "my_label_and_more", 8), 0);
	assert_string_equal(daos_prop_entry_get(a, DAOS_PROP_CO_LABEL)->dpe_str, "my_label");
	assert_int_equal(daos_prop_set_str(a, DAOS_PROP_CO_REDUN_FAC, "x", 1), -DER_INVAL);
	assert_int_equal(daos_prop_set_str(a, DAOS_PROP_CO_OWNER, "x", 1), -DER_NONEXIST);
	assert_int_equal(daos_prop_set_ptr(a, DAOS_PROP_CO_ROOTS, &roots, sizeof(roots)), 0);
	assert_int_equal(daos_prop_set_ptr(a, DAOS_PROP_CO_LABEL, &roots, sizeof(roots)), -DER_INVAL);
	assert_int_equal(daos_prop_entry_dup_co_roots(&copy, daos_prop_entry_get(a, DAOS_PROP_CO_ROOTS)), 0);
	assert_memory_equal(copy.dpe_val_ptr, &roots, sizeof(roots));
	free(copy.dpe_val_ptr);
	/* A string of the program's own. */
	b->dpp_entries[0].dpe_type = DAOS_PROP_CO_LABEL;
	b->dpp_entries[0].dpe_str = strdup("other");
	b->dpp_entries[1].dpe_type = DAOS_PROP_CO_CSUM;
	b->dpp_entries[1].dpe_val = DAOS_PROP_CO_CSUM_CRC32;
	assert_int_equal(daos_prop_merge2(a, b, &merged), 0);
	assert_int_equal(merged->dpp_nr, 4);
	entry = daos_prop_entry_get(merged, DAOS_PROP_CO_LABEL);
	assert_string_equal(entry->dpe_str, "other");
	assert_true(daos_prop_has_str(entry) && !daos_prop_has_ptr(entry) && daos_prop_is_set(entry));
	assert_true(daos_prop_has_ptr(daos_prop_entry_get(merged, DAOS_PROP_CO_ROOTS)));
	assert_int_equal(daos_prop_entry_get(merged, DAOS_PROP_CO_REDUN_FAC)->dpe_val, 1);
	daos_prop_free(merged);
	merged = daos_prop_merge(a, NULL);
	assert_int_equal(merged->dpp_nr, 3);
	daos_prop_free(merged);
	assert_int_equal(daos_prop_merge2(NULL, NULL, &merged), 0);
	assert_null(merged);
	daos_prop_free(a);
	daos_prop_free(b);
	daos_prop_free(NULL);
	assert_null(daos_prop_alloc(DAOS_PROP_ENTRIES_MAX_NR + 1));
	a = daos_prop_alloc(0);
	assert_int_equal(a->dpp_nr, 0);
	daos_prop_free(a);
}

static void
properties_are_read_from_text(void **state)
{
	static const char text[] = "rd_fac:2;cksum:crc32;label:hello;ec_cell_sz:131072;";
	daos_prop_t *prop;

	assert_int_equal(daos_prop_from_str(text, sizeof(text), &prop), 0);
	assert_int_equal(prop->dpp_nr, 4);
	assert_int_equal(daos_prop_entry_get(prop, DAOS_PROP_CO_REDUN_FAC)->dpe_val, 2);
	assert_int_equal(daos_prop_entry_get(prop, DAOS_PROP_CO_CSUM)->dpe_val, DAOS_PROP_CO_CSUM_CRC32);
	assert_string_equal(daos_prop_entry_get(prop, DAOS_PROP_CO_LABEL)->dpe_str, "hello");
	assert_int_equal(daos_prop_entry_get(prop, DAOS_PROP_CO_EC_CELL_SZ)->dpe_val, 131072);
	daos_prop_free(prop);
	assert_int_equal(daos_prop_from_str("status:healthy", 14, &prop), -DER_INVAL);
	assert_int_equal(daos_prop_from_str("nosuch:1", 8, &prop), -DER_INVAL);
	assert_int_equal(daos_prop_from_str("rd_fac:9", 8, &prop), -DER_INVAL);
	assert_int_equal(daos_prop_from_str(NULL, 0, &prop), -DER_INVAL);
}

static void
status_travels_in_a_number(void **state)
{
	struct daos_co_status status = {.dcs_status = DAOS_PROP_CO_UNCLEAN, .dcs_flags = DAOS_PROP_CO_CLEAR}, back;
	uint64_t value;

	status.dcs_pm_ver = 77;
	value = daos_prop_co_status_2_val(&status);
	assert_true(value == (1ULL << 48 | 1ULL << 32 | 77));
	daos_prop_val_2_co_status(value, &back);
	assert_memory_equal(&back, &status, sizeof(back));
}

static void
labels_are_told_from_uuids(void **state)
{
	char label[130];

	memset(label, 'a', sizeof(label));
	label[127] = '\0';
	assert_true(daos_label_is_valid(label));
	label[127] = 'a';
	label[128] = '\0';
	assert_false(daos_label_is_valid(label));
	assert_true(daos_label_is_valid("A-b_c.d:9"));
	assert_false(daos_label_is_valid("") || daos_label_is_valid("a b"));
	assert_false(daos_label_is_valid(NULL) || daos_label_is_valid("a/b"));
	assert_false(daos_label_is_valid("01234567-89ab-cdef-0123-456789abcdef"));
	assert_true(daos_perf_domain_is_valid("root") && !daos_perf_domain_is_valid("rack"));
}

/* ---- access control --------------------------------------------------------------------------------------------- */

static void
entries_go_to_text_and_back(void **state)
{
	static const char *const texts[] = {"A::OWNER@:rw", "A:G:GROUP@:rwdtTaAo", "A::alice@:r", "A:G:staff@:rw",
					    "A::EVERYONE@:"};
	char buf[DAOS_ACL_MAX_ACE_STR_LEN + 1], small[5];
	struct daos_ace *ace;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(daos_ace_from_str(texts[i], &ace), 0);
		assert_true(daos_ace_is_valid(ace));
		assert_int_equal(daos_ace_get_size(ace) % 8, 0);
		assert_int_equal(daos_ace_to_str(ace, buf, sizeof(buf)), 0);
		assert_string_equal(buf, texts[i]);
		assert_int_equal(daos_ace_to_str(ace, small, sizeof(small)), -DER_TRUNC);
		assert_int_equal(strlen(small), 4);
		daos_ace_free(ace);
		assert_int_equal(daos_ace_str_get_verbose(texts[i], buf, sizeof(buf)), 0);
		assert_true(strlen(buf) > 0);
	}
	assert_int_equal(daos_ace_from_str("A::alice:r", &ace), -DER_INVAL);
	assert_int_equal(daos_ace_from_str("X::alice@:r", &ace), -DER_INVAL);
	assert_int_equal(daos_ace_from_str("", &ace), -DER_INVAL);
	ace = daos_ace_create(DAOS_ACL_USER, "bob@");
	assert_string_equal(daos_ace_get_principal_str(ace), "bob@");
	daos_ace_free(ace);
	assert_null(daos_ace_create(DAOS_ACL_USER, NULL));
	assert_null(daos_ace_create(DAOS_ACL_USER, "bob"));
	assert_null(daos_ace_create(NUM_DAOS_ACL_TYPES, "bob@"));
	assert_int_equal(daos_ace_get_size(NULL), -DER_INVAL);
}

static void
lists_keep_their_order_and_replace(void **state)
{
	const char *strs[] = {"A::EVERYONE@:r", "A:G:staff@:rw", "A::zoe@:r", "A::OWNER@:rw"};
	static const char *const ordered[] = {"A::OWNER@:rw", "A::bob@:w", "A::zoe@:rw", "A:G:staff@:rw", "A::EVERYONE@:r"};
	struct daos_acl *acl, *copy;
	struct daos_ace *ace;
	char **texts;
	size_t nr, i;

	assert_int_equal(daos_acl_from_strs(strs, 4, &acl), 0);
	assert_int_equal(daos_acl_validate(acl), 0);
	assert_int_equal(daos_ace_from_str("A::zoe@:rw", &ace), 0);
	assert_int_equal(daos_acl_add_ace(&acl, ace), 0);
	daos_ace_free(ace);
	assert_int_equal(daos_ace_from_str("A::bob@:w", &ace), 0);
	assert_int_equal(daos_acl_add_ace(&acl, ace), 0);
	daos_ace_free(ace);
	assert_int_equal(daos_acl_to_strs(acl, &texts, &nr), 0);
	assert_int_equal(nr, 5);
	for (i = 0; i < nr; i++) {
		/* Users among themselves have no order of their own. */
		if (i != 1 && i != 2)
			assert_string_equal(texts[i], ordered[i]);
		free(texts[i]);
	}
	free(texts);
	assert_int_equal(daos_acl_get_ace_for_principal(acl, DAOS_ACL_USER, "zoe@", &ace), 0);
	assert_int_equal(ace->dae_allow_perms, DAOS_ACL_PERM_READ | DAOS_ACL_PERM_WRITE);
	assert_int_equal(daos_acl_get_ace_for_principal(acl, DAOS_ACL_USER, "amy@", &ace), -DER_NONEXIST);
	assert_int_equal(daos_acl_get_ace_for_principal(acl, DAOS_ACL_USER, NULL, &ace), -DER_INVAL);
	copy = daos_acl_dup(acl);
	assert_int_equal(daos_acl_get_size(copy), daos_acl_get_size(acl));
	assert_int_equal(daos_acl_remove_ace(&copy, DAOS_ACL_GROUP, "staff@"), 0);
	assert_int_equal(daos_acl_remove_ace(&copy, DAOS_ACL_GROUP, "staff@"), -DER_NONEXIST);
	assert_int_equal(daos_acl_remove_ace(&copy, DAOS_ACL_OWNER, NULL), 0);
	for (nr = 0, ace = NULL; (ace = daos_acl_get_next_ace(copy, ace)) != NULL;)
		nr++;
	assert_int_equal(nr, 3);
	/* Damaged lists end early. */
	copy->dal_len -= 8;
	for (nr = 0, ace = NULL; (ace = daos_acl_get_next_ace(copy, ace)) != NULL;)
		nr++;
	assert_int_equal(nr, 2);
	assert_int_equal(daos_acl_validate(copy), -DER_INVAL);
	assert_int_equal(daos_acl_validate(NULL), -DER_INVAL);
	daos_acl_free(copy);
	daos_acl_free(acl);
	daos_acl_free(NULL);
	acl = daos_acl_create(NULL, 0);
	assert_int_equal(daos_acl_get_size(acl), sizeof(*acl));
	assert_null(daos_acl_get_next_ace(acl, NULL));
	daos_acl_free(acl);
}

static void
lists_are_written_to_streams(void **state)
{
	const char *strs[] = {"A::OWNER@:rw", "A::EVERYONE@:r"};
	struct daos_acl *acl;
	char *text;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	assert_int_equal(daos_acl_from_strs(strs, 2, &acl), 0);
	assert_int_equal(daos_acl_to_stream(stream, acl, false), 0);
	fclose(stream);
	assert_non_null(strstr(text, "A::OWNER@:rw\nA::EVERYONE@:r\n"));
	free(text);
	stream = open_memstream(&text, &len);
	assert_int_equal(daos_acl_to_stream(stream, acl, true), 0);
	fclose(stream);
	assert_non_null(strstr(text, "# "));
	free(text);
	assert_int_equal(daos_acl_to_stream(NULL, acl, true), -DER_INVAL);
	daos_acl_free(acl);
}

static void
principals_are_users_of_this_system(void **state)
{
	enum daos_acl_principal_type type;
	char *name;
	uid_t uid = 1;
	gid_t gid = 1;

	assert_int_equal(daos_acl_uid_to_principal(0, &name), 0);
	assert_string_equal(name, "root@");
	free(name);
	assert_int_equal(daos_acl_principal_to_uid("root@", &uid), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(daos_acl_principal_to_gid("root@domain", &gid), 0);
	assert_int_equal(gid, 0);
	assert_int_equal(daos_acl_principal_to_uid("no-such-user@", &uid), -DER_NONEXIST);
	assert_int_equal(daos_acl_principal_to_uid("root", &uid), -DER_INVAL);
	assert_int_equal(daos_acl_uid_to_principal(3999999999u, &name), -DER_NONEXIST);
	assert_int_equal(daos_acl_principal_from_str("u:bob@", &type, &name), 0);
	assert_int_equal(type, DAOS_ACL_USER);
	assert_string_equal(name, "bob@");
	free(name);
	assert_int_equal(daos_acl_principal_from_str("GROUP@", &type, &name), 0);
	assert_int_equal(type, DAOS_ACL_OWNER_GROUP);
	assert_null(name);
	assert_int_equal(daos_acl_principal_from_str("x:bob@", &type, &name), -DER_INVAL);
	assert_true(daos_acl_principal_is_valid("a@b"));
	assert_false(daos_acl_principal_is_valid("@b") || daos_acl_principal_is_valid(NULL));
}

static void
permissions_follow_owner_user_and_groups(void **state)
{
	const char *strs[] = {"A::OWNER@:rw", "A:G:root@:rt", "A::EVERYONE@:r"};
	daos_prop_t *prop = daos_prop_alloc(3);
	gid_t gids[] = {0, 3999999999u};
	uint64_t perms = 0;

	prop->dpp_entries[0].dpe_type = DAOS_PROP_CO_ACL;
	assert_int_equal(daos_acl_from_strs(strs, 3, (struct daos_acl **)&prop->dpp_entries[0].dpe_val_ptr), 0);
	prop->dpp_entries[1].dpe_type = DAOS_PROP_CO_OWNER;
	prop->dpp_entries[1].dpe_str = strdup("root@");
	prop->dpp_entries[2].dpe_type = DAOS_PROP_CO_OWNER_GROUP;
	prop->dpp_entries[2].dpe_str = strdup("nobodys@");
	assert_int_equal(daos_cont_get_perms(prop, 0, gids, 2, &perms), 0);
	/* A container's owner may always read and change the list. */
	assert_true(perms == (DAOS_ACL_PERM_READ | DAOS_ACL_PERM_WRITE | DAOS_ACL_PERM_GET_ACL | DAOS_ACL_PERM_SET_ACL));
	free(prop->dpp_entries[1].dpe_str);
	prop->dpp_entries[1].dpe_str = strdup("somebody@");
	assert_int_equal(daos_cont_get_perms(prop, 0, gids, 2, &perms), 0);
	assert_true(perms == (DAOS_ACL_PERM_READ | DAOS_ACL_PERM_GET_PROP));
	assert_int_equal(daos_cont_get_perms(prop, 0, NULL, 0, &perms), 0);
	assert_true(perms == DAOS_ACL_PERM_READ);
	assert_int_equal(daos_cont_get_perms(prop, 3999999999u, NULL, 0, &perms), -DER_NONEXIST);
	assert_int_equal(daos_pool_get_perms(prop, 0, NULL, 0, &perms), -DER_INVAL);
	prop->dpp_entries[0].dpe_type = DAOS_PROP_PO_ACL;
	prop->dpp_entries[1].dpe_type = DAOS_PROP_PO_OWNER;
	prop->dpp_entries[2].dpe_type = DAOS_PROP_PO_OWNER_GROUP;
	assert_int_equal(daos_pool_get_perms(prop, 0, gids, 1, &perms), 0);
	assert_true(perms == (DAOS_ACL_PERM_READ | DAOS_ACL_PERM_GET_PROP));
	daos_prop_free(prop);
}

/* ---- classes, ids, ranks, clock --------------------------------------------------------------------------------- */

static void
classes_have_names(void **state)
{
	char name[MAX_OBJ_CLASS_NAME_LEN + 1], list[4096], *next;
	int nr = 0;

	assert_int_equal(daos_oclass_name2id("SX"), OC_SX);
	assert_int_equal(daos_oclass_name2id("RP_3GX"), OC_RP_3GX);
	assert_int_equal(daos_oclass_name2id("EC_16P2G1"), OC_EC_16P2G1);
	assert_int_equal(daos_oclass_name2id("OC_SX"), 0);
	assert_int_equal(daos_oclass_name2id("sx"), 0);
	assert_int_equal(daos_oclass_name2id(NULL), 0);
	assert_int_equal(daos_oclass_id2name(OBJ_CLASS_DEF(OR_RP_2, 5), name), 0);
	assert_string_equal(name, "RP_2G5");
	assert_int_equal(daos_oclass_id2name(12345, name), -1);
	assert_string_equal(name, "UNKNOWN");
	assert_true(daos_oclass_names_list(sizeof(list), list) == (ssize_t)strlen(list));
	for (next = strtok(list, ", "); next != NULL; next = strtok(NULL, ", "), nr++)
		assert_int_not_equal(daos_oclass_name2id(next), 0);
	assert_int_equal(daos_oclass_nr(0), nr + 1);
	assert_int_equal(daos_oclass_names_list(10, list), -DER_OVERFLOW);
}

static void
object_ids_tell_their_type_and_class(void **state)
{
	daos_obj_id_t oid = {.lo = 7, .hi = (uint64_t)DAOS_OT_ARRAY_BYTE << 56 | (uint64_t)OR_RP_2 << 48 | 5ULL << 32 | 3};
	daos_obj_id_t first;

	assert_int_equal(daos_obj_id2type(oid), DAOS_OT_ARRAY_BYTE);
	assert_int_equal(daos_obj_id2class(oid), OBJ_CLASS_DEF(OR_RP_2, 5));
	assert_int_equal(daos_obj_id2ord(oid), OR_RP_2);
	assert_int_equal(daos_obj_id2grp_nr(oid), 5);
	assert_true(daos_is_array(oid) && daos_is_dkey_uint64(oid) && !daos_is_kv(oid) && !daos_is_akey_uint64(oid));
	assert_true(daos_is_kv_type(DAOS_OT_KV_LEXICAL) && daos_is_dkey_lexical_type(DAOS_OT_KV_LEXICAL));
	assert_true(daos_otype_t_is_valid(DAOS_OT_OIT_V2) && !daos_otype_t_is_valid((enum daos_otype_t)15));
	assert_true(daos_obj_id_is_nil(DAOS_OBJ_NIL) && !daos_obj_id_is_nil(oid));
	first = oid;
	daos_obj_oid_cycle(&oid);
	assert_true(oid.lo == 7 && oid.hi == (3 + 999999937) % (1ULL << 32) && oid.hi != first.hi);
}

static void
ranks_are_read_from_text(void **state)
{
	d_rank_list_t *list = daos_rank_list_parse("0:10:2", ":");

	assert_int_equal(list->rl_nr, 3);
	assert_int_equal(list->rl_ranks[1], 10);
	d_rank_list_free(list);
	assert_null(daos_rank_list_parse("", ":"));
	assert_null(daos_rank_list_parse("1:x", ":"));
	assert_null(daos_rank_list_parse("1;2", ":"));
	assert_null(daos_rank_list_parse("-1", ":"));
	assert_null(daos_rank_list_parse("4294967296", ":"));
}

static void
epochs_are_times_of_day(void **state)
{
	struct timespec ts;
	time_t seconds;

	assert_int_equal(daos_hlc2timespec(16ULL * 1500000000, &ts), 0);
	assert_int_equal(ts.tv_sec, 1609459201);
	assert_int_equal(ts.tv_nsec, 500000000);
	assert_int_equal(daos_hlc2timestamp(16ULL * 1500000000, &seconds), 0);
	assert_int_equal(seconds, 1609459201);
	assert_int_equal(daos_hlc2timespec(0, NULL), -DER_INVAL);
}

static void
container_filters_hold_eight_parts(void **state)
{
	daos_pool_cont_filter_part_t part = {.pcfp_func = PCF_FUNC_GE, .pcfp_key = PCF_KEY_NUM_HANDLES, .pcfp_val64 = 3};
	daos_pool_cont_filter_t filter;
	int i;

	assert_int_equal(daos_pool_cont_filter_init(&filter, 9), -DER_INVAL);
	assert_int_equal(daos_pool_cont_filter_init(&filter, PCF_COMBINE_LOGICAL_OR), 0);
	for (i = 0; i < DAOS_POOL_CONT_FILTER_MAX_NPARTS; i++)
		assert_int_equal(daos_pool_cont_filter_add(&filter, &part), 0);
	assert_int_equal(daos_pool_cont_filter_add(&filter, &part), -DER_OVERFLOW);
	assert_int_equal(filter.pcf_parts[7]->pcfp_val64, 3);
	part.pcfp_key = PCF_KEY_MAX;
	assert_int_equal(daos_pool_cont_filter_add(&filter, &part), -DER_INVAL);
	daos_pool_cont_filter_fini(&filter);
	daos_pool_cont_filter_fini(&filter);
}

static void
pipelines_are_lists_of_filters_and_parts(void **state)
{
	daos_filter_part_t parts[3] = {0};
	daos_filter_t filter, other;
	daos_pipeline_t pipeline;
	int i;

	daos_pipeline_init(&pipeline);
	daos_filter_init(&filter);
	daos_filter_init(&other);
	assert_int_equal(daos_pipeline_add(&pipeline, &filter), -DER_INVAL);
	d_iov_set(&filter.filter_type, (void *)"DAOS_FILTER_CONDITION", strlen("DAOS_FILTER_CONDITION"));
	d_iov_set(&other.filter_type, (void *)"DAOS_FILTER_AGGREGATION", strlen("DAOS_FILTER_AGGREGATION"));
	for (i = 0; i < 3; i++)
		assert_int_equal(daos_filter_add(&filter, &parts[i]), 0);
	assert_ptr_equal(filter.parts[2], &parts[2]);
	assert_int_equal(daos_pipeline_add(&pipeline, &filter), 0);
	assert_int_equal(daos_pipeline_add(&pipeline, &other), 0);
	assert_true(pipeline.num_filters == 1 && pipeline.num_aggr_filters == 1);
	assert_int_equal(daos_pipeline_free(&pipeline), 0);
	assert_true(filter.parts == NULL && pipeline.filters == NULL && pipeline.num_filters == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(properties_are_set_copied_and_merged),
		cmocka_unit_test(properties_are_read_from_text),
		cmocka_unit_test(status_travels_in_a_number),
		cmocka_unit_test(labels_are_told_from_uuids),
		cmocka_unit_test(entries_go_to_text_and_back),
		cmocka_unit_test(lists_keep_their_order_and_replace),
		cmocka_unit_test(lists_are_written_to_streams),
		cmocka_unit_test(principals_are_users_of_this_system),
		cmocka_unit_test(permissions_follow_owner_user_and_groups),
		cmocka_unit_test(classes_have_names),
		cmocka_unit_test(object_ids_tell_their_type_and_class),
		cmocka_unit_test(ranks_are_read_from_text),
		cmocka_unit_test(epochs_are_times_of_day),
		cmocka_unit_test(container_filters_hold_eight_parts),
		cmocka_unit_test(pipelines_are_lists_of_filters_and_parts),
	};

	return cmocka_run_group_tests_name("common", tests, NULL, NULL);
}
