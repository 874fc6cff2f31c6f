# sigma'(x) = T / (1 + T)^2, with 1 + t (2 + t) for the square, and T as in sigmoid_pair.g.

v pair= over_one_plus(t, t * (t + 2));

V = T / (1 + T * (T + 2));

{ t -/ T in +-exp_pair /\ T in [1b-960, 1]
  -> v -/ V in +-sigmoid_derivative_pair }

# For t = T (1 + d) it is 1 + d (1 - t T) / (1 + t)^2 times V.
(t / (1 + t * (t + 2)) - V) / V -> ((t - T) / T) * ((1 - t * T) / (1 + t * (t + 2)))
  { V <> 0, T <> 0, 1 + t * (t + 2) <> 0 };

