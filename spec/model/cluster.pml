/* Several machines and one engine: who owns a slot, and which writes count. Checked by spin in
 * cluster_spec.lua.
 *
 * The engine is one row of its slot table (owner, epoch, seq) and one value that the slot stores.
 * Its statements are atomic; everything else is not: a batch may lie in a backend for any time, also
 * when the connection it came over has broken, its node has given up the slot, or another node owns
 * it. A node that dies forgets everything and comes back.
 *
 * Each write makes the value one more than what the node believes it to be, so a write that is lost,
 * doubled, or made on top of an old value shows: what has been acknowledged can never be more than
 * what is stored, and only what was sent can be stored.
 *
 * The lease stands for clocks that run at about the same speed: others may take a slot only when its
 * owner's lease is over, and its owner answers only while it holds. The fence does not trust it.
 *
 * Controls, each of which must be found wrong:
 *   -DNO_FENCE   a batch is stored whatever its epoch is
 *   -DNO_BUMP    what became of a batch is read from seq, without a new epoch before that
 *   -DNO_LEASE   a slot may be taken at any time: two own it, and one answers with old values;
 *                with -DNO_READS as well it is right: what is stored does not rest on the lease
 */

#define NODES 2
#define WRITES 2 /* Of each node, */
#define DEATHS 1 /* how often it dies, */
#ifndef BREAKS
#define BREAKS 2 /* and its connection breaks. */
#endif
#ifndef EPOCHS
#define EPOCHS 6 /* So that the search ends. */
#endif
#define NOBODY NODES

/* The engine. */
byte owner = NOBODY, epoch = 0, seq = 0, value = 0;

/* What lies in backends: epoch, value, the connection it came over. */
chan backend[NODES] = [BREAKS + DEATHS + 1] of { byte, byte, byte };

/* What the node hears: whether it was stored, over which connection. */
chan answer[NODES] = [BREAKS + DEATHS + 1] of { bool, byte };

bool has_lease[NODES];
byte acknowledged = 0; /* Writes that a client was told of. */
byte begun = 0;        /* Writes that a node sent. */

#ifdef NO_FENCE
#define IS_LET_IN true
#else
#define IS_LET_IN (of_epoch == epoch)
#endif

#ifdef NO_LEASE
#define MAY_TAKE true
#else
#define MAY_TAKE (owner == NOBODY || owner == me || !has_lease[owner])
#endif

/* Nothing that was acknowledged is lost, and nothing is stored twice or made up. */
#define KEPT (acknowledged <= value && value <= begun)

/* A batch reaches the table whenever it likes. */
proctype engine(byte from)
{
    byte of_epoch, new_value, over;
end:
    do
    :: atomic {
           backend[from]?of_epoch, new_value, over;
           if
           :: IS_LET_IN -> value = new_value; seq++; answer[from]!true, over
           :: else -> answer[from]!false, over
           fi;
           assert(KEPT)
       }
    od
}

/* A lease ends unless it is renewed. Its owner knows it, whatever he is doing. */
proctype clock(byte whose)
{
end:
    do
    :: has_lease[whose] -> has_lease[whose] = false
    od
}

proctype node(byte me)
{
    byte my_epoch, my_seq, mine, connection, writes, breaks, deaths, over;
    bool owns, waits, is_stored;
end:
    do
    /* It claims the slot, with what is stored. */
    :: atomic {
           !owns && MAY_TAKE && epoch < EPOCHS ->
           epoch++;
           owner = me;
           has_lease[me] = true;
           owns = true;
           my_epoch = epoch;
           my_seq = seq;
           mine = value
       }

    /* Its beat is refused when another has it. */
    :: atomic {
           owns && !has_lease[me] ->
           if
           :: owner == me && epoch == my_epoch -> has_lease[me] = true
           :: else -> owns = false; waits = false; connection++
           fi
       }

#ifndef NO_READS
    /* It answers from memory. What waits for the engine, nobody is told yet. */
    :: atomic { owns && has_lease[me] && !waits -> assert(mine == value) }
#endif

    /* It writes. */
    :: atomic {
           owns && has_lease[me] && !waits && writes < WRITES ->
           writes++;
           begun++;
           mine++;
           waits = true;
           backend[me]!my_epoch, mine, connection
       }

    /* It hears what became of it; over a connection that has broken nobody hears anything. */
    :: atomic {
           answer[me]?is_stored, over;
           if
           :: !waits || over != connection -> skip
           :: waits && over == connection && is_stored ->
               waits = false;
               my_seq++;
               acknowledged++;
               assert(KEPT)
           :: else -> owns = false; waits = false
           fi
       }

    /* The connection breaks: the batch was stored, or was not, or will be. In a new epoch it will
     * not; then seq says which, and what was not stored is sent again. */
    :: atomic {
           waits && breaks < BREAKS && epoch < EPOCHS ->
           breaks++;
           connection++;
           if
           :: owner != me || epoch != my_epoch -> owns = false; waits = false
           :: else ->
#ifndef NO_BUMP
               epoch++;
               my_epoch = epoch;
#endif
               if
               :: seq == my_seq -> backend[me]!my_epoch, mine, connection
               :: else -> waits = false; my_seq++; acknowledged++; assert(KEPT)
               fi
           fi
       }

    /* It dies, or is stopped and goes on when it is known to be dead: it begins anew. */
    :: atomic {
           owns && deaths < DEATHS ->
           deaths++;
           connection++;
           owns = false;
           waits = false
       }
    od
}

init {
    atomic {
        run engine(0);
        run engine(1);
        run clock(0);
        run clock(1);
        run node(0);
        run node(1)
    }
}
