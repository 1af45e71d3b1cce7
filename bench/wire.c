/* Templates: a writer of the few shapes a load needs. JSON wants commas, the other two want counts,
 * so the writer takes both: every container is opened with its count and closed. */
#include "bench/wire.h"

struct wire_writer {
    struct buf *out;
    enum serializer serializer;
    unsigned depth;
    struct {
        bool map;
        uint32_t items;
    } levels[8];
};

static void put_gap(struct wire_writer *writer)
{
    if (writer->serializer != SERIALIZER_JSON || writer->depth == 0) {
        return;
    }
    uint32_t items = writer->levels[writer->depth - 1].items++;
    bool map = writer->levels[writer->depth - 1].map;
    if (items > 0) {
        buf_put_byte(writer->out, map && items % 2 == 1 ? ':' : ',');
    }
}

static void put_head(struct buf *out, uint8_t major, uint64_t value)
{
    if (value < 24) {
        buf_put_byte(out, (uint8_t)((unsigned)major << 5 | (unsigned)value));
        return;
    }
    unsigned power = value <= UINT8_MAX ? 0 : value <= UINT16_MAX ? 1 : value <= UINT32_MAX ? 2 : 3;
    buf_put_byte(out, (uint8_t)((unsigned)major << 5 | (24 + power)));
    for (unsigned i = 1U << power; i > 0; i--) {
        buf_put_byte(out, (uint8_t)(value >> (8 * (i - 1))));
    }
}

static void put_open(struct wire_writer *writer, bool map, uint8_t count)
{
    check(count < 16 && writer->depth < array_count(writer->levels));
    put_gap(writer);
    switch (writer->serializer) {
    case SERIALIZER_JSON:
        buf_put_byte(writer->out, map ? '{' : '[');
        break;
    case SERIALIZER_MSGPACK:
        buf_put_byte(writer->out, (uint8_t)((map ? 0x80 : 0x90) | count));
        break;
    case SERIALIZER_CBOR:
        put_head(writer->out, map ? 5 : 4, count);
        break;
    }
    writer->levels[writer->depth].map = map;
    writer->levels[writer->depth].items = 0;
    writer->depth++;
}

static void put_close(struct wire_writer *writer)
{
    check(writer->depth > 0);
    writer->depth--;
    if (writer->serializer == SERIALIZER_JSON) {
        buf_put_byte(writer->out, writer->levels[writer->depth].map ? '}' : ']');
    }
}

static void put_uint(struct wire_writer *writer, uint64_t value)
{
    uint8_t digits[WIRE_ID_BYTES_MAX];
    put_gap(writer);
    buf_put(writer->out, digits, wire_uint(writer->serializer, value, digits));
}

static void put_true(struct wire_writer *writer)
{
    put_gap(writer);
    if (writer->serializer == SERIALIZER_JSON) {
        buf_put(writer->out, "true", 4);
    } else {
        buf_put_byte(writer->out, writer->serializer == SERIALIZER_MSGPACK ? 0xc3 : 0xf5);
    }
}

static void put_text_head(struct wire_writer *writer, size_t size)
{
    put_gap(writer);
    if (writer->serializer == SERIALIZER_JSON) {
        buf_put_byte(writer->out, '"');
        return;
    }
    if (writer->serializer == SERIALIZER_CBOR) {
        put_head(writer->out, 3, size);
        return;
    }
    uint8_t be[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                     (uint8_t)size};
    if (size < 32) {
        buf_put_byte(writer->out, (uint8_t)(0xa0 | size));
    } else if (size <= UINT8_MAX) {
        buf_put_byte(writer->out, 0xd9);
        buf_put(writer->out, be + 3, 1);
    } else if (size <= UINT16_MAX) {
        buf_put_byte(writer->out, 0xda);
        buf_put(writer->out, be + 2, 2);
    } else {
        buf_put_byte(writer->out, 0xdb);
        buf_put(writer->out, be, 4);
    }
}

/* The text must need no escapes: URIs and our own words. */
static void put_text(struct wire_writer *writer, const char *text)
{
    put_text_head(writer, strlen(text));
    buf_put(writer->out, text, strlen(text));
    if (writer->serializer == SERIALIZER_JSON) {
        buf_put_byte(writer->out, '"');
    }
}

static size_t put_payload(struct wire_writer *writer, size_t size)
{
    put_text_head(writer, size);
    size_t at = writer->out->size;
    if (buf_reserve(writer->out, size)) {
        memset(writer->out->at + at, 'x', size);
        writer->out->size += size;
    }
    if (writer->serializer == SERIALIZER_JSON) {
        buf_put_byte(writer->out, '"');
    }
    return at;
}

size_t wire_uint(enum serializer serializer, uint64_t value, uint8_t to[WIRE_ID_BYTES_MAX])
{
    if (serializer == SERIALIZER_JSON) {
        uint8_t digits[WIRE_ID_BYTES_MAX];
        size_t size = 0;
        do {
            digits[WIRE_ID_BYTES_MAX - ++size] = (uint8_t)('0' + value % 10);
            value /= 10;
        } while (value > 0);
        memcpy(to, digits + WIRE_ID_BYTES_MAX - size, size);
        return size;
    }
    bool cbor = serializer == SERIALIZER_CBOR;
    if (value < (cbor ? 24 : 128)) {
        to[0] = (uint8_t)value;
        return 1;
    }
    unsigned power = value <= UINT8_MAX ? 0 : value <= UINT16_MAX ? 1 : value <= UINT32_MAX ? 2 : 3;
    to[0] = (uint8_t)((cbor ? 0x18 : 0xcc) + power);
    unsigned size = 1U << power;
    for (unsigned i = 0; i < size; i++) {
        to[1 + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
    return 1 + size;
}

bool wire_template_init(struct wire_template *template, struct mem *mem, enum serializer serializer,
                        const struct wire_template_options *options)
{
    check(options->payload_size == 0 || options->payload_size >= MARK_BYTES);
    template->serializer = serializer;
    template->mark_at = MARK_NONE;
    buf_init(&template->before, mem, 64);
    buf_init(&template->after, mem, options->payload_size + 1024);
    struct wire_writer writer = {.out = &template->before, .serializer = serializer};
    uint8_t items = (uint8_t)(3 + (options->uri != NULL) + (options->payload_size > 0));
    put_open(&writer, false, items);
    put_uint(&writer, options->type);
    put_gap(&writer); /* the comma before the id that will stand here */
    writer.out = &template->after;
    put_open(&writer, true, options->key != NULL);
    if (options->key != NULL) {
        put_text(&writer, options->key);
        if (options->value != NULL) {
            put_text(&writer, options->value);
        } else {
            put_true(&writer);
        }
    }
    put_close(&writer);
    if (options->uri != NULL) {
        put_text(&writer, options->uri);
    }
    if (options->payload_size > 0) {
        put_open(&writer, false, 1);
        template->mark_at = put_payload(&writer, options->payload_size);
        put_close(&writer);
    }
    put_close(&writer);
    return !template->before.failed && !template->after.failed;
}

void wire_template_fini(struct wire_template *template)
{
    buf_fini(&template->before);
    buf_fini(&template->after);
}

void wire_put_hello(struct buf *out, enum serializer serializer, const char *realm)
{
    static const char *const roles[] = {"publisher", "subscriber", "caller", "callee"};
    struct wire_writer writer = {.out = out, .serializer = serializer};
    put_open(&writer, false, 3);
    put_uint(&writer, WIRE_HELLO);
    put_text(&writer, realm);
    put_open(&writer, true, 1);
    put_text(&writer, "roles");
    put_open(&writer, true, array_count(roles));
    for (size_t i = 0; i < array_count(roles); i++) {
        put_text(&writer, roles[i]);
        put_open(&writer, true, 0);
        put_close(&writer);
    }
    put_close(&writer);
    put_close(&writer);
    put_close(&writer);
}

void wire_put_goodbye(struct buf *out, enum serializer serializer)
{
    struct wire_writer writer = {.out = out, .serializer = serializer};
    put_open(&writer, false, 3);
    put_uint(&writer, WIRE_GOODBYE);
    put_open(&writer, true, 0);
    put_close(&writer);
    put_text(&writer, "wamp.close.close_realm");
    put_close(&writer);
}

void wire_put_numbers(struct buf *out, enum serializer serializer, enum wire_type type,
                      const uint64_t *numbers, size_t count, bool details)
{
    struct wire_writer writer = {.out = out, .serializer = serializer};
    put_open(&writer, false, (uint8_t)(1 + count + details));
    put_uint(&writer, type);
    for (size_t i = 0; i < count; i++) {
        put_uint(&writer, numbers[i]);
    }
    if (details) {
        put_open(&writer, true, 0);
        put_close(&writer);
    }
    put_close(&writer);
}
