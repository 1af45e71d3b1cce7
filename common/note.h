/* A note: what one place tells another, and its form as bytes in a parcel.
 *
 * Made by the core on the sender's worker, read by the core on the receiver's; between workers the
 * octets travel unchanged in memory (native byte order), which is why a link of a mesh will want
 * its own form of the head. Views in a note that was read point into the parcel and die with it.
 * A note's size is bounded by the message that caused it plus NOTE_HEAD_BYTES_MAX. A note that
 * does not read back is our bug (check), not a peer's. Pure. */
#ifndef CLOS_NOTE_H
#define CLOS_NOTE_H

#include "common/bytes.h"
#include "common/place.h"

enum note_kind {
#define NOTE(kind, says) NOTE_##kind,
#include "common/note.def"
#undef NOTE
};

struct note_head {
    uint32_t size; /* of the whole note, a multiple of 8 */
    uint8_t kind;
    uint8_t serializer; /* of args and kwargs */
    uint8_t match;
    uint8_t policy;
    uint32_t realm;
    uint32_t uri_size;
    uint32_t args_size;
    uint32_t kwargs_size;
    uint64_t id;      /* publication, or registration */
    uint64_t session; /* of the sender: publisher, caller, or the callee that registers */
    uint64_t target;  /* session of the receiver: the callee called */
    uint64_t call;    /* names a call at its caller's place */
    uint64_t ticket;  /* names an announcement or a claim at the place that made it */
    uint64_t order;   /* of a callee in its registration */
};

struct note {
    struct note_head head;
    struct bytes uri; /* topic, procedure, pattern, or error */
    struct bytes args;
    struct bytes kwargs;
};

enum { NOTE_HEAD_BYTES_MAX = sizeof(struct note_head) + 8 };

static inline size_t note_size(const struct note *note)
{
    size_t size = sizeof note->head + note->uri.size + note->args.size + note->kwargs.size;
    return (size + 7) & ~(size_t)7;
}

/* Writes note_size octets. */
static inline void note_write(const struct note *note, uint8_t *to)
{
    struct note_head head = note->head;
    head.size = (uint32_t)note_size(note);
    head.uri_size = (uint32_t)note->uri.size;
    head.args_size = (uint32_t)note->args.size;
    head.kwargs_size = (uint32_t)note->kwargs.size;
    memcpy(to, &head, sizeof head);
    to += sizeof head;
    if (note->uri.size > 0) {
        memcpy(to, note->uri.at, note->uri.size);
        to += note->uri.size;
    }
    if (note->args.size > 0) {
        memcpy(to, note->args.at, note->args.size);
        to += note->args.size;
    }
    if (note->kwargs.size > 0) {
        memcpy(to, note->kwargs.at, note->kwargs.size);
    }
}

/* Reads the note at the front; how many octets it takes. */
static inline size_t note_read(struct bytes octets, struct note *note)
{
    check(octets.size >= sizeof note->head);
    memcpy(&note->head, octets.at, sizeof note->head);
    const uint8_t *at = octets.at + sizeof note->head;
    note->uri = bytes_make(at, note->head.uri_size);
    at += note->head.uri_size;
    note->args = bytes_make(at, note->head.args_size);
    at += note->head.args_size;
    note->kwargs = bytes_make(at, note->head.kwargs_size);
    check(note_size(note) == note->head.size && note->head.size <= octets.size);
    return note->head.size;
}

#endif
