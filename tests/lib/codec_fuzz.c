#include "tests/lib/codec_fuzz.h"

#include "common/heap.h"
#include "common/transcode.h"
#include "tests/lib/value_tree.h"
#include "tests/lib/walk.h"

#include <stdlib.h>

enum { FUZZ_OUT_MAX = 1 << 20, FUZZ_ARENA_MAX = 4 << 20 };

struct fuzz {
    struct mem mem;
    struct buf out;
    struct arena arena;
};

/* Made once: under the sanitizer, taking so much memory for each input would be most of the time.
 * The input has its own, of exactly its size, so that its end is seen. */
static struct fuzz *fuzz_open(void)
{
    static struct fuzz fuzz;
    if (fuzz.arena.at == NULL) {
        mem_init(&fuzz.mem, heap_source(), SIZE_MAX);
        buf_init(&fuzz.out, &fuzz.mem, FUZZ_OUT_MAX);
        arena_init(&fuzz.arena, FUZZ_ARENA_MAX);
    }
    buf_reset(&fuzz.out);
    fuzz.arena.size = 0;
    return &fuzz;
}

static uint8_t *fuzz_copy(struct bytes input)
{
    uint8_t *copy = malloc(input.size + (input.size == 0));
    check(copy != NULL);
    if (input.size > 0) {
        memcpy(copy, input.at, input.size);
    }
    return copy;
}

void codec_fuzz(enum serializer serializer, struct bytes input)
{
    struct fuzz *fuzz = fuzz_open();
    if (input.size > CODEC_FUZZ_MAX) {
        return;
    }
    uint8_t *copy = fuzz_copy(input);
    input.at = copy;
    bool verdict = walk_verdict(serializer, input, DEPTH_MAX);
    if (walk_verdict(serializer, input, 4)) {
        check(verdict);
    }
    struct value *value = verdict ? value_decode(&fuzz->arena, serializer, input) : NULL;
    if (value != NULL && (serializer != SERIALIZER_JSON || value_is_json(value))) {
        struct writer writer;
        writer_init(&writer, serializer, &fuzz->out);
        value_encode(value, &writer, NULL);
        check(!fuzz->out.failed);
        struct bytes written = buf_bytes(&fuzz->out);
        check(walk_verdict(serializer, written, DEPTH_MAX));
        struct value *again = value_decode(&fuzz->arena, serializer, written);
        check(again != NULL && value_equal(value, again));
    }
    free(copy);
}

void codec_fuzz_transcode(enum serializer from, struct bytes input, enum serializer to)
{
    struct fuzz *fuzz = fuzz_open();
    if (input.size > CODEC_FUZZ_MAX) {
        return;
    }
    uint8_t *copy = fuzz_copy(input);
    input.at = copy;
    if (walk_verdict(from, input, DEPTH_MAX)) {
        bool json = from == SERIALIZER_JSON || to == SERIALIZER_JSON;
        struct value *value = value_decode(&fuzz->arena, from, input);
        bool can = value != NULL && (!json || value_is_json(value));
        struct writer writer;
        writer_init(&writer, to, &fuzz->out);
        bool done = transcode(from, input, &writer);
        check(!fuzz->out.failed && writer.depth == 0);
        check(from == to || done == can);
        if (done) {
            struct bytes written = buf_bytes(&fuzz->out);
            check(walk_verdict(to, written, DEPTH_MAX));
            struct value *again = value_decode(&fuzz->arena, to, written);
            check(value == NULL ? again == NULL : again != NULL && value_equal(value, again));
        } else {
            check(fuzz->out.size == 0);
        }
    }
    free(copy);
}
