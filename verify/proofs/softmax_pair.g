# e_j / (1 + S), which is p_j, and the gradient of cross-entropy at other classes than the label. For E >= 2^-960, as
# sigmoid_pair.g.

v pair= over_one_plus(e, others);

V = E / (1 + OTHERS);

{ e -/ E in +-exp_pair /\ E in [1b-960, 1] /\ others -/ OTHERS in +-row_others_pair /\ OTHERS in [0, 1b45]
  -> v -/ V in +-softmax_pair }

(1 + others) - (1 + OTHERS) -> ((others - OTHERS) / OTHERS) * OTHERS { OTHERS <> 0 };
