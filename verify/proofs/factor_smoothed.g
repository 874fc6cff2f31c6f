# (1 - s) w + (s / C) w at the label, and its second term elsewhere, for a smoothing s of 0 or at least 2^-500 and an
# f32 w, here w >= 0; C <= 2^45 classes.
# case: s = [1b-500, 1]; own = (1 - s) * w
# case: s = [1b-500, 1]; own = 0

w = float<ieee_32, ne>(w_);
s = rnd(s_);
own rnd= %own;
v rnd= own + (s / c) * w;

V = %own + (s / c) * w;

{ s in %s /\ w in [1b-149, 1b128] /\ c in [1, 1b45]
  -> v -/ V in +-factor }
