#include "main/control.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "main/limits.h"

struct od_control_question {
    struct od_control *control;
    struct od_list link;
    uv_pipe_t pipe;
    uv_write_t write;
    struct od_timer deadline; // To say the line, and to take the answer.
    char line[OD_CONTROL_LINE_BYTES_MAX];
    size_t line_bytes;
    const struct od_control_command *command; // Whose body is still to come; else NULL.
    size_t body_bytes;                        // How long that is.
    struct od_bytes body;
    struct od_bytes answer;
    bool is_asked;   // It belongs to whom it was given.
    bool is_closing; // The handle is.
    bool is_answered;
};

// The end of a conversation. It is freed when the handle is closed and nobody has to answer it any
// more.

static void check(const struct od_control_question *question)
{
    OD_ASSERT(question->line_bytes <= sizeof question->line);
    OD_ASSERT(question->body.size <= question->body_bytes);
    OD_ASSERT(question->is_closing || question->control->question_count > 0);
    OD_ASSERT(!question->is_answered || question->is_asked);
}

static void free_if_over(struct od_control_question *question)
{
    bool is_closed = question->is_closing && question->pipe.data == NULL;
    if (!is_closed || (question->is_asked && !question->is_answered))
        return;
    od_bytes_deinit(&question->answer);
    od_bytes_deinit(&question->body);
    free(question);
}

static void on_closed(uv_handle_t *handle)
{
    struct od_control_question *question = handle->data;
    handle->data = NULL;
    free_if_over(question);
}

static void close_question(struct od_control_question *question)
{
    if (question->is_closing)
        return;
    question->is_closing = true;
    od_loop_clear_timer(question->control->loop, &question->deadline);
    od_list_remove(&question->link);
    OD_ASSERT(question->control->question_count > 0);
    question->control->question_count--;
    uv_close((uv_handle_t *)&question->pipe, on_closed);
}

static void on_late(struct od_timer *timer)
{
    close_question(OD_TIMER_MEMBER(timer, struct od_control_question, deadline));
}

// Answering

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    close_question(write->data);
}

static void set_deadline(struct od_control_question *question)
{
    od_loop_set_timer(question->control->loop, &question->deadline, OD_CONTROL_MS_MAX);
}

void od_control_answer(struct od_control_question *question, bool ok, od_slice text)
{
    check(question);
    OD_ASSERT(question->is_asked);
    OD_ASSERT(!question->is_answered);
    question->is_answered = true;
    if (question->is_closing) {
        free_if_over(question);
        return;
    }
    od_bytes_put_slice(&question->answer, ok ? OD_SLICE("ok\n") : OD_SLICE("failed\n"));
    od_bytes_put_slice(&question->answer, text);
    uv_buf_t buffer = {question->answer.at, question->answer.size};
    question->write.data = question;
    set_deadline(question);
    if (uv_write(&question->write, (uv_stream_t *)&question->pipe, &buffer, 1, on_written) != 0)
        close_question(question);
}

// Asking

// It may be answered, and gone, when this returns.
static void ask(struct od_control_question *question, const struct od_control_command *command,
                od_slice rest)
{
    OD_ASSERT(!question->is_asked);
    question->is_asked = true;
    question->command = NULL;
    od_loop_clear_timer(question->control->loop, &question->deadline); // The answer may take long.
    command->ask(question->control->owner, question, rest);
}

static void refuse(struct od_control_question *question, const char *why)
{
    question->is_asked = true;
    od_control_answer(question, false, od_slice_of(why));
}

static const struct od_control_command *find_command(const struct od_control *control,
                                                     od_slice name)
{
    const struct od_control_command *row = control->commands;
    while (row->name != NULL && !od_slice_equal(name, od_slice_of(row->name)))
        row++;
    return row->name == NULL ? NULL : row;
}

static void ask_when_whole(struct od_control_question *question)
{
    if (question->body.size == question->body_bytes)
        ask(question, question->command, od_bytes_slice(&question->body));
}

// [number] ends with the line break; what came with the line is the beginning of the body.
static void begin_body(struct od_control_question *question,
                       const struct od_control_command *command, od_slice number, od_slice begun)
{
    OD_ASSERT(question->command == NULL);
    unsigned long long size = number.size == 0 ? 0 : strtoull(number.at, NULL, 10);
    if (size == 0 || size > OD_CONTROL_BODY_BYTES_MAX || begun.size > size) {
        refuse(question, "that is no size of a question\n");
        return;
    }
    question->command = command;
    question->body_bytes = size;
    od_bytes_put_slice(&question->body, begun);
    ask_when_whole(question);
}

static void take_line(struct od_control_question *question, od_slice line, od_slice behind)
{
    const char *blank = memchr(line.at, ' ', line.size);
    od_slice name = {line.at, blank == NULL ? line.size : (size_t)(blank - line.at)};
    od_slice rest = od_slice_from(line, name.size + 1);
    const struct od_control_command *command = find_command(question->control, name);
    if (command == NULL)
        refuse(question, "this program does not know that question\n");
    else if (command->has_body)
        begin_body(question, command, rest, behind);
    else
        ask(question, command, rest);
}

static void take_bytes(struct od_control_question *question, size_t count)
{
    check(question);
    if (question->command != NULL) {
        question->body.size += count;
        ask_when_whole(question);
        return;
    }
    char *new_bytes = question->line + question->line_bytes;
    char *end = memchr(new_bytes, '\n', count);
    size_t size = question->line_bytes + count;
    question->line_bytes = end == NULL && !question->is_asked ? size : 0;
    if (question->is_asked) // What follows is not looked at.
        return;
    if (end != NULL) {
        od_slice all = {question->line, size};
        od_slice line = {question->line, (size_t)(end - question->line)};
        take_line(question, line, od_slice_from(all, line.size + 1));
    } else if (question->line_bytes == sizeof question->line) {
        close_question(question);
    }
}

static void offer_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    OD_ASSERT(handle->data != NULL);
    (void)suggested;
    struct od_control_question *question = handle->data;
    if (question->command != NULL) {
        OD_ASSERT(question->body.size < question->body_bytes);
        buffer->len = question->body_bytes - question->body.size;
        buffer->base = od_bytes_reserve(&question->body, buffer->len);
        return;
    }
    buffer->base = question->line + question->line_bytes;
    buffer->len = sizeof question->line - question->line_bytes;
}

// One who has said all he wants to say may still listen: the end of his stream is no reason to go.
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    (void)buffer;
    struct od_control_question *question = stream->data;
    if (count > 0)
        take_bytes(question, (size_t)count);
    else if (count < 0 && (count != UV_EOF || !question->is_asked))
        close_question(question);
    else if (count < 0)
        uv_read_stop(stream);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct od_control *control = listener->data;
    if (status != 0)
        return;
    struct od_control_question *question = od_allocate_zeroed(sizeof *question);
    question->control = control;
    question->deadline.fire = on_late;
    od_list_init(&question->link);
    od_list_push_back(&control->questions, &question->link);
    control->question_count++;
    uv_pipe_init(&control->loop->uv, &question->pipe, 0);
    question->pipe.data = question;
    bool is_accepted = uv_accept(listener, (uv_stream_t *)&question->pipe) == 0;
    set_deadline(question);
    if (!is_accepted || control->question_count > OD_CONTROL_QUESTIONS_MAX ||
        uv_read_start((uv_stream_t *)&question->pipe, offer_room, on_read) != 0)
        close_question(question);
}

void od_control_asker(struct od_control_question *question, char text[OD_CONTROL_ASKER_BYTES])
{
    struct ucred who = {0};
    socklen_t size = sizeof who;
    uv_os_fd_t fd;
    if (!question->is_closing && uv_fileno((uv_handle_t *)&question->pipe, &fd) == 0 &&
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0)
        snprintf(text, OD_CONTROL_ASKER_BYTES, "uid %u, pid %d", who.uid, who.pid);
    else
        snprintf(text, OD_CONTROL_ASKER_BYTES, "somebody who has left");
}

// Opening

void od_control_address(int directory_fd, char *path, size_t size)
{
    snprintf(path, size, "/proc/self/fd/%d/%s", directory_fd, OD_CONTROL_NAME);
}

// The mode is set before there is a name: nobody else can connect in between.
static int listen_in(int directory_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    od_control_address(directory_fd, address.sun_path, sizeof address.sun_path);
    unlinkat(directory_fd, OD_CONTROL_NAME, 0);
    if (fd >= 0 && fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
        bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        listen(fd, OD_CONTROL_QUESTIONS_MAX) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void start_to_listen(struct od_control *control, int fd)
{
    int status = uv_pipe_init(&control->loop->uv, &control->listener, 0);
    OD_ASSERT(status == 0);
    control->listener.data = control;
    status = uv_pipe_open(&control->listener, fd);
    OD_ASSERT(status == 0);
    status = uv_listen((uv_stream_t *)&control->listener, OD_CONTROL_QUESTIONS_MAX, on_connection);
    OD_ASSERT(status == 0);
    control->is_open = true;
}

bool od_control_open(struct od_control *control, struct od_loop *loop, const char *data_dir,
                     const struct od_control_command *commands, void *owner, struct od_error *err)
{
    *control = (struct od_control){.loop = loop, .commands = commands, .owner = owner};
    od_list_init(&control->questions);
    control->directory_fd = open(data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = control->directory_fd < 0 ? -1 : listen_in(control->directory_fd);
    if (fd < 0) {
        od_error_errno(err, "cannot open %s/%s", data_dir, OD_CONTROL_NAME);
        if (control->directory_fd >= 0)
            close(control->directory_fd);
        return false;
    }
    start_to_listen(control, fd);
    return true;
}

void od_control_close(struct od_control *control)
{
    if (!control->is_open)
        return;
    OD_ASSERT(control->directory_fd >= 0);
    control->is_open = false;
    unlinkat(control->directory_fd, OD_CONTROL_NAME, 0);
    close(control->directory_fd);
    uv_close((uv_handle_t *)&control->listener, NULL);
    OD_LIST_EACH_SAFE (link, &control->questions)
        close_question(OD_LIST_MEMBER(link, struct od_control_question, link));
}
