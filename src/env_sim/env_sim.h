/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_sim: a world of simulated machines in one host thread: virtual time, disks that lose what was not synced, a network
 * that breaks, memory that runs out, nodes that die; all drawn from one seed. The same seed and options give the same run,
 * which sim_trace_hash shows.
 *
 * A world has hosts (a file system, disks, a name) and nodes (processes on a host; unless said otherwise one on each). Each
 * node has a struct env. Streams that were started with xs_start are polled by the world while sim_run, or a poll of a loop
 * from outside of any stream, lets time pass; so a test may also just create a stream and call xs_run_until.
 * Failures of the simulation (nothing will ever happen again, memory freed twice, a buffer changed under a write) and aborts
 * of the product print the seed, the options and the last events.
 */
#ifndef ENV_SIM_ENV_SIM_H
#define ENV_SIM_ENV_SIM_H

#include "env/env.h"

struct sim;
struct sim_disk;

enum { SIM_NODES_MAX = 64, SIM_ANY = -1 };

/* ---- options: one table ------------------------------------------------------------------------------------------- */
/*
 * name, calm value, most, class, meaning. Class K: a knob, kept by sim_options_swarm; N: a number of nature, drawn by
 * swarm between a tenth of the calm value and most; F: a fault class, off or drawn between 1 and most.
 * Rates are in a million. All values are 64-bit numbers.
 */
#define SIM_OPTIONS(X)                                                                                                   \
	X(nodes, 1, 64, K, "processes")                                                                                  \
	X(nodes_per_host, 1, 64, K, "that share a file system, local sockets and 127.0.0.1")                             \
	X(log_level, 5, 6, K, "lowest level printed: 0 debug .. 5 critical, 6 nothing")                                  \
	X(fill, 0xA5, 255, K, "byte that fresh memory is filled with")                                                   \
	X(capacity, 1ULL << 40, 1ULL << 50, K, "bytes of each host's file system")                                       \
	X(cores, 4, 256, K, "of each host")                                                                              \
	X(watchdog_s, 0, 3600, K, "real seconds after which one event counts as stuck; 0: never")                        \
	X(check_buffers, 1, 1, K, "fail when a buffer changes while it is written")                                      \
	X(direct, 1, 1, K, "disks bypass the page cache")                                                                \
	X(block_size, 4096, 4096, K, "of disks: 512 or 4096")                                                            \
	X(choose_ppm, 100000, 1000000, N, "how often the choice among equals is random")                                 \
	X(poll_ns, 1000, 20000, N, "mean time that a poll of a stream takes")                                            \
	X(wake_ns, 500, 50000, N, "mean time from a wake to the poll")                                                   \
	X(disk_read_ns, 60000, 400000, N, "mean latency of a read, beyond a tenth of it")                                \
	X(disk_write_ns, 15000, 400000, N, "the same of a write")                                                        \
	X(disk_flush_ns, 100000, 10000000, N, "the same of a flush or a durable write")                                  \
	X(disk_bytes_us, 2000, 8000, N, "bytes that a disk moves in a microsecond")                                      \
	X(net_ns, 20000, 1000000, N, "mean latency of a message, beyond a tenth of it")                                  \
	X(net_bytes_us, 2000, 8000, N, "bytes that a connection moves in a microsecond")                                 \
	X(net_silence_ns, 10000000000, 10000000000, K, "after which a silent peer counts as gone")                       \
	X(buggify, 0, 250000, F, "rate at which an active site of env_buggify fires; a quarter of the sites is active")  \
	X(drift_ppm, 0, 1000, F, "most that a node's clock runs fast or slow")                                           \
	X(wall_skew_ns, 0, 400000000, F, "most that a node's wall clock is off")                                         \
	X(mem_fail_ppm, 0, 2000, F, "an allocation fails")                                                               \
	X(read_error_ppm, 0, 2000, F, "a read fails")                                                                    \
	X(write_error_ppm, 0, 2000, F, "a write fails, having written anything or nothing")                              \
	X(flush_error_ppm, 0, 2000, F, "a flush or a durable write fails, and what was not durable may never be")        \
	X(bit_rot_ppm, 0, 500, F, "a bit flips on the medium under a read")                                              \
	X(misdirect_ppm, 0, 500, F, "a write lands elsewhere and is reported good")                                      \
	X(lost_write_ppm, 0, 500, F, "a write is dropped and reported good")                                             \
	X(stale_read_ppm, 0, 500, F, "a read returns what was there before the last write")                              \
	X(stall_ppm, 0, 1000, F, "an operation of a disk takes 100 times as long")                                       \
	X(file_error_ppm, 0, 2000, F, "an operation on a small file or a directory fails and changes nothing")          \
	X(net_break_ppm, 0, 2000, F, "a message breaks its connection, before or after its arrival")                     \
	X(net_clog_ppm, 0, 2000, F, "a message takes a thousand times as long, and what follows waits")                  \
	X(crash_ns, 0, 20000000000, F, "mean time between deaths of a node that has a boot function")                    \
	X(power_ppm, 0, 1000000, F, "of those deaths, how many are a loss of power")                                     \
	X(down_ns, 1000000000, 10000000000, N, "mean time until it starts again")                                        \
	X(partition_ns, 0, 20000000000, F, "mean time between cuts of a link in one direction")                          \
	X(heal_ns, 1000000000, 5000000000, N, "mean time until it is mended")                                            \
	X(clock_ns, 0, 20000000000, F, "mean time until a node's wall clock jumps, within wall_skew_ns, and it drifts anew")  \
	X(pause_ns, 0, 20000000000, F, "mean time between stops of a node")                                              \
	X(paused_ns, 500000000, 5000000000, N, "mean length of a stop")

struct sim_options {
#define X(name, calm, most, cls, text) uint64_t name;
	SIM_OPTIONS(X)
#undef X
};

/** The calm world: no faults, everything takes its usual time. */
void sim_options_init(struct sim_options *options);
/** Draws which faults exist at all (each with one half; one seed in ten has none), then their rates, and the numbers of nature. */
void sim_options_swarm(struct sim_options *options, uint64_t seed);
/** Turns all fault classes off: for the liveness phase after a storm. */
void sim_options_heal(struct sim_options *options);
/** 0, -DER_NONEXIST (no such option), -DER_INVAL (beyond its most). */
int sim_options_set(struct sim_options *options, const char *name, uint64_t value);
/** "name=value ..." of all that differ from the calm world; returns the length as snprintf does. */
int sim_options_print(const struct sim_options *options, char *buf, size_t size);

/* ---- world -------------------------------------------------------------------------------------------------------- */
/** Never fails; options NULL: calm. All nodes are up, with a struct env each. */
struct sim *sim_create(uint64_t seed, const struct sim_options *options);
/** Drops all nodes as they are; frees everything. */
void sim_destroy(struct sim *sim);
/** The options, to be changed on the way (but for the number of nodes). */
struct sim_options *sim_options(struct sim *sim);
/** Draws the next deaths, stops and cuts as the options now say. sim_create does it too. */
void sim_storm(struct sim *sim);
/**
 * Lets the world run for at most ns of its time, or until done(arg) is true (NULL: never); asked after every event.
 * 0: done. -DER_TIMEDOUT: time is up. With ns ENV_FOREVER: -DER_CANCELED when nothing will ever happen again.
 */
int sim_run(struct sim *sim, uint64_t ns, bool (*done)(void *arg), void *arg);
/** One event; false when there is none before limit_ns of the world's time. */
bool sim_step(struct sim *sim, uint64_t limit_ns);
/** The world's own time: starts at one second, never drifts. */
uint64_t sim_now(const struct sim *sim);
uint64_t sim_seed(const struct sim *sim);
uint64_t sim_events(const struct sim *sim);
/** A digest of all that happened so far: times, messages with their bytes, disk operations with theirs, notes. */
uint64_t sim_trace_hash(const struct sim *sim);
/** Puts something of the workload into the trace. what: a string literal. */
void sim_note(struct sim *sim, const char *what, uint64_t a, uint64_t b);
/** Random numbers for the workload, apart from those of the world. */
uint64_t sim_rand(struct sim *sim);
/** 0 .. nr - 1 */
uint64_t sim_rand_nr(struct sim *sim, uint64_t nr);
/** Calls visit for the last events in order, as text. */
void sim_trace_tail(struct sim *sim, void (*visit)(void *arg, const char *line), void *arg);

/* ---- nodes -------------------------------------------------------------------------------------------------------- */
/** Of the present life of the node; NULL while it is down. */
struct env *sim_env(struct sim *sim, uint32_t node);
uint32_t sim_node_nr(const struct sim *sim);
/** Which node an env belongs to, and its world. */
struct sim *sim_of(struct env *env);
uint32_t sim_node_of(struct env *env);

enum sim_crash {
	SIM_KILL,  /* the process dies: completed writes survive, later loss of power aside; peers notice soon */
	SIM_POWER, /* loss of power: of what is not durable anything may survive; peers notice by silence */
};
/**
 * The node dies between two events: streams, memory, stacks, operations under way, connections are dropped, no destructor
 * runs. SIM_POWER kills every node of its host. Asked for during a poll of the node itself it takes effect when
 * the poll returns, and nothing that the node still does until then reaches anybody.
 */
void sim_node_crash(struct sim *sim, uint32_t node, enum sim_crash how);
/** A fresh env on the same host; calls its boot function. The node must be down. */
struct env *sim_node_restart(struct sim *sim, uint32_t node);
/** Called with the env of each life of the node (now for the present one): starts its streams. */
void sim_node_set_boot(struct sim *sim, uint32_t node, void (*boot)(void *arg, struct env *env), void *arg);
/** Lives so far. */
uint32_t sim_node_lives(const struct sim *sim, uint32_t node);
/** Stops and continues a node (SIGSTOP, SIGCONT). */
void sim_node_pause(struct sim *sim, uint32_t node);
/**
 * The node dies at a point within a poll: when it has, nth times from now (1: the next), handed a message or a write to the world or
 * chosen among threads. What it did before in the same poll has happened. 0: never.
 */
void sim_node_crash_at(struct sim *sim, uint32_t node, uint64_t nth, enum sim_crash how);
void sim_node_resume(struct sim *sim, uint32_t node);
/** Parts per million that its clocks run fast, from now on. */
void sim_node_drift(struct sim *sim, uint32_t node, int64_t ppm);
/** Moves its wall clock. */
void sim_node_jump_wall(struct sim *sim, uint32_t node, int64_t ns);
void sim_node_setenv(struct sim *sim, uint32_t node, const char *name, const char *value);
/** Whom its processes run as, for env's cred; root by default. */
void sim_node_set_cred(struct sim *sim, uint32_t node, uint32_t uid, uint32_t gid);
/** Delivers a signal to what watches it; false when nobody does. */
bool sim_node_signal(struct sim *sim, uint32_t node, int signo);

/* ---- memory ------------------------------------------------------------------------------------------------------- */
struct sim_mem_stats {
	uint64_t blocks, bytes;   /* outstanding */
	uint64_t bytes_peak;
	uint64_t allocs;          /* asked for in this life, failed ones included */
	uint64_t failed;          /* of them */
	uint64_t handles;         /* loops, connections, listeners, disks, maps, locks, stacks not given back */
};
void sim_mem_stats(struct sim *sim, uint32_t node, struct sim_mem_stats *stats);
/** The nth allocation from now (1: the next) fails, and with persistent all after it. 0: none. */
void sim_mem_fail(struct sim *sim, uint32_t node, uint64_t nth, bool persistent);
/** Allocations fail that would take the outstanding bytes beyond limit (0: none). */
void sim_mem_limit(struct sim *sim, uint32_t node, uint64_t limit);
/** Calls visit for each outstanding block, oldest first: where it was allocated, its size. */
void sim_mem_each(struct sim *sim, uint32_t node, void (*visit)(void *arg, const void *site, size_t size), void *arg);
/** Distinct places of allocation that failed at least once in this world. */
uint64_t sim_mem_sites_failed(const struct sim *sim);

/* ---- disks -------------------------------------------------------------------------------------------------------- */
/** The disk behind a path that was opened with env's disk open (or is there from a former life); NULL when there is none. */
struct sim_disk *sim_disk(struct sim *sim, uint32_t node, const char *path);
struct sim_disk_stats {
	uint64_t reads, writes, flushes, trims; /* completed */
	uint64_t pending_writes;                /* completed but not durable */
	uint64_t in_flight;
	uint64_t bytes_read, bytes_written;
};
void sim_disk_stats(struct sim_disk *disk, struct sim_disk_stats *stats);
/** The nth operation from now (1: the next) out of the set of ops (bits 1 << ENV_IO_*) fails; with persistent all after it. */
void sim_disk_fail(struct sim_disk *disk, uint32_t ops, uint64_t nth, bool persistent);
/** Every operation from now on fails (dead) or never completes until it is false again (stalled). */
void sim_disk_kill(struct sim_disk *disk, bool dead);
void sim_disk_stall(struct sim_disk *disk, bool stalled);
/** Latencies are multiplied. */
void sim_disk_slow(struct sim_disk *disk, uint32_t factor);
/** When the nth write from now is submitted, node crashes. 0: never. */
void sim_disk_crash_at(struct sim_disk *disk, uint64_t nth, enum sim_crash how);
/** What a read would see, or the medium would hold after losing all that is not durable; without faults or time. */
void sim_disk_peek(struct sim_disk *disk, uint64_t off, void *buf, size_t len, bool durable);
/** Changes bytes on the medium. */
void sim_disk_poke(struct sim_disk *disk, uint64_t off, const void *buf, size_t len);
void sim_disk_flip_bit(struct sim_disk *disk, uint64_t bit);
/** Of the nth read from now a bit is wrong in the reader's buffer only: it was lost on the way. 0: none. */
void sim_disk_garble(struct sim_disk *disk, uint64_t nth);
/** The nth disk that node's host is asked to make from now on finds no space: somebody else was quicker. 0: none. */
void sim_disk_full(struct sim *sim, uint32_t node, uint64_t nth);
/** Visits the disks of node's host, with their paths, in order of creation. */
void sim_disk_each(struct sim *sim, uint32_t node, void (*visit)(void *arg, const char *path, struct sim_disk *disk), void *arg);
uint64_t sim_disk_size(const struct sim_disk *disk);

/** The nth operation on small files and directories (and opening of disks) from now fails, with persistent all after it. */
void sim_file_fail(struct sim *sim, uint32_t node, uint64_t nth, bool persistent);

/* ---- recording what reaches the disks of a host, and cutting it short ----------------------------------------------- */
enum sim_record_kind {
	SIM_RECORD_WRITE,   /* submitted: may be in part on the medium from now on */
	SIM_RECORD_DONE,    /* a write completed; durable says whether it now is */
	SIM_RECORD_DURABLE, /* a flush completed: the writes that completed before it began are durable */
	SIM_RECORD_FILE,    /* a change of a file or directory, durable */
	SIM_RECORD_NOTE,    /* of the workload */
};
struct sim_record_entry {
	enum sim_record_kind kind;
	uint32_t disk;    /* number, in the order of creation on that host */
	uint64_t write;   /* WRITE, DONE: number of the write; DURABLE: the flush began when this many entries were there */
	uint64_t off, len;
	bool durable;
	const char *what; /* NOTE */
	uint64_t note;
};
struct sim_record;
/** Begins to record everything that happens to the disks and files of node's host; the present state is the beginning. */
void sim_record_start(struct sim *sim, uint32_t node);
/** Ends it. The record outlives the world and is freed with sim_record_free. */
struct sim_record *sim_record_stop(struct sim *sim, uint32_t node);
/** A mark, e.g. "acknowledged" and which operation. what: a string literal. */
void sim_record_note(struct sim *sim, uint32_t node, const char *what, uint64_t note);
size_t sim_record_nr(const struct sim_record *record);
const struct sim_record_entry *sim_record_get(const struct sim_record *record, size_t index);
void sim_record_free(struct sim_record *record);

enum sim_fate { SIM_FATE_OLD, SIM_FATE_NEW, SIM_FATE_GARBAGE };
/** What became of one 512-byte sector of a write that was not durable at the cut. Asked in the order of the writes. */
typedef enum sim_fate (*sim_fate_fn)(void *arg, uint64_t write, uint64_t sector);
/**
 * Puts the disks and files of node's host (in a world of its own, with no disks or files yet) into the state in which a
 * loss of power after the first prefix entries of the record leaves them. fate NULL: everything not durable is lost.
 */
void sim_record_load(const struct sim_record *record, size_t prefix, sim_fate_fn fate, void *arg, struct sim *sim,
		     uint32_t node);
/** How many sectors a fate will be asked for at this prefix. */
size_t sim_record_undecided(const struct sim_record *record, size_t prefix);

/* ---- network ------------------------------------------------------------------------------------------------------ */
/** Cuts, or mends, what from sends to to (SIM_ANY: every node). What was sent waits; connections break after the silence. */
void sim_net_cut(struct sim *sim, int from, int to, bool cut);
/** Breaks all connections between two nodes now. */
void sim_net_break(struct sim *sim, uint32_t a, uint32_t b);
/** The nth message from now, whoever sends it, is lost with its connection. 0: none. */
void sim_net_break_at(struct sim *sim, uint64_t nth);
/** Latencies from one node to another are multiplied. */
void sim_net_slow(struct sim *sim, int from, int to, uint32_t factor);
struct sim_net_stats {
	uint64_t messages, bytes, transfers, connects, breaks;
};
void sim_net_stats(const struct sim *sim, struct sim_net_stats *stats);

/* ---- faults: one table ------------------------------------------------------------------------------------------- */
/* Every fault that strikes is counted in one of these classes, whether options or a test asked for it. */
#define SIM_FAULTS(X)                                                                                                    \
	X(KILLED, "killed")                                                                                              \
	X(POWER_LOST, "power lost")                                                                                      \
	X(DIED_WITHIN, "died within a poll")                                                                             \
	X(PAUSED, "paused")                                                                                              \
	X(WRITE_LOST, "write lost at a death")                                                                           \
	X(WRITE_REORDERED, "write kept, whole or torn, though an older was lost")                                                        \
	X(WRITE_TORN, "write torn")                                                                                      \
	X(DISK_SLOW, "disk operation slow")                                                                              \
	X(READ_FAILED, "read failed")                                                                                    \
	X(WRITE_FAILED, "write failed")                                                                                  \
	X(FLUSH_FAILED, "flush failed")                                                                                  \
	X(BIT_ROTTEN, "bit rotten")                                                                                      \
	X(BIT_GARBLED, "bit garbled on the way")                                                                         \
	X(WRITE_MISDIRECTED, "misdirected write")                                                                        \
	X(WRITE_DROPPED, "lost write")                                                                                   \
	X(READ_STALE, "stale read")                                                                                      \
	X(FILE_FAILED, "file operation failed")                                                                          \
	X(DISK_FULL, "disk full")                                                                                        \
	X(NO_MEMORY, "no memory")                                                                                        \
	X(MESSAGE_DELAYED, "message delayed")                                                                            \
	X(MESSAGE_OVERTAKEN, "message overtaken on another connection")                                                  \
	X(CONNECTION_RESET, "connection broken")                                                                         \
	X(MESSAGE_CUT, "message lost with its connection")                                                               \
	X(TRANSFER_CUT, "transfer cut short")                                                                            \
	X(LINK_CUT, "link cut")                                                                                          \
	X(SILENCE, "connection broken by silence")                                                                       \
	X(CLOCK_FORWARD, "clock jumped forward")                                                                         \
	X(CLOCK_BACK, "clock jumped back")                                                                               \
	X(CLOCK_DRIFTS, "clock drifts anew")

enum sim_fault {
#define X(name, text) SIM_##name,
	SIM_FAULTS(X)
#undef X
	SIM_FAULT_NR
};
const char *sim_fault_name(enum sim_fault fault);
uint64_t sim_fault_count(const struct sim *sim, enum sim_fault fault);

/* ---- counters ------------------------------------------------------------------------------------------------------ */
/** Visits env_sometimes and env_buggify counters, in order of first appearance, then faults. kind: "sometimes", "buggify", "fault" */
void sim_counters(struct sim *sim, void (*visit)(void *arg, const char *kind, const char *site, uint64_t hits), void *arg);
uint64_t sim_counter(const struct sim *sim, const char *kind, const char *site);

#endif
