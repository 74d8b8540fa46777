/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden bytes: samples of every body, frozen in golden_<protocol>.txt as
 *
 *	operation_in version bytes in hexadecimal
 *		the same as text
 *
 * and never changed, only appended to. Each must unpack to that text and pack to those bytes again, so that a field that
 * moved, a row that moved or a type that changed is found. A body without samples at the protocol's version fails the test:
 * GOLDEN_WRITE=1 in the environment appends what is missing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/mem_test.h"
#include "proto/registry.h"

enum { SAMPLES = 2, LINE_MAX_ = 1 << 18, TEXT_MAX = 1 << 16 };

static char line[LINE_MAX_], text[TEXT_MAX], frozen[TEXT_MAX];
static uint8_t bytes[LINE_MAX_ / 2], again[LINE_MAX_ / 2];

static const struct rpc_body *
find_body(const struct rpc_proto *proto, const char *name, uint32_t *index)
{
	for (uint32_t i = 0; i < proto->nr; i++) {
		*index = i;
		if (strcmp(proto->ops[i].in.name, name) == 0)
			return &proto->ops[i].in;
		if (strcmp(proto->ops[i].out.name, name) == 0)
			return &proto->ops[i].out;
	}
	return NULL;
}

static void
path_of(const struct rpc_proto *proto, char path[512])
{
	snprintf(path, 512, "%s/src/proto/test/golden_%s.txt", SOURCE_ROOT, proto->name);
}

static size_t
unhex(const char *hex, uint8_t *out)
{
	size_t len = 0;

	if (strcmp(hex, "-") == 0)
		return 0;
	for (; hex[0] != '\0'; hex += 2, len++) {
		unsigned int byte;

		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		out[len] = (uint8_t)byte;
	}
	return len;
}

static size_t
pack_to(const struct rpc_body *body, const void *value, uint32_t version, uint8_t *out)
{
	struct packer packer;

	packer_init(&packer, out, sizeof(again));
	body->pack(&packer, value, version);
	assert_int_equal(packer_rc(&packer), 0);
	return packer_len(&packer);
}

static void
print_to(const struct rpc_body *body, const void *value, char *out)
{
	struct strbuf buf;

	strbuf_init_fixed(&buf, out, TEXT_MAX);
	body->print(&buf, value);
	assert_int_equal(buf.rc, 0);
}

static void
check_sample(const struct rpc_body *body, uint32_t version, size_t len)
{
	struct mem_test mem;
	struct unpacker unpacker;
	struct arena arena;
	void *value;

	mem_test_init(&mem);
	arena_init(&arena, &mem.mem);
	value = arena_alloc(&arena, body->size);
	unpacker_init(&unpacker, bytes, len);
	body->unpack(&unpacker, value, version, &arena);
	assert_int_equal(unpacker_finish(&unpacker), 0);
	print_to(body, value, text);
	assert_string_equal(text, frozen);
	assert_int_equal(pack_to(body, value, version, again), len);
	assert_memory_equal(again, bytes, len);
	arena_fini(&arena);
	assert_int_equal(mem.outstanding, 0);
}

static void
write_sample(FILE *file, const struct rpc_body *body, uint32_t version, uint64_t seed)
{
	struct mem_test mem;
	struct arena arena;
	struct rand rand;
	size_t len;
	void *value;

	mem_test_init(&mem);
	arena_init(&arena, &mem.mem);
	rand_init(&rand, seed, version);
	value = arena_alloc(&arena, body->size);
	body->fill(&rand, value, &arena);
	len = pack_to(body, value, version, again);
	fprintf(file, "%s %u ", body->name, version);
	for (size_t i = 0; i < len; i++)
		fprintf(file, "%02x", again[i]);
	print_to(body, value, text);
	fprintf(file, "%s\n\t%s\n", len == 0 ? "-" : "", text);
	arena_fini(&arena);
}

/* Counts the samples of each body at the present version; checks all. */
static void
check_file(const struct rpc_proto *proto, uint32_t *in_nr, uint32_t *out_nr)
{
	static char name[128], hex[LINE_MAX_];
	char path[512];
	FILE *file;

	path_of(proto, path);
	file = fopen(path, "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		const struct rpc_body *body;
		uint32_t version, index;

		assert_int_equal(sscanf(line, "%127s %u %262143s", name, &version, hex), 3);
		body = find_body(proto, name, &index);
		if (body == NULL)
			fail_msg("%s: %s is no body of the protocol any more", path, name);
		assert_non_null(fgets(frozen, sizeof(frozen), file));
		frozen[strcspn(frozen, "\n")] = '\0';
		assert_int_equal(frozen[0], '\t');
		memmove(frozen, frozen + 1, strlen(frozen));
		if (version < proto->oldest)
			continue;
		check_sample(body, version, unhex(hex, bytes));
		if (version == proto->version)
			(body == &proto->ops[index].in ? in_nr : out_nr)[index]++;
	}
	if (file != NULL)
		fclose(file);
}

static void
append_missing(const struct rpc_proto *proto, const uint32_t *in_nr, const uint32_t *out_nr)
{
	char path[512];
	FILE *file;

	path_of(proto, path);
	file = fopen(path, "a");
	assert_non_null(file);
	for (uint32_t i = 0; i < proto->nr; i++)
		for (uint64_t sample = 0; sample < SAMPLES; sample++) {
			if (in_nr[i] == 0)
				write_sample(file, &proto->ops[i].in, proto->version, sample);
			if (out_nr[i] == 0)
				write_sample(file, &proto->ops[i].out, proto->version, 100 + sample);
		}
	fclose(file);
}

static void
frozen_bytes_still_mean_what_they_meant(void **state)
{
	for (const struct rpc_proto *const *proto = proto_every; *proto != NULL; proto++) {
		uint32_t in_nr[128] = {0}, out_nr[128] = {0};

		assert_true((*proto)->nr <= ARRAY_SIZE(in_nr));
		check_file(*proto, in_nr, out_nr);
		if (getenv("GOLDEN_WRITE") != NULL)
			append_missing(*proto, in_nr, out_nr);
		else
			for (uint32_t i = 0; i < (*proto)->nr; i++)
				if (in_nr[i] == 0 || out_nr[i] == 0)
					fail_msg("%s has no golden bytes: run this test once with GOLDEN_WRITE=1 and look at what "
						 "it appends", (*proto)->ops[i].name);
	}
}

static void
numbers_of_operations_are_frozen(void **state)
{
	char path[512], name[128];
	unsigned int opc;
	uint32_t nr = 0, rows = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/src/proto/test/golden_opcodes.txt", SOURCE_ROOT);
	for (const struct rpc_proto *const *proto = proto_every; *proto != NULL; proto++)
		rows += (*proto)->nr;
	file = fopen(path, "r");
	while (file != NULL && fscanf(file, "%x %127s", &opc, name) == 2) {
		assert_string_equal(proto_op_name(opc), name);
		nr++;
	}
	if (file != NULL)
		fclose(file);
	if (nr != rows && getenv("GOLDEN_WRITE") != NULL) {
		/* Only appended: rows that are there were compared above. */
		file = fopen(path, "w");
		assert_non_null(file);
		for (const struct rpc_proto *const *proto = proto_every; *proto != NULL; proto++)
			for (uint32_t i = 0; i < (*proto)->nr; i++)
				fprintf(file, "%x %s\n", RPC_OPC((*proto)->id, i), (*proto)->ops[i].name);
		fclose(file);
		nr = rows;
	}
	assert_int_equal(nr, rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frozen_bytes_still_mean_what_they_meant),
		cmocka_unit_test(numbers_of_operations_are_frozen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
