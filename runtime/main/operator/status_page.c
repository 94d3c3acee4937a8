#include "main/operator/status_page.h"

#include <stdio.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/escape.h"
#include "base/moment.h"

struct summary { // What a report begins with.
    uint32_t awake, asleep, sockets, queued;
    uint64_t used_bytes, bytes_max;
    uint32_t databases;
    uint64_t database_bytes;
};

static struct summary read_summary(struct od_cursor *report)
{
    struct summary summary;
    summary.awake = od_cursor_u32(report);
    summary.asleep = od_cursor_u32(report);
    summary.sockets = od_cursor_u32(report);
    summary.queued = od_cursor_u32(report);
    summary.used_bytes = od_cursor_u64(report);
    summary.bytes_max = od_cursor_u64(report);
    summary.databases = od_cursor_u32(report);
    summary.database_bytes = od_cursor_u64(report);
    return summary;
}

static long long uptime_ms(const struct od_status *status)
{
    return (long long)(od_clock_monotonic_ms() - status->started_ms);
}

// --- For a person --------------------------------------------------------------------------------

static void put_duration(struct od_bytes *page, long long ms)
{
    long long minutes = ms / 60000;
    if (minutes == 0)
        od_bytes_printf(page, "%.1f s", (double)ms / 1000);
    else if (minutes < 60)
        od_bytes_printf(page, "%lld min %lld s", minutes, ms / 1000 % 60);
    else
        od_bytes_printf(page, "%lld d %lld h %lld min", minutes / 1440, minutes / 60 % 24,
                        minutes % 60);
}

static const char *plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

static void put_object_text(struct od_bytes *page, struct od_cursor *report)
{
    od_bytes_printf(page, "  ");
    od_escape_put_text(page, od_cursor_string(report));
    od_bytes_printf(page, ", awake for ");
    put_duration(page, (long long)od_cursor_u64(report));
    uint32_t count = od_cursor_u32(report);
    for (uint32_t i = 0; i < count && !report->failed; i++) {
        od_bytes_printf(page, i == 0 ? ": " : "; ");
        od_escape_put_text(page, od_cursor_string(report));
    }
    od_bytes_printf(page, "\n");
}

static void put_report_text(struct od_bytes *page, struct od_cursor report)
{
    struct summary summary = read_summary(&report);
    od_bytes_printf(page, ": %u object%s awake, %u asleep; %u socket%s, %u event%s queued; ",
                    summary.awake, plural(summary.awake), summary.asleep, summary.sockets,
                    plural(summary.sockets), summary.queued, plural(summary.queued));
    od_bytes_printf(page, "scripts take %.1f of %.0f MiB", (double)summary.used_bytes / (1 << 20),
                    (double)summary.bytes_max / (1 << 20));
    if (summary.databases > 0)
        od_bytes_printf(page, ", %u open database%s %.1f MiB", summary.databases,
                        plural(summary.databases), (double)summary.database_bytes / (1 << 20));
    od_bytes_printf(page, "\n");
    uint32_t shown = 0;
    for (; !od_cursor_at_end(&report); shown++)
        put_object_text(page, &report);
    if (summary.awake > shown)
        od_bytes_printf(page, "  and %u more that have been awake for less long\n",
                        summary.awake - shown);
}

static void put_failure_text(struct od_bytes *page, const struct od_child *child)
{
    od_bytes_printf(page, ": cannot be started (%u tr%s): ", child->failed_starts,
                    child->failed_starts == 1 ? "y" : "ies");
    od_escape_put_text(page, od_slice_of(child->why_not));
    od_bytes_printf(page, "\n");
}

// A word for machines, and what a person reads of a worker that has not answered.
struct standing {
    const char *state, *text;
};

// Where nobody is started any more an empty place is that of one that has ended.
static struct standing standing_of(const struct od_child *child)
{
    const struct od_supervisor *supervisor = child->supervisor;
    bool is_empty = child->state == OD_CHILD_ABSENT || child->state == OD_CHILD_ENDED;
    if (child->state == OD_CHILD_READY)
        return (struct standing){"ready", "does not answer"};
    if (child->state == OD_CHILD_DRAINING || child->state == OD_CHILD_LEAVING)
        return (struct standing){"stopping", "is stopping"};
    if (!supervisor->is_stopping && !supervisor->is_leaving)
        return (struct standing){"starting", "is starting"};
    return is_empty ? (struct standing){"ended", "has ended"}
                    : (struct standing){"stopping", "is stopping"};
}

static void put_worker_text(struct od_bytes *page, const struct od_child *child,
                            const struct od_bytes *report)
{
    od_bytes_printf(page, "worker %u", child->index);
    if (od_process_is_there(&child->process))
        od_bytes_printf(page, ", pid %d", od_process_number(&child->process));
    if (child->failed_starts > 0)
        put_failure_text(page, child);
    else if (report->size > 0)
        put_report_text(page, od_cursor_of(od_bytes_slice(report)));
    else
        od_bytes_printf(page, ": %s\n", standing_of(child).text);
}

static void put_alarms_text(struct od_bytes *page, const struct od_status *status)
{
    od_time_ms next_ms, now_ms = od_clock_wall_ms();
    uint64_t count = od_alarm_clock_count(status->alarm_clock, &next_ms);
    od_bytes_printf(page, "%llu alarm%s set", (unsigned long long)count, count == 1 ? "" : "s");
    if (count > 0)
        od_bytes_printf(page, ", the next in ");
    if (count > 0)
        put_duration(page, next_ms > now_ms ? (long long)(next_ms - now_ms) : 0);
    od_bytes_printf(page, "\n");
}

static void put_census_text(struct od_bytes *page,
                            const struct od_connection_limit *connection_limit)
{
    size_t connections, addresses;
    if (connection_limit->limit == 0)
        return;
    od_connection_limit_count(connection_limit, &connections, &addresses);
    od_bytes_printf(page, "%zu connections of %zu addresses, %llu more were refused\n", connections,
                    addresses, (unsigned long long)connection_limit->refused);
}

static void put_history_text(struct od_bytes *page, const struct od_history *history)
{
    const struct od_history_facts *facts = &history->facts;
    char oldest[OD_MOMENT_BYTES];
    od_bytes_printf(page, "history: %u base%s and %u segment%s, %.1f MiB", facts->bases,
                    plural(facts->bases), facts->segments, plural(facts->segments),
                    (double)facts->bytes / (1 << 20));
    if (facts->oldest_ms > 0)
        od_bytes_printf(page, ", back to %s", od_moment_text(facts->oldest_ms, oldest));
    if (history->options->archive_command != NULL)
        od_bytes_printf(page, "; %u file%s to archive", facts->waiting, plural(facts->waiting));
    if (facts->waiting > 0) {
        od_bytes_printf(page, ", for ");
        put_duration(page, od_history_archive_lag_ms(history));
    }
    if (facts->failures > 0)
        od_bytes_printf(page, "; the command has failed %u time%s in a row", facts->failures,
                        plural(facts->failures));
    od_bytes_printf(page, "\n");
}

static bool has_node(const struct od_status *status)
{
    return status->placement != NULL && status->placement->is_cluster;
}

static void put_node_text(struct od_bytes *page, const struct od_placement *placement)
{
    const struct od_cluster_node *self = &placement->self;
    od_bytes_printf(page, "node %u, ", self->id);
    od_escape_put_text(page, od_slice_of(self->name));
    od_bytes_printf(page, ", one of %zu of a cluster, with %zu slots\n", placement->node_count,
                    od_placement_count_of(placement, self->id));
}

static bool has_history(const struct od_status *status)
{
    return status->history != NULL && od_history_is_kept(status->options);
}

void od_status_page_text(struct od_bytes *page, const struct od_status *status,
                         const struct od_bytes *reports)
{
    od_bytes_printf(page, "open-do %s, pid %d, up for ", OD_VERSION, (int)getpid());
    put_duration(page, uptime_ms(status));
    if (status->url[0] != '\0')
        od_bytes_printf(page, ", listening on %s", status->url);
    od_bytes_printf(page, "\nscript ");
    od_escape_put_text(page, od_slice_of(status->options->script));
    od_bytes_printf(page, ", version %u, data in ", status->script_version);
    od_escape_put_text(page, od_slice_of(status->options->data_dir));
    od_bytes_printf(page, "\n");
    if (has_node(status))
        put_node_text(page, status->placement);
    put_alarms_text(page, status);
    put_census_text(page, status->connection_limit);
    if (has_history(status))
        put_history_text(page, status->history);
    for (uint32_t i = 0; i < status->supervisor->child_count; i++)
        put_worker_text(page, &status->supervisor->children[i], &reports[i]);
}

// --- For machines --------------------------------------------------------------------------------

static void put_string(struct od_bytes *page, const char *name, od_slice text)
{
    od_bytes_printf(page, "%s\"", name);
    od_escape_put_json(page, text);
    od_bytes_printf(page, "\"");
}

static void put_object_json(struct od_bytes *page, struct od_cursor *report)
{
    put_string(page, "{\"object\":", od_cursor_string(report));
    od_bytes_printf(page, ",\"awakeMs\":%llu,\"why\":[", (unsigned long long)od_cursor_u64(report));
    uint32_t count = od_cursor_u32(report);
    for (uint32_t i = 0; i < count && !report->failed; i++)
        put_string(page, i == 0 ? "" : ",", od_cursor_string(report));
    od_bytes_printf(page, "]}");
}

static void put_report_json(struct od_bytes *page, struct od_cursor report, bool is_brief)
{
    struct summary summary = read_summary(&report);
    od_bytes_printf(page, ",\"awake\":%u,\"asleep\":%u,\"sockets\":%u,\"queued\":%u", summary.awake,
                    summary.asleep, summary.sockets, summary.queued);
    od_bytes_printf(page, ",\"memoryBytes\":%llu,\"memoryBytesMax\":%llu",
                    (unsigned long long)summary.used_bytes, (unsigned long long)summary.bytes_max);
    od_bytes_printf(page, ",\"databases\":%u,\"databaseBytes\":%llu", summary.databases,
                    (unsigned long long)summary.database_bytes);
    if (is_brief)
        return;
    od_bytes_printf(page, ",\"objects\":[");
    for (const char *comma = ""; !od_cursor_at_end(&report); comma = ",") {
        od_bytes_printf(page, "%s", comma);
        put_object_json(page, &report);
    }
    od_bytes_printf(page, "]");
}

static void put_failure_json(struct od_bytes *page, const struct od_child *child)
{
    od_bytes_printf(page, ",\"cannotStart\":{\"tries\":%u", child->failed_starts);
    put_string(page, ",\"why\":", od_slice_of(child->why_not));
    od_bytes_printf(page, "}");
}

static void put_worker_json(struct od_bytes *page, const struct od_child *child,
                            const struct od_bytes *report, bool is_brief)
{
    od_bytes_printf(page, "%s{\"worker\":%u,\"pid\":%d,\"state\":\"%s\",\"answers\":%s",
                    child->index == 0 ? "" : ",", child->index, od_process_number(&child->process),
                    standing_of(child).state, report->size > 0 ? "true" : "false");
    if (child->failed_starts > 0)
        put_failure_json(page, child);
    if (report->size > 0)
        put_report_json(page, od_cursor_of(od_bytes_slice(report)), is_brief);
    od_bytes_printf(page, "}");
}

static void put_alarms_json(struct od_bytes *page, const struct od_status *status)
{
    od_time_ms next_ms;
    uint64_t count = od_alarm_clock_count(status->alarm_clock, &next_ms);
    od_bytes_printf(page, ",\"alarms\":{\"count\":%llu", (unsigned long long)count);
    if (count > 0)
        od_bytes_printf(page, ",\"nextMs\":%lld", (long long)next_ms);
    od_bytes_printf(page, "}");
}

static void put_census_json(struct od_bytes *page,
                            const struct od_connection_limit *connection_limit)
{
    size_t connections, addresses;
    if (connection_limit->limit == 0)
        return;
    od_connection_limit_count(connection_limit, &connections, &addresses);
    od_bytes_printf(page, ",\"connections\":{\"count\":%zu,\"addresses\":%zu,\"refused\":%llu}",
                    connections, addresses, (unsigned long long)connection_limit->refused);
}

static void put_node_json(struct od_bytes *page, const struct od_placement *placement)
{
    const struct od_cluster_node *self = &placement->self;
    od_bytes_printf(page, ",\"node\":{\"id\":%u", self->id);
    put_string(page, ",\"name\":", od_slice_of(self->name));
    od_bytes_printf(page, ",\"nodes\":%zu,\"slots\":%zu}", placement->node_count,
                    od_placement_count_of(placement, self->id));
}

static void put_history_json(struct od_bytes *page, const struct od_history *history)
{
    const struct od_history_facts *facts = &history->facts;
    od_bytes_printf(page,
                    ",\"history\":{\"bases\":%u,\"segments\":%u,\"bytes\":%llu,\"oldestMs\":%lld",
                    facts->bases, facts->segments, (unsigned long long)facts->bytes,
                    (long long)facts->oldest_ms);
    if (history->options->archive_command != NULL)
        od_bytes_printf(page, ",\"archive\":{\"waiting\":%u,\"lagMs\":%lld,\"failures\":%u}",
                        facts->waiting, (long long)od_history_archive_lag_ms(history),
                        facts->failures);
    od_bytes_printf(page, "}");
}

void od_status_page_json(struct od_bytes *page, const struct od_status *status,
                         const struct od_bytes *reports, bool is_brief)
{
    od_bytes_printf(page, "{\"version\":\"%s\",\"pid\":%d,\"uptimeMs\":%lld", OD_VERSION,
                    (int)getpid(), uptime_ms(status));
    put_string(page, ",\"listen\":", od_slice_of(status->url));
    put_string(page, ",\"script\":", od_slice_of(status->options->script));
    od_bytes_printf(page, ",\"scriptVersion\":%u", status->script_version);
    put_string(page, ",\"data\":", od_slice_of(status->options->data_dir));
    if (has_node(status))
        put_node_json(page, status->placement);
    put_alarms_json(page, status);
    put_census_json(page, status->connection_limit);
    if (has_history(status))
        put_history_json(page, status->history);
    od_bytes_printf(page, ",\"workers\":[");
    for (uint32_t i = 0; i < status->supervisor->child_count; i++)
        put_worker_json(page, &status->supervisor->children[i], &reports[i], is_brief);
    od_bytes_printf(page, "]}\n");
}
