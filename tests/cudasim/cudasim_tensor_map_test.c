// Tensor maps: the bytes of boxes inside, at the edges and outside, and the rules of maps.
#include "tests/check.h"
#include "tests/cudasim/matrix.h"

enum { BASE = 0x10000 };

// Positions of the chunks of 16 bytes in lines of 128 bytes: PTX ISA, "Swizzling Modes", by the
// driver's number of the mode; patterns repeat after 1, 2, 4 and 8 lines.
static const uint8_t patterns[8][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6},
                                       {2, 3, 0, 1, 6, 7, 4, 5}, {3, 2, 1, 0, 7, 6, 5, 4},
                                       {4, 5, 6, 7, 0, 1, 2, 3}, {5, 4, 7, 6, 1, 0, 3, 2},
                                       {6, 7, 4, 5, 2, 3, 0, 1}, {7, 6, 5, 4, 3, 2, 1, 0}};

static uint32_t swizzled(uint32_t mode, uint32_t byte) {
    const uint8_t *holds = patterns[byte / 128 % (1u << mode)];
    uint32_t position = 0;
    while (holds[position] != byte / 16 % 8) position++;
    return byte / 128 * 128 + position * 16 + byte % 16;
}

// bf16 [1000][200] with rows of 416 bytes, boxes of 64 rows.
static sim_tensor_map matrix(uint32_t columns, uint32_t swizzle) {
    return (sim_tensor_map){.address = BASE,
                            .type = 9,
                            .rank = 2,
                            .swizzle = swizzle,
                            .size = {200, 1000},
                            .stride = {0, 416},
                            .box = {columns, 64},
                            .element_stride = {1, 1}};
}

static void check_matrix(const sim_tensor_map *map, int32_t column, int32_t row) {
    const int32_t coordinate[5] = {column, row};
    uint32_t line = map->box[0] * 2, wrong = 0, outside = 0;
    for (uint32_t i = 0; i < 64 * line; i++) {
        int64_t at_row = row + (int64_t)(i / line), at_column = column + (int64_t)(i % line / 2);
        bool inside = at_row >= 0 && at_row < 1000 && at_column >= 0 && at_column < 200;
        uint64_t want = BASE + (uint64_t)(at_row * 416 + at_column * 2) + i % 2;
        uint32_t to = 0;
        uint64_t is = sim_tensor_map_byte(map, coordinate, i, &to);
        wrong += is != (inside ? want : 0) || to != swizzled(map->swizzle, i);
        outside += !inside;
    }
    CHECK(wrong == 0, "swizzle %u at %d %d: %u bytes", map->swizzle, column, row, wrong);
    CHECK((outside == 0) == (row >= 0 && row <= 936 && column >= 0 && column < 200 - 64 + 1));
}

static void test_boxes(void) {
    static const uint32_t columns[] = {64, 16, 32, 64};
    for (uint32_t swizzle = 0; swizzle < 4; swizzle++) {
        sim_tensor_map map = matrix(columns[swizzle], swizzle);
        CHECK(!sim_tensor_map_check(&map), "%s", sim_tensor_map_check(&map));
        CHECK(sim_tensor_map_box_bytes(&map) == columns[swizzle] * 2 * 64);
        CHECK(sim_tensor_map_alignment(&map) == 128u << swizzle);
        check_matrix(&map, 0, 0);
        check_matrix(&map, 64, 128);
        check_matrix(&map, 1, 936);
        check_matrix(&map, 199, 0);
        check_matrix(&map, 0, 999);
        check_matrix(&map, -8, -63);
        check_matrix(&map, 200, 0);
        check_matrix(&map, 0, 1000);
        check_matrix(&map, -64, 0);
        check_matrix(&map, INT32_MIN, INT32_MAX);
    }
}

// An image batch [N][H][W][C] of f32 whose rows are read with a step of two, as a strided
// convolution does: a box of 7 columns has 4 of them.
static void test_steps(void) {
    sim_tensor_map map = {.address = BASE,
                          .type = 7,
                          .rank = 4,
                          .size = {8, 15, 10, 3},
                          .stride = {0, 32, 512, 8192},
                          .box = {4, 7, 3, 2},
                          .element_stride = {1, 2, 1, 1}};
    CHECK(!sim_tensor_map_check(&map));
    CHECK(sim_tensor_map_box_bytes(&map) == 4 * 4 * 4 * 3 * 2);
    const int32_t coordinate[5] = {4, -1, 8, 1};
    uint32_t i = 0, to;
    for (int n = 1; n < 3; n++) {
        for (int y = 8; y < 11; y++) {
            for (int x = -1; x < 7; x += 2) {
                for (int byte = 16; byte < 32; byte++, i++) {
                    bool inside = y < 10 && x >= 0;
                    uint64_t want = BASE + (uint64_t)(n * 8192 + y * 512 + x * 32 + byte);
                    uint64_t is = sim_tensor_map_byte(&map, coordinate, i, &to);
                    CHECK(is == (inside ? want : 0) && to == i, "%d %d %d", n, y, x);
                }
            }
        }
    }
    CHECK(i == sim_tensor_map_box_bytes(&map));
}

static void check_refused(const sim_tensor_map *map, const char *text) {
    const char *wrong = sim_tensor_map_check(map);
    CHECK(wrong && strstr(wrong, text), "%s: %s", text, wrong ? wrong : "accepted");
}

static void test_rules(void) {
    const sim_tensor_map good = matrix(64, 3);
    sim_tensor_map map;
#define REFUSED(change, text)      \
    do {                           \
        map = good;                \
        map.change;                \
        check_refused(&map, text); \
    } while (0)
    REFUSED(address = BASE + 8, "global address");
    REFUSED(rank = 0, "rank");
    REFUSED(rank = 6, "rank");
    REFUSED(size[1] = 0, "size of the tensor");
    REFUSED(size[1] = ((uint64_t)1 << 32) + 1, "size of the tensor");
    REFUSED(stride[1] = 408, "multiple of 16");
    REFUSED(stride[1] = (uint64_t)1 << 40, "2^40");
    REFUSED(box[1] = 257, "size of the box");
    REFUSED(box[1] = 0, "size of the box");
    REFUSED(box[0] = 4, "multiple of 16 bytes");
    REFUSED(box[0] = 72, "more than the swizzle's span");
    REFUSED(box[0] = 32, "less than the swizzle's span");
    REFUSED(element_stride[1] = 0, "element stride");
    REFUSED(element_stride[1] = 9, "element stride");
    REFUSED(type = 11, "data type");
    REFUSED(interleave = 1, "interleaved");
    REFUSED(swizzle = 4, "swizzle");
    REFUSED(promotion = 4, "promotion");
    REFUSED(fill = 1, "NaN");
}

int main(void) {
    test_boxes();
    test_steps();
    test_rules();
    return CHECK_RESULT();
}
