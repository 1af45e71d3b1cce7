/* A bucket is the leading bit of a value and the seven bits below it:
 *
 *     value   0 .. 255      256 .. 511     512 .. 1023
 *     width      1              2               4        ...
 *     index   0 .. 255      256 .. 383     384 .. 511
 */
#include "bench/histogram.h"

void histogram_init(struct histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
    histogram->min = UINT64_MAX;
}

void histogram_add(struct histogram *histogram, const struct histogram *from)
{
    histogram->count += from->count;
    histogram->sum += from->sum;
    histogram->max = from->max > histogram->max ? from->max : histogram->max;
    histogram->min = from->min < histogram->min ? from->min : histogram->min;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        histogram->buckets[i] += from->buckets[i];
    }
}

static uint64_t bucket_last(size_t bucket)
{
    if (bucket < 256) {
        return bucket;
    }
    unsigned shift = (unsigned)(bucket >> HISTOGRAM_BITS) - 1;
    uint64_t lead = (uint64_t)bucket - ((uint64_t)shift << HISTOGRAM_BITS);
    return (lead << shift) + ((UINT64_C(1) << shift) - 1);
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    check(share >= 0.0 && share <= 1.0);
    if (histogram->count == 0) {
        return 0;
    }
    double exact = share * (double)histogram->count;
    uint64_t rank = (uint64_t)exact;
    rank += (double)rank < exact || rank == 0; /* round up; the smallest rank is the first */
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= rank) {
            uint64_t last = bucket_last(i);
            return last < histogram->max ? last : histogram->max;
        }
    }
    return histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count > 0 ? histogram->sum / (double)histogram->count : 0.0;
}
