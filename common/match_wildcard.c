/* A pattern's shape is how many components it has and which of them are concrete. For each shape
 * that has as many components as the URI, the one pattern of that shape which can match is known:
 * the URI with the other components left empty. So a lookup is one hash probe per shape, and no
 * set of patterns can make it more than shapes_max probes; a tree over components would have to
 * follow both the wildcard and the name at every level.
 *
 *     uri      a1 . b2 . c3 . d4
 *     shape    *  . *  .    . *        mask 1101, 4 components
 *     probe    "a1.b2..d4"
 *
 * Shapes of one length stand best first, so the first hit is what a call goes to. */
#include "common/match_inside.h"

#include "common/crypto.h"

void wildcards_init(struct wildcards *wildcards)
{
    *wildcards = (struct wildcards){.shapes = 0};
    for (size_t i = 0; i <= URI_COMPONENTS_MAX; i++) {
        list_init(&wildcards->by_components[i]);
    }
}

/* Its components' ends, and which are not empty; how many, or 0 when they are too many. */
static uint32_t uri_split(struct bytes uri, uint16_t ends[URI_COMPONENTS_MAX], struct mask *mask)
{
    uint32_t count = 0;
    size_t start = 0;
    *mask = (struct mask){.concrete = {0}};
    if (uri.size > URI_OCTETS_MAX) {
        return 0;
    }
    for (size_t i = 0; i <= uri.size; i++) {
        if (i < uri.size && uri.at[i] != '.') {
            continue;
        }
        if (count == URI_COMPONENTS_MAX) {
            return 0;
        }
        if (i > start) {
            mask->concrete[count / 64] |= UINT64_C(1) << (63 - count % 64);
        }
        ends[count++] = (uint16_t)i;
        start = i + 1;
    }
    return count;
}

static int mask_compare(const struct mask *a, const struct mask *b)
{
    for (size_t i = 0; i < array_count(a->concrete); i++) {
        if (a->concrete[i] != b->concrete[i]) {
            return a->concrete[i] > b->concrete[i] ? -1 : 1;
        }
    }
    return 0;
}

/* The shape, or the one before which it belongs. */
static struct list *shape_place(struct list *shapes, const struct mask *mask)
{
    struct list *node = shapes->next;
    while (node != shapes &&
           mask_compare(&container_of(node, struct shape, node)->mask, mask) < 0) {
        node = node->next;
    }
    return node;
}

static struct shape *shape_get(struct wildcards *wildcards, struct mem *mem, uint32_t shapes_max,
                               uint32_t components, const struct mask *mask)
{
    struct list *shapes = &wildcards->by_components[components];
    struct list *place = shape_place(shapes, mask);
    if (place != shapes) {
        struct shape *there = container_of(place, struct shape, node);
        if (mask_compare(&there->mask, mask) == 0) {
            return there;
        }
    }
    if (wildcards->shapes >= shapes_max) {
        return NULL;
    }
    struct shape *shape = mem_take(mem, sizeof *shape);
    if (shape != NULL) {
        *shape = (struct shape){.mask = *mask, .components = components};
        list_push(place, &shape->node); /* at the tail of a list that begins at place: before it */
        wildcards->shapes++;
    }
    return shape;
}

static void shape_drop_empty(struct wildcards *wildcards, struct mem *mem, struct shape *shape)
{
    if (shape->patterns == 0) {
        list_remove(&shape->node);
        mem_give(mem, shape, sizeof *shape);
        wildcards->shapes--;
    }
}

bool wildcards_put(struct wildcards *wildcards, struct mem *mem, uint32_t shapes_max,
                   struct entry *entry)
{
    uint16_t ends[URI_COMPONENTS_MAX];
    struct mask mask;
    uint32_t components = uri_split(entry_uri(entry), ends, &mask);
    if (components == 0) {
        return false;
    }
    entry->shape = shape_get(wildcards, mem, shapes_max, components, &mask);
    if (entry->shape == NULL) {
        return false;
    }
    if (!table_put(&wildcards->table, mem, entry)) {
        shape_drop_empty(wildcards, mem, entry->shape);
        return false;
    }
    entry->shape->patterns++;
    return true;
}

void wildcards_take(struct wildcards *wildcards, struct mem *mem, struct entry *entry)
{
    table_take(&wildcards->table, mem, entry);
    check(entry->shape->patterns > 0);
    entry->shape->patterns--;
    shape_drop_empty(wildcards, mem, entry->shape);
}

void wildcards_fini(struct wildcards *wildcards, struct mem *mem)
{
    for (size_t i = 0; i <= URI_COMPONENTS_MAX; i++) {
        list_for_each_safe(node, &wildcards->by_components[i])
        {
            struct shape *shape = container_of(node, struct shape, node);
            shape->patterns = 0;
            shape_drop_empty(wildcards, mem, shape);
        }
    }
    check(wildcards->shapes == 0);
    table_fini(&wildcards->table, mem);
}

void wildcard_walk_start(struct wildcard_walk *walk, const struct wildcards *wildcards,
                         const uint8_t *hash_key, struct bytes uri, bool first_concrete)
{
    struct mask mask;
    walk->wildcards = wildcards;
    walk->hash_key = hash_key;
    walk->uri = uri;
    walk->first_concrete = first_concrete;
    walk->components = uri_split(uri, walk->ends, &mask);
    walk->shapes = &wildcards->by_components[walk->components]; /* those of 0 are never any */
    walk->shape = walk->shapes;
}

/* The uri with the components left empty that the shape does not name. */
static size_t walk_spell(const struct wildcard_walk *walk, const struct mask *mask, uint8_t *out)
{
    size_t size = 0;
    size_t start = 0;
    for (uint32_t i = 0; i < walk->components; i++) {
        size_t end = walk->ends[i];
        if (i > 0) {
            out[size++] = '.';
        }
        if ((mask->concrete[i / 64] << (i % 64)) >> 63 != 0) {
            memcpy(out + size, walk->uri.at + start, end - start);
            size += end - start;
        }
        start = end + 1;
    }
    return size;
}

struct entry *wildcard_walk_next(struct wildcard_walk *walk)
{
    uint8_t text[URI_OCTETS_MAX];
    for (walk->shape = walk->shape->next; walk->shape != walk->shapes;
         walk->shape = walk->shape->next) {
        const struct shape *shape = container_of(walk->shape, struct shape, node);
        if (walk->first_concrete && shape->mask.concrete[0] >> 63 == 0) {
            return NULL; /* those with a concrete first component stand first */
        }
        struct bytes pattern = bytes_make(text, walk_spell(walk, &shape->mask, text));
        uint64_t hash = crypto_siphash(walk->hash_key, pattern);
        struct entry *entry = table_find(&walk->wildcards->table, hash, pattern);
        if (entry != NULL) {
            return entry;
        }
    }
    return NULL;
}
