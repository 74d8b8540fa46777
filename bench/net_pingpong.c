/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_pingpong: what the network seam of env_real costs over the bare machine. Two processes; the second echoes.
 *
 *   round trip of 64 bytes, both sides asleep in between: env_real against plain epoll with read and write
 *   1 MiB transfers, eight under way: put and get of env_real against one process writing to a stream and the other reading
 *
 * Over TCP (loopback) and UNIX streams. Both sides of a comparison run alternately in the same minute; a row is the median
 * of its rounds, and the last column what counts: ours / theirs.
 *
 *   net_pingpong [rounds [trips per round]]
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "env_real/env_real.h"

#define SIZE 64
#define BULK MIB
#define DEPTH 8
#define BULK_NR 512
#define ROUNDS_MAX 101

static char dir[] = "/tmp/net_pingpong.XXXXXX";

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

/* ---- bare --------------------------------------------------------------------------------------------------------- */

/* A connected pair, as two strangers would have it. */
static void
bare_pair(bool tcp, int fd[2])
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int place, one = 1;

	if (!tcp) {
		must(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "socketpair");
	} else {
		place = socket(AF_INET, SOCK_STREAM, 0);
		must(bind(place, (struct sockaddr *)&in, sizeof(in)) == 0 && listen(place, 1) == 0 &&
		     getsockname(place, (struct sockaddr *)&in, &len) == 0, "listen");
		fd[0] = socket(AF_INET, SOCK_STREAM, 0);
		must(connect(fd[0], (struct sockaddr *)&in, sizeof(in)) == 0, "connect");
		fd[1] = accept(place, NULL, NULL);
		close(place);
		setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	fcntl(fd[1], F_SETFL, O_NONBLOCK);
}

static int
bare_set(int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	int set = epoll_create1(0);

	must(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
	return set;
}

/* Sleeps until SIZE bytes came; false at the end. */
static bool
bare_receive(int set, int fd, char *buf)
{
	struct epoll_event event;
	ssize_t n;

	for (;;) {
		if (epoll_wait(set, &event, 1, -1) < 0)
			continue;
		n = read(fd, buf, SIZE);
		if (n == SIZE)
			return true;
		if (n == 0)
			return false;
	}
}

static double
bare_trips(bool tcp, int trips)
{
	char buf[SIZE] = {0};
	uint64_t begin, took;
	int fd[2], set;
	pid_t pid;

	bare_pair(tcp, fd);
	pid = fork();
	if (pid == 0) {
		close(fd[0]);
		set = bare_set(fd[1]);
		while (bare_receive(set, fd[1], buf))
			must(write(fd[1], buf, SIZE) == SIZE, "write");
		_exit(0);
	}
	close(fd[1]);
	set = bare_set(fd[0]);
	begin = now_ns();
	for (int i = 0; i < trips; i++) {
		must(write(fd[0], buf, SIZE) == SIZE, "write");
		bare_receive(set, fd[0], buf);
	}
	took = now_ns() - begin;
	close(fd[0]);
	close(set);
	waitpid(pid, NULL, 0);
	return (double)took / trips / 1000;
}

/* MiB/s of a stream, and one byte back at the end. */
static double
bare_bulk(bool tcp)
{
	char *buf = calloc(1, BULK), byte = 0;
	uint64_t left = BULK_NR * BULK, begin, took;
	ssize_t n;
	int fd[2];
	pid_t pid;

	bare_pair(tcp, fd);
	fcntl(fd[0], F_SETFL, 0);
	fcntl(fd[1], F_SETFL, 0);
	pid = fork();
	if (pid == 0) {
		while (left > 0) {
			n = read(fd[1], buf, BULK);
			must(n > 0, "read");
			left -= (uint64_t)n;
		}
		must(write(fd[1], &byte, 1) == 1, "write");
		_exit(0);
	}
	begin = now_ns();
	while (left > 0) {
		n = write(fd[0], buf, MIN(left, BULK));
		must(n > 0, "write");
		left -= (uint64_t)n;
	}
	must(read(fd[0], &byte, 1) == 1, "read");
	took = now_ns() - begin;
	close(fd[0]);
	close(fd[1]);
	waitpid(pid, NULL, 0);
	free(buf);
	return (double)BULK_NR * 1e9 / (double)took;
}

/* ---- ours ---------------------------------------------------------------------------------------------------------- */

enum { TRIP, PUT, GET };

struct side {
	struct env *env;
	struct env_loop *loop;
	const struct env_net_ops *net;
	struct env_conn *conn;
	char *memory;
	struct env_rkey key;
	bool echo, ready, closed;
	int left, under_way, how;
};

static void
start_transfer(struct side *side);

static void
transferred(void *arg, int rc)
{
	struct side *side = arg;

	must(rc == 0, "transfer");
	side->left--;
	side->under_way--;
	start_transfer(side);
}

static void
start_transfer(struct side *side)
{
	struct iovec iov = {side->memory, BULK};

	while (side->under_way < DEPTH && side->under_way < side->left) {
		side->under_way++;
		must((side->how == PUT ? side->net->put : side->net->get)(side->conn, side->key, 0, &iov, 1, transferred, side) == 0,
		     "start");
	}
}

static void
received(void *arg, struct env_conn *conn, const void *data, size_t len)
{
	struct side *side = arg;
	struct iovec iov = {(void *)data, len};

	if (side->echo) {
		must(side->net->send(conn, &iov, 1) == 0, "send");
	} else if (!side->ready) {
		memcpy(&side->key, data, sizeof(side->key));
		side->ready = true;
	} else if (--side->left > 0) {
		must(side->net->send(conn, &iov, 1) == 0, "send");
	}
}

static void
closed(void *arg, struct env_conn *conn, int rc)
{
	((struct side *)arg)->closed = true;
}

static const struct env_conn_ops conn_ops = {.received = received, .closed = closed};

static void
accepted(void *arg, struct env_conn *conn)
{
	struct side *side = arg;
	struct iovec iov = {side->memory, BULK};

	side->conn = conn;
	side->net->bind(conn, &conn_ops, side);
	must(side->net->mem_reg(conn, &iov, 1, ENV_REG_READ | ENV_REG_WRITE, &side->key) == 0, "mem_reg");
	iov = (struct iovec){&side->key, sizeof(side->key)};
	must(side->net->send(conn, &iov, 1) == 0, "send");
}

static void
side_open(struct side *side)
{
	*side = (struct side){.memory = calloc(1, BULK)};
	must(env_real_create(NULL, &side->env) == 0, "env_real_create");
	side->net = &side->env->ops->net;
	must(side->env->ops->loop.open(side->env, &side->loop) == 0, "loop");
}

static void
side_close(struct side *side)
{
	side->env->ops->loop.close(side->loop);
	env_real_destroy(side->env);
	free(side->memory);
}

static void
echo_main(bool tcp, int tell)
{
	struct env_listen *place;
	struct side side;
	char addr[128];

	side_open(&side);
	side.echo = true;
	snprintf(addr, sizeof(addr), "%s%s%s", tcp ? "tcp://127.0.0.1:0" : "unix://", tcp ? "" : dir, tcp ? "" : "/sock");
	must(side.net->listen(side.loop, addr, accepted, &side, &place) == 0, "listen");
	snprintf(addr, sizeof(addr), "%s", side.net->listen_addr(place));
	must(write(tell, addr, sizeof(addr)) == (ssize_t)sizeof(addr), "tell");
	while (!side.closed)
		side.env->ops->loop.poll(side.loop, ENV_FOREVER);
	side.net->listen_close(place);
	side_close(&side);
	_exit(0);
}

static double
our_run(bool tcp, int how, int trips)
{
	char addr[128], first[SIZE] = {0};
	struct iovec iov = {first, SIZE};
	uint64_t begin, took;
	struct side side;
	int tell[2];
	pid_t pid;

	must(pipe(tell) == 0, "pipe");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		echo_main(tcp, tell[1]);
	}
	must(read(tell[0], addr, sizeof(addr)) == (ssize_t)sizeof(addr), "address");
	close(tell[0]);
	close(tell[1]);
	side_open(&side);
	side.how = how;
	must(side.net->connect(side.loop, addr, &conn_ops, &side, &side.conn) == 0, "connect");
	while (!side.ready)
		side.env->ops->loop.poll(side.loop, ENV_FOREVER);
	side.left = trips;
	begin = now_ns();
	if (how == TRIP)
		must(side.net->send(side.conn, &iov, 1) == 0, "send");
	else
		start_transfer(&side);
	while (side.left > 0)
		side.env->ops->loop.poll(side.loop, ENV_FOREVER);
	took = now_ns() - begin;
	side.net->close(side.conn);
	while (!side.closed)
		side.env->ops->loop.poll(side.loop, ENV_FOREVER);
	side_close(&side);
	waitpid(pid, NULL, 0);
	return how == TRIP ? (double)took / trips / 1000 : (double)trips * 1e9 / (double)took;
}

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, int nr)
{
	qsort(values, (size_t)nr, sizeof(*values), by_value);
	return values[nr / 2];
}

static void
row(bool tcp, int how, int rounds, int trips)
{
	static const char *const names[] = {"round trip 64 B, us", "put 1 MiB x 8, MiB/s", "get 1 MiB x 8, MiB/s"};
	double theirs[ROUNDS_MAX], ours[ROUNDS_MAX], t, o;

	for (int i = 0; i < rounds; i++) {
		theirs[i] = how == TRIP ? bare_trips(tcp, trips) : bare_bulk(tcp);
		ours[i] = our_run(tcp, how, how == TRIP ? trips : BULK_NR);
	}
	t = median(theirs, rounds);
	o = median(ours, rounds);
	printf("%-5s %-22s bare %8.1f   env_real %8.1f   ours/theirs %.2f\n", tcp ? "tcp" : "unix", names[how], t, o, o / t);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 7, trips = argc > 2 ? atoi(argv[2]) : 20000;

	rounds = MIN(MAX(rounds, 1), ROUNDS_MAX);
	must(mkdtemp(dir) != NULL, "mkdtemp");
	for (int tcp = 1; tcp >= 0; tcp--)
		for (int how = TRIP; how <= GET; how++)
			row(tcp, how, rounds, trips);
	rmdir(dir);
	return 0;
}
