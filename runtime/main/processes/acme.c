#include "main/processes/acme.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "main/processes/limits.h"

enum {
    said_bytes_max = 2048, // Of its words, the last.
    code_not_due = 1,      // Of uacme.
};

static void set_time(struct od_acme *acme, od_time_ms delay_ms)
{
    if (!acme->is_closing)
        od_loop_set_timer(acme->loop, &acme->timer, delay_ms);
}

// --- What came of it -----------------------------------------------------------------------------

static od_time_ms next_round_ms(const struct od_acme *acme)
{
    if (acme->failures == 0)
        return OD_ACME_LOOK_MS;
    unsigned doublings = acme->failures - 1 < 16 ? acme->failures - 1 : 16;
    od_time_ms delay_ms = (od_time_ms)OD_ACME_AGAIN_MS_MIN << doublings;
    return delay_ms < OD_ACME_AGAIN_MS_MAX ? delay_ms : OD_ACME_AGAIN_MS_MAX;
}

static void end_round(struct od_acme *acme)
{
    bool has_failed = acme->has_failed;
    acme->failures = has_failed ? acme->failures + 1 : 0;
    acme->has_failed = false;
    acme->index = 0;
    od_time_ms delay_ms = next_round_ms(acme);
    set_time(acme, delay_ms);
    if (has_failed)
        od_log(OD_LOG_WARN, NULL, "certificates are asked for again in %d s",
               (int)(delay_ms / 1000));
}

static void go_to_next(struct od_acme *acme)
{
    if (++acme->index < acme->options->tls_auto_count)
        set_time(acme, 0);
    else
        end_round(acme);
}

static void take_words(struct od_acme *acme, struct od_bytes *words)
{
    off_t size = lseek(acme->said_fd, 0, SEEK_END);
    off_t from = size > said_bytes_max ? size - said_bytes_max : 0;
    ssize_t count =
        pread(acme->said_fd, od_bytes_reserve(words, said_bytes_max), said_bytes_max, from);
    words->size += count > 0 ? (size_t)count : 0;
    close(acme->said_fd);
    acme->said_fd = -1;
}

static void note_failure(struct od_acme *acme, const char *how, od_slice words)
{
    acme->has_failed = true;
    words = od_slice_trim(words, "\n ");
    od_log(OD_LOG_ERROR, NULL, "no certificate for %s: %s; what is served goes on%s%.*s",
           acme->options->tls_auto[acme->index], how, words.size > 0 ? ". uacme says:\n" : "",
           (int)words.size, words.at);
}

// A program that ends well is no promise: the process for TLS needs both files.
static bool has_files(const struct od_acme *acme)
{
    const struct od_options *options = acme->options;
    OD_ASSERT(options->tls_cert_count >= options->tls_auto_count);
    size_t at = options->tls_cert_count - options->tls_auto_count + acme->index;
    return access(options->tls_certs[at], R_OK) == 0 && access(options->tls_keys[at], R_OK) == 0;
}

static void note_end(struct od_acme *acme, int status, od_slice words)
{
    char how[64];
    od_process_describe_end(status, how, sizeof how);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == 0 && !has_files(acme)) {
        note_failure(acme, "uacme has written none", words);
    } else if (code == 0) {
        od_log(OD_LOG_INFO, NULL, "there is a new certificate for %s",
               acme->options->tls_auto[acme->index]);
        acme->renewed(acme->owner);
    } else if (code != code_not_due) {
        note_failure(acme, acme->is_late ? "uacme does not come to an end" : how, words);
    }
}

static void on_child_signal(uv_signal_t *handle, int number)
{
    struct od_acme *acme = handle->data;
    struct od_bytes words = {0};
    int status;
    (void)number;
    if (!od_process_reap(&acme->process, &status))
        return;
    OD_ASSERT(acme->said_fd >= 0);
    take_words(acme, &words);
    note_end(acme, status, od_bytes_slice(&words));
    od_bytes_deinit(&words);
    go_to_next(acme);
}

// --- Its life ------------------------------------------------------------------------------------

static bool run(struct od_acme *acme, struct od_error *err)
{
    OD_ASSERT(acme->said_fd < 0);
    OD_ASSERT(acme->index < acme->options->tls_auto_count);
    acme->said_fd = memfd_create("open-do acme", MFD_CLOEXEC);
    if (acme->said_fd < 0)
        return od_error_errno(err, "uacme cannot be started");
    struct od_child_args args = {OD_CHILD_ACME + (uint32_t)acme->index, acme->said_fd, -1};
    acme->is_late = false;
    if (od_process_spawn(&acme->process, acme->options, &args, err))
        return true;
    close(acme->said_fd);
    acme->said_fd = -1;
    return false;
}

static void on_time(struct od_timer *timer)
{
    struct od_acme *acme = OD_TIMER_MEMBER(timer, struct od_acme, timer);
    struct od_error err;
    if (od_process_is_there(&acme->process)) {
        acme->is_late = true;
        od_process_kill(&acme->process);
    } else if (run(acme, &err)) {
        set_time(acme, OD_ACME_MS_MAX);
    } else {
        note_failure(acme, err.text, (od_slice){NULL, 0});
        go_to_next(acme);
    }
}

void od_acme_start(struct od_acme *acme)
{
    OD_ASSERT(!acme->is_closing);
    if (acme->options->tls_auto_count > 0)
        set_time(acme, 0);
}

void od_acme_hurry(struct od_acme *acme)
{
    if (acme->failures > 0 && !od_process_is_there(&acme->process))
        set_time(acme, 0);
}

void od_acme_rest(struct od_acme *acme)
{
    od_loop_clear_timer(acme->loop, &acme->timer);
    od_process_end(&acme->process);
    if (acme->said_fd >= 0)
        close(acme->said_fd);
    acme->said_fd = -1;
    acme->index = 0;
}

void od_acme_init(struct od_acme *acme, struct od_loop *loop, const struct od_options *options,
                  void (*renewed)(void *owner), void *owner)
{
    *acme = (struct od_acme){.loop = loop,
                             .options = options,
                             .renewed = renewed,
                             .owner = owner,
                             .said_fd = -1,
                             .timer = {.fire = on_time}};
    int status = uv_signal_init(&loop->uv, &acme->child_signal);
    OD_ASSERT(status == 0);
    acme->child_signal.data = acme;
    status = uv_signal_start(&acme->child_signal, on_child_signal, SIGCHLD);
    OD_ASSERT(status == 0);
}

void od_acme_close(struct od_acme *acme)
{
    acme->is_closing = true;
    od_acme_rest(acme);
    uv_close((uv_handle_t *)&acme->child_signal, NULL);
}
