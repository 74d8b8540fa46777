/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ult, private: the switch between two stacks, with what sanitizers and valgrind must be told about it. The switch itself
 * is Boost.Context's (static archive, C linkage); a saved context is the address of its saved registers on its stack:
 * +0x00 mxcsr, +0x04 x87 control word, +0x08 r12, +0x10 r13, +0x18 r14, +0x20 r15, +0x28 rbx, +0x30 rbp, +0x38 pc
 * (x86-64; tools/gdb/ult.py reads it).
 */
#ifndef ULT_CONTEXT_H
#define ULT_CONTEXT_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ULT_ASAN 1
#endif
#if __has_feature(thread_sanitizer) && !defined(ULT_TSAN)
#define ULT_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ULT_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__) && !defined(ULT_TSAN)
#define ULT_TSAN 1
#endif

#ifdef ULT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#define NO_ASAN __attribute__((no_sanitize_address))
#else
#define NO_ASAN
#endif

#ifdef ULT_TSAN
#include <sanitizer/tsan_interface.h>
#if defined(__has_attribute) && __has_attribute(disable_sanitizer_instrumentation)
#define NO_TSAN __attribute__((disable_sanitizer_instrumentation)) /* entry and exit of the function too */
#else
#define NO_TSAN __attribute__((no_sanitize("thread")))
#endif
#else
#define NO_TSAN
#endif

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define ULT_VALGRIND 1
#endif
#endif

/** Where a jump came from, and what it handed over. */
struct context_transfer {
	void *from;
	void *data;
};

struct context_transfer jump_fcontext(void *to, void *data);
void *make_fcontext(void *stack_top, size_t size, void (*fn)(struct context_transfer transfer));

/** What a sanitizer keeps for one side of a switch. */
struct context_side {
	void *fake_stack;   /* ASan's, while this side is suspended */
	const void *bottom; /* of its stack */
	size_t size;
	void *fiber; /* TSan's */
};

/**
 * Leaves side me for side to. dying: me never runs again. Always inlined: TSan demands that the function that tells it of
 * the switch does not return on the other side.
 */
static inline __attribute__((always_inline)) struct context_transfer
context_switch(struct context_side *me, struct context_side *to, void *context, void *data, bool dying)
{
	struct context_transfer transfer;

#ifdef ULT_ASAN
	__sanitizer_start_switch_fiber(dying ? NULL : &me->fake_stack, to->bottom, to->size);
#endif
#ifdef ULT_TSAN
	__tsan_switch_to_fiber(to->fiber, 0);
#endif
	transfer = jump_fcontext(context, data);
#ifdef ULT_ASAN
	__sanitizer_finish_switch_fiber(me->fake_stack, &to->bottom, &to->size); /* the scheduler may have moved */
#endif
	(void)me;
	(void)to;
	(void)dying;
	return transfer;
}

/** First thing on a new stack: from learns its own bounds. */
static inline __attribute__((always_inline)) void
context_landed(struct context_side *from)
{
#ifdef ULT_ASAN
	__sanitizer_finish_switch_fiber(NULL, &from->bottom, &from->size);
#endif
	(void)from;
}

/** Lets go of what a sanitizer keeps for a side that is suspended and will never run again. */
static inline void
context_abandon(struct context_side *side)
{
#ifdef ULT_ASAN
	void *mine = NULL;
	const void *bottom;
	size_t size;

	if (side->fake_stack == NULL)
		return;
	/* Pretends to go there, and to come back dying, without moving. */
	__sanitizer_start_switch_fiber(&mine, side->bottom, side->size);
	__sanitizer_finish_switch_fiber(side->fake_stack, &bottom, &size);
	__sanitizer_start_switch_fiber(NULL, bottom, size);
	__sanitizer_finish_switch_fiber(mine, NULL, NULL);
	side->fake_stack = NULL;
#endif
	(void)side;
}

#endif
