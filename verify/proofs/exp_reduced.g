# The argument reduction of exp: x = k ln 2 + R. r is within +-exp_reduced of R, and in the interval of the
# polynomial.
#
# Where k is not 0, x is a multiple of 2^-54: the differences x - k LN2_HI are exact, as Gappa finds by itself. For x
# >= -0.34, exp_unreduced.g.

MAGIC = 0x1.8p52;
x = rnd(x_);
shifted rnd= x * LOG2_E + MAGIC;
k rnd= shifted - MAGIC;
d rnd= x - k * LN2_HI;
l rnd= k * LN2_LO;
r rnd= d - l;

a = rnd(x * LOG2_E);
h = rnd(k * LN2_HI);
R = x - k * LN2;

{ x in [-750, -0.34] /\ LN2 - (LN2_HI + LN2_LO) in +-ln2
  -> r - R in +-exp_reduced /\ r in [-0.34658, 0.34658] }

k - a -> (k - (shifted - MAGIC)) + (shifted - (a + MAGIC));
R -> x * (1 - LOG2_E * LN2) - LN2 * ((k - a) + (a - x * LOG2_E));
x - h -> R + k * (LN2 - LN2_HI) - (h - k * LN2_HI);
r - R -> (r - (d - l)) + (d - (x - h)) - (h - k * LN2_HI) - (l - k * LN2_LO) + k * (LN2 - (LN2_HI + LN2_LO));
r -> R + (r - R);
