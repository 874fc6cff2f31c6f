# (x - y) / max(x (1 - x), 1e-12) for f32 x and y in [0, 1]; 0 where they are the same. The clamp leaves a relative
# error what it is, or is that of 1e-12 as an f64: w is the clamped variance.
# case: d = [1b-149, 1]
# case: d = [-1, -1b-149]

x = float<ieee_32, ne>(x_);
y = float<ieee_32, ne>(y_);
w = rnd(w_);
v rnd= (x - y) / w;

V = (x - y) / W;

{ x in [0, 1] /\ y in [0, 1] /\ x - y in %d /\ w -/ W in +-bce_variance /\ W in [1b-40, 0.25]
  -> v -/ V in +-bce_gradient }
