// What fetches consist of, for the files that are their body; everybody else knows only fetch.h.
//
//   fetch          the multi handle on the loop, all fetches of a worker, how one ends
//   fetch_request  what goes out: URL, method, fields, body; where a redirect leads
//   fetch_pieces   an answer's body, piece by piece
//   fetch_upload   a request's body, the same
//   fetch_answer   what comes in: fields, body, and why there is none

#ifndef OD_NET_FETCH_INNER_H
#define OD_NET_FETCH_INNER_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/map.h"
#include "codec/url.h"
#include "link/loop.h"
#include "link/request.h"
#include "net/curl.h"
#include "net/fetch.h"
#include "net/reach.h"
#include "net/transfers.h"

struct od_fetches {
    struct od_net *net;
    struct od_transfers transfers;
    struct od_map by_number;
    struct od_list hopeless; // Failed before they began.
    struct od_list resuming; // Paused, and have room again.
    size_t body_bytes;       // Of all that arrive now.
};

struct od_fetch {
    struct od_map_node node;
    uint64_t number;
    struct od_fetches *fetches;
    struct od_fetch_way way;
    CURL *easy;
    struct od_reach reach;
    struct od_url target;      // Of this hop,
    CURLU *url;                // and its parts for libcurl.
    struct curl_slist *fields; // Of this hop.
    struct od_bytes message;   // The request;
    struct od_request request; // slices into it.
    int redirect_count;
    bool is_get;          // A redirect made it one.
    bool has_left_origin; // A redirect led elsewhere: no credentials any more.
    bool is_too_large;
    bool has_two_lengths; // That differ, so nobody knows where the body ends.
    bool is_tried_anew;   // Its used connection had ended; a fresh one is the last try.
    bool is_head_over;    // What comes as fields now are trailers.
    struct od_bytes head; // Fields of the answer, encoded,
    uint32_t head_count;  // and how many.
    size_t last_name;     // Where in [head] the last of them begins,
    size_t last_value;    // and where its value does, to which a folded line belongs. 0: to none.
    struct od_bytes body;
    size_t going_bytes;  // Of its pieces: told and not taken.
    bool is_told;        // Its head was.
    bool is_paused;      // libcurl keeps what comes.
    bool is_in_callback; // Of libcurl, where it cannot be freed:
    bool is_unwanted;    // then that waits.
    struct od_list resuming;
    struct od_bytes upload; // Of its request's body: come and not sent.
    bool has_uploaded;      // Some of it was sent,
    bool has_upload_ended;  // all of it has come,
    bool is_upload_cut;     // or will not.
    struct od_list hopeless;
    struct od_error why; // HOPELESS.
};

// fetch_request.c

// The URL of [fetch->request]. False: it cannot be fetched.
OD_MUST_CHECK bool od_fetch_read_url(struct od_fetch *fetch, struct od_error *err);

// Tells the easy handle all about the hop that comes next.
void od_fetch_prepare(struct od_fetch *fetch);

// Where the answer of [status] sends it: [fetch->target] and what else changes.
OD_MUST_CHECK bool od_fetch_go_on(struct od_fetch *fetch, uint16_t status, od_slice location,
                                  struct od_error *err);

bool od_fetch_is_head(const struct od_fetch *fetch);

// The names that the fields Connection of [headers] call the connection's own, as one comma list;
// of a very long one the front.
void od_fetch_find_hops(struct od_headers headers, struct od_bytes *hops);

// fetch_pieces.c

// All fields of an answer have come, perhaps of one that is not the last. False: it is unwanted.
bool od_fetch_head_is_there(struct od_fetch *fetch);

// What libcurl's function for bodies returns: how much of [piece] is taken, or that it has to wait.
size_t od_fetch_take_piece(struct od_fetch *fetch, od_slice piece);
void od_fetch_tell_head(struct od_fetch *fetch, uint16_t status);
void od_fetch_taken_by(struct od_fetch *fetch, size_t size);
void od_fetch_resume_some(struct od_fetches *fetches);

void od_fetch_resume(struct od_fetch *fetch); // Soon.

// fetch_upload.c
void od_fetch_set_upload(struct od_fetch *fetch); // Tells the easy handle.
void od_fetch_put_upload(struct od_fetch *fetch, od_slice piece);
void od_fetch_end_upload(struct od_fetch *fetch, bool is_whole);
void od_fetch_forget_upload(struct od_fetch *fetch);

// fetch_answer.c

void od_fetch_expect(struct od_fetch *fetch); // Sets the functions that take the answer.
void od_fetch_forget_answer(struct od_fetch *fetch);
void od_fetch_put_answer(const struct od_fetch *fetch, uint16_t status, struct od_bytes *response);
bool od_fetch_has_answer(const struct od_fetch *fetch); // Or the begin of one.
bool od_fetch_location(const struct od_fetch *fetch, uint16_t status, od_slice *location);
void od_fetch_explain(const struct od_fetch *fetch, CURLcode code, struct od_error *err);

#endif
