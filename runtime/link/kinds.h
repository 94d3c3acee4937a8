// Every message that crosses a process boundary, in one table: its name, who sends it, what it
// holds.
//
// A message is a length, a kind and a body; a file descriptor may ride along. Bodies are written
// with base/bytes.h and read with base/cursor.h; nothing in them is a pointer, so the same messages
// can cross machines. Adding a message means adding a row here and a reader where it arrives.
//
// Notation: u8 u16 u32 u64 are numbers, str is a u32 length and bytes, * repeats to the end.

#ifndef OD_LINK_KINDS_H
#define OD_LINK_KINDS_H

#define OD_KINDS(KIND)                                                                             \
    /* main -> worker */                                                                           \
    KIND(CONNECTION, "a connection (codec/newcomer.h); fd: the connection")                        \
    KIND(PEER, "u32 worker; fd: a link to that worker")                                            \
    KIND(PEER_ENDED, "u32 worker, u8 all, (u64 call)*: it has ended, and may have begun these of " \
                     "your calls, or all")                                                         \
    KIND(SLOTS,                                                                                    \
         "u8 for each slot: where it is (link/seats.h), u8 for each: where it goes when it "       \
         "goes, u8 for each seat: how many workers that node has, 0 when it is not linked")        \
    KIND(OBJECT_LOADED, "32 bytes id: what that object stores can be read from LMDB")              \
    KIND(DURABLE, "u64 seq, u64 group, u64 its time: batches up to here are on disk, as up to "    \
                  "that group of the journal")                                                     \
    KIND(APPLIED, "u64 seq: batches up to here can be read from LMDB")                             \
    KIND(COMMIT_FAILED, "u32 generation, u64 first failed seq, str why")                           \
    KIND(DRAIN, "u32 bound in ms: finish what runs, close what is open, say DRAINED")              \
    KIND(AWAIT_CALM, "u32 ms: say CALM when no handler runs for long any more, or then")           \
    KIND(LEAVE, "u32 bound in ms: read nothing more, let end what runs, say STILL")                \
    KIND(PART, "nothing: say SOCKET_STATE for all sockets that can go on, and end")                \
    KIND(LOAD, "u32 version, files (link/files.h): load them; the first is served at once; a "     \
               "trial that gets none reads the disk")                                              \
    KIND(SWITCH, "u32 version: serve it from here on; it was LOADED")                              \
    KIND(DISCARD, "u32 version: forget it")                                                        \
    KIND(STATUS,                                                                                   \
         "u64 question, u8 when settled: how are you, now or when there is nothing to do?")        \
    KIND(TELL_LOG, "u8 on: send what is logged from here on, and first what was; or no more")      \
    KIND(TURN, "nothing: take a turn, so that it shows on the page that you can; the process for " \
               "other nodes has no page, and says the same")                                       \
    KIND(REFUSE, "32 bytes id, u32 ms, u8 hears no close, str why: that object is not to run")     \
    KIND(ALARM, "u64 wall clock in ms, u8 fails, identity (store/identity.h), str name: if that "  \
                "is due by then, ring it; or count it as a try that cost a worker")                \
    KIND(RESTORE_OBJECT, "object record (object/keep.h)")                                          \
    KIND(RESTORE_SOCKET,                                                                           \
         "u64 socket, u32 place, u64 answered ms, u16 code or 0, str later facts, socket "         \
         "record (object/keep.h); fd: the connection, or none and a code: how it was closed")      \
    KIND(RECALL, "identity (store/identity.h): of an object that has wishes (object/wish.h)")      \
    KIND(RESTORED, "u64 group, u64 its time: that was all of the life before, to which this was "  \
                   "told last; answered with BACK")                                                \
    /* main <-> the admin process (main/operator/admin_listener.h), which gets a CONNECTION too */ \
    KIND(ADMIN, "str token, str token that may only look: who may ask there")                      \
    KIND(ASK, "u64 question, str command of the control socket, str who asks, its body")           \
    KIND(ANSWER, "u64 question, u8 ok, what the control socket would answer")                      \
    /* worker -> main */                                                                           \
    KIND(CONNECTION_OVER, "u64 number (link/connection.h)")                                        \
    KIND(CONNECTION_MOVED, "u64 number, u32 worker: it has that connection from now on")           \
    KIND(READY, "nothing: the first version is loaded and served")                                 \
    KIND(LOAD_FAILED, "str why: the script cannot be loaded; the worker ends")                     \
    KIND(BATCHES, "u32 generation, u64 seq, batches (store/batch.h)")                              \
    KIND(ALARM_OVER,                                                                               \
         "32 bytes id, u8 again: what came of ALARM is on disk, or could not be stored")           \
    KIND(BACK, "nothing: objects may be used")                                                     \
    KIND(CONNECTION_LEFT, "u32 place: the worker has it no more, or could not take it")            \
    KIND(OBJECT_KEEP, "u8 forget, 32 bytes id, object record")                                     \
    KIND(SOCKET_KEEP, "u64 socket, u32 place, u32 the place it had as an HTTP connection and has " \
                      "left, record (object/keep.h); or without such a place fd: a duplicate")     \
    KIND(CALM, "nothing: what runs here now will end soon")                                        \
    KIND(STILL, "nothing: nothing runs here any more, or the bound is over")                       \
    KIND(SOCKET_STATE, "u64 socket, u8 is moving, record (object/keep.h): it can go on from "      \
                       "that, or has done so and is as any other again")                           \
    KIND(SOCKET_FACTS, "u64 socket, str facts (object/keep.h)")                                    \
    KIND(OBJECT_WANTED, "32 bytes id: what that object stores is to be loaded")                    \
    KIND(SLOTS_LEFT, "(u16 slot)*: nothing of these is here any more")                             \
    KIND(SOCKET_GONE, "u64 socket")                                                                \
    KIND(STATUS_REPORT, "u64 question, report (object/operator/report.h)")                         \
    KIND(LOGGED, "u8 these are of before TELL_LOG, lines of JSON")                                 \
    KIND(DRAINED, "nothing")                                                                       \
    KIND(LOADED, "u32 version, u8 ok, str why not or its folder of assets, u8 has an entry "       \
                 "fetch, u32 count, (str namespace as stored, str as it is called)*, files: it "   \
                 "waits for SWITCH")                                                               \
    KIND(SWITCHED, "nothing: every event from here on meets the new version")                      \
    KIND(LOOKED_AT, "files: that running code has required")                                       \
    /* main -> historian */                                                                        \
    KIND(HISTORY_ENDS, "nothing: nobody writes any more; archive what there is, and end")          \
    /* historian -> main */                                                                        \
    KIND(HISTORY, "u64 kept behind, u64 oldest ms, u32 bases, u32 segments, u64 bytes, u32 files " \
                  "to archive, u64 since ms, u32 failures (main/processes/history.h)")             \
    /* main -> tls, which says READY or LOAD_FAILED */                                             \
    KIND(TLS_OUTER, "nothing; fd: the connection of a client, whose other side comes next")        \
    KIND(TLS_INNER, "nothing; fd: that other side")                                                \
    KIND(TLS_RELOAD, "nothing: the certificates may be others")                                    \
    /* main -> node, which says READY or LOAD_FAILED */                                            \
    KIND(NODE_SELF, "u32 id, u64 life, str cluster: who this node is")                             \
    KIND(NODE_KNOWN, "u32 seat, u32 id, u64 life, str address: who has that seat; id 0: nobody")   \
    KIND(NODE_CALLER, "nothing; fd: a connection from another node, perhaps")                      \
    KIND(NODE_PAIR, "u32 worker, u32 place; fd: the link of that worker to that place "            \
                    "(link/seats.h)")                                                              \
    /* main <-> node <-> node */                                                                   \
    KIND(NODE_WORKER, "u32 worker, or place of one, u32 its life, u8 is there, u8 all, (u32 "      \
                      "caller, u64 call)*: it is there, or has ended and may have begun these, "   \
                      "or all")                                                                    \
    /* node -> main */                                                                             \
    KIND(NODE_STATE, "u32 seat, u32 workers: it is linked, and has so many; 0: it is not")         \
    /* node <-> node (node/line.h) */                                                              \
    KIND(NODE_HELLO, "who speaks (node/hello.h)")                                                  \
    KIND(NODE_PROOF, "32 bytes (node/proof.h)")                                                    \
    KIND(NODE_PING, "nothing: this side is there")                                                 \
    KIND(NODE_PIECE, "u32 from worker, u32 to worker, u32 life of that, u8 flags, u16 kind, u64 "  \
                     "tunnel, bytes of a message between these (node/channel.h)")                  \
    KIND(NODE_TAKEN, "u32 from worker, u32 to worker, u32 bytes: so many more may follow")         \
    KIND(TUNNEL_PIECE, "u64 tunnel, bytes (node/tunnel.h)")                                        \
    KIND(TUNNEL_TAKEN, "u64 tunnel, u32 bytes: so many more may follow")                           \
    KIND(TUNNEL_END, "u64 tunnel, u8 all: nothing more comes; or it is over")                      \
    /* worker <-> worker, and main asks like a worker (main/operator/inquiry.h) */                 \
    KIND(CALL, "u64 call, call (object/call.h)")                                                   \
    KIND(REPLY, "u64 call, u8 outcome (object/call.h), a response (link/response.h), results "     \
                "(bindings/value/value.h) or a failure (link/failure.h)")                          \
    KIND(CALL_CANCEL, "u64 call: the caller is gone")                                              \
    KIND(CALL_LEFT, "u64 call: who it is made for has gone, but it is not cancelled")              \
    KIND(PROBE, "u64 call, a probe (object/deadlock.c): what does it wait for?")                   \
    KIND(DEADLOCKED, "u64 call of the receiver, str path: it is in a cycle and has to fail")       \
    KIND(STREAM_OPEN, "u64 stream, u64 reader: it is read from here on (object/stream.h)")         \
    KIND(STREAM_TAKEN, "u64 stream, u64 bytes: the reader has taken so many more")                 \
    KIND(STREAM_LEFT, "u64 stream: nobody reads it, or not any more")                              \
    KIND(STREAM_PIECE, "u64 reader, bytes")                                                        \
    KIND(STREAM_END, "u64 reader, u8 whole: no more follows; and whether that was all")            \
    KIND(EDGE,                                                                                     \
         "u64 socket, u64 edge: the client of that socket is at that edge (object/nodes/edge.h)")  \
    KIND(EDGE_FACTS, "u64 edge, u64 socket, u64 count of facts, identity, str facts "              \
                     "(object/keep.h)")                                                            \
    KIND(EDGE_GONE, "u64 edge, u8 moved, u64 count, u32 worker: its socket is gone, or at "        \
                    "another node; so many of its messages have been handled, if that is known; "  \
                    "to that worker it goes, if that is")                                          \
    KIND(EDGE_ATTACH,                                                                              \
         "u64 edge, u64 count of messages before, u32 worker who gives the object away "           \
         "(object/nodes/early.h) or none, identity, str facts, str record of the connection "      \
         "(codec/upgrade_record.h); fd: the way to it")                                            \
    KIND(UPGRADE, "u64 socket, str peer, response, bytes read so far; fd: the connection")

enum od_kind {
    OD_KIND_NONE, // Never sent, so that a zeroed message is wrong.
#define OD_KIND_ENUM(name, body) OD_KIND_##name,
    OD_KINDS(OD_KIND_ENUM)
#undef OD_KIND_ENUM
    OD_KIND_COUNT
};

const char *od_kind_name(enum od_kind kind);

#endif
