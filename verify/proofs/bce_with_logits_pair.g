# |x| W + (1 - y + c y) ln(1 + T) for f64 x, y in [0, 1] and c >= 0, where W is 1 - y for x >= 0 and c y else, and T =
# exp(-|x|). log is log1p(t), EXACT is ln(1 + T), NEAR is ln(1 + t).
#
# For terms that are not 0, one of which leaves the other as it is, and T >= 2^-960: see README.md for what is below.
# case: wrong = negative; W = (1 - y)
# case: wrong = positive; W = c * y

x = rnd(x_);
y = rnd(y_);
c = rnd(c_);
negative pair= 1 - y;
positive pair= c * y;
v pair= x * %wrong + (negative + positive) * log;

P = x * (%W);
BOTH = (1 - y) + c * y;
Q = BOTH * EXACT;
V = P + Q;

{ x in [1b-1074, 700] /\ y in [1b-500, 9007199254740991b-53] /\ c in [1b-400, 1b500]
  /\ log -/ NEAR in +-log1p_pair /\ NEAR -/ EXACT in +-log1p_of_exp_pair /\ EXACT in [1b-961, 1]
  -> v -/ V in +-bce_with_logits_pair }

V -> P * (1 + Q / P) { P <> 0 };
BOTH -> (1 - y) * (1 + c * y / (1 - y)) { 1 - y <> 0 };
