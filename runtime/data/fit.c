#include "runtime/data/fit.h"

dn_box dn_fit_box(int height, int width, int to_height, int to_width, bool crop) {
    dn_box box = {.height = height, .width = width};
    if (!crop) return box;
    int64_t across = (int64_t)width * to_height, down = (int64_t)height * to_width;
    if (across > down)  // too wide
        box.width = (int)((2 * down + to_height) / (2 * (int64_t)to_height));
    else if (down > across)
        box.height = (int)((2 * across + to_width) / (2 * (int64_t)to_width));
    if (box.width < 1) box.width = 1;
    if (box.height < 1) box.height = 1;
    box.y = (height - box.height) / 2;
    box.x = (width - box.width) / 2;
    return box;
}
