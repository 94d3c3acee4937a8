#include "link/options_values.h"

#include <stdlib.h>
#include <string.h>

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

bool od_option_take_listen(struct od_options_reading *reading, const char *text,
                           struct od_error *err)
{
    return od_address_parse(text, &reading->options->listen, err);
}

bool od_option_take_admin(struct od_options_reading *reading, const char *text,
                          struct od_error *err)
{
    struct od_options *options = reading->options;
    reading->is_told_admin = true;
    options->has_admin = strcmp(text, "off") != 0;
    return !options->has_admin || od_address_parse(text, &options->admin, err);
}

bool od_option_take_admin_host(struct od_options_reading *reading, const char *text,
                               struct od_error *err)
{
    reading->options->admin_host = text;
    return od_origin_check_hosts(text, err);
}

bool od_option_take_data(struct od_options_reading *reading, const char *text, struct od_error *err)
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

bool od_option_take_workers(struct od_options_reading *reading, const char *text,
                            struct od_error *err)
{
    return take_number(text, 1, OD_WORKERS_MAX, &reading->options->workers, err);
}

bool od_option_take_idle_ms(struct od_options_reading *reading, const char *text,
                            struct od_error *err)
{
    return take_number(text, 0, idle_ms_max, &reading->options->idle_ms, err);
}

bool od_option_take_ping_ms(struct od_options_reading *reading, const char *text,
                            struct od_error *err)
{
    return take_number(text, 0, ping_ms_max, &reading->options->ping_ms, err);
}

bool od_option_take_json(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return take_flag(text, &reading->options->json, err);
}

bool od_option_take_check(struct od_options_reading *reading, const char *text,
                          struct od_error *err)
{
    return take_flag(text, &reading->options->check, err);
}

bool od_option_take_awake(struct od_options_reading *reading, const char *text,
                          struct od_error *err)
{
    return take_flag(text, &reading->options->look.awake, err);
}

bool od_option_take_follow(struct od_options_reading *reading, const char *text,
                           struct od_error *err)
{
    return take_flag(text, &reading->options->look.follow, err);
}

bool od_option_take_no_wait(struct od_options_reading *reading, const char *text,
                            struct od_error *err)
{
    return take_flag(text, &reading->options->look.no_wait, err);
}

bool od_option_take_read_only(struct od_options_reading *reading, const char *text,
                              struct od_error *err)
{
    return take_flag(text, &reading->options->look.read_only, err);
}

bool od_option_take_events(struct od_options_reading *reading, const char *text,
                           struct od_error *err)
{
    return take_flag(text, &reading->options->look.events, err);
}

// The words themselves are looked at by who gets them (lua/open-do/command).
bool od_option_take_order(struct od_options_reading *reading, const char *text,
                          struct od_error *err)
{
    (void)err;
    reading->options->look.order = text;
    return true;
}

bool od_option_take_cursor(struct od_options_reading *reading, const char *text,
                           struct od_error *err)
{
    (void)err;
    reading->options->look.cursor = text;
    return true;
}

bool od_option_take_limit(struct od_options_reading *reading, const char *text,
                          struct od_error *err)
{
    return take_number(text, 1, look_limit_max, &reading->options->look.limit, err);
}

bool od_option_take_watch(struct od_options_reading *reading, const char *text,
                          struct od_error *err)
{
    return take_flag(text, &reading->options->watch, err);
}

bool od_option_take_template(struct od_options_reading *reading, const char *text,
                             struct od_error *err)
{
    reading->options->template_name = text;
    return strcmp(text, "chat") == 0 || strcmp(text, "api") == 0 || strcmp(text, "empty") == 0 ||
           od_error_set(err, "expected chat, api or empty");
}

bool od_option_take_log_requests(struct od_options_reading *reading, const char *text,
                                 struct od_error *err)
{
    return take_flag(text, &reading->options->log_requests, err);
}

bool od_option_take_log_queries(struct od_options_reading *reading, const char *text,
                                struct od_error *err)
{
    return take_flag(text, &reading->options->log_queries, err);
}

bool od_option_take_event_limit_ms(struct od_options_reading *reading, const char *text,
                                   struct od_error *err)
{
    return take_number(text, event_limit_ms_min, event_limit_ms_max,
                       &reading->options->event_limit_ms, err);
}

bool od_option_take_script_memory(struct od_options_reading *reading, const char *text,
                                  struct od_error *err)
{
    return take_number(text, OD_SCRIPT_MEMORY_MB_MIN, script_memory_mb_max,
                       &reading->options->script_memory_mb, err);
}

// Main hands over what these give.
bool od_option_take_var(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    return getenv(OD_WORKER_ENV_VARIABLE) != NULL ||
           od_variables_set_pair(&reading->options->variables, od_slice_of(text), err);
}

bool od_option_take_var_file(struct od_options_reading *reading, const char *text,
                             struct od_error *err)
{
    return getenv(OD_WORKER_ENV_VARIABLE) != NULL ||
           od_variables_set_from_file(&reading->options->variables, od_slice_of(text), err);
}

bool od_option_take_env_file(struct od_options_reading *reading, const char *text,
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

bool od_option_take_log_format(struct od_options_reading *reading, const char *text,
                               struct od_error *err)
{
    bool json = strcmp(text, "json") == 0;
    if (!json && strcmp(text, "text") != 0)
        return od_error_set(err, "expected text or json");
    reading->options->log_format = json ? OD_LOG_JSON : OD_LOG_TEXT;
    return true;
}

bool od_option_take_log_level(struct od_options_reading *reading, const char *text,
                              struct od_error *err)
{
    return od_log_level_parse(text, &reading->options->log_level) ||
           od_error_set(err, "expected debug, info, warn or error");
}

bool od_option_take_tls_redirect(struct od_options_reading *reading, const char *text,
                                 struct od_error *err)
{
    reading->options->tls_redirect = true;
    return take_number(text, 0, UINT16_MAX, &reading->options->tls_redirect_port, err);
}

bool od_option_take_connections(struct od_options_reading *reading, const char *text,
                                struct od_error *err)
{
    return take_number(text, 0, connections_per_address_max,
                       &reading->options->connections_per_address, err);
}

bool od_option_take_allow_origin(struct od_options_reading *reading, const char *text,
                                 struct od_error *err)
{
    reading->options->allow_origin = text;
    return od_origin_check_list(text, err);
}

bool od_option_take_allow_host(struct od_options_reading *reading, const char *text,
                               struct od_error *err)
{
    reading->options->allow_host = text;
    return od_origin_check_hosts(text, err);
}

bool od_option_take_trusted_proxies(struct od_options_reading *reading, const char *text,
                                    struct od_error *err)
{
    reading->options->trusted_proxies.count = 0;
    return od_networks_parse(text, &reading->options->trusted_proxies, err);
}

bool od_option_take_confine(struct od_options_reading *reading, const char *text,
                            struct od_error *err)
{
    reading->options->confine = strcmp(text, "on") == 0;
    return reading->options->confine || strcmp(text, "off") == 0 ||
           od_error_set(err, "expected on or off");
}

bool od_option_take_fetch_private(struct od_options_reading *reading, const char *text,
                                  struct od_error *err)
{
    reading->options->fetch_private_denied = strcmp(text, "deny") == 0;
    return reading->options->fetch_private_denied || strcmp(text, "allow") == 0 ||
           od_error_set(err, "expected allow or deny");
}
