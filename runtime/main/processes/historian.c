#include "main/processes/historian.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "link/link.h"
#include "link/loop.h"
#include "main/processes/archive.h"
#include "main/processes/limits.h"
#include "store/kept.h"

struct historian {
    const struct od_options *options;
    struct od_loop loop;
    struct od_link link;
    bool has_link;
    struct od_timer timer;
    struct od_kept kept;
    struct od_archive archive;
    od_time_ms based_ms; // When the newest base was made.
    od_time_ms retry_ms; // No base before this.
    bool has_looked;
    bool ends; // Once what there is is archived, or something fails.
};

// --- Bases ---------------------------------------------------------------------------------------

// Two or three cover the history; an archive gets one a day at least.
static od_time_ms base_every_ms(const struct od_options *options)
{
    od_time_ms history_ms = options->history_ms / OD_HISTORY_BASES;
    bool is_archived = options->archive_command != NULL;
    if (history_ms == 0 || (is_archived && history_ms > OD_ARCHIVE_BASE_MS))
        return OD_ARCHIVE_BASE_MS;
    return history_ms;
}

static const struct od_kept_base *newest_base(const struct od_kept *kept)
{
    return kept->base_count == 0 ? NULL : &kept->bases[kept->base_count - 1];
}

// Otherwise for a while nothing was kept. Without a history a segment goes when it is archived.
static bool is_continued(const struct historian *historian, const struct od_kept_base *newest)
{
    const struct od_kept *kept = &historian->kept;
    return od_kept_is_continued(kept, newest) ||
           (historian->options->history_ms == 0 &&
            od_archive_is_continued(&historian->archive, kept));
}

// Not where nothing newer is stored than the newest has, as far as the closed segments tell.
static bool is_base_due(const struct historian *historian)
{
    const struct od_kept *kept = &historian->kept;
    const struct od_kept_base *newest = newest_base(kept);
    od_time_ms now_ms = od_clock_wall_ms();
    if (od_clock_monotonic_ms() < historian->retry_ms)
        return false;
    if (newest == NULL || !is_continued(historian, newest))
        return true;
    bool has_news = kept->segment_count > 0 &&
                    kept->segments[kept->segment_count - 1].first > newest->moment.sequence + 1;
    return has_news && now_ms - historian->based_ms >= base_every_ms(historian->options);
}

// What is new may not be in LMDB yet, of which a base is a copy: then it is made again soon.
static void make_base(struct historian *historian)
{
    struct od_error err;
    OD_ASSERT(historian->has_looked);
    const char *data_dir = historian->options->data_dir;
    const struct od_kept_base *newest = newest_base(&historian->kept);
    uint64_t before = newest == NULL ? 0 : newest->moment.sequence;
    if (od_kept_make_base(&historian->kept, data_dir, &err) &&
        od_kept_look(&historian->kept, data_dir, &err)) {
        newest = newest_base(&historian->kept);
        bool is_newer = newest != NULL && newest->moment.sequence != before;
        if (is_newer || historian->based_ms == 0)
            historian->based_ms = od_clock_wall_ms();
        return;
    }
    historian->retry_ms = od_clock_monotonic_ms() + OD_HISTORY_AGAIN_MS;
    od_log(OD_LOG_ERROR, NULL, "the history cannot get a new base: %s; it is tried again",
           err.text);
}

// The newest base that is as old as the history is long; before there is one, the oldest. Those
// before a time in which nothing was kept are of no use.
static size_t first_needed_base(const struct historian *historian)
{
    const struct od_kept *kept = &historian->kept;
    OD_ASSERT(kept->bases != NULL);
    OD_ASSERT(kept->base_count > 0);
    od_time_ms horizon_ms = od_clock_wall_ms() - historian->options->history_ms;
    size_t needed = historian->options->history_ms == 0 ? kept->base_count - 1 : 0;
    while (needed + 1 < kept->base_count && !od_kept_is_continued(kept, &kept->bases[needed]))
        needed++;
    for (size_t i = needed + 1; i < kept->base_count; i++) {
        if (kept->bases[i].moment.time_ms <= horizon_ms)
            needed = i;
    }
    return needed;
}

static void drop_bases(struct historian *historian)
{
    struct od_kept *kept = &historian->kept;
    const struct od_archive *archive = &historian->archive;
    if (kept->base_count == 0)
        return;
    size_t needed = first_needed_base(historian), dropped = 0;
    while (dropped < needed &&
           (archive->command == NULL || kept->bases[dropped].moment.sequence < archive->next_base))
        od_kept_drop_base(kept, kept->bases[dropped++].moment.sequence);
    OD_ASSERT(needed < kept->base_count);
    OD_ASSERT(dropped <= needed); // One stays.
    kept->base_count -= dropped;
    memmove(kept->bases, kept->bases + dropped, kept->base_count * sizeof *kept->bases);
}

// --- Main ----------------------------------------------------------------------------------------

// Segments with groups behind it must stay.
static uint64_t kept_behind(const struct historian *historian)
{
    const struct od_kept *kept = &historian->kept;
    const struct od_archive *archive = &historian->archive;
    uint64_t behind = UINT64_MAX;
    if (historian->options->history_ms > 0)
        behind = kept->base_count == 0 ? 0 : kept->bases[0].moment.sequence;
    for (size_t i = 0; archive->command != NULL && i < kept->segment_count; i++) {
        uint64_t first = kept->segments[i].first;
        if (first >= archive->next_segment && first > 0 && first - 1 < behind)
            behind = first - 1;
    }
    return behind == UINT64_MAX ? 0 : behind;
}

static void tell_main(struct historian *historian)
{
    const struct od_kept *kept = &historian->kept;
    const struct od_archive *archive = &historian->archive;
    uint64_t bytes = 0;
    OD_ASSERT(historian->has_link);
    for (size_t i = 0; i < kept->segment_count; i++)
        bytes += kept->segments[i].bytes;
    for (size_t i = 0; i < kept->base_count; i++)
        bytes += kept->bases[i].bytes;
    size_t mark = od_link_begin(&historian->link, OD_KIND_HISTORY, -1);
    struct od_bytes *out = &historian->link.out;
    od_bytes_put_u64(out, kept_behind(historian));
    od_bytes_put_u64(out, kept->base_count == 0 ? 0 : (uint64_t)kept->bases[0].moment.time_ms);
    od_bytes_put_u32(out, (uint32_t)kept->base_count);
    od_bytes_put_u32(out, (uint32_t)kept->segment_count);
    od_bytes_put_u64(out, bytes);
    od_bytes_put_u32(out, archive->waiting);
    od_bytes_put_u64(out, archive->waiting == 0 ? 0 : (uint64_t)archive->waiting_ms);
    od_bytes_put_u32(out, archive->failures);
    od_link_end(&historian->link, mark);
    od_link_flush(&historian->link);
}

static void look(struct historian *historian)
{
    struct od_error err;
    if (!od_kept_look(&historian->kept, historian->options->data_dir, &err)) {
        od_log(OD_LOG_ERROR, NULL, "the history cannot be looked at: %s", err.text);
        return;
    }
    const struct od_kept_base *newest = newest_base(&historian->kept);
    if (!historian->has_looked && newest != NULL)
        historian->based_ms = newest->changed_ms;
    historian->has_looked = true;
    if (is_base_due(historian))
        make_base(historian);
    od_archive_step(&historian->archive, &historian->kept);
    drop_bases(historian);
    tell_main(historian);
}

// What somebody waits for.
static void look_last(struct historian *historian)
{
    struct od_error err;
    struct od_archive *archive = &historian->archive;
    bool is_known = od_kept_look(&historian->kept, historian->options->data_dir, &err);
    if (is_known)
        od_archive_step(archive, &historian->kept);
    bool is_over = archive->waiting == 0 && !od_archive_is_running(archive);
    if (!is_known || archive->failures > 0 || is_over)
        od_link_close(&historian->link);
}

static void on_timer(struct od_timer *timer)
{
    struct historian *historian = OD_TIMER_MEMBER(timer, struct historian, timer);
    if (!historian->has_link || historian->link.is_closing)
        return;
    if (historian->ends)
        look_last(historian);
    else if (!od_archive_is_running(&historian->archive))
        look(historian);
    else
        od_archive_step(&historian->archive, &historian->kept);
    od_loop_set_timer(&historian->loop, timer,
                      od_archive_is_running(&historian->archive) ? OD_ARCHIVE_LOOK_MS
                                                                 : OD_HISTORY_LOOK_MS);
}

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct historian *historian = link->owner;
    (void)body;
    if (fd >= 0)
        close(fd);
    if (kind != OD_KIND_HISTORY_ENDS)
        return;
    historian->ends = true;
    od_loop_set_timer(&historian->loop, &historian->timer, 0);
}

static void on_gone(struct od_link *link)
{
    od_link_close(link);
}

static void on_closed(struct od_link *link)
{
    ((struct historian *)link->owner)->has_link = false;
}

static const struct od_link_events link_events = {on_message, on_gone, on_closed};

int od_historian_main(const struct od_options *options, int link_fd)
{
    struct od_error err;
    struct historian historian = {.options = options, .timer = {.fire = on_timer}};
    if (!od_loop_init(&historian.loop, &err) ||
        !od_link_init(&historian.link, &historian.loop.uv, link_fd, &link_events, &historian,
                      &err)) {
        od_log(OD_LOG_ERROR, NULL, "the historian cannot start: %s", err.text);
        return OD_EXIT_WRONG;
    }
    historian.has_link = true;
    od_archive_init(&historian.archive, options->archive_command, options->data_dir);
    od_loop_set_timer(&historian.loop, &historian.timer, 0);
    while (historian.has_link) {
        od_loop_poll(&historian.loop, true);
        od_log_settle(false);
    }
    od_archive_deinit(&historian.archive);
    od_loop_clear_timer(&historian.loop, &historian.timer);
    od_loop_deinit(&historian.loop);
    od_kept_deinit(&historian.kept);
    od_log_settle(true);
    return OD_EXIT_CLEAN;
}
