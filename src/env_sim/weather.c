/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weather: what happens to the network from outside: cuts in one direction, resets, slow ways, deaths of nodes.
 */
#include "net.h"

struct sim_cut {
	struct sim_event event;
	struct sim *sim;
	struct list link;
	int from, to;
};

static void
end_died(struct env_conn *end, enum sim_crash how)
{
	struct sim_link *link = end->wire;

	list_remove(&end->closed_due.link);
	list_remove(&end->accept_due.link);
	net__transfers_die(end);
	if (!end->broken && how == SIM_POWER) {
		link->unplugged = true;
		net__review(link);
	} else if (!end->broken) {
		net__send_end(link, 1 - end->side, -DER_UNREACH);
	}
	net__end_free(end);
}

void
sim__net_node_died(struct sim_life *life, enum sim_crash how)
{
	struct env_listen *listen;

	while (!list_empty(&life->conns))
		end_died(list_first(&life->conns, struct env_conn, link), how);
	while ((listen = list_pop(&life->listens, struct env_listen, link)) != NULL)
		machine_free(listen);
}

void
sim__net_review(struct sim *sim)
{
	struct sim_link *link;

	list_each(link, &sim->net->links, all) {
		net__review(link);
		for (int side = 0; side < 2; side++)
			if (link->ends[side] != NULL)
				net__transfers_go_on(link->ends[side]);
	}
}

void
sim_net_cut(struct sim *sim, int from, int to, bool cut)
{
	for (uint32_t a = 0; a < sim->node_nr; a++)
		for (uint32_t b = 0; b < sim->node_nr; b++)
			if (a != b && (from == SIM_ANY || from == (int)a) && (to == SIM_ANY || to == (int)b))
				sim->net->cut[a][b] = cut;
	if (cut)
		sim__struck(sim, SIM_LINK_CUT);
	sim__net_review(sim);
}

void
sim_net_slow(struct sim *sim, int from, int to, uint32_t factor)
{
	for (uint32_t a = 0; a < sim->node_nr; a++)
		for (uint32_t b = 0; b < sim->node_nr; b++)
			if ((from == SIM_ANY || from == (int)a) && (to == SIM_ANY || to == (int)b))
				sim->net->slow[a][b] = factor;
}

void
sim_net_break(struct sim *sim, uint32_t a, uint32_t b)
{
	struct sim_link *link;

	sim__struck(sim, SIM_CONNECTION_RESET);
	list_each(link, &sim->net->links, all) {
		if (!(link->nodes[0] == a && link->nodes[1] == b) && !(link->nodes[0] == b && link->nodes[1] == a))
			continue;
		for (int side = 0; side < 2; side++)
			if (link->ends[side] != NULL)
				net__break_end(link->ends[side], -DER_UNREACH);
	}
}

void
sim_net_break_at(struct sim *sim, uint64_t nth)
{
	sim->net->break_nth = nth;
}

void
sim_net_stats(const struct sim *sim, struct sim_net_stats *stats)
{
	*stats = sim->net->stats;
}

static void
strike_mend(struct sim_event *event)
{
	struct sim_cut *cut = container_of(event, struct sim_cut, event);
	struct sim *sim = cut->sim;

	sim_net_cut(sim, cut->from, cut->to, false);
	list_remove(&cut->link);
	machine_free(cut);
}

static void
strike_cut(struct sim_event *event)
{
	struct sim_net *net = container_of(event, struct sim_net, storm);
	struct sim *sim = net->sim;
	struct sim_cut *cut;

	if (sim->options.partition_ns == 0 || sim->node_nr < 2)
		return;
	cut = machine_alloc_zeroed(sizeof(*cut));
	cut->sim = sim;
	cut->from = (int)rand_below(&sim->nemesis, sim->node_nr);
	cut->to = (int)rand_below(&sim->nemesis, sim->node_nr);
	if (rand_below(&sim->nemesis, 4) == 0) /* the whole node, in this direction */
		*(rand_below(&sim->nemesis, 2) == 0 ? &cut->from : &cut->to) = SIM_ANY;
	cut->event = (struct sim_event){.what = "strike: mend", .fire = strike_mend};
	list_append(&net->cuts, &cut->link);
	sim_net_cut(sim, cut->from, cut->to, true);
	sim__event_at(sim, &cut->event, sim->now + sim__delay(&sim->nemesis, sim->options.heal_ns / 100,
								  sim->options.heal_ns));
	sim__net_storm(sim);
}

void
sim__net_storm(struct sim *sim)
{
	uint64_t mean = sim->options.partition_ns;

	sim__event_cancel(sim, &sim->net->storm);
	if (mean != 0)
		sim__event_at(sim, &sim->net->storm, sim->now + sim__delay(&sim->nemesis, mean / 100, mean));
}

void
sim__net_init(struct sim *sim)
{
	struct sim_net *net = machine_alloc_zeroed(sizeof(*net));

	sim->net = net;
	net->sim = sim;
	list_init(&net->links);
	list_init(&net->cuts);
	rand_init(&net->rand, sim->seed, RAND_NET);
	net->storm = (struct sim_event){.what = "strike: cut", .fire = strike_cut};
	for (int a = 0; a < SIM_NODES_MAX; a++)
		for (int b = 0; b < SIM_NODES_MAX; b++)
			net->slow[a][b] = 1;
}

void
sim__net_fini(struct sim *sim)
{
	struct sim_link *link;
	struct sim_cut *cut;

	while ((cut = list_pop(&sim->net->cuts, struct sim_cut, link)) != NULL) {
		sim__event_cancel(sim, &cut->event);
		machine_free(cut);
	}
	while ((link = list_pop(&sim->net->links, struct sim_link, all)) != NULL) {
		net__items_drop(&link->queues[0]);
		net__items_drop(&link->queues[1]);
		sim__event_cancel(sim, &link->silence);
		machine_free(link);
	}
	machine_free(sim->net);
}
