#include "main/operator/control_client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "main/operator/control.h"
#include "main/operator/limits.h"

// The file of this program, wherever it was called from.
static void put_program(struct od_bytes *line)
{
    ssize_t size = readlink("/proc/self/exe", od_bytes_reserve(line, PATH_MAX), PATH_MAX);
    line->size += size < 0 ? 0 : (size_t)size;
}

static void put_cluster(const struct od_options *options, struct od_bytes *line)
{
    const char *what = options->words[0]; // There is one (link/options.c).
    OD_ASSERT(what != NULL);
    od_bytes_printf(line, "cluster %s", what);
    for (char **word = options->words + 1; *word != NULL; word++)
        od_bytes_printf(line, " %s", *word);
    if (strcmp(what, "status") == 0)
        od_bytes_printf(line, " %s", options->json ? "json" : "text");
}

static void put_line(const struct od_options *options, struct od_bytes *line)
{
    if (options->command == OD_COMMAND_RELOAD) {
        od_bytes_put_slice(line, OD_SLICE("reload"));
    } else if (options->command == OD_COMMAND_DRAIN) {
        od_bytes_put_slice(line, OD_SLICE("drain"));
    } else if (options->command == OD_COMMAND_UPGRADE) {
        od_bytes_put_slice(line, OD_SLICE("upgrade "));
        put_program(line);
    } else if (options->command == OD_COMMAND_RESTART_WORKER) {
        od_bytes_put_slice(line, OD_SLICE("restart-worker "));
        od_bytes_put_slice(line, od_slice_of(options->words[0]));
    } else if (options->command == OD_COMMAND_CLUSTER) {
        put_cluster(options, line);
    } else {
        od_bytes_put_slice(line, options->json ? OD_SLICE("status json") : OD_SLICE("status text"));
    }
    od_bytes_put_u8(line, '\n');
}

static int connect_to(const char *data_dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int directory_fd = open(data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = directory_fd < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    od_control_address(directory_fd, address.sun_path, sizeof address.sun_path);
    bool ok = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    int saved = errno;
    if (!ok && fd >= 0)
        close(fd);
    if (directory_fd >= 0)
        close(directory_fd);
    errno = saved;
    return ok ? fd : -1;
}

static bool refuse(const char *data_dir, struct od_error *err)
{
    if (errno == ENOENT || errno == ENOTDIR || errno == ECONNREFUSED)
        return od_error_set(err,
                            "no open-do serves the data directory %s; name another with "
                            "--data DIR, or give the script it lies beside",
                            data_dir);
    return od_error_errno(err, "cannot ask the open-do that serves %s", data_dir);
}

static bool read_answer(int fd, struct od_bytes *answer, struct od_error *err)
{
    for (;;) {
        struct pollfd waits = {.fd = fd, .events = POLLIN};
        if (poll(&waits, 1, OD_CONTROL_ANSWER_MS_MAX) == 0)
            return od_error_set(err, "the running open-do does not answer");
        ssize_t count = read(fd, od_bytes_reserve(answer, 65536), 65536);
        if (count < 0 && errno != EINTR)
            return od_error_errno(err, "cannot read the answer");
        if (count == 0)
            return answer->size > 0 ||
                   od_error_set(err, "the running open-do ended before it had answered");
        answer->size += count < 0 ? 0 : (size_t)count;
    }
}

static bool say(int fd, od_slice question)
{
    while (question.size > 0) {
        ssize_t count = send(fd, question.at, question.size, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR)
            return false;
        question = od_slice_from(question, count < 0 ? 0 : (size_t)count);
    }
    return true;
}

static bool ask(const char *data_dir, od_slice question, struct od_bytes *answer,
                struct od_error *err)
{
    int fd = connect_to(data_dir);
    if (fd < 0)
        return refuse(data_dir, err);
    bool ok = say(fd, question) ? read_answer(fd, answer, err)
                                : od_error_errno(err, "cannot ask the running open-do");
    close(fd);
    return ok;
}

// Takes the first line off, which is for this program.
static bool is_good(od_slice *answer)
{
    bool ok = od_slice_starts_with(*answer, OD_SLICE("ok\n"));
    *answer = od_slice_from(*answer, ok ? strlen("ok\n") : strlen("failed\n"));
    return ok;
}

bool od_control_client_ask(const char *data_dir, const char *name, od_slice body, bool *ok,
                           struct od_bytes *answer, struct od_error *err)
{
    char line[64];
    struct od_bytes question = {0};
    struct od_bytes whole = {0};
    snprintf(line, sizeof line, "%s %zu\n", name, body.size);
    od_bytes_put_slice(&question, od_slice_of(line));
    od_bytes_put_slice(&question, body);
    bool is_there = ask(data_dir, od_bytes_slice(&question), &whole, err);
    if (is_there) {
        od_slice rest = od_bytes_slice(&whole);
        *ok = is_good(&rest);
        od_bytes_put_slice(answer, rest);
    }
    od_bytes_deinit(&whole);
    od_bytes_deinit(&question);
    return is_there;
}

static enum od_exit print(od_slice answer)
{
    bool ok = is_good(&answer);
    fprintf(ok ? stdout : stderr, "%s%.*s", ok ? "" : "open-do: ", (int)answer.size, answer.at);
    return ok ? OD_EXIT_CLEAN : OD_EXIT_WRONG;
}

// --- A node that leaves --------------------------------------------------------------------------

struct told_node {
    unsigned id;
    unsigned long long life;
    unsigned slots;
    bool is_asked; // The one asked is meant: when it has ended nobody answers.
};

enum answer {
    ANSWER_GOOD,
    ANSWER_REFUSED,
    ANSWER_NONE,
};

static enum answer ask_line(const struct od_options *options, const char *what, const char *node,
                            struct od_bytes *answer)
{
    struct od_error err;
    struct od_bytes line = {0};
    od_bytes_clear(answer);
    od_bytes_printf(&line, node == NULL ? "cluster %s\n" : "cluster %s %s\n", what, node);
    bool is_there = ask(options->data_dir, od_bytes_slice(&line), answer, &err);
    od_bytes_deinit(&line);
    if (!is_there)
        od_bytes_put_slice(answer, od_slice_of(err.text));
    else if (od_slice_starts_with(od_bytes_slice(answer), OD_SLICE("ok\n")))
        return ANSWER_GOOD;
    return is_there ? ANSWER_REFUSED : ANSWER_NONE;
}

static bool read_told(const char *text, struct told_node *told)
{
    char *end;
    told->id = (unsigned)strtoul(text, &end, 10);
    told->life = strtoull(end, &end, 10);
    told->slots = (unsigned)strtoul(end, &end, 10);
    told->is_asked = strtoul(end, &end, 10) != 0;
    return *end == '\n';
}

static enum answer find_node(const struct od_options *options, const char *node,
                             struct told_node *told, struct od_bytes *answer)
{
    enum answer found = ask_line(options, "node", node, answer);
    od_bytes_put_u8(answer, 0);
    *told = (struct told_node){0};
    if (found == ANSWER_GOOD && !read_told(answer->at + strlen("ok\n"), told))
        found = ANSWER_NONE;
    answer->size--;
    return found;
}

// False: nobody knows it any more.
static bool is_still_there(const struct od_options *options, const struct told_node *node,
                           unsigned *slots, enum answer *found)
{
    char id[16];
    struct told_node now;
    struct od_bytes answer = {0};
    snprintf(id, sizeof id, "%u", node->id);
    *found = find_node(options, id, &now, &answer);
    od_bytes_deinit(&answer);
    if (*found != ANSWER_GOOD || now.life != node->life)
        return false;
    *slots = now.slots;
    return true;
}

static void say_slots(const struct told_node *node, unsigned slots)
{
    if (slots > 0)
        printf("node %u has %u slot%s still\n", node->id, slots, slots == 1 ? "" : "s");
    else
        printf("node %u has no slots any more; it ends what its own clients have begun\n",
               node->id);
    fflush(stdout);
}

static enum od_exit await_end(const struct od_options *options, const struct told_node *node)
{
    unsigned slots = node->slots, said = node->slots;
    enum answer found;
    for (int waited_ms = 0; waited_ms < OD_DRAIN_WAIT_MS_MAX; waited_ms += OD_DRAIN_LOOK_MS) {
        if (!is_still_there(options, node, &slots, &found)) {
            bool is_known = found != ANSWER_NONE || node->is_asked;
            fprintf(is_known ? stdout : stderr,
                    is_known ? "node %u has left the cluster\n"
                             : "open-do: the node asked does not answer any more; ask another one "
                               "whether node %u has left\n",
                    node->id);
            return is_known ? OD_EXIT_CLEAN : OD_EXIT_WRONG;
        }
        if (slots != said)
            say_slots(node, slots);
        said = slots;
        usleep(OD_DRAIN_LOOK_MS * 1000);
    }
    fprintf(stderr,
            "open-do: node %u has not ended within %d s; it goes on with that, and open-do cluster "
            "status has what is left\n",
            node->id, OD_DRAIN_WAIT_MS_MAX / 1000);
    return OD_EXIT_WRONG;
}

// Which life of it is meant has to be known first: another one may have begun before it is seen
// that this one is over.
static enum od_exit drain_node(const struct od_options *options)
{
    char id[16];
    struct told_node node;
    struct od_bytes answer = {0}, word = {0};
    for (char **at = options->words + 1; *at != NULL; at++)
        od_bytes_printf(&word, at == options->words + 1 ? "%s" : " %s", *at);
    od_bytes_put_u8(&word, 0);
    enum answer found =
        find_node(options, options->words[1] == NULL ? NULL : word.at, &node, &answer);
    if (found == ANSWER_GOOD) {
        snprintf(id, sizeof id, "%u", node.id);
        found = ask_line(options, "drain", id, &answer);
    }
    enum od_exit exit = OD_EXIT_WRONG;
    if (found == ANSWER_NONE)
        fprintf(stderr, "open-do: %.*s\n", (int)answer.size, answer.at);
    else
        exit = print(od_bytes_slice(&answer));
    fflush(stdout);
    od_bytes_deinit(&answer);
    od_bytes_deinit(&word);
    return exit == OD_EXIT_CLEAN && !options->look.no_wait ? await_end(options, &node) : exit;
}

static bool is_drain_of_node(const struct od_options *options)
{
    return options->command == OD_COMMAND_CLUSTER && strcmp(options->words[0], "drain") == 0;
}

enum od_exit od_control_client_run(const struct od_options *options)
{
    if (is_drain_of_node(options))
        return drain_node(options);
    struct od_bytes answer = {0}, line = {0};
    struct od_error err;
    enum od_exit exit = OD_EXIT_WRONG;
    put_line(options, &line);
    if (ask(options->data_dir, od_bytes_slice(&line), &answer, &err))
        exit = print(od_bytes_slice(&answer));
    else
        fprintf(stderr, "open-do: %s\n", err.text);
    od_bytes_deinit(&answer);
    od_bytes_deinit(&line);
    return exit;
}
