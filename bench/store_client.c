/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_client: a program on libdaos that does one kind of operation for some seconds, with some of them in flight, and prints
 * how many a second. The references are dsync_append.c and rocksdb_put.c.
 *
 *   store_client POOL CONT KIND DEPTH SIZE SECONDS [KEYS]
 *
 *   update   values of SIZE bytes under random dkeys of 16 bytes in an object of the class's choice
 *   fill     the same under the dkeys 0..KEYS-1, once each
 *   fetch    of what fill wrote, in random order
 *   write, read   array extents of SIZE bytes, MiB a second; KEYS of them, each written before it is read
 *   create, stat, remove   files in one directory of a file system (one at a time), KEYS of them
 *   connect  daos_init, connecting to the pool, opening the container: milliseconds
 *   first    until the first fetch of a key that fill wrote: retried until it works; prints the monotonic clock then
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <daos.h>
#include <daos_fs.h>

#define DEPTH_MAX 256
#define KEY 16
#define OBJECT 0x62656e6368

struct slot {
	daos_event_t ev;
	char key[KEY];
	d_iov_t dkey, iov;
	d_sg_list_t sgl;
	daos_iod_t iod;
	daos_recx_t recx;
	char *value;
};

struct client {
	daos_handle_t poh, coh, oh, eqh;
	const char *kind;
	int depth;
	uint64_t keys, next, seed;
	size_t size;
	struct slot slots[DEPTH_MAX];
};

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s: %s (%d)\n", what, rc < 0 ? d_errdesc(rc) : strerror(rc), rc);
	exit(1);
}

static uint64_t
dice(struct client *c)
{
	uint64_t z = c->seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static bool
is(const struct client *c, const char *kind)
{
	return strcmp(c->kind, kind) == 0;
}

static int
attach(struct client *c, const char *pool, const char *cont)
{
	daos_obj_id_t oid = {.lo = OBJECT};
	int rc = daos_pool_connect(pool, NULL, DAOS_PC_RW, &c->poh, NULL, NULL);

	if (rc != 0)
		return rc;
	rc = daos_cont_open(c->poh, cont, DAOS_COO_RW, &c->coh, NULL, NULL);
	if (rc == -DER_NONEXIST) {
		rc = daos_cont_create_with_label(c->poh, cont, NULL, NULL, NULL);
		if (rc == 0)
			rc = daos_cont_open(c->poh, cont, DAOS_COO_RW, &c->coh, NULL, NULL);
	}
	if (rc == 0)
		rc = daos_obj_generate_oid(c->coh, &oid, DAOS_OT_MULTI_HASHED, OC_SX, 0, 0);
	if (rc == 0)
		rc = daos_obj_open(c->coh, oid, DAOS_OO_RW, &c->oh, NULL);
	if (rc != 0)
		daos_pool_disconnect(c->poh, NULL);
	return rc;
}

static void
detach(struct client *c)
{
	daos_obj_close(c->oh, NULL);
	daos_cont_close(c->coh, NULL);
	daos_pool_disconnect(c->poh, NULL);
}

static void
prepare(struct client *c, struct slot *slot, bool array)
{
	slot->value = malloc(c->size);
	memset(slot->value, 'v', c->size);
	d_iov_set(&slot->dkey, slot->key, KEY);
	d_iov_set(&slot->iov, slot->value, c->size);
	slot->sgl = (d_sg_list_t){.sg_nr = 1, .sg_iovs = &slot->iov};
	slot->recx = (daos_recx_t){.rx_nr = c->size};
	slot->iod = (daos_iod_t){.iod_type = array ? DAOS_IOD_ARRAY : DAOS_IOD_SINGLE, .iod_size = array ? 1 : c->size,
				 .iod_nr = 1, .iod_recxs = array ? &slot->recx : NULL};
	d_iov_set(&slot->iod.iod_name, (void *)(array ? "a" : "v"), 1);
}

static void
start(struct client *c, struct slot *slot)
{
	bool fetch = is(c, "fetch") || is(c, "read");
	uint64_t key[2] = {0, 0};

	if (is(c, "update"))
		key[0] = dice(c), key[1] = dice(c);
	else if (is(c, "fetch"))
		key[0] = dice(c) % c->keys;
	else
		key[0] = c->next % c->keys;
	c->next++;
	memcpy(slot->key, key, KEY);
	must(daos_event_init(&slot->ev, c->eqh, NULL), "event");
	must(fetch ? daos_obj_fetch(c->oh, DAOS_TX_NONE, 0, &slot->dkey, 1, &slot->iod, &slot->sgl, NULL, &slot->ev) :
		     daos_obj_update(c->oh, DAOS_TX_NONE, 0, &slot->dkey, 1, &slot->iod, &slot->sgl, &slot->ev),
	     c->kind);
}

static void
check(struct client *c, struct slot *slot)
{
	bool fetch = is(c, "fetch") || is(c, "read");

	must(slot->ev.ev_error, c->kind);
	if (fetch && slot->sgl.sg_nr_out != 1)
		must(-DER_NONEXIST, "fetch of what was written");
	must(daos_event_fini(&slot->ev), "event");
}

/* Operations a second; limit 0: none but the time's. */
static double
run(struct client *c, double seconds, uint64_t limit)
{
	daos_event_t *done[DEPTH_MAX];
	uint64_t count = 0;
	double begin, end;
	int under_way = 0;

	must(daos_eq_create(&c->eqh), "event queue");
	begin = now();
	end = begin + seconds;
	for (int i = 0; i < c->depth && (limit == 0 || c->next < limit); i++, under_way++)
		start(c, &c->slots[i]);
	while (under_way > 0) {
		int nr = daos_eq_poll(c->eqh, 1, DAOS_EQ_WAIT, c->depth, done);
		bool more = limit != 0 || now() < end;

		must(nr < 0 ? nr : 0, "poll");
		for (int i = 0; i < nr; i++, count++) {
			struct slot *slot = (struct slot *)((char *)done[i] - offsetof(struct slot, ev));

			check(c, slot);
			if (more && (limit == 0 || c->next < limit))
				start(c, slot);
			else
				under_way--;
		}
	}
	end = now();
	must(daos_eq_destroy(c->eqh, 0), "event queue");
	return (double)count / (end - begin);
}

static double
files(struct client *c, const char *pool, const char *cont)
{
	char name[32];
	dfs_t *dfs;
	dfs_obj_t *file;
	struct stat st;
	double begin;

	must(dfs_init(), "dfs_init");
	must(dfs_connect(pool, NULL, cont, O_RDWR | O_CREAT, NULL, &dfs), "dfs_connect");
	begin = now();
	for (uint64_t i = 0; i < c->keys; i++) {
		snprintf(name, sizeof(name), "file%llu", (unsigned long long)i);
		if (is(c, "create")) {
			must(dfs_open(dfs, NULL, name, S_IFREG | 0644, O_CREAT | O_EXCL | O_RDWR, 0, 0, NULL, &file), "create");
			must(dfs_release(file), "release");
		} else if (is(c, "stat")) {
			must(dfs_stat(dfs, NULL, name, &st), "stat");
		} else {
			must(dfs_remove(dfs, NULL, name, false, NULL), "remove");
		}
	}
	begin = (double)c->keys / (now() - begin);
	must(dfs_disconnect(dfs), "dfs_disconnect");
	must(dfs_fini(), "dfs_fini");
	return begin;
}

static void
first(struct client *c, const char *pool, const char *cont)
{
	double end = now() + 60;
	int rc;

	while ((rc = daos_init()) != 0 && now() < end)
		usleep(2000);
	while (rc == 0 && (rc = attach(c, pool, cont)) != 0 && now() < end) {
		usleep(2000);
		rc = 0;
	}
	must(rc, "attach");
	c->keys = 1;
	prepare(c, &c->slots[0], false);
	memset(c->slots[0].key, 0, KEY);
	must(daos_obj_fetch(c->oh, DAOS_TX_NONE, 0, &c->slots[0].dkey, 1, &c->slots[0].iod, &c->slots[0].sgl, NULL, NULL), "fetch");
	if (c->slots[0].sgl.sg_nr_out != 1)
		must(-DER_NONEXIST, "fetch of what was written");
	printf("%.6f\n", now());
}

int
main(int argc, char **argv)
{
	static struct client c;
	double result, seconds, begin = now();
	bool array;

	if (argc < 7) {
		fprintf(stderr, "usage: store_client POOL CONT KIND DEPTH SIZE SECONDS [KEYS]\n");
		return 2;
	}
	c.kind = argv[3];
	c.depth = atoi(argv[4]);
	c.size = (size_t)atol(argv[5]);
	seconds = atof(argv[6]);
	c.keys = argc > 7 ? strtoull(argv[7], NULL, 10) : 20000;
	c.seed = (uint64_t)(begin * 1e9);
	if (c.depth < 1 || c.depth > DEPTH_MAX || c.size == 0 || c.keys == 0)
		must(-DER_INVAL, "arguments");
	if (is(&c, "first")) {
		first(&c, argv[1], argv[2]);
		detach(&c);
		daos_fini();
		return 0;
	}
	must(daos_init(), "daos_init");
	if (is(&c, "create") || is(&c, "stat") || is(&c, "remove")) {
		printf("%.1f\n", files(&c, argv[1], argv[2]));
		daos_fini();
		return 0;
	}
	must(attach(&c, argv[1], argv[2]), "attach");
	if (is(&c, "connect")) {
		printf("%.3f\n", (now() - begin) * 1000);
	} else {
		array = is(&c, "write") || is(&c, "read");
		for (int i = 0; i < c.depth; i++)
			prepare(&c, &c.slots[i], array);
		result = run(&c, seconds, is(&c, "fill") || is(&c, "write") ? c.keys : 0);
		printf("%.1f\n", array ? result * (double)c.size / (1 << 20) : result);
	}
	detach(&c);
	daos_fini();
	return 0;
}
