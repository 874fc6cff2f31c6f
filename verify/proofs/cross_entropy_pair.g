# w ((m - x) + ln(1 + S)) for f64 w, m >= x. log is log1p of the computed S, EXACT is ln(1 + S), NEAR the logarithm of
# the computed one.
#
# For S >= 2^-960: see README.md for what is below.

m = rnd(m_);
x = rnd(x_);
w = rnd(w_);
v pair= ((m - x) + log) * w;

V = ((m - x) + EXACT) * w;

{ m - x in [0, 1b1023] /\ |w| in [1b-960, 1b1023]
  /\ log -/ NEAR in +-log1p_pair /\ NEAR -/ EXACT in +-log1p_of_others_pair /\ EXACT in [1b-961, 32]
  -> v -/ V in +-cross_entropy_pair }
