// libpq, loaded when there is a cluster. Without --cluster no process of the program has it.
//
// Its functions stand in a table, and the names below lead there.
//
// Thread: loaded on the loop's, before there are others. Only cluster/ includes this.

#ifndef OD_CLUSTER_LIBPQ_H
#define OD_CLUSTER_LIBPQ_H

#include <libpq-fe.h>

#include "base/check.h"
#include "base/error.h"

#define OD_LIBPQ_FUNCTIONS(FUNCTION)                                                               \
    FUNCTION(PQclear)                                                                              \
    FUNCTION(PQconnectPoll)                                                                        \
    FUNCTION(PQconnectStartParams)                                                                 \
    FUNCTION(PQconsumeInput)                                                                       \
    FUNCTION(PQerrorMessage)                                                                       \
    FUNCTION(PQfinish)                                                                             \
    FUNCTION(PQflush)                                                                              \
    FUNCTION(PQgetResult)                                                                          \
    FUNCTION(PQgetlength)                                                                          \
    FUNCTION(PQgetvalue)                                                                           \
    FUNCTION(PQisBusy)                                                                             \
    FUNCTION(PQntuples)                                                                            \
    FUNCTION(PQresultErrorField)                                                                   \
    FUNCTION(PQresultStatus)                                                                       \
    FUNCTION(PQsendPrepare)                                                                        \
    FUNCTION(PQsendQuery)                                                                          \
    FUNCTION(PQsendQueryPrepared)                                                                  \
    FUNCTION(PQsetNoticeReceiver)                                                                  \
    FUNCTION(PQsetSingleRowMode)                                                                   \
    FUNCTION(PQsetnonblocking)                                                                     \
    FUNCTION(PQsocket)                                                                             \
    FUNCTION(PQstatus)

struct od_libpq {
#define OD_LIBPQ_FIELD(name) __typeof__ (&(name))(name);
    OD_LIBPQ_FUNCTIONS(OD_LIBPQ_FIELD)
#undef OD_LIBPQ_FIELD
};

extern struct od_libpq od_libpq; // Filled by od_libpq_load.

// False: the machine has no libpq; the text says what to install.
OD_MUST_CHECK bool od_libpq_load(struct od_error *err);

#define PQclear(...) od_libpq.PQclear(__VA_ARGS__)
#define PQconnectPoll(...) od_libpq.PQconnectPoll(__VA_ARGS__)
#define PQconnectStartParams(...) od_libpq.PQconnectStartParams(__VA_ARGS__)
#define PQconsumeInput(...) od_libpq.PQconsumeInput(__VA_ARGS__)
#define PQerrorMessage(...) od_libpq.PQerrorMessage(__VA_ARGS__)
#define PQfinish(...) od_libpq.PQfinish(__VA_ARGS__)
#define PQflush(...) od_libpq.PQflush(__VA_ARGS__)
#define PQgetResult(...) od_libpq.PQgetResult(__VA_ARGS__)
#define PQgetlength(...) od_libpq.PQgetlength(__VA_ARGS__)
#define PQgetvalue(...) od_libpq.PQgetvalue(__VA_ARGS__)
#define PQisBusy(...) od_libpq.PQisBusy(__VA_ARGS__)
#define PQntuples(...) od_libpq.PQntuples(__VA_ARGS__)
#define PQresultErrorField(...) od_libpq.PQresultErrorField(__VA_ARGS__)
#define PQresultStatus(...) od_libpq.PQresultStatus(__VA_ARGS__)
#define PQsendPrepare(...) od_libpq.PQsendPrepare(__VA_ARGS__)
#define PQsendQuery(...) od_libpq.PQsendQuery(__VA_ARGS__)
#define PQsendQueryPrepared(...) od_libpq.PQsendQueryPrepared(__VA_ARGS__)
#define PQsetNoticeReceiver(...) od_libpq.PQsetNoticeReceiver(__VA_ARGS__)
#define PQsetSingleRowMode(...) od_libpq.PQsetSingleRowMode(__VA_ARGS__)
#define PQsetnonblocking(...) od_libpq.PQsetnonblocking(__VA_ARGS__)
#define PQsocket(...) od_libpq.PQsocket(__VA_ARGS__)
#define PQstatus(...) od_libpq.PQstatus(__VA_ARGS__)

#endif
