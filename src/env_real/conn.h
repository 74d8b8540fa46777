/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the network share: a connection, its queues and tables. See conn.c for its life. */
#ifndef ENV_REAL_CONN_H
#define ENV_REAL_CONN_H

#include <netinet/in.h>
#include <sys/un.h>
#include "frame.h"
#include "real.h"

#define CONN_YOUNG_NS (10 * NS_PER_S)     /* until the other end must have greeted */
#define CONN_QUEUE_MAX (64 * MIB)         /* bytes of messages waiting */
#define CONN_READ_MAX (256 * KIB)         /* of a stream, with one system call, beside what goes to its place directly */
#define CONN_READ_BESIDE (2 * KIB)        /* the same, behind data of a transfer */
#define CONN_TRANSFERS 256                /* gets and puts under way in one direction */
#define CONN_REGS 65536
#define PACKET_MAX MIB

/* ---- addresses (addr.c) ------------------------------------------------------------------------------------------ */
struct net_addr {
	bool local, packets;
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t len;
};
/* "tcp://host:port", "unix:///path", "seqpacket:///path". -DER_INVAL, -DER_EXCEEDS_PATH_LEN, -DER_UNREACH (no such host). */
int real__addr_parse(const char *text, struct net_addr *addr);
void real__addr_print(const struct net_addr *addr, char *text, size_t size);
/* A nonblocking socket with the options of a connection or listener. Its descriptor or -errno. */
int real__addr_socket(const struct net_addr *addr);
/* Options of a connection: death of the other end is noticed within 10 s. */
void real__socket_options(int fd, bool local, bool packets);

/* ---- a connection ------------------------------------------------------------------------------------------------ */
enum conn_state {
	CONN_RETRY,      /* connect has to be tried again: the other end's queue is full */
	CONN_CONNECTING,
	CONN_OPEN,
	CONN_CLOSING,    /* by us; on the dead list */
	CONN_BROKEN,     /* on the dead list */
};

/* A part of the queue of messages. */
struct chunk {
	struct list link;
	uint32_t start, end, size; /* start: sent up to there */
	uint8_t data[] __attribute__((aligned(8)));
};

/* Something that sends data frames: one of our puts, or the answer to a get of the other end. */
struct bulk {
	struct list link; /* in conn.bulks, unless it is conn.bulk_now */
	bool is_put;
};

/* One of our gets or puts. */
struct op {
	struct bulk bulk; /* first; of a put */
	struct list waiting;
	struct env_conn *conn;
	bool is_get;
	uint64_t id;      /* slot in the low bits; 0: waits for a slot */
	struct env_rkey key;
	uint64_t off, len, moved; /* off: at the other end; moved: got, or handed to frames */
	int reply;        /* of a put answered in the middle of a frame; 1: none yet */
	void (*done)(void *arg, int rc);
	void *arg;
	struct iov_cursor at; /* where moved stands */
	struct iovec iov[];
};

struct reg {
	uint64_t id, secret;
	int access, iov_nr;
	uint64_t len;
	struct iovec iov[];
};

/* The answer to a get of the other end. */
struct answer {
	struct bulk bulk; /* first */
	struct list all;
	uint64_t id;
	struct reg *reg;  /* NULL: its memory is gone */
	uint64_t off, len, moved; /* off: in reg */
	uint8_t *copy;    /* of what the present frame still has to send when reg went away */
};

#define FRAME_PIECES 40

/* The data frame that is being sent. */
struct frame_out {
	uint8_t prefix[FRAME_PREFIX_MAX];
	struct iovec piece[FRAME_PIECES + 2]; /* prefix, payload, padding */
	int nr, at;
	size_t left;      /* bytes */
	uint32_t payload; /* bytes */
	bool started;     /* something of it is sent */
};

struct env_conn {
	struct real_source source;
	struct env_loop *loop;
	struct list link, dirty, dead, young, retry;
	enum conn_state state;
	int rc;           /* for closed */
	bool local, packets, greeted, asked_out;
	bool draining;    /* writing failed: reading what is left */
	const struct env_conn_ops *ops;
	void *arg;
	uint64_t born_ns;
	struct net_addr to; /* of connect */
	char name[128];   /* for the log */
	struct env_cred cred;
	size_t packet_max;

	struct frame_reader reader;
	uint64_t in_bytes; /* ever read */
	/* out */
	struct list chunks;
	size_t out_bytes;        /* in chunks */
	uint64_t out_put, out_sent; /* bytes ever put into chunks, and sent of them */
	struct list bulks;       /* whose turn comes, in order */
	struct bulk *bulk_now;   /* whose frame is out */
	struct frame_out *out;   /* the frame of bulk_now; made with the first bulk */
	size_t put_bytes;        /* of our puts, not yet sent */

	/* one-sided transfers; tables are made when first needed */
	struct op **op;          /* CONN_TRANSFERS slots */
	uint32_t op_nr;
	uint64_t op_generation;
	struct list waiting;     /* ops without a slot */
	struct reg **reg;
	uint32_t reg_room, reg_hint;
	struct serving *serving; /* what the other end asked for */
};

/* What we owe the other end. */
struct serving {
	struct list all;                      /* answers, queued or not */
	uint32_t answers;
	uint32_t reply_first, reply_nr;
	uint64_t reply_end[CONN_TRANSFERS];   /* positions in out_put behind replies not yet sent */
	uint64_t refused[CONN_TRANSFERS];     /* last put by slot that got a NAK: its later frames get none */
	enum { PUT_TAKE, PUT_REFUSE, PUT_SKIP } verdict; /* on the put frame that comes in now */
	struct reg *into;                     /* where it goes */
};

static inline bool
conn_alive(const struct env_conn *conn)
{
	return conn->state <= CONN_OPEN;
}

/* conn.c */
int real__conn_accepted(struct env_loop *loop, int fd, bool local, bool packets, struct env_conn **conn);
/* The connection is gone: its user hears of it in net_run. */
void real__conn_break(struct env_conn *conn, int rc);
/* Writing failed with err: reads what the other end still said, then breaks. */
void real__conn_drain(struct env_conn *conn, int err);
int real__conn_rc(int err);

/* out.c */
int real__out_hello(struct env_conn *conn);
/* Room for one frame without payload, already counted as queued. NULL: no memory. */
int real__out_control(struct env_conn *conn, const struct frame *frame);
void real__out_dirty(struct env_conn *conn);
/* Sends what can be sent. */
void real__out_write(struct env_conn *conn);
/* A last try to send messages and BYE. */
void real__out_farewell(struct env_conn *conn);
void real__out_fini(struct env_conn *conn);

/* bulk.c: how data frames are filled and emptied */
/* Fills conn->out with the next frame of bulk. */
void real__bulk_frame(struct env_conn *conn, struct bulk *bulk);
/* The frame of bulk was sent: queues it again, waits for the answer, or ends it. */
void real__bulk_sent(struct env_conn *conn, struct bulk *bulk);
int real__bulk_control(struct env_conn *conn, const struct frame *frame);
int real__bulk_begin(struct env_conn *conn, const struct frame *frame, struct iov_cursor *to);
int real__bulk_end(struct env_conn *conn, const struct frame *frame);
/* Ends all transfers with rc; registrations stay. */
void real__bulk_abort(struct env_conn *conn, int rc);
void real__bulk_fini(struct env_conn *conn);

/* listen.c */
void real__listens_free(struct env_loop *loop);

#endif
