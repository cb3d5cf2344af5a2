#ifndef MEDICONNECT_BUS_LISTENER_H
#define MEDICONNECT_BUS_LISTENER_H

#include <stddef.h>

/* Takes messages out of a queue of RabbitMQ, as another program would, for tests and proofs. Everything blocks, for `seconds` at most. */

typedef struct bus_listener bus_listener;

/* Logs in to a broker of this machine. NULL when that does not work. */
bus_listener *bus_listener_open(int port, const char *user, const char *password, int seconds);

/* Makes a queue that outlives the broker, of what an exchange is given under a topic like `pattern`. 0 when there is one now. */
int bus_listener_bind(bus_listener *listener, const char *queue, const char *exchange, const char *pattern);

/* What was taken; good until the next is. */
typedef struct {
    /* The message id; empty where there is none. */
    const char *id;
    const char *topic;
    const void *body;
    size_t length;
} bus_message;

/* Takes the next message. 1: there was one; 0: the queue is empty; -1: the broker does not answer. */
int bus_listener_take(bus_listener *listener, const char *queue, bus_message *message);

void bus_listener_close(bus_listener *listener);

#endif
