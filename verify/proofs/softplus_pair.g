# softplus(x) = max(x, 0) + ln(1 + T) / beta for an f64 x, with T = exp(-beta |x|), and -ln sigma(-x), the same without
# the quotient. log is log1p(t). EXACT is ln(1 + T), NEAR is ln(1 + t).
#
# For T >= 2^-960: see README.md for what is below.
# case: log = log / beta; EXACT = EXACT / beta; positive = x
# case: log = log / beta; EXACT = EXACT / beta; positive = 0
# case: log = log; EXACT = EXACT; positive = x
# case: log = log; EXACT = EXACT; positive = 0

x = rnd(x_);
beta = rnd(beta_);
v pair= %log + %positive;

Q = %EXACT;
V = Q + %positive;

{ x in [0, 1b1023] /\ beta in [1b-600, 1b600] /\ log -/ NEAR in +-log1p_pair /\ NEAR -/ EXACT in +-log1p_of_exp_pair
  /\ EXACT in [1b-961, 1]
  -> v -/ V in +-softplus_pair }

V -> Q * (1 + %positive / Q) { Q <> 0 };
