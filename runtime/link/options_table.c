#include <stdlib.h>
#include <string.h>

#include "link/options_inner.h"
#include "link/origin.h"

enum {
    idle_ms_max = 24 * 60 * 60 * 1000,
    ping_ms_max = 24 * 60 * 60 * 1000,
    event_limit_ms_min = 10,
    event_limit_ms_max = 60 * 60 * 1000,
    script_memory_mb_max = 1024 * 1024,
    connections_per_address_max = 1000 * 1000,
    look_limit_max = 100 * 1000 * 1000,
};

typedef bool take_value(struct od_options_reading *reading, const char *text, struct od_error *err);

static take_value take_json, take_listen, take_data, take_workers, take_idle_ms, take_ping_ms,
    take_event_limit_ms, take_script_memory, take_var, take_var_file, take_env_file,
    take_log_format, take_log_level, take_log_requests, take_log_queries, take_watch,
    take_fetch_private, take_connections, take_awake, take_events, take_follow, take_read_only,
    take_order, take_limit, take_cursor, take_allow_origin, take_allow_host, take_trusted_proxies,
    take_confine, take_admin, take_admin_host, take_template, take_tls_redirect, take_check;

const struct od_option_row od_option_rows[] = {
    {"Serving", "listen", "HOST:PORT", "where clients connect; :8787 is every address, port 0 any",
     "127.0.0.1:8787", NULL, false, take_listen},
    {NULL, "tls-listen", "HOST:PORT", "where clients connect with TLS (https, wss)", NULL, NULL,
     false, od_options_take_tls_listen},
    {NULL, "tls-cert", "FILE",
     "a certificate with its chain, PEM; may be repeated, for other names", NULL, NULL, true,
     od_options_take_tls_cert},
    {NULL, "tls-key", "FILE", "its key, PEM; as often as --tls-cert", NULL, NULL, true,
     od_options_take_tls_key},
    {NULL, "tls-auto", "DOMAIN",
     "have it certified by Let's Encrypt, whose terms you accept so, and renewed (by uacme); may "
     "be "
     "repeated; port 80 of DOMAIN must lead to --listen",
     NULL, NULL, true, od_options_take_tls_auto},
    {NULL, "tls-auto-server", "URL", "have it certified there: the directory of an ACME server",
     NULL, "Let's Encrypt", false, od_options_take_tls_authority},
    {NULL, "tls-redirect", "PORT",
     "who asks --listen without TLS is sent to https at PORT; 0: that of --tls-listen", NULL, NULL,
     false, take_tls_redirect},
    {NULL, "admin", "HOST:PORT",
     "where people look inside: a page, metrics, health, commands; off: nowhere", NULL,
     "dev: " OD_ADMIN_ADDRESS, false, take_admin},
    {NULL, "admin-host", "HOSTS", "names by which it may be asked, besides localhost and addresses",
     NULL, NULL, false, take_admin_host},
    {NULL, "data", "DIR", "where objects are stored", NULL, ".open-do beside the script", false,
     take_data},
    {NULL, "history", "TIME",
     "keep every moment so long, like 7d or 12h: restore --at goes back there", NULL, NULL, false,
     od_option_take_history},
    {NULL, "archive-command", "COMMAND",
     "run for each file of the history, which is %p and should be called %f", NULL, NULL, false,
     od_option_take_archive_command},
    {NULL, "workers", "N", "processes that run objects, 1 to 64", NULL,
     "the cores of this machine, or of its cgroup's quota", false, take_workers},
    {"Script", "var", "NAME[=VALUE]",
     "a variable for env; may be repeated; everybody here sees a VALUE (ps), not that of a NAME "
     "alone, which the environment has",
     NULL, NULL, true, take_var},
    {NULL, "var-file", "NAME=FILE", "a variable whose value a file holds; may be repeated", NULL,
     NULL, true, take_var_file},
    {NULL, "env-file", "FILE", "variables from a file, one a line; may be repeated", NULL, NULL,
     true, take_env_file},
    {NULL, "watch", NULL, "load the script anew when it or a module of it changes", NULL, NULL,
     false, take_watch},
    {NULL, "template", "NAME", "what a new project is made of: chat, api or empty", "chat", NULL,
     false, take_template},
    {"Objects", "idle-ms", "MS", "an object sleeps after so long without an event", "10000", NULL,
     false, take_idle_ms},
    {NULL, "ping-ms", "MS",
     "a WebSocket quiet for so long is asked, and closed after as long; 0: never", "30000", NULL,
     false, take_ping_ms},
    {NULL, "event-limit-ms", "MS", "an event that runs longer costs its worker, not its sockets",
     "30000", NULL, false, take_event_limit_ms},
    {NULL, "script-memory-mb", "MB", "what the Lua code of one worker may use", NULL,
     "512, or less by the cgroup's limit", false, take_script_memory},
    {NULL, "confine", "on|off", "workers may not write files or start programs", "on", NULL, false,
     take_confine},
    {"Network", "allow-origin", "ORIGINS",
     "pages that may open WebSockets, besides those of the same host; *: all", NULL, NULL, false,
     take_allow_origin},
    {NULL, "allow-host", "HOSTS",
     "names by which pages may open WebSockets; dev and loopback: only localhost and addresses",
     NULL, "any", false, take_allow_host},
    {NULL, "connections-per-address", "N", "so many at once from one address; 0: any", "0", NULL,
     false, take_connections},
    {NULL, "trusted-proxies", "NETWORKS", "who may say for whom it asks, like 10.0.0.0/8,::1", NULL,
     NULL, false, take_trusted_proxies},
    {NULL, "fetch-private", "allow|deny",
     "od.fetch of addresses of this machine and of private networks", "allow", NULL, false,
     take_fetch_private},
    {"Looking", "awake", NULL, "only objects with an instance", NULL, NULL, false, take_awake},
    {NULL, "order", "BY",
     "the first of all by name, bytes, queue, sockets, errors, busy, slowest or last", NULL, NULL,
     false, take_order},
    {NULL, "limit", "N", "how many", "1000", NULL, false, take_limit},
    {NULL, "cursor", "CURSOR", "go on where the list before ended", NULL, NULL, false, take_cursor},
    {NULL, "events", NULL, "its last events and what took how long; it is watched from then on",
     NULL, NULL, false, take_events},
    {NULL, "follow", NULL, "go on with what is logged from now on; also -f", NULL, NULL, false,
     take_follow},
    {NULL, "read-only", NULL, "a statement that writes is refused", NULL, NULL, false,
     take_read_only},
    {"Restoring", "at", "TIME",
     "nothing later than that, like 2026-11-29T12:50:11Z or milliseconds since 1970", NULL,
     "all there is", false, od_option_take_at},
    {NULL, "check", NULL, "only look whether it could be done; TO is not needed", NULL, NULL, false,
     take_check},
    {"Output", "json", NULL, "the answer is for machines", NULL, NULL, false, take_json},
    {NULL, "log-format", "text|json", "for people or for machines", "text", NULL, false,
     take_log_format},
    {NULL, "log-level", "debug|info|warn|error", "from which level on", "info", NULL, false,
     take_log_level},
    {NULL, "log-requests", NULL, "a line for each request and WebSocket", NULL, NULL, false,
     take_log_requests},
    {NULL, "log-queries", NULL, "in these lines also what stands behind the ? of a URL", NULL, NULL,
     false, take_log_queries},
    {NULL, NULL, NULL, NULL, NULL, NULL, false, NULL},
};

#define OD_LOOKS(name, help, operand, example)                                                     \
    OD_LOOKS_WITH(name, help, operand, OD_OPTIONS_OF_LOOKS, example)

#define OD_LOOKS_WITH(name, help, operand, options, example)                                       \
    {                                                                                              \
        name, help, operand, false, true, options, name " " example                                \
    }

const struct od_command_row od_command_rows[OD_COMMAND_COUNT] = {
    [OD_COMMAND_RUN] = {"run", "serve the script", "SCRIPT", false, false, NULL,
                        "run chat.lua --listen :80 --data chat-data"},
    [OD_COMMAND_DEV] = {"dev", "serve it, reload it on save, with a log for people", "SCRIPT",
                        false, false, NULL, "dev chat.lua --var GREETING=hello"},
    [OD_COMMAND_CHECK] = {"check", "load the script and stop: exit code 0 or 1", "SCRIPT", false,
                          false, " var env-file script-memory-mb confine log-format log-level ",
                          "check chat.lua"},
    [OD_COMMAND_STATUS] = {"status", "what the running program does, and what keeps objects awake",
                           "[SCRIPT]", false, false, OD_OPTIONS_OF_LOOKS,
                           "status --data chat-data --json"},
    [OD_COMMAND_RELOAD] = {"reload", "tell the running program to load its script anew", "[SCRIPT]",
                           false, false, " data ", "reload chat.lua"},
    [OD_COMMAND_DRAIN] = {"drain", "tell the running program to end what runs, and stop",
                          "[SCRIPT]", false, false, " data ", "drain --data chat-data"},
    [OD_COMMAND_UPGRADE] = {"upgrade", "take over from the running program; nobody is disconnected",
                            "[SCRIPT]", false, false, " data ", "upgrade --data chat-data"},
    [OD_COMMAND_RESTART_WORKER] = {"restart-worker", "replace a worker; nobody is disconnected",
                                   "N", false, true, " data ", "restart-worker 0 --data chat-data"},
    [OD_COMMAND_OBJECTS] =
        OD_LOOKS_WITH("objects", "which objects there are", "[NAMESPACE[/BEGINNING]]",
                      " awake order limit cursor" OD_OPTIONS_OF_LOOKS, "rooms --order errors"),
    [OD_COMMAND_OBJECT] =
        OD_LOOKS_WITH("object", "one of them, without waking it", "NAMESPACE/NAME",
                      " events" OD_OPTIONS_OF_LOOKS, "rooms/lobby"),
    [OD_COMMAND_KV] = OD_LOOKS("kv", "what it has stored; VALUE is JSON",
                               "list|get|put|delete NAMESPACE/NAME [KEY [VALUE]]",
                               "put rooms/lobby topic '\"tea\"'"),
    [OD_COMMAND_SQL] =
        OD_LOOKS_WITH("sql", "SQL in its database; what only reads does not wake it",
                      "NAMESPACE/NAME STATEMENT [JSON ...]", " read-only" OD_OPTIONS_OF_LOOKS,
                      "rooms/lobby 'SELECT * FROM message WHERE id > ?' 10"),
    [OD_COMMAND_CALL] = OD_LOOKS("call", "call a method of it", "NAMESPACE/NAME METHOD [JSON ...]",
                                 "rooms/lobby history 10"),
    [OD_COMMAND_SOCKETS] = OD_LOOKS("sockets", "who is connected",
                                    "[list|send|close|watch] NAMESPACE/NAME [SOCKET [TEXT]]",
                                    "send rooms/lobby 17 hello"),
    [OD_COMMAND_ALARM] =
        OD_LOOKS("alarm", "its alarm; WHEN is like 10s, 5m, 2h or ms since 1970",
                 "get|set|delete|run NAMESPACE/NAME [WHEN]", "set rooms/lobby 10s"),
    [OD_COMMAND_HIBERNATE] = OD_LOOKS("hibernate", "put it to sleep when its handlers have ended",
                                      "NAMESPACE/NAME", "rooms/lobby"),
    [OD_COMMAND_EVICT] = OD_LOOKS("evict", "put it to sleep at once; its sockets stay",
                                  "NAMESPACE/NAME", "rooms/lobby"),
    [OD_COMMAND_RESET] =
        OD_LOOKS("reset", "the same, and cut its sockets", "NAMESPACE/NAME", "rooms/lobby"),
    [OD_COMMAND_DELETE] = OD_LOOKS("delete", "the same, and delete all it has stored",
                                   "NAMESPACE/NAME", "rooms/lobby"),
    [OD_COMMAND_LOG] = OD_LOOKS_WITH(
        "log", "its log: the last lines, and with -f those that come", "[NAMESPACE[/BEGINNING]]",
        " follow log-level" OD_OPTIONS_OF_LOOKS, "log -f rooms --log-level warn"),
    [OD_COMMAND_EXPORT] = OD_LOOKS("export", "an object or all of a namespace, as JSON lines",
                                   "NAMESPACE[/NAME]", "rooms > rooms.jsonl"),
    [OD_COMMAND_IMPORT] =
        OD_LOOKS("import", "what export wrote; FILE may be -", "FILE", "rooms.jsonl"),
    [OD_COMMAND_BACKUP] = {"backup",
                           "copy all that is stored into a new directory, also while it runs", "TO",
                           false, true, " data json ", "backup /backup/monday --data chat-data"},
    [OD_COMMAND_RESTORE] = {"restore", "make a data directory of a backup, an archive or a history",
                            "FROM [TO]", false, true, " at check json ",
                            "restore /backup/monday chat-data"},
    [OD_COMMAND_TEST] = {"test", "run the specs of a script, with busted", "[PATH]", true, false,
                         "", "test spec/chat_spec.lua -- -o TAP"},
    [OD_COMMAND_TYPES] = {"types", "write types of the Lua API for editors and luacheck", "[DIR]",
                          true, false, "", "types"},
    [OD_COMMAND_NEW] = {"new", "make a project to start from: script, spec, types", "[DIR]", true,
                        false, OD_OPTIONS_OF_NEW, "new guestbook --template api"},
};

// --- Values ------------------------------------------------------------------------------------

static bool take_listen(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return od_address_parse(text, &reading->options->listen, err);
}

static bool take_admin(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    struct od_options *options = reading->options;
    reading->is_told_admin = true;
    options->has_admin = strcmp(text, "off") != 0;
    return !options->has_admin || od_address_parse(text, &options->admin, err);
}

static bool take_admin_host(struct od_options_reading *reading, const char *text,
                            struct od_error *err)
{
    reading->options->admin_host = text;
    return od_origin_check_hosts(text, err);
}

static bool take_data(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    if (*text == '\0')
        return od_error_set(err, "expected a directory");
    reading->data_dir = text;
    return true;
}

static bool take_number(const char *text, uint32_t min, uint32_t max, uint32_t *number,
                        struct od_error *err)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long value = strtoul(text, NULL, 10);
    if (digits == 0 || digits > 10 || text[digits] != '\0' || value < min || value > max)
        return od_error_set(err, "expected a number from %u to %u", min, max);
    *number = (uint32_t)value;
    return true;
}

// [text] is NULL for the flag itself.
static bool take_flag(const char *text, bool *is_set, struct od_error *err)
{
    *is_set = text == NULL || strcmp(text, "1") == 0;
    return *is_set || strcmp(text, "0") == 0 || od_error_set(err, "expected 1 or 0");
}

static bool take_workers(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return take_number(text, 1, OD_WORKERS_MAX, &reading->options->workers, err);
}

static bool take_idle_ms(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return take_number(text, 0, idle_ms_max, &reading->options->idle_ms, err);
}

static bool take_ping_ms(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return take_number(text, 0, ping_ms_max, &reading->options->ping_ms, err);
}

static bool take_json(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return take_flag(text, &reading->options->json, err);
}

static bool take_check(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return take_flag(text, &reading->options->check, err);
}

static bool take_awake(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return take_flag(text, &reading->options->look.awake, err);
}

static bool take_follow(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return take_flag(text, &reading->options->look.follow, err);
}

static bool take_read_only(struct od_options_reading *reading, const char *text,
                           struct od_error *err)
{
    return take_flag(text, &reading->options->look.read_only, err);
}

static bool take_events(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return take_flag(text, &reading->options->look.events, err);
}

// The words themselves are looked at by who gets them (lua/open-do/command).
static bool take_order(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    (void)err;
    reading->options->look.order = text;
    return true;
}

static bool take_cursor(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    (void)err;
    reading->options->look.cursor = text;
    return true;
}

static bool take_limit(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return take_number(text, 1, look_limit_max, &reading->options->look.limit, err);
}

static bool take_watch(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return take_flag(text, &reading->options->watch, err);
}

static bool take_template(struct od_options_reading *reading, const char *text,
                          struct od_error *err)
{
    reading->options->template_name = text;
    return strcmp(text, "chat") == 0 || strcmp(text, "api") == 0 || strcmp(text, "empty") == 0 ||
           od_error_set(err, "--template must be chat, api or empty, not '%s'", text);
}

static bool take_log_requests(struct od_options_reading *reading, const char *text,
                              struct od_error *err)
{
    return take_flag(text, &reading->options->log_requests, err);
}

static bool take_log_queries(struct od_options_reading *reading, const char *text,
                             struct od_error *err)
{
    return take_flag(text, &reading->options->log_queries, err);
}

static bool take_event_limit_ms(struct od_options_reading *reading, const char *text,
                                struct od_error *err)
{
    return take_number(text, event_limit_ms_min, event_limit_ms_max,
                       &reading->options->event_limit_ms, err);
}

static bool take_script_memory(struct od_options_reading *reading, const char *text,
                               struct od_error *err)
{
    return take_number(text, OD_SCRIPT_MEMORY_MB_MIN, script_memory_mb_max,
                       &reading->options->script_memory_mb, err);
}

// Main hands over what these give.
static bool take_var(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return getenv(OD_WORKER_ENV_VARIABLE) != NULL ||
           od_variables_set_pair(&reading->options->variables, od_slice_of(text), err);
}

static bool take_var_file(struct od_options_reading *reading, const char *text,
                          struct od_error *err)
{
    return getenv(OD_WORKER_ENV_VARIABLE) != NULL ||
           od_variables_set_from_file(&reading->options->variables, od_slice_of(text), err);
}

static bool take_env_file(struct od_options_reading *reading, const char *text,
                          struct od_error *err)
{
    if (getenv(OD_WORKER_ENV_VARIABLE) != NULL)
        return true;
    size_t room = sizeof reading->env_files / sizeof *reading->env_files;
    if (reading->env_file_count == room)
        return od_error_set(err, "there are more than %zu of them", room);
    reading->env_files[reading->env_file_count++] = text;
    return true;
}

static bool take_log_format(struct od_options_reading *reading, const char *text,
                            struct od_error *err)
{
    bool json = strcmp(text, "json") == 0;
    if (!json && strcmp(text, "text") != 0)
        return od_error_set(err, "expected text or json");
    reading->options->log_format = json ? OD_LOG_JSON : OD_LOG_TEXT;
    return true;
}

static bool take_log_level(struct od_options_reading *reading, const char *text,
                           struct od_error *err)
{
    return od_log_level_parse(text, &reading->options->log_level) ||
           od_error_set(err, "expected debug, info, warn or error");
}

static bool take_tls_redirect(struct od_options_reading *reading, const char *text,
                              struct od_error *err)
{
    reading->options->tls_redirect = true;
    return take_number(text, 0, UINT16_MAX, &reading->options->tls_redirect_port, err);
}

static bool take_connections(struct od_options_reading *reading, const char *text,
                             struct od_error *err)
{
    return take_number(text, 0, connections_per_address_max,
                       &reading->options->connections_per_address, err);
}

static bool take_allow_origin(struct od_options_reading *reading, const char *text,
                              struct od_error *err)
{
    reading->options->allow_origin = text;
    return od_origin_check_list(text, err);
}

static bool take_allow_host(struct od_options_reading *reading, const char *text,
                            struct od_error *err)
{
    reading->options->allow_host = text;
    return od_origin_check_hosts(text, err);
}

static bool take_trusted_proxies(struct od_options_reading *reading, const char *text,
                                 struct od_error *err)
{
    reading->options->trusted_proxies.count = 0;
    return od_networks_parse(text, &reading->options->trusted_proxies, err);
}

static bool take_confine(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    reading->options->confine = strcmp(text, "on") == 0;
    return reading->options->confine || strcmp(text, "off") == 0 ||
           od_error_set(err, "expected on or off");
}

static bool take_fetch_private(struct od_options_reading *reading, const char *text,
                               struct od_error *err)
{
    reading->options->fetch_private_denied = strcmp(text, "deny") == 0;
    return reading->options->fetch_private_denied || strcmp(text, "allow") == 0 ||
           od_error_set(err, "expected allow or deny");
}
