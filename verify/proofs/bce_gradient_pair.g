# (x - y) / max(x (1 - x), 1e-12) for f64 x and y in [0, 1]; 0 where they are the same. w is the clamped variance, of
# which 1e-12 is an f64.
# case: d = [1b-1074, 1]
# case: d = [-1, -1b-1074]

x = rnd(x_);
y = rnd(y_);
v pair= (x - y) / w;

V = (x - y) / W;

{ x in [0, 1] /\ y in [0, 1] /\ x - y in %d /\ w -/ W in +-bce_variance_pair /\ W in [1b-40, 0.25]
  -> v -/ V in +-bce_gradient_pair }
