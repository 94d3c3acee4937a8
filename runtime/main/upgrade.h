// An upgrade: another program takes the place of this one, and nobody is disconnected.
//
//         asked         can take over         workers are calm         all have handed over
//   IDLE ──────► TRYING ────────────► CALMING ────────────────► LEAVING ──────► (the next program)
//    ▲              │ cannot             │ a worker has ended,     │ it cannot be started,
//    │              │                    │ the disk does not write │ the disk does not write
//    └──────────────┴────────────────────┴─────────────────────────┘
//
// The program is tried first, with the record that it would get (successor.h); until it has said
// that it can take over, nothing changes; nor until handlers that take long have ended, within
// OD_CALM_MS_MAX, and the disk has taken what was written, within OD_UPGRADE_DISK_MS_MAX. Then the
// door accepts nobody, and workers hand over what
// they have (worker/parting.h). What they leave behind, what stands at the door, and what main
// knows besides becomes the record for the next program (takeover.h), which begins in this process
// and starts workers of its own. Whoever asked hears from that one what came of it.
//
// Process: main. Owner: the server.

#ifndef OD_MAIN_UPGRADE_H
#define OD_MAIN_UPGRADE_H

#include <limits.h>

#include "main/operator/control.h"
#include "main/successor.h"

struct od_server;

enum od_upgrade_state {
    OD_UPGRADE_IDLE,
    OD_UPGRADE_TRYING,
    OD_UPGRADE_CALMING,
    OD_UPGRADE_LEAVING,
};

struct od_upgrade {
    struct od_server *server;
    enum od_upgrade_state state;
    bool is_due;     // All workers have left.
    uint32_t asked;  // CALMING: the source by which the disk was asked (od_committer_forget),
    bool is_written; // and whether it has answered.
    struct od_timer timer;
    char program[PATH_MAX];
    struct od_control_question *question; // NULL: nobody waits.
    struct od_successor successor;
    od_time_ms since_ms;
};

struct od_upgrade *od_upgrade_new(struct od_server *server);
void od_upgrade_close(struct od_upgrade *upgrade); // Then the loop must run once more.
void od_upgrade_free(struct od_upgrade *upgrade);

// To [program]; empty: the file that this one was started from. [question] NULL: nobody waits.
void od_upgrade_ask(struct od_upgrade *upgrade, struct od_control_question *question,
                    od_slice program);

// The committer has forgotten [source].
void od_upgrade_disk_answers(struct od_upgrade *upgrade, uint32_t source);

void od_upgrade_left(struct od_upgrade *upgrade); // All workers have handed over.
void od_upgrade_turn(struct od_upgrade *upgrade); // Once a turn. It may not return.
bool od_upgrade_is_under_way(const struct od_upgrade *upgrade);

#endif
