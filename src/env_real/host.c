/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host: the machine as this process may use it: cores (hwloc, restricted to the process's own binding), threads bound to
 * them, stacks for user-level threads, names.
 *
 * Threads start with all signals blocked but those that a fault raises: signals of a program go to its own threads, ours
 * come by signalfd (signal.c). Binding that the machine refuses is said once and done without.
 */
#include <errno.h>
#include <hwloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "real.h"

#define GUARD 4096

struct env_thread {
	struct real *real;
	pthread_t thread;
	void (*body)(void *arg);
	void *arg;
	struct env_cpus cpus;
	bool bound;
	char name[16];
};

/* ---- topology ------------------------------------------------------------------------------------------------- */

static hwloc_topology_t
load_topology(struct real *real)
{
	hwloc_bitmap_t mine = hwloc_bitmap_alloc();
	hwloc_topology_t topology;

	if (mine == NULL || hwloc_topology_init(&topology) != 0) {
		hwloc_bitmap_free(mine);
		return NULL;
	}
	hwloc_topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
	hwloc_topology_set_type_filter(topology, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
	if (hwloc_topology_load(topology) != 0) {
		hwloc_topology_destroy(topology);
		topology = NULL;
	} else if (hwloc_get_cpubind(topology, mine, HWLOC_CPUBIND_PROCESS) == 0 && !hwloc_bitmap_iszero(mine)) {
		hwloc_topology_restrict(topology, mine, 0);
	}
	hwloc_bitmap_free(mine);
	return topology;
}

/* Loaded once; after that only read. */
static hwloc_topology_t
topology_of(struct real *real)
{
	hwloc_topology_t topology;

	pthread_mutex_lock(&real->lock);
	if (real->topology == NULL)
		real->topology = load_topology(real);
	topology = real->topology;
	pthread_mutex_unlock(&real->lock);
	return topology;
}

static void
to_cpus(hwloc_const_bitmap_t set, struct env_cpus *cpus)
{
	int nr = (int)(ARRAY_SIZE(cpus->bits) * 64);

	for (int pu = hwloc_bitmap_first(set); pu >= 0 && pu < nr; pu = hwloc_bitmap_next(set, pu))
		cpus->bits[pu / 64] |= 1ULL << (pu % 64);
}

int
real__topology(struct env *env, struct env_topo *topo)
{
	hwloc_topology_t topology = topology_of(real_of(env));
	/* A machine that tells of no cores has processing units. */
	hwloc_obj_type_t type = HWLOC_OBJ_CORE;
	hwloc_obj_t core;
	int nr;

	memset(topo, 0, sizeof(*topo));
	if (topology == NULL) {
		log_error(env->log, "hwloc cannot read the topology of this machine");
		return -DER_MISC;
	}
	if (hwloc_get_nbobjs_by_type(topology, type) <= 0)
		type = HWLOC_OBJ_PU;
	nr = hwloc_get_nbobjs_by_type(topology, type);
	topo->core_nr = MIN(nr, (int)ARRAY_SIZE(topo->core));
	topo->pu_nr = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
	topo->numa_nr = MAX(hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE), 1);
	topo->memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	for (int i = 0; i < topo->core_nr; i++) {
		core = hwloc_get_obj_by_type(topology, type, (unsigned)i);
		to_cpus(core->cpuset, &topo->core[i].pus);
		topo->core[i].numa = MAX(hwloc_bitmap_first(core->nodeset), 0);
	}
	return 0;
}

/* ---- threads -------------------------------------------------------------------------------------------------- */

int
real__pthread_start(pthread_t *thread, void *(*body)(void *arg), void *arg)
{
	sigset_t blocked, before;
	int rc;

	sigfillset(&blocked);
	sigdelset(&blocked, SIGSEGV);
	sigdelset(&blocked, SIGBUS);
	sigdelset(&blocked, SIGILL);
	sigdelset(&blocked, SIGFPE);
	sigdelset(&blocked, SIGABRT);
	sigdelset(&blocked, SIGTRAP);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	rc = pthread_create(thread, NULL, body, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}

static void
bind_self(struct env_thread *thread)
{
	hwloc_topology_t topology = topology_of(thread->real);
	hwloc_bitmap_t set = hwloc_bitmap_alloc();
	bool ok = topology != NULL && set != NULL;

	if (ok) {
		for (int i = 0; i < (int)ARRAY_SIZE(thread->cpus.bits) * 64; i++)
			if ((thread->cpus.bits[i / 64] >> (i % 64) & 1) != 0)
				hwloc_bitmap_set(set, (unsigned)i);
		ok = hwloc_set_cpubind(topology, set, HWLOC_CPUBIND_THREAD) == 0;
		/* With one node there is nothing to choose. */
		if (ok && hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE) > 1)
			ok = hwloc_set_membind(topology, set, HWLOC_MEMBIND_BIND, HWLOC_MEMBIND_THREAD) == 0;
	}
	hwloc_bitmap_free(set);
	if (!ok && real__first(&thread->real->said_no_bind))
		log_note(thread->real->env.log, "threads cannot be bound to cores here: they run where the system puts them");
}

static void *
thread_main(void *arg)
{
	struct env_thread *thread = arg;

	pthread_setname_np(pthread_self(), thread->name);
	real__sigstack_install();
	if (thread->bound)
		bind_self(thread);
	thread->body(thread->arg);
	return NULL;
}

int
real__thread_start(struct env *env, const char *name, const struct env_cpus *cpus, void (*body)(void *arg), void *arg,
		   struct env_thread **threadp)
{
	struct env_thread *thread = MEM_NEW(env->mem, struct env_thread);
	int rc;

	if (thread == NULL)
		return -DER_NOMEM;
	*thread = (struct env_thread){.real = real_of(env), .body = body, .arg = arg, .bound = cpus != NULL};
	if (cpus != NULL)
		thread->cpus = *cpus;
	snprintf(thread->name, sizeof(thread->name), "%s", name);
	rc = real__pthread_start(&thread->thread, thread_main, thread);
	if (rc != 0) {
		log_error(env->log, "cannot start the thread %s: %s", name, strerror(-rc));
		mem_free(env->mem, thread);
		return -DER_NOMEM;
	}
	*threadp = thread;
	return 0;
}

int
real__stream_start(struct env *env, const char *name, const struct env_cpus *cpus, const struct env_stream *stream,
		   struct env_thread **thread)
{
	return real__thread_start(env, name, cpus, stream->run, stream->arg, thread);
}

void
real__thread_join(struct env_thread *thread)
{
	pthread_join(thread->thread, NULL);
	mem_free(&thread->real->mem, thread);
}

/* ---- stacks ------------------------------------------------------------------------------------------------------ */

int
real__stack_alloc(struct env *env, size_t size, void **base)
{
	char *map;

	ASSERT(size > 0 && size % 4096 == 0);
	map = mmap(NULL, size + GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -DER_NOMEM;
	if (mprotect(map, GUARD, PROT_NONE) != 0) {
		/* Every guard is a mapping of its own, and their number is limited. */
		munmap(map, size + GUARD);
		return -DER_NOMEM;
	}
	*base = map + GUARD;
	return 0;
}

void
real__stack_free(struct env *env, void *base, size_t size)
{
	munmap((char *)base - GUARD, size + GUARD);
}

void
real__host_fini(struct real *real)
{
	if (real->topology != NULL)
		hwloc_topology_destroy(real->topology);
	real->topology = NULL;
}
