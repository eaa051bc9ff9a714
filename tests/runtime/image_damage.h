// Images that are damaged in every way of a few bits or bytes: what is changed is refused.
#ifndef DN_TESTS_RUNTIME_IMAGE_DAMAGE_H
#define DN_TESTS_RUNTIME_IMAGE_DAMAGE_H

#include <stdlib.h>

#include "runtime/host/image_stream.h"
#include "tests/check.h"

// Makes size and checksum those of the content again.
static inline void image_checksum(char *bytes, size_t size) {
    uint64_t header[] = {size - DN_IMAGE_HEADER,
                         dn_hash(bytes + DN_IMAGE_HEADER, size - DN_IMAGE_HEADER, DN_HASH_SEED)};
    memcpy(bytes + DN_IMAGE_MAGIC, header, sizeof header);
}

// Every bit of a copy turned over: seen by the checksum, and where that is mended, by at least
// `least` checks of the content.
static inline void damage_bits(const char *bytes, size_t size, int least,
                               bool refused(const char *bytes, size_t size)) {
    char *copy = dn_xmalloc(size);
    int accepted = 0, wrong = 0;
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            memcpy(copy, bytes, size);
            copy[i] ^= (char)(1 << bit);
            accepted += !refused(copy, size);
            image_checksum(copy, size);
            if (i >= DN_IMAGE_HEADER) wrong += refused(copy, size);
        }
    }
    CHECK(accepted == 0, "%d of the changes went unseen", accepted);
    CHECK(wrong > least, "%d", wrong);
    free(copy);
}

static inline void damage_length(const char *bytes, size_t size,
                                 bool refused(const char *bytes, size_t size)) {
    char *copy = dn_xmalloc(size + 1);
    for (size_t length = 0; length < size; length++) {
        memcpy(copy, bytes, size);
        CHECK(refused(copy, length), "%zu bytes", length);
        if (length < DN_IMAGE_HEADER) continue;
        image_checksum(copy, length);
        CHECK(refused(copy, length), "%zu bytes with a checksum", length);
    }
    memcpy(copy, bytes, size);
    copy[size] = 0;
    image_checksum(copy, size + 1);
    CHECK(refused(copy, size + 1), "a byte too many");
    free(copy);
}

// `refused` takes any bytes as an image and says whether it is refused.
static inline void damage_image(const char *bytes, size_t size, int least,
                                bool refused(const char *bytes, size_t size)) {
    damage_bits(bytes, size, least, refused);
    damage_length(bytes, size, refused);
}

#endif
