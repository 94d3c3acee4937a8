#include "main/successor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fault.h"
#include "main/limits.h"
#include "main/operator/check.h"
#include "main/processes/dry_run.h"
#include "main/processes/process.h"
#include "main/takeover.h"
#include "store/reader.h"

extern char **environ;

enum {
    said_bytes_max = 8192,
    record_number = 3, // Its descriptor in the process that is tried.
};

// --- In the program that serves ------------------------------------------------------------------

static void on_late(struct od_timer *timer)
{
    struct od_successor *successor = OD_TIMER_MEMBER(timer, struct od_successor, timer);
    successor->is_late = true;
    uv_process_kill(&successor->process, SIGKILL);
}

void od_successor_init(struct od_successor *successor, struct od_loop *loop,
                       void (*tried)(void *owner, bool ok, od_slice why), void *owner)
{
    *successor = (struct od_successor){.loop = loop, .tried = tried, .owner = owner, .said_fd = -1};
    successor->timer.fire = on_late;
}

// The last of it: a program that says much says what matters in the end.
static size_t read_said(int fd, char said[said_bytes_max])
{
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > said_bytes_max ? size - said_bytes_max : 0;
    ssize_t count = pread(fd, said, said_bytes_max, from);
    return count < 0 ? 0 : (size_t)count;
}

static bool says_well(od_slice said)
{
    od_slice well = OD_SLICE(OD_TAKEOVER_WELL);
    return said.size >= well.size &&
           memcmp(said.at + said.size - well.size, well.at, well.size) == 0;
}

static const char *how_it_ended(const struct od_successor *successor, char *text, size_t size)
{
    if (successor->is_late)
        return "it does not come to an end";
    if (successor->signal != 0)
        snprintf(text, size, "killed by SIG%s", sigabbrev_np(successor->signal));
    else if (successor->exit_code == 0)
        return "it is no open-do that can take over";
    else
        snprintf(text, size, "exit code %d", (int)successor->exit_code);
    return text;
}

static void on_process_closed(uv_handle_t *handle)
{
    struct od_successor *successor = handle->data;
    char said[said_bytes_max], how[64];
    OD_ASSERT(successor->said_fd >= 0);
    od_slice words = {said, read_said(successor->said_fd, said)};
    bool ok = !successor->is_late && successor->exit_code == 0 && successor->signal == 0 &&
              says_well(words);
    close(successor->said_fd);
    successor->said_fd = -1;
    if (successor->tried == NULL)
        return;
    struct od_bytes why = {0};
    od_bytes_put_slice(&why, od_slice_of(how_it_ended(successor, how, sizeof how)));
    if (words.size > 0)
        od_bytes_put_slice(&why, OD_SLICE("; it says:\n"));
    od_bytes_put_slice(&why, words);
    successor->tried(successor->owner, ok, od_bytes_slice(&why));
    od_bytes_deinit(&why);
}

void od_successor_close(struct od_successor *successor)
{
    od_loop_clear_timer(successor->loop, &successor->timer);
    successor->tried = NULL;
    if (!successor->is_running)
        return;
    uv_process_kill(&successor->process, SIGKILL);
    uv_close((uv_handle_t *)&successor->process, on_process_closed);
}

static void on_ended(uv_process_t *process, int64_t code, int signal)
{
    struct od_successor *successor = process->data;
    successor->exit_code = code;
    successor->signal = signal;
    successor->is_running = false;
    od_loop_clear_timer(successor->loop, &successor->timer);
    uv_close((uv_handle_t *)process, on_process_closed);
}

static char **environment_with(char *variable)
{
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    char **all = od_allocate((count + 2) * sizeof *all);
    all[0] = variable;
    memcpy(all + 1, environ, (count + 1) * sizeof *all);
    return all;
}

static void forget(uv_handle_t *handle)
{
    (void)handle; // It was never started.
}

bool od_successor_try(struct od_successor *successor, const char *program, char **argv,
                      int record_fd, struct od_error *err)
{
    OD_ASSERT(!successor->is_running);
    OD_ASSERT(successor->said_fd < 0);
    OD_ASSERT(record_fd >= 0);
    char variable[64];
    snprintf(variable, sizeof variable, "%s=try:%d", OD_TAKEOVER_VARIABLE, record_number);
    successor->said_fd = memfd_create("open-do successor", MFD_CLOEXEC);
    if (successor->said_fd < 0)
        return od_error_errno(err, "the program cannot be tried");
    char **environment = environment_with(variable);
    uv_stdio_container_t files[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = successor->said_fd},
        {.flags = UV_INHERIT_FD, .data.fd = successor->said_fd},
        {.flags = UV_INHERIT_FD, .data.fd = record_fd},
    };
    uv_process_options_t options = {.exit_cb = on_ended,
                                    .file = program,
                                    .args = argv,
                                    .env = environment,
                                    .stdio_count = 4,
                                    .stdio = files};
    successor->process.data = successor;
    successor->is_late = false;
    int status = uv_spawn(&successor->loop->uv, &successor->process, &options);
    free(environment);
    successor->is_running = status == 0;
    if (successor->is_running) {
        od_loop_set_timer(successor->loop, &successor->timer, OD_SUCCESSOR_MS_MAX);
        return true;
    }
    uv_close((uv_handle_t *)&successor->process, forget);
    close(successor->said_fd);
    successor->said_fd = -1;
    return od_error_set(err, "%s cannot be started: %s", program, uv_strerror(status));
}

// --- In the process that is tried ----------------------------------------------------------------

static bool can_take_over(const struct od_options *options, const struct od_takeover *takeover,
                          struct od_error *err)
{
    struct od_reader *reader;
    if (takeover->workers != options->workers)
        return od_error_set(err, "%u workers run, and this program would have %u; say --workers",
                            takeover->workers, options->workers);
    if (!od_reader_open(&reader, options->data_dir, err))
        return false;
    od_reader_close(reader);
    return true;
}

// The script is loaded from what is served, as the workers of this program would do it.
static enum od_exit load_script(const struct od_options *options,
                                const struct od_takeover *takeover)
{
    struct od_cursor cursor = od_cursor_of(takeover->sections[OD_TAKEOVER_SCRIPT]);
    struct od_verdict verdict;
    (void)od_cursor_u32(&cursor); // The version.
    (void)od_cursor_string(&cursor);
    return od_verdict_read(&cursor, &verdict) ? od_check_run_files(options, verdict.files)
                                              : OD_EXIT_WRONG;
}

enum od_exit od_successor_run(const struct od_options *options, int fd,
                              bool (*check_tls)(const struct od_options *options,
                                                struct od_error *err))
{
    struct od_takeover takeover;
    struct od_error err;
    enum od_exit exit = OD_EXIT_WRONG;
    if (od_takeover_read(&takeover, fd, &err) && can_take_over(options, &takeover, &err) &&
        (OD_FAULT("takeover.blind") || check_tls(options, &err)))
        exit = load_script(options, &takeover);
    else
        fprintf(stderr, "%s\n", err.text);
    od_takeover_deinit(&takeover);
    if (exit == OD_EXIT_CLEAN)
        printf("%s", OD_TAKEOVER_WELL);
    return exit;
}
