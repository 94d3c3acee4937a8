// `self` is born and goes: an instance (instance.h) with the `state` and the timers of the API in
// it.
//
// Those who only look an instance up need nothing of this.

#ifndef OD_BINDINGS_SELF_H
#define OD_BINDINGS_SELF_H

struct od_engine;
struct od_object;

// Makes the instance of [object], which has none, with self.state and self.env; its constructor is
// not run.
struct od_instance *od_self_make(struct od_engine *engine, struct od_object *object);

void od_self_drop(struct od_engine *engine, struct od_object *object); // Also when there is none.

#endif
