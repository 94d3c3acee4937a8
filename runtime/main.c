// open-do: every process of the program begins here.

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin_site.h"
#include "base/fault.h"
#include "bindings.h"
#include "main/operator/backup_command.h"
#include "main/operator/check.h"
#include "main/operator/control_client.h"
#include "main/processes/acme.h"
#include "main/processes/challenge.h"
#include "main/processes/historian.h"
#include "main/processes/process.h"
#include "main/server.h"
#include "main/successor.h"
#include "main/takeover.h"
#include "node/node.h"
#include "operate.h"
#include "spec_run.h"
#include "tls/tls.h"
#include "types.h"
#include "worker/dry_run.h"
#include "worker/worker.h"

static enum od_exit operate(const struct od_options *options)
{
    return od_operate_run(options, od_control_client_ask);
}

static enum od_exit (*const commands[OD_COMMAND_COUNT])(const struct od_options *options) = {
    [OD_COMMAND_RUN] = od_server_run,
    [OD_COMMAND_DEV] = od_server_run,
    [OD_COMMAND_CHECK] = od_check_run,
    [OD_COMMAND_STATUS] = od_control_client_run,
    [OD_COMMAND_RELOAD] = od_control_client_run,
    [OD_COMMAND_DRAIN] = od_control_client_run,
    [OD_COMMAND_RESTART_WORKER] = od_control_client_run,
    [OD_COMMAND_UPGRADE] = od_control_client_run,
    [OD_COMMAND_CLUSTER] = od_control_client_run,
    [OD_COMMAND_OBJECTS] = operate,
    [OD_COMMAND_OBJECT] = operate,
    [OD_COMMAND_KV] = operate,
    [OD_COMMAND_SQL] = operate,
    [OD_COMMAND_CALL] = operate,
    [OD_COMMAND_SOCKETS] = operate,
    [OD_COMMAND_ALARM] = operate,
    [OD_COMMAND_HIBERNATE] = operate,
    [OD_COMMAND_EVICT] = operate,
    [OD_COMMAND_RESET] = operate,
    [OD_COMMAND_DELETE] = operate,
    [OD_COMMAND_LOG] = operate,
    [OD_COMMAND_EXPORT] = operate,
    [OD_COMMAND_IMPORT] = operate,
    [OD_COMMAND_BACKUP] = od_backup_command_run,
    [OD_COMMAND_RESTORE] = od_restore_command_run,
    [OD_COMMAND_TEST] = od_spec_run,
    [OD_COMMAND_TYPES] = od_types_write,
    [OD_COMMAND_NEW] = od_new_write,
};

// A descriptor of these that is closed would be the next file's, and what is said would be written
// into it: into what objects have stored, say.
static void fill_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR); // Children have it, too.
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

// Every connection is a descriptor, and a WebSocket is one more in main: the usual soft limit of
// 1,024 is for programs that use select.
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

// Large blocks are mappings of their own: they grow without being copied and go back when they are
// freed. Left alone the allocator takes them from its heap once it has seen one freed.
static void keep_large_blocks_apart(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

// Small blocks that are freed are put together with their neighbours at once. Left alone malloc
// does it for all of them in one call, some day: a hundred thousand take it tens of milliseconds.
static void put_nothing_off(void)
{
    mallopt(M_MXFAST, 0);
}

static void prepare_process(const struct od_options *options)
{
    od_log_setup(options->log_format, options->log_level);
    od_log_use_colours(options->command == OD_COMMAND_DEV && isatty(STDERR_FILENO) != 0 &&
                       getenv("NO_COLOR") == NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // A limit on the size of files is a full disk.
    raise_descriptor_limit();
    keep_large_blocks_apart();
    put_nothing_off();
    od_fault_open();
}

static int refuse(enum od_exit exit, const struct od_error *err)
{
    fprintf(stderr, "open-do: %s\n", err->text);
    if (exit == OD_EXIT_USAGE)
        fprintf(stderr, "open-do --help lists all commands and options.\n");
    return exit;
}

// What could not be written was not said. Who has closed the pipe knows.
static int flush_output(int exit)
{
    if (exit != OD_EXIT_CLEAN || (fflush(stdout) == 0 && ferror(stdout) == 0))
        return exit;
    if (errno != EPIPE)
        fprintf(stderr, "open-do: cannot write the answer: %s\n", strerror(errno));
    return OD_EXIT_WRONG;
}

static int run_child(const struct od_options *options, const struct od_child_args *args)
{
    if (args->index >= OD_CHILD_ACME)
        return od_acme_main(options, args->index - OD_CHILD_ACME, args->link_fd);
    if (args->index == OD_CHILD_TLS)
        return od_tls_main(options, args->link_fd);
    if (args->index == OD_CHILD_NODE)
        return od_node_main(options, args->link_fd);
    if (args->index == OD_CHILD_HISTORIAN)
        return od_historian_main(options, args->link_fd);
    if (args->index == OD_CHILD_ADMIN)
        return od_admin_main(options, od_admin_bindings_new, args->link_fd);
    return args->index == OD_CHILD_DRY_RUN
               ? od_dry_run_main(options, od_bindings_new, args->link_fd)
               : od_worker_main(options, od_bindings_new, args->index, args->link_fd,
                                args->page_fd);
}

int main(int argc, char **argv)
{
    struct od_options options;
    struct od_error err;
    bool help = false;
    struct od_child_args args;
    bool only_tries;
    int exit, fd;
    (void)argc;
    fill_standard_streams();
    if (getenv(OD_CHALLENGE_VARIABLE) != NULL)
        return od_challenge_run(argv);
    enum od_exit read = od_options_read(&options, argv, &help, &err);
    if (read == OD_EXIT_CLEAN && !help)
        prepare_process(&options);
    if (read != OD_EXIT_CLEAN)
        exit = refuse(read, &err);
    else if (help)
        exit = OD_EXIT_CLEAN;
    else if (od_seat_is_mine(&args))
        exit = run_child(&options, &args);
    else if (od_takeover_is_asked(&only_tries, &fd))
        exit = (int)(only_tries ? od_successor_run(&options, fd, od_tls_check)
                                : od_server_take_over(&options, fd));
    else {
        od_options_tell_misspelt();
        exit = (int)commands[options.command](&options);
    }
    od_options_deinit(&options);
    return flush_output(exit);
}
