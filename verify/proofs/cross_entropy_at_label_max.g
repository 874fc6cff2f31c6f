# The gradient at a label that has the largest logit, -S / (1 + S). For S >= 2^-700: see cross_entropy.g; below it is
# 0 in an f32.

others = rnd(others_);
v rnd= -others / (1 + others);

V = -OTHERS / (1 + OTHERS);

{ others -/ OTHERS in +-row_others /\ OTHERS in [1b-700, 1b45]
  -> v -/ V in +-cross_entropy_at_label }

(1 + others) - (1 + OTHERS) -> ((others - OTHERS) / OTHERS) * OTHERS { OTHERS <> 0 };
