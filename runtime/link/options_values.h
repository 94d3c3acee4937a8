// What a value of each option may be: read from its text into the options (options_table.c has a
// row for each); options_tls.c has those of TLS, options_history.c those of the history,
// options_cluster.c those of a cluster. False: it
// cannot be, and the error says what could.

#ifndef OD_LINK_OPTIONS_VALUES_H
#define OD_LINK_OPTIONS_VALUES_H

#include "link/options_inner.h"

typedef bool od_option_take(struct od_options_reading *reading, const char *text,
                            struct od_error *err);

od_option_take od_option_take_json, od_option_take_listen, od_option_take_data,
    od_option_take_workers, od_option_take_idle_ms, od_option_take_ping_ms,
    od_option_take_event_limit_ms, od_option_take_script_memory, od_option_take_var,
    od_option_take_var_file, od_option_take_env_file, od_option_take_log_format,
    od_option_take_log_level, od_option_take_log_requests, od_option_take_log_queries,
    od_option_take_watch, od_option_take_fetch_private, od_option_take_connections,
    od_option_take_awake, od_option_take_events, od_option_take_follow, od_option_take_no_wait,
    od_option_take_read_only, od_option_take_order, od_option_take_limit, od_option_take_cursor,
    od_option_take_allow_origin, od_option_take_allow_host, od_option_take_trusted_proxies,
    od_option_take_confine, od_option_take_admin, od_option_take_admin_host,
    od_option_take_template, od_option_take_tls_listen, od_option_take_tls_cert,
    od_option_take_tls_key, od_option_take_tls_auto, od_option_take_tls_authority,
    od_option_take_tls_redirect, od_option_take_at, od_option_take_check, od_option_take_history,
    od_option_take_archive_command, od_option_take_cluster, od_option_take_cluster_listen,
    od_option_take_cluster_secret_file;

#endif
