# The gradient at a label that has the largest logit, -S / (1 + S), for S >= 2^-960.

v pair= over_one_plus(-others, others);

V = -OTHERS / (1 + OTHERS);

{ others -/ OTHERS in +-row_others_pair /\ OTHERS in [1b-960, 1b45]
  -> v -/ V in +-cross_entropy_at_label_pair }

((-others) / (1 + others) - V) / V -> ((others - OTHERS) / OTHERS) / (1 + others)
  { V <> 0, OTHERS <> 0, 1 + OTHERS <> 0, 1 + others <> 0 };
