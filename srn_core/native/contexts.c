/* Contexts of one pass over a band: what is known around each coefficient, and what the context network says of it.
 * See srn_core/codec/pyramid_contexts.py and context_network.py. */
#include "coder.h"

#include <stdlib.h>

enum { BORDER = 2, NEAR = 4, VARYING = 12, PARENTS = 2, SUMS = 3, HIDDEN = 24, LARGEST = 255, LARGEST_SIGNED = 3, BLOCK = 128, LARGEST_VALUE = 1023 };
enum { LOGARITHMS = 1 << 15 };

/* Layers as rows of weights, the last of each row the bias; scaled so that whole numbers are what counts. */
typedef struct {
    const float *first;  /* (HIDDEN, VARYING + 1) */
    const float *second; /* (HIDDEN, HIDDEN + 1) */
    const float *last;   /* (2, HIDDEN + 1) */
} Network;

/* out (rows, BLOCK) = whole part of weights (rows, columns + 1) on in (columns, BLOCK), within 0 and most. All sums
 * are exact, so that neither their order counts nor whether a product is rounded before it is added. */
SRN_CLONES
static void layer(const float *SRN_RESTRICT weights, int rows, int columns, const float *SRN_RESTRICT in, float most,
                  float *SRN_RESTRICT out)
{
    for (int row = 0; row < rows; row++) {
        const float *w = weights + row * (columns + 1);
        float sums[BLOCK];
        for (int n = 0; n < BLOCK; n++)
            sums[n] = w[columns];
        for (int column = 0; column < columns; column++) {
            const float weight = w[column];
            const float *values = in + column * BLOCK;
            for (int n = 0; n < BLOCK; n++)
                sums[n] += weight * values[n];
        }
        for (int n = 0; n < BLOCK; n++) {
            float value = sums[n] > 0.0f ? sums[n] : 0.0f;
            value = value < most ? value : most;
            out[row * BLOCK + n] = (float)(int32_t)value;
        }
    }
}

static void look_up(const Network *network, const float *features, int count, const float *most, uint8_t *zero,
                    uint8_t *size)
{
    float hidden[HIDDEN * BLOCK], further[HIDDEN * BLOCK], told[2 * BLOCK];
    layer(network->first, HIDDEN, VARYING, features, LARGEST_VALUE, hidden);
    layer(network->second, HIDDEN, HIDDEN, hidden, LARGEST_VALUE, further);
    layer(network->last, 2, HIDDEN, further, LARGEST_VALUE, told);
    for (int n = 0; n < count; n++) {
        const float *here = told + n;
        zero[n] = (uint8_t)(here[0] < most[0] ? here[0] : most[0]);
        size[n] = (uint8_t)(here[BLOCK] < most[1] ? here[BLOCK] : most[1]);
    }
}

/* Sums of rows: for the axes z and y, each either the row itself or its two neighbours; and of all 5 x 5 rows. */
SRN_CLONES
static void sum_rows_16(const int16_t *centre, int64_t plane, int64_t line, int64_t count, int16_t *SRN_RESTRICT near,
                        int16_t *SRN_RESTRICT far)
{
    for (int64_t n = 0; n < count; n++) {
        const int16_t *at = centre + n;
        const int16_t here = at[0];
        const int16_t beside = (int16_t)(at[-line] + at[line]);
        const int16_t above = (int16_t)(at[-plane] + at[plane]);
        const int16_t corners =
            (int16_t)(at[-plane - line] + at[-plane + line] + at[plane - line] + at[plane + line]);
        near[n] = here;
        near[count + n] = beside;
        near[2 * count + n] = above;
        near[3 * count + n] = corners;
        far[n] = (int16_t)(here + beside + above + corners);
    }
    for (int z = -2; z <= 2; z++)
        for (int y = -2; y <= 2; y++)
            if (z == -2 || z == 2 || y == -2 || y == 2) {
                const int16_t *at = centre + z * plane + y * line;
                for (int64_t n = 0; n < count; n++)
                    far[n] = (int16_t)(far[n] + at[n]);
            }
}

SRN_CLONES
static void sum_rows_8(const int8_t *centre, int64_t plane, int64_t line, int64_t count, int16_t *SRN_RESTRICT near)
{
    for (int64_t n = 0; n < count; n++) {
        const int8_t *at = centre + n;
        near[n] = at[0];
        near[count + n] = (int16_t)(at[-line] + at[line]);
        near[2 * count + n] = (int16_t)(at[-plane] + at[plane]);
        near[3 * count + n] =
            (int16_t)(at[-plane - line] + at[-plane + line] + at[plane - line] + at[plane + line]);
    }
}

/* Sums by kind of neighbour along a row: what lies towards low, across and diagonal, and within two samples. */
SRN_CLONES
static void along(const int16_t *SRN_RESTRICT own, const int16_t *SRN_RESTRICT other, int64_t stride, int64_t shift,
                  int64_t count, const int32_t *SRN_RESTRICT weights, int16_t *SRN_RESTRICT sums)
{
    for (int64_t n = 0; n < count; n++)
        sums[n] = 0;
    for (int kind = 0; kind < NEAR; kind++) {
        const int16_t *same = own + kind * stride + 1, *beside = other + kind * stride + shift;
        const int16_t straight = (int16_t)weights[2 * kind], sideways = (int16_t)weights[2 * kind + 1];
        if (straight)
            for (int64_t n = 0; n < count; n++)
                sums[n] = (int16_t)(sums[n] + straight * same[n]);
        if (sideways)
            for (int64_t n = 0; n < count; n++)
                sums[n] = (int16_t)(sums[n] + sideways * (int16_t)(beside[n] + beside[n + 1]));
    }
}

SRN_CLONES
static void within_two(const int16_t *SRN_RESTRICT own, const int16_t *SRN_RESTRICT other, int64_t shift,
                       int64_t count, int16_t *SRN_RESTRICT sums)
{
    for (int64_t n = 0; n < count; n++)
        sums[n] = (int16_t)(own[n] + own[n + 1] + own[n + 2] + other[n + shift] + other[n + shift + 1]);
}

/* The contexts of a pass.
 *
 * known: (3,) lengths of the axes (z, y, half of x) of magnitudes and signs, each (2, z, y, half of x).
 * band, odd: (3,) shape of the band, and the parity of the pass.
 * kinds: (4, 8) weights of neighbours by the axes (z, y, x) they lie away on, as binary digits: those that count as
 *     low, across and diagonal, 0 or 1, and those of expected signs.
 * parents: two features of each parent, or none; maps: for each parent and axis, at which of its places to look;
 *     breadths: (parents, 2) its lengths along y and x.
 * sums: 3 features, shaped as the band, or none; chosen: its coefficients, or none for all.
 * most: (2,) the last context of zeros and of sizes.
 *
 * Gives how many contexts there are, or -1 without memory. */
SRN_API int64_t srn_contexts(const int16_t *magnitudes, const int8_t *signs, const int64_t *known, const int64_t *band,
                             const int64_t *odd, const int32_t *kinds, const uint8_t *const *parents,
                             const int32_t *const *maps, const int64_t *breadths, const int16_t *const *sums_beside,
                             const uint8_t *chosen, const uint8_t *logarithms, const float *first, const float *second,
                             const float *last, const float *most, uint8_t *zero, uint8_t *size, int16_t *expected)
{
    const Network network = {first, second, last};
    const int64_t line = known[2], plane = known[1] * line, half = known[0] * plane;
    const int64_t columns = (band[2] + 1 - odd[2]) / 2, wide = columns + 2;
    const int64_t own = odd[2] * half, other = (1 - odd[2]) * half, shift = odd[2] ? 1 : 0;
    float *features = calloc(VARYING * BLOCK, sizeof *features);
    int16_t *rows = malloc(sizeof *rows * (size_t)(wide * (2 * NEAR + 2) + 5 * wide));
    int64_t found = 0;
    int filled = 0;
    if (!features || !rows) {
        free(features);
        free(rows);
        return -1;
    }
    int16_t *near_own = rows, *near_other = near_own + NEAR * wide;
    int16_t *far_own = near_other + NEAR * wide, *far_other = far_own + wide;
    int16_t *sums[5];
    for (int n = 0; n < 5; n++)
        sums[n] = far_other + (n + 1) * wide;

    for (int64_t z = odd[0]; z < band[0]; z += 2)
        for (int64_t y = odd[1]; y < band[1]; y += 2) {
            const int64_t row = (z * band[1] + y) * band[2] + odd[2];
            int64_t begin = 0, end = columns;
            if (chosen) {
                while (begin < end && !chosen[row + 2 * begin])
                    begin++;
                while (end > begin && !chosen[row + 2 * (end - 1)])
                    end--;
            }
            if (begin == end)
                continue;
            int64_t parent_rows[PARENTS] = {0, 0};
            for (int which = 0; which < PARENTS; which++)
                if (parents[2 * which])
                    parent_rows[which] = (maps[3 * which][z] * breadths[2 * which] + maps[3 * which + 1][y]) *
                                         breadths[2 * which + 1];
            const int64_t count = end - begin, more = count + 2;
            const int64_t place = (z + BORDER) * plane + (y + BORDER) * line + begin;
            sum_rows_16(magnitudes + own + place, plane, line, more, near_own, far_own);
            sum_rows_16(magnitudes + other + place, plane, line, more, near_other, far_other);
            for (int kind = 0; kind < 3; kind++)
                along(near_own, near_other, more, shift, count, kinds + 8 * kind, sums[kind]);
            within_two(far_own, far_other, shift, count, sums[3]);
            sum_rows_8(signs + own + place, plane, line, more, near_own);
            sum_rows_8(signs + other + place, plane, line, more, near_other);
            along(near_own, near_other, more, shift, count, kinds + 24, sums[4]);
            for (int64_t n = 0; n < count; n++) {
                const int64_t at = row + 2 * (begin + n);
                if (chosen && !chosen[at])
                    continue;
                const int sign = sums[4][n];
                float *feature = features + filled;
                for (int which = 0; which < 4; which++)
                    feature[which * BLOCK] = logarithms[sums[which][n] & (LOGARITHMS - 1)];
                feature[4 * BLOCK] = logarithms[(sign < 0 ? -sign : sign) >> 3];
                for (int which = 0; which < PARENTS; which++)
                    if (parents[2 * which]) {
                        const int64_t above = parent_rows[which] + maps[3 * which + 2][at - row + odd[2]];
                        feature[(5 + 2 * which) * BLOCK] = parents[2 * which][above];
                        feature[(6 + 2 * which) * BLOCK] = parents[2 * which + 1][above];
                    }
                for (int which = 0; which < SUMS; which++)
                    if (sums_beside[which])
                        feature[(9 + which) * BLOCK] = logarithms[sums_beside[which][at] & (LOGARITHMS - 1)];
                expected[found + filled] = (int16_t)sign;
                if (++filled == BLOCK) {
                    look_up(&network, features, BLOCK, most, zero + found, size + found);
                    found += BLOCK;
                    filled = 0;
                }
            }
        }
    look_up(&network, features, filled, most, zero + found, size + found);
    free(features);
    free(rows);
    return found + filled;
}

SRN_CLONES
static void add_row(const uint8_t *SRN_RESTRICT row, int64_t count, int16_t *SRN_RESTRICT sums)
{
    for (int64_t n = 0; n < count; n++)
        sums[n] = (int16_t)(sums[n] + row[n]);
}

/* sums (3, z, y, x), zeros: of the first arrays, of the others, and of all and their neighbours by a face. */
SRN_API void srn_summed_around(const uint8_t *const *arrays, int64_t first, int64_t count, const int64_t *shape,
                               int16_t *sums)
{
    const int64_t line = shape[2], plane = shape[1] * line, size = shape[0] * plane;
    int16_t *around = sums + 2 * size;
    for (int64_t which = 0; which < count; which++) {
        int16_t *total = which < first ? sums : sums + size;
        add_row(arrays[which], size, total);
        add_row(arrays[which], size, around);
        add_row(arrays[which], size - plane, around + plane);
        add_row(arrays[which] + plane, size - plane, around);
        for (int64_t z = 0; z < shape[0]; z++) {
            const uint8_t *layer_ = arrays[which] + z * plane;
            int16_t *into = around + z * plane;
            add_row(layer_, plane - line, into + line);
            add_row(layer_ + line, plane - line, into);
            for (int64_t y = 0; y < shape[1]; y++) {
                add_row(layer_ + y * line, line - 1, into + y * line + 1);
                add_row(layer_ + y * line + 1, line - 1, into + y * line);
            }
        }
    }
}

/* Add the codes of a pass, of shape and strides (z, y, x), to what is known. Gives the sum of their magnitudes. */
SRN_API int64_t srn_remember(int16_t *magnitudes, int8_t *signs, const int64_t *known, const int64_t *odd,
                             const int32_t *codes, const int64_t *shape, const int64_t *strides)
{
    const int64_t line = known[2], plane = known[1] * line, start = odd[2] * known[0] * plane + BORDER / 2;
    int64_t total = 0;
    for (int64_t z = 0; z < shape[0]; z++)
        for (int64_t y = 0; y < shape[1]; y++) {
            const int64_t into = start + (2 * z + odd[0] + BORDER) * plane + (2 * y + odd[1] + BORDER) * line;
            const int32_t *row = codes + z * strides[0] + y * strides[1];
            for (int64_t x = 0; x < shape[2]; x++) {
                const int32_t code = row[x * strides[2]];
                int32_t size = code < 0 ? -code : code;
                size = size < LARGEST ? size : LARGEST;
                int32_t small = code < LARGEST_SIGNED ? code : LARGEST_SIGNED;
                small = small > -LARGEST_SIGNED ? small : -LARGEST_SIGNED;
                magnitudes[into + x] = (int16_t)size;
                signs[into + x] = (int8_t)small;
                total += size;
            }
        }
    return total;
}
