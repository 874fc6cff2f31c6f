# sigma(x) = 1 / (1 + T) or T / (1 + T) for an f64, where T is exp(-|x|) and t what the core has for it as a pair.
#
# For T >= 2^-960: see exp_pair_tiny in README.md for what is below.
# case: n = 1; N = 1; moved = -T
# case: n = t; N = T; moved = 1

v pair= over_one_plus(%n, t);

V = %N / (1 + T);

{ t -/ T in +-exp_pair /\ T in [1b-960, 1]
  -> v -/ V in +-sigmoid_pair }

(%n / (1 + t) - V) / V -> ((t - T) / T) * (%moved) / (1 + t) { V <> 0, T <> 0, 1 + t <> 0 };
