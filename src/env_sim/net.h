/* SPDX-License-Identifier: Apache-2.0 */
/* env_sim, private: what the network is made of. */
#ifndef ENV_SIM_NET_H
#define ENV_SIM_NET_H

#include "world.h"

enum { ADDR_MAX = 256, SOCKET_PATH_MAX = 107 };

enum scope { TCP, UNIX, SEQPACKET };

struct address {
	enum scope scope;
	int host; /* -1: any (listen) */
	bool loopback;
	uint32_t port;
	char path[SOCKET_PATH_MAX + 1];
};

struct env_listen {
	struct list link; /* in life->listens */
	struct sim_life *life;
	struct env_loop *loop;
	struct address address;
	char text[ADDR_MAX];
	void (*accepted)(void *arg, struct env_conn *conn);
	void *arg;
};

struct item { /* in a queue */
	struct list link;
	struct sim_due due;
	struct env_conn *to;
	uint64_t time, number; /* number: of the message, among all */
	enum { CONNECT, MESSAGE, END } kind;
	int rc; /* END */
	size_t len;
	uint8_t data[];
};

struct queue {
	struct sim_event event;
	struct sim_link *link;
	int side; /* towards which end */
	struct list items;
	uint64_t last_time, bytes;
};

struct env_conn {
	struct list link; /* in life->conns */
	struct sim_link *wire;
	int side;
	struct sim_life *life;
	struct env_loop *loop;
	struct env_listen *listen; /* until accepted */
	const struct env_conn_ops *ops;
	void *arg;
	bool broken, closed_by_us;
	int rc;
	struct sim_due accept_due, closed_due;
	struct list registrations, transfers;
};

struct sim_link {
	struct list all; /* in net->links */
	struct sim *sim;
	struct env_conn *ends[2]; /* NULL: gone, or not yet accepted */
	uint32_t nodes[2];
	struct queue queues[2];
	struct sim_event silence;
	struct address address;
	bool unplugged; /* one side lost its power */
	struct env_cred creds[2];
};

struct sim_net {
	struct sim *sim;
	struct list links;
	struct rand rand;
	struct sim_net_stats stats;
	uint64_t break_nth;
	uint64_t delivered[SIM_NODES_MAX]; /* the newest message that came there */
	bool cut[SIM_NODES_MAX][SIM_NODES_MAX];
	uint32_t slow[SIM_NODES_MAX][SIM_NODES_MAX];
	struct sim_event storm;
	struct list cuts;
};

/* net.c */
/** Nothing gets through to a side: cut, or the other side is without power. */
bool net__is_stopped(const struct sim_link *link, int side);
/** Something changed about cuts and stops: sets or clears the alarm, stops queues or lets them go on. */
void net__review(struct sim_link *link);
uint64_t net__latency(struct sim_link *link, int side, size_t len);
void net__break_end(struct env_conn *end, int rc);
/** Takes an end off its link; the link goes with the second. */
void net__end_free(struct env_conn *end);
void net__items_drop(struct queue *queue);
/** The end of that side learns of the break, after what is on the way. */
void net__send_end(struct sim_link *link, int side, int rc);
size_t net__iov_len(const struct iovec *iov, int iov_nr);
void net__iov_gather(uint8_t *to, const struct iovec *iov, int iov_nr);

/* transfer.c */
int net__mem_reg(struct env_conn *conn, const struct iovec *iov, int iov_nr, int access, struct env_rkey *key);
void net__mem_unreg(struct env_conn *conn, struct env_rkey key);
int net__get(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
	     void (*done)(void *arg, int rc), void *arg);
int net__put(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
	     void (*done)(void *arg, int rc), void *arg);
void net__registrations_drop(struct env_conn *end);
/** All transfers that end began fail. */
void net__transfers_break(struct env_conn *end);
void net__transfers_die(struct env_conn *end);
void net__transfers_go_on(struct env_conn *end);

#endif
