// Days as people count them, in the Gregorian calendar, before and after 1970.

#ifndef OD_BASE_CIVIL_H
#define OD_BASE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

#define OD_DAY_S 86400
#define OD_NEVER_S INT64_MAX // A moment that does not come.

struct od_civil {
    int64_t year;
    int month;   // 1 to 12.
    int day;     // 1 to 31.
    int weekday; // 0 is Sunday.
};

struct od_civil od_civil_of_day(int64_t day);           // Since 1970-01-01, which is 0.
int64_t od_civil_day(int64_t year, int month, int day); // The same back.
int od_civil_month_days(int64_t year, int month);       // 28 to 31.
int64_t od_civil_floor_div(int64_t value, int64_t by);  // Rounds down, also below zero.

#endif
