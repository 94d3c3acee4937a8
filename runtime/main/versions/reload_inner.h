// What the parts of a reload have in common: reload_try.c (asking, trying, what came of it),
// reload_load.c (LOADING and SWITCHING) and reload_agree.c (the other nodes of a cluster).
//
// Process: main; for these only.

#ifndef OD_MAIN_VERSIONS_RELOAD_INNER_H
#define OD_MAIN_VERSIONS_RELOAD_INNER_H

#include "main/versions/reload.h"

void od_reload_move_to(struct od_reload *reload, enum od_reload_state state);
void od_reload_add_request(enum od_reload_request *request, enum od_reload_request other);
const char *od_reload_script_name(const struct od_reload *reload);
void od_reload_note_failure(struct od_reload *reload, od_slice why);
struct od_verdict od_reload_next_verdict(const struct od_reload *reload);
void od_reload_watch_files(struct od_reload *reload, const struct od_verdict *verdict);

// [files] are tried in the place of what is on the disk, unless they are empty.
void od_reload_give_files(struct od_reload *reload, od_slice files);
void od_reload_try(struct od_reload *reload, od_slice files);
// The first version, which is the number [version]; or that there is none yet.
void od_reload_begin_first(struct od_reload *reload, const struct od_verdict *verdict,
                           uint32_t version);

// The next version is in [next], and its number in [next_version].
void od_reload_take_version(struct od_reload *reload);
void od_reload_load_late(struct od_timer *timer);
void od_reload_load_in_all(struct od_reload *reload);
bool od_reload_all_have_answered(const struct od_reload *reload);
void od_reload_commit(struct od_reload *reload);
void od_reload_give_up(struct od_reload *reload); // [failure] says why.

void od_reload_rest_with_old(struct od_reload *reload, od_slice why);
void od_reload_rest_with_new(struct od_reload *reload);
void od_reload_tell_askers(struct od_reload *reload, bool ok, od_slice text);

// Of a node. Its first verdict is in [next]; or the one on what others have proposed.
void od_reload_first_judged(struct od_reload *reload);
void od_reload_offer_judged(struct od_reload *reload);
void od_reload_propose(struct od_reload *reload); // What is in [next], well.
void od_reload_agree(struct od_reload *reload);   // All workers here have answered.
bool od_reload_has_offer(const struct od_reload *reload);
void od_reload_take_offer(struct od_reload *reload);

#endif
