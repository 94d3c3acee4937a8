#include "base/civil.h"

#include "base/check.h"

enum {
    days_to_1970 = 719468, // From 0000-03-01, where leap days are the last of their year.
    days_of_400_years = 146097,
};

int64_t od_civil_floor_div(int64_t value, int64_t by)
{
    OD_ASSERT(by > 0);
    int64_t quotient = value / by;
    return quotient * by > value ? quotient - 1 : quotient;
}

// Years that begin in March: month 0 is March, and their lengths repeat every five months.
int64_t od_civil_day(int64_t year, int month, int day)
{
    int64_t from_march = month > 2 ? month - 3 : month + 9;
    int64_t years = month > 2 ? year : year - 1;
    int64_t era = od_civil_floor_div(years, 400);
    int64_t of_era = years - era * 400;
    int64_t of_year = (153 * from_march + 2) / 5 + day - 1;
    int64_t leap_days = of_era / 4 - of_era / 100;
    return era * days_of_400_years + of_era * 365 + leap_days + of_year - days_to_1970;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int od_civil_month_days(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    OD_ASSERT(month >= 1 && month <= 12);
    return days[month - 1] + (month == 2 && is_leap(year));
}

static int64_t year_of(int64_t day)
{
    int64_t year = 1970 + od_civil_floor_div(day * 400, days_of_400_years);
    while (od_civil_day(year + 1, 1, 1) <= day)
        year++;
    while (od_civil_day(year, 1, 1) > day)
        year--;
    return year;
}

struct od_civil od_civil_of_day(int64_t day)
{
    struct od_civil civil = {.year = year_of(day), .month = 1};
    int64_t of_year = day - od_civil_day(civil.year, 1, 1);
    OD_ASSERT(of_year >= 0 && of_year < 366);
    while (of_year >= od_civil_month_days(civil.year, civil.month))
        of_year -= od_civil_month_days(civil.year, civil.month++);
    civil.day = (int)of_year + 1;
    int64_t since_sunday = day + 4; // 1970-01-01 was a Thursday.
    civil.weekday = (int)(since_sunday - od_civil_floor_div(since_sunday, 7) * 7);
    OD_ASSERT(civil.day >= 1 && civil.day <= 31);
    OD_ASSERT(civil.weekday >= 0 && civil.weekday < 7);
    return civil;
}
