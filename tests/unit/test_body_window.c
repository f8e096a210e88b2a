/* SPDX-License-Identifier: Apache-2.0 */

/* Body window: every match in exactly one view, whatever the cuts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "proto/body_window.h"
#include "unit/guarded.h"

#define BODY_MAX    70000u
#define MATCHES_MAX 20000u

static struct arena *arena;
static struct pool pool;
static struct guarded pages;

struct match {
    uint64_t offset;
    uint32_t size;
};

struct matches {
    uint32_t count;
    struct match list[MATCHES_MAX];
};

/* The toy: '<' not behind '!', then what is up to '>', at most 200 bytes. Returns its size, 0 for no match. */
static uint32_t toy_match(const uint8_t *data, uint32_t size, uint32_t at)
{
    if (data[at] != '<' || (at > 0 && data[at - 1] == '!'))
        return 0;
    for (uint32_t i = at + 1; i < size && i < at + 200; i++)
        if (data[i] == '>')
            return i + 1 - at;
    return 0;
}

static void scan_view(const struct body_view *view, struct matches *matches)
{
    for (uint32_t i = 0; i < view->size; i++) {
        uint32_t size = toy_match(view->data, view->size, i);
        if (!size || !body_view_owns(view, i))
            continue;
        assert_true(matches->count < MATCHES_MAX);
        matches->list[matches->count++] = (struct match){view->offset + i, size};
    }
}

static struct matches *found, *expected;
static uint64_t views_digest;
static uint32_t view_count, cut_count;

/* Offers a piece until the window wants more or is done. */
static enum parse_status offer(struct body_window *window, const struct parse_input *piece)
{
    uint32_t at = 0;
    for (uint32_t calls = 0;; calls++) {
        assert_true(calls <= 2 * piece->size + 2);
        struct parse_input input = {.size = piece->size - at, .lost = piece->lost, .last = piece->last};
        if (piece->data)
            input.data = guarded_put(&pages, piece->data + at, piece->size - at);
        struct body_view view;
        struct parse_step step = body_window_add(window, &input, &view);
        assert_true(step.consumed <= input.size);
        at += step.consumed;
        if (step.status != PARSE_ITEM) {
            assert_int_equal(at, piece->size);
            return step.status;
        }
        assert_true(view.size > 0 && view.size <= BODY_WINDOW_SIZE && view.fresh <= view.size);
        view_count++;
        cut_count += view.cut;
        views_digest = views_digest * 1000003 + view.offset * 7 + view.size * 5 + view.fresh * 3 + view.final;
        scan_view(&view, found);
    }
}

static void expect_matches(const uint8_t *body, uint32_t from, uint32_t to, uint64_t shift)
{
    for (uint32_t i = from; i < to; i++) {
        uint32_t size = toy_match(body + from, to - from, i - from);
        if (size)
            expected->list[expected->count++] = (struct match){i + shift, size};
    }
}

static void compare(void)
{
    assert_int_equal(found->count, expected->count);
    assert_memory_equal(found->list, expected->list, found->count * sizeof(struct match));
    assert_int_equal(pool.used_count, 0);
}

static void reset(void)
{
    found->count = expected->count = 0;
    views_digest = 0;
    view_count = cut_count = 0;
}

static void make_body(uint8_t *body, uint32_t size)
{
    static const char letters[] = "<>!abcdefghijklmnopqrstuvwxyz0123456789 ";
    for (uint32_t i = 0; i < size; i++)
        body[i] = (uint8_t)letters[(uint32_t)rand() % (sizeof(letters) - 1)];
}

/* Feeds the body in random pieces; `separate_end`: the end comes with no bytes. */
static void feed(struct body_window *window, const uint8_t *body, uint32_t size, uint32_t piece_max, bool separate_end)
{
    uint32_t at = 0;
    while (at < size) {
        uint32_t piece = 1 + (uint32_t)rand() % piece_max;
        piece = min_u32(piece, size - at);
        bool last = at + piece == size && !separate_end;
        struct parse_input input = {.data = body + at, .size = piece, .last = last};
        assert_int_equal(offer(window, &input), last ? PARSE_STOP : PARSE_MORE);
        at += piece;
    }
    if (separate_end || !size)
        assert_int_equal(offer(window, &(struct parse_input){.last = true}), PARSE_STOP);
}

static void every_cut_gives_the_same_matches(void **state)
{
    (void)state;
    static uint8_t body[BODY_MAX];
    static const uint32_t sizes[] = {0,
                                     1,
                                     1024,
                                     1025,
                                     1026,
                                     BODY_WINDOW_SIZE - 1,
                                     BODY_WINDOW_SIZE,
                                     BODY_WINDOW_SIZE + 1,
                                     BODY_WINDOW_SIZE + BODY_WINDOW_STEP - 1,
                                     BODY_WINDOW_SIZE + BODY_WINDOW_STEP,
                                     BODY_WINDOW_SIZE + BODY_WINDOW_STEP + 1,
                                     60000};
    static const uint32_t pieces[] = {70000, 17000, 1448, 100, 7};
    srand(1448);
    for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
        uint64_t digest = 0;
        make_body(body, sizes[s]);
        for (uint32_t round = 0; round < 2 * ARRAY_COUNT(pieces); round++) {
            reset();
            expect_matches(body, 0, sizes[s], 0);
            struct body_window window;
            body_window_init(&window, &pool);
            feed(&window, body, sizes[s], pieces[round / 2], round % 2);
            compare();
            digest = round ? digest : views_digest;
            assert_int_equal(views_digest, digest);
        }
    }
}

static void every_short_body_is_one_view_at_every_cut(void **state)
{
    (void)state;
    static const char body[] = "ab<c>!<d><e <f>>";
    for (uint32_t cut = 0; cut <= sizeof(body) - 1; cut++) {
        reset();
        expect_matches((const uint8_t *)body, 0, sizeof(body) - 1, 0);
        struct body_window window;
        body_window_init(&window, &pool);
        offer(&window, &(struct parse_input){.data = (const uint8_t *)body, .size = cut});
        offer(&window,
              &(struct parse_input){.data = (const uint8_t *)body + cut, .size = sizeof(body) - 1 - cut, .last = true});
        compare();
        assert_int_equal(view_count, 1);
    }
}

static void a_whole_body_is_not_copied(void **state)
{
    (void)state;
    static uint8_t body[BODY_WINDOW_SIZE];
    struct body_window window;
    struct body_view view;
    body_window_init(&window, &pool);
    struct parse_input input = {.data = body, .size = sizeof(body), .last = true};
    assert_int_equal(body_window_add(&window, &input, &view).status, PARSE_ITEM);
    assert_ptr_equal(view.data, body);
    assert_true(view.final && !view.cut && !view.behind && view.offset == 0 && view.fresh == 0);
    assert_int_equal(pool.used_count, 0);
    input.size = 0;
    assert_int_equal(body_window_add(&window, &input, &view).status, PARSE_STOP);
}

static void holes_end_a_view_and_begin_another(void **state)
{
    (void)state;
    static uint8_t body[BODY_MAX];
    srand(77);
    static const uint32_t before[] = {0, 1, 500, BODY_WINDOW_SIZE, BODY_WINDOW_SIZE + 1, 40000};
    for (size_t i = 0; i < ARRAY_COUNT(before); i++) {
        make_body(body, BODY_MAX);
        reset();
        expect_matches(body, 0, before[i], 0);
        expect_matches(body, before[i], 65000, 1000);
        struct body_window window;
        body_window_init(&window, &pool);
        if (before[i])
            offer(&window, &(struct parse_input){.data = body, .size = before[i]});
        assert_int_equal(offer(&window, &(struct parse_input){.lost = 1000}), PARSE_MORE);
        assert_int_equal(cut_count, before[i] > 0);
        feed(&window, body + before[i], 65000 - before[i], 1448, i % 2);
        compare();
    }
}

static void an_empty_pool_ends_the_scan_and_says_so(void **state)
{
    (void)state;
    void *taken[2] = {pool_take(&pool), pool_take(&pool)};
    struct body_window window;
    struct body_view view;
    body_window_init(&window, &pool);
    struct parse_input input = {.data = (const uint8_t *)"abc", .size = 3};
    struct parse_step step = body_window_add(&window, &input, &view);
    assert_int_equal(step.status, PARSE_STOP);
    assert_int_equal(step.consumed, 3);
    assert_true(window.no_buffer);
    body_window_release(&window);
    pool_give(&pool, taken[0]);
    pool_give(&pool, taken[1]);

    /* And one given up in the middle gives its buffer back. */
    body_window_init(&window, &pool);
    assert_int_equal(body_window_add(&window, &input, &view).status, PARSE_MORE);
    assert_int_equal(pool.used_count, 1);
    body_window_release(&window);
    body_window_release(&window);
    assert_int_equal(pool.used_count, 0);
}

/* Offers all of the body, keeps every view it can. Returns how many were given. */
static uint32_t keep_views(struct body_window *window, const uint8_t *body, uint32_t size)
{
    struct parse_input input = {.data = body, .size = size, .last = true};
    for (uint32_t count = 0;; count++) {
        struct body_view view;
        struct parse_step step = body_window_add(window, &input, &view);
        input.data += step.consumed;
        input.size -= step.consumed;
        if (step.status != PARSE_ITEM || view.final)
            return count + 1;
        bool kept = body_window_keep(window);
        assert_int_equal(kept, count < BODY_KEPT_MAX);
        assert_false(body_window_keep(window)); /* not twice */
    }
}

static void kept_views_stay_until_they_are_forgotten(void **state)
{
    (void)state;
    struct arena *room = arena_new(1 << 20);
    struct pool many;
    uint8_t *body = malloc(20 * BODY_WINDOW_SIZE);
    assert_true(room && body);
    assert_int_equal(pool_init(&many, room, BODY_WINDOW_SIZE, 60), 0);
    srand(78);
    make_body(body, 20 * BODY_WINDOW_SIZE);
    for (uint32_t views = 2; views <= 18; views++) {
        struct body_window window;
        body_window_init(&window, &many);
        assert_int_equal(keep_views(&window, body, views * BODY_WINDOW_STEP), views);
        uint32_t kept = min_u32(views - 1, BODY_KEPT_MAX);
        assert_int_equal(window.kept_count, kept);
        assert_int_equal(many.used_count, kept + 1);
        for (uint32_t i = 0; i < kept; i++) {
            struct body_view view = body_window_kept(&window, i);
            assert_int_equal(view.offset, i * BODY_WINDOW_STEP);
            assert_int_equal(view.size, BODY_WINDOW_SIZE);
            assert_memory_equal(view.data, body + view.offset, view.size);
            assert_false(view.final);
        }
        body_window_forget(&window);
        assert_int_equal(many.used_count, 1);
        body_window_release(&window);
        assert_int_equal(many.used_count, 0);
    }
    free(body);
    arena_free(room);
}

/* Whoever only wants to read later leaves room for those who cannot go on without a buffer. */
static void views_are_kept_of_half_the_pool_only(void **state)
{
    (void)state;
    struct arena *room = arena_new(1 << 18);
    struct pool few;
    static uint8_t body[BODY_MAX];
    assert_true(room);
    assert_int_equal(pool_init(&few, room, BODY_WINDOW_SIZE, 6), 0);
    void *other = pool_take(&few);
    struct body_window window;
    body_window_init(&window, &few);
    struct parse_input input = {.data = body, .size = BODY_MAX};
    for (uint32_t i = 0; i < 3; i++) {
        struct body_view view;
        struct parse_step step = body_window_add(&window, &input, &view);
        assert_int_equal(step.status, PARSE_ITEM);
        assert_int_equal(body_window_keep(&window), i == 0);
        input.data += step.consumed;
        input.size -= step.consumed;
    }
    body_window_release(&window);
    assert_int_equal(few.used_count, 1);
    pool_give(&few, other);
    arena_free(room);
}

int main(void)
{
    arena = arena_new(1 << 20);
    pages = guarded_new();
    found = malloc(sizeof(*found));
    expected = malloc(sizeof(*expected));
    if (!arena || !found || !expected || pool_init(&pool, arena, BODY_WINDOW_SIZE, 2))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_gives_the_same_matches),
        cmocka_unit_test(every_short_body_is_one_view_at_every_cut),
        cmocka_unit_test(a_whole_body_is_not_copied),
        cmocka_unit_test(holes_end_a_view_and_begin_another),
        cmocka_unit_test(an_empty_pool_ends_the_scan_and_says_so),
        cmocka_unit_test(kept_views_stay_until_they_are_forgotten),
        cmocka_unit_test(views_are_kept_of_half_the_pool_only),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(found);
    free(expected);
    guarded_free(&pages);
    arena_free(arena);
    return failed;
}
