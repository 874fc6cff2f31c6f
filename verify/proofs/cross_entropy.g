# w ((m - x) + ln(1 + S)) for f32 w, m >= x. l is log1p of the computed S, EXACT is ln(1 + S), NEAR the logarithm of
# the computed one: its derivative, 1 / (1 + S), is at most ln(1 + S) / S.
#
# For S >= 2^-700: what underflows in a sum as large is less than 2^-300 of it. S <= 2^45.

m = float<ieee_32, ne>(m_);
x = float<ieee_32, ne>(x_);
w = float<ieee_32, ne>(w_);
l = rnd(l_);
v rnd= w * ((m - x) + l);

V = w * ((m - x) + EXACT);

{ m - x in [0, 1b129] /\ |w| in [1b-149, 1b128]
  /\ l -/ NEAR in +-log1p /\ NEAR -/ EXACT in +-log1p_of_others /\ EXACT in [1b-700, 32]
  -> v -/ V in +-cross_entropy }
