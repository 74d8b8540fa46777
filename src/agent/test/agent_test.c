/* SPDX-License-Identifier: Apache-2.0 */
/* What clients get from the agent's socket. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "agent/agent.h"
#include "../../control/test/fake_engine.h"

static struct agent *
start(struct scene *scene)
{
	struct agent *agent;

	scene_start(scene);
	assert_int_equal(0, agent_start(scene->env, scene->xs, scene->control, &agent));
	return agent;
}

static void
stop(struct scene *scene, struct agent *agent)
{
	control_hush(scene->control);
	agent_stop(agent);
	control_stop(scene->control);
}

static int
ask(struct scene *scene, rpc_opc opc, const void *in, void *out)
{
	return scene_call(scene, CONTROL_AGENT_SOCKET, DRPC_MODULE_SECURITY_AGENT, &proto_agent, opc, in, out);
}

static void
play_attach(struct scene *scene)
{
	static const char *const vars[] = {"CRT_TIMEOUT=30"};
	struct agent_attach_in in = {0};
	struct agent_attach_out out = {0};
	struct agent *agent;

	scene->config->client_env = vars;
	scene->config->client_env_nr = 1;
	agent = start(scene);
	/* The engine is on its way: the answer waits for it. */
	assert_int_equal(0, ask(scene, opc_agent_attach, &in, &out));
	assert_string_equal(CONTROL_SYSTEM_DEFAULT, out.system);
	assert_int_equal(1, out.ranks_nr);
	assert_int_equal(0, out.ranks[0].rank);
	assert_int_equal(1, out.ranks[0].addrs_nr);
	assert_string_equal("tcp://127.0.0.1:31416", out.ranks[0].addrs[0]);
	assert_int_equal(1, out.ms_ranks_nr);
	assert_string_equal("CRT_TIMEOUT=30", out.env[0]);
	in.system = CONTROL_SYSTEM_DEFAULT;
	assert_int_equal(0, ask(scene, opc_agent_attach, &in, &out));
	in.system = "another";
	assert_int_equal(-DER_MISMATCH, ask(scene, opc_agent_attach, &in, &out));
	stop(scene, agent);
}

static void
an_attach_waits_for_the_engine_and_tells_where_it_is(void **state)
{
	scene_run("good", play_attach);
}

static void
play_no_engine(struct scene *scene)
{
	struct agent_attach_in in = {0};
	struct agent_attach_out out = {0};
	struct agent *agent;

	scene->config->pace.attach_within_ns = 100 * NS_PER_MS;
	agent = start(scene);
	assert_int_equal(-DER_SHUTDOWN, scene_wait_open(scene));
	assert_int_equal(-DER_AGAIN, ask(scene, opc_agent_attach, &in, &out));
	stop(scene, agent);
}

static void
an_attach_without_engines_says_try_again(void **state)
{
	scene_run("dies", play_no_engine);
}

static void
play_restart(struct scene *scene)
{
	struct agent_attach_in in = {0};
	struct agent_attach_out before = {0}, after = {0};
	struct ctl_system_query_in query = {0};
	struct ctl_system_query_out system = {0};
	struct agent *agent = start(scene);

	assert_int_equal(0, ask(scene, opc_agent_attach, &in, &before));
	assert_int_equal(0, scene_call(scene, CONTROL_AGENT_SOCKET, DRPC_MODULE_MGMT, &proto_control, opc_ctl_system_query, &query, &system));
	assert_int_equal(0, kill(system.members[0].pid, SIGKILL));
	for (int i = 0; i < 500 && after.group_version <= before.group_version; i++) {
		assert_int_equal(0, ask(scene, opc_agent_attach, &in, &after));
		ult_sleep(10 * NS_PER_MS);
	}
	assert_true(after.group_version > before.group_version);
	assert_true(after.ranks[0].incarnation > before.ranks[0].incarnation);
	stop(scene, agent);
}

static void
after_a_restart_the_group_is_newer_and_so_is_the_incarnation(void **state)
{
	scene_run("good", play_restart);
}

static void
play_credential(struct scene *scene)
{
	struct agent_credential_in in;
	struct agent_credential_out out = {0};
	struct agent *agent = start(scene);
	struct control_identity me;
	struct security_identity *who;
	struct security *security;
	uint8_t *forged;
	char path[128];

	assert_int_equal(0, scene_wait_open(scene));
	assert_int_equal(0, ask(scene, opc_agent_credential, &in, &out));
	assert_int_equal(0, control_identify_system(&scene->arena, geteuid(), getegid(), &me));
	/* The way an engine asks. */
	snprintf(path, sizeof(path), "%s/run/" CONTROL_SERVER_SOCKET, scene->dir);
	assert_int_equal(0, security_create(scene->env, scene->xs, path, &security));
	assert_int_equal(0, security_validate(security, out.cred.data, out.cred.len, &scene->arena, &who));
	assert_int_equal(geteuid(), who->uid);
	assert_int_equal(getegid(), who->gid);
	assert_string_equal(me.user, who->user);
	assert_string_equal(me.group, who->group);
	assert_int_equal(me.group_nr, who->group_nr);
	assert_true(who->expires_s == out.expires_s && who->expires_s > env_wall(scene->env) / NS_PER_S + 60);
	forged = arena_dup(&scene->arena, out.cred.data, out.cred.len);
	for (uint32_t i = 0; i < out.cred.len; i += 5) {
		forged[i] ^= 1;
		assert_int_equal(-DER_NO_PERM, security_validate(security, forged, out.cred.len, &scene->arena, &who));
		forged[i] ^= 1;
	}
	security_destroy(security);
	stop(scene, agent);
}

static void
a_credential_names_the_real_user_and_no_bit_of_it_can_be_changed(void **state)
{
	scene_run("good", play_credential);
}

static void
play_again(struct scene *scene)
{
	struct agent_credential_in in;
	struct agent_credential_out out = {0};
	struct security_identity *who;
	struct agent *agent = start(scene);

	assert_int_equal(0, ask(scene, opc_agent_credential, &in, &out));
	stop(scene, agent);
	agent = start(scene);
	/* One key for the life of the store: what was signed before still holds. */
	assert_int_equal(0, scene_wait_open(scene));
	{
		struct security *security;
		char path[128];

		snprintf(path, sizeof(path), "%s/run/" CONTROL_SERVER_SOCKET, scene->dir);
		assert_int_equal(0, security_create(scene->env, scene->xs, path, &security));
		assert_int_equal(0, security_validate(security, out.cred.data, out.cred.len, &scene->arena, &who));
		security_destroy(security);
	}
	stop(scene, agent);
}

static void
a_credential_outlives_a_restart_of_the_server(void **state)
{
	scene_run("good", play_again);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_attach_waits_for_the_engine_and_tells_where_it_is),
		cmocka_unit_test(an_attach_without_engines_says_try_again),
		cmocka_unit_test(after_a_restart_the_group_is_newer_and_so_is_the_incarnation),
		cmocka_unit_test(a_credential_names_the_real_user_and_no_bit_of_it_can_be_changed),
		cmocka_unit_test(a_credential_outlives_a_restart_of_the_server),
	};

	if (getenv("FAKE_ENGINE") != NULL)
		return fake_engine_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
