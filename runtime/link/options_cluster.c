#include <string.h>

#include "link/options_values.h"

bool od_option_take_cluster(struct od_options_reading *reading, const char *text,
                            struct od_error *err)
{
    reading->options->cluster = text;
    return strncmp(text, "postgresql://", 13) == 0 || strncmp(text, "postgres://", 11) == 0 ||
           od_error_set(err, "expected postgresql://USER@HOST/DATABASE");
}

bool od_option_take_cluster_listen(struct od_options_reading *reading, const char *text,
                                   struct od_error *err)
{
    reading->options->has_cluster_listen = true;
    const char *host = reading->options->cluster_listen.host;
    if (!od_address_parse(text, &reading->options->cluster_listen, err))
        return false;
    bool is_any = host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    return !is_any || od_error_set(err, "expected the address by which other nodes reach this one");
}

bool od_option_take_cluster_secret_file(struct od_options_reading *reading, const char *text,
                                        struct od_error *err)
{
    reading->options->cluster_secret_file = text;
    return text[0] != '\0' || od_error_set(err, "expected a file");
}

bool od_options_conclude_cluster(const struct od_options *options, struct od_error *err)
{
    if (options->cluster == NULL && options->has_cluster_listen)
        return od_error_set(err, "--cluster-listen is for a node of a --cluster");
    if (options->has_cluster_listen && options->cluster_secret_file == NULL)
        return od_error_set(err, "--cluster-listen needs a --cluster-secret-file: a file with at "
                                 "least 16 bytes, the same for all nodes");
    if (options->cluster != NULL && (options->history_ms > 0 || options->archive_command != NULL))
        return od_error_set(err, "--history and --archive-command are for one machine: in a "
                                 "cluster PostgreSQL keeps what is stored, and its history");
    return true;
}
