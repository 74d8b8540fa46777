/* SPDX-License-Identifier: Apache-2.0 */
/* pure/oclass: numbers, names, choices, object ids. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/mem_test.h"
#include "base/rand.h"
#include "pure/oclass/oclass.h"

static void
numbers_are_frozen(void **state)
{
	assert_int_equal(OC_S1, 0x1000001);
	assert_int_equal(OC_SX, 0x100FFFF);
	assert_int_equal(OC_RP_2G1, 0x8000001);
	assert_int_equal(OC_RP_3GX, 0x900FFFF);
	assert_int_equal(OC_EC_2P1G1, 0x20000001);
	assert_int_equal(OC_EC_4P2GX, 0x2300FFFF);
	assert_int_equal(OC_EC_16P3GX, 0x2A00FFFF);
}

static void
classes_are_taken_apart(void **state)
{
	static const struct {
		daos_oclass_id_t id;
		bool ec;
		unsigned int data, parity, size, groups;
	} cases[] = {
		{OC_S1, false, 1, 0, 1, 1},       {OC_SX, false, 1, 0, 1, 65535},     {OC_RP_3G2, false, 1, 2, 3, 2},
		{OC_RP_128G1, false, 1, 127, 128, 1}, {OC_EC_4P2G8, true, 4, 2, 6, 8}, {OC_EC_16P3GX, true, 16, 3, 19, 65535},
		{OC_EC_4P3G1, true, 4, 3, 7, 1},  {OC_S1 + 2, false, 1, 0, 1, 3},
	};
	static const daos_oclass_id_t bad[] = {0, 1, OC_TINY, OC_RP_XSF, OC_EC_MAX, 0x1000000, 0x1010000, 0x2000001, 0x2B000001, OC_RESERVED,
					       UINT32_MAX};
	struct daos_oclass_attr attr;
	struct oclass oclass;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(oclass_get(cases[i].id, &oclass), 0);
		assert_int_equal(oclass.ec, cases[i].ec);
		assert_int_equal(oclass.data, cases[i].data);
		assert_int_equal(oclass.parity, cases[i].parity);
		assert_int_equal(oclass.group_size, cases[i].size);
		assert_int_equal(oclass.groups, cases[i].groups);
		assert_int_equal(oclass_id(oclass.ordinal, oclass.groups), cases[i].id);
		assert_int_equal(oclass_attr(cases[i].id, &attr), 0);
		assert_int_equal(attr.ca_resil, cases[i].ec ? DAOS_RES_EC : DAOS_RES_REPL);
		assert_int_equal(attr.ca_resil_degree, cases[i].parity);
		assert_int_equal(attr.ca_grp_nr, cases[i].groups);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(oclass_get(bad[i], &oclass), -DER_INVAL);
		assert_int_equal(oclass_attr(bad[i], &attr), -DER_INVAL);
	}
}

static void
names_and_numbers_belong_together(void **state)
{
	static const struct {
		daos_oclass_id_t id;
		const char *name;
	} cases[] = {
		{OC_S1, "S1"}, {OC_S32, "S32"}, {OC_SX, "SX"}, {OC_RP_2G1, "RP_2G1"}, {OC_RP_6GX, "RP_6GX"}, {OC_EC_2P1G1, "EC_2P1G1"},
		{OC_EC_16P3GX, "EC_16P3GX"}, {OC_RP_XSF, "RP_XSF"}, {OC_RP_128G1, "RP_128G1"},
	};
	static const char *const unknown[] = {"", "s1", "S3", "OC_S1", "EC_2P1G6", "RP_2G1 ", "RP_8G1", "S", "SXX", "S65535", "S01",
					      "RP_1G1", "RP_2GX1", "EC_4P2", "RP_7G1", "TINY"};
	char name[MAX_OBJ_CLASS_NAME_LEN + 1];
	daos_oclass_id_t id;
	unsigned int nr = 0;
	struct mem_test test;
	struct strbuf text;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(oclass_parse(cases[i].name), cases[i].id);
		assert_int_equal(oclass_print(cases[i].id, name), 0);
		assert_string_equal(name, cases[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		assert_int_equal(oclass_parse(unknown[i]), OC_UNKNOWN);
	for (; (id = oclass_at(nr)) != OC_UNKNOWN; nr++) {
		assert_int_equal(oclass_print(id, name), 0);
		assert_int_equal(oclass_parse(name), id);
	}
	/* 6 families of 9, 7 wide replicas, 11 codes of 8, RP_XSF. */
	assert_int_equal(nr, 6 * 9 + 7 + 11 * 8 + 1);
	assert_int_equal(oclass_at(nr + 5), OC_UNKNOWN);
	assert_int_equal(oclass_print(OC_S1 + 2, name), 0);
	assert_string_equal(name, "S3");
	assert_int_equal(oclass_print(OC_EC_4P2G1 + 6, name), 0);
	assert_string_equal(name, "EC_4P2G7");
	assert_int_equal(oclass_print(7, name), -DER_INVAL);
	assert_string_equal(name, "UNKNOWN");
	mem_test_init(&test);
	strbuf_init(&text, &test.mem);
	oclass_print_all(&text);
	assert_memory_equal(strbuf_text(&text), "S1, S2, S4, S6", 14);
	strbuf_fini(&text);
	assert_int_equal(test.outstanding, 0);
}

static void
assert_choice(struct oclass_want want, const char *name)
{
	char got[MAX_OBJ_CLASS_NAME_LEN + 1] = "none";
	daos_oclass_id_t id;

	want.reserve = -1;
	if (oclass_choose(&want, &id) == 0)
		oclass_print(id, got);
	assert_string_equal(got, name);
}

#define CHOICE(name, ...) assert_choice((struct oclass_want){__VA_ARGS__}, name)

static void
shapes_follow_factor_hints_and_domains(void **state)
{
	const int array = DAOS_OT_ARRAY_BYTE, plain = DAOS_OT_MULTI_HASHED;
	const int tiny = DAOS_OCH_SHD_TINY, ec = DAOS_OCH_SHD_TINY | DAOS_OCH_RDD_EC, rp = DAOS_OCH_SHD_TINY | DAOS_OCH_RDD_RP;

	/* redundancy factor 0 */
	CHOICE("S1", .type = plain, .domain_nr = 1, .target_nr = 4);
	CHOICE("S4", .type = array, .domain_nr = 1, .target_nr = 4);
	CHOICE("S1", .type = plain, .hints = rp, .domain_nr = 1, .target_nr = 4);
	CHOICE("RP_2G1", .type = plain, .hints = rp, .domain_nr = 2, .target_nr = 4);
	CHOICE("none", .type = plain, .hints = ec, .domain_nr = 2, .target_nr = 4);
	CHOICE("EC_2P1G1", .type = plain, .hints = ec, .domain_nr = 5, .target_nr = 10);
	CHOICE("EC_4P1G1", .type = plain, .hints = ec, .domain_nr = 6, .target_nr = 10);
	CHOICE("EC_8P1G1", .type = plain, .hints = ec, .domain_nr = 10, .target_nr = 10);
	CHOICE("EC_16P1G1", .type = plain, .hints = ec, .domain_nr = 18, .target_nr = 18);
	/* 1 */
	CHOICE("none", .type = plain, .redun_fac = 1, .domain_nr = 1, .target_nr = 8);
	CHOICE("RP_2G1", .type = plain, .redun_fac = 1, .domain_nr = 4, .target_nr = 8);
	CHOICE("RP_2G1", .type = array, .redun_fac = 1, .hints = tiny, .domain_nr = 2, .target_nr = 8);
	CHOICE("EC_2P1G1", .type = array, .redun_fac = 1, .hints = tiny, .domain_nr = 3, .target_nr = 8);
	CHOICE("RP_2G1", .type = array, .redun_fac = 1, .hints = rp, .domain_nr = 3, .target_nr = 8);
	CHOICE("EC_16P1G1", .type = plain, .redun_fac = 1, .hints = ec, .domain_nr = 18, .target_nr = 36);
	/* 2 */
	CHOICE("RP_3G1", .type = array, .redun_fac = 2, .hints = tiny, .domain_nr = 3, .target_nr = 8);
	CHOICE("EC_2P2G1", .type = array, .redun_fac = 2, .hints = tiny, .domain_nr = 4, .target_nr = 8);
	CHOICE("EC_4P2G1", .type = array, .redun_fac = 2, .hints = tiny, .domain_nr = 8, .target_nr = 8);
	CHOICE("EC_8P2G1", .type = array, .redun_fac = 2, .hints = tiny, .domain_nr = 12, .target_nr = 12);
	CHOICE("EC_16P2G1", .type = array, .redun_fac = 2, .hints = tiny, .domain_nr = 20, .target_nr = 20);
	/* 3 and 4, and beyond */
	CHOICE("RP_4G1", .type = array, .redun_fac = 3, .hints = tiny, .domain_nr = 9, .target_nr = 9);
	CHOICE("EC_4P3G1", .type = array, .redun_fac = 3, .hints = tiny, .domain_nr = 10, .target_nr = 10);
	CHOICE("EC_8P3G1", .type = array, .redun_fac = 3, .hints = tiny, .domain_nr = 14, .target_nr = 14);
	CHOICE("EC_16P3G1", .type = array, .redun_fac = 3, .hints = tiny, .domain_nr = 22, .target_nr = 22);
	CHOICE("RP_5G1", .type = array, .redun_fac = 4, .hints = ec, .domain_nr = 30, .target_nr = 30);
	CHOICE("none", .type = array, .redun_fac = 5, .domain_nr = 30, .target_nr = 30);
}

static void
groups_follow_hints_and_leave_spares(void **state)
{
	const int array = DAOS_OT_ARRAY_BYTE, kv = DAOS_OT_KV_HASHED;

	CHOICE("S16", .type = kv, .domain_nr = 4, .target_nr = 16);
	CHOICE("RP_2G6", .type = kv, .redun_fac = 1, .domain_nr = 4, .target_nr = 16);
	CHOICE("EC_2P1G4", .type = array, .redun_fac = 1, .domain_nr = 4, .target_nr = 16);
	CHOICE("S128", .type = array, .hints = DAOS_OCH_SHD_REG, .domain_nr = 100, .target_nr = 200);
	CHOICE("S250", .type = array, .hints = DAOS_OCH_SHD_REG, .domain_nr = 100, .target_nr = 1000);
	CHOICE("S500", .type = array, .hints = DAOS_OCH_SHD_HI, .domain_nr = 100, .target_nr = 1000);
	CHOICE("S4", .type = array, .hints = DAOS_OCH_SHD_REG, .domain_nr = 2, .target_nr = 4);
	CHOICE("S1400", .type = array, .hints = DAOS_OCH_SHD_EXT, .domain_nr = 10, .target_nr = 2000);
	CHOICE("S2000", .type = array, .hints = DAOS_OCH_SHD_MAX, .domain_nr = 10, .target_nr = 2000);
	CHOICE("RP_2G1", .type = array, .redun_fac = 1, .hints = DAOS_OCH_SHD_MAX | DAOS_OCH_RDD_RP, .domain_nr = 2, .target_nr = 2);
	/* 100 domains of 10 targets, factor 1: 4 domains stay free. */
	CHOICE("RP_2G480", .type = array, .redun_fac = 1, .hints = DAOS_OCH_SHD_MAX | DAOS_OCH_RDD_RP, .domain_nr = 100,
	       .target_nr = 1000);
}

static void
classes_that_were_asked_for_are_fitted_or_refused(void **state)
{
	struct oclass_want want = {.id = OC_SX, .domain_nr = 4, .target_nr = 16, .reserve = 6};
	daos_oclass_id_t id;

	CHOICE("S1", .id = OC_S1, .domain_nr = 1, .target_nr = 1);
	CHOICE("S16", .id = OC_SX, .domain_nr = 4, .target_nr = 16);
	CHOICE("RP_2G6", .id = OC_RP_2GX, .redun_fac = 1, .domain_nr = 4, .target_nr = 16);
	CHOICE("S8", .id = OC_S8, .domain_nr = 4, .target_nr = 8);
	CHOICE("none", .id = OC_S8, .domain_nr = 4, .target_nr = 7);
	CHOICE("none", .id = OC_RP_2G1, .domain_nr = 1, .target_nr = 7);
	CHOICE("none", .id = OC_RP_2GX, .domain_nr = 1, .target_nr = 7);
	CHOICE("EC_2P1G1", .id = OC_EC_2P1G1, .domain_nr = 3, .target_nr = 3);
	CHOICE("none", .id = OC_EC_2P1G1, .domain_nr = 2, .target_nr = 30);
	CHOICE("RP_6G1", .id = OC_RP_XSF, .domain_nr = 11, .target_nr = 30);
	CHOICE("RP_12G1", .id = OC_RP_XSF, .domain_nr = 15, .target_nr = 30);
	CHOICE("S1", .id = OC_RP_XSF, .domain_nr = 1, .target_nr = 30);
	CHOICE("none", .id = OC_TINY, .domain_nr = 1, .target_nr = 30);
	CHOICE("none", .id = 77777, .domain_nr = 1, .target_nr = 30);
	CHOICE("none", .id = OC_S1, .domain_nr = 0, .target_nr = 0);
	assert_int_equal(oclass_choose(&want, &id), 0);
	assert_int_equal(id, OC_S1 + 9);
	want.reserve = 100;
	assert_int_equal(oclass_choose(&want, &id), 0);
	assert_int_equal(id, OC_S1);
}

static void
whatever_is_chosen_fits(void **state)
{
	struct rand rand;

	rand_init(&rand, 1, 0);
	for (int round = 0; round < 100000; round++) {
		struct oclass_want want = {
			.type = (enum daos_otype_t)rand_below(&rand, DAOS_OT_MAX + 1),
			.hints = (daos_oclass_hints_t)rand_below(&rand, 1 << 10),
			.redun_fac = (uint32_t)rand_below(&rand, 6),
			.domain_nr = (uint32_t)rand_below(&rand, 400),
			.reserve = rand_one_in(&rand, 2) ? -1 : (int64_t)rand_below(&rand, 1000),
		};
		struct oclass oclass;
		daos_oclass_id_t id;

		want.target_nr = want.domain_nr * (uint32_t)rand_between(&rand, 1, 400);
		if (rand_one_in(&rand, 2))
			want.id = oclass_at((unsigned int)rand_below(&rand, 200));
		if (oclass_choose(&want, &id) != 0)
			continue;
		assert_int_equal(oclass_get(id, &oclass), 0);
		assert_true(oclass.groups < MAX_NUM_GROUPS);
		assert_true(oclass.group_size <= want.domain_nr);
		assert_true((uint64_t)oclass.groups * oclass.group_size <= want.target_nr);
		if (want.id == OC_UNKNOWN)
			assert_true(oclass.parity >= want.redun_fac);
	}
}

static void
object_ids_carry_type_and_class(void **state)
{
	daos_obj_id_t user = {.lo = 0x1122334455667788ULL, .hi = 0xffffffff12345678ULL};
	daos_obj_id_t oid = oclass_oid(user, DAOS_OT_ARRAY_BYTE, OC_EC_4P2GX);
	struct oclass oclass;

	assert_true(oid.lo == user.lo);
	assert_true(oid.hi == 0x0d23ffff12345678ULL);
	assert_int_equal(daos_obj_id2type(oid), DAOS_OT_ARRAY_BYTE);
	assert_int_equal(daos_obj_id2class(oid), OC_EC_4P2GX);
	assert_int_equal(oclass_of(oid, &oclass), 0);
	assert_int_equal(oclass.groups, 65535);
	assert_true(oclass_oid_is_valid(oid));
	assert_false(oclass_oid_is_valid(user));
	assert_false(oclass_oid_is_valid((daos_obj_id_t){0}));
	assert_false(oclass_oid_is_valid(oclass_oid(user, DAOS_OT_MAX + 1, OC_S1)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_frozen),
		cmocka_unit_test(classes_are_taken_apart),
		cmocka_unit_test(names_and_numbers_belong_together),
		cmocka_unit_test(shapes_follow_factor_hints_and_domains),
		cmocka_unit_test(groups_follow_hints_and_leave_spares),
		cmocka_unit_test(classes_that_were_asked_for_are_fitted_or_refused),
		cmocka_unit_test(whatever_is_chosen_fits),
		cmocka_unit_test(object_ids_carry_type_and_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
