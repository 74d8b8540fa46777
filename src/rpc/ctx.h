/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of rpc share. Who does what: README.md. */
#ifndef RPC_CTX_H
#define RPC_CTX_H

#include <stdatomic.h>
#include "base/codec.h"
#include "base/hash.h"
#include "base/list.h"
#include "format.h"
#include "rpc/rpc.h"

/* What we accept of one connection, told in our hello. */
#define RPC_SERVE_MAX 1024              /* requests at a time */
#define RPC_SERVE_BYTES (32 * MIB)      /* of their bodies */
#define RPC_QUEUED_MAX (48 * MIB)       /* of answers that the other end does not take */
#define RPC_GREETING_NS (10 * NS_PER_S) /* a connection says hello within */
#define RPC_GREETING_MAX 1024           /* connections of others that have not */
#define RPC_INBOUND_MAX 16384           /* connections of others */
#define RPC_SPARE_FLIGHTS 1024

/* ---- group and node (node.c) --------------------------------------------------------------------------------------- */
/** A version of the group: never changes, counted. */
struct group {
	atomic_uint refs;
	struct mem *mem;
	uint32_t version, nr;
	struct rpc_member members[]; /* by rank */
};
const struct rpc_member *rpc__group_find(const struct group *group, uint32_t rank);
void rpc__group_put(struct group *group);

struct rpc_node {
	struct rpc_node_config config;
	struct mem *mem;
	_Atomic uint32_t rank;
	const struct rpc_proto *protos[RPC_PROTO_MAX]; /* by number */
	atomic_flag lock;   /* of what follows; held for a few instructions, never across a yield */
	struct group *group;
	_Atomic uint32_t group_version;
	_Atomic bool stopping;
	struct list ctxs;
	void *cred;
	size_t cred_len;
};
/** Copies the credential to buf (RPC_CRED_MAX bytes). */
size_t rpc__node_cred(struct rpc_node *node, void *buf);
void rpc__node_enter(struct rpc_node *node, struct rpc_ctx *ctx);
void rpc__node_leave(struct rpc_node *node, struct rpc_ctx *ctx);
/** The present group with a reference for the caller; NULL when none was set. */
struct group *rpc__node_group(struct rpc_node *node);
/** A stamp for a message. */
uint64_t rpc__node_stamp(struct rpc_node *node);
/** Hears of a stamp: 0 or -DER_HLC_SYNC, which the node's owner is told. */
int rpc__node_heard(struct rpc_node *node, uint32_t rank, uint64_t stamp);

/* ---- context (ctx.c) --------------------------------------------------------------------------------------------------- */
struct rpc_ctx {
	struct rpc_node *node;
	struct env *env;
	struct mem *mem;
	struct xs *xs;
	uint32_t tag;
	bool stopping;
	bool held;                   /* not yet open: requests are put off */
	struct list link;            /* in the node */
	struct list listens;
	struct {
		const rpc_handler *handlers;
		void *owner;
	} served[RPC_PROTO_MAX];
	/* the group as this stream knows it */
	struct group *group;
	struct xs_msg group_msg;
	atomic_bool group_told;      /* group_msg is under way */
	/* peers */
	struct list peers;           /* all, in the order of their making */
	struct hash by_rank, by_addr;
	struct list greeting;        /* inbound, without a hello yet, oldest first */
	uint32_t greeting_nr, inbound_nr, peer_nr;
	uint32_t serving_nr;
	/* calls */
	uint64_t number;
	struct list spare;           /* flights */
	uint32_t spare_nr;
	uint8_t *scratch;            /* bodies are packed here */
	size_t scratch_size;
	struct ult_cond changed;     /* for whoever waits for the end */
	struct rpc_stats stats;
};
/** The newest group. Connections may end in it. */
struct group *rpc__ctx_group(struct rpc_ctx *ctx);
/** Whether addr is one that we listen at. */
bool rpc__ctx_listens(const struct rpc_ctx *ctx, const char *addr);
/** Packs a body into the scratch buffer. 0, -DER_OVERFLOW, -DER_NOMEM, or what pack says. */
int rpc__ctx_pack(struct rpc_ctx *ctx, void (*pack)(struct packer *packer, const void *body, uint32_t version), const void *body,
		  uint32_t version, size_t *len);
/** The row of a number among what this node speaks, or collectives; NULL. */
const struct rpc_op *rpc__node_op(const struct rpc_node *node, rpc_opc opc);

/* ---- peers (peer.c) -------------------------------------------------------------------------------------------------------- */
enum peer_kind { PEER_RANK, PEER_ADDR, PEER_INBOUND };
enum peer_state {
	PEER_IDLE,     /* no connection */
	PEER_GREETING, /* waits for the other end's hello */
	PEER_READY,
	PEER_CLOSING,  /* we gave it up; closed will come */
};

struct rpc_peer {
	struct rpc_ctx *ctx;
	enum peer_kind kind;
	uint32_t refs;               /* users, and the connection */
	struct list link;
	struct hash_node node;
	uint32_t to_rank, to_tag;    /* PEER_RANK */
	char *to_addr;               /* PEER_ADDR */
	/* connection */
	enum peer_state state;
	const struct env_net_ops *net;
	struct env_conn *conn;
	uint32_t alternative;        /* which address is tried next */
	bool onward;                 /* closing because this address was no good */
	struct ult_timer greeting_timer;
	struct list greeting;
	/* as its hello said */
	uuid_t id;
	uint32_t rank, tag;
	uint64_t incarnation;
	bool admitted;
	uint16_t versions[RPC_PROTO_MAX];
	uint32_t credits;            /* requests that it takes at a time, and we send */
	uint64_t credit_bytes;
	/* calls to it */
	struct list waiting;         /* in order */
	struct list flights;
	struct hash by_number;
	uint32_t flight_nr;
	uint64_t flight_bytes;
	/* its calls */
	struct list serving;
	struct hash serving_by_number;
	uint32_t serving_nr;
	uint64_t serving_bytes, last_number;
	/* its users */
	struct list watches;
	void *session;
	void (*session_drop)(void *session);
};

/** A request that was sent and not yet answered. */
struct rpc_flight {
	struct list link;
	struct hash_node node;
	uint64_t number;
	uint32_t bytes;
	rpc_opc opc;
	struct rpc_call *call;       /* NULL: given up; its answer is awaited for the credit alone */
};

void rpc__peers_init(struct rpc_ctx *ctx);
void rpc__peers_fini(struct rpc_ctx *ctx);
/** There is something to send: connects if need be. */
void rpc__peer_wake(struct rpc_peer *peer);
/** Sends a message; body lies in one piece. What env's send says; -DER_UNREACH without a connection. */
int rpc__peer_send(struct rpc_peer *peer, struct rpc_header *header, const void *body, size_t len);
/** Gives the connection up: everything on it ends with rc. */
void rpc__peer_end(struct rpc_peer *peer, int rc);
/** The other end broke the rules. */
void rpc__peer_violation(struct rpc_peer *peer, const char *why);
/** A connection of others; the first is what env calls. */
void rpc__peer_accepted(void *ctx, struct env_conn *conn);
void rpc__peer_accept(struct rpc_ctx *ctx, const struct env_net_ops *net, struct env_conn *conn);
void rpc__peers_regroup(struct rpc_ctx *ctx);
bool rpc__peer_is_member(const struct rpc_peer *peer);

/* ---- calls (call.c) ----------------------------------------------------------------------------------------------------------- */
/** Sends what credits allow. */
void rpc__calls_go(struct rpc_peer *peer);
void rpc__call_answered(struct rpc_peer *peer, const struct rpc_header *header, const void *body, int clock_rc);
/** The connection is gone: ends flights with rc, and calls that wait too unless keep_waiting. */
void rpc__calls_end(struct rpc_peer *peer, int rc, bool keep_waiting);

/* ---- requests (serve.c) --------------------------------------------------------------------------------------------------------- */
struct request {
	struct rpc_req req;          /* first */
	struct list link;
	struct hash_node node;
	const struct rpc_proto *proto;
	uint64_t number;
	uint32_t bytes;
	uint16_t version;
	uint8_t *body;
	bool oneway, answered, detached; /* detached: its connection is gone */
};
void rpc__request_came(struct rpc_peer *peer, const struct rpc_header *header, const void *body, int clock_rc);
void rpc__request_cancel(struct rpc_peer *peer, uint64_t number);
/** The connection is gone: those under way are canceled and detached. */
void rpc__requests_detach(struct rpc_peer *peer);
extern const struct hash_ops rpc__requests_hash;

/* ---- loopback (local.c) ----------------------------------------------------------------------------------------------------------- */
/** The seam of a connection to ourselves. connect calls rpc__peer_accepted for the other end. */
extern const struct env_net_ops rpc__local_net;
int rpc__local_connect(struct rpc_ctx *ctx, const struct env_conn_ops *ops, void *arg, struct env_conn **conn);

/* ---- walking the peers while any of them may go ------------------------------------------------------------------------------- */
static inline struct rpc_peer *
peer_walk(struct rpc_ctx *ctx, struct rpc_peer *at)
{
	struct list *next = at == NULL ? ctx->peers.next : at->link.next;
	struct rpc_peer *peer = next == &ctx->peers ? NULL : list_entry(next, struct rpc_peer, link);

	if (peer != NULL)
		rpc_peer_get(peer);
	if (at != NULL)
		rpc_peer_put(at);
	return peer;
}
/** The body must not leave the loop. */
#define peers_each(peer, ctx) for (struct rpc_peer *peer = peer_walk(ctx, NULL); peer != NULL; peer = peer_walk(ctx, peer))

/* ---- collectives (collect.c) -------------------------------------------------------------------------------------------------------- */
#define RPC_COLLECT_PROTO 0 /* number of the room's own protocol */
extern const struct rpc_proto rpc__collect_proto;
extern const rpc_handler rpc__collect_handlers[];
/** A collective's version travels with the connection: called just before in is packed for peer. */
void rpc__collect_aim(const struct rpc_peer *peer, const struct rpc_call *call);

#endif
