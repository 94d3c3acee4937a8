#include "link/options_values.h"

bool od_option_take_cluster_listen(struct od_options_reading *reading, const char *text,
                                   struct od_error *err)
{
    struct od_options *options = reading->options;
    OD_ASSERT(text != NULL);
    options->has_cluster_listen = true;
    return od_address_parse(text, &options->cluster_listen, err);
}

bool od_option_take_cluster_secret_file(struct od_options_reading *reading, const char *text,
                                        struct od_error *err)
{
    OD_ASSERT(text != NULL);
    reading->options->cluster_secret_file = text;
    return *text != '\0' || od_error_set(err, "expected a file");
}
