// What an object takes of the data file: its rows of all kinds, keys and values. Pages of a
// database count as they lie there, squeezed.
//
// Nobody keeps count of it: a put would have to read what it writes over. So the rows are walked
// when an operator asks, up to a limit; what lies beyond it is not counted, and said to be there.

#ifndef OD_STORE_MEASURE_H
#define OD_STORE_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

struct od_measure {
    uint64_t rows;
    uint64_t bytes;
    bool is_cut; // There are more.
};

#endif
