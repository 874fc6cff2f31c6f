# The same for |x| > 485: the second term is below 2^129 2^-699, whatever is lost of it. Where W is 0, that is 0 in an
# f32, also after a weight and a grad_output. Else W is at least 2^-298.

x = float<ieee_32, ne>(x_);
w = rnd(w_);
rest = rnd(rest_);
wx rnd= w * x;
v rnd= wx + rest;

WX = W * x;
V = WX + REST;

{ x in [485, 1b128] /\ w -/ W in [-1b-53, 1b-53] /\ W in [1b-298, 1b128] /\ rest in [0, 1b-569] /\ REST in [0, 1b-569]
  -> v -/ V in +-bce_with_logits }

((wx + rest) - V) / V -> ((wx - WX) / WX) * (1 - REST / V) + (rest - REST) / V { V <> 0, WX <> 0 };
