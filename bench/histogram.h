/* Latencies in buckets of under one percent width, whatever their size: 128 buckets to a doubling.
 *
 * Pure, one owner, one thread; histogram_add merges another one in. Fixed memory (60 KB), no value
 * is ever refused. Quantiles are the upper end of the bucket that holds them, never above the
 * largest value that was recorded. */
#ifndef CLOS_HISTOGRAM_H
#define CLOS_HISTOGRAM_H

#include "common/base.h"

enum {
    HISTOGRAM_BITS = 7,
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS,
};

struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t min; /* UINT64_MAX while empty */
    double sum;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *histogram);
void histogram_add(struct histogram *histogram, const struct histogram *from);

/* The value that a share (0 to 1) of all recorded values does not exceed; 0 while empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);
double histogram_mean(const struct histogram *histogram);

static inline size_t histogram_bucket(uint64_t value)
{
    unsigned shift = (unsigned)(63 - HISTOGRAM_BITS - __builtin_clzll(value | 255));
    return (size_t)(((uint64_t)shift << HISTOGRAM_BITS) + (value >> shift));
}

static inline void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->sum += (double)value;
    histogram->max = value > histogram->max ? value : histogram->max;
    histogram->min = value < histogram->min ? value : histogram->min;
    histogram->buckets[histogram_bucket(value)]++;
}

#endif
