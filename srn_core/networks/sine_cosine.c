/* Sine and cosine of many floats in one pass over memory, written so that a compiler vectorises it.

   Compiled at run time where a C compiler is found; srn_core/networks/sine_cosine.py says how, and what
   stands in where none is. v = n pi + r with |r| <= pi / 2, so sin v = (-1)^n sin r and likewise cosine;
   pi is taken off in two parts to keep the digits. The polynomials are minimax fits of sin and cos on
   [-pi / 2, pi / 2]; both are within 2e-7 of the truth for |v| < 1000. */

#include <math.h>
#include <stdint.h>
#include <string.h>

/* v <- sin v;  h <- v - 2 cos v */
void sine_and_snake(float *restrict v, float *restrict h, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const float x = v[i];
        const float n = rintf(x * 0.318309886f);
        const float r = fmaf(n, -3.1415927410125732f, x) - n * -8.7422776573475858e-8f;
        const float q = r * r;
        float s = 2.59045646089362e-06f, c = -2.6051202439703047e-07f;
        s = fmaf(s, q, -0.0001980088127311319f);
        s = fmaf(s, q, 0.008332899771630764f);
        s = fmaf(s, q, -0.16666647791862488f);
        s = fmaf(s * q, r, r);
        c = fmaf(c, q, 2.476014560670592e-05f);
        c = fmaf(c, q, -0.0013888360699638724f);
        c = fmaf(c, q, 0.04166663438081741f);
        c = fmaf(c, q, -0.5f);
        c = fmaf(c, q, 1.0f);
        const float sign = 1.0f - 2.0f * fabsf(n - 2.0f * rintf(n * 0.5f));
        v[i] = s * sign;
        h[i] = fmaf(-2.0f * sign, c, x);
    }
}
