/* SPDX-License-Identifier: Apache-2.0 */
/* The server with engines that only talk: supervision, ranks, calls, lock. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "fake_engine.h"

static int
ctl(struct scene *scene, rpc_opc opc, const void *in, void *out)
{
	return scene_call(scene, CONTROL_SERVER_SOCKET, DRPC_MODULE_MGMT, &proto_control, opc, in, out);
}

static struct ctl_member
member(struct scene *scene)
{
	struct ctl_system_query_in in = {0};
	struct ctl_system_query_out out = {0};

	assert_int_equal(0, ctl(scene, opc_ctl_system_query, &in, &out));
	assert_int_equal(1, out.members_nr);
	return out.members[0];
}

static void
wait_state(struct scene *scene, const char *state, uint32_t restarts)
{
	struct ctl_member now = {0};

	for (int i = 0; i < 1000; i++) {
		now = member(scene);
		if (strcmp(now.state, state) == 0 && now.restarts >= restarts)
			return;
		ult_sleep(10 * NS_PER_MS);
	}
	fail_msg("%s with %u restarts instead of %s: %s", now.state, now.restarts, state, now.info);
}

static void
play_start(struct scene *scene)
{
	struct ctl_member one;
	struct stat st;
	char path[128];

	scene_start(scene);
	assert_int_equal(0, scene_wait_open(scene));
	one = member(scene);
	assert_string_equal("joined", one.state);
	assert_int_equal(0, one.rank);
	assert_string_equal("tcp://127.0.0.1:31416", one.uri);
	snprintf(path, sizeof(path), "%s/storage/keys", scene->dir);
	assert_int_equal(0, stat(path, &st));
	assert_int_equal(0600, st.st_mode & 0777);
	control_stop(scene->control);
	assert_int_not_equal(0, kill(one.pid, 0));
	snprintf(path, sizeof(path), "%s/run/" CONTROL_SERVER_SOCKET, scene->dir);
	assert_int_not_equal(0, stat(path, &st));
}

static void
a_start_formats_assigns_a_rank_and_opens_and_a_stop_leaves_nothing(void **state)
{
	scene_run("good", play_start);
}

static void
play_kill(struct scene *scene)
{
	struct ctl_pool_list_in in = {0};
	struct ctl_pool_list_out out = {0};
	int32_t pid;

	scene_start(scene);
	assert_int_equal(0, scene_wait_open(scene));
	for (uint32_t i = 0; i < 3; i++) {
		pid = member(scene).pid;
		assert_int_equal(0, kill(pid, SIGKILL));
		/* A call that comes now waits for the next process. */
		assert_int_equal(0, ctl(scene, opc_ctl_pool_list, &in, &out));
		wait_state(scene, "joined", i + 1);
		assert_int_not_equal(pid, member(scene).pid);
	}
	control_stop(scene->control);
}

static void
a_killed_engine_is_started_again_and_calls_wait_for_it(void **state)
{
	scene_run("good", play_kill);
}

static void
play_many_kills(struct scene *scene)
{
	struct ctl_system_start_in in = {0};
	struct ctl_system_start_out out = {0};

	scene_start(scene);
	assert_int_equal(0, scene_wait_open(scene));
	/* More often than deaths_most: it did nothing wrong itself. But not for ever. */
	for (uint32_t i = 0; i < 8; i++) {
		wait_state(scene, "joined", i);
		ult_sleep(50 * NS_PER_MS);
		assert_int_equal(0, kill(member(scene).pid, SIGKILL));
	}
	wait_state(scene, "errored", 7);
	assert_non_null(strstr(member(scene).info, "given up after 8 deaths in a row: it was killed by signal 9"));
	assert_int_equal(0, ctl(scene, opc_ctl_system_start, &in, &out));
	assert_string_equal("joined", out.results[0].state);
	control_stop(scene->control);
}

static void
kills_of_an_engine_that_served_are_no_crash_loop_but_have_their_limit(void **state)
{
	scene_run("good", play_many_kills);
}

static void
play_death(struct scene *scene)
{
	struct ctl_system_start_in in = {0};
	struct ctl_system_start_out out = {0};
	struct ctl_pool_list_in list = {0};
	struct ctl_pool_list_out pools = {0};

	scene_start(scene);
	assert_int_equal(-DER_SHUTDOWN, scene_wait_open(scene));
	assert_non_null(strstr(strbuf_text(&scene->error), "given up after 4 deaths in a row: it ended with status 3"));
	assert_true(control_is_idle(scene->control));
	assert_int_equal(-DER_SHUTDOWN, ctl(scene, opc_ctl_pool_list, &list, &pools));
	/* An administrator can have it tried again. */
	assert_int_equal(0, ctl(scene, opc_ctl_system_start, &in, &out));
	assert_int_equal(1, out.results_nr);
	assert_true(out.results[0].errored);
	assert_string_equal("errored", out.results[0].state);
	control_stop(scene->control);
}

static void
an_engine_that_always_dies_is_given_up_with_the_reason(void **state)
{
	scene_run("dies", play_death);
}

static void
play_refusal(struct scene *scene)
{
	scene_start(scene);
	assert_int_equal(-DER_SHUTDOWN, scene_wait_open(scene));
	assert_non_null(strstr(strbuf_text(&scene->error), "the disk is full"));
	control_stop(scene->control);
}

static void
what_an_engine_said_of_its_failed_start_is_passed_on(void **state)
{
	scene_run("refuses", play_refusal);
}

static void
play_missing(struct scene *scene)
{
	scene->config->engine_path = "/nowhere/daos_engine";
	scene_start(scene);
	assert_int_equal(-DER_SHUTDOWN, scene_wait_open(scene));
	assert_non_null(strstr(strbuf_text(&scene->error), "/nowhere/daos_engine cannot be run"));
	control_stop(scene->control);
}

static void
a_missing_engine_is_named(void **state)
{
	scene_run("good", play_missing);
}

static void
play_deaf(struct scene *scene)
{
	int32_t pid;

	scene_start(scene);
	assert_int_equal(0, scene_wait_open(scene));
	pid = member(scene).pid;
	control_stop(scene->control);
	assert_int_not_equal(0, kill(pid, 0));
}

static void
an_engine_that_does_not_stop_is_killed(void **state)
{
	scene_run("deaf", play_deaf);
}

static void
play_stop_start(struct scene *scene)
{
	struct ctl_system_stop_in stop = {0};
	struct ctl_system_stop_out stopped = {0};
	struct ctl_system_start_in start = {0};
	struct ctl_system_start_out started = {0};

	scene_start(scene);
	assert_int_equal(0, scene_wait_open(scene));
	for (int i = 0; i < 4; i++) {
		stop.force = i % 2 == 1;
		assert_int_equal(0, ctl(scene, opc_ctl_system_stop, &stop, &stopped));
		assert_false(stopped.results[0].errored);
		assert_string_equal("stopped", stopped.results[0].state);
		assert_int_equal(0, member(scene).pid);
		assert_int_equal(0, ctl(scene, opc_ctl_system_start, &start, &started));
		assert_false(started.results[0].errored);
		assert_string_equal("joined", member(scene).state);
	}
	assert_int_equal(0, member(scene).restarts);
	control_stop(scene->control);
}

static void
engines_are_stopped_and_started_on_demand(void **state)
{
	scene_run("good", play_stop_start);
}

static void
play_format(struct scene *scene)
{
	struct ctl_storage_format_in in = {0};
	struct ctl_storage_format_out out = {0};
	struct ctl_storage_scan_in scan = {0};
	struct ctl_storage_scan_out scanned = {0};
	char path[128];
	uuid_t before;
	FILE *file;

	scene->config->auto_format = false;
	scene_start(scene);
	assert_int_equal(-DER_UNINIT, scene_wait_open(scene));
	assert_int_equal(0, ctl(scene, opc_ctl_storage_scan, &scan, &scanned));
	assert_false(scanned.engines[0].formatted);
	assert_int_equal(0, scanned.engines[0].devices_nr); /* not asked for */
	scan.devices = true;
	assert_int_equal(0, ctl(scene, opc_ctl_storage_scan, &scan, &scanned));
	assert_int_equal(1, scanned.engines[0].devices_nr);
	assert_int_equal(CTL_DEVICE_NEW, scanned.engines[0].devices[0].state);
	assert_false(scanned.engines[0].devices[0].health);
	assert_int_equal(0, ctl(scene, opc_ctl_storage_format, &in, &out));
	assert_int_equal(0, out.results[0].status);
	assert_int_equal(0, scene_wait_open(scene));
	memcpy(before, member(scene).uuid, sizeof(before));
	/* Formatted storage is not touched, unless by force. */
	snprintf(path, sizeof(path), "%s/storage/precious", scene->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(0, ctl(scene, opc_ctl_storage_format, &in, &out));
	assert_int_equal(-DER_EXIST, out.results[0].status);
	assert_int_equal(0, access(path, F_OK));
	in.force = true;
	assert_int_equal(0, ctl(scene, opc_ctl_storage_format, &in, &out));
	assert_int_equal(0, out.results[0].status);
	assert_int_not_equal(0, access(path, F_OK));
	assert_int_equal(0, scene_wait_open(scene));
	assert_memory_not_equal(before, member(scene).uuid, sizeof(before));
	control_stop(scene->control);
}

static void
storage_waits_for_its_format_and_is_wiped_only_by_force(void **state)
{
	scene_run("good", play_format);
}

static void
play_foreign(struct scene *scene)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/storage", scene->dir);
	assert_int_equal(0, mkdir(path, 0700));
	snprintf(path, sizeof(path), "%s/storage/thesis.doc", scene->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(-DER_EXIST, control_start(scene->env, scene->xs, scene->config, &scene->error, &scene->control));
	assert_non_null(strstr(strbuf_text(&scene->error), "not empty and not ours"));
	assert_int_equal(0, access(path, F_OK));
}

static void
a_directory_with_other_files_is_not_taken_for_storage(void **state)
{
	scene_run("good", play_foreign);
}

static void
play_lock(struct scene *scene)
{
	struct control *second;
	char pid[32];

	scene_start(scene);
	assert_int_equal(-DER_BUSY, control_start(scene->env, scene->xs, scene->config, &scene->error, &second));
	snprintf(pid, sizeof(pid), "process %d", getpid());
	assert_non_null(strstr(strbuf_text(&scene->error), pid));
	assert_int_equal(0, scene_wait_open(scene));
	control_stop(scene->control);
	/* Free again, and the rank and the key have stayed. */
	scene_start(scene);
	assert_int_equal(0, scene_wait_open(scene));
	assert_int_equal(0, member(scene).rank);
	control_stop(scene->control);
}

static void
a_second_server_in_one_directory_is_told_who_has_it(void **state)
{
	scene_run("good", play_lock);
}

static void
play_two(struct scene *scene)
{
	char dir[80];
	struct control *other;
	struct control_config *config;

	snprintf(dir, sizeof(dir), "%s/other", scene->dir);
	config = scene_config(scene, dir, "good");
	scene_start(scene);
	assert_int_equal(0, control_start(scene->env, scene->xs, config, &scene->error, &other));
	assert_int_equal(0, control_wait_open(other, env_mono(scene->env) + 20 * NS_PER_S, &scene->error));
	assert_int_equal(0, scene_wait_open(scene));
	assert_memory_not_equal(control_secret_key(other), control_secret_key(scene->control), SECURITY_KEY_LEN);
	control_stop(other);
	assert_string_equal("joined", member(scene).state);
	control_stop(scene->control);
}

static void
two_servers_side_by_side_share_nothing(void **state)
{
	scene_run("good", play_two);
}

static void
play_impostor(struct scene *scene)
{
	const char *addrs[] = {"tcp://127.0.0.1:1"};
	struct srv_ready_in in = {.instance = 0, .socket = "/tmp/evil.sock", .addrs = addrs, .addrs_nr = 1};
	struct srv_ready_out out = {0};

	scene_start(scene);
	assert_int_equal(0, scene_wait_open(scene));
	in.pid = member(scene).pid;
	assert_int_equal(-DER_NO_PERM, scene_call(scene, CONTROL_SERVER_SOCKET, DRPC_MODULE_SRV, &proto_srv, opc_srv_ready, &in, &out));
	in.instance = 7;
	assert_int_equal(-DER_NO_PERM, scene_call(scene, CONTROL_SERVER_SOCKET, DRPC_MODULE_SRV, &proto_srv, opc_srv_ready, &in, &out));
	control_stop(scene->control);
}

static void
only_the_process_that_was_started_speaks_for_an_engine(void **state)
{
	scene_run("good", play_impostor);
}

static void
play_who(struct scene *scene)
{
	struct ctl_pool_list_in in = {.who = {.uid = 12345, .user = "mallory@", .admin = true}};
	struct ctl_pool_list_out out = {0};
	struct control_identity me;
	char wanted[256];

	scene_start(scene);
	assert_int_equal(0, scene_wait_open(scene));
	assert_int_equal(0, control_identify_system(&scene->arena, geteuid(), getegid(), &me));
	assert_int_equal(0, ctl(scene, opc_ctl_pool_list, &in, &out));
	snprintf(wanted, sizeof(wanted), "%u %u %s %s admin", geteuid(), getegid(), me.user, me.group);
	assert_string_equal(wanted, out.pools[0].label);
	control_stop(scene->control);
}

static void
an_engine_is_told_who_asks_by_the_kernels_word(void **state)
{
	scene_run("good", play_who);
}

static void
play_three(struct scene *scene)
{
	struct control_engine_config *engines = ARENA_NEW_ARRAY(&scene->arena, struct control_engine_config, 3);
	struct ctl_system_query_in in = {0};
	struct ctl_system_query_out out = {0};
	struct agent_rank *ranks;
	uint32_t nr, version;

	for (int i = 0; i < 3; i++) {
		char path[128];

		engines[i] = scene->config->engines[0];
		snprintf(path, sizeof(path), "%s/storage/engine%d", scene->dir, i);
		engines[i].storage = arena_dup(&scene->arena, path, strlen(path) + 1);
	}
	scene->config->engines = engines;
	scene->config->engine_nr = 3;
	scene_start(scene);
	assert_int_equal(0, scene_wait_open(scene));
	assert_int_equal(0, control_members(scene->control, &scene->arena, &ranks, &nr, &version));
	assert_int_equal(3, nr);
	assert_int_equal(3, ranks[0].rank + ranks[1].rank + ranks[2].rank);
	assert_int_equal(0, ctl(scene, opc_ctl_system_query, &in, &out));
	assert_int_equal(3, out.members_nr);
	control_stop(scene->control);
}

static void
three_engines_get_three_ranks(void **state)
{
	scene_run("good", play_three);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start_formats_assigns_a_rank_and_opens_and_a_stop_leaves_nothing),
		cmocka_unit_test(a_killed_engine_is_started_again_and_calls_wait_for_it),
		cmocka_unit_test(an_engine_that_always_dies_is_given_up_with_the_reason),
		cmocka_unit_test(what_an_engine_said_of_its_failed_start_is_passed_on),
		cmocka_unit_test(a_missing_engine_is_named),
		cmocka_unit_test(kills_of_an_engine_that_served_are_no_crash_loop_but_have_their_limit),
		cmocka_unit_test(an_engine_that_does_not_stop_is_killed),
		cmocka_unit_test(engines_are_stopped_and_started_on_demand),
		cmocka_unit_test(storage_waits_for_its_format_and_is_wiped_only_by_force),
		cmocka_unit_test(a_directory_with_other_files_is_not_taken_for_storage),
		cmocka_unit_test(a_second_server_in_one_directory_is_told_who_has_it),
		cmocka_unit_test(two_servers_side_by_side_share_nothing),
		cmocka_unit_test(only_the_process_that_was_started_speaks_for_an_engine),
		cmocka_unit_test(an_engine_is_told_who_asks_by_the_kernels_word),
		cmocka_unit_test(three_engines_get_three_ranks),
	};

	if (getenv("FAKE_ENGINE") != NULL)
		return fake_engine_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
