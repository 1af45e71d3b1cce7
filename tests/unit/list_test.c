/* The list beside an array of names. */
#include "common/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { ITEMS = 5 };

struct item {
    struct list node;
    char name;
};

static struct item items[ITEMS];

static void list_make(struct list *list)
{
    list_init(list);
    for (size_t i = 0; i < ITEMS; i++) {
        items[i].name = (char)('a' + i);
        list_push(list, &items[i].node);
    }
}

static void assert_list(const struct list *list, const char *names)
{
    const char *forth = names;
    list_for_each(node, list)
    {
        assert_int_equal(container_of(node, struct item, node)->name, *forth++);
        assert_ptr_equal(node->next->prev, node);
        assert_ptr_equal(node->prev->next, node);
    }
    assert_int_equal(*forth, '\0');
    assert_int_equal(list_empty(list), names[0] == '\0');
}

static void push_adds_at_the_tail_and_pop_takes_from_the_head(void **state)
{
    (void)state;
    struct list list;
    list_make(&list);
    assert_list(&list, "abcde");
    assert_ptr_equal(list_pop(&list), &items[0].node);
    assert_list(&list, "bcde");
    for (size_t i = 1; i < ITEMS; i++) {
        assert_ptr_equal(list_pop(&list), &items[i].node);
    }
    assert_null(list_pop(&list));
    assert_list(&list, "");
}

static void remove_is_safe_twice_and_from_any_place(void **state)
{
    (void)state;
    struct list list;
    list_make(&list);
    list_remove(&items[2].node);
    list_remove(&items[2].node);
    assert_list(&list, "abde");
    list_remove(&items[0].node);
    list_remove(&items[4].node);
    assert_list(&list, "bd");
    list_push(&list, &items[2].node);
    assert_list(&list, "bdc");
}

static void the_safe_walk_may_remove_any_set_of_what_it_stands_on(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 1U << ITEMS; set++) {
        struct list list;
        list_make(&list);
        char left[ITEMS + 1] = "";
        size_t size = 0;
        unsigned seen = 0;
        list_for_each_safe(node, &list)
        {
            size_t i = (size_t)(container_of(node, struct item, node) - items);
            seen |= 1U << i;
            if ((set >> i & 1) != 0) {
                list_remove(node);
            } else {
                left[size++] = items[i].name;
            }
        }
        left[size] = '\0';
        assert_int_equal(seen, (1U << ITEMS) - 1);
        assert_list(&list, left);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(push_adds_at_the_tail_and_pop_takes_from_the_head),
        cmocka_unit_test(remove_is_safe_twice_and_from_any_place),
        cmocka_unit_test(the_safe_walk_may_remove_any_set_of_what_it_stands_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
