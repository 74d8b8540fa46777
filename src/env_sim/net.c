/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network. A link joins two ends; each end belongs to a life of a node and to a loop. Towards each end there is a queue in
 * order: messages, and at its close the news of it. One event per queue delivers the first item at its time; a cut stops the
 * queue, mending lets it go on. A link that is silent (cut in a direction, peer stopped or without power) for
 * net_silence_ns breaks at both ends.
 *
 *	connect -> OPEN -> BROKEN (no more comes in or goes out; "closed" stands in the loop) -> closed called, end freed
 *
 * net I1: what an end is told comes in this order: accepted, messages, ends of its own transfers, closed. Nothing after closed.
 * net I2: a broken end has no registrations: nobody touches its memory any more.
 * Beside it: transfer.c (get, put), weather.c (cuts, deaths).
 */
#include <stdio.h>
#include "net.h"

enum { MESSAGE_MAX = 1 << 20, WINDOW = 256 << 10 };

/* ---- addresses ------------------------------------------------------------------------------------------------------------ */

static int
parse_tcp(struct sim_life *life, const char *text, struct address *address)
{
	const char *colon = strrchr(text, ':');
	unsigned long host;
	char name[64];
	uint32_t port = 0;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(name) || colon[1] == '\0')
		return -DER_INVAL;
	for (const char *c = colon + 1; *c != '\0'; c++) {
		if (*c < '0' || *c > '9' || port > 65535)
			return -DER_INVAL;
		port = port * 10 + (uint32_t)(*c - '0');
	}
	memcpy(name, text, (size_t)(colon - text));
	name[colon - text] = '\0';
	*address = (struct address){.scope = TCP, .port = port, .host = (int)life->node->host->id};
	if (port > 65535)
		return -DER_INVAL;
	if (strcmp(name, "127.0.0.1") == 0 || strcmp(name, "localhost") == 0) {
		address->loopback = true;
		return 0;
	}
	if (strcmp(name, "0.0.0.0") == 0)
		return 0;
	if (sscanf(name, "10.0.0.%lu", &host) == 1)
		host--;
	else if (sscanf(name, "host%lu", &host) != 1)
		return -DER_INVAL;
	if (host >= life->sim->host_nr)
		return -DER_UNREACH;
	address->host = (int)host;
	return 0;
}

static int
parse(struct sim_life *life, const char *text, struct address *address)
{
	bool seqpacket = strncmp(text, "seqpacket://", 12) == 0;

	if (strncmp(text, "tcp://", 6) == 0)
		return parse_tcp(life, text + 6, address);
	if (!seqpacket && strncmp(text, "unix://", 7) != 0)
		return -DER_INVAL;
	text += seqpacket ? 12 : 7;
	if (text[0] != '/' || text[1] == '\0')
		return -DER_INVAL;
	if (strlen(text) > SOCKET_PATH_MAX)
		return -DER_EXCEEDS_PATH_LEN;
	*address = (struct address){.scope = seqpacket ? SEQPACKET : UNIX, .host = (int)life->node->host->id};
	memcpy(address->path, text, strlen(text) + 1);
	return 0;
}

static bool
is_same(const struct address *a, const struct address *b)
{
	if (a->scope != b->scope || a->host != b->host)
		return false;
	return a->scope == TCP ? a->port == b->port : strcmp(a->path, b->path) == 0;
}

static struct env_listen *
find_listen(struct sim *sim, const struct address *address)
{
	struct env_listen *listen;

	for (uint32_t i = 0; i < sim->node_nr; i++) {
		if (sim->nodes[i].life == NULL)
			continue;
		list_each(listen, &sim->nodes[i].life->listens, link)
			if (is_same(&listen->address, address))
				return listen;
	}
	return NULL;
}

/* ---- silence ---------------------------------------------------------------------------------------------------------------- */

bool
net__is_stopped(const struct sim_link *link, int side)
{
	const struct sim_net *net = link->sim->net;

	return link->unplugged || net->cut[link->nodes[1 - side]][link->nodes[side]];
}

static bool
is_silent(const struct sim_link *link)
{
	struct sim *sim = link->sim;

	return net__is_stopped(link, 0) || net__is_stopped(link, 1) || sim->nodes[link->nodes[0]].paused ||
	       sim->nodes[link->nodes[1]].paused;
}

static void
start_queue(struct queue *queue)
{
	struct item *first = list_first(&queue->items, struct item, link);

	if (!list_empty(&queue->items) && !sim__event_pending(&queue->event) && !net__is_stopped(queue->link, queue->side))
		sim__event_at(queue->link->sim, &queue->event, first->time);
}

/** Something changed about cuts and stops: sets or clears the alarm. */
void
net__review(struct sim_link *link)
{
	struct sim *sim = link->sim;

	if (!is_silent(link))
		sim__event_cancel(sim, &link->silence);
	else if (!sim__event_pending(&link->silence))
		sim__event_at(sim, &link->silence,
			      sim->now + rand_between(&sim->net->rand, sim->options.net_silence_ns * 9 / 10,
							  sim->options.net_silence_ns));
	for (int side = 0; side < 2; side++) {
		if (net__is_stopped(link, side))
			sim__event_cancel(sim, &link->queues[side].event);
		else
			start_queue(&link->queues[side]);
	}
}

uint64_t
net__latency(struct sim_link *link, int side, size_t len)
{
	struct sim *sim = link->sim;
	struct sim_net *net = sim->net;
	uint64_t ns = sim__delay(&net->rand, sim->options.net_ns / 10, sim->options.net_ns) +
		      len * NS_PER_US / MAX(sim->options.net_bytes_us, 1ULL);

	if (sim__fault(sim, &net->rand, sim->options.net_clog_ppm, SIM_MESSAGE_DELAYED))
		ns *= 1000;
	return ns * net->slow[link->nodes[1 - side]][link->nodes[side]];
}

/* ---- breaking ---------------------------------------------------------------------------------------------------------------- */

void
net__items_drop(struct queue *queue)
{
	struct item *item;

	sim__event_cancel(queue->link->sim, &queue->event);
	while ((item = list_pop(&queue->items, struct item, link)) != NULL)
		machine_free(item);
	queue->bytes = 0;
}

void
net__break_end(struct env_conn *end, int rc)
{
	struct sim_link *link = end->wire;

	if (end->broken)
		return;
	end->broken = true;
	end->rc = rc;
	link->sim->net->stats.breaks++;
	sim__trace(link->sim, "connection broken: -", end->life->node->id, (uint64_t)-(int64_t)rc, 0);
	net__items_drop(&link->queues[end->side]);
	net__registrations_drop(end);
	net__transfers_break(end);
	sim__loop_add(end->loop, &end->closed_due);
}

/** A link goes when both ends are gone and nothing is on the way. */
static void
reap(struct sim_link *link)
{
	for (int side = 0; side < 2; side++)
		if (link->ends[side] != NULL || !list_empty(&link->queues[side].items))
			return;
	sim__event_cancel(link->sim, &link->silence);
	list_remove(&link->all);
	machine_free(link);
}

void
net__end_free(struct env_conn *end)
{
	struct sim_link *link = end->wire;
	int side = end->side;

	net__registrations_drop(end);
	list_remove(&end->link);
	link->ends[side] = NULL;
	machine_free(end);
	net__items_drop(&link->queues[side]);
	reap(link);
}

static void
closed_run(struct sim_due *due, bool dropped)
{
	struct env_conn *end = container_of(due, struct env_conn, closed_due);

	if (dropped)
		return; /* goes with its life */
	end->life->mem.stats.handles--;
	if (end->ops != NULL)
		end->ops->closed(end->arg, end, end->rc);
	net__end_free(end);
}

static struct item *
queue_put(struct sim_link *link, int side, int kind, size_t len)
{
	struct queue *queue = &link->queues[side];
	struct item *item = machine_alloc(sizeof(*item) + len);

	*item = (struct item){.kind = kind, .len = len};
	list_init(&item->link);
	item->time = MAX(queue->last_time + 1, link->sim->now + net__latency(link, side, len));
	queue->last_time = item->time;
	queue->bytes += len;
	list_append(&queue->items, &item->link);
	return item;
}

/** The other end learns of it, after what is on the way. */
void
net__send_end(struct sim_link *link, int side, int rc)
{
	if (link->ends[side] == NULL && list_empty(&link->queues[side].items))
		return;
	queue_put(link, side, END, 0)->rc = rc;
	start_queue(&link->queues[side]);
}

static void
silence_over(struct sim_event *event)
{
	struct sim_link *link = container_of(event, struct sim_link, silence);
	struct env_conn *first = link->ends[0], *second = link->ends[1];

	sim__struck(link->sim, SIM_SILENCE);
	net__items_drop(&link->queues[0]);
	net__items_drop(&link->queues[1]);
	if (first == NULL && second == NULL) {
		reap(link);
		return;
	}
	if (first != NULL)
		net__break_end(first, -DER_TIMEDOUT);
	if (second != NULL)
		net__break_end(second, -DER_TIMEDOUT);
}

/* ---- delivery ---------------------------------------------------------------------------------------------------------------- */

static void
received_run(struct sim_due *due, bool dropped)
{
	struct item *item = container_of(due, struct item, due);
	struct env_conn *end = item->to;

	if (!dropped && !end->closed_by_us)
		end->ops->received(end->arg, end, item->data, item->len);
	machine_free(item);
}

static void
accepted_run(struct sim_due *due, bool dropped)
{
	struct env_conn *end = container_of(due, struct env_conn, accept_due);
	struct env_listen *listen = end->listen;

	if (dropped)
		return;
	end->listen = NULL;
	if (listen == NULL) { /* closed meanwhile */
		net__send_end(end->wire, 1 - end->side, -DER_UNREACH);
		end->closed_by_us = true;
		net__break_end(end, -DER_CANCELED);
		return;
	}
	listen->accepted(listen->arg, end);
	ASSERTF(end->ops != NULL || end->broken, "an accepted connection that was neither bound nor closed");
}

static struct env_conn *
end_new(struct sim_life *life, struct env_loop *loop, struct sim_link *link, int side)
{
	struct env_conn *end = machine_alloc_zeroed(sizeof(*end));

	end->wire = link;
	end->side = side;
	end->life = life;
	end->loop = loop;
	end->closed_due.run = closed_run;
	end->accept_due.run = accepted_run;
	list_init(&end->closed_due.link);
	list_init(&end->accept_due.link);
	list_init(&end->registrations);
	list_init(&end->transfers);
	list_append(&life->conns, &end->link);
	life->mem.stats.handles++;
	link->ends[side] = end;
	return end;
}

static void
connect_arrived(struct sim_link *link)
{
	struct env_listen *listen = find_listen(link->sim, &link->address);
	struct sim_life *life;
	struct env_conn *end;

	if (listen == NULL || listen->life->node->id != link->nodes[1]) {
		net__send_end(link, 0, -DER_UNREACH);
		net__items_drop(&link->queues[1]);
		return;
	}
	life = listen->life;
	link->creds[1] = (struct env_cred){.uid = life->node->uid, .gid = life->node->gid,
					   .pid = life->env.ops->host.getpid(&life->env), .known = link->address.scope != TCP};
	end = end_new(life, listen->loop, link, 1);
	end->listen = listen;
	sim__loop_add(end->loop, &end->accept_due);
}

/* Was it sent before one that is there already? Then that came on another connection. */
static void
note_order(const struct sim_link *link, int side, uint64_t number)
{
	uint64_t *newest = &link->sim->net->delivered[link->nodes[side]];

	if (number < *newest)
		sim__struck(link->sim, SIM_MESSAGE_OVERTAKEN);
	*newest = MAX(*newest, number);
}

static void
item_arrived(struct sim_event *event)
{
	struct queue *queue = container_of(event, struct queue, event);
	struct sim_link *link = queue->link;
	struct item *item = list_pop(&queue->items, struct item, link);
	struct env_conn *end = link->ends[queue->side];

	queue->bytes -= item->len;
	start_queue(queue);
	if (item->kind == MESSAGE && end != NULL && !end->broken) {
		sim__trace(link->sim, "message", end->life->node->id, item->len, 0);
		note_order(link, queue->side, item->number);
		sim__digest(link->sim, item->data, item->len);
		item->to = end;
		item->due.run = received_run;
		sim__loop_add(end->loop, &item->due);
		return;
	}
	if (item->kind == CONNECT) {
		connect_arrived(link);
	} else if (item->kind == END && end != NULL) {
		net__break_end(end, item->rc);
	}
	machine_free(item);
	reap(link);
}

/* ---- env's verbs: listening and connecting -------------------------------------------------------------------------------- */

static int
net_listen(struct env_loop *loop, const char *addr, void (*accepted)(void *arg, struct env_conn *conn), void *arg,
	   struct env_listen **out)
{
	struct sim_life *life = loop->life;
	struct env_listen *listen;
	struct address address;
	int rc = parse(life, addr, &address);

	if (rc == 0 && address.host != (int)life->node->host->id)
		rc = -DER_UNREACH;
	if (rc != 0)
		return rc;
	if (sim__mem_strikes(&life->mem, __builtin_return_address(0)))
		return -DER_NOMEM;
	for (int tries = 0; address.scope == TCP && address.port == 0 && tries < 65536; tries++) {
		address.port = 32768 + life->node->host->next_port++ % 28000;
		if (find_listen(life->sim, &address) != NULL)
			address.port = 0;
	}
	if (find_listen(life->sim, &address) != NULL)
		return -DER_BUSY;
	listen = machine_alloc_zeroed(sizeof(*listen));
	*listen = (struct env_listen){.life = life, .loop = loop, .address = address, .accepted = accepted, .arg = arg};
	if (address.scope != TCP)
		snprintf(listen->text, sizeof(listen->text), "%s", addr);
	else if (address.loopback)
		snprintf(listen->text, sizeof(listen->text), "tcp://127.0.0.1:%u", address.port);
	else
		snprintf(listen->text, sizeof(listen->text), "tcp://10.0.0.%d:%u", address.host + 1, address.port);
	list_append(&life->listens, &listen->link);
	life->mem.stats.handles++;
	*out = listen;
	return 0;
}

static const char *
net_listen_addr(struct env_listen *listen)
{
	return listen->text;
}

static void
net_listen_close(struct env_listen *listen)
{
	struct env_conn *end;

	list_each(end, &listen->life->conns, link)
		if (end->listen == listen)
			end->listen = NULL;
	list_remove(&listen->link);
	listen->life->mem.stats.handles--;
	machine_free(listen);
}

static struct sim_link *
link_new(struct sim *sim, const struct address *address, uint32_t from, uint32_t to)
{
	struct sim_link *link = machine_alloc_zeroed(sizeof(*link));

	link->sim = sim;
	link->address = *address;
	link->nodes[0] = from;
	link->nodes[1] = to;
	link->silence = (struct sim_event){.node = from, .what = "silence", .fire = silence_over};
	for (int side = 0; side < 2; side++) {
		struct queue *queue = &link->queues[side];

		queue->link = link;
		queue->side = side;
		queue->event = (struct sim_event){.node = link->nodes[side], .what = "arrival", .fire = item_arrived};
		list_init(&queue->items);
	}
	list_append(&sim->net->links, &link->all);
	return link;
}

static int
net_connect(struct env_loop *loop, const char *addr, const struct env_conn_ops *ops, void *arg, struct env_conn **conn)
{
	struct sim_life *life = loop->life;
	struct sim *sim = life->sim;
	struct env_listen *listen;
	struct address address;
	struct sim_link *link;
	struct env_conn *end;
	int rc = parse(life, addr, &address);

	if (rc != 0)
		return rc;
	if (sim__mem_strikes(&life->mem, __builtin_return_address(0)))
		return -DER_NOMEM;
	sim->net->stats.connects++;
	listen = find_listen(sim, &address);
	/* A loopback listener is not seen from other hosts. Where nobody listens a host says so, unless it has no power. */
	if (listen != NULL && listen->address.loopback && listen->life->node->host != life->node->host)
		listen = NULL;
	link = link_new(sim, &address, life->node->id, listen != NULL ? listen->life->node->id : life->node->id);
	link->creds[0] = (struct env_cred){.uid = life->node->uid, .gid = life->node->gid,
					   .pid = life->env.ops->host.getpid(&life->env), .known = address.scope != TCP};
	end = end_new(life, loop, link, 0);
	end->ops = ops;
	end->arg = arg;
	if (listen != NULL) {
		queue_put(link, 1, CONNECT, 0);
		net__review(link);
	} else if (sim->hosts[address.host].dark) {
		link->nodes[1] = (uint32_t)address.host * (uint32_t)sim->options.nodes_per_host;
		link->unplugged = true;
		net__review(link);
	} else {
		net__send_end(link, 0, -DER_UNREACH);
	}
	*conn = end;
	return 0;
}

static void
net_bind(struct env_conn *conn, const struct env_conn_ops *ops, void *arg)
{
	conn->ops = ops;
	conn->arg = arg;
}

/* ---- messages ---------------------------------------------------------------------------------------------------------------- */

size_t
net__iov_len(const struct iovec *iov, int iov_nr)
{
	size_t len = 0;

	for (int i = 0; i < iov_nr; i++)
		len += iov[i].iov_len;
	return len;
}

void
net__iov_gather(uint8_t *to, const struct iovec *iov, int iov_nr)
{
	for (int i = 0; i < iov_nr; i++) {
		if (iov[i].iov_len > 0)
			memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
}

static int
net_send(struct env_conn *conn, const struct iovec *iov, int iov_nr)
{
	struct sim_link *link = conn->wire;
	struct sim *sim = link->sim;
	size_t len = net__iov_len(iov, iov_nr);
	int to = 1 - conn->side;
	bool breaks, lost;

	if (len > MESSAGE_MAX)
		return -DER_OVERFLOW;
	if (conn->broken)
		return -DER_UNREACH;
	if (sim__mem_strikes(&conn->life->mem, __builtin_return_address(0)))
		return -DER_NOMEM;
	if (conn->life->dying)
		return 0;
	breaks = sim->net->break_nth == 1;
	if (sim->net->break_nth > 0)
		sim->net->break_nth--;
	lost = breaks;
	breaks = breaks || sim__chance(&sim->net->rand, sim->options.net_break_ppm);
	sim->net->stats.messages++;
	sim->net->stats.bytes += len;
	lost = breaks && (lost || rand_below(&sim->net->rand, 2) != 0);
	if (!lost) {
		struct item *item = queue_put(link, to, MESSAGE, len);

		item->number = sim->net->stats.messages;
		net__iov_gather(item->data, iov, iov_nr);
		start_queue(&link->queues[to]);
	}
	if (breaks) {
		sim__struck(sim, lost ? SIM_MESSAGE_CUT : SIM_CONNECTION_RESET);
		net__send_end(link, to, -DER_UNREACH);
		net__send_end(link, conn->side, -DER_UNREACH);
	}
	sim__point(conn->life);
	return 0;
}

static size_t
net_queued(struct env_conn *conn)
{
	uint64_t bytes = conn->wire->queues[1 - conn->side].bytes;

	return bytes > WINDOW ? (size_t)(bytes - WINDOW) : 0;
}

static void
net_close(struct env_conn *conn)
{
	struct sim_link *link = conn->wire;
	struct sim *sim = link->sim;
	int to = 1 - conn->side;

	if (conn->broken)
		return;
	conn->closed_by_us = true;
	if (!conn->life->dying) {
		/* In bad weather a close may overtake what was sent. */
		if (sim->options.net_break_ppm != 0 && rand_below(&sim->net->rand, 4) == 0 &&
		    link->ends[to] != NULL) {
			net__items_drop(&link->queues[to]);
			net__send_end(link, to, -DER_UNREACH);
		} else {
			net__send_end(link, to, 0);
		}
	}
	net__break_end(conn, -DER_CANCELED);
}

void
sim__net_loop_closing(struct env_loop *loop)
{
	struct env_conn *conn;

	list_each(conn, &loop->life->conns, link)
		if (conn->loop == loop)
			net_close(conn);
}

static void
net_cred(struct env_conn *conn, struct env_cred *cred)
{
	*cred = conn->wire->creds[1 - conn->side];
}

const struct env_net_ops sim__net_ops = {
	.listen = net_listen,
	.listen_addr = net_listen_addr,
	.listen_close = net_listen_close,
	.connect = net_connect,
	.bind = net_bind,
	.send = net_send,
	.queued = net_queued,
	.close = net_close,
	.cred = net_cred,
	.mem_reg = net__mem_reg,
	.mem_unreg = net__mem_unreg,
	.get = net__get,
	.put = net__put,
};
