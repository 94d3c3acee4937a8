#include "histogram.h"

#define PARTS (1u << HISTOGRAM_PARTS_LOG2)

void histogram_reset(struct histogram *histogram)
{
    *histogram = (struct histogram){0};
}

// How far a value is shifted so that it falls into the upper half of twice PARTS.
static unsigned shift_of(uint64_t value)
{
    if (value < PARTS)
        return 0;
    return 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_PARTS_LOG2;
}

// Values below PARTS have a bucket each; above, shift and upper bits number the buckets on.
static unsigned bucket_of(uint64_t value)
{
    unsigned shift = shift_of(value);
    return shift * PARTS + (unsigned)(value >> shift);
}

// The largest value of a bucket.
static uint64_t bucket_top(unsigned bucket)
{
    if (bucket < 2 * PARTS)
        return bucket;
    unsigned shift = bucket / PARTS - 1;
    uint64_t upper = bucket - shift * PARTS;
    return (upper << shift) + (((uint64_t)1 << shift) - 1);
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->buckets[bucket_of(value)]++;
    histogram->count++;
    if (value > histogram->max)
        histogram->max = value;
}

uint64_t histogram_percentile(const struct histogram *histogram, double share)
{
    double wanted = share * (double)histogram->count;
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->buckets[bucket];
        if (seen > 0 && (double)seen >= wanted) {
            uint64_t top = bucket_top(bucket);
            return top < histogram->max ? top : histogram->max;
        }
    }
    return 0;
}
