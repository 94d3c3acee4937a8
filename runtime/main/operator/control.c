#include "main/operator/control.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "main/operator/limits.h"

struct conversation {
    struct od_control_question question;
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
    bool is_too_long; // Its line is, and is read to its end.
    bool is_asked;    // It belongs to whom it was given.
    bool is_closing;  // The handle is.
    bool is_answered;
};

// The end of a conversation. It is freed when the handle is closed and nobody has to answer it any
// more.

static void check(const struct conversation *conversation)
{
    OD_ASSERT(conversation->line_bytes <= sizeof conversation->line);
    OD_ASSERT(conversation->body.size <= conversation->body_bytes);
    OD_ASSERT(conversation->is_closing || conversation->control->conversation_count > 0);
    OD_ASSERT(!conversation->is_answered || conversation->is_asked);
}

static void free_if_over(struct conversation *conversation)
{
    bool is_closed = conversation->is_closing && conversation->pipe.data == NULL;
    if (!is_closed || (conversation->is_asked && !conversation->is_answered))
        return;
    od_bytes_deinit(&conversation->answer);
    od_bytes_deinit(&conversation->body);
    free(conversation);
}

static void on_closed(uv_handle_t *handle)
{
    struct conversation *conversation = handle->data;
    handle->data = NULL;
    free_if_over(conversation);
}

static void close_conversation(struct conversation *conversation)
{
    if (conversation->is_closing)
        return;
    conversation->is_closing = true;
    od_loop_clear_timer(conversation->control->loop, &conversation->deadline);
    od_list_remove(&conversation->link);
    OD_ASSERT(conversation->control->conversation_count > 0);
    conversation->control->conversation_count--;
    uv_close((uv_handle_t *)&conversation->pipe, on_closed);
}

static void on_late(struct od_timer *timer)
{
    close_conversation(OD_TIMER_MEMBER(timer, struct conversation, deadline));
}

// --- Answering -----------------------------------------------------------------------------------

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    close_conversation(write->data);
}

static void set_deadline(struct conversation *conversation)
{
    od_loop_set_timer(conversation->control->loop, &conversation->deadline, OD_CONTROL_MS_MAX);
}

void od_control_answer(struct od_control_question *question, bool ok, od_slice text)
{
    question->answer(question, ok, text);
}

static void answer_at_socket(struct od_control_question *question, bool ok, od_slice text)
{
    struct conversation *conversation = (struct conversation *)question; // Its first member.
    check(conversation);
    OD_ASSERT(conversation->is_asked);
    OD_ASSERT(!conversation->is_answered);
    conversation->is_answered = true;
    if (conversation->is_closing) {
        free_if_over(conversation);
        return;
    }
    od_bytes_put_slice(&conversation->answer, ok ? OD_SLICE("ok\n") : OD_SLICE("failed\n"));
    od_bytes_put_slice(&conversation->answer, text);
    uv_buf_t buffer = {conversation->answer.at, conversation->answer.size};
    conversation->write.data = conversation;
    set_deadline(conversation);
    if (uv_write(&conversation->write, (uv_stream_t *)&conversation->pipe, &buffer, 1,
                 on_written) != 0)
        close_conversation(conversation);
}

// --- Asking --------------------------------------------------------------------------------------

// It may be answered, and gone, when this returns.
static void ask(struct conversation *conversation, const struct od_control_command *command,
                od_slice rest)
{
    OD_ASSERT(!conversation->is_asked);
    conversation->is_asked = true;
    conversation->command = NULL;
    od_loop_clear_timer(conversation->control->loop,
                        &conversation->deadline); // The answer may take long.
    command->ask(conversation->control->owner, &conversation->question, rest);
}

static void refuse(struct conversation *conversation, const char *why)
{
    conversation->is_asked = true;
    od_control_answer(&conversation->question, false, od_slice_of(why));
}

const struct od_control_command *od_control_find(const struct od_control_command *commands,
                                                 od_slice name)
{
    while (commands->name != NULL && !od_slice_equal(name, od_slice_of(commands->name)))
        commands++;
    return commands->name == NULL ? NULL : commands;
}

static void ask_when_whole(struct conversation *conversation)
{
    if (conversation->body.size == conversation->body_bytes)
        ask(conversation, conversation->command, od_bytes_slice(&conversation->body));
}

// [number] ends with the line break; what came with the line is the beginning of the body.
static void begin_body(struct conversation *conversation, const struct od_control_command *command,
                       od_slice number, od_slice begun)
{
    OD_ASSERT(conversation->command == NULL);
    unsigned long long size = number.size == 0 ? 0 : strtoull(number.at, NULL, 10);
    if (size == 0 || size > OD_CONTROL_BODY_BYTES_MAX || begun.size > size) {
        refuse(conversation, "that is no size of a question\n");
        return;
    }
    conversation->command = command;
    conversation->body_bytes = size;
    od_bytes_put_slice(&conversation->body, begun);
    ask_when_whole(conversation);
}

static void take_line(struct conversation *conversation, od_slice line, od_slice behind)
{
    const char *blank = memchr(line.at, ' ', line.size);
    od_slice name = {line.at, blank == NULL ? line.size : (size_t)(blank - line.at)};
    od_slice rest = od_slice_from(line, name.size + 1);
    const struct od_control_command *command =
        od_control_find(conversation->control->commands, name);
    if (command == NULL)
        refuse(conversation, "this program does not know that question\n");
    else if (command->has_body)
        begin_body(conversation, command, rest, behind);
    else
        ask(conversation, command, rest);
}

static void take_bytes(struct conversation *conversation, size_t count)
{
    check(conversation);
    if (conversation->command != NULL) {
        conversation->body.size += count;
        ask_when_whole(conversation);
        return;
    }
    char *new_bytes = conversation->line + conversation->line_bytes;
    char *end = memchr(new_bytes, '\n', count);
    size_t size = conversation->line_bytes + count;
    conversation->line_bytes = end == NULL && !conversation->is_asked ? size : 0;
    if (conversation->is_asked) // What follows is not looked at.
        return;
    if (end != NULL && conversation->is_too_long) { // Who had more to say would not read why.
        refuse(conversation, "that question is longer than any that this program knows\n");
    } else if (end != NULL) {
        od_slice all = {conversation->line, size};
        od_slice line = {conversation->line, (size_t)(end - conversation->line)};
        take_line(conversation, line, od_slice_from(all, line.size + 1));
    } else if (conversation->line_bytes == sizeof conversation->line) {
        conversation->is_too_long = true;
        conversation->line_bytes = 0;
    }
}

static void offer_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    OD_ASSERT(handle->data != NULL);
    (void)suggested;
    struct conversation *conversation = handle->data;
    if (conversation->command != NULL) {
        OD_ASSERT(conversation->body.size < conversation->body_bytes);
        buffer->len = conversation->body_bytes - conversation->body.size;
        buffer->base = od_bytes_reserve(&conversation->body, buffer->len);
        return;
    }
    buffer->base = conversation->line + conversation->line_bytes;
    buffer->len = sizeof conversation->line - conversation->line_bytes;
}

// One who has said all he wants to say may still listen: the end of his stream is no reason to go.
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    (void)buffer;
    struct conversation *conversation = stream->data;
    if (count > 0)
        take_bytes(conversation, (size_t)count);
    else if (count < 0 && (count != UV_EOF || !conversation->is_asked))
        close_conversation(conversation);
    else if (count < 0)
        uv_read_stop(stream);
}

void od_control_asker(struct od_control_question *question, char text[OD_CONTROL_ASKER_BYTES])
{
    question->describe_asker(question, text);
}

static void describe_peer(struct od_control_question *question, char text[OD_CONTROL_ASKER_BYTES])
{
    const struct conversation *conversation = (struct conversation *)question;
    struct ucred who = {0};
    socklen_t size = sizeof who;
    uv_os_fd_t fd;
    if (!conversation->is_closing && uv_fileno((uv_handle_t *)&conversation->pipe, &fd) == 0 &&
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0)
        snprintf(text, OD_CONTROL_ASKER_BYTES, "uid %u, pid %d", who.uid, who.pid);
    else
        snprintf(text, OD_CONTROL_ASKER_BYTES, "somebody who has left");
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct od_control *control = listener->data;
    if (status != 0)
        return;
    struct conversation *conversation = od_allocate_zeroed(sizeof *conversation);
    conversation->question = (struct od_control_question){answer_at_socket, describe_peer};
    conversation->control = control;
    conversation->deadline.fire = on_late;
    od_list_init(&conversation->link);
    od_list_push_back(&control->conversations, &conversation->link);
    control->conversation_count++;
    uv_pipe_init(&control->loop->uv, &conversation->pipe, 0);
    conversation->pipe.data = conversation;
    bool is_accepted = uv_accept(listener, (uv_stream_t *)&conversation->pipe) == 0;
    set_deadline(conversation);
    if (!is_accepted || control->conversation_count > OD_CONTROL_QUESTIONS_MAX ||
        uv_read_start((uv_stream_t *)&conversation->pipe, offer_room, on_read) != 0)
        close_conversation(conversation);
}

// --- Opening -------------------------------------------------------------------------------------

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

int od_control_fd(const struct od_control *control)
{
    uv_os_fd_t fd;
    return control->is_open && uv_fileno((const uv_handle_t *)&control->listener, &fd) == 0 ? fd
                                                                                            : -1;
}

bool od_control_is_here(const struct od_control_question *question)
{
    return question->answer == answer_at_socket;
}

int od_control_duplicate_fd(struct od_control_question *question)
{
    uv_os_fd_t fd;
    struct conversation *conversation = (struct conversation *)question; // Its first member.
    bool is_there = od_control_is_here(question) && !conversation->is_closing &&
                    uv_fileno((uv_handle_t *)&conversation->pipe, &fd) == 0;
    return is_there ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
}

// It is short, and nothing was said there before.
void od_control_answer_at(int fd, bool ok, od_slice text)
{
    struct od_bytes answer = {0};
    od_bytes_put_slice(&answer, ok ? OD_SLICE("ok\n") : OD_SLICE("failed\n"));
    od_bytes_put_slice(&answer, text);
    if (send(fd, answer.at, answer.size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        od_log(OD_LOG_DEBUG, NULL, "who asked for the upgrade has gone");
    od_bytes_deinit(&answer);
    close(fd);
}

bool od_control_open(struct od_control *control, struct od_loop *loop, const char *data_dir, int fd,
                     const struct od_control_command *commands, void *owner, struct od_error *err)
{
    *control = (struct od_control){.loop = loop, .commands = commands, .owner = owner};
    od_list_init(&control->conversations);
    control->directory_fd = open(data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && control->directory_fd >= 0)
        fd = listen_in(control->directory_fd);
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
    OD_LIST_EACH_SAFE (link, &control->conversations)
        close_conversation(OD_LIST_MEMBER(link, struct conversation, link));
}
