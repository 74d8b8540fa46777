/* SPDX-License-Identifier: Apache-2.0 */
/* pure/acl: text, order, hostile bytes, and decisions against the rule written out a second time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/mem_test.h"
#include "base/rand.h"
#include "pure/acl/acl.h"

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

static struct daos_acl *
list_of(const char *text)
{
	struct daos_acl *acl = NULL;

	assert_int_equal(acl_parse(&test.mem, text, strlen(text), &acl, NULL), 0);
	assert_int_equal(acl_check(acl, acl_size(acl)), 0);
	return acl;
}

static void
assert_entries(const struct daos_acl *acl, const char *text)
{
	const struct daos_ace *ace = NULL;
	struct strbuf out;

	strbuf_init(&out, &test.mem);
	while ((ace = acl_next(acl, ace)) != NULL) {
		assert_int_equal(ace_print(ace, &out), 0);
		strbuf_add_char(&out, '\n');
	}
	assert_string_equal(strbuf_text(&out), text);
	strbuf_fini(&out);
}

static void
entries_are_read_and_printed(void **state)
{
	static const char *const good[] = {
		"A::OWNER@:rw", "A:G:GROUP@:rwdtTaAo", "A::alice@:r", "A:G:staff@:rw", "A::EVERYONE@:", "A:P:bob@domain:rwcdtTaAo",
		"UL:GFS:GROUP@:r", "AU:S:EVERYONE@:t",
	};
	static const char *const bad[] = {
		"", "A", "A::OWNER@", "A::OWNER@:rw:", ":::", "::OWNER@:r", "B::OWNER@:r", "A:X:OWNER@:r", "A::OWNER@:x", "A::@:r",
		"A::alice:r", "A::a@b@:r", "A:G:OWNER@:r", "A::GROUP@:r", "A:G:EVERYONE@:r", "A:F:OWNER@:r", "U::OWNER@:r",
		" A::OWNER@:r", "A::OWNER@:r ", "A::al\nice@:r", "A::@alice:r",
	};
	char longest[DAOS_ACL_MAX_ACE_STR_LEN + 10];
	struct daos_ace *ace;
	struct strbuf out;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(ace_parse(&test.mem, text_span_of(good[i]), &ace), 0);
		strbuf_init(&out, &test.mem);
		assert_int_equal(ace_print(ace, &out), 0);
		assert_string_equal(strbuf_text(&out), good[i]);
		strbuf_fini(&out);
		mem_free(&test.mem, ace);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ace_parse(&test.mem, text_span_of(bad[i]), &ace), -DER_INVAL);
	snprintf(longest, sizeof(longest), "AUL:GPFS:%0254d@:rwcdtTaAo", 5);
	assert_int_equal(ace_parse(&test.mem, text_span_of(longest), &ace), 0);
	assert_int_equal(ace->dae_principal_len, 256);
	mem_free(&test.mem, ace);
	snprintf(longest, sizeof(longest), "A::%0255d@:r", 5);
	assert_int_equal(ace_parse(&test.mem, text_span_of(longest), &ace), -DER_INVAL);
}

static void
entries_are_told_in_words(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"A::OWNER@:rw", "Allow::Owner:Read/Write"},
		{"A:G:GROUP@:", "Allow:Group:Owner-Group:No-Access"},
		{"AU:GFS:staff@:aA", "Allow/Audit:Group/Access-Fail/Access-Success:staff@:Get-ACL/Set-ACL"},
	};
	struct daos_ace *ace;
	struct strbuf out;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(ace_parse(&test.mem, text_span_of(cases[i].text), &ace), 0);
		strbuf_init(&out, &test.mem);
		assert_int_equal(ace_print_words(ace, &out), 0);
		assert_string_equal(strbuf_text(&out), cases[i].words);
		strbuf_fini(&out);
		mem_free(&test.mem, ace);
	}
}

static void
masks_that_differ_cannot_be_printed(void **state)
{
	struct daos_ace *ace;
	struct strbuf out;

	assert_int_equal(ace_create(&test.mem, DAOS_ACL_USER, "alice@", &ace), 0);
	strbuf_init(&out, &test.mem);
	assert_int_equal(ace_check(ace, ace_size(ace)), 0);
	assert_int_equal(ace_print(ace, &out), -DER_INVAL); /* no type */
	ace->dae_access_types = DAOS_ACL_ACCESS_ALLOW | DAOS_ACL_ACCESS_AUDIT;
	ace->dae_access_flags = DAOS_ACL_FLAG_ACCESS_FAIL;
	ace->dae_allow_perms = DAOS_ACL_PERM_READ;
	assert_int_equal(ace_check(ace, ace_size(ace)), 0);
	assert_int_equal(ace_print(ace, &out), -DER_INVAL);
	assert_int_equal(ace_print_words(ace, &out), -DER_INVAL);
	ace->dae_audit_perms = DAOS_ACL_PERM_READ;
	assert_int_equal(ace_print(ace, &out), 0);
	strbuf_fini(&out);
	mem_free(&test.mem, ace);
}

static void
principals_are_read_with_their_kind(void **state)
{
	char name[DAOS_ACL_MAX_PRINCIPAL_BUF_LEN];
	enum daos_acl_principal_type type;

	assert_int_equal(acl_principal_parse("u:alice@", &type, name), 0);
	assert_int_equal(type, DAOS_ACL_USER);
	assert_string_equal(name, "alice@");
	assert_int_equal(acl_principal_parse("g:staff@", &type, name), 0);
	assert_int_equal(type, DAOS_ACL_GROUP);
	assert_int_equal(acl_principal_parse("GROUP@", &type, name), 0);
	assert_int_equal(type, DAOS_ACL_OWNER_GROUP);
	assert_string_equal(name, "");
	assert_int_equal(acl_principal_parse("alice@", &type, name), -DER_INVAL);
	assert_int_equal(acl_principal_parse("u:OWNER@", &type, name), -DER_INVAL);
	assert_int_equal(acl_principal_parse("u:", &type, name), -DER_INVAL);
	assert_int_equal(acl_principal_parse("", &type, name), -DER_INVAL);
}

static void
lists_stand_in_canonical_order(void **state)
{
	struct daos_acl *acl = list_of("A::EVERYONE@:r\n\n# comment\n  A:G:staff@:r\t\nA::bob@:w\r\nA:G:GROUP@:t\nA::alice@:\nA::OWNER@:rw");
	struct daos_acl *other, *same;
	struct daos_ace *ace;

	assert_entries(acl, "A::OWNER@:rw\nA::bob@:w\nA::alice@:\nA:G:GROUP@:t\nA:G:staff@:r\nA::EVERYONE@:r\n");
	assert_int_equal(ace_parse(&test.mem, text_span_of("A::bob@:r"), &ace), 0);
	assert_int_equal(acl_with(&test.mem, acl, ace, &other), 0);
	assert_entries(other, "A::OWNER@:rw\nA::bob@:r\nA::alice@:\nA:G:GROUP@:t\nA:G:staff@:r\nA::EVERYONE@:r\n");
	assert_false(acl_equal(acl, other));
	mem_free(&test.mem, ace);
	mem_free(&test.mem, other);
	assert_int_equal(acl_without(&test.mem, acl, DAOS_ACL_USER, "bob@", &other), 0);
	assert_null(acl_find(other, DAOS_ACL_USER, "bob@"));
	assert_int_equal(acl_without(&test.mem, other, DAOS_ACL_USER, "bob@", &same), -DER_NONEXIST);
	assert_int_equal(acl_without(&test.mem, other, DAOS_ACL_USER, NULL, &same), -DER_NONEXIST);
	mem_free(&test.mem, other);
	assert_int_equal(acl_without(&test.mem, acl, DAOS_ACL_EVERYONE, NULL, &other), 0);
	same = list_of("A::EVERYONE@:r\nA::OWNER@:r");
	mem_free(&test.mem, acl);
	assert_int_equal(acl_merge(&test.mem, other, same, &acl), 0);
	assert_entries(acl, "A::OWNER@:r\nA::bob@:w\nA::alice@:\nA:G:GROUP@:t\nA:G:staff@:r\nA::EVERYONE@:r\n");
	mem_free(&test.mem, same);
	mem_free(&test.mem, other);
	mem_free(&test.mem, acl);
}

static void
a_file_says_which_line_is_wrong(void **state)
{
	static const char twice[] = "# list\nA::OWNER@:r\n\nA::OWNER@:rw\n", wrong[] = "A::OWNER@:r\nnonsense\n";
	struct daos_acl *acl;
	int line = -1;

	assert_int_equal(acl_parse(&test.mem, twice, strlen(twice), &acl, &line), -DER_INVAL);
	assert_int_equal(line, 4);
	assert_int_equal(acl_parse(&test.mem, wrong, strlen(wrong), &acl, &line), -DER_INVAL);
	assert_int_equal(line, 2);
	assert_int_equal(acl_parse(&test.mem, "A::OWNER@:r\0x", 13, &acl, &line), -DER_INVAL);
	assert_int_equal(acl_parse(&test.mem, "", 0, &acl, &line), 0);
	assert_null(acl_next(acl, NULL));
	mem_free(&test.mem, acl);
}

static void
a_printed_list_reads_the_same(void **state)
{
	struct daos_acl *acl = list_of("A::OWNER@:rw\nA:G:staff@:r\n"), *again;
	struct strbuf out;

	for (int words = 0; words < 2; words++) {
		strbuf_init(&out, &test.mem);
		assert_int_equal(acl_print(acl, "alice@", "users@", words, &out), 0);
		if (!words)
			assert_string_equal(strbuf_text(&out), "# Owner: alice@\n# Owner Group: users@\n# Entries:\n"
							       "A::OWNER@:rw\nA:G:staff@:r\n");
		again = list_of(strbuf_text(&out));
		assert_true(acl_equal(acl, again));
		mem_free(&test.mem, again);
		strbuf_fini(&out);
	}
	mem_free(&test.mem, acl);
}

static void
the_defaults_are_as_documented(void **state)
{
	struct daos_acl *acl;

	assert_int_equal(acl_default_pool(&test.mem, &acl), 0);
	assert_entries(acl, "A::OWNER@:rw\nA:G:GROUP@:rw\n");
	assert_int_equal(acl_check_pool(acl), 0);
	mem_free(&test.mem, acl);
	assert_int_equal(acl_default_cont(&test.mem, &acl), 0);
	assert_entries(acl, "A::OWNER@:rwdtTaAo\nA:G:GROUP@:rwtT\n");
	assert_int_equal(acl_check_cont(acl), 0);
	assert_int_equal(acl_check_pool(acl), -DER_INVAL);
	mem_free(&test.mem, acl);
	acl = list_of("A::OWNER@:c");
	assert_int_equal(acl_check_cont(acl), -DER_INVAL);
	mem_free(&test.mem, acl);
}

static void
the_first_level_that_matches_decides(void **state)
{
	struct daos_acl *acl = list_of("A::OWNER@:rw\nA::bob@:\nA:G:GROUP@:t\nA:G:staff@:r\nA:G:wheel@:wd\nA::EVERYONE@:a\n");
	const char *const groups[] = {"staff@", "wheel@"}, *const users[] = {"users@"};
	struct acl_who who = {.user = "alice@", .owner = "alice@", .owner_group = "users@", .groups = groups, .group_nr = 2};
	struct daos_acl *less;

	assert_int_equal(acl_perms(acl, &who), DAOS_ACL_PERM_READ | DAOS_ACL_PERM_WRITE);
	assert_int_equal(acl_perms_cont(acl, &who), DAOS_ACL_PERM_READ | DAOS_ACL_PERM_WRITE | DAOS_ACL_PERM_GET_ACL |
							   DAOS_ACL_PERM_SET_ACL);
	who.user = "bob@"; /* named, with nothing: his groups do not help */
	assert_int_equal(acl_perms(acl, &who), 0);
	who.user = "carol@"; /* the union of her groups */
	assert_int_equal(acl_perms(acl, &who), DAOS_ACL_PERM_READ | DAOS_ACL_PERM_WRITE | DAOS_ACL_PERM_DEL_CONT);
	who.groups = users;
	who.group_nr = 1;
	assert_int_equal(acl_perms(acl, &who), DAOS_ACL_PERM_GET_PROP);
	who.group_nr = 0;
	assert_int_equal(acl_perms(acl, &who), DAOS_ACL_PERM_GET_ACL);
	assert_int_equal(acl_perms_pool(acl, &who), 0);
	who.user = NULL;
	assert_int_equal(acl_perms(acl, &who), DAOS_ACL_PERM_GET_ACL);
	assert_int_equal(acl_perms(NULL, &who), 0);
	/* The owner without an OWNER@ entry is one of the others, but keeps the list of a container. */
	assert_int_equal(acl_without(&test.mem, acl, DAOS_ACL_OWNER, NULL, &less), 0);
	who.user = "alice@";
	assert_int_equal(acl_perms(less, &who), DAOS_ACL_PERM_GET_ACL);
	assert_int_equal(acl_perms_pool(less, &who), 0);
	assert_int_equal(acl_perms_cont(NULL, &who), DAOS_ACL_PERM_GET_ACL | DAOS_ACL_PERM_SET_ACL);
	assert_true(acl_pool_can_read(DAOS_ACL_PERM_GET_PROP) && acl_pool_can_create_cont(DAOS_ACL_PERM_CREATE_CONT) &&
		    acl_pool_can_delete_cont(DAOS_ACL_PERM_WRITE) && !acl_pool_can_delete_cont(DAOS_ACL_PERM_READ));
	mem_free(&test.mem, less);
	mem_free(&test.mem, acl);
}

/* Random lists over few names; the rule is written out again over plain arrays. */
static void
decisions_agree_with_a_model(void **state)
{
	static const char *const names[] = {"a@", "b@", "c@", "d@"};
	struct rand rand;

	rand_init(&rand, 1, 0);
	for (int round = 0; round < 5000; round++) {
		struct {
			bool there;
			uint64_t perms;
		} user[4] = {0}, group[4] = {0}, owner = {0}, owner_group = {0}, everyone = {0};
		const char *mine[4];
		bool in[4], member = false;
		struct acl_who who = {.user = names[rand_below(&rand, 4)], .owner = names[rand_below(&rand, 4)], .groups = mine};
		uint64_t expect = 0, kin = 0;
		size_t og = rand_below(&rand, 4);
		struct strbuf text;
		struct daos_acl *acl;

		strbuf_init(&text, &test.mem);
#define MAYBE(slot, fmt, ...)                                                                                          \
	if (rand_one_in(&rand, 2)) {                                                                                   \
		(slot).there = true;                                                                                   \
		(slot).perms = rand_below(&rand, 4);                                                                   \
		strbuf_addf(&text, fmt ":%s%s\n", ##__VA_ARGS__, (slot).perms & 1 ? "r" : "", (slot).perms & 2 ? "w" : ""); \
	}
		MAYBE(everyone, "A::EVERYONE@");
		for (int i = 0; i < 4; i++) {
			MAYBE(user[i], "A::%s", names[i]);
			MAYBE(group[i], "A:G:%s", names[i]);
			in[i] = rand_one_in(&rand, 2);
			if (in[i])
				mine[who.group_nr++] = names[i];
		}
		MAYBE(owner, "A::OWNER@");
		MAYBE(owner_group, "A:G:GROUP@");
		who.owner_group = names[og];
		acl = list_of(strbuf_text(&text));
		for (int i = 0; i < 4; i++) {
			if (in[i] && group[i].there) {
				member = true;
				kin |= group[i].perms;
			}
		}
		if (in[og] && owner_group.there) {
			member = true;
			kin |= owner_group.perms;
		}
		if (strcmp(who.user, who.owner) == 0 && owner.there)
			expect = owner.perms;
		else if (user[who.user[0] - 'a'].there)
			expect = user[who.user[0] - 'a'].perms;
		else if (member)
			expect = kin;
		else if (everyone.there)
			expect = everyone.perms;
		assert_int_equal(acl_perms(acl, &who), expect);
		strbuf_fini(&text);
		mem_free(&test.mem, acl);
	}
}

static void
packed_lists_come_back_and_mangled_ones_do_no_harm(void **state)
{
	struct daos_acl *acl = list_of("A::OWNER@:rw\nAU:S:bob@:r\nA::verylongusername@domain:\nA:G:GROUP@:t\nA:G:s@:r\n"
				       "A::EVERYONE@:r\n"), *again;
	struct unpacker unpacker;
	struct packer packer;
	struct rand rand;
	void *bytes;
	size_t len;

	rand_init(&rand, 2, 0);
	packer_init_grow(&packer, &test.mem);
	acl_pack(&packer, acl);
	assert_int_equal(packer_take(&packer, &bytes, &len), 0);
	for (size_t cut = 0; cut <= len; cut++) {
		char *copy = mem_alloc(&test.mem, cut);

		memcpy(copy, bytes, cut);
		unpacker_init(&unpacker, copy, cut);
		again = acl_unpack(&test.mem, &unpacker);
		assert_int_equal(unpacker_finish(&unpacker), cut < len ? -DER_PROTO : 0);
		assert_int_equal(again != NULL, cut == len);
		if (again != NULL)
			assert_true(acl_equal(acl, again));
		mem_free(&test.mem, again);
		mem_free(&test.mem, copy);
	}
	for (int round = 0; round < 20000; round++) {
		unsigned char *copy = mem_alloc(&test.mem, len);

		memcpy(copy, bytes, len);
		for (int i = 0; i < 2; i++)
			copy[rand_below(&rand, len)] ^= (unsigned char)(1 << rand_below(&rand, 8));
		unpacker_init(&unpacker, copy, len);
		again = acl_unpack(&test.mem, &unpacker);
		if (again != NULL)
			assert_int_equal(acl_check(again, acl_size(again)), 0);
		mem_free(&test.mem, again);
		mem_free(&test.mem, copy);
	}
	mem_free(&test.mem, bytes);
	mem_free(&test.mem, acl);
}

static void
hostile_structures_are_refused(void **state)
{
	struct daos_acl *acl = list_of("A::OWNER@:rw\nA::bob@:r\nA:G:GROUP@:t\n");
	size_t size = acl_size(acl);
	struct rand rand;

	rand_init(&rand, 3, 0);
	assert_int_equal(acl_check(acl, size - 1), -DER_INVAL);
	assert_int_equal(acl_check(acl, 7), -DER_INVAL);
	for (int round = 0; round < 50000; round++) {
		unsigned char *copy = mem_alloc(&test.mem, size);

		memcpy(copy, acl, size);
		for (int i = 0; i < 3; i++)
			copy[rand_below(&rand, size)] = (unsigned char)rand_u64(&rand);
		if (acl_check((struct daos_acl *)copy, size) == 0)
			acl_find((struct daos_acl *)copy, DAOS_ACL_USER, "bob@");
		mem_free(&test.mem, copy);
	}
	mem_free(&test.mem, acl);
}

static void
every_failed_allocation_is_survived(void **state)
{
	static const char text[] = "A::OWNER@:rw\nA::bob@:r\nA:G:GROUP@:t\n";
	struct daos_acl *acl = NULL, *merged;
	int rc = -1;

	for (size_t nth = 1; rc != 0; nth++) {
		mem_test_fail(&test, nth);
		rc = acl_parse(&test.mem, text, strlen(text), &acl, NULL);
		if (rc == 0) {
			rc = acl_merge(&test.mem, acl, acl, &merged);
			if (rc == 0)
				mem_free(&test.mem, merged);
			mem_free(&test.mem, acl);
		}
		assert_true(rc == 0 || rc == -DER_NOMEM);
		assert_int_equal(test.outstanding, 0);
	}
	mem_test_fail(&test, 0);
}

static void
a_list_does_not_grow_beyond_its_limit(void **state)
{
	struct daos_acl *acl = list_of(""), *more;
	int rc = 0, nr = 0;

	while (rc == 0 && nr < 3000) {
		char text[300];
		struct daos_ace *ace;

		snprintf(text, sizeof(text), "A::%0250d@:r", nr++);
		assert_int_equal(ace_parse(&test.mem, text_span_of(text), &ace), 0);
		rc = acl_with(&test.mem, acl, ace, &more);
		mem_free(&test.mem, ace);
		if (rc == 0) {
			mem_free(&test.mem, acl);
			acl = more;
		}
	}
	assert_int_equal(rc, -DER_INVAL);
	assert_int_equal(nr - 1, DAOS_ACL_MAX_ACE_LEN / (32 + 256));
	assert_int_equal(acl_check(acl, acl_size(acl)), 0);
	mem_free(&test.mem, acl);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(entries_are_read_and_printed, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(entries_are_told_in_words, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(masks_that_differ_cannot_be_printed, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(principals_are_read_with_their_kind, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(lists_stand_in_canonical_order, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(a_file_says_which_line_is_wrong, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(a_printed_list_reads_the_same, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(the_defaults_are_as_documented, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(the_first_level_that_matches_decides, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(decisions_agree_with_a_model, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(packed_lists_come_back_and_mangled_ones_do_no_harm, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(hostile_structures_are_refused, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(every_failed_allocation_is_survived, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(a_list_does_not_grow_beyond_its_limit, setup, nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
