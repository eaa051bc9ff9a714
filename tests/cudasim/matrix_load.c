// ldmatrix and stmatrix of 8 x 8 matrices of 16-bit elements.
//
// PTX ISA, "Warp-level matrix load instruction: ldmatrix": lane l has elements 2 * (l % 4) and the
// next one of row l / 4, the first in the low half; with .trans, of column l / 4.
#include <string.h>

#include "tests/cudasim/matrix.h"

// Where half `half` of lane's register for matrix i is.
static uint8_t *place(uint8_t (*rows)[16], int i, bool transposed, int lane, int half) {
    int along = 2 * (lane % 4) + half, across = lane / 4;
    return transposed ? &rows[8 * i + along][2 * across] : &rows[8 * i + across][2 * along];
}

void sim_ldmatrix(int count, bool transposed, uint8_t (*rows)[16], uint32_t (*d)[SIM_LANES]) {
    for (int i = 0; i < count; i++) {
        for (int lane = 0; lane < SIM_LANES; lane++) {
            uint16_t low, high;
            memcpy(&low, place(rows, i, transposed, lane, 0), 2);
            memcpy(&high, place(rows, i, transposed, lane, 1), 2);
            d[i][lane] = low | (uint32_t)high << 16;
        }
    }
}

void sim_stmatrix(int count, bool transposed, uint32_t (*s)[SIM_LANES], uint8_t (*rows)[16]) {
    for (int i = 0; i < count; i++) {
        for (int lane = 0; lane < SIM_LANES; lane++) {
            uint16_t low = (uint16_t)s[i][lane], high = (uint16_t)(s[i][lane] >> 16);
            memcpy(place(rows, i, transposed, lane, 0), &low, 2);
            memcpy(place(rows, i, transposed, lane, 1), &high, 2);
        }
    }
}
