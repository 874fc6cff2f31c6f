# -y max(ln x, -100) - (1 - y) max(ln(1 - x), -100) for f64 x and y in %y. a and b are the clamped logarithms, negated:
# the clamp leaves a relative error what it is.
#
# For y between 0 and 1 and logarithms that are not 0: a term that is 0 leaves the other as it is.

y = rnd(y_);
v pair= a * y + (1 - y) * b;

P = A * y;
Q = (1 - y) * B;
V = P + Q;

{ y in [1b-1074, 9007199254740991b-53] /\ a -/ A in +-log_pair /\ b -/ B in +-log1p_pair
  /\ A in [1b-54, 100] /\ B in [1b-1074, 100]
  -> v -/ V in +-bce_pair }

V -> P * (1 + Q / P) { P <> 0 };
