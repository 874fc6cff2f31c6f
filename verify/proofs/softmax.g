# e_j / (1 + S), which is p_j, and the gradient of cross-entropy at other classes than the label. For E >= 2^-700:
# beyond it is 0 in an f32, also after a weight and a grad_output. An S that underflows is nothing beside 1.

e = rnd(e_);
others = rnd(others_);
v rnd= e / (1 + others);

V = E / (1 + OTHERS);

{ e -/ E in +-exp_of_rounded /\ E in [1b-700, 1] /\ others -/ OTHERS in +-row_others /\ OTHERS in [0, 1b45]
  -> v -/ V in +-softmax }

(1 + others) - (1 + OTHERS) -> ((others - OTHERS) / OTHERS) * OTHERS { OTHERS <> 0 };
