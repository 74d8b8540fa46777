/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one file of the simulator that asks the real machine: for memory (the world's own, and stacks with guard pages), and
 * for the last words when the process aborts, which need variables at file scope.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "world.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MACHINE_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define MACHINE_ASAN 1
#endif
#ifdef MACHINE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum { GUARD = 4096 };

static struct sim *watched; /* the newest */
static struct {
	struct sim *sim;
	uint64_t seconds, events;
} dog;

static void *
checked(void *ptr)
{
	if (ptr == NULL)
		abort();
	return ptr;
}

void *
machine_alloc(size_t size)
{
	return checked(malloc(size > 0 ? size : 1));
}

void *
machine_alloc_zeroed(size_t size)
{
	return checked(calloc(1, size > 0 ? size : 1));
}

void *
machine_alloc_aligned(size_t size, size_t align)
{
	void *ptr;

	return checked(posix_memalign(&ptr, align, size) == 0 ? ptr : NULL);
}

static void *
mem_alloc_machine(struct mem *mem, size_t size, size_t align, const void *site)
{
	return align <= 16 ? machine_alloc(size) : machine_alloc_aligned(size, align);
}

static void
mem_free_machine(struct mem *mem, void *ptr)
{
	free(ptr);
}

struct mem machine_mem = {.alloc = mem_alloc_machine, .free = mem_free_machine};

void *
machine_realloc(void *ptr, size_t size)
{
	return checked(realloc(ptr, size));
}

void
machine_free(void *ptr)
{
	free(ptr);
}

/*
 * | descriptor | guard | stack |; the guard without a mapping of its own where the kernel can, so that vm.max_map_count
 * does not limit their number.
 */
int
machine_stack_alloc(size_t size, struct sim_stack **stack, void **base)
{
	char *at = mmap(NULL, size + 2 * GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return -DER_NOMEM;
	if (madvise(at + GUARD, GUARD, MADV_GUARD_INSTALL) != 0 && mprotect(at + GUARD, GUARD, PROT_NONE) != 0) {
		munmap(at, size + 2 * GUARD);
		return -DER_NOMEM;
	}
	*base = at + 2 * GUARD;
	*stack = (struct sim_stack *)at;
	**stack = (struct sim_stack){.base = *base, .size = size};
	return 0;
}

struct sim_stack *
machine_stack_of(void *base)
{
	return (struct sim_stack *)((char *)base - 2 * GUARD);
}

void
machine_stack_free(struct sim_stack *stack)
{
#ifdef MACHINE_ASAN
	/* Whatever is mapped here next must not inherit the poison of a free stack. */
	__asan_unpoison_memory_region(stack->base, stack->size);
#endif
	munmap(stack, stack->size + 2 * GUARD);
}

void *
machine_pages(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return checked(at == MAP_FAILED ? NULL : at);
}

void
machine_pages_free(void *ptr, size_t size)
{
	munmap(ptr, size);
}

void
machine_print(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t nr = write(STDERR_FILENO, text, len);

		if (nr <= 0)
			return;
		text += nr;
		len -= (size_t)nr;
	}
}

static void
all_last_words(void)
{
	struct sim *sim = watched;

	watched = NULL;
	for (; sim != NULL; sim = sim->watched_before)
		sim__last_words(sim); /* NOLINT(bugprone-signal-handler,cert-sig30-c): abort() called it, between two statements of ours */
}

static void
on_abort(int signo)
{
	all_last_words();
	signal(signo, SIG_DFL);
	raise(signo);
}

static void
on_alarm(int signo)
{
	static const char text[] = "sim: stuck: one event has run for longer than the watchdog allows\n";

	if (watched == NULL || dog.seconds == 0)
		return;
	if (dog.sim == watched && dog.events == sim_events(watched)) { /* NOLINT(bugprone-signal-handler,cert-sig30-c): reads a number */
		machine_print(text, sizeof(text) - 1);
		abort();
	}
	dog.sim = watched;
	dog.events = sim_events(watched);
	alarm((unsigned int)dog.seconds);
}

void
machine_watchdog(struct sim *sim, uint64_t seconds)
{
	dog.sim = NULL;
	dog.seconds = seconds;
	if (seconds != 0)
		signal(SIGALRM, on_alarm);
	alarm((unsigned int)seconds);
}

void
machine_watch_abort(struct sim *sim)
{
	sim->watched_before = watched;
	watched = sim;
	signal(SIGABRT, on_abort);
#ifdef MACHINE_ASAN
	__sanitizer_set_death_callback(all_last_words);
#endif
}

void
machine_unwatch_abort(struct sim *sim)
{
	struct sim **at = &watched;

	while (*at != NULL && *at != sim)
		at = &(*at)->watched_before;
	if (*at != NULL)
		*at = sim->watched_before;
}

void
machine_abort(void)
{
	abort();
}

void
machine_mark_undefined(void *ptr, size_t size)
{
#ifdef VALGRIND_MAKE_MEM_UNDEFINED
	(void)VALGRIND_MAKE_MEM_UNDEFINED(ptr, size);
#endif
	(void)ptr;
	(void)size;
}
