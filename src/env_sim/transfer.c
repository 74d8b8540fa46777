/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-sided transfers. They travel beside the queue of messages: a request, and the way back; the other end's memory is touched
 * in between, at one moment, if key, access and range fit.
 *
 * transfer I1: done is called once, before closed of the connection (net I1).
 */
#include "net.h"

enum { BREAKS_MORE = 40 }; /* how much likelier than a message a transfer, which is long, meets a break */

struct registration {
	struct list link;
	struct env_rkey key;
	struct iovec *iov;
	int iov_nr, access;
};

struct transfer {
	struct list link; /* in the end's transfers */
	struct sim_event event;
	struct sim_due due;
	struct env_conn *end;
	bool put, back, waiting; /* waiting: for the mending of a cut */
	struct env_rkey key;
	uint64_t off;
	struct iovec *iov;
	int iov_nr, rc;
	size_t len;
	uint8_t *data;
	void (*done)(void *arg, int rc);
	void *arg;
};

static void
transfer_over(struct transfer *transfer, int rc)
{
	struct env_conn *end = transfer->end;

	sim__event_cancel(end->life->sim, &transfer->event);
	transfer->rc = rc;
	list_remove(&transfer->link);
	sim__loop_add(end->loop, &transfer->due);
}

static void cut_short(struct transfer *transfer);

void
net__transfers_break(struct env_conn *end)
{
	while (!list_empty(&end->transfers)) {
		struct transfer *transfer = list_first(&end->transfers, struct transfer, link);

		if (transfer->len > 0)
			cut_short(transfer);
		transfer_over(transfer, -DER_UNREACH);
	}
}

static struct iovec *
iov_copy(const struct iovec *iov, int iov_nr)
{
	size_t size = sizeof(*iov) * (size_t)iov_nr;

	return memcpy(machine_alloc(size), iov, size);
}

int
net__mem_reg(struct env_conn *conn, const struct iovec *iov, int iov_nr, int access, struct env_rkey *key)
{
	struct sim *sim = conn->life->sim;
	struct registration *reg;

	if (conn->broken)
		return -DER_UNREACH;
	if (sim__mem_strikes(&conn->life->mem, __builtin_return_address(0)))
		return -DER_NOMEM;
	reg = machine_alloc(sizeof(*reg));
	*reg = (struct registration){.iov = iov_copy(iov, iov_nr), .iov_nr = iov_nr, .access = access};
	reg->key.id = rand_u64(&sim->net->rand);
	reg->key.secret = rand_u64(&sim->net->rand);
	list_append(&conn->registrations, &reg->link);
	conn->life->mem.stats.handles++;
	*key = reg->key;
	return 0;
}

void
net__mem_unreg(struct env_conn *conn, struct env_rkey key)
{
	struct registration *reg;

	list_each(reg, &conn->registrations, link) {
		if (reg->key.id != key.id || reg->key.secret != key.secret)
			continue;
		list_remove(&reg->link);
		conn->life->mem.stats.handles--;
		machine_free(reg->iov);
		machine_free(reg);
		return;
	}
}

/** Moves len bytes between data and the registered memory, from off on. */
static void
touch(const struct registration *reg, uint64_t off, uint8_t *data, size_t len, bool put)
{
	for (int i = 0; i < reg->iov_nr && len > 0; i++) {
		size_t nr;

		if (off >= reg->iov[i].iov_len) {
			off -= reg->iov[i].iov_len;
			continue;
		}
		nr = MIN(len, reg->iov[i].iov_len - (size_t)off);
		if (put)
			memcpy((char *)reg->iov[i].iov_base + off, data, nr);
		else
			memcpy(data, (char *)reg->iov[i].iov_base + off, nr);
		data += nr;
		len -= nr;
		off = 0;
	}
}

/** The connection breaks under it: some of its bytes, from the first on, may have arrived. */
static void
cut_short(struct transfer *transfer)
{
	struct env_conn *end = transfer->end, *peer = end->wire->ends[1 - end->side];
	struct rand *rand = &end->life->sim->net->rand;
	size_t len = rand_below(rand, transfer->len + 1);
	struct registration *reg;

	if (rand_below(rand, 2) == 0)
		return;
	sim__struck(end->life->sim, SIM_TRANSFER_CUT);
	if (!transfer->put && transfer->back && transfer->rc == 0) {
		const uint8_t *from = transfer->data;

		for (int i = 0; i < transfer->iov_nr && len > 0; i++) {
			size_t nr = MIN(len, transfer->iov[i].iov_len);

			memcpy(transfer->iov[i].iov_base, from, nr);
			from += nr;
			len -= nr;
		}
		return;
	}
	if (!transfer->put || transfer->back || peer == NULL || peer->broken)
		return;
	list_each(reg, &peer->registrations, link)
		if (reg->key.id == transfer->key.id && reg->key.secret == transfer->key.secret && (reg->access & ENV_REG_WRITE) &&
		    transfer->off <= net__iov_len(reg->iov, reg->iov_nr) &&
		    transfer->len <= net__iov_len(reg->iov, reg->iov_nr) - transfer->off)
			touch(reg, transfer->off, transfer->data, len, true);
}

static int
transfer_touch(struct transfer *transfer, struct env_conn *peer)
{
	struct registration *reg;

	list_each(reg, &peer->registrations, link) {
		size_t total = net__iov_len(reg->iov, reg->iov_nr);

		if (reg->key.id != transfer->key.id)
			continue;
		if (reg->key.secret != transfer->key.secret ||
		    !(reg->access & (transfer->put ? ENV_REG_WRITE : ENV_REG_READ)) || transfer->off > total ||
		    transfer->len > total - transfer->off)
			return -DER_NO_PERM;
		touch(reg, transfer->off, transfer->data, transfer->len, transfer->put);
		return 0;
	}
	return -DER_NO_PERM;
}

static void
transfer_send(struct transfer *transfer, int side)
{
	struct sim_link *link = transfer->end->wire;

	transfer->waiting = net__is_stopped(link, side);
	if (!transfer->waiting)
		sim__event_at(link->sim, &transfer->event,
			      link->sim->now + net__latency(link, side, transfer->put != transfer->back ? transfer->len : 0));
}

static void
transfer_arrived(struct sim_event *event)
{
	struct transfer *transfer = container_of(event, struct transfer, event);
	struct env_conn *end = transfer->end, *peer = end->wire->ends[1 - end->side];
	struct sim *sim = end->life->sim;
	uint8_t *from = transfer->data;

	if (net__is_stopped(end->wire, transfer->back ? end->side : 1 - end->side)) {
		transfer->waiting = true; /* cut while it was on its way */
		return;
	}
	sim__digest(sim, transfer->data, transfer->len);
	if (!transfer->back) {
		/* Not accepted yet or just broken: the news of a break is on its way, and ends the transfer. */
		if (peer == NULL || peer->broken) {
			if (peer == NULL)
				sim__event_at(sim, &transfer->event, sim->now + net__latency(end->wire, end->side, 0));
			return;
		}
		transfer->rc = transfer_touch(transfer, peer);
		transfer->back = true;
		transfer_send(transfer, end->side);
		return;
	}
	for (int i = 0; i < transfer->iov_nr && !transfer->put && transfer->rc == 0; i++) {
		memcpy(transfer->iov[i].iov_base, from, transfer->iov[i].iov_len);
		from += transfer->iov[i].iov_len;
	}
	transfer_over(transfer, transfer->rc);
}

static void
transfer_run(struct sim_due *due, bool dropped)
{
	struct transfer *transfer = container_of(due, struct transfer, due);
	void (*done)(void *arg, int rc) = transfer->done;
	void *arg = transfer->arg;
	int rc = transfer->rc;

	machine_free(transfer->iov);
	machine_free(transfer->data);
	machine_free(transfer);
	if (!dropped)
		done(arg, rc);
}

static int
transfer_start(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
	       void (*done)(void *arg, int rc), void *arg, bool put)
{
	struct transfer *transfer;

	if (conn->broken)
		return -DER_UNREACH;
	if (sim__mem_strikes(&conn->life->mem, __builtin_return_address(0)))
		return -DER_NOMEM;
	if (conn->life->dying)
		return 0;
	transfer = machine_alloc_zeroed(sizeof(*transfer));
	*transfer = (struct transfer){.end = conn, .put = put, .key = key, .off = off, .iov = iov_copy(iov, iov_nr),
				      .iov_nr = iov_nr, .len = net__iov_len(iov, iov_nr), .done = done, .arg = arg,
				      .due.run = transfer_run};
	transfer->event = (struct sim_event){.node = conn->life->node->id, .what = put ? "put" : "get",
					     .fire = transfer_arrived};
	transfer->data = machine_alloc_zeroed(transfer->len);
	if (put)
		net__iov_gather(transfer->data, iov, iov_nr);
	list_append(&conn->transfers, &transfer->link);
	conn->life->sim->net->stats.transfers++;
	transfer_send(transfer, 1 - conn->side);
	if (sim__chance(&conn->life->sim->net->rand, MIN(1000000ULL, conn->life->sim->options.net_break_ppm * BREAKS_MORE))) {
		sim__struck(conn->life->sim, SIM_CONNECTION_RESET);
		net__send_end(conn->wire, 0, -DER_UNREACH);
		net__send_end(conn->wire, 1, -DER_UNREACH);
	}
	return 0;
}

int
net__get(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
	void (*done)(void *arg, int rc), void *arg)
{
	return transfer_start(conn, key, off, iov, iov_nr, done, arg, false);
}

int
net__put(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
	void (*done)(void *arg, int rc), void *arg)
{
	return transfer_start(conn, key, off, iov, iov_nr, done, arg, true);
}

void
net__registrations_drop(struct env_conn *end)
{
	struct registration *reg;

	while ((reg = list_pop(&end->registrations, struct registration, link)) != NULL) {
		end->life->mem.stats.handles--;
		machine_free(reg->iov);
		machine_free(reg);
	}
}

void
net__transfers_go_on(struct env_conn *end)
{
	struct transfer *transfer;

	list_each(transfer, &end->transfers, link)
		if (transfer->waiting)
			transfer_send(transfer, transfer->back ? end->side : 1 - end->side);
}

/** The node of end died. */
void
net__transfers_die(struct env_conn *end)
{
	struct transfer *transfer;

	while ((transfer = list_pop(&end->transfers, struct transfer, link)) != NULL) {
		if (transfer->put && transfer->len > 0)
			cut_short(transfer);
		sim__event_cancel(end->life->sim, &transfer->event);
		machine_free(transfer->iov);
		machine_free(transfer->data);
		machine_free(transfer);
	}
}
