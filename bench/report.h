/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report: how figures are printed, by programs as by scripts (tools/bench_lib.sh prints the same lines):
 *
 *   name                                         ours    reference    ratio      bar  ok
 *
 * ratio is ours / reference, bar what it must be (">=0.70", "<=1.50"); the last word is ok, SHORT, or "-" where no bar stands.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

enum report_bar { REPORT_NONE, REPORT_AT_LEAST, REPORT_AT_MOST };

static int
report_by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline double
report_median(double *values, int nr)
{
	qsort(values, (size_t)nr, sizeof(*values), report_by_value);
	return nr % 2 != 0 ? values[nr / 2] : (values[nr / 2 - 1] + values[nr / 2]) / 2;
}

/* reference 0: there is none. */
static inline void
report_figure(const char *name, double ours, double reference, enum report_bar how, double bar)
{
	char ref[32] = "-", ratio[32] = "-", limit[32] = "-";
	const char *word = "-";

	if (reference != 0) {
		snprintf(ref, sizeof(ref), "%.2f", reference);
		snprintf(ratio, sizeof(ratio), "%.2f", ours / reference);
	}
	if (how != REPORT_NONE && reference != 0) {
		snprintf(limit, sizeof(limit), "%s%.2f", how == REPORT_AT_LEAST ? ">=" : "<=", bar);
		word = (how == REPORT_AT_LEAST ? ours >= bar * reference : ours <= bar * reference) ? "ok" : "SHORT";
	}
	printf("%-46s %12.2f %12s %8s %8s  %s\n", name, ours, ref, ratio, limit, word);
	fflush(stdout);
}
