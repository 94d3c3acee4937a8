#include "main/processes/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "main/processes/limits.h"
#include "main/processes/process.h"

static const char state_name[] = "journal/archived";

// --- How far it is -------------------------------------------------------------------------------

// What cannot be read begins anew: to archive a file twice harms nobody.
static void load(struct od_archive *archive)
{
    char path[PATH_MAX], text[128] = "";
    snprintf(path, sizeof path, "%s/%s", archive->data_dir, state_name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    const char *segment = size <= 0 ? NULL : strstr(text, "segment ");
    const char *base = size <= 0 ? NULL : strstr(text, "base ");
    if (segment == NULL || base == NULL)
        return;
    archive->next_segment = strtoull(segment + strlen("segment "), NULL, 10);
    archive->next_base = strtoull(base + strlen("base "), NULL, 10);
}

static void store(const struct od_archive *archive)
{
    char path[PATH_MAX], made[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", archive->data_dir, state_name);
    snprintf(made, sizeof made, "%s/%s~", archive->data_dir, state_name);
    FILE *file = fopen(made, "we");
    bool is_written = file != NULL && fprintf(file, "segment %" PRIu64 "\nbase %" PRIu64 "\n",
                                              archive->next_segment, archive->next_base) > 0;
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    if (!is_written || rename(made, path) != 0)
        od_log(OD_LOG_WARN, NULL, "cannot write %s: %s; after a restart files are archived again",
               path, strerror(errno));
}

// --- The command ---------------------------------------------------------------------------------

// %p is its path from the data directory, where the command runs, and %f its name; both are digits
// and plain letters, so no shell takes them for something else.
static void put_command(struct od_bytes *text, const struct od_archive *archive)
{
    for (const char *at = archive->command; *at != '\0'; at++) {
        bool is_special = at[0] == '%' && (at[1] == 'p' || at[1] == 'f' || at[1] == '%');
        if (!is_special) {
            od_bytes_put_u8(text, (uint8_t)*at);
            continue;
        }
        at++;
        if (*at == 'p')
            od_bytes_put_slice(text, OD_SLICE("journal/"));
        od_bytes_put_slice(text, *at == '%' ? OD_SLICE("%") : od_slice_of(archive->name));
    }
    od_bytes_put_u8(text, '\0');
}

// What main's processes ignore is the command's own business again.
OD_NORETURN static void become_command(const struct od_archive *archive, const char *text)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR2, SIGPIPE};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_DFL);
    unsetenv(OD_WORKER_LINK_VARIABLE);
    unsetenv(OD_WORKER_ENV_VARIABLE);
    if (chdir(archive->data_dir) == 0)
        execl("/bin/sh", "sh", "-c", text, (char *)NULL);
    _exit(127);
}

static void end_group(int number)
{
    (void)number;
    kill(0, SIGKILL); // This process too.
}

// Ends as the command did.
OD_NORETURN static void end_like(pid_t command)
{
    int status = 0;
    while (waitpid(command, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 127);
}

// Between the historian and the command, the first of a group: when the historian ends, however, it
// ends all that the command has begun, which would go on beside the next run for the same file. Of
// the descriptors it keeps none, so that the link of the historian ends with that one.
OD_NORETURN static void become_guard(const struct od_archive *archive, const char *text,
                                     pid_t historian)
{
    setpgid(0, 0);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGTERM, end_group);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != historian) // It ended before the line above.
        _exit(127);
    close_range(STDERR_FILENO + 1, ~0u, 0);
    pid_t command = fork();
    if (command == 0)
        become_command(archive, text);
    if (command < 0)
        _exit(127);
    end_like(command);
}

static void begin(struct od_archive *archive)
{
    struct od_bytes text = {0};
    OD_ASSERT(archive->pid == 0);
    OD_ASSERT(archive->waiting > 0);
    put_command(&text, archive);
    archive->since_ms = archive->said_ms = od_clock_monotonic_ms();
    pid_t historian = getpid(), pid = fork();
    if (pid == 0)
        become_guard(archive, text.at, historian);
    archive->pid = pid > 0 ? pid : 0;
    if (pid < 0)
        archive->again_ms = archive->since_ms + OD_ARCHIVE_AGAIN_MS_MAX;
    od_bytes_deinit(&text);
}

static void describe_wait(const struct od_archive *archive, char *text, size_t size)
{
    od_time_ms lag_ms = od_clock_wall_ms() - archive->waiting_ms;
    snprintf(text, size, "%u file%s wait%s, the oldest for %lld s", archive->waiting,
             archive->waiting == 1 ? "" : "s", archive->waiting == 1 ? "s" : "",
             (long long)(lag_ms > 0 ? lag_ms / 1000 : 0));
}

static void note_done(struct od_archive *archive)
{
    OD_ASSERT(archive->pid == 0);
    OD_ASSERT(archive->name[0] != '\0');
    if (archive->failures > 0)
        od_log(OD_LOG_INFO, NULL, "the archive command goes again: %s is archived", archive->name);
    archive->failures = 0;
    archive->back_off_ms = 0;
    if (archive->is_base)
        archive->next_base = archive->number + 1;
    else
        archive->next_segment = archive->number_behind;
    store(archive);
}

// Said for the first failure and then less and less often.
static void note_failed(struct od_archive *archive, int status)
{
    char how[64], wait[96];
    OD_ASSERT(archive->pid == 0);
    od_time_ms next_ms = 2 * archive->back_off_ms;
    archive->back_off_ms = next_ms == 0                        ? OD_ARCHIVE_AGAIN_MS_MIN
                           : next_ms < OD_ARCHIVE_AGAIN_MS_MAX ? next_ms
                                                               : OD_ARCHIVE_AGAIN_MS_MAX;
    archive->again_ms = od_clock_monotonic_ms() + archive->back_off_ms;
    od_process_describe_end(status, how, sizeof how);
    describe_wait(archive, wait, sizeof wait);
    if ((archive->failures & (archive->failures + 1)) == 0)
        od_log(OD_LOG_WARN, NULL, "the archive command failed for %s (%s) and is tried again; %s",
               archive->name, how, wait);
    archive->failures++;
}

static void note_slow(struct od_archive *archive)
{
    char wait[96];
    od_time_ms now_ms = od_clock_monotonic_ms(), ran_ms = now_ms - archive->since_ms;
    od_time_ms said_after_ms = archive->said_ms - archive->since_ms;
    if (ran_ms < OD_ARCHIVE_SLOW_MS || ran_ms < 2 * said_after_ms)
        return;
    archive->said_ms = now_ms;
    describe_wait(archive, wait, sizeof wait);
    od_log(OD_LOG_WARN, NULL, "the archive command has been running for %lld s for %s; %s",
           (long long)(ran_ms / 1000), archive->name, wait);
}

static void look_at_command(struct od_archive *archive)
{
    int status;
    OD_ASSERT(archive->pid > 0);
    pid_t ended = waitpid(archive->pid, &status, WNOHANG);
    if (ended == 0) {
        note_slow(archive);
        return;
    }
    archive->pid = 0;
    if (ended > 0 && status == 0)
        note_done(archive);
    else
        note_failed(archive, status);
}

// --- What comes next -----------------------------------------------------------------------------

static void wait_for(struct od_archive *archive, od_time_ms changed_ms)
{
    if (archive->waiting == 0 || changed_ms < archive->waiting_ms)
        archive->waiting_ms = changed_ms;
    archive->waiting++;
}

// The first of all that wait becomes what is archived next, a base before the segment behind it.
static void look_what_waits(struct od_archive *archive, const struct od_kept *kept)
{
    uint64_t segment = UINT64_MAX, base = UINT64_MAX;
    OD_ASSERT(archive->pid == 0); // What it runs for stays what it is.
    archive->waiting = 0;
    for (size_t i = 0; i + 1 < kept->segment_count; i++) {
        if (kept->segments[i].first < archive->next_segment)
            continue;
        if (segment == UINT64_MAX) {
            segment = kept->segments[i].first;
            archive->number_behind = kept->segments[i + 1].first;
        }
        wait_for(archive, kept->segments[i].changed_ms);
    }
    for (size_t i = 0; i < kept->base_count; i++) {
        if (kept->bases[i].moment.sequence < archive->next_base)
            continue;
        base = base == UINT64_MAX ? kept->bases[i].moment.sequence : base;
        wait_for(archive, kept->bases[i].changed_ms);
    }
    archive->is_base = base != UINT64_MAX && (segment == UINT64_MAX || base < segment);
    archive->number = archive->is_base ? base : segment;
    if (archive->is_base)
        od_base_name(archive->name, base);
    else
        snprintf(archive->name, sizeof archive->name, "%020" PRIu64, segment);
}

void od_archive_step(struct od_archive *archive, const struct od_kept *kept)
{
    if (archive->command == NULL)
        return;
    if (archive->pid != 0)
        look_at_command(archive);
    if (archive->pid != 0)
        return;
    look_what_waits(archive, kept);
    if (archive->waiting > 0 && od_clock_monotonic_ms() >= archive->again_ms)
        begin(archive);
}

bool od_archive_is_continued(const struct od_archive *archive, const struct od_kept *kept)
{
    return archive->command != NULL && kept->segment_count > 0 &&
           kept->segments[0].first <= archive->next_segment;
}

bool od_archive_is_running(const struct od_archive *archive)
{
    return archive->pid != 0;
}

void od_archive_init(struct od_archive *archive, const char *command, const char *data_dir)
{
    *archive = (struct od_archive){.command = command, .data_dir = data_dir};
    if (command != NULL)
        load(archive);
}

void od_archive_deinit(struct od_archive *archive)
{
    if (archive->pid == 0)
        return;
    kill(-archive->pid, SIGKILL);
    archive->pid = 0;
}
