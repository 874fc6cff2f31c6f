# x (1 - x) for an f64 x between 0 and 1; at both ends it is 0.

x = rnd(x_);
v pair= (1 - x) * x;

V = (1 - x) * x;

{ x in [1b-1074, 9007199254740991b-53]
  -> v -/ V in +-bce_variance_pair }
