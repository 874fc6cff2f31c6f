# factor_smoothed.g in pairs.
# case: v = own * w + uniform * w; V = (1 - s) * w + (s / c) * w
# case: v = uniform * w; V = (s / c) * w

s = rnd(s_);
c = rnd(c_);
w = rnd(w_);
own pair= 1 - s;
uniform pair= s / c;
v pair= %v;

V = %V;

{ s in [1b-500, 1] /\ w in [1b-400, 1b400] /\ c in [1, 1b45]
  -> v -/ V in +-factor_pair }
