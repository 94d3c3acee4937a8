// The status of the whole program: what `open-do status` prints.
//
// Main knows its own part; what the objects do only their workers know. So a question goes to each
// worker that is there, and the answer is written when all reports are in, or when
// OD_STATUS_MS_MAX are over: a worker that is stuck in a script is shown as one that does not
// answer. Main waits for nobody meanwhile.
//
// Process: main. Owner: embedded in the server; od_status_deinit answers what is still open.

#ifndef OD_MAIN_OPERATOR_STATUS_H
#define OD_MAIN_OPERATOR_STATUS_H

#include "base/list.h"
#include "cluster/placement.h"
#include "main/door/connection_limit.h"
#include "main/operator/control.h"
#include "main/processes/history.h"
#include "main/workers/alarm_clock.h"
#include "main/workers/supervisor.h"

struct od_status {
    struct od_loop *loop;
    struct od_supervisor *supervisor;
    struct od_alarm_clock *alarm_clock;
    const struct od_connection_limit *connection_limit;
    const struct od_history *history;     // NULL: there is none to show.
    const struct od_placement *placement; // The same, unless it is of a cluster.
    const struct od_options *options;
    struct od_list inquiries;
    uint64_t last_question;
    od_time_ms started_ms;
    char url[OD_HOST_BYTES_MAX + 32]; // Empty while nothing is served.
    uint32_t script_version;
};

void od_status_init(struct od_status *status, struct od_loop *loop,
                    struct od_supervisor *supervisor, struct od_alarm_clock *alarm_clock,
                    const struct od_connection_limit *connection_limit,
                    const struct od_options *options);
void od_status_deinit(struct od_status *status);

// [rest] of the line is "json" for machines, "brief" for the same without the objects, anything
// else is for a person.
void od_status_ask(struct od_status *status, struct od_control_question *question, od_slice rest);

// Answers when nothing is left to do: all that was due in main has gone out, and each worker has
// since had no event to deliver, no effect that waits and no write on its way. For tests.
void od_status_ask_settled(struct od_status *status, struct od_control_question *question);

// The body of a STATUS_REPORT. False: it makes no sense. One that comes late finds nobody.
bool od_status_take_report(struct od_status *status, const struct od_child *child, od_slice body);

#endif
