# w ((1 - s) q + s / C), as factor_smoothed.g, for a probability q >= 0.

w = float<ieee_32, ne>(w_);
q = float<ieee_32, ne>(q_);
s = rnd(s_);
v rnd= w * ((1 - s) * q + s / c);

V = w * ((1 - s) * q + s / c);

{ s in [1b-500, 1] /\ w in [1b-149, 1b128] /\ q in [0, 1b128] /\ c in [1, 1b45]
  -> v -/ V in +-factor }
