/* SPDX-License-Identifier: Apache-2.0 */
/* lib_calls, libdaos within its process: handles that are wrong, queues that end early, signals, children, engines that die. */
#include "calls.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/time.h>
#include <sys/wait.h>

/* ---- handles -------------------------------------------------------------------------------------------------------------- */
enum kind { POOL, CONT, OBJECT, KV, ARRAY, TX, QUEUE, KINDS };

static void
open_all(daos_handle_t h[KINDS])
{
	h[POOL] = here.poh;
	h[CONT] = here.coh;
	assert_int_equal(daos_obj_open(here.coh, new_oid(DAOS_OT_MULTI_HASHED), DAOS_OO_RW, &h[OBJECT], NULL), 0);
	h[KV] = new_kv();
	assert_int_equal(daos_array_create(here.coh, new_oid(DAOS_OT_ARRAY), DAOS_TX_NONE, 1, 4096, &h[ARRAY], NULL), 0);
	assert_int_equal(daos_tx_open(here.coh, &h[TX], 0, NULL), 0);
	assert_int_equal(daos_eq_create(&h[QUEUE]), 0);
}

/* Every call that takes a handle of that kind: all must refuse h. Closing comes last. */
static void
refused_as_pool(daos_handle_t h)
{
	daos_pool_info_t info = {.pi_bits = DPI_ALL};
	daos_handle_t out;
	size_t size = 0;
	d_iov_t glob = {0};

	assert_int_equal(daos_pool_query(h, NULL, &info, NULL, NULL), -DER_NO_HDL);
	assert_int_equal(daos_pool_list_attr(h, NULL, &size, NULL), -DER_NO_HDL);
	assert_int_equal(daos_pool_local2global(h, &glob), -DER_NO_HDL);
	assert_int_equal(daos_cont_open(h, "box", DAOS_COO_RO, &out, NULL, NULL), -DER_NO_HDL);
	assert_int_equal(daos_cont_destroy(h, "box", 1, NULL), -DER_NO_HDL);
	assert_int_equal(daos_pool_disconnect(h, NULL), -DER_NO_HDL);
}

static void
refused_as_cont(daos_handle_t h)
{
	daos_obj_id_t oid = {.lo = 77};
	daos_cont_info_t info;
	daos_handle_t out;
	daos_epoch_t epoch;
	uint64_t first;
	size_t size = 0;
	d_iov_t glob = {0};

	assert_int_equal(daos_cont_query(h, &info, NULL, NULL), -DER_NO_HDL);
	assert_int_equal(daos_cont_list_attr(h, NULL, &size, NULL), -DER_NO_HDL);
	assert_int_equal(daos_cont_create_snap(h, &epoch, NULL, NULL), -DER_NO_HDL);
	assert_int_equal(daos_cont_alloc_oids(h, 1, &first, NULL), -DER_NO_HDL);
	assert_int_equal(daos_cont_local2global(h, &glob), -DER_NO_HDL);
	assert_int_equal(daos_obj_generate_oid(h, &oid, DAOS_OT_KV_HASHED, OC_UNKNOWN, 0, 0), -DER_NO_HDL);
	assert_int_equal(daos_tx_open(h, &out, 0, NULL), -DER_NO_HDL);
	assert_int_equal(daos_obj_open(h, oid, DAOS_OO_RW, &out, NULL), -DER_NO_HDL);
	assert_int_equal(daos_kv_open(h, oid, DAOS_OO_RW, &out, NULL), -DER_NO_HDL);
	assert_int_equal(daos_cont_close(h, NULL), -DER_NO_HDL);
}

static void
refused_as_object(daos_handle_t h)
{
	daos_key_t dkey;
	daos_anchor_t anchor = {0};
	uint32_t nr = 1;
	daos_key_desc_t kd;
	char buf[64];
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	daos_iod_t iod = {.iod_type = DAOS_IOD_SINGLE, .iod_size = 1, .iod_nr = 1};

	d_iov_set(&dkey, "d", 1);
	d_iov_set(&iov, buf, sizeof(buf));
	d_iov_set(&iod.iod_name, "a", 1);
	iod.iod_size = sizeof(buf);
	assert_int_equal(daos_obj_update(h, DAOS_TX_NONE, 0, &dkey, 1, &iod, &sgl, NULL), -DER_NO_HDL);
	assert_int_equal(daos_obj_fetch(h, DAOS_TX_NONE, 0, &dkey, 1, &iod, &sgl, NULL, NULL), -DER_NO_HDL);
	assert_int_equal(daos_obj_list_dkey(h, DAOS_TX_NONE, &nr, &kd, &sgl, &anchor, NULL), -DER_NO_HDL);
	assert_int_equal(daos_obj_punch(h, DAOS_TX_NONE, 0, NULL), -DER_NO_HDL);
	assert_int_equal(daos_obj_close(h, NULL), -DER_NO_HDL);
}

static void
refused_as_kv(daos_handle_t h)
{
	daos_size_t size = 0;

	assert_int_equal(daos_kv_put(h, DAOS_TX_NONE, 0, "k", 1, "v", NULL), -DER_NO_HDL);
	assert_int_equal(daos_kv_get(h, DAOS_TX_NONE, 0, "k", &size, NULL, NULL), -DER_NO_HDL);
	assert_int_equal(daos_kv_remove(h, DAOS_TX_NONE, 0, "k", NULL), -DER_NO_HDL);
	assert_int_equal(daos_kv_destroy(h, DAOS_TX_NONE, NULL), -DER_NO_HDL);
	assert_int_equal(daos_kv_close(h, NULL), -DER_NO_HDL);
}

static void
refused_as_array(daos_handle_t h)
{
	daos_size_t size;
	d_iov_t glob = {0};

	assert_int_equal(daos_array_get_size(h, DAOS_TX_NONE, &size, NULL), -DER_NO_HDL);
	assert_int_equal(daos_array_set_size(h, DAOS_TX_NONE, 1, NULL), -DER_NO_HDL);
	assert_int_equal(daos_array_local2global(h, &glob), -DER_NO_HDL);
	assert_int_equal(daos_array_destroy(h, DAOS_TX_NONE, NULL), -DER_NO_HDL);
	assert_int_equal(daos_array_close(h, NULL), -DER_NO_HDL);
}

static void
refused_as_tx(daos_handle_t h)
{
	daos_handle_t oh = new_kv();
	daos_epoch_t epoch;

	assert_int_equal(daos_kv_put(oh, h, 0, "k", 1, "v", NULL), -DER_NO_HDL);
	assert_int_equal(daos_tx_hdl2epoch(h, &epoch), -DER_NO_HDL);
	assert_int_equal(daos_tx_commit(h, NULL), -DER_NO_HDL);
	assert_int_equal(daos_tx_abort(h, NULL), -DER_NO_HDL);
	assert_int_equal(daos_tx_restart(h, NULL), -DER_NO_HDL);
	assert_int_equal(daos_tx_close(h, NULL), -DER_NO_HDL);
	assert_int_equal(daos_kv_close(oh, NULL), 0);
}

static void
refused_as_queue(daos_handle_t h)
{
	daos_event_t ev, *got;

	assert_int_equal(daos_event_init(&ev, h, NULL), -DER_NO_HDL);
	assert_int_equal(daos_eq_poll(h, 0, DAOS_EQ_NOWAIT, 1, &got), -DER_NO_HDL);
	assert_int_equal(daos_eq_query(h, DAOS_EQR_ALL, 0, NULL), -DER_NO_HDL);
	assert_int_equal(daos_eq_destroy(h, DAOS_EQ_DESTROY_FORCE), -DER_NO_HDL);
}

static void (*const refused[KINDS])(daos_handle_t h) = {
	[POOL] = refused_as_pool, [CONT] = refused_as_cont, [OBJECT] = refused_as_object, [KV] = refused_as_kv,
	[ARRAY] = refused_as_array, [TX] = refused_as_tx, [QUEUE] = refused_as_queue,
};

void
a_handle_serves_its_own_calls_alone_and_none_once_closed(void **state)
{
	daos_handle_t h[KINDS], poh, coh;

	open_all(h);
	for (int is = 0; is < KINDS; is++)
		for (int as = 0; as < KINDS; as++)
			if (is != as)
				refused[as](h[is]);
	/* None of that has closed one. */
	assert_int_equal(daos_tx_close(h[TX], NULL), 0);
	assert_int_equal(daos_array_close(h[ARRAY], NULL), 0);
	assert_int_equal(daos_kv_close(h[KV], NULL), 0);
	assert_int_equal(daos_obj_close(h[OBJECT], NULL), 0);
	assert_int_equal(daos_eq_destroy(h[QUEUE], 0), 0);
	assert_int_equal(daos_pool_connect("first", NULL, DAOS_PC_RO, &poh, NULL, NULL), 0);
	assert_int_equal(daos_cont_open(poh, "box", DAOS_COO_RO, &coh, NULL, NULL), 0);
	assert_int_equal(daos_cont_close(coh, NULL), 0);
	assert_int_equal(daos_pool_disconnect(poh, NULL), 0);
	h[POOL] = poh;
	h[CONT] = coh;
	for (int as = 0; as < KINDS; as++) {
		refused[as](h[as]);
		if (as != TX && as != QUEUE) /* no transaction, no queue */
			refused[as](DAOS_HDL_INVAL);
		refused[as]((daos_handle_t){UINT64_MAX});
	}
}

/* ---- events --------------------------------------------------------------------------------------------------------------- */
enum { FLYING = 32 };

static void
launch_all(daos_handle_t oh, daos_handle_t eqh, daos_event_t events[FLYING], int values[FLYING])
{
	char key[16];

	for (int i = 0; i < FLYING; i++) {
		values[i] = i;
		snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(daos_event_init(&events[i], eqh, NULL), 0);
		assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, key, sizeof(int), &values[i], &events[i]), 0);
	}
}

void
a_queue_that_is_destroyed_by_force_ends_what_is_under_way(void **state)
{
	daos_event_t events[FLYING], *got;
	daos_handle_t oh = new_kv(), eqh;
	int values[FLYING], back;
	bool flag = false;
	char key[16];

	assert_int_equal(daos_eq_create(&eqh), 0);
	launch_all(oh, eqh, events, values);
	assert_int_equal(daos_eq_destroy(eqh, 0), -DER_BUSY);
	assert_int_equal(daos_eq_destroy(eqh, DAOS_EQ_DESTROY_FORCE), 0);
	memset(values, 0xee, sizeof(values)); /* nobody reads them any more */
	assert_int_equal(daos_eq_poll(eqh, 0, DAOS_EQ_NOWAIT, 1, &got), -DER_NO_HDL);
	assert_int_equal(daos_event_test(&events[0], DAOS_EQ_NOWAIT, &flag), -DER_NO_HDL);
	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "k", 1, "v", &events[0]), -DER_NO_HDL);
	for (int i = 0; i < FLYING; i++) {
		daos_size_t size = sizeof(back);

		assert_int_equal(events[i].ev_error, 0);
		assert_int_equal(daos_event_fini(&events[i]), 0);
		snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(daos_kv_get(oh, DAOS_TX_NONE, 0, key, &size, &back, NULL), 0);
		assert_int_equal(back, i);
	}
	assert_int_equal(daos_kv_close(oh, NULL), 0);
}

/* The life of a program that ends with operations under way. In a child: the library of the parent goes on. */
static int
life_with_an_early_end(void)
{
	daos_handle_t poh, coh, oh, eqh, new_eqh;
	daos_event_t events[FLYING], *done[FLYING];
	int values[FLYING], nr = 0, got;
	daos_obj_id_t oid = {.lo = 4711};

	if (daos_reinit() != 0)
		return 1;
	if (daos_pool_connect("first", NULL, DAOS_PC_RW, &poh, NULL, NULL) != 0 || daos_cont_open(poh, "box", DAOS_COO_RW, &coh, NULL, NULL) != 0)
		return 2;
	if (daos_obj_generate_oid(coh, &oid, DAOS_OT_KV_HASHED, OC_SX, 0, 0) != 0 || daos_kv_open(coh, oid, DAOS_OO_RW, &oh, NULL) != 0)
		return 3;
	if (daos_eq_create(&eqh) != 0)
		return 4;
	launch_all(oh, eqh, events, values);
	if (daos_fini() != -DER_BUSY) /* they use the program's memory */
		return 5;
	while (nr < FLYING) {
		got = daos_eq_poll(eqh, 0, 10000000, FLYING, done);
		if (got <= 0)
			return 6;
		nr += got;
	}
	/* Done but never taken, and everything left open: the end is the end of all of it. */
	if (daos_kv_put(oh, DAOS_TX_NONE, 0, "last", sizeof(int), &values[0], &events[0]) != 0)
		return 7;
	for (int i = 0; i < 1000 && daos_fini() == -DER_BUSY; i++) {
		daos_size_t size = 0;

		(void)daos_kv_get(oh, DAOS_TX_NONE, 0, "last", &size, NULL, NULL); /* drives what is under way */
	}
	if (daos_fini() != -DER_UNINIT || daos_fini() != -DER_UNINIT)
		return 8;
	if (daos_eq_poll(eqh, 0, 0, 1, done) != -DER_UNINIT || daos_kv_close(oh, NULL) != -DER_UNINIT)
		return 9;
	if (daos_event_fini(&events[0]) != -DER_UNINIT || daos_reinit() != -DER_UNINIT)
		return 10;
	/* The next life knows nothing of the last, and what is left of its events can be ended. */
	if (daos_init() != 0 || daos_kv_close(oh, NULL) != -DER_NO_HDL || daos_eq_destroy(eqh, 0) != -DER_NO_HDL)
		return 11;
	if (daos_eq_create(&new_eqh) != 0)
		return 12;
	for (int i = 0; i < FLYING; i++)
		if (daos_event_fini(&events[i]) != 0)
			return 13;
	if (daos_event_init(&events[0], new_eqh, NULL) != 0 || daos_event_fini(&events[0]) != 0 || daos_eq_destroy(new_eqh, 0) != 0)
		return 14;
	return daos_fini() == 0 ? 0 : 15;
}

static int
status_of(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void
the_end_of_the_library_is_refused_while_operations_run_and_complete_after(void **state)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(life_with_an_early_end());
	assert_int_equal(status_of(pid), 0);
}

/* ---- signals --------------------------------------------------------------------------------------------------------------- */
static volatile sig_atomic_t ticks;

static void
on_tick(int signo)
{
	ticks++;
}

void
signals_interrupt_no_wait(void **state)
{
	struct sigaction action = {.sa_handler = on_tick}, before; /* not SA_RESTART */
	struct itimerval often = {.it_interval.tv_usec = 500, .it_value.tv_usec = 500}, never = {0};
	daos_event_t events[FLYING], *done[FLYING];
	size_t size = MIB;
	char *data = malloc(size), *back = malloc(size);
	daos_handle_t oh = new_kv(), eqh;
	int values[FLYING], nr, got;

	memset(data, 's', size);
	assert_int_equal(daos_eq_create(&eqh), 0);
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	for (int round = 0; round < 20 || (ticks < 50 && round < 2000); round++) {
		daos_size_t len = size;

		assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "large", size, data, NULL), 0);
		memset(back, 0, size);
		assert_int_equal(daos_kv_get(oh, DAOS_TX_NONE, 0, "large", &len, back, NULL), 0);
		assert_memory_equal(data, back, size);
		launch_all(oh, eqh, events, values);
		for (nr = 0; nr < FLYING; nr += got) {
			got = daos_eq_poll(eqh, 0, DAOS_EQ_WAIT, FLYING, done);
			assert_true(got > 0);
			for (int i = 0; i < got; i++)
				assert_int_equal(done[i]->ev_error, 0);
		}
		for (int i = 0; i < FLYING; i++)
			assert_int_equal(daos_event_fini(&events[i]), 0);
	}
	/* Waits with a limit wait for it. */
	assert_int_equal(daos_eq_poll(eqh, 0, 20000, 1, done), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	assert_true(ticks >= 50);
	assert_int_equal(daos_eq_destroy(eqh, 0), 0);
	assert_int_equal(daos_kv_close(oh, NULL), 0);
	free(data);
	free(back);
}

/* ---- engines that die ------------------------------------------------------------------------------------------------------- */
struct writer {
	daos_handle_t oh;
	int number, out;
};

static void *
write_for_ever(void *arg)
{
	struct writer *writer = arg;
	static char data[256 * 1024];
	char key[16];

	for (int i = 0;; i++) {
		snprintf(key, sizeof(key), "%d-%d", writer->number, i % 4);
		if (daos_kv_put(writer->oh, DAOS_TX_NONE, 0, key, sizeof(data), data, NULL) == 0 && i == 2)
			(void)!write(writer->out, "w", 1);
	}
	return NULL;
}

/* The application: four threads write; it tells when they do, and at the end that it still is. */
static void
life_of_application(int in, int out)
{
	struct writer writers[4];
	daos_handle_t poh, coh, oh;
	daos_obj_id_t oid = {.lo = 99};
	pthread_t id;
	char byte;

	signal(SIGPIPE, SIG_DFL);
	if (daos_init() != 0 || daos_pool_connect("first", NULL, DAOS_PC_RW, &poh, NULL, NULL) != 0 ||
	    daos_cont_create_with_label(poh, "busy", NULL, NULL, NULL) != 0 || daos_cont_open(poh, "busy", DAOS_COO_RW, &coh, NULL, NULL) != 0 ||
	    daos_obj_generate_oid(coh, &oid, DAOS_OT_KV_HASHED, OC_SX, 0, 0) != 0 || daos_kv_open(coh, oid, DAOS_OO_RW, &oh, NULL) != 0)
		_exit(1);
	for (int i = 0; i < 4; i++) {
		writers[i] = (struct writer){.oh = oh, .number = i, .out = out};
		if (pthread_create(&id, NULL, write_for_ever, &writers[i]) != 0)
			_exit(2);
	}
	/* The other end closes when the engine is dead; then they go on writing to nobody for a while. */
	while (read(in, &byte, 1) < 0 && errno == EINTR)
		;
	usleep(1500 * 1000);
	(void)!write(out, "a", 1);
	_exit(0);
}

static char
next_byte(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	char byte = 0;

	return poll(&pfd, 1, 60000) == 1 && read(fd, &byte, 1) == 1 ? byte : 0;
}

/* The application comes first, since a child of a process with threads cannot count on starting some; it is told where the store is. */
int
calls_doomed(int in, int out)
{
	static struct calls_ticket ticket;
	int ends[2];

	if (pipe(ends) != 0)
		return 1;
	if (fork() == 0) {
		close(ends[1]);
		if (read(ends[0], &ticket, sizeof(ticket)) != sizeof(ticket))
			_exit(1);
		calls_attach(&ticket);
		life_of_application(in, out);
	}
	close(out);
	_Static_assert(sizeof(ticket) <= 4096, "one write, one read");
	if (calls_store_again(&ticket) != 0 || write(ends[1], &ticket, sizeof(ticket)) != sizeof(ticket))
		return 1;
	for (;;)
		pause();
}

static pid_t
spawn_doomed(int in, int out)
{
	char in_text[16], out_text[16];
	pid_t pid;

	snprintf(in_text, sizeof(in_text), "%d", in);
	snprintf(out_text, sizeof(out_text), "%d", out);
	assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, (char *[]){"lib_calls", CALLS_DOOMED, in_text, out_text, NULL}, environ), 0);
	return pid;
}

void
an_engine_that_dies_takes_no_application_with_it(void **state)
{
	int to[2], from[2];
	pid_t engine;
	char byte;

	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	assert_int_equal(fcntl(to[1], F_SETFD, FD_CLOEXEC), 0);
	assert_int_equal(fcntl(from[0], F_SETFD, FD_CLOEXEC), 0);
	engine = spawn_doomed(to[0], from[1]); /* a process with a store of its own, and the application, which attaches without an agent */
	close(to[0]);
	close(from[1]);
	for (int i = 0; i < 4; i++)
		assert_int_equal(next_byte(from[0]), 'w');
	assert_int_equal(kill(engine, SIGKILL), 0);
	assert_int_equal(status_of(engine), 1000 + SIGKILL);
	close(to[1]);
	do
		byte = next_byte(from[0]);
	while (byte == 'w');
	assert_int_equal(byte, 'a');
	close(from[0]);
	calls_store_remove(engine);
}

static int
life_of_late_child(int number)
{
	char label[16];
	daos_handle_t poh, coh, oh;
	daos_obj_id_t oid = {.lo = 4712};
	daos_size_t size = 8;
	char buf[8] = "";

	snprintf(label, sizeof(label), "early-%d", number);
	if (daos_init() != 0 || daos_pool_connect("first", NULL, DAOS_PC_RW, &poh, NULL, NULL) != 0 ||
	    daos_cont_create_with_label(poh, label, NULL, NULL, NULL) != 0 || daos_cont_open(poh, label, DAOS_COO_RW, &coh, NULL, NULL) != 0 ||
	    daos_obj_generate_oid(coh, &oid, DAOS_OT_KV_HASHED, OC_SX, 0, 0) != 0 || daos_kv_open(coh, oid, DAOS_OO_RW, &oh, NULL) != 0)
		return 1;
	if (daos_kv_put(oh, DAOS_TX_NONE, 0, "k", 2, "v", NULL) != 0 || daos_kv_get(oh, DAOS_TX_NONE, 0, "k", &size, buf, NULL) != 0)
		return 2;
	if (daos_kv_close(oh, NULL) != 0 || daos_cont_close(coh, NULL) != 0 || daos_cont_destroy(poh, label, 0, NULL) != 0)
		return 4;
	return strcmp(buf, "v") == 0 && daos_fini() == 0 && daos_fini() == -DER_UNINIT ? 0 : 3;
}

/* Children of a program that has not begun yet, several at once; run before the library is used at all. */
int
calls_before_init(void)
{
	pid_t pids[3];
	int bad = 0, status = -1;

	if (daos_fini() != -DER_UNINIT || daos_reinit() != -DER_UNINIT)
		return -DER_MISC;
	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(life_of_late_child(i));
	}
	for (int i = 0; i < 3; i++)
		if (pids[i] < 0 || waitpid(pids[i], &status, 0) != pids[i] || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			fprintf(stderr, "child %d before daos_init: status %x\n", i, status);
			bad++;
		}
	return bad == 0 ? 0 : -DER_MISC;
}
