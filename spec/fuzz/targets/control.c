// The control socket: who connects may say anything in any pieces, read the answer or not, and go.

#include "fuzz.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "main/operator/control.h"

static struct od_control_question *kept; // Answered later, when its asker may be gone.

static void ask_echo(void *owner, struct od_control_question *question, od_slice rest)
{
    (void)owner;
    char *copy = fuzz_copy(rest.at, rest.size);
    od_control_answer(question, true, (od_slice){copy, rest.size});
    free(copy);
}

static void ask_later(void *owner, struct od_control_question *question, od_slice rest)
{
    (void)owner;
    (void)rest;
    if (kept != NULL)
        od_control_answer(kept, false, (od_slice){0});
    kept = question;
}

static const struct od_control_command commands[] = {{"status", ask_echo, false},
                                                     {"reload", ask_later, false},
                                                     {"call", ask_echo, true},
                                                     {NULL, NULL, false}};

static void turn(struct od_loop *loop)
{
    for (int i = 0; i < 3; i++)
        od_loop_poll(loop, false);
}

static int connect_to(const struct od_control *control)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    od_control_address(control->directory_fd, address.sun_path, sizeof address.sun_path);
    OD_ASSERT(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

// [step] says how large the pieces are, and whether the asker ends his side, and when he goes.
static void talk(struct od_loop *loop, int fd, uint8_t step, const uint8_t *data, size_t size)
{
    size_t piece = (size_t)(step >> 2) * 8 + 1;
    for (size_t at = 0; at < size; at += piece) {
        size_t count = size - at < piece ? size - at : piece;
        ssize_t sent = send(fd, data + at, count, MSG_NOSIGNAL);
        (void)sent;
        turn(loop);
    }
    if ((step & 1) != 0)
        shutdown(fd, SHUT_WR);
    if ((step & 2) != 0)
        turn(loop);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct od_loop loop;
    static struct od_control control;
    struct od_error err;
    if (control.loop == NULL) {
        char folder[] = "/tmp/open-do-fuzz-XXXXXX";
        signal(SIGPIPE, SIG_IGN); // As the program does.
        OD_ASSERT(mkdtemp(folder) != NULL && od_loop_init(&loop, &err));
        OD_ASSERT(od_control_open(&control, &loop, folder, -1, commands, NULL, &err));
    }
    uint8_t step = fuzz_choice(&data, &size);
    talk(&loop, connect_to(&control), step, data, size);
    turn(&loop);
    if (kept != NULL)
        od_control_answer(kept, true, OD_SLICE("late"));
    kept = NULL;
    turn(&loop);
    turn(&loop);
    OD_ASSERT(control.conversation_count == 0);
    return 0;
}
