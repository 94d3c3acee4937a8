// Latencies of a run, counted in buckets that grow with the value, as HdrHistogram does.
//
// Each power of two is divided into 64 buckets, so a percentile is at most 1.6 % above the truth,
// adding is a few instructions, and the size is fixed however long the run is.
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_PARTS_LOG2 6
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_PARTS_LOG2 + 1) << HISTOGRAM_PARTS_LOG2)

struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_reset(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t value);

// The smallest value that is at least as large as [share] (0 to 1) of all; 0 when there is none.
uint64_t histogram_percentile(const struct histogram *histogram, double share);

#endif
