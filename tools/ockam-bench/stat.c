// SPDX-License-Identifier: Apache-2.0
#include "stat.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double median_of(double *v, size_t n)
{
	qsort(v, n, sizeof *v, ascending);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

double quantile_of(double *v, size_t n, double share)
{
	qsort(v, n, sizeof *v, ascending);
	size_t i = (size_t)(share * (double)n);
	return v[i < n ? i : n - 1];
}

/* That fewer than k of n fair coins fall on one side. */
static double fewer_than(size_t k, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < k; i++)
		sum += exp(lgamma((double)n + 1) - lgamma((double)i + 1) -
			   lgamma((double)(n - i) + 1) - (double)n * M_LN2);
	return sum;
}

struct interval median_interval(double *v, size_t n, double confidence)
{
	if (n < 2)
		return (struct interval){0};
	qsort(v, n, sizeof *v, ascending);
	size_t k = 1; /* the k-th from either end */
	while (2 * (k + 1) <= n && 1 - 2 * fewer_than(k + 1, n) >= confidence)
		k++;
	return (struct interval){v[k - 1], v[n - k], 1 - 2 * fewer_than(k, n)};
}

struct moments {
	double mean, variance; /* of logarithms */
};

static struct moments log_moments(const double *v, size_t n)
{
	double mean = 0, squares = 0;
	for (size_t i = 0; i < n; i++)
		mean += log(v[i]) / (double)n;
	for (size_t i = 0; i < n; i++)
		squares += (log(v[i]) - mean) * (log(v[i]) - mean);
	return (struct moments){mean, n > 1 ? squares / (double)(n - 1) : 0};
}

double geometric_mean(const double *v, size_t n)
{
	return exp(log_moments(v, n).mean);
}

static struct interval around(double mean, double half, double confidence)
{
	return (struct interval){exp(mean - half), exp(mean + half), confidence};
}

struct interval ratio_interval(const double *ratios, size_t n, double confidence)
{
	if (n < 2)
		return (struct interval){0};
	struct moments m = log_moments(ratios, n);
	double error = sqrt(m.variance / (double)n);
	return around(m.mean, t_quantile(confidence, (double)(n - 1)) * error, confidence);
}

struct interval welch_interval(
	const double *a, size_t na, const double *b, size_t nb, double confidence)
{
	if (na < 2 || nb < 2)
		return (struct interval){0};
	struct moments ma = log_moments(a, na), mb = log_moments(b, nb);
	double va = ma.variance / (double)na, vb = mb.variance / (double)nb, v = va + vb;
	double degrees =
		v > 0 ? v * v / (va * va / (double)(na - 1) + vb * vb / (double)(nb - 1)) : 1;
	return around(mb.mean - ma.mean, t_quantile(confidence, degrees) * sqrt(v), confidence);
}

double interval_half_width(const struct interval *i)
{
	return i->low > 0 ? sqrt(i->high / i->low) - 1 : INFINITY;
}

/* The continued fraction of the incomplete beta function (Lentz). */
static double beta_fraction(double x, double a, double b)
{
	double c = 1, d = 1 - (a + b) * x / (a + 1), h;
	d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
	h = d;
	for (unsigned m = 1; m < 1000; m++) {
		double n = m, even = n * (b - n) * x / ((a + 2 * n - 1) * (a + 2 * n));
		double odd = -(a + n) * (a + b + n) * x / ((a + 2 * n) * (a + 2 * n + 1));
		d = 1 / (1 + even * d);
		c = 1 + even / c;
		h *= d * c;
		d = 1 / (1 + odd * d);
		c = 1 + odd / c;
		h *= d * c;
		if (fabs(d * c - 1) < 1e-14)
			break;
	}
	return h;
}

static double incomplete_beta(double x, double a, double b)
{
	double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(x, a, b) / a;
	return 1 - front * beta_fraction(1 - x, b, a) / b;
}

double t_quantile(double confidence, double degrees)
{
	double low = 0, high = 1e9;
	for (unsigned i = 0; i < 200; i++) {
		double t = (low + high) / 2;
		double outside =
			t > 0 ? incomplete_beta(degrees / (degrees + t * t), degrees / 2, .5) : 1;
		if (outside > 1 - confidence)
			low = t;
		else
			high = t;
	}
	return (low + high) / 2;
}
