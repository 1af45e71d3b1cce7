#include "bench/result.h"

#include <stdio.h>
#include <unistd.h>

void result_start(struct result *result, uint64_t now_ns)
{
    result->start_ns = now_ns;
    result->own_start_ns = probe_own_cpu_ns();
    if (result->options->pid > 0 && !probe_read(result->options->pid, &result->probe_start)) {
        fprintf(stderr, "clos bench: process %lu can not be read\n",
                (unsigned long)result->options->pid);
    }
}

void result_stop(struct result *result, uint64_t stop_ns)
{
    result->stop_ns = stop_ns;
    result->own_stop_ns = probe_own_cpu_ns();
    if (result->options->pid > 0 && !probe_read(result->options->pid, &result->probe_stop)) {
        result->probe_stop = result->probe_start; /* it is gone: nothing is known of its cost */
    }
}

int result_verdict(const struct result *result)
{
    bool wrong = result->duplicated > 0 || result->reordered > 0 || result->errors > 0;
    bool loss = result->lost > 0 && !result->options->allow_loss;
    return wrong || loss ? 1 : 0;
}

struct figures {
    double seconds;
    double rate;
    double cpu_us;    /* of the router, for each message */
    double cpu_share; /* of one core */
    double own_share;
    double quantiles[5]; /* microseconds */
    double acknowledge[5];
};

static const char *const quantile_names[5] = {"p50", "p90", "p99", "p99_9", "max"};

static void quantiles_read(const struct histogram *histogram, double out[5])
{
    static const double shares[5] = {0.5, 0.9, 0.99, 0.999, 1.0};
    for (size_t i = 0; i < 5; i++) {
        out[i] = (double)histogram_quantile(histogram, shares[i]) / 1000.0;
    }
}

static struct figures figures_of(const struct result *result)
{
    struct figures figures = {0};
    double wall_ns = (double)(result->stop_ns - result->start_ns);
    if (wall_ns <= 0.0) {
        return figures; /* nothing came */
    }
    double cpu_ns = (double)(result->probe_stop.cpu_ns - result->probe_start.cpu_ns);
    figures.seconds = wall_ns / 1e9;
    figures.rate = (double)result->messages / figures.seconds;
    figures.cpu_us = result->messages > 0 ? cpu_ns / 1000.0 / (double)result->messages : 0.0;
    figures.cpu_share = cpu_ns / wall_ns;
    figures.own_share = (double)(result->own_stop_ns - result->own_start_ns) / wall_ns;
    quantiles_read(&result->latency, figures.quantiles);
    quantiles_read(&result->acknowledge, figures.acknowledge);
    return figures;
}

static const char *transport_name(const struct target *target)
{
    bool local = target->address.ss_family == AF_UNIX;
    if (target->framing == FRAMING_RAWSOCKET) {
        return local ? "rawsocket+unix" : "rawsocket";
    }
    return local ? "websocket+unix" : "websocket";
}

/* The shape of the load, as name and number. */
struct shape {
    const char *names[3];
    uint64_t counts[3];
};

static struct shape shape_of(const struct options *options)
{
    if (strcmp(options->scenario, "pubsub") == 0) {
        return (struct shape){{"publishers", "subscribers", "topics"},
                              {options->publishers, options->subscribers, options->topics}};
    }
    if (strcmp(options->scenario, "rpc") == 0) {
        return (struct shape){{"callers", "callees", "procedures"},
                              {options->callers, options->callees, options->procedures}};
    }
    return (struct shape){{"sessions", "concurrency", "reset_percent"},
                          {options->sessions, options->concurrency, options->reset_percent}};
}

static void print_json(const struct result *result)
{
    const struct options *options = result->options;
    struct figures figures = figures_of(result);
    struct shape shape = shape_of(options);
    printf("{\"scenario\":\"%s\",\"transport\":\"%s\",\"serializer\":\"%s\","
           "\"transport_receivers\":\"%s\",\"serializer_receivers\":\"%s\"",
           options->scenario, transport_name(&options->to), serializer_name(options->serializer),
           transport_name(&options->to_receivers), serializer_name(options->serializer_receivers));
    for (size_t i = 0; i < 3; i++) {
        printf(",\"%s\":%lu", shape.names[i], (unsigned long)shape.counts[i]);
    }
    printf(",\"payload\":%lu,\"rate_asked\":%lu,\"window\":%lu,\"acknowledge\":%s",
           (unsigned long)options->payload, (unsigned long)options->rate,
           (unsigned long)options->window, options->acknowledge ? "true" : "false");
    printf(",\"seconds\":%.3f,\"messages\":%lu,\"rate\":%.1f,\"published\":%lu,\"received\":%lu",
           figures.seconds, (unsigned long)result->messages, figures.rate,
           (unsigned long)result->published, (unsigned long)result->received);
    printf(",\"lost\":%lu,\"duplicated\":%lu,\"reordered\":%lu,\"errors\":%lu,\"stalls\":%lu",
           (unsigned long)result->lost, (unsigned long)result->duplicated,
           (unsigned long)result->reordered, (unsigned long)result->errors,
           (unsigned long)result->stalls);
    if (options->pid > 0) {
        printf(",\"cpu_us_per_message\":%.4f,\"router_cpu\":%.4f", figures.cpu_us,
               figures.cpu_share);
        printf(",\"rss_start\":%lu,\"rss\":%lu", (unsigned long)result->probe_start.rss_bytes,
               (unsigned long)result->probe_stop.rss_bytes);
        if (result->sessions > 0) {
            printf(",\"rss_per_session\":%.0f", result->idle_rss_per_session);
        }
    }
    printf(",\"harness_cpu\":%.4f", figures.own_share);
    for (size_t i = 0; i < 5; i++) {
        printf(",\"%s_us\":%.2f", quantile_names[i], figures.quantiles[i]);
    }
    for (size_t i = 0; i < 5 && result->acknowledge.count > 0; i++) {
        printf(",\"acknowledge_%s_us\":%.2f", quantile_names[i], figures.acknowledge[i]);
    }
    printf(",\"version\":\"%s\",\"cores\":%ld}\n", CLOS_VERSION, sysconf(_SC_NPROCESSORS_ONLN));
}

static void print_load(const struct options *options)
{
    struct shape shape = shape_of(options);
    printf("%s %s/%s", options->scenario, transport_name(&options->to),
           serializer_name(options->serializer));
    for (size_t i = 0; i < 3; i++) {
        printf(", %s %lu", shape.names[i], (unsigned long)shape.counts[i]);
    }
    printf(", payload %lu", (unsigned long)options->payload);
    if (options->rate > 0) {
        printf(", open loop at %lu/s\n", (unsigned long)options->rate);
    } else {
        printf(", window %lu%s\n", (unsigned long)options->window,
               options->acknowledge ? " acknowledged" : "");
    }
}

static void print_quantiles(const char *what, const double quantiles[5])
{
    printf("  %-11s p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f us\n", what, quantiles[0],
           quantiles[1], quantiles[2], quantiles[3], quantiles[4]);
}

static void print_table(const struct result *result)
{
    const struct options *options = result->options;
    struct figures figures = figures_of(result);
    print_load(options);
    printf("  %-11s %.0f/s  (%lu in %.2f s; in all %lu sent, %lu received)\n", "messages",
           figures.rate, (unsigned long)result->messages, figures.seconds,
           (unsigned long)result->published, (unsigned long)result->received);
    print_quantiles("latency", figures.quantiles);
    if (result->acknowledge.count > 0) {
        print_quantiles("acknowledge", figures.acknowledge);
    }
    if (options->pid > 0) {
        printf("  %-11s %.2f us a message, %.0f %% of a core, %.1f MiB resident (before: %.1f)",
               "router", figures.cpu_us, figures.cpu_share * 100.0,
               (double)result->probe_stop.rss_bytes / 1048576.0,
               (double)result->probe_start.rss_bytes / 1048576.0);
        if (result->sessions > 0) {
            printf(", %.0f octets a session", result->idle_rss_per_session);
        }
        putchar('\n');
    }
    printf("  %-11s %.0f %% of a core%s\n", "harness", figures.own_share * 100.0,
           figures.own_share > 0.95 ? ": IT WAS THE BOTTLENECK" : "");
    printf("  %-11s lost %lu  duplicated %lu  reordered %lu  errors %lu  stalls %lu\n", "verdict",
           (unsigned long)result->lost, (unsigned long)result->duplicated,
           (unsigned long)result->reordered, (unsigned long)result->errors,
           (unsigned long)result->stalls);
}

void result_print(const struct result *result)
{
    if (result->options->json) {
        print_json(result);
    } else {
        print_table(result);
    }
    fflush(stdout);
}

void progress_tell(struct progress *progress, const struct options *options, uint64_t now_ns,
                   uint64_t messages, const char *state)
{
    if (options->quiet || now_ns - progress->last_ns < NS_PER_S) {
        return;
    }
    double seconds = (double)(now_ns - progress->last_ns) / 1e9;
    if (progress->last_ns > 0) {
        fprintf(stderr, "%s: %s, %.0f/s, %lu in all\n", options->scenario, state,
                (double)(messages - progress->last_messages) / seconds, (unsigned long)messages);
    }
    progress->last_ns = now_ns;
    progress->last_messages = messages;
}
