# softplus(x) = max(x, 0) + ln(1 + T) for an f32 x, with T = exp(-|x|). l is log1p_unit(t). EXACT is ln(1 + T), NEAR
# is ln(1 + t).
#
# For |x| <= 693 here. Beyond, the logarithm is below 2^-998: for x > 0 softplus_far.g, for x < 0 it is 0 in an f32.
# case: positive = x
# case: positive = 0

x = float<ieee_32, ne>(x_);
l = rnd(l_);
v rnd= %positive + l;

V = %positive + EXACT;

{ x in [0, 1b128] /\ l -/ NEAR in +-log1p_unit /\ NEAR -/ EXACT in +-log1p_of_exp /\ EXACT in [1b-1000, 1]
  -> v -/ V in +-softplus }
