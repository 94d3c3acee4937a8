// What a service manager is told: that the program serves, and that it stops.
//
// systemd starts a unit of Type=notify with the path of a datagram socket in NOTIFY_SOCKET, and
// takes the unit for started when READY=1 has come. So a unit whose script is broken fails to
// start, and what comes after it waits until clients can connect. A word is one datagram, for which
// no library is needed. Without the variable nobody is told.
//
// Process: main. Never waits; a word that cannot be said is a line in the log.

#ifndef OD_MAIN_OPERATOR_NOTIFY_H
#define OD_MAIN_OPERATOR_NOTIFY_H

#define OD_NOTIFY_READY "READY=1"
#define OD_NOTIFY_STOPPING "STOPPING=1"

void od_notify(const char *word);

#endif
