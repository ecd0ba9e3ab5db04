/* One level of a wavelet pyramid along one axis. See srn_core/pyramid_axis.py: the same sums in the same order, so that
 * both give the same bits; to be compiled without contracting products and sums. */
#include "coder.h"

#include <stdlib.h>
#include <string.h>

enum { STRIP = 64 };

/* A tap times the sum of two samples, of the even (0) or odd (1) ones, so far away; or times one where both are alike. */
typedef struct {
    int64_t odd, before, after;
} Term;

typedef struct {
    const Term *terms;
    const float *taps;
    int64_t count;
} Sum;

/* out (n,) of samples, of which the next ones along the axis are a step away. */
SRN_CLONES_PLAIN
static void weigh(const Sum *sum, const float *const samples[2], int64_t step, int64_t n, float *SRN_RESTRICT out)
{
    for (int64_t which = 0; which < sum->count; which++) {
        const Term *term = sum->terms + which;
        const float tap = sum->taps[which];
        const float *one = samples[term->odd] + term->before * step, *two = samples[term->odd] + term->after * step;
        if (!which)
            for (int64_t i = 0; i < n; i++)
                out[i] = tap * one[i];
        else
            for (int64_t i = 0; i < n; i++)
                out[i] += tap * (one[i] + two[i]);
    }
}

/* Mirror a place at the first sample and at the last. */
static int64_t mirrored(int64_t place, int64_t samples)
{
    const int64_t period = 2 * samples - 2;
    place %= period;
    place += place < 0 ? period : 0;
    return place < samples ? place : period - place;
}

/* data (slabs, rows, columns), in place, along its rows (along 1) or columns (along 2); the columns lie side by side.
 * first, second: terms of even and of odd outputs, (count, 3), and their taps; reach: the most samples to the side.
 * Gives 0, or SRN_NO_MEMORY. */
SRN_API int srn_transform(float *data, const int64_t *shape, const int64_t *strides, int64_t along, int64_t inverse,
                          const int64_t *first, const float *first_taps, int64_t first_count, const int64_t *second,
                          const float *second_taps, int64_t second_count, int64_t reach)
{
    const Sum sums[2] = {{(const Term *)first, first_taps, first_count},
                         {(const Term *)second, second_taps, second_count}};
    const int64_t samples = shape[along], half = (samples + 1) / 2, long_ = half + 2 * reach;
    const int64_t width = along == 1 ? STRIP : 1, others = along == 1 ? shape[2] : shape[1];
    const int64_t step = strides[along], beside = along == 1 ? 1 : strides[1];
    float *padded = malloc(sizeof *padded * (size_t)(2 * long_ * width + half));
    int64_t *places = malloc(sizeof *places * (size_t)(2 * long_));
    if (!padded || !places) {
        free(padded);
        free(places);
        return SRN_NO_MEMORY;
    }
    float *line = padded + 2 * long_ * width;
    for (int64_t odd = 0; odd < 2; odd++)
        for (int64_t n = 0; n < long_; n++) {
            const int64_t place = mirrored(2 * (n - reach) + odd, samples);
            places[odd * long_ + n] = step * (inverse ? odd * half + place / 2 : place);
        }
    for (int64_t slab = 0; slab < shape[0]; slab++)
        for (int64_t other = 0; other < others; other += width) {
            float *here = data + slab * strides[0] + other * beside;
            const int64_t wide = others - other < width ? others - other : width;
            if (along == 1)
                for (int64_t n = 0; n < 2 * long_; n++)
                    memcpy(padded + n * width, here + places[n], sizeof *here * (size_t)wide);
            else
                for (int64_t n = 0; n < 2 * long_; n++)
                    padded[n] = here[places[n]];
            for (int64_t odd = 0; odd < 2; odd++) {
                const int64_t count = odd ? samples - half : half;
                const int64_t into = step * (inverse ? odd : odd * half), apart = step * (inverse ? 2 : 1);
                const float *source[2] = {padded + reach * width, padded + (long_ + reach) * width};
                if (along == 1)
                    for (int64_t n = 0; n < count; n++) {
                        const float *from[2] = {source[0] + n * width, source[1] + n * width};
                        weigh(sums + odd, from, width, wide, here + into + n * apart);
                    }
                else {
                    weigh(sums + odd, source, 1, count, line);
                    for (int64_t n = 0; n < count; n++)
                        here[into + n * apart] = line[n];
                }
            }
        }
    free(padded);
    free(places);
    return SRN_DONE;
}
