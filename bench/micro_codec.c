/* What the serializers cost a message: nanoseconds per operation, one line each.
 *
 * Each operation is repeated for some milliseconds several times and the fastest run is printed,
 * which is the one least disturbed by others on the machine. */
#include "common/clock.h"
#include "common/heap.h"
#include "common/transcode.h"

#include <stdio.h>
#include <stdlib.h>

enum { RUNS = 15, REPEATS = 100000, EMPTIES = 500000, OUT_MAX = 4 << 20 };

static const char *const serializer_names[SERIALIZERS] = {
    [SERIALIZER_JSON] = "json", [SERIALIZER_MSGPACK] = "msgpack", [SERIALIZER_CBOR] = "cbor"};

static const char payload_text[] =
    "sixty-four octets of plain text, as a sensor or a chat may send!";

struct setting {
    enum serializer serializer;
    struct buf message; /* a PUBLISH */
    struct buf payload; /* its args */
    struct buf out;
};

static void write_payload(struct writer *writer)
{
    write_array(writer, 1);
    write_string(writer, bytes_text(payload_text));
    write_end(writer);
}

static void setting_init(struct setting *setting, enum serializer serializer, struct mem *mem)
{
    struct writer writer;
    setting->serializer = serializer;
    buf_init(&setting->message, mem, OUT_MAX);
    buf_init(&setting->payload, mem, OUT_MAX);
    buf_init(&setting->out, mem, OUT_MAX);
    writer_init(&writer, serializer, &setting->payload);
    write_payload(&writer);
    writer_init(&writer, serializer, &setting->message);
    write_array(&writer, 5);
    write_uint(&writer, 16);
    write_uint(&writer, 7);
    write_map(&writer, 0);
    write_end(&writer);
    write_string(&writer, BYTES_LITERAL("com.app.tick"));
    write_raw(&writer, buf_bytes(&setting->payload));
    write_end(&writer);
}

static void setting_fini(struct setting *setting)
{
    buf_fini(&setting->message);
    buf_fini(&setting->payload);
    buf_fini(&setting->out);
}

/* A head and the skip of what follows, as the router walks a PUBLISH. */
static void walk_publish(struct setting *setting)
{
    struct reader reader;
    struct token token;
    struct bytes args;
    reader_init(&reader, setting->serializer, buf_bytes(&setting->message), DEPTH_MAX);
    for (int i = 0; i < 6; i++) { /* array, 16, 7, map, end, topic */
        check(reader_next(&reader, &token) == 1);
    }
    check(token.kind == TOKEN_STRING && token.bytes.size == 12);
    check(reader_skip(&reader, &args) == 1 && args.size == setting->payload.size);
    check(reader_next(&reader, &token) == 1 && token.kind == TOKEN_END);
    check(reader_next(&reader, &token) == 0);
}

static void skip_whole(struct setting *setting)
{
    struct reader reader;
    struct bytes range;
    reader_init(&reader, setting->serializer, buf_bytes(&setting->message), DEPTH_MAX);
    check(reader_skip(&reader, &range) == 1 && range.size == setting->message.size);
}

static void write_event(struct setting *setting)
{
    struct writer writer;
    buf_reset(&setting->out);
    writer_init(&writer, setting->serializer, &setting->out);
    write_array(&writer, 5);
    write_uint(&writer, 36);
    write_uint(&writer, UINT64_C(5512315355));
    write_uint(&writer, UINT64_C(4429313566123456));
    write_map(&writer, 0);
    write_end(&writer);
    write_raw(&writer, buf_bytes(&setting->payload));
    write_end(&writer);
    check(!setting->out.failed);
}

/* The payload to the next serializer around: JSON, MessagePack, CBOR, JSON. */
static void transcode_payload(struct setting *setting)
{
    struct writer writer;
    enum serializer to = setting->serializer % SERIALIZER_CBOR + 1;
    buf_reset(&setting->out);
    writer_init(&writer, to, &setting->out);
    check(transcode(setting->serializer, buf_bytes(&setting->payload), &writer));
}

/* Half a million empty arrays in one, which costs a peer a mebibyte at the most. */
static void setting_fill_empties(struct setting *setting)
{
    struct writer writer;
    buf_reset(&setting->message);
    writer_init(&writer, setting->serializer, &setting->message);
    write_array(&writer, EMPTIES);
    for (int i = 0; i < EMPTIES; i++) {
        write_array(&writer, 0);
        write_end(&writer);
    }
    write_end(&writer);
    check(!setting->message.failed);
}

static void walk_all(struct setting *setting)
{
    struct reader reader;
    struct token token;
    int step;
    reader_init(&reader, setting->serializer, buf_bytes(&setting->message), DEPTH_MAX);
    while ((step = reader_next(&reader, &token)) == 1) {
    }
    check(step == 0);
}

static void measure(const char *what, struct setting *setting, void (*verb)(struct setting *),
                    int repeats)
{
    uint64_t best = UINT64_MAX;
    for (int run = 0; run < RUNS; run++) {
        uint64_t start = clock_now_ns();
        for (int i = 0; i < repeats; i++) {
            verb(setting);
        }
        uint64_t took = clock_now_ns() - start;
        best = took < best ? took : best;
    }
    printf("%-28s %-8s %9.1f ns\n", what, serializer_names[setting->serializer],
           (double)best / repeats);
}

int main(void)
{
    struct mem mem;
    mem_init(&mem, heap_source(), SIZE_MAX);
    for (enum serializer i = SERIALIZER_JSON; i <= SERIALIZER_CBOR; i++) {
        struct setting setting;
        setting_init(&setting, i, &mem);
        measure("walk PUBLISH, skip args", &setting, walk_publish, REPEATS);
        measure("skip PUBLISH whole", &setting, skip_whole, REPEATS);
        measure("write EVENT, raw args", &setting, write_event, REPEATS);
        measure("transcode args to the next", &setting, transcode_payload, REPEATS);
        setting_fill_empties(&setting);
        measure("walk 500000 empty arrays", &setting, walk_all, 1);
        measure("skip 500000 empty arrays", &setting, skip_whole, 1);
        setting_fini(&setting);
    }
    mem_fini(&mem);
    return EXIT_SUCCESS;
}
