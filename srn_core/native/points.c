/* Values of a grid of latents at points, where the latents are the values. See onnx_export/decoder.py. */
#include "coder.h"

#include <math.h>

enum { TOGETHER = 32 };

/* A coordinate's sample below it, how far it is on the way to the next one, and where that one lies. */
typedef struct {
    int64_t low, next;
    float share;
} Place;

static Place place_of(double coordinate, double half, double scale, int64_t samples, int64_t stride)
{
    double at = (coordinate > half ? 2.0 * half : coordinate > -half ? coordinate + half : 0.0) * scale; /* NaN: 0 */
    int64_t low = (int64_t)at;
    low = low < samples - 2 ? low : samples - 2;
    low = low > 0 ? low : 0;
    const Place found = {low * stride, samples > 1 ? stride : 0, (float)(at - (double)low)};
    return found;
}

/* values (count, features) at points (count, 3), x, y, z from -half to half, held there beyond; NaN gives NaN.
 *
 * latents (features, z, y, x) of shape (3,), samples along z, y, x; scale: (3,) samples per unit along x, y, z. */
SRN_API void srn_at_points(const float *latents, int64_t features, const int64_t *shape, const double *points,
                           int64_t count, const double *half, const double *scale, float *values)
{
    const int64_t line = shape[2], plane = shape[1] * line, size = shape[0] * plane;
    Place places[TOGETHER][3];
    /* Latents at random points are waited for: many are sent for before the first is needed. */
    for (int64_t first = 0; first < count; first += TOGETHER) {
        const int64_t some = count - first < TOGETHER ? count - first : TOGETHER;
        for (int64_t n = 0; n < some; n++) {
            const double *point = points + 3 * (first + n);
            Place *place = places[n];
            place[0] = place_of(point[0], half[0], scale[0], shape[2], 1);
            place[1] = place_of(point[1], half[1], scale[1], shape[1], line);
            place[2] = place_of(point[2], half[2], scale[2], shape[0], plane);
            const float *at = latents + place[0].low + place[1].low + place[2].low;
            SRN_PREFETCH(at);
            SRN_PREFETCH(at + place[1].next);
            SRN_PREFETCH(at + place[2].next);
            SRN_PREFETCH(at + place[1].next + place[2].next);
        }
        for (int64_t n = 0; n < some; n++) {
            const double *point = points + 3 * (first + n);
            const Place x = places[n][0], y = places[n][1], z = places[n][2];
            const float known = isnan(point[0]) || isnan(point[1]) || isnan(point[2]) ? NAN : 0.0f;
            float *out = values + (first + n) * features;
            for (int64_t feature = 0; feature < features; feature++) {
                const float *at = latents + feature * size + x.low + y.low + z.low;
                float rows[4];
                for (int row = 0; row < 4; row++) {
                    const float *start = at + (row & 1 ? y.next : 0) + (row & 2 ? z.next : 0);
                    rows[row] = start[0] + x.share * (start[x.next] - start[0]);
                }
                const float below = rows[0] + y.share * (rows[1] - rows[0]);
                const float above = rows[2] + y.share * (rows[3] - rows[2]);
                out[feature] = below + z.share * (above - below) + known;
            }
        }
    }
}
