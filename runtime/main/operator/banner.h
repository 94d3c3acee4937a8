// The banner of `open-do dev`: what is served where, for the person who has just started it.
//
//   open-do 0.2.0   chat.lua   version 1
//     listening on http://127.0.0.1:8787
//     rooms     http://127.0.0.1:8787/rooms/NAME
//     assets    http://127.0.0.1:8787/, from public
//     data      .open-do, 2 workers, pid 4711
//     watching  chat.lua, lib/names.lua
//     inspector http://127.0.0.1:8788/?token=...
//     keys      r reload   c clear   q quit   h help
//
// It goes where the log goes.

#ifndef OD_MAIN_OPERATOR_BANNER_H
#define OD_MAIN_OPERATOR_BANNER_H

#include "link/options.h"

struct od_banner {
    const struct od_options *options;
    const char *url;
    const char *admin_url; // Empty: there is none.
    const char *admin_token;
    od_slice namespaces; // "rooms, counters"
    od_slice assets;     // "public"; empty: none.
    od_slice watching;   // "chat.lua, lib/names.lua"
    bool has_entry;
    const char *keys; // NULL: there is nobody at a terminal.
};

void od_banner_print(const struct od_banner *banner);

#endif
