/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc: remote procedure calls between ranks, and between clients and ranks. A node (one engine or one client) has a
 * context on each stream that talks; a context listens, connects, calls and serves. Calls carry a fixed header (operation, call
 * number, clock, deadline, group version, checksum) and a body packed by the tables in proto/. Large data moves by bulk:
 * the caller exposes memory for the length of one call, the server gets or puts. Connections are symmetric: who was
 * called can call back over the same connection.
 *
 * A call ends with an answer or a definite error; it is never repeated by this room: retry belongs to who knows that the
 * operation can be repeated.
 */
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include <uuid/uuid.h>
#include <gurt/types.h>
#include "base/base.h"
#include "env/env.h"
#include "ult/ult.h"

struct hlc_clock; /* pure/hlc */
struct rpc_node; /* identity, clock, protocols and group of one process (or simulated node) */
struct rpc_ctx;  /* the node on one stream */
struct rpc_flight;
struct rpc_peer; /* the other end of a connection, counted */
struct rpc_req;  /* a call being served */
struct packer;
struct unpacker;
struct strbuf;
struct rand;

#define RPC_NO_RANK UINT32_MAX
#define RPC_BODY_MAX (960 * KIB) /* packed; larger data goes by bulk */
#define RPC_CRED_MAX (8 * KIB)
#define RPC_INLINE_MAX (16 * KIB) /* what callers should send inline at most */

/* ---- protocols: built by proto/ from its tables ------------------------------------------------------------------------- */
/**
 * How one body is packed. Structs are plain C with pointers into an arena; see proto/codec.h. Errors stick to packer and unpacker.
 */
struct rpc_body {
	const char *name;
	size_t size; /* of the C struct */
	void (*pack)(struct packer *packer, const void *body, uint32_t version);
	/** Hostile input. What body points to comes from the arena, or lies in the input, which outlives the body. */
	void (*unpack)(struct unpacker *unpacker, void *body, uint32_t version, struct arena *arena);
	void (*print)(struct strbuf *text, const void *body);                /* for logs */
	void (*fill)(struct rand *rand, void *body, struct arena *arena);        /* random content, for tests */
	bool (*equal)(const void *a, const void *b);                             /* for tests */
};

enum { /* of an operation */
	RPC_ONEWAY = 1,      /* no answer */
	RPC_ANYONE = 2,      /* may be called by a peer that has not said hello with a credential */
	RPC_SERVERS = 4,     /* only ranks of the group may call it */
	RPC_TOP_DOWN = 8,    /* in a collective a rank has run it before the ranks below are called */
};

struct rpc_op {
	const char *name; /* "pool_connect" */
	uint32_t flags;
	enum ult_class cls; /* of the ULT that serves it */
	uint32_t since;     /* protocol version that brought it */
	struct rpc_body in, out;
};

struct rpc_proto {
	const char *name; /* "pool" */
	uint8_t id;
	uint32_t version, oldest; /* spoken now, and the oldest still spoken: negotiated a connection */
	const struct rpc_op *ops;
	uint32_t nr;
};

/** An operation by number: protocol id << 16 | index in its table. Frozen. */
typedef uint32_t rpc_opc;
#define RPC_OPC(proto_id, index) ((uint32_t)(proto_id) << 16 | (uint32_t)(index))

/** Serves a call in a ULT of its class. req->in is filled; fills req->out; what it returns becomes the status of the answer. */
typedef int (*rpc_handler)(void *owner, struct rpc_req *req);

/* ---- node --------------------------------------------------------------------------------------------------------------- */
struct rpc_node_config {
	struct env *env;
	uuid_t id;               /* of this process: a new one each start; names it to others */
	uint32_t rank;           /* RPC_NO_RANK for clients */
	struct hlc_clock *hlc;      /* the node's clock, shared by its streams (atomic) */
	const struct rpc_proto *const *protos; /* NULL-terminated: all that this node speaks */
	uint32_t credits;        /* calls in flight to one peer; 0: 256; more wait in order */
	uint64_t timeout_ns;     /* of a call without a deadline; 0: 60 s */
	uint64_t incarnation;    /* of the rank's present life; 0: not told. An older life of a rank is refused by the group's members */
	bool follows;            /* a client: takes over the clock of whom it talks to, however far ahead */
	/** A peer's clock was too far ahead. May be NULL. */
	void (*hlc_error)(void *arg, uint32_t rank, uint64_t remote, uint64_t local);
	/**
	 * Judges a new peer by the credential that came with its hello (len 0: none) and the rank it claims. 0: it is who it
	 * says. Else it may call RPC_ANYONE operations only, and is turned away with the error when it claims a rank. Must not yield.
	 * NULL: everybody is who it says.
	 */
	int (*admit)(void *arg, struct rpc_peer *peer, const void *cred, size_t len);
	void *arg;
};
int rpc_node_create(const struct rpc_node_config *config, struct rpc_node **node);
void rpc_node_destroy(struct rpc_node *node);
uint32_t rpc_node_rank(const struct rpc_node *node);
void rpc_node_set_rank(struct rpc_node *node, uint32_t rank); /* before serving */
/**
 * The process is about to end: clients' new requests are refused with -DER_SHUTDOWN, and what handlers fail with because parts of the node are gone
 * already becomes -DER_SHUTDOWN, so that it is repeated at the next life. Any stream.
 */
void rpc_node_stop(struct rpc_node *node);
const uint8_t *rpc_node_id(const struct rpc_node *node);
/** What new connections present to admit() of the other end; copied, at most RPC_CRED_MAX bytes. Any stream. -DER_NOMEM, -DER_OVERFLOW. */
int rpc_node_set_cred(struct rpc_node *node, const void *cred, size_t len);

/** The ranks that are, and where each of their streams listens. Kept by version; an older one is ignored. Any stream. */
struct rpc_member {
	uint32_t rank;
	uint64_t incarnation;
	uint32_t addr_nr;
	const char *const *addrs; /* one a tag (stream); several alternatives separated by a space, tried in order */
};
int rpc_group_set(struct rpc_node *node, uint32_t version, const struct rpc_member *members, uint32_t nr);
uint32_t rpc_group_version(const struct rpc_node *node);

/* ---- context ---------------------------------------------------------------------------------------------------------------- */
int rpc_ctx_create(struct rpc_node *node, struct xs *xs, uint32_t tag, struct rpc_ctx **ctx);
/** Ends every call with -DER_CANCELED, waits for handlers, closes connections. YIELDS */
void rpc_ctx_destroy(struct rpc_ctx *ctx);
/** Starts to listen; addr as in env.h; may be called for several. *bound (may be NULL) lives as long as ctx. */
int rpc_listen(struct rpc_ctx *ctx, const char *addr, const char **bound);
/** The handlers of a protocol on this context: handlers[i] serves ops[i]; NULL entries answer -DER_NOSYS. */
int rpc_serve(struct rpc_ctx *ctx, const struct rpc_proto *proto, const rpc_handler *handlers, void *owner);
/** While held, requests are answered with -DER_OVERLOAD_RETRY: between listening and being ready to serve. */
void rpc_hold(struct rpc_ctx *ctx, bool held);
struct rpc_node *rpc_ctx_node(const struct rpc_ctx *ctx);
struct xs *rpc_ctx_xs(const struct rpc_ctx *ctx);
uint32_t rpc_ctx_tag(const struct rpc_ctx *ctx);

struct rpc_stats { /* since the context was made */
	uint64_t calls, answered, refused, timed_out, unreachable, canceled; /* calls of ours and how they ended */
	uint64_t served, turned_away;  /* requests that ran; that did not */
	uint64_t violations;           /* connections broken because the other end broke the rules */
	uint64_t connects, breaks;
	uint32_t under_way, serving, peers; /* now */
};
void rpc_ctx_stats(const struct rpc_ctx *ctx, struct rpc_stats *stats);

/* ---- peers ------------------------------------------------------------------------------------------------------------------- */
/** A reference to tag of rank, from the group; connects when first called. -DER_OOG. */
int rpc_peer_rank(struct rpc_ctx *ctx, uint32_t rank, uint32_t tag, struct rpc_peer **peer);
/** By address, before a group is known. */
int rpc_peer_addr(struct rpc_ctx *ctx, const char *addr, struct rpc_peer **peer);
void rpc_peer_get(struct rpc_peer *peer);
void rpc_peer_put(struct rpc_peer *peer);
uint32_t rpc_peer_rank_of(const struct rpc_peer *peer); /* RPC_NO_RANK for clients */
const uint8_t *rpc_peer_id(const struct rpc_peer *peer);  /* uuid of the process, zero before its hello */
void rpc_peer_cred(const struct rpc_peer *peer, struct env_cred *cred);
/** Calls gone(arg) once when the connection breaks; the peer may connect again on the next call. */
int rpc_peer_watch(struct rpc_peer *peer, void (*gone)(void *arg, struct rpc_peer *peer), void *arg);
void rpc_peer_unwatch(struct rpc_peer *peer, void *arg);
/** A slot for what the server side binds to the authenticated connection; freed by drop at its break. */
void rpc_peer_set_session(struct rpc_peer *peer, void *session, void (*drop)(void *session));
void *rpc_peer_session(const struct rpc_peer *peer);

/* ---- calling ------------------------------------------------------------------------------------------------------------------ */
/** Memory exposed to the peer of one call: travels in bodies (codec type bulk). */
struct rpc_bulk {
	struct env_rkey key;
	uint64_t len; /* bytes; 0: none */
};

struct rpc_call {
	struct rpc_peer *peer;
	rpc_opc opc;
	const void *in;        /* struct of the operation */
	void *out;             /* filled from arena when the call was answered; may be NULL for one-way */
	struct arena *arena;
	uint64_t deadline_ns;  /* monotonic; 0: the node's timeout */
	/* memory to expose while it lasts; the descriptor is written to *bulk, which lies in in */
	const struct iovec *expose;
	int expose_nr;
	int expose_access;     /* ENV_REG_* */
	struct rpc_bulk *bulk;
	/* internal */
	struct list link;
	struct rpc_ctx *ctx;
	struct rpc_flight *flight;   /* once it is sent */
	struct env_rkey exposed;
	struct ult_timer timer;
	struct ult_eventual ended;
	bool waiting, is_exposed, answered;
};
/**
 * Calls and waits. YIELDS. The status that the handler returned, or -DER_UNREACH (not sent or connection broken),
 * -DER_TIMEDOUT, -DER_CANCELED, -DER_PROTO (versions), -DER_HLC_SYNC, -DER_NOMEM, -DER_OVERFLOW. *answered (may be NULL) tells a
 * handler's status from one made here.
 */
int rpc_call(struct rpc_ctx *ctx, struct rpc_call *call, bool *answered);
/**
 * The same in two steps, to have several calls under way. An error: it was not started and must not be waited for. The
 * call struct, in, out and the exposed memory stay where they are until it was waited for.
 */
int rpc_call_start(struct rpc_ctx *ctx, struct rpc_call *call);
int rpc_call_wait(struct rpc_ctx *ctx, struct rpc_call *call, bool *answered); /* YIELDS */
/** Ends a call under way with -DER_CANCELED; the server is told. */
void rpc_call_cancel(struct rpc_ctx *ctx, struct rpc_call *call);

/* ---- serving ------------------------------------------------------------------------------------------------------------------ */
struct rpc_req {
	struct rpc_ctx *ctx;
	struct rpc_peer *peer;
	const struct rpc_op *op;
	rpc_opc opc;
	void *in, *out;
	struct arena arena;   /* for whatever in, out and the handler need; gone after the answer */
	uint64_t deadline_ns; /* monotonic, ours */
	uint64_t hlc;         /* the caller's clock when it called */
	uint32_t group_version;
	bool canceled;        /* the caller went away or gave up: stop when convenient */
};
/** Moves bytes between the caller's exposed memory and ours. YIELDS. -DER_NO_PERM, -DER_UNREACH, -DER_CANCELED. */
int rpc_bulk_get(struct rpc_req *req, const struct rpc_bulk *bulk, uint64_t off, const struct iovec *iov, int iov_nr);
int rpc_bulk_put(struct rpc_req *req, const struct rpc_bulk *bulk, uint64_t off, const struct iovec *iov, int iov_nr);
/** Answers now; what the handler does afterwards is after the answer. */
void rpc_answer_early(struct rpc_req *req, int status);

/* ---- collectives: a call to every rank of the group along a k-nomial tree (ratio 4), answers folded on the way back ------------- */
struct rpc_collect {
	rpc_opc opc;
	const void *in;
	void *out;                              /* folded answer */
	struct arena *arena;
	const uint32_t *ranks;                  /* NULL: all of the group */
	uint32_t rank_nr;
	uint32_t tag;                           /* of the contexts that serve it */
	/**
	 * Folds the answer of one rank into out; called once for every rank, ours included, in an order that only the tree decides. from is
	 * NULL when the rank was not reached, or its handler did not run: status says why. It lives until the end of the collective. May be NULL.
	 */
	void (*fold)(void *arg, void *into, const void *from, uint32_t rank, int status);
	void *arg;
	uint64_t deadline_ns;
};
/**
 * YIELDS. The first error of any rank, or 0. Handlers see an ordinary request, whose peer is the next rank towards the caller. The caller
 * need not be one of the ranks. A rank that cannot be reached leaves all below it in the tree without the call: fold hears of each.
 */
int rpc_collect(struct rpc_ctx *ctx, struct rpc_collect *collect);

/** The children of position self in a k-nomial tree over nr positions with root position root: pure. Returns how many (at most 4 * 16). */
uint32_t rpc_tree_children(uint32_t nr, uint32_t root, uint32_t self, uint32_t ratio, uint32_t *children, uint32_t max);

#endif
