/* SPDX-License-Identifier: Apache-2.0 */
/* Headers, hellos and the tree: pure. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/codec.h"
#include "base/rand.h"
#include "../format.h"

struct message {
	struct rpc_header header;
	uint8_t body[64];
};

static struct message
a_message(size_t len)
{
	struct message message = {.header = {.kind = RPC_KIND_REQUEST, .proto_version = 0x0102, .opc = 0x00050001, .status = -1007,
					     .number = 0x1122334455667788, .hlc = 0x99aabbccddeeff00, .deadline_ms = 60000,
					     .rank = 7, .group_version = 3}};

	for (size_t i = 0; i < len; i++)
		message.body[i] = (uint8_t)(i * 7);
	rpc__header_seal(&message.header, message.body, len);
	return message;
}

static void
a_header_opens_to_what_was_sealed(void **state)
{
	struct message message = a_message(20);
	struct rpc_header header;
	const void *body;
	const char *why;

	assert_int_equal(rpc__header_open(&message, sizeof(header) + 20, &header, &body, &why), 0);
	assert_int_equal(header.kind, RPC_KIND_REQUEST);
	assert_int_equal(header.proto_version, 0x0102);
	assert_int_equal(header.opc, 0x00050001);
	assert_int_equal(header.status, -1007);
	assert_true(header.number == 0x1122334455667788 && header.hlc == 0x99aabbccddeeff00);
	assert_int_equal(header.deadline_ms, 60000);
	assert_int_equal(header.rank, 7);
	assert_int_equal(header.group_version, 3);
	assert_int_equal(header.body_len, 20);
	assert_ptr_equal(body, message.body);
}

static void
the_bytes_of_a_header_are_frozen(void **state)
{
	static const uint8_t golden[56] = {
		0x54, 0x44, 0x50, 0x43, 1,    2,    0x02, 0x01, 0x01, 0x00, 0x05, 0x00, 0x11, 0xfc, 0xff, 0xff,
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99,
		0x60, 0xea, 0x00, 0x00, 7,    0,    0,    0,    3,    0,    0,    0,    0,    0,    0,    0,
		4,    0,    0,    0,    0x90, 0xbd, 0xec, 0xd8,
	};
	struct message message = a_message(4);

	assert_memory_equal(&message, golden, 52);
	assert_memory_equal((uint8_t *)&message + 52, golden + 52, 4);
}

static void
no_flipped_bit_and_no_cut_goes_unseen(void **state)
{
	struct message message = a_message(20);
	size_t len = sizeof(message.header) + 20;
	struct rpc_header header;
	const void *body;
	const char *why;

	for (size_t bit = 0; bit < len * 8; bit++) {
		((uint8_t *)&message)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(rpc__header_open(&message, len, &header, &body, &why), -DER_PROTO);
		assert_non_null(why);
		((uint8_t *)&message)[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(rpc__header_open(&message, cut, &header, &body, &why), -DER_PROTO);
	assert_int_equal(rpc__header_open(&message, len + 1, &header, &body, &why), -DER_PROTO);
}

static struct rpc_hello
a_hello(void)
{
	struct rpc_hello hello = {.incarnation = 5, .tag = 3, .requests = 100, .bytes = 1 << 20, .cred = "secret", .cred_len = 6};

	memset(hello.id, 7, sizeof(hello.id));
	hello.protos[0].version = hello.protos[0].oldest = 1;
	hello.protos[5].version = 9;
	hello.protos[5].oldest = 4;
	hello.protos[127].version = 2;
	return hello;
}

static void
a_hello_unpacks_to_what_was_packed_and_bears_additions(void **state)
{
	struct rpc_hello hello = a_hello(), copy;
	struct packer packer;
	uint8_t buf[512];

	packer_init(&packer, buf, sizeof(buf));
	rpc__hello_pack(&packer, &hello);
	assert_int_equal(packer_rc(&packer), 0);
	for (size_t cut = 0; cut < packer_len(&packer); cut++)
		assert_int_equal(rpc__hello_unpack(buf, cut, &copy), -DER_PROTO);
	pack_u64(&packer, 12345); /* of a later version */
	assert_int_equal(rpc__hello_unpack(buf, packer_len(&packer), &copy), 0);
	assert_memory_equal(copy.id, hello.id, 16);
	assert_int_equal(copy.incarnation, 5);
	assert_int_equal(copy.tag, 3);
	assert_int_equal(copy.requests, 100);
	assert_int_equal(copy.bytes, 1 << 20);
	assert_int_equal(copy.cred_len, 6);
	assert_memory_equal(copy.cred, "secret", 6);
	assert_memory_equal(copy.protos, hello.protos, sizeof(copy.protos));
}

static void
the_best_version_that_both_speak_is_chosen(void **state)
{
	static const struct { uint32_t version, oldest, theirs, theirs_oldest, best; } cases[] = {
		{1, 1, 1, 1, 1}, {3, 1, 2, 1, 2}, {2, 1, 3, 1, 2}, {3, 2, 1, 1, 0}, {1, 1, 5, 3, 0}, {5, 3, 4, 2, 4}, {1, 1, 0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rpc_proto ours = {.id = 9, .version = cases[i].version, .oldest = cases[i].oldest};
		struct rpc_hello hello = {0};

		hello.protos[9].version = cases[i].theirs;
		hello.protos[9].oldest = cases[i].theirs_oldest;
		assert_int_equal(rpc__hello_version(&ours, &hello), cases[i].best);
	}
}

static void
damaged_hellos_are_refused_or_make_sense(void **state)
{
	struct rpc_hello hello = a_hello(), copy;
	struct packer packer;
	struct rand rand;
	uint8_t buf[512];

	rand_init(&rand, 1, 1);
	for (int round = 0; round < 20000; round++) {
		packer_init(&packer, buf, sizeof(buf));
		rpc__hello_pack(&packer, &hello);
		for (uint64_t i = rand_below(&rand, 4); i < 4; i++)
			buf[rand_below(&rand, packer_len(&packer))] = (uint8_t)rand_u64(&rand);
		if (rpc__hello_unpack(buf, packer_len(&packer), &copy) != 0)
			continue;
		assert_true(copy.requests > 0 && copy.cred_len <= RPC_CRED_MAX);
		for (uint32_t id = 0; id < RPC_PROTO_MAX; id++)
			assert_true(copy.protos[id].oldest <= copy.protos[id].version && copy.protos[id].version <= UINT16_MAX);
	}
}

/* ---- tree ----------------------------------------------------------------------------------------------------------- */
static void
the_tree_reaches_every_position_once_in_few_steps(void **state)
{
	static uint32_t depth[400];

	for (uint32_t ratio = 2; ratio <= 5; ratio++)
		for (uint32_t nr = 1; nr <= 300; nr += nr < 70 ? 1 : 23)
			for (uint32_t root = 0; root < nr; root += nr < 20 ? 1 : 7) {
				uint32_t queue[400], first = 0, last = 0, levels = 0;

				memset(depth, 0, sizeof(depth));
				queue[last++] = root;
				depth[root] = 1;
				for (; first < last; first++) {
					uint32_t children[64], at = queue[first];
					uint32_t n = rpc_tree_children(nr, root, at, ratio, children, 64);

					for (uint32_t i = 0; i < n; i++) {
						assert_true(children[i] < nr);
						assert_int_equal(depth[children[i]], 0);
						depth[children[i]] = depth[at] + 1;
						levels = depth[at];
						assert_true(last < nr);
						queue[last++] = children[i];
					}
				}
				assert_int_equal(last, nr);
				for (uint64_t reach = 1; levels > 0; levels--, reach *= ratio)
					assert_true(reach < nr);
			}
}

static void
the_tree_is_the_one_that_was_always_built(void **state)
{
	static const uint32_t root[] = {16, 4, 8, 12, 1, 2, 3}, eight[] = {9, 10, 11};
	uint32_t children[64];

	assert_int_equal(rpc_tree_children(18, 0, 0, 4, children, 64), 7);
	assert_memory_equal(children, root, sizeof(root));
	assert_int_equal(rpc_tree_children(18, 0, 8, 4, children, 64), 3);
	assert_memory_equal(children, eight, sizeof(eight));
	assert_int_equal(rpc_tree_children(18, 0, 16, 4, children, 64), 1);
	assert_int_equal(rpc_tree_children(1, 0, 0, 4, children, 64), 0);
	assert_int_equal(rpc_tree_children(UINT32_MAX, 5, 5, 2, children, 64), 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_opens_to_what_was_sealed),
		cmocka_unit_test(the_bytes_of_a_header_are_frozen),
		cmocka_unit_test(no_flipped_bit_and_no_cut_goes_unseen),
		cmocka_unit_test(a_hello_unpacks_to_what_was_packed_and_bears_additions),
		cmocka_unit_test(the_best_version_that_both_speak_is_chosen),
		cmocka_unit_test(damaged_hellos_are_refused_or_make_sense),
		cmocka_unit_test(the_tree_reaches_every_position_once_in_few_steps),
		cmocka_unit_test(the_tree_is_the_one_that_was_always_built),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
