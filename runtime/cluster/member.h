// A member: this node among the others, by a thread and a connection of its own.
//
// Each second it raises its beat in od_node, and twice a second it reads who is there and who has
// which slot. It compares no clocks: another node is dead when its beat has been the same for
// OD_CLUSTER_DEAD_MS of this node's time (sight.h). Its own lease runs from before the beat was
// sent. Which slots it claims, and which it is asked to give up, holdings.h says.
//
// What it sees it tells main as news; what main has given up it hands on. A slot is claimed anew
// only after od_member_give.
//
// Thread: all on the loop's; the thread inside never logs. Owner: the cluster.

#ifndef OD_CLUSTER_MEMBER_H
#define OD_CLUSTER_MEMBER_H

#include <uv.h>

#include "cluster/member_events.h"

struct od_member;

// [self] is joining, and claims nothing. The loop is told by an event of its own.
OD_MUST_CHECK bool od_member_start(struct od_member **member, uv_loop_t *loop, const char *url,
                                   const struct od_cluster_node *self, int stop_fd,
                                   const struct od_member_events *events, void *owner,
                                   struct od_error *err);

// This node can serve: it is up. Told once.
void od_member_rise(struct od_member *member);

// Nothing of [slot] will be committed any more; it goes to [to], or, with 0, to whom it belongs.
void od_member_give(struct od_member *member, od_slot slot, od_node_id to);

// What this node says of a version of the script (ballot.h).
void od_member_vote(struct od_member *member, enum od_vote vote, uint32_t version, od_slice text);

// This node is about to end: what it has is wanted by others, little by little, and none of theirs
// is its any more. [left] is told.
void od_member_leave(struct od_member *member);

// That life of another node is to do the same. Until the engine knows it is tried again.
void od_member_send_off(struct od_member *member, const struct od_cluster_node *node);

// Gives all up, says that it leaves, and ends the thread. The loop must run once more. NULL is
// allowed.
void od_member_stop(struct od_member *member);

#endif
