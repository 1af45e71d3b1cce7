/* A radix tree over octets. The prefixes of a URI lie on one path, so a lookup compares each octet
 * of the URI once, whatever is stored; a hash probed once per stored length would hash up to 1024
 * prefixes of a hostile client's choice.
 *
 *     (root, end 0) ── "com.app." (end 8, pattern) ─┬─ "a" (end 9, pattern)
 *                                                   └─ "bill" (end 12, pattern)
 *
 * A node keeps where its label ends and a sample: any entry at or below it, whose octets between
 * the parent's end and the node's end are the label. So labels take no memory, a split makes one
 * node, and joining two makes none: taking a pattern out cannot fail. A node that is not the root
 * has a pattern or two children. */
#include "common/match_inside.h"

struct prefix_node {
    struct prefix_node *parent;
    struct entry *entry;  /* the pattern that ends here, or NULL */
    struct entry *sample; /* NULL only in a root without entry and children */
    struct prefix_node **children;
    uint32_t end;
    uint16_t count;
    uint16_t room; /* children, followed by as many first octets */
};

enum { CHILDREN_MIN = 2 };

static size_t children_bytes(uint32_t room)
{
    return room * (sizeof(struct prefix_node *) + 1);
}

static uint8_t *first_octets(const struct prefix_node *node)
{
    return (uint8_t *)(node->children + node->room);
}

static struct prefix_node **child_slot(const struct prefix_node *node, uint8_t octet)
{
    if (node->count == 0) {
        return NULL;
    }
    const uint8_t *firsts = first_octets(node);
    const uint8_t *at = memchr(firsts, octet, node->count);
    return at == NULL ? NULL : node->children + (at - firsts);
}

/* Octets that the label of child has in common with uri. */
static uint32_t label_common(const struct prefix_node *child, struct bytes uri)
{
    uint32_t i = child->parent->end;
    uint32_t end = (uint32_t)size_min(child->end, uri.size);
    while (i < end && child->sample->uri[i] == uri.at[i]) {
        i++;
    }
    return i - child->parent->end;
}

/* The child whose whole label goes on as uri does, or NULL. */
static struct prefix_node *node_descend(const struct prefix_node *node, struct bytes uri)
{
    if (node->end >= uri.size) {
        return NULL;
    }
    struct prefix_node **slot = child_slot(node, uri.at[node->end]);
    if (slot == NULL || (*slot)->end > uri.size) {
        return NULL;
    }
    size_t start = node->end;
    struct prefix_node *child = *slot;
    bool same = memcmp(child->sample->uri + start, uri.at + start, child->end - start) == 0;
    return same ? child : NULL;
}

struct prefix_walk prefix_walk_start(const struct prefix_tree *tree, struct bytes uri)
{
    return (struct prefix_walk){.node = tree->root, .uri = uri};
}

struct entry *prefix_walk_next(struct prefix_walk *walk)
{
    while (walk->node != NULL) {
        struct entry *entry = walk->node->entry;
        walk->node = node_descend(walk->node, walk->uri);
        if (entry != NULL) {
            return entry;
        }
    }
    return NULL;
}

static struct prefix_node *tree_find(const struct prefix_tree *tree, struct bytes uri)
{
    struct prefix_node *node = tree->root;
    while (node != NULL && node->end < uri.size) {
        node = node_descend(node, uri);
    }
    return node;
}

struct entry *prefix_find(const struct prefix_tree *tree, struct bytes uri)
{
    const struct prefix_node *node = tree_find(tree, uri);
    return node == NULL ? NULL : node->entry;
}

static void node_free(struct mem *mem, struct prefix_node *node)
{
    if (node->children != NULL) {
        mem_give(mem, node->children, children_bytes(node->room));
    }
    mem_give(mem, node, sizeof *node);
}

static struct prefix_node *node_new(struct mem *mem, struct entry *sample, uint32_t end)
{
    struct prefix_node *node = mem_take(mem, sizeof *node);
    if (node != NULL) {
        *node = (struct prefix_node){.sample = sample, .end = end};
    }
    return node;
}

static bool node_reserve(struct prefix_node *node, struct mem *mem)
{
    if (node->count < node->room) {
        return true;
    }
    uint16_t room = node->room == 0 ? CHILDREN_MIN : (uint16_t)(node->room * 2);
    struct prefix_node **children = mem_take(mem, children_bytes(room));
    if (children == NULL) {
        return false;
    }
    if (node->count > 0) {
        memcpy(children, node->children, node->count * sizeof *children);
        memcpy(children + room, first_octets(node), node->count);
        mem_give(mem, node->children, children_bytes(node->room));
    }
    node->children = children;
    node->room = room;
    return true;
}

/* Into room that node_reserve made. */
static void node_add(struct prefix_node *node, struct prefix_node *child)
{
    check(node->count < node->room);
    first_octets(node)[node->count] = child->sample->uri[node->end];
    node->children[node->count++] = child;
    child->parent = node;
}

/* A new leaf for the whole entry below node. */
static bool node_add_leaf(struct prefix_node *node, struct mem *mem, struct entry *entry)
{
    struct prefix_node *leaf = node_new(mem, entry, entry->size);
    if (leaf == NULL) {
        return false;
    }
    if (!node_reserve(node, mem)) {
        node_free(mem, leaf);
        return false;
    }
    leaf->entry = entry;
    node_add(node, leaf);
    return true;
}

/* Parts child's label after its first common octets, where entry leaves it or ends. */
static bool node_split(struct prefix_node **slot, uint32_t common, struct mem *mem,
                       struct entry *entry)
{
    struct prefix_node *child = *slot;
    struct prefix_node *middle = node_new(mem, child->sample, child->parent->end + common);
    if (middle == NULL) {
        return false;
    }
    middle->parent = child->parent;
    bool ends = middle->end == entry->size;
    if (!node_reserve(middle, mem) || (!ends && !node_add_leaf(middle, mem, entry))) {
        node_free(mem, middle);
        return false;
    }
    middle->entry = ends ? entry : NULL;
    *slot = middle;
    node_add(middle, child);
    return true;
}

static bool tree_put_below(struct prefix_node *node, struct mem *mem, struct entry *entry)
{
    struct bytes uri = entry_uri(entry);
    while (node->end < uri.size) {
        struct prefix_node **slot = child_slot(node, uri.at[node->end]);
        if (slot == NULL) {
            return node_add_leaf(node, mem, entry);
        }
        uint32_t common = label_common(*slot, uri);
        if (common < (*slot)->end - node->end) {
            return node_split(slot, common, mem, entry);
        }
        node = *slot;
    }
    check(node->entry == NULL);
    node->entry = entry;
    return true;
}

bool prefix_put(struct prefix_tree *tree, struct mem *mem, struct entry *entry)
{
    struct prefix_node *root = tree->root;
    if (root == NULL) {
        root = node_new(mem, entry, 0);
        if (root == NULL) {
            return false;
        }
    }
    if (!tree_put_below(root, mem, entry)) {
        if (tree->root == NULL) {
            node_free(mem, root);
        }
        return false;
    }
    tree->root = root;
    return true;
}

/* Frees node if nothing needs it, and answers the lowest node above that may be touched next. */
static struct prefix_node *node_prune(struct prefix_tree *tree, struct mem *mem,
                                      struct prefix_node *node)
{
    struct prefix_node *parent = node->parent;
    if (node->entry != NULL || node->count > 1 || (node->count == 1 && parent == NULL)) {
        return node;
    }
    if (parent == NULL) {
        tree->root = NULL;
    } else {
        struct prefix_node **slot = child_slot(parent, node->sample->uri[parent->end]);
        if (node->count == 1) { /* its child takes its place, with the longer label */
            *slot = node->children[0];
            (*slot)->parent = parent;
        } else {
            size_t i = (size_t)(slot - parent->children);
            parent->count--;
            parent->children[i] = parent->children[parent->count];
            first_octets(parent)[i] = first_octets(parent)[parent->count];
        }
    }
    node_free(mem, node);
    return parent;
}

void prefix_take(struct prefix_tree *tree, struct mem *mem, const struct entry *entry)
{
    struct prefix_node *node = tree_find(tree, entry_uri(entry));
    check(node != NULL && node->entry == entry);
    node->entry = NULL;
    struct prefix_node *left = node_prune(tree, mem, node);
    if (left != node && left != NULL) { /* a leaf went: its parent may have one child left */
        left = node_prune(tree, mem, left);
    }
    for (; left != NULL; left = left->parent) { /* from below, so a child's sample is right */
        if (left->sample == entry) {
            left->sample = left->entry != NULL ? left->entry : left->children[0]->sample;
        }
    }
}

void prefix_fini(struct prefix_tree *tree, struct mem *mem)
{
    struct prefix_node *node = tree->root;
    while (node != NULL) {
        if (node->count > 0) {
            node = node->children[--node->count];
        } else {
            struct prefix_node *parent = node->parent;
            node_free(mem, node);
            node = parent;
        }
    }
    tree->root = NULL;
}
