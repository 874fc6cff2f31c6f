# softplus(x) = max(x, 0) + ln(1 + T) / beta for an f32 x, with T = exp(-beta |x|), whose product is rounded. l is
# log1p_unit(t). EXACT is ln(1 + T), NEAR is ln(1 + t).
#
# For beta from 2^-600 to 2^600 and ln(1 + T) >= 2^-400. Elsewhere either beta < 2^-600: then T is within 2^-470 of 1,
# and the quotient is infinite in an f32, computed or exact. Or the quotient q is below 2^-270, also where it
# underflows, as a beta |x| > 277 takes a beta above 2^-120: for x > 0 softplus_far.g, else 0 in an f32.
# case: positive = x
# case: positive = 0

x = float<ieee_32, ne>(x_);
l = rnd(l_);
beta = rnd(beta_);
v rnd= %positive + l / beta;

V = %positive + EXACT / beta;

{ x in [0, 1b128] /\ l -/ NEAR in +-log1p_unit /\ NEAR -/ EXACT in +-log1p_of_rounded /\ EXACT in [1b-400, 1]
  /\ beta in [1b-600, 1b600]
  -> v -/ V in +-softplus_beta }
