# factor_probability.g in pairs.

s = rnd(s_);
c = rnd(c_);
w = rnd(w_);
q = rnd(q_);
own pair= 1 - s;
uniform pair= s / c;
v pair= (own * q + uniform) * w;

V = ((1 - s) * q + s / c) * w;

{ s in [1b-500, 1] /\ w in [1b-400, 1b400] /\ q in [0, 1b400] /\ c in [1, 1b45]
  -> v -/ V in +-factor_pair }
