/* SPDX-License-Identifier: Apache-2.0 */
/* Every body of every protocol, filled at random: there and back, cut, damaged, and out of memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/mem_test.h"
#include "proto/registry.h"
#include "proto/test.h"
#include "proto/object.h"

enum { ROUNDS = 40 };

struct bodies { /* walks in and out of all operations */
	const struct rpc_proto *const *proto;
	uint32_t op;
	bool out;
};

static const struct rpc_body *
next_body(struct bodies *at, const struct rpc_proto **proto)
{
	const struct rpc_body *body;

	if (at->proto == NULL)
		at->proto = proto_every;
	if (*at->proto == NULL)
		return NULL;
	*proto = *at->proto;
	body = at->out ? &(*proto)->ops[at->op].out : &(*proto)->ops[at->op].in;
	at->out = !at->out;
	if (!at->out && ++at->op == (*proto)->nr) {
		at->op = 0;
		at->proto++;
	}
	return body;
}

struct world {
	struct mem_test mem;
	struct arena arena;
	struct rand rand;
};

static void
world_init(struct world *world, uint64_t seed)
{
	mem_test_init(&world->mem);
	arena_init(&world->arena, &world->mem.mem);
	rand_init(&world->rand, seed, 1);
}

static void
world_fini(struct world *world)
{
	arena_fini(&world->arena);
	assert_int_equal(world->mem.outstanding, 0);
}

static void *
filled(struct world *world, const struct rpc_body *body)
{
	void *value = arena_alloc(&world->arena, body->size);

	body->fill(&world->rand, value, &world->arena);
	return value;
}

static uint8_t *
packed(struct world *world, const struct rpc_body *body, const void *value, uint32_t version, size_t *len)
{
	struct packer packer;
	uint8_t *data;

	packer_init_count(&packer);
	body->pack(&packer, value, version);
	assert_int_equal(packer_rc(&packer), 0);
	*len = packer_len(&packer);
	data = arena_alloc(&world->arena, *len);
	packer_init(&packer, data, *len);
	body->pack(&packer, value, version);
	assert_int_equal(packer_rc(&packer), 0);
	assert_int_equal(packer_len(&packer), *len);
	return data;
}

static void
a_body_unpacks_to_what_was_packed(void **state)
{
	struct bodies at = {0};
	const struct rpc_proto *proto;
	const struct rpc_body *body;
	struct unpacker unpacker;
	struct world world;
	size_t len;

	while ((body = next_body(&at, &proto)) != NULL)
		for (int round = 0; round < ROUNDS; round++) {
			world_init(&world, round);
			void *value = filled(&world, body), *copy = arena_alloc(&world.arena, body->size);
			uint8_t *data = packed(&world, body, value, proto->version, &len);

			unpacker_init(&unpacker, data, len);
			body->unpack(&unpacker, copy, proto->version, &world.arena);
			assert_int_equal(unpacker_finish(&unpacker), 0);
			assert_true(body->equal(value, copy));
			world_fini(&world);
		}
}

static void
a_body_for_an_older_peer_lacks_the_younger_fields_only(void **state)
{
	struct bodies at = {0};
	const struct rpc_proto *proto;
	const struct rpc_body *body;
	struct unpacker unpacker;
	struct world world;
	size_t len, len_again;

	while ((body = next_body(&at, &proto)) != NULL)
		for (uint32_t version = proto->oldest; version < proto->version; version++) {
			world_init(&world, version);
			void *value = filled(&world, body), *copy = arena_alloc(&world.arena, body->size);
			uint8_t *data = packed(&world, body, value, version, &len);

			unpacker_init(&unpacker, data, len);
			body->unpack(&unpacker, copy, version, &world.arena);
			assert_int_equal(unpacker_finish(&unpacker), 0);
			uint8_t *again = packed(&world, body, copy, version, &len_again);
			assert_int_equal(len, len_again);
			assert_memory_equal(data, again, len);
			world_fini(&world);
		}
}

static void
younger_fields_are_zero_from_an_older_peer(void **state)
{
	struct test_echo_in in = {.number = 7, .text = "x", .extra = 9}, copy = {0};
	struct unpacker unpacker;
	struct world world;
	uint8_t *data;
	size_t len;

	world_init(&world, 1);
	data = packed(&world, &proto_test.ops[op_test_echo].in, &in, 1, &len);
	unpacker_init(&unpacker, data, len);
	proto_unpack_test_echo_in(&unpacker, &copy, 1, &world.arena);
	assert_int_equal(unpacker_finish(&unpacker), 0);
	assert_int_equal(copy.number, 7);
	assert_int_equal(copy.extra, 0);
	world_fini(&world);
}

static void
a_body_cut_anywhere_is_refused(void **state)
{
	struct bodies at = {0};
	const struct rpc_proto *proto;
	const struct rpc_body *body;
	struct unpacker unpacker;
	struct world world;
	size_t len;

	while ((body = next_body(&at, &proto)) != NULL) {
		world_init(&world, 3);
		void *value = filled(&world, body), *copy = arena_alloc(&world.arena, body->size);
		uint8_t *data = packed(&world, body, value, proto->version, &len);

		for (size_t cut = 0; cut < len; cut++) {
			/* In a block of its own, so that a sanitizer sees a read behind the cut. */
			uint8_t *part = mem_alloc(&world.mem.mem, cut + 1);

			memcpy(part, data, cut);
			unpacker_init(&unpacker, part, cut);
			body->unpack(&unpacker, copy, proto->version, &world.arena);
			assert_int_equal(unpacker_finish(&unpacker), -DER_PROTO);
			mem_free(&world.mem.mem, part);
		}
		world_fini(&world);
	}
}

static void
a_damaged_body_is_refused_or_unpacks_to_something_that_packs(void **state)
{
	struct bodies at = {0};
	const struct rpc_proto *proto;
	const struct rpc_body *body;
	struct unpacker unpacker;
	struct world world;
	size_t len, len_again;

	while ((body = next_body(&at, &proto)) != NULL)
		for (int round = 0; round < ROUNDS; round++) {
			char line[4096];
			struct strbuf text;

			world_init(&world, 1000 + round);
			void *value = filled(&world, body), *copy = arena_alloc(&world.arena, body->size);
			uint8_t *data = packed(&world, body, value, proto->version, &len);

			for (int i = 0; len > 0 && i < 3; i++)
				data[rand_below(&world.rand, len)] ^= (uint8_t)(1 << rand_below(&world.rand, 8));
			unpacker_init(&unpacker, data, len);
			body->unpack(&unpacker, copy, proto->version, &world.arena);
			if (unpacker_finish(&unpacker) == 0) {
				packed(&world, body, copy, proto->version, &len_again);
				strbuf_init_fixed(&text, line, sizeof(line));
				body->print(&text, copy);
			}
			world_fini(&world);
		}
}

static void
a_count_that_cannot_be_takes_no_memory(void **state)
{
	uint8_t data[8] = {0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0};
	struct test_sum_out out = {0};
	struct unpacker unpacker;
	struct world world;
	uint8_t body[20] = {0};

	world_init(&world, 1);
	memcpy(body + 12, data, sizeof(data));
	unpacker_init(&unpacker, body, sizeof(body));
	proto_unpack_test_sum_out(&unpacker, &out, 1, &world.arena);
	assert_int_equal(unpacker_finish(&unpacker), -DER_PROTO);
	assert_int_equal(out.ranks_nr, 0);
	assert_int_equal(world.mem.asked, 0);
	world_fini(&world);
}

static void
strings_are_bounded_both_ways(void **state)
{
	static char longest[PROTO_STR_MAX + 1];
	struct test_echo_in in = {.text = longest}, copy = {0};
	struct unpacker unpacker;
	struct packer packer;
	struct world world;

	world_init(&world, 1);
	memset(longest, 'x', PROTO_STR_MAX - 1);
	packer_init_grow(&packer, &world.mem.mem);
	proto_pack_test_echo_in(&packer, &in, 2);
	assert_int_equal(packer_rc(&packer), 0);
	unpacker_init(&unpacker, packer.buf, packer.len);
	proto_unpack_test_echo_in(&unpacker, &copy, 2, &world.arena);
	assert_int_equal(unpacker_finish(&unpacker), 0);
	assert_string_equal(copy.text, longest);
	packer_fini(&packer);

	longest[PROTO_STR_MAX - 1] = 'x';
	proto_pack_test_echo_in(&packer, &in, 2);
	assert_int_equal(packer_rc(&packer), -DER_OVERFLOW);
	packer_fini(&packer);

	packer_init_grow(&packer, &world.mem.mem);
	pack_u64(&packer, 1);
	pack_string(&packer, longest);
	pack_u64(&packer, 0);
	pack_u64(&packer, 0);
	unpacker_init(&unpacker, packer.buf, packer.len);
	proto_unpack_test_echo_in(&unpacker, &copy, 2, &world.arena);
	assert_int_equal(unpacker_finish(&unpacker), -DER_PROTO);
	packer_fini(&packer);
	world_fini(&world);
}

static void
no_memory_for_an_array_is_said(void **state)
{
	struct test_sum_out value = {.ranks_nr = 3, .ranks = (uint32_t[]){1, 2, 3}}, copy = {0};
	struct unpacker unpacker;
	struct world world;
	struct arena other;
	uint8_t *data;
	size_t len;

	world_init(&world, 1);
	data = packed(&world, &proto_test.ops[op_test_sum].out, &value, 1, &len);
	arena_init(&other, &world.mem.mem);
	mem_test_fail(&world.mem, 1);
	unpacker_init(&unpacker, data, len);
	proto_unpack_test_sum_out(&unpacker, &copy, 1, &other);
	assert_int_equal(unpacker_finish(&unpacker), -DER_NOMEM);
	assert_int_equal(copy.ranks_nr, 0);
	mem_test_fail(&world.mem, 0);
	arena_fini(&other);
	world_fini(&world);
}

static void
a_log_line_shows_fields_but_no_secrets(void **state)
{
	struct test_types_in in = {.a_u32 = 5, .a_str = "two\nlines\"", .a_secret = {"hidden", 6},
				   .a_bulk = {.key = {.id = 77, .secret = 0xabcdef}, .len = 3}, .a_iod = {.iod_nr = 1}};
	struct strbuf text;
	char line[4096], small[32];

	strbuf_init_fixed(&text, line, sizeof(line));
	proto_print_test_types_in(&text, &in);
	assert_int_equal(text.rc, 0);
	assert_non_null(strstr(line, "a_u32=5 "));
	assert_non_null(strstr(line, "a_str=\"two?lines?\""));
	assert_non_null(strstr(line, "a_secret=secret(6)"));
	assert_null(strstr(line, "hidden"));
	assert_null(strstr(line, "686964"));
	assert_non_null(strstr(line, "a_bulk=bulk(3)"));
	assert_null(strstr(line, "77"));
	strbuf_init_fixed(&text, small, sizeof(small));
	proto_print_test_types_in(&text, &in);
	assert_int_equal(strnlen(small, sizeof(small)), sizeof(small) - 1);
}

static void
fill_reaches_every_field(void **state)
{
	struct test_types_in seen = {0};
	struct world world;

	for (int round = 0; round < 100; round++) {
		struct test_types_in *in;

		world_init(&world, round);
		in = filled(&world, &proto_test.ops[op_test_types].in);
		seen.a_u8 |= in->a_u8;
		seen.a_bool |= in->a_bool;
		seen.a_i64 |= in->a_i64;
		seen.a_iod.iod_nr |= in->a_iod.iod_nr;
		seen.some_uuid_nr |= in->some_uuid_nr;
		seen.some_struct_nr |= in->some_struct_nr;
		seen.late_some_nr |= in->late_some_nr;
		seen.a_bulk.len |= in->a_bulk.len;
		seen.a_anchor.da_type |= in->a_anchor.da_type;
		world_fini(&world);
	}
	assert_true(seen.a_u8 && seen.a_bool && seen.a_i64 && seen.a_iod.iod_nr && seen.some_uuid_nr && seen.some_struct_nr &&
		    seen.late_some_nr && seen.a_bulk.len && seen.a_anchor.da_type);
}

static void
difference_in_any_field_is_seen(void **state)
{
	struct bodies at = {0};
	const struct rpc_proto *proto;
	const struct rpc_body *body;
	struct unpacker unpacker;
	struct world world;
	size_t len;
	uint32_t compared = 0;

	/* A changed byte that still unpacks gives another value, or the same one only where the bytes are not canonical. */
	while ((body = next_body(&at, &proto)) != NULL) {
		world_init(&world, 5);
		void *value = filled(&world, body), *copy = arena_alloc(&world.arena, body->size);
		uint8_t *data = packed(&world, body, value, proto->version, &len);

		for (size_t i = 0; i < len; i++) {
			data[i] ^= 1;
			unpacker_init(&unpacker, data, len);
			memset(copy, 0, body->size);
			body->unpack(&unpacker, copy, proto->version, &world.arena);
			if (unpacker_finish(&unpacker) == 0) {
				size_t len_again;
				uint8_t *again = packed(&world, body, copy, proto->version, &len_again);

				if (len_again == len && memcmp(again, data, len) == 0) {
					assert_false(body->equal(value, copy));
					compared++;
				}
			}
			data[i] ^= 1;
		}
		world_fini(&world);
	}
	assert_true(compared > 1000);
}

static void
operations_are_found_by_number_and_have_unique_names(void **state)
{
	uint32_t nr = 0;

	for (const struct rpc_proto *const *proto = proto_every; *proto != NULL; proto++) {
		assert_true(proto[1] == NULL || proto[0]->id < proto[1]->id);
		assert_true((*proto)->oldest <= (*proto)->version && (*proto)->oldest > 0);
		for (uint32_t i = 0; i < (*proto)->nr; i++, nr++) {
			const struct rpc_op *op = &(*proto)->ops[i];

			assert_ptr_equal(proto_op(RPC_OPC((*proto)->id, i)), op);
			assert_string_equal(proto_op_name(RPC_OPC((*proto)->id, i)), op->name);
			assert_true(op->since >= 1 && op->since <= (*proto)->version);
			for (uint32_t j = 0; j < i; j++)
				assert_string_not_equal(op->name, (*proto)->ops[j].name);
			assert_true((op->flags & RPC_ONEWAY) == 0 || op->out.size == 0);
		}
	}
	assert_true(nr > 60);
	assert_null(proto_op(RPC_OPC(proto_test.id, proto_test.nr)));
	assert_null(proto_op(RPC_OPC(99, 0)));
	assert_string_equal(proto_op_name(0xffffffff), "?");
	assert_int_equal(opc_test_echo, RPC_OPC(1, 0));
	assert_int_equal(opc_object_fetch, RPC_OPC(5, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_unpacks_to_what_was_packed),
		cmocka_unit_test(a_body_for_an_older_peer_lacks_the_younger_fields_only),
		cmocka_unit_test(younger_fields_are_zero_from_an_older_peer),
		cmocka_unit_test(a_body_cut_anywhere_is_refused),
		cmocka_unit_test(a_damaged_body_is_refused_or_unpacks_to_something_that_packs),
		cmocka_unit_test(a_count_that_cannot_be_takes_no_memory),
		cmocka_unit_test(strings_are_bounded_both_ways),
		cmocka_unit_test(no_memory_for_an_array_is_said),
		cmocka_unit_test(a_log_line_shows_fields_but_no_secrets),
		cmocka_unit_test(fill_reaches_every_field),
		cmocka_unit_test(difference_in_any_field_is_seen),
		cmocka_unit_test(operations_are_found_by_number_and_have_unique_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
