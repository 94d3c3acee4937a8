/* The ballot: which version of the script all nodes of a cluster serve (runtime/cluster/ballot.h,
 * runtime/main/versions/reload_agree.c). Checked by spin in ballot_spec.lua.
 *
 * The engine is the rows of versions and of nodes. Its statements are atomic; everything else is
 * not: a node acts on what it has seen at some time, may die between any two steps, and may be held
 * for dead while it lives, which it finds out by its next statement.
 *
 * Any node proposes, and any can load a version or cannot. Others become impatient at any time, so
 * that a proposal may fail at any time until it is decided.
 *
 * What must hold: of a version all hear one outcome; two nodes of the cluster that have heard of
 * the same decisions serve the same; and what a node of the cluster has refused never serves.
 *
 * Controls, each of which must be found wrong:
 *   -DTWO_STATEMENTS  the votes are read in one statement, and the version serves by another
 *   -DLATE_FAILURE    a version fails whatever has become of it
 *   -DNO_VOTES        who sees a proposal makes it serve
 *   -DIN_VAIN         no second version ever serves
 */

#ifndef NODES
#define NODES 3
#endif
#ifndef VERSIONS
#define VERSIONS 2 /* The first, which the first node brings, and the next. */
#endif
#ifndef DEATHS
#define DEATHS 1 /* In all: deaths, and nodes that are held for dead. */
#endif
#ifndef LEAVERS
#define LEAVERS 1
#endif

/* Rows of versions. */
#define NONE 0
#define PROPOSED 1
#define SERVES 2
#define FAILED 3
byte state[VERSIONS + 1];
byte newest = 0, served = 0; /* The highest number, and the highest that serves. */

/* Rows of nodes, and what they have loaded. */
#define OUT 0
#define UP 1
#define LEAVING 2
byte row[NODES], loaded[NODES];

/* What runs. */
bool runs[NODES];
byte serving[NODES];                 /* 0: nothing yet. */
byte heard[NODES];                   /* Of the last that serves. */
byte refused[NODES];                 /* It cannot load that one. */
byte outcome[VERSIONS + 1];          /* That somebody has heard. */
byte deaths = 0, leavers = 0;

#define IS_MEMBER(n) (runs[n] && row[n] != OUT)
#define AGREE(n, m)                                                                                \
    (!IS_MEMBER(n) || !IS_MEMBER(m) || heard[n] == 0 || heard[n] != heard[m] ||                    \
     serving[n] == serving[m])

#define HAS_LOADED(n, v) (row[n] == UP && loaded[n] == v)
#define IS_MISSING(n, v) (row[n] == UP && loaded[n] > 0 && loaded[n] < v)
#if NODES == 3
#define ANY(p, v) (p(0, v) || p(1, v) || p(2, v))
#define IN_ACCORD (AGREE(0, 1) && AGREE(1, 2) && AGREE(0, 2))
#else
#define ANY(p, v) (p(0, v) || p(1, v))
#define IN_ACCORD AGREE(0, 1)
#endif
#define HAS_REFUSED(n, v) (runs[n] && row[n] == UP && loaded[n] > 0 && refused[n] == v)
#ifdef NO_VOTES
#define ARE_FOR(v) true
#else
#define ARE_FOR(v) (ANY(HAS_LOADED, v) && !ANY(IS_MISSING, v))
#endif

/* A statement about the own row finds nothing when others have held this node for dead. */
#define IS_MINE (row[me] != OUT)

inline hear_outcome(v)
{
    assert(outcome[v] == NONE || outcome[v] == state[v]);
    outcome[v] = state[v]
}

inline end_node()
{
    runs[me] = false;
    serving[me] = 0;
    heard[me] = 0;
    refused[me] = 0
}

inline decide(v)
{
    assert(!ANY(HAS_REFUSED, v));
#ifdef IN_VAIN
    assert(v < VERSIONS);
#endif
    state[v] = SERVES;
    served = v
}

proctype node(byte me)
{
    byte own;               /* What it has proposed itself as the first of all, */
    byte sees, has, failed; /* the proposal it has seen, what it has loaded, what failed. */
    byte counted;           /* What the votes were for when they were read. */

outside:
    atomic { end_node(); own = 0; sees = 0; has = 0; failed = 0; counted = 0 }
    /* It joins, perhaps in its next life: a former one is over by that. */
    atomic {
        row[me] = UP;
        loaded[me] = 0;
        runs[me] = true
    }
    /* It begins with what serves; if nothing does, with its own, which it proposes. */
end_nothing_serves:
    if
    :: atomic { served > 0 -> has = served; serving[me] = served; heard[me] = served }
    :: atomic {
           served == 0 && newest < VERSIONS && (newest == 0 || state[newest] == FAILED) ->
           newest++;
           state[newest] = PROPOSED;
           own = newest;
           has = newest;
           sees = newest;
           serving[me] = newest
       }
    :: atomic { served == 0 && newest == VERSIONS && state[newest] == FAILED -> goto over }
    fi;

end_all_is_said:
    do
    :: !IS_MINE -> goto outside
    :: deaths < DEATHS -> atomic { deaths++; goto outside }
    :: atomic { leavers < LEAVERS && IS_MINE && row[me] == UP -> leavers++; row[me] = LEAVING }

    /* It says what it has loaded. */
    :: atomic { IS_MINE && row[me] == UP && loaded[me] < has -> loaded[me] = has }

    /* It proposes. */
    :: atomic {
           IS_MINE && newest < VERSIONS && state[newest] != PROPOSED && served <= serving[me] &&
               loaded[me] > 0 && own == 0 ->
           newest++;
           state[newest] = PROPOSED
       }

    /* It sees what is proposed, and can load it or cannot. */
    :: atomic {
           state[newest] == PROPOSED && sees < newest && loaded[me] >= serving[me] ->
           sees = newest;
           if
           :: has = newest
           :: refused[me] = newest
           fi
       }

    /* It makes it fail: it has refused it, its proposer is gone, or time is up. */
    :: atomic {
           sees > 0 && failed < sees ->
           failed = sees;
           if
           :: !IS_MINE || row[me] != UP -> skip
#ifdef LATE_FAILURE
           :: IS_MINE && row[me] == UP -> state[sees] = FAILED
#else
           :: IS_MINE && row[me] == UP && state[sees] == PROPOSED -> state[sees] = FAILED
           :: IS_MINE && row[me] == UP && state[sees] != PROPOSED -> skip
#endif
           fi
       }

    /* It makes it serve. */
#ifdef TWO_STATEMENTS
    :: atomic { sees > 0 && counted < sees && state[sees] == PROPOSED && ARE_FOR(sees) ->
           counted = sees }
    :: atomic { counted > 0 && state[counted] != SERVES && counted == newest -> decide(counted) }
#else
    :: atomic { sees > 0 && state[sees] == PROPOSED && ARE_FOR(sees) -> decide(sees) }
#endif

    /* It hears what has become of it. What it has not loaded it loads then; if it cannot, it ends,
     * as it does when what it began with has failed. */
    :: atomic {
           served > heard[me] ->
           hear_outcome(served);
           if
           :: has == served || (own > 0 && own == served)
           :: has != served && refused[me] != served -> has = served
           :: has != served -> goto outside
           fi;
           own = 0;
           heard[me] = served;
           serving[me] = served;
           assert(IN_ACCORD)
       }
    :: atomic {
           sees > 0 && state[sees] == FAILED ->
           hear_outcome(sees);
           if
           :: own == sees -> goto outside
           :: own != sees && has == sees -> has = serving[me]
           :: else
           fi;
           sees = 0;
           failed = 0;
           counted = 0
       }

    /* It holds another for dead that may live. */
    :: atomic {
           IS_MINE && deaths < DEATHS && row[(me + 1) % NODES] != OUT ->
           deaths++;
           row[(me + 1) % NODES] = OUT
       }
    od;
over:
    skip
}

init {
    atomic {
        byte i = 0;
        do
        :: i < NODES -> run node(i); i++
        :: else -> break
        od
    }
}
