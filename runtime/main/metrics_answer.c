#include "main/metrics_answer.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "link/facts.h"
#include "store/reader.h"

static const char *const death_names[OD_DEATH_COUNT] = {
    [OD_DEATH_STUCK] = "deaths.stuck",
    [OD_DEATH_KILLED] = "deaths.killed",
    [OD_DEATH_CRASH] = "deaths.crash",
    [OD_DEATH_EXIT] = "deaths.exit",
};

// --- What main knows -----------------------------------------------------------------------------

static void put_store(struct od_bytes *facts, struct od_server *server)
{
    struct od_committer_stats stats;
    struct stat file;
    char path[4096];
    od_committer_stats(server->committer, &stats);
    od_facts_number(facts, "groups", stats.groups);
    od_facts_number(facts, "failedGroups", stats.failed_groups);
    od_facts_number(facts, "batches", stats.submissions);
    od_facts_number(facts, "committing", stats.waiting_bytes);
    snprintf(path, sizeof path, "%s/data.mdb", server->options->data_dir);
    if (stat(path, &file) == 0)
        od_facts_number(facts, "diskBytes", (uint64_t)file.st_blocks * 512);
}

static void put_history(struct od_bytes *facts, const struct od_history *history)
{
    od_time_ms now_ms = od_clock_wall_ms(), oldest_ms = history->facts.oldest_ms;
    bool has_past = oldest_ms > 0 && oldest_ms < now_ms;
    od_facts_number(facts, "historyBytes", history->facts.bytes);
    od_facts_number(facts, "historyMs", has_past ? (uint64_t)(now_ms - oldest_ms) : 0);
    od_facts_number(facts, "archiveWaiting", history->facts.waiting);
    od_facts_number(facts, "archiveLagMs", (uint64_t)od_history_archive_lag_ms(history));
}

// Nodes beside this one.
static void put_cluster(struct od_bytes *facts, const struct od_server *server)
{
    const struct od_placement *placement = &server->placement;
    uint64_t others = 0, linked = 0;
    for (size_t i = 0; i < placement->node_count; i++) {
        od_node_id id = placement->nodes[i].id;
        others += id != placement->self.id;
        linked += id != placement->self.id && od_node_process_is_linked(&server->nodes, id);
    }
    od_facts_number(facts, "clusterAway", server->cluster.is_away);
    od_facts_number(facts, "clusterNodes", others);
    od_facts_number(facts, "clusterLinked", linked);
    od_facts_number(facts, "clusterSlots", od_placement_count_of(placement, placement->self.id));
    od_facts_number(facts, "clusterNowhere", od_placement_count_of(placement, 0));
    od_facts_number(facts, "clusterFilling", server->cluster.filling);
}

static void put_alarms(struct od_bytes *facts, struct od_server *server)
{
    od_time_ms next_ms, now_ms = od_clock_wall_ms();
    uint64_t count = od_alarm_clock_count(&server->alarm_clock, &next_ms);
    od_facts_number(facts, "alarms", count);
    if (count > 0 && next_ms < now_ms)
        od_facts_number(facts, "alarmLateMs", (uint64_t)(now_ms - next_ms));
    if (server->alarm_clock.reader == NULL)
        return;
    od_facts_number(facts, "stored", od_reader_count_objects(server->alarm_clock.reader));
    od_reader_reset(server->alarm_clock.reader);
}

static void put_main(struct od_bytes *facts, struct od_server *server)
{
    const struct od_metrics *metrics = &server->metrics;
    od_facts_number(facts, "pid", (uint64_t)getpid());
    od_facts_number(facts, "admin", (uint64_t)od_process_number(&server->admin.process));
    od_facts_number(facts, "uptimeMs",
                    (uint64_t)(od_clock_monotonic_ms() - server->status.started_ms));
    od_facts_number(facts, "version", server->reload.version);
    od_facts_number(facts, "reloadFailures", server->reload.failures);
    od_facts_number(facts, "refusedConnections", server->door.connection_limit.refused);
    od_facts_number(facts, "sockets", server->keeper.kept.size);
    for (int i = 0; i < OD_DEATH_COUNT; i++)
        od_facts_number(facts, death_names[i], metrics->deaths[i]);
    if (server->committer != NULL)
        put_store(facts, server);
    if (od_history_is_kept(server->options))
        put_history(facts, &server->history);
    if (server->cluster.member != NULL)
        put_cluster(facts, server);
    put_alarms(facts, server);
    od_facts_end(facts);
}

// --- What workers have counted -------------------------------------------------------------------

static void put_times(struct od_bytes *facts, const char *name, const struct od_meter_times *times)
{
    char text[64];
    for (int i = 0; i < OD_METER_BUCKETS; i++) {
        snprintf(text, sizeof text, "%s.%d", name, i + 1);
        od_facts_number(facts, text, times->buckets[i]);
    }
    snprintf(text, sizeof text, "%s.us", name);
    od_facts_number(facts, text, times->sum_us);
}

static void put_meters(struct od_bytes *facts, const struct od_meters *meters)
{
    char text[64];
    for (int i = 0; i < OD_METER_COUNT; i++)
        od_facts_number(facts, od_meter_name((enum od_meter)i), meters->numbers[i]);
    for (int i = 0; i < OD_METER_EVENT_COUNT; i++) {
        for (int failed = 0; failed <= 1; failed++) {
            snprintf(text, sizeof text, "event.%s.%s", od_meter_event_name((enum od_meter_event)i),
                     failed ? "failed" : "ok");
            od_facts_number(facts, text, meters->events[i][failed]);
        }
    }
    put_times(facts, "queue", &meters->queue);
    put_times(facts, "run", &meters->run);
    put_times(facts, "commit", &meters->commit);
}

static void put_worker(struct od_bytes *facts, const struct od_metrics *metrics,
                       const struct od_child *child)
{
    struct od_meters sum = metrics->past[child->index];
    if (child->page != NULL)
        od_meters_add(&sum, &child->page->meters);
    od_facts_number(facts, "worker", child->index);
    od_facts_number(facts, "pid", (uint64_t)od_process_number(&child->process));
    put_meters(facts, &sum);
    od_facts_end(facts);
}

void od_metrics_answer(struct od_server *server, struct od_control_question *question)
{
    struct od_bytes facts = {0};
    put_main(&facts, server);
    for (uint32_t i = 0; i < server->supervisor.child_count; i++)
        put_worker(&facts, &server->metrics, &server->supervisor.children[i]);
    od_control_answer(question, true, od_bytes_slice(&facts));
    od_bytes_deinit(&facts);
}
