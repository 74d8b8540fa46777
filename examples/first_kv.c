/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A first program: puts keys into a key-value store, some waiting, some asynchronously, and reads them back.
 *
 *	cc first_kv.c -o first_kv $(pkg-config --cflags --libs daos)
 *	DAOS_AGENT_DRPC_DIR=DIR/run ./first_kv POOL CONTAINER
 *
 * POOL and CONTAINER are labels; the container is made when there is none.
 */
#include <daos.h>
#include <stdio.h>
#include <stdlib.h>

#define MANY 16

static void
must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s: %s (%s)\n", what, d_errdesc(rc), d_errstr(rc));
	exit(1);
}

/* Sixteen puts under way at once; the queue tells when each is done. */
static void
put_many(daos_handle_t oh)
{
	static int values[MANY];
	daos_event_t events[MANY], *done[MANY];
	daos_handle_t eqh;
	char key[16];
	int left = MANY;

	must(daos_eq_create(&eqh), "making an event queue");
	for (int i = 0; i < MANY; i++) {
		values[i] = i * i;
		snprintf(key, sizeof(key), "square-%d", i);
		must(daos_event_init(&events[i], eqh, NULL), "making an event");
		must(daos_kv_put(oh, DAOS_TX_NONE, 0, key, sizeof(values[i]), &values[i], &events[i]), "putting");
	}
	while (left > 0) {
		int nr = daos_eq_poll(eqh, 1, DAOS_EQ_WAIT, MANY, done);

		must(nr < 0 ? nr : 0, "polling");
		for (int i = 0; i < nr; i++) {
			must(done[i]->ev_error, "putting");
			must(daos_event_fini(done[i]), "ending an event");
		}
		left -= nr;
	}
	must(daos_eq_destroy(eqh, 0), "ending the event queue");
}

int
main(int argc, char **argv)
{
	daos_handle_t poh, coh, oh;
	daos_obj_id_t oid = {0};
	char greeting[32] = "";
	daos_size_t size = sizeof(greeting);
	int square = 0, rc;

	if (argc != 3) {
		fprintf(stderr, "usage: %s POOL CONTAINER\n", argv[0]);
		return 2;
	}
	must(daos_init(), "starting the library");
	must(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &poh, NULL, NULL), "connecting to the pool");
	rc = daos_cont_open(poh, argv[2], DAOS_COO_RW, &coh, NULL, NULL);
	if (rc == -DER_NONEXIST) {
		must(daos_cont_create_with_label(poh, argv[2], NULL, NULL, NULL), "making the container");
		rc = daos_cont_open(poh, argv[2], DAOS_COO_RW, &coh, NULL, NULL);
	}
	must(rc, "opening the container");

	must(daos_cont_alloc_oids(coh, 1, &oid.lo, NULL), "reserving an object id");
	must(daos_obj_generate_oid(coh, &oid, DAOS_OT_KV_HASHED, OC_UNKNOWN, 0, 0), "completing the object id");
	must(daos_kv_open(coh, oid, DAOS_OO_RW, &oh, NULL), "opening the store");

	must(daos_kv_put(oh, DAOS_TX_NONE, 0, "greeting", 6, "hello", NULL), "putting");
	must(daos_kv_get(oh, DAOS_TX_NONE, 0, "greeting", &size, greeting, NULL), "getting");
	printf("greeting: %s (%llu bytes)\n", greeting, (unsigned long long)size);

	put_many(oh);
	size = sizeof(square);
	must(daos_kv_get(oh, DAOS_TX_NONE, 0, "square-12", &size, &square, NULL), "getting");
	printf("square-12: %d\n", square);

	must(daos_kv_destroy(oh, DAOS_TX_NONE, NULL), "removing the store");
	must(daos_kv_close(oh, NULL), "closing the store");
	must(daos_cont_close(coh, NULL), "closing the container");
	must(daos_pool_disconnect(poh, NULL), "disconnecting");
	must(daos_fini(), "ending the library");
	return square == 144 ? 0 : 1;
}
