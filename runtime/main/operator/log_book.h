// The log book: the last lines that all processes have logged, for whoever asks.
//
// Every process writes its own lines to stderr (base/log.h), and main neither reads nor keeps them:
// most of the time nobody wants to see them a second time. When somebody asks, workers send what
// they remember, and each further line until nobody has asked for OD_LOG_BOOK_MS_MAX. So one who
// follows asks again and again, each time for what came behind the line he has seen last; a
// question waits until there is something, or for a while.
//
// Lines have numbers, in the order in which main heard of them; those of before the first question
// come ordered by time. The book is bounded (OD_LOG_BOOK_BYTES): who asks too seldom misses some,
// and hears how many.
//
// Process: main. Owner: embedded; od_log_book_deinit answers what is still open.

#ifndef OD_MAIN_OPERATOR_LOG_BOOK_H
#define OD_MAIN_OPERATOR_LOG_BOOK_H

#include "main/operator/control.h"
#include "main/workers/supervisor.h"

struct od_log_book {
    struct od_loop *loop;
    struct od_supervisor *supervisor;
    struct od_list lines; // Oldest first.
    size_t bytes;
    uint64_t last_number;
    struct od_list questions; // That wait.
    struct od_timer timer;    // To look who can be answered.
    bool is_open;             // Workers tell.
    uint32_t awaited;         // Workers that have not told what they remember.
    od_time_ms asked_ms;
};

void od_log_book_init(struct od_log_book *book, struct od_loop *loop,
                      struct od_supervisor *supervisor);
void od_log_book_deinit(struct od_log_book *book);

// [after]: the number of the last line he has, as digits, or 0. The answer: a line "NUMBER MISSED",
// and lines of JSON; NUMBER is what to ask for next, MISSED how many lines are gone.
void od_log_book_ask(struct od_log_book *book, struct od_control_question *question,
                     od_slice after);

// The body of a LOGGED. A worker that is born tells nothing by itself.
void od_log_book_take(struct od_log_book *book, od_slice body);
void od_log_book_born(struct od_log_book *book, struct od_child *child);

#endif
