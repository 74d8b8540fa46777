/* SPDX-License-Identifier: Apache-2.0 */
/* See dfs_scene.h. */
#include "dfs_scene.h"

const struct fs_who who = {.uid = 10, .gid = 20, .umask = 022};

static void
scene_open(struct scene *scene, struct client *client, uint32_t mounts)
{
	struct fs_format format = {.chunk_size = CHUNK};
	uuid_t uuid;
	char text[37];

	memset(uuid, 0x70, sizeof(uuid));
	uuid_unparse_lower(uuid, text);
	CHECK(pool_connect(client, "sim", DAOS_PC_RW, &scene->pool));
	CHECK(cont_create(scene->pool, uuid, NULL));
	CHECK(cont_open(scene->pool, text, 2, &scene->cont));
	SAME(fs_mount(scene->cont, 0, &scene->fs[0]), ENOENT);
	CHECK(fs_make(scene->cont, &format));
	CHECK(fs_make(scene->cont, &format));
	scene->mounts = mounts;
	for (uint32_t i = 0; i < mounts; i++)
		CHECK(fs_mount(scene->cont, 0, &scene->fs[i]));
}

uint32_t
dkeys_of(struct cont *cont, daos_obj_id_t oid)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_key_desc_t kds[32];
	char buf[1024];
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	struct object *object;
	uint32_t nr, all = 0;

	CHECK(object_open(cont, oid, DAOS_OO_RO, &object));
	while (anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		nr = 32;
		d_iov_set(&iov, buf, sizeof(buf));
		CHECK(object_list(object, NULL, NULL, &nr, kds, &sgl, &anchor));
		all += nr;
	}
	object_close(object);
	return all;
}

uint32_t
orphans_of(struct cont *cont)
{
	daos_obj_id_t oid = {.lo = 2};

	CHECK(cont_generate_oid(cont, &oid, DAOS_OT_MULTI_HASHED, OC_S1, 0));
	return dkeys_of(cont, oid);
}

static void
scene_close(struct scene *scene)
{
	for (uint32_t i = 0; i < scene->mounts; i++)
		CHECK(fs_umount(scene->fs[i]));
	SAME(orphans_of(scene->cont), 0);
	CHECK(cont_close(scene->cont));
	CHECK(pool_disconnect(scene->pool));
}

static void
program(void *arg, struct cluster *cluster, uint32_t index, struct client *client)
{
	struct scene *scene = arg;

	scene->cluster = cluster;
	rand_init(&scene->rand, scene->seed, 17);
	scene_open(scene, client, scene->mounts);
	scene->body(scene);
	scene_close(scene);
}

struct until {
	const struct scene *scene;
	uint32_t ops;
};

static bool
ops_done(void *arg)
{
	const struct until *until = arg;

	return until->scene->done >= until->ops;
}

void
run(struct scene *scene)
{
	struct cluster_config config = {.seed = scene->seed, .targets = 2, .clients = 1, .program = program, .arg = scene};
	struct cluster *cluster;

	sim_options_init(&config.options);
	config.options.log_level = LOG_ERR;
	assert_int_equal(cluster_create(&config, &cluster), 0);
	(void)cluster_run(cluster, 1);
	for (uint32_t i = 1; i <= scene->crashes; i++) {
		struct until until = {scene, scene->ops * i / (scene->crashes + 1)};

		assert_int_equal(sim_run(cluster_sim(cluster), 36000 * NS_PER_S, ops_done, &until), 0);
		cluster_crash(cluster, i % 2 == 0 ? SIM_POWER : SIM_KILL);
	}
	assert_int_equal(cluster_run(cluster, 36000 * NS_PER_S), 0);
	cluster_destroy(cluster);
}
