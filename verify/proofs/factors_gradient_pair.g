# The gradient of cross-entropy with factors, (P - N) / (1 + S), where the kernel finds a quarter of M and a little
# more left of the numerator: else it takes double-double. M is what P + N comes to where all v_j have their
# magnitudes. The errors of the two terms are in units of their parts of M, and so are they together, in units of M. P
# is not negative: else all signs change. D is P - N.
# case: minus = - negative; both = positive + negative; negatives = [0, 1b1000]; kept = [0.2563, 1]
# case: minus = - negative; both = positive + negative; negatives = [0, 1b1000]; kept = [-1, -0.2563]
# case: minus = + (-negative); both = positive + (-negative); negatives = [-1b1000, 0]; kept = [0.2563, 1]

numerator pair= positive %minus;
v pair= over_one_plus(numerator, others);

V = D / (1 + OTHERS);

{ ((positive - negative) - D) / M in +-factors_terms_pair /\ M in [1b-900, 1b900] /\ D / M in %kept
  /\ positive in [0, 1b1000] /\ negative in %negatives /\ %both in [1b-1000, 1b1001] /\ (%both) / M in [0, 1.001]
  /\ others -/ OTHERS in +-row_others_pair /\ OTHERS in [1b-960, 1b45]
  -> v -/ V in +-factors_gradient_pair }

(numerator - D) / D -> (((numerator - (positive %minus)) / (%both)) * ((%both) / M)
  + ((positive - negative) - D) / M) / (D / M)
  { %both <> 0, M <> 0, D <> 0, D / M <> 0 };
(1 + others) - (1 + OTHERS) -> ((others - OTHERS) / OTHERS) * OTHERS { OTHERS <> 0 };
