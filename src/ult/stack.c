/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks: memory from the host with a guard below, kept in the stream for the next ULT, last used first. The descriptor
 * lies at the upper end:
 *
 *	base                 mark                      top
 *	| never used: zeros  | used by some ULT so far | struct ult_stack |
 *
 * stack I1: below mark everything is zero, up to what the present ULT has used since the last measurement.
 * A free stack is poisoned for ASan, so that a use after the end of its ULT is found.
 */
#include "telemetry/telemetry.h"
#include "xs.h"

enum { PAGE = 4096, MEASURE_EVERY = 64, ZERO_PAGES = 3 };

#if defined(ULT_ASAN) || defined(ULT_TSAN)
#define DEFAULT_SIZE (256 * KIB)
#else
#define DEFAULT_SIZE (64 * KIB)
#endif

static void
tell_born(struct ult_stack *stack)
{
#ifdef ULT_ASAN
	__asan_unpoison_memory_region(stack->base, (size_t)(stack->top - stack->base));
	__lsan_register_root_region(stack->base, (size_t)(stack->top - stack->base));
#endif
#ifdef ULT_TSAN
	stack->side.fiber = __tsan_create_fiber(0);
#endif
#ifdef ULT_VALGRIND
	stack->valgrind_id = VALGRIND_STACK_REGISTER(stack->base, stack->top);
#endif
	(void)stack;
}

static void
tell_dead(struct ult_stack *stack)
{
	context_abandon(&stack->side);
#ifdef ULT_ASAN
	__lsan_unregister_root_region(stack->base, (size_t)(stack->top - stack->base));
	__asan_unpoison_memory_region(stack->base, (size_t)(stack->top - stack->base));
#endif
#ifdef ULT_TSAN
	if (stack->side.fiber != NULL)
		__tsan_destroy_fiber(stack->side.fiber);
	stack->side.fiber = NULL;
#endif
#ifdef ULT_VALGRIND
	VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
#endif
	(void)stack;
}

static int
stack_new(struct xs *xs, struct ult_stack **out)
{
	struct ult_stack *stack;
	void *base;
	int rc = xs->env->ops->host.stack_alloc(xs->env, xs->stack_size, &base);

	if (rc != 0)
		return rc;
	stack = (struct ult_stack *)ALIGN_DOWN((uintptr_t)base + xs->stack_size - sizeof(*stack), 64);
	*stack = (struct ult_stack){.base = base, .top = (char *)stack, .mark = (char *)stack};
	list_init(&stack->link);
	stack->side.bottom = stack->base;
	stack->side.size = (size_t)(stack->top - stack->base);
	tell_born(stack);
	*out = stack;
	return 0;
}

static void
stack_free(struct xs *xs, struct ult_stack *stack)
{
	tell_dead(stack);
	xs->env->ops->host.stack_free(xs->env, stack->base, xs->stack_size);
}

NO_ASAN NO_TSAN static bool
page_is_zero(const char *page)
{
	const volatile uint64_t *word = (const volatile uint64_t *)page;

	for (size_t i = 0; i < PAGE / sizeof(*word); i++)
		if (word[i] != 0)
			return false;
	return true;
}

/**
 * Moves the mark down to the lowest page that was written, and keeps the deepest of all in the stream's statistics. Frames
 * are smaller than ZERO_PAGES pages (the build sees to it), so the first untouched run of that length ends the search.
 */
void
xs__stack_measure(struct xs *xs, struct ult_stack *stack)
{
	char *page = (char *)ALIGN_DOWN((uintptr_t)stack->mark - 1, PAGE);
	int zeros = 0;

#ifdef ULT_VALGRIND
	if (RUNNING_ON_VALGRIND) /* what lies below a stack pointer is undefined to it */
		return;
#endif
	for (; page >= stack->base && zeros < ZERO_PAGES; page -= PAGE) {
		if (page_is_zero(page)) {
			zeros++;
		} else {
			stack->mark = page;
			zeros = 0;
		}
	}
	if ((size_t)(stack->top - stack->mark) > xs->stats.stack_peak) {
		xs->stats.stack_peak = (size_t)(stack->top - stack->mark);
		metric_set(xs->stack_metric, xs->stats.stack_peak);
	}
}

int
xs__stack_get(struct xs *xs, struct ult_stack **out)
{
	struct ult_stack *stack = list_pop(&xs->stacks_free, struct ult_stack, link);

	if (stack == NULL)
		return stack_new(xs, out);
	xs->stacks_free_nr--;
#ifdef ULT_ASAN
	__asan_unpoison_memory_region(stack->base, (size_t)(stack->top - stack->base));
#endif
	*out = stack;
	return 0;
}

void
xs__stack_put(struct xs *xs, struct ult_stack *stack)
{
	stack->side.fake_stack = NULL; /* went with its ULT */
	if (xs->stacks_released++ % MEASURE_EVERY == 0 || xs->stacks_free_nr >= xs->stacks_free_max)
		xs__stack_measure(xs, stack);
	if (xs->stacks_free_nr >= xs->stacks_free_max) {
		stack_free(xs, stack);
		return;
	}
#ifdef ULT_ASAN
	__asan_poison_memory_region(stack->base, (size_t)(stack->top - stack->base));
#endif
	list_push(&xs->stacks_free, &stack->link);
	xs->stacks_free_nr++;
}

void
xs__stacks_drop(struct xs *xs)
{
	struct ult_stack *stack;

	while ((stack = list_pop(&xs->stacks_free, struct ult_stack, link)) != NULL)
		stack_free(xs, stack);
	xs->stacks_free_nr = 0;
}

size_t
xs__stack_default_size(void)
{
	return DEFAULT_SIZE;
}

void
xs__stack_abandon(struct ult_stack *stack)
{
	tell_dead(stack);
}
