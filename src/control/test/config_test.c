/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations, good and bad. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "control/control.h"

static void *
plain_alloc(struct mem *mem, size_t size, size_t align, const void *site)
{
	return aligned_alloc(MAX(align, (size_t)16), ALIGN_UP(size, MAX(align, (size_t)16)));
}

static void
plain_free(struct mem *mem, void *ptr)
{
	free(ptr);
}

static struct mem plain = {.alloc = plain_alloc, .free = plain_free};

struct parsed {
	struct arena arena;
	char error[2048];
	struct strbuf words;
	struct control_config *config;
	int rc;
};

static void
parse(struct parsed *parsed, const char *text, const char *dir)
{
	memset(parsed, 0, sizeof(*parsed));
	arena_init(&parsed->arena, &plain);
	strbuf_init_fixed(&parsed->words, parsed->error, sizeof(parsed->error));
	parsed->rc = control_config_parse(text, strlen(text), dir, &parsed->arena, &parsed->words, &parsed->config);
	if (parsed->rc == 0)
		parsed->rc = control_config_check(parsed->config, &parsed->words);
}

static const char full[] =
	"name: shop\n"
	"access_points: ['localhost:10001']\n"
	"port: 10001\n"
	"transport_config:\n"
	"  allow_insecure: true\n"
	"provider: ofi+tcp;ofi_rxm\n"
	"socket_dir: /tmp/shop\n"
	"nr_hugepages: 4096\n"
	"control_log_mask: NOTICE\n"
	"control_log_file: /tmp/shop/server.log\n"
	"client_env_vars: [CRT_TIMEOUT=30]\n"
	"control_metadata:\n"
	"  path: /var/shop/meta\n"
	"engines:\n"
	"-\n"
	"  targets: 4\n"
	"  nr_xs_helpers: 1\n"
	"  first_core: 2\n"
	"  pinned_numa_node: 0\n"
	"  fabric_iface: lo\n"
	"  fabric_iface_port: 31416\n"
	"  log_mask: WARN\n"
	"  log_file: /tmp/shop/engine0.log\n"
	"  env_vars: [DD_MASK=all, DAOS_MD_CAP=1024]\n"
	"  storage:\n"
	"  - class: ram\n"
	"    scm_mount: /mnt/shop0\n"
	"    scm_size: 4\n"
	"  - class: file\n"
	"-\n"
	"  targets: 8\n"
	"  storage: [{class: ram, scm_mount: /mnt/shop1}]\n";

static void
a_whole_file_is_understood(void **state)
{
	struct parsed p;

	parse(&p, full, NULL);
	assert_string_equal("", p.error);
	assert_int_equal(0, p.rc);
	assert_string_equal("shop", p.config->system);
	assert_string_equal("/tmp/shop", p.config->socket_dir);
	assert_string_equal("/var/shop/meta/daos_server.state", p.config->state_file);
	assert_string_equal("NOTE", p.config->log_mask);
	assert_string_equal("CRT_TIMEOUT=30", p.config->client_env[0]);
	assert_int_equal(2, p.config->engine_nr);
	assert_int_equal(4, p.config->engines[0].targets);
	assert_int_equal(1, p.config->engines[0].helpers);
	assert_int_equal(2, p.config->engines[0].first_core);
	assert_int_equal(0, p.config->engines[0].numa);
	assert_int_equal(31416, p.config->engines[0].port);
	assert_false(p.config->engines[0].ram);
	assert_string_equal("/mnt/shop0", p.config->engines[0].storage);
	assert_int_equal(2, p.config->engines[0].env_nr);
	assert_string_equal("DAOS_MD_CAP=1024", p.config->engines[0].env[1]);
	assert_int_equal(8, p.config->engines[1].targets);
	assert_int_equal(-1, p.config->engines[1].numa);
	assert_true(p.config->engines[1].ram);
	assert_false(p.config->auto_format);
	arena_fini(&p.arena);
}

static void
a_directory_gives_what_the_file_leaves_open(void **state)
{
	struct parsed p;

	parse(&p, "name: x\n", "/tmp/d");
	assert_int_equal(0, p.rc);
	assert_int_equal(1, p.config->engine_nr);
	assert_string_equal("/tmp/d/storage", p.config->engines[0].storage);
	assert_string_equal("/tmp/d/run", p.config->agent_dir);
	assert_int_equal(2, p.config->engines[0].targets);
	arena_fini(&p.arena);
}

static void
what_is_wrong_is_refused_and_named(void **state)
{
	static const struct {
		const char *text;
		int rc;
		const char *says;
	} bad[] = {
		{"", -DER_INVAL, "empty"},
		{"name: x\ncolour: green\n", -DER_INVAL, "colour"},
		{"name: [a\n", -DER_INVAL, "line"},
		{"engines:\n- targets: many\n", -DER_INVAL, "many"},
		{"engines:\n- targets: -1\n", -DER_INVAL, "-1"},
		{"engines:\n- targets: 0\n", -DER_INVAL, "0 targets"},
		{"engines:\n- targets: 100000\n", -DER_INVAL, "100000 targets"},
		{"engines:\n- tragets: 1\n", -DER_INVAL, "tragets"},
		{"engines: 5\n", -DER_INVAL, "engines"},
		{"port: 70000\n", -DER_INVAL, "70000"},
		{"name: 'no spaces'\n", -DER_INVAL, "no spaces"},
		{"name: averyveryverylongname\n", -DER_INVAL, "averyvery"},
		{"access_points: [far.example.org]\n", -DER_NOTSUPPORTED, "far.example.org"},
		{"access_points: [localhost.evil.org]\n", -DER_NOTSUPPORTED, "localhost.evil.org"},
		{"provider: ofi+verbs\n", -DER_NOTSUPPORTED, "ofi+verbs"},
		{"engines:\n- fabric_iface: eth0\n", -DER_NOTSUPPORTED, "eth0"},
		{"engines:\n- storage: [{class: nvme, bdev_list: ['0000:81:00.0']}]\n", -DER_NOTSUPPORTED, "nvme"},
		{"engines:\n- storage: [{class: tape}]\n", -DER_INVAL, "tape"},
		{"engines:\n- storage: [{scm_mount: /x}]\n", -DER_INVAL, "class"},
		{"engines:\n- storage: [{class: file, scm_mount: here}]\n", -DER_INVAL, "here"},
		{"engines:\n- env_vars: [NONSENSE]\n", -DER_INVAL, "NONSENSE"},
		{"socket_dir: relative\n", -DER_INVAL, "relative"},
		{"socket_dir: /tmp/" "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\n", -DER_EXCEEDS_PATH_LEN, "too deep"},
		{"control_metadata: {device: /dev/sda1}\n", -DER_NOTSUPPORTED, "device"},
		{"engines:\n- storage: [{class: file, scm_mount: /a}]\n- storage: [{class: file, scm_mount: /a}]\n", -DER_INVAL, "same storage"},
		{"name: &a x\nprovider: *a\n", -DER_INVAL, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct parsed p;

		parse(&p, bad[i].text, "/tmp/d");
		if (p.rc != bad[i].rc || strstr(p.error, bad[i].says) == NULL)
			fail_msg("%s: %d, %s", bad[i].text, p.rc, p.error);
		arena_fini(&p.arena);
	}
}

static void
a_bad_value_is_reported_with_its_line(void **state)
{
	struct parsed p;

	parse(&p, "name: x\nprovider: tcp\nengines:\n- targets: many\n", "/tmp/d");
	assert_int_equal(-DER_INVAL, p.rc);
	assert_non_null(strstr(p.error, "line: 4"));
	arena_fini(&p.arena);
}

static void
a_tools_configuration_may_name_only_this_machine(void **state)
{
	static const char *const good = "name: x\nport: 10001\nhostlist: ['localhost']\ntransport_config: {allow_insecure: true}\n";
	static const char *const far = "hostlist: ['node17']\n";
	struct parsed p = {0};

	arena_init(&p.arena, &plain);
	strbuf_init_fixed(&p.words, p.error, sizeof(p.error));
	assert_int_equal(0, control_tool_config_check(good, strlen(good), &p.arena, &p.words));
	assert_int_equal(-DER_NOTSUPPORTED, control_tool_config_check(far, strlen(far), &p.arena, &p.words));
	assert_non_null(strstr(p.error, "node17"));
	arena_fini(&p.arena);
}

/* Prefixes, and bytes changed at random, of a whole file: any answer, no crash. */
static void
damaged_files_do_no_harm(void **state)
{
	char text[sizeof(full)];
	uint64_t seed = 42;

	for (size_t len = 1; len < sizeof(full) - 1; len += 7) {
		struct parsed p;

		memcpy(text, full, len);
		text[len] = '\0';
		parse(&p, text, "/tmp/d");
		arena_fini(&p.arena);
	}
	for (int i = 0; i < 500; i++) {
		struct parsed p;

		memcpy(text, full, sizeof(full));
		for (int j = 0; j < 3; j++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			text[(seed >> 33) % (sizeof(full) - 1)] = (char)(1 + (seed >> 20) % 126);
		}
		parse(&p, text, "/tmp/d");
		arena_fini(&p.arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_file_is_understood),
		cmocka_unit_test(a_directory_gives_what_the_file_leaves_open),
		cmocka_unit_test(what_is_wrong_is_refused_and_named),
		cmocka_unit_test(a_bad_value_is_reported_with_its_line),
		cmocka_unit_test(a_tools_configuration_may_name_only_this_machine),
		cmocka_unit_test(damaged_files_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
