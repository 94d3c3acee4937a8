// What every process of the program was told at its start: the command line and OPEN_DO_*.
//
// Main starts its workers with its own arguments, so all processes read the same words with this
// same code and nothing has to be handed over. One table, in options_table.c, is the parser and the
// help: an option that is not in it does not exist. A flag wins over the variable of the same
// option; of options that may be repeated both count, the flags last.
//
// Owner: od_options_deinit; [argv] and what points into it are the system's.

#ifndef OD_LINK_OPTIONS_H
#define OD_LINK_OPTIONS_H

#include "base/log.h"
#include "link/address.h"
#include "link/networks.h"
#include "link/variables.h"

#define OD_WORKERS_MAX 64
#define OD_TLS_CERTS_MAX 16

// How far the stack of a worker may grow: Lua code can call itself through C.
#define OD_STACK_BYTES ((size_t)256 << 20)

// "index:fd" in the environment of a process that main started: which worker it is, and its end of
// the link to main. What main has checked at the start is not checked again there: a worker that is
// replaced must be able to serve while the script on the disk is broken or gone.
#define OD_WORKER_LINK_VARIABLE "OPEN_DO_WORKER_LINK"

// And the descriptor of a file in memory with the variables for env (od_variables_put), as main
// read them: the files and the environment they came from may have changed or gone since.
#define OD_WORKER_ENV_VARIABLE "OPEN_DO_WORKER_ENV"

enum od_exit { // The exit codes of the program.
    OD_EXIT_CLEAN = 0,
    OD_EXIT_WRONG = 1, // The script or the configuration is wrong.
    OD_EXIT_USAGE = 2,
    OD_EXIT_IN_USE = 3, // The port or the data directory.
    OD_EXIT_FENCED = 4, // Of a cluster: another node has taken over.
    OD_EXIT_KILLED = 130,
};

enum od_command {
    OD_COMMAND_RUN,            // Serve the script.
    OD_COMMAND_DEV,            // The same, watched, with a log for the person who writes it.
    OD_COMMAND_CHECK,          // Load it and stop; nothing is opened or bound.
    OD_COMMAND_STATUS,         // Ask the program that runs over the data directory how it is.
    OD_COMMAND_RELOAD,         // Tell it to reload its script,
    OD_COMMAND_DRAIN,          // or to stop in peace.
    OD_COMMAND_UPGRADE,        // Take over from it.
    OD_COMMAND_RESTART_WORKER, // Tell it to replace a worker.
    OD_COMMAND_CLUSTER,        // Ask it for its cluster.
    OD_COMMAND_OBJECTS, // From here to IMPORT: look into the running program (bindings/operate.h).
    OD_COMMAND_OBJECT,
    OD_COMMAND_KV,
    OD_COMMAND_SQL,
    OD_COMMAND_CALL,
    OD_COMMAND_SOCKETS,
    OD_COMMAND_ALARM,
    OD_COMMAND_HIBERNATE,
    OD_COMMAND_EVICT,
    OD_COMMAND_RESET,
    OD_COMMAND_DELETE,
    OD_COMMAND_LOG,
    OD_COMMAND_EXPORT,
    OD_COMMAND_IMPORT,
    OD_COMMAND_BACKUP,  // Copy a data directory, and
    OD_COMMAND_RESTORE, // make one of the copy.
    OD_COMMAND_TEST,    // Run the specs of whoever writes objects.
    OD_COMMAND_TYPES,   // Write what editors and linters want to know of the Lua API.
    OD_COMMAND_NEW,     // Make a project to start from.
    OD_COMMAND_COUNT,
};

struct od_options_look { // Of commands that look into a running program; NULL: not given.
    bool awake;          // Only objects with an instance.
    bool events;         // The last events of the object, not what it is.
    bool follow;         // The log goes on.
    bool read_only;      // SQL that writes is refused.
    bool no_wait;        // A node that leaves is told to, and not waited for.
    const char *order;
    const char *cursor;
    uint32_t limit; // 0: not given.
};

struct od_options {
    enum od_command command;
    char **argv;        // All of it; ends with NULL.
    const char *script; // As given; it can be read. NULL: none, for a command that needs none.
    const char *path;   // test, types: what to work on; NULL: the usual place.
    const char *template_name; // new: what it is made of.
    char **rest;               // test: further words, for busted; ends with NULL.
    char **words;              // Of what looks inside: all behind the command; ends with NULL.
    char *data_dir;            // As given, or .open-do beside the script; may not exist yet.
    struct od_address listen;
    bool has_tls; // The next ones are given.
    struct od_address tls_listen;
    const char *tls_certs[OD_TLS_CERTS_MAX]; // Files, one of each for a pair.
    const char *tls_keys[OD_TLS_CERTS_MAX];
    size_t tls_cert_count, tls_key_count;
    const char *tls_auto[OD_TLS_CERTS_MAX]; // Names that main/processes/acme.h has certified; their
    size_t tls_auto_count;                  // files are the last of the pairs above.
    const char *tls_authority;              // The directory of that authority; NULL: the usual.
    char *tls_dir;                          // Where these files are.
    bool tls_redirect;                      // Who asks without TLS is sent to https,
    uint32_t tls_redirect_port;             // here; 0: where TLS is spoken.
    int64_t history_ms;                     // Every moment of so long is kept; 0: none.
    const char *archive_command;            // What is run for each file of it; NULL: nothing.
    const char *cluster;                    // libpq's URL of its engine; NULL: there is none.
    bool has_cluster_listen;                // The next one is given:
    struct od_address cluster_listen;       // where other nodes connect.
    const char *cluster_secret_file;        // NULL: none.
    bool has_admin;                         // There is an admin listener,
    bool is_admin_usual;                    // which nobody has asked for: dev can do without it.
    struct od_address admin;                // Where.
    const char *admin_host;    // link/origin.h; by which names it may be asked, beside the usual.
    bool watch;                // Load the script anew when it changes.
    uint32_t ping_ms;          // A socket that is quiet for so long is asked; 0: never.
    uint32_t workers;          // 1 to OD_WORKERS_MAX.
    uint32_t idle_ms;          // An object sleeps after so long without an event.
    uint32_t event_limit_ms;   // An event that runs longer costs its worker.
    uint32_t script_memory_mb; // What the Lua code of one worker may use.
    uint32_t connections_per_address;   // At once; 0: any.
    const char *allow_origin;           // link/origin.h; NULL: only pages of the same host.
    const char *allow_host;             // link/origin.h; NULL: see od_options_host_names.
    struct od_networks trusted_proxies; // Who may say for whom it asks.
    bool confine;                       // Workers give up what they do not need (base/confine.h).
    bool fetch_private_denied;          // od.fetch reaches no private address.
    enum od_log_format log_format;
    enum od_log_level log_level;
    bool json;         // Answers are for machines.
    bool check;        // restore: nothing is made.
    int64_t at_ms;     // restore: up to then; 0: all of it,
    uint64_t at_group; // or up to this group.
    struct od_options_look look;
    bool log_requests; // A line for each request and for the beginning and end of each WebSocket.
    bool log_queries;  // With what stands behind the "?" of a URL.
    struct od_variables variables; // Files first, then --var.
};

// Reads the arguments and the environment. OD_EXIT_CLEAN: [options] is filled. OD_EXIT_WRONG or
// OD_EXIT_USAGE: [err] says why. When only help or the version was asked for, [help] is set and
// that is printed already. In every case od_options_deinit is allowed after it.
OD_MUST_CHECK enum od_exit od_options_read(struct od_options *options, char **argv, bool *help,
                                           struct od_error *err);

// Warns, in the log, of variables "OPEN_DO_..." that are no option and near to one. Others may be
// anybody's: Kubernetes names some after a service, "OPEN_DO_PORT".
void od_options_tell_misspelt(void);

const char *od_options_command_name(const struct od_options *options); // "objects".

// By which names pages may open WebSockets here, for od_origin_host_is_allowed: those of
// --allow-host, none with dev and at a loopback address, and else "*". A trusted proxy answers for
// the names it passes on.
od_slice od_options_host_names(const struct od_options *options);

void od_options_deinit(struct od_options *options);

#endif
