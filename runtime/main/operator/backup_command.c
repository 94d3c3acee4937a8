#include "main/operator/backup_command.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/moment.h"
#include "cluster/directory.h"
#include "main/operator/limits.h"
#include "store/backup.h"
#include "store/restore.h"

// --- How far it is -------------------------------------------------------------------------------

struct bar {
    struct od_progress progress;
    od_time_ms next_ms; // When it is drawn again.
    bool is_drawn;
};

static void draw(const char *what, uint64_t done, uint64_t total)
{
    const double mib = 1 << 20;
    char bar[OD_BAR_CHARS + 1];
    uint64_t part = done < total ? done : total;
    unsigned full = total == 0 ? 0 : (unsigned)(part * OD_BAR_CHARS / total);
    for (unsigned i = 0; i < OD_BAR_CHARS; i++)
        bar[i] = i < full ? '#' : ' ';
    bar[OD_BAR_CHARS] = '\0';
    if (total == 0)
        fprintf(stderr, "\r%s %.0f MiB\033[K", what, (double)done / mib);
    else
        fprintf(stderr, "\r[%s] %3u %%  %s %.0f of %.0f MiB\033[K", bar,
                (unsigned)(part * 100 / total), what, (double)done / mib, (double)total / mib);
}

static void on_step(struct od_progress *progress, const char *what, uint64_t done, uint64_t total)
{
    struct bar *bar = (struct bar *)progress; // Its first member.
    od_time_ms now_ms = od_clock_monotonic_ms();
    if (now_ms < bar->next_ms)
        return;
    bar->next_ms = now_ms + OD_BAR_EVERY_MS;
    bar->is_drawn = true;
    draw(what, done, total);
}

// A person sees it when it takes longer than a second.
static struct od_progress *begin_bar(struct bar *bar)
{
    *bar = (struct bar){{on_step}, od_clock_monotonic_ms() + OD_BAR_BEGIN_MS, false};
    return isatty(STDERR_FILENO) != 0 ? &bar->progress : NULL;
}

static enum od_exit end(const struct bar *bar, bool ok, const struct od_error *err)
{
    if (bar->is_drawn)
        fprintf(stderr, "\r\033[K");
    if (!ok)
        fprintf(stderr, "open-do: %s\n", err->text);
    return ok ? OD_EXIT_CLEAN : OD_EXIT_WRONG;
}

// --- What they say -------------------------------------------------------------------------------

static void say_backup(const struct od_options *options, const struct od_backup *backup)
{
    char at[OD_MOMENT_BYTES];
    od_moment_text(backup->at_ms, at);
    if (options->json)
        printf("{\"at\":%" PRId64 ",\"group\":%" PRIu64 ",\"base\":%" PRIu64 ",\"bytes\":%" PRIu64
               "}\n",
               backup->at_ms, backup->last.sequence, backup->base.moment.sequence, backup->bytes);
    else
        printf("%s has all of %s that was acknowledged before %s (%.1f MiB)\n", options->words[0],
               options->data_dir, at, (double)backup->bytes / (1 << 20));
}

// What a node of a cluster has is a part, and a cache. (It is held, too, as long as it is served.)
static bool is_node(const char *directory)
{
    bool is_node = od_cluster_directory_is_node(directory);
    if (is_node)
        fprintf(stderr,
                "open-do: %s is the cache of a node of a cluster: backups are made of its "
                "PostgreSQL\n",
                directory);
    return is_node;
}

enum od_exit od_backup_command_run(const struct od_options *options)
{
    struct od_error err;
    struct od_backup backup;
    struct bar bar;
    if (is_node(options->data_dir))
        return OD_EXIT_WRONG;
    bool ok = od_backup_make(&backup, options->data_dir, options->words[0], begin_bar(&bar), &err);
    enum od_exit exit = end(&bar, ok, &err);
    if (ok)
        say_backup(options, &backup);
    return exit;
}

// What it has last: nothing has a time before the first write, nor what older programs wrote.
static const char *describe_last(const struct od_journal_moment *last, char text[64])
{
    char at[OD_MOMENT_BYTES];
    if (last->time_ms != 0)
        snprintf(text, 64, "its last write is of %s", od_moment_text(last->time_ms, at));
    else
        snprintf(text, 64, "%s",
                 last->sequence == 0 ? "nothing was written yet" : "its last write has no time");
    return text;
}

static const char *describe_done(const struct od_restore *restore)
{
    if (restore->to != NULL)
        return "is a data directory now";
    return restore->passed_over.text[0] == '\0' ? "is whole" : "can be restored";
}

static void say_restored(const struct od_options *options, const struct od_restore *restore)
{
    char last[64];
    if (options->json)
        printf("{\"at\":%" PRId64 ",\"group\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n",
               restore->last.time_ms, restore->last.sequence, restore->bytes);
    else
        printf("%s %s; %s\n", restore->to == NULL ? restore->from : restore->to,
               describe_done(restore), describe_last(&restore->last, last));
}

enum od_exit od_restore_command_run(const struct od_options *options)
{
    struct od_error err;
    struct bar bar;
    struct od_restore restore = {.from = options->words[0],
                                 .to = options->check ? NULL : options->words[1],
                                 .until_ms = options->at_ms,
                                 .until_group = options->at_group,
                                 .progress = begin_bar(&bar)};
    if (!options->check && restore.to == NULL) {
        fprintf(stderr, "open-do: say open-do restore FROM TO, or restore --check FROM\n");
        return OD_EXIT_USAGE;
    }
    if (is_node(restore.from))
        return OD_EXIT_WRONG;
    bool ok = od_restore_run(&restore, &err);
    enum od_exit exit = end(&bar, ok, &err);
    if (ok && restore.passed_over.text[0] != '\0')
        fprintf(stderr,
                "open-do: %s\nopen-do: a base and all that the journal has behind it are taken "
                "instead\n",
                restore.passed_over.text);
    if (ok)
        say_restored(options, &restore);
    return exit;
}
