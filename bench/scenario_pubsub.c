/* Publishers take the topics in turn, so a message's sequence number tells its topic, and what a
 * subscriber of one topic must hear of one publisher is every T-th number. A window slides when
 * all subscribers of a topic have received (they live in this process), or with --acknowledge when
 * PUBLISHED came. */
#include "bench/scenario.h"

#include <stdio.h>
#include <stdlib.h>

struct pubsub {
    struct run run;
    struct wire_template *publish;   /* one a topic */
    struct wire_template *subscribe; /* one a topic */
    uint32_t *listeners;             /* of each topic */
    uint64_t *declared;              /* subscriptions each subscriber has so far */
    struct order_pair *pairs;        /* subscribers x publishers */
    struct order order;
};

static struct pubsub *pubsub_of(struct load *load)
{
    return container_of(load, struct pubsub, run.load);
}

static void pubsub_joined(struct load *load, struct conn *conn)
{
    struct pubsub *pubsub = pubsub_of(load);
    const struct options *options = load->options;
    if (!conn->receiver) {
        pubsub->run.ready++;
        return;
    }
    uint64_t first = conn->index % options->topics;
    uint64_t count = options->every_topic ? options->topics : 1;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t topic = (first + i) % options->topics;
        load_send(load, conn, &pubsub->subscribe[topic], conn->request_next++, NULL);
        pubsub->listeners[topic]++;
    }
}

/* Who hears a number has missed those before it for good, or hears them late: either way the window
 * must not wait for them, or one lost event would cost a second's stall. */
static void pubsub_skip(struct pubsub *pubsub, size_t topic, uint32_t publisher, uint64_t from,
                        uint64_t to)
{
    const struct options *options = pubsub->run.options;
    for (uint64_t number = from; number < to; number++) {
        uint64_t sequence = options->every_topic ? number : number * options->topics + topic;
        flight_answer(&pubsub->run.flights[publisher], sequence);
    }
}

static void pubsub_event(struct pubsub *pubsub, struct conn *conn,
                         const struct wire_message *message)
{
    struct run *run = &pubsub->run;
    const struct options *options = run->options;
    struct mark mark = {.sender = UINT32_MAX};
    if (message->payload.size == options->payload) {
        mark_read(message->payload.at, &mark);
    }
    if (mark.sender >= options->publishers || mark.sequence >= run->flights[mark.sender].next) {
        run->result.errors++; /* nobody published this */
        return;
    }
    uint64_t number = mark.sequence;
    if (!options->every_topic && options->topics > 1) {
        if (number % options->topics != conn->index % options->topics) {
            run->result.errors++; /* not subscribed to */
            return;
        }
        number /= options->topics;
    }
    struct order_pair *pair = &pubsub->pairs[conn->index * options->publishers + mark.sender];
    uint64_t expected = pair->next;
    enum order_verdict verdict = order_note(&pubsub->order, pair, number);
    if (verdict == ORDER_AGAIN) {
        return;
    }
    run_answer(run, mark.time_ns);
    if (!options->acknowledge && verdict == ORDER_NEW) {
        pubsub_skip(pubsub, conn->index % options->topics, mark.sender, expected, number);
        flight_answer(&run->flights[mark.sender], mark.sequence);
    }
}

static void pubsub_published(struct pubsub *pubsub, struct conn *conn, uint64_t request)
{
    struct run *run = &pubsub->run;
    size_t publisher = conn->index - run->options->subscribers;
    struct flight_slot *slot = flight_answer(&run->flights[publisher], request - 1);
    if (slot == NULL) {
        run->result.errors += run->options->rate == 0 && run->result.stalls == 0;
        return;
    }
    run->answer_ns = run->load.now_ns;
    if (run->options->subscribers == 0) {
        run_answer(run, slot->time_ns);
    }
    if (run->measuring && slot->time_ns >= run->result.start_ns) {
        histogram_record(&run->result.acknowledge, run->load.now_ns - slot->time_ns);
    }
}

static void pubsub_message(struct load *load, struct conn *conn, const struct wire_message *message)
{
    struct pubsub *pubsub = pubsub_of(load);
    const struct options *options = load->options;
    if (likely(message->type == WIRE_EVENT && conn->receiver)) {
        pubsub_event(pubsub, conn, message);
    } else if (message->type == WIRE_SUBSCRIBED && conn->receiver) {
        uint64_t wanted = options->every_topic ? options->topics : 1;
        pubsub->run.ready += ++pubsub->declared[conn->index] == wanted;
    } else if (message->type == WIRE_PUBLISHED && !conn->receiver) {
        pubsub_published(pubsub, conn, message->id[0]);
    } else {
        if (pubsub->run.result.errors++ == 0) {
            fprintf(stderr, "clos bench: message type %u (%.*s) was not asked for\n", message->type,
                    (int)message->uri.size, (const char *)message->uri.at);
        }
        pubsub->run.failed |= pubsub->run.start_ns == 0; /* SUBSCRIBE was refused */
    }
}

static bool pubsub_send(struct run *run, size_t sender, uint64_t intended_ns)
{
    struct pubsub *pubsub = container_of(run, struct pubsub, run);
    const struct options *options = run->options;
    struct conn *conn = &run->load.conns[options->subscribers + sender];
    if (conn->state != CONN_JOINED || load_waiting(conn) > LOAD_OUT_BYTES_HIGH) {
        return false;
    }
    struct flight *flight = &run->flights[sender];
    uint64_t topic = flight->next % options->topics;
    uint32_t listeners = pubsub->listeners[topic];
    uint32_t answers = options->acknowledge ? 1 : listeners;
    struct mark mark = {(uint32_t)sender, flight_send(flight, answers, intended_ns), intended_ns};
    load_send(&run->load, conn, &pubsub->publish[topic], mark.sequence + 1, &mark);
    run->expected += options->subscribers > 0 ? listeners : options->acknowledge;
    return true;
}

static void pubsub_count_lost(struct pubsub *pubsub)
{
    const struct options *options = pubsub->run.options;
    for (uint64_t i = 0; i < options->subscribers * options->publishers; i++) {
        uint64_t sent = pubsub->run.flights[i % options->publishers].next;
        uint64_t topic = i / options->publishers % options->topics;
        if (!options->every_topic) {
            sent = sent > topic ? (sent - topic + options->topics - 1) / options->topics : 0;
        }
        order_end(&pubsub->order, &pubsub->pairs[i], sent);
    }
    for (size_t i = 0; i < pubsub->run.flights_count && options->acknowledge; i++) {
        pubsub->run.result.errors += pubsub->run.flights[i].outstanding; /* no PUBLISHED came */
    }
    pubsub->run.result.lost = pubsub->order.lost;
    pubsub->run.result.duplicated = pubsub->order.duplicated;
    pubsub->run.result.reordered = pubsub->order.reordered;
}

static bool pubsub_templates(struct pubsub *pubsub)
{
    const struct options *options = pubsub->run.options;
    struct mem *mem = &pubsub->run.load.mem;
    bool good = true;
    for (uint64_t i = 0; i < options->topics; i++) {
        char topic[64];
        snprintf(topic, sizeof(topic), "bench.topic.%lu", (unsigned long)i);
        struct wire_template_options subscribe = {.type = WIRE_SUBSCRIBE, .uri = topic};
        struct wire_template_options publish = {
            .type = WIRE_PUBLISH,
            .key = options->acknowledge ? "acknowledge" : NULL,
            .uri = topic,
            .payload_size = options->payload,
        };
        good &= wire_template_init(&pubsub->subscribe[i], mem, options->serializer_receivers,
                                   &subscribe);
        good &= wire_template_init(&pubsub->publish[i], mem, options->serializer, &publish);
    }
    return good;
}

static bool pubsub_prepare(struct pubsub *pubsub)
{
    const struct options *options = pubsub->run.options;
    struct run *run = &pubsub->run;
    pubsub->publish = calloc(options->topics, sizeof(pubsub->publish[0]));
    pubsub->subscribe = calloc(options->topics, sizeof(pubsub->subscribe[0]));
    pubsub->listeners = calloc(options->topics, sizeof(pubsub->listeners[0]));
    pubsub->declared = calloc(options->subscribers + 1, sizeof(pubsub->declared[0]));
    pubsub->pairs =
        calloc(options->subscribers * options->publishers + 1, sizeof(pubsub->pairs[0]));
    run->flights = calloc(options->publishers, sizeof(run->flights[0]));
    bool good = pubsub->publish != NULL && pubsub->subscribe != NULL && pubsub->listeners != NULL &&
                pubsub->declared != NULL && pubsub->pairs != NULL && run->flights != NULL;
    for (uint64_t i = 0; good && i < options->publishers; i++) {
        good = flight_init(&run->flights[i], &run->load.mem, options->window);
        run->flights_count += good;
    }
    for (uint64_t i = 0; i < options->subscribers; i++) {
        run->load.conns[i].receiver = true;
    }
    return good && pubsub_templates(pubsub);
}

static void pubsub_fini(struct pubsub *pubsub)
{
    struct run *run = &pubsub->run;
    for (uint64_t i = 0; i < run->options->topics; i++) {
        wire_template_fini(&pubsub->publish[i]);
        wire_template_fini(&pubsub->subscribe[i]);
    }
    for (size_t i = 0; i < run->flights_count; i++) {
        flight_fini(&run->flights[i], &run->load.mem);
    }
    free(pubsub->publish);
    free(pubsub->subscribe);
    free(pubsub->listeners);
    free(pubsub->declared);
    free(pubsub->pairs);
    free(run->flights);
    load_fini(&run->load);
    free(pubsub);
}

int scenario_pubsub(const struct options *options)
{
    static const struct load_ops ops = {pubsub_joined, pubsub_message, run_ended};
    struct pubsub *pubsub = calloc(1, sizeof(*pubsub));
    check(pubsub != NULL);
    struct run *run = &pubsub->run;
    run->options = options;
    run->send = pubsub_send;
    run->result.options = options;
    histogram_init(&run->result.latency);
    histogram_init(&run->result.acknowledge);
    if (!load_init(&run->load, options, &ops, options->subscribers + options->publishers, run)) {
        return 2; /* the process ends: what was taken needs no way back */
    }
    int code = 2;
    if (!pubsub_prepare(pubsub)) {
        fputs("clos bench: out of memory\n", stderr);
    } else if (load_join_all(&run->load, &run->ready, &run->failed)) {
        run_drive(run);
        pubsub_count_lost(pubsub);
        result_print(&run->result);
        code = result_verdict(&run->result);
    }
    pubsub_fini(pubsub);
    return code;
}
