/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two documents, figure by figure: the ratio of the geometric means with its interval (Welch's t on
 * logarithms, for the two were not taken in turn), and whether that is better, worse or no
 * difference.
 */
#ifndef OCKAM_BENCH_COMPARE_H
#define OCKAM_BENCH_COMPARE_H

#include "result.h"

/* More confident than the intervals of figures, for many are compared at once. */
#define COMPARE_CONFIDENCE .99

enum verdict { VERDICT_SAME, VERDICT_BETTER, VERDICT_WORSE, VERDICT_OTHER, VERDICT_UNKNOWN };

struct compare_how {
	bool relative; /* to the scenario's first contestant in the same round */
	double least;  /* share that a change must have */
	bool json;
};

/* What is said of one figure; *ratio and *interval of after to before. VERDICT_OTHER: changed, and
 * nobody has said which way is better; VERDICT_UNKNOWN: too few samples, or zeros among them. */
enum verdict compare_samples(const double *before, size_t nb, const double *after, size_t na,
	enum better better, double least, double *ratio, struct interval *interval);
/* Prints; how many are worse. */
unsigned compare_print(
	const struct results *before, const struct results *after, const struct compare_how *how);

#endif
