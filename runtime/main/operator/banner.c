#include "main/operator/banner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log_sink.h"

// Without an entry fetch every namespace has its own path.
static void put_namespaces(struct od_bytes *text, const struct od_banner *banner)
{
    od_slice rest = banner->namespaces;
    while (rest.size > 0) {
        const char *comma = memchr(rest.at, ',', rest.size);
        size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.at);
        od_bytes_printf(text, "  %-12.*s %s/%.*s/NAME\n", (int)size, rest.at, banner->url,
                        (int)size, rest.at);
        rest = od_slice_from(rest, size + 2);
    }
}

void od_banner_print(const struct od_banner *banner)
{
    const struct od_options *options = banner->options;
    struct od_bytes text = {0};
    od_bytes_printf(&text, "open-do %s   %s   version 1\n  listening on %s\n", OD_VERSION,
                    options->script, banner->url);
    if (banner->has_entry)
        od_bytes_printf(&text, "  %-12s %.*s, behind the script's own fetch\n", "namespaces",
                        (int)banner->namespaces.size, banner->namespaces.at);
    else
        put_namespaces(&text, banner);
    if (banner->assets.size > 0)
        od_bytes_printf(&text, "  %-12s %s/, from %.*s\n", "assets", banner->url,
                        (int)banner->assets.size, banner->assets.at);
    od_bytes_printf(&text, "  %-12s %s, %u worker%s, pid %d\n", "data", options->data_dir,
                    options->workers, options->workers == 1 ? "" : "s", (int)getpid());
    od_bytes_printf(&text, "  %-12s %.*s\n", "watching", (int)banner->watching.size,
                    banner->watching.at);
    if (banner->admin_url[0] != '\0')
        od_bytes_printf(&text, "  %-12s %s/?token=%s\n", "inspector", banner->admin_url,
                        banner->admin_token);
    if (banner->keys != NULL)
        od_bytes_printf(&text, "  %-12s %s\n", "keys", banner->keys);
    (void)od_log_sink_write(od_bytes_slice(&text), 0); // Nobody reads it: no reason not to serve.
    od_bytes_deinit(&text);
}
