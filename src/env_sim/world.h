/* SPDX-License-Identifier: Apache-2.0 */
/* env_sim, private: what a world is made of. */
#ifndef ENV_SIM_WORLD_H
#define ENV_SIM_WORLD_H

#include "base/hash64.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/rand.h"
#include "env_sim/env_sim.h"

enum { SIM_PAGE = 4096, SIM_SECTOR = 512, SIM_SECTORS = SIM_PAGE / SIM_SECTOR, SIM_TRACE = 256 };

/* Purposes of random numbers. */
enum {
	RAND_SCHED = 1, RAND_WORK, RAND_NEMESIS, RAND_BUGGIFY, RAND_NET,
	RAND_NODE = 1000, RAND_NODE_CHOOSE = 2000, RAND_NODE_FAULT = 3000, RAND_DISK = 4000,
};

/* ---- machine.c: the host's memory and the last words ------------------------------------------------------------- */
void *machine_alloc(size_t size);
void *machine_alloc_zeroed(size_t size);
/** For large alignments. */
void *machine_alloc_aligned(size_t size, size_t align);
void *machine_realloc(void *ptr, size_t size);
/** The same for containers of base: never fails. */
extern struct mem machine_mem;
void machine_free(void *ptr);
struct sim_stack {
	struct list link;
	void *base;
	size_t size;
};
/** Its descriptor lies below the guard. */
int machine_stack_alloc(size_t size, struct sim_stack **stack, void **base);
struct sim_stack *machine_stack_of(void *base);
void machine_stack_free(struct sim_stack *stack);
/** Memory at a page's start, for maps. */
void *machine_pages(size_t size);
void machine_pages_free(void *ptr, size_t size);
void machine_print(const char *text, size_t len);
/** Has last_words(sim) called when the process aborts, the newest world first. */
void machine_watch_abort(struct sim *sim);
void machine_unwatch_abort(struct sim *sim);
/** Aborts when the world's number of events stands still for that long. 0: no more. */
void machine_watchdog(struct sim *sim, uint64_t seconds);
__attribute__((noreturn)) void machine_abort(void);
/** Tells valgrind that memory was filled with a pattern but holds no values. */
void machine_mark_undefined(void *ptr, size_t size);

/* ---- events (world.c) ---------------------------------------------------------------------------------------------- */
struct sim_event {
	struct heap_node place;
	uint64_t time, tie, seq; /* world's time; drawn at insertion; for a total order */
	uint32_t node;
	const char *what; /* a string literal: for the trace */
	void (*fire)(struct sim_event *event);
};

struct sim_trace {
	uint64_t time;
	const char *what;
	uint32_t node;
	uint64_t a, b;
};

/* ---- completions of a loop (loop.c) --------------------------------------------------------------------------------- */
struct sim_due {
	struct list link;
	/** Calls back and frees what holds it; dropped: only frees, the node is dead. */
	void (*run)(struct sim_due *due, bool dropped);
};

struct env_loop {
	struct list link; /* in life->loops */
	struct sim_life *life;
	struct list due;
	bool woken, polling;
	struct env_thread *stream;
};

struct env_thread {
	struct sim_event event; /* the next poll */
	struct list link;       /* in life->streams */
	struct sim_life *life;
	struct env_stream stream;
	char name[32];
	uint64_t busy_until;
	bool finished;
};

/* ---- nodes ----------------------------------------------------------------------------------------------------------- */
struct sim_mem {
	struct mem mem;
	struct sim_life *life;
	struct list blocks;
	struct sim_mem_stats stats;
	uint64_t fail_nth;
	bool fail_persistent;
	uint64_t limit;
};

struct sim_watch {
	struct list link;
	struct sim_due due;
	struct env_loop *loop;
	int signo;
	uint32_t pending;
	void (*caught)(void *arg, int signo);
	void *arg;
};

/** A process from its start to its death. */
struct sim_life {
	struct env env;
	struct log log;
	struct sim_mem mem;
	struct sim *sim;
	struct sim_node *node;
	uint32_t number;
	bool dead, dying;
	struct list link; /* in sim->lives */
	struct list loops, streams, stacks, conns, listens, disks, watches, maps;
};

struct sim_setting {
	struct list link;
	char *name, *value;
};

struct sim_node {
	struct sim *sim;
	uint32_t id;
	struct sim_host *host;
	struct sim_life *life; /* NULL: down */
	uint32_t lives;
	bool paused;
	enum sim_crash crash_how; /* while life->dying */
	int64_t drift_ppm;
	uint64_t mono_base, world_base; /* the clock read mono_base when the world's read world_base */
	int64_t wall_offset;
	uint32_t uid, gid;
	struct rand rand, choose, fault;
	struct list settings;
	void (*boot)(void *arg, struct env *env);
	void *boot_arg;
	uint64_t mem_limit;
	uint64_t file_fail_nth;
	bool file_fail_persistent;
	struct sim_event die, revive, stop, go_on, clock; /* the nemesis */
	uint64_t crash_nth;  /* sim_node_crash_at */
	enum sim_crash crash_at_how;
};

struct sim_host {
	struct sim *sim;
	uint32_t id;
	char name[32];
	struct list files; /* sorted by path */
	uint64_t used;     /* bytes */
	uint64_t full_nth; /* sim_disk_full */
	uint64_t oldest_lost; /* write, over all disks, at the present death */
	uint32_t disk_nr;
	bool dark; /* lost its power, and nobody is up yet */
	struct sim_record *record;
	uint64_t writes; /* so far */
	uint32_t next_port;
};

struct sim_counter {
	const char *kind, *site;
	uint64_t hits;
	bool active; /* buggify */
};

struct sim_counter_slot {
	const char *kind, *site;
	size_t index;
};

struct sim_net; /* net.c */

struct sim {
	uint64_t seed, now, seq, events_run, hash;
	struct sim_options options;
	struct heap heap;
	struct env_thread *polling; /* the stream that is polled right now */
	bool stepping;
	struct rand sched, work, nemesis, buggify;
	struct sim_trace trace[SIM_TRACE];
	uint64_t trace_nr;
	struct sim_counter *counters;
	size_t counter_nr, counter_max;
	uint64_t faults[SIM_FAULT_NR];
	struct sim_counter_slot *counter_slots; /* where to find them, by address of the literals */
	const void **sites_failed;
	size_t sites_failed_nr, sites_failed_max;
	uint32_t node_nr, host_nr;
	struct sim_node *nodes;
	struct sim_host *hosts;
	struct list lives;
	struct sim_net *net;
	struct env_ops ops;
	struct sim *watched_before;
	uint32_t lock_tokens;
};

/* world.c */
void sim__event_at(struct sim *sim, struct sim_event *event, uint64_t time);
void sim__event_cancel(struct sim *sim, struct sim_event *event);
void sim__trace(struct sim *sim, const char *what, uint32_t node, uint64_t a, uint64_t b);
/** Mixes bytes into the digest of the trace. */
void sim__digest(struct sim *sim, const void *data, size_t len);
__attribute__((noreturn)) void sim__fail(struct sim *sim, const char *why);
struct sim_counter *sim__counter(struct sim *sim, const char *kind, const char *site);
void sim__count(struct sim *sim, const char *kind, const char *site);
/** A fault of a class strikes: counts it and returns true at the given rate. */
bool sim__fault(struct sim *sim, struct rand *rand, uint64_t ppm, enum sim_fault fault);
void sim__struck(struct sim *sim, enum sim_fault fault);
void sim__last_words(struct sim *sim);

static inline bool
sim__event_pending(const struct sim_event *event)
{
	return heap_linked(&event->place);
}

/** True in ppm of a million cases; draws nothing when ppm is 0. */
static inline bool
sim__chance(struct rand *rand, uint64_t ppm)
{
	return ppm != 0 && rand_ppm(rand, (uint32_t)ppm);
}

/** A delay: min plus an exponentially distributed part with the given mean, in integers (so that no rounding differs). */
uint64_t sim__delay(struct rand *rand, uint64_t min_ns, uint64_t mean_ns);

/* node.c */
struct sim_life *sim__life(struct env *env);
uint64_t sim__mono(const struct sim_node *node);
/** The world's time at which the node's clock will read mono_ns, or has. */
uint64_t sim__world_time(const struct sim_node *node, uint64_t mono_ns);
void sim__nodes_init(struct sim *sim);
void sim__nodes_fini(struct sim *sim);
/** The node has just handed something to the world, or made a choice: a place to die at. */
void sim__point(struct sim_life *life);
/** Carries out the death that was asked for while the node was polled. */
void sim__node_bury(struct sim_node *node);

/** The signals that a loop watched. */
void sim__watches_drop(struct env_loop *loop);

/* mem.c */
void sim__mem_init(struct sim_mem *mem, struct sim_life *life);
void sim__mem_drop(struct sim_mem *mem);
/** True when the next allocation must fail; counts it. */
bool sim__mem_strikes(struct sim_mem *mem, const void *site);

/* loop.c */
extern const struct env_loop_ops sim__loop_ops;
void sim__loop_add(struct env_loop *loop, struct sim_due *due);
int sim__stream_start(struct env *env, const char *name, const struct env_cpus *cpus, const struct env_stream *stream,
		      struct env_thread **thread);
void sim__thread_join(struct env_thread *thread);
void sim__stream_poke(struct env_thread *thread);
void sim__loops_drop(struct sim_life *life);

/* file.c */
extern const struct env_file_ops sim__file_ops;
enum sim_file_kind { SIM_FILE, SIM_DIR, SIM_DISK };
struct sim_file {
	struct list link; /* in host->files */
	char *path;
	enum sim_file_kind kind;
	char *data; /* FILE */
	size_t len;
	mode_t mode;
	void *map; /* FILE: while mapped somewhere */
	uint32_t maps;
	struct sim_life *locker;
	int lock_token;
	struct sim_disk *disk;
};
struct sim_file *sim__file_find(struct sim_host *host, const char *path);
/** NULL: its directory is missing (rc) or it exists. */
int sim__file_make(struct sim_host *host, const char *path, enum sim_file_kind kind, struct sim_file **file);
void sim__file_set(struct sim_host *host, struct sim_file *file, const void *data, size_t len);
void sim__file_remove(struct sim_host *host, struct sim_file *file);
void sim__files_free(struct sim_host *host);
/** True when the next operation of the node must fail; counts it. */
bool sim__file_strikes(struct sim_life *life);
/** The locks and maps of a dead node. */
void sim__files_drop(struct sim_life *life);

/* disk.c */
extern const struct env_disk_ops sim__disk_ops;
struct sim_disk *sim__disk_new(struct sim_host *host, uint64_t size);
void sim__disk_free(struct sim_disk *disk);
/** What the death of a host (power) or of one of its nodes (kill) leaves of the disk. */
void sim__disks_power_lost(struct sim_host *host);
void sim__disks_killed(struct sim_host *host, struct sim_life *life);
void sim__disks_drop(struct sim_life *life);
bool sim__disk_is_open(const struct sim_disk *disk);
uint32_t sim__disk_number(const struct sim_disk *disk);
const struct sim_image *sim__disk_durable(const struct sim_disk *disk);
/** 0: what reads see, 1: what is durable. */
struct sim_image *sim__disk_images(struct sim_disk *disk, int which);
/** Tells a record that begins of what is not durable. */
void sim__disk_record_pending(struct sim_disk *disk);

/* net.c */
extern const struct env_net_ops sim__net_ops;
void sim__net_init(struct sim *sim);
void sim__net_fini(struct sim *sim);
void sim__net_node_died(struct sim_life *life, enum sim_crash how);
/** Closes what connections the loop still has. */
void sim__net_loop_closing(struct env_loop *loop);
/** Cuts or stops changed. */
void sim__net_review(struct sim *sim);
/** Draws the next cut, as the options now say. */
void sim__net_storm(struct sim *sim);

/* pages.c: sparse images of shared pages */
struct sim_page {
	uint32_t refs;
	uint8_t data[SIM_PAGE];
};
struct sim_image {
	struct sim_page **pages;
	uint64_t page_nr;
};
void sim__image_init(struct sim_image *image, uint64_t page_nr);
void sim__image_fini(struct sim_image *image);
/** NULL: zeros. */
const uint8_t *sim__image_page(const struct sim_image *image, uint64_t page);
uint8_t *sim__image_own(struct sim_image *image, uint64_t page);
void sim__image_share(struct sim_image *to, const struct sim_image *from, uint64_t page);
void sim__image_read(const struct sim_image *image, uint64_t off, void *buf, size_t len);
void sim__image_write(struct sim_image *image, uint64_t off, const void *buf, size_t len);

/* record.c: what reached the disks of a host */
void sim__record_disk(struct sim_host *host, struct sim_file *file);
uint64_t sim__record_write(struct sim_host *host, struct sim_disk *disk, uint64_t off, const void *data, uint64_t len);
void sim__record_done(struct sim_host *host, uint64_t write, bool durable);
size_t sim__record_flush_begin(struct sim_host *host);
void sim__record_durable(struct sim_host *host, struct sim_disk *disk, size_t began);
void sim__record_file(struct sim_host *host, const char *path, const struct sim_file *file);

#endif
